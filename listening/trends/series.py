"""The figures of a trends page, read from the rollup: a point for each bucket, the sums, and the parts by topic and network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet, Sum

from listening.models import Rollup, Topic
from listening.trends.change import Band, Counts, Direction, compare, measure_spread, volume_band
from listening.trends.filters import Filters, Narrowing
from listening.trends.windows import HOUR, Bucket, Window
from socialdesk.lib.clock import start_of_hour
from socialdesk.networks.registry import NETWORKS


@dataclass(frozen=True, slots=True)
class Point:
    bucket: Bucket
    counts: Counts


@dataclass(frozen=True, slots=True)
class Comparison:
    """The whole hours of a window against the same hours of the window before, with a band around each volume."""

    now: Counts
    before: Counts
    spread: float

    @property
    def volume(self) -> Band:
        return volume_band(self.now.total, spread=self.spread)

    @property
    def volume_before(self) -> Band:
        return volume_band(self.before.total, spread=self.spread)

    @property
    def volume_direction(self) -> Direction:
        return compare(self.volume, self.volume_before)

    @property
    def share_direction(self) -> Direction:
        return compare(self.now.negative_share, self.before.negative_share)


@dataclass(frozen=True, slots=True)
class Part:
    """One topic or one network. `total` holds the running hour too; the comparison does not."""

    key: str
    label: str
    total: Counts
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that the page shows. Posts with several topics count once in each of `topics`, once in all else."""

    filters: Filters
    points: list[Point]
    total: Counts
    comparison: Comparison
    topics: list[Part]
    networks: list[Part]


def read_report(filters: Filters, *, topics: Iterable[Topic]) -> Report:
    """The page's figures in three queries, however long the window. `topics` are those to split by, where none is chosen."""
    window, narrowing = filters.window, filters.narrowing
    by_hour = _read_hours(narrowing, window.before[0], window.until)
    points = [Point(bucket, _sum(by_hour, bucket.start, bucket.end)) for bucket in window.buckets]
    spread = _measure_spread(by_hour, window)
    comparison = Comparison(_sum(by_hour, window.since, window.complete_until), _sum(by_hour, *window.before), spread)
    names = {} if narrowing.topic else {str(topic.pk): topic.name for topic in topics}
    by_topic = Rollup.objects.filter(topic__in=[int(key) for key in names], **narrowing.columns)
    labels = {} if narrowing.network else {key: network.label for key, network in NETWORKS.items()}
    return Report(
        filters=filters,
        points=points,
        total=sum((point.counts for point in points), Counts()),
        comparison=comparison,
        topics=_read_parts(by_topic, "topic_id", names, window, spread) if names else [],
        networks=_read_parts(_find(narrowing), "network", labels, window, spread) if labels else [],
    )


def count_mentions(narrowing: Narrowing, since: datetime, until: datetime) -> int | None:
    """How many mentions there are from `since` to before `until`; None if these are not whole hours, which alone are counted."""
    if since != start_of_hour(since) or until != start_of_hour(until):
        return None
    count: int = _find(narrowing).filter(hour__gte=since, hour__lt=until).aggregate(n=Sum("count", default=0))["n"]
    return count


def read_days(*, topics: Iterable[Topic], window: Window) -> dict[int, list[Point]]:
    """For each topic its points over `window`: one query for all of them."""
    ids = [topic.pk for topic in topics]
    hours: dict[int, dict[datetime, Counts]] = defaultdict(dict)
    rows = (
        Rollup.objects.filter(topic__in=ids, hour__gte=window.since, hour__lt=window.until)
        .values_list("topic_id", "hour", "sentiment")
        .annotate(n=Sum("count"))
    )
    for topic_id, hour, sentiment, count in rows:
        if topic_id is not None:
            hours[topic_id][hour] = hours[topic_id].get(hour, Counts()) + _counts(sentiment, count)
    buckets = window.buckets
    return {pk: [Point(bucket, _sum(hours[pk], bucket.start, bucket.end)) for bucket in buckets] for pk in ids}


def _read_hours(narrowing: Narrowing, since: datetime, until: datetime) -> dict[datetime, Counts]:
    rows = _find(narrowing).filter(hour__gte=since, hour__lt=until).values_list("hour", "sentiment").annotate(n=Sum("count"))
    by_hour: dict[datetime, Counts] = {}
    for hour, sentiment, count in rows:
        by_hour[hour] = by_hour.get(hour, Counts()) + _counts(sentiment, count)
    return by_hour


def _read_parts(rows: QuerySet[Rollup], column: str, labels: dict[str, str], window: Window, spread: float) -> list[Part]:
    """Largest first, parts without any mention in either window left out."""
    since, until = window.before
    inside = Q(hour__gte=window.since)
    sums = (
        rows.filter(hour__gte=since, hour__lt=window.until)
        .values_list(column, "sentiment")
        .annotate(
            total=Sum("count", filter=inside, default=0),
            now=Sum("count", filter=inside & Q(hour__lt=window.complete_until), default=0),
            before=Sum("count", filter=Q(hour__lt=until), default=0),
        )
    )
    total: dict[str, Counts] = defaultdict(Counts)
    now: dict[str, Counts] = defaultdict(Counts)
    before: dict[str, Counts] = defaultdict(Counts)
    for key, sentiment, *numbers in sums:
        for counts, number in zip((total, now, before), numbers, strict=True):
            counts[str(key)] += _counts(sentiment, number)
    parts = [
        Part(key, label, total[key], Comparison(now[key], before[key], spread))
        for key, label in labels.items()
        if total[key].total or before[key].total
    ]
    return sorted(parts, key=lambda part: (-part.total.total, part.label))


def _find(narrowing: Narrowing) -> QuerySet[Rollup]:
    rows = Rollup.objects.filter(**narrowing.columns)
    return rows.filter(topic=narrowing.topic) if narrowing.topic else rows.filter(topic__isnull=True)


def _measure_spread(by_hour: dict[datetime, Counts], window: Window) -> float:
    """How bumpy the window before was, in the steps that the page shows: what counts as usual comes from there."""
    steps: dict[object, int] = {}
    hour = window.before[0]
    while hour < window.since:
        step: object = hour if window.per == "hour" else hour.astimezone(window.zone).date()
        steps[step] = steps.get(step, 0) + (by_hour[hour].total if hour in by_hour else 0)
        hour += HOUR
    return measure_spread(list(steps.values()))


def _sum(by_hour: dict[datetime, Counts], since: datetime, until: datetime) -> Counts:
    total, hour = Counts(), since
    while hour < until:
        if hour in by_hour:
            total += by_hour[hour]
        hour += HOUR
    return total


def _counts(sentiment: str, count: int) -> Counts:
    return Counts(**{sentiment: count})
