"""Counts of mentions by hour, network, topic and sentiment: how they are appended, folded together and checked."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count

from listening.models import Mention, MentionTopic, Rollup
from socialdesk.lib.bulk import insert_rows
from socialdesk.lib.clock import start_of_hour

HOURS_AT_ONCE = 200  # hours of one topic that are folded in one transaction: short enough for nobody to wait


class Key(NamedTuple):
    """What one count is of. `hour` is UTC and whole; `topic_id` None means all mentions, whatever their topics."""

    hour: datetime
    network: str
    topic_id: int | None
    sentiment: str


def count_deltas(items: Iterable[tuple[datetime, str, str, Iterable[int]]], sign: int = 1) -> dict[Key, int]:
    """What `items` add to the counts (`sign=1`) or take away from them (`sign=-1`).

    Each item is one mention as `(posted_at, network, sentiment, topic_ids)`; `sentiment` is the one that counts
    (`Mention.sentiment`). Each counts once among all mentions and once for each different topic. Own posts are context,
    not mentions: leave them out. A correction, an edit or a change of topics takes the old state away and adds the new:

        append_deltas(count_deltas([before], sign=-1), count_deltas([after]))
    """
    deltas: Counter[Key] = Counter()
    for posted_at, network, sentiment, topic_ids in items:
        hour = start_of_hour(posted_at)
        deltas[Key(hour, network, None, sentiment)] += sign
        for topic_id in set(topic_ids):
            deltas[Key(hour, network, topic_id, sentiment)] += sign
    return dict(deltas)


def append_deltas(*deltas: Mapping[Key, int]) -> None:
    """Append the sum of `deltas`, one row for each key that changes. Call it in the transaction that changes the mentions."""
    total: Counter[Key] = Counter()
    for part in deltas:
        total.update(part)
    rows = [(*key, count) for key, count in total.items() if count]
    insert_rows(Rollup, ("hour", "network", "topic_id", "sentiment", "count"), rows)


def compact(*, before: datetime) -> int:
    """Fold rows with equal keys in hours earlier than `before` into one row each; gives the number of rows that this saved.

    The sums are the same at every moment, for everybody. It touches only rows that it has locked, so rows appended meanwhile
    wait for the next time, and what another compaction holds is left to it.
    """
    repeated = (
        Rollup.objects.filter(hour__lt=before)
        .values_list("topic_id", "hour", "network", "sentiment")
        .annotate(rows=Count("id"))
        .filter(rows__gt=1)
    )
    hours_by_topic: dict[int | None, set[datetime]] = defaultdict(set)
    for topic_id, hour, _network, _sentiment, _rows in repeated.iterator():
        hours_by_topic[topic_id].add(hour)
    saved = 0
    for topic_id, hours in hours_by_topic.items():
        ordered = sorted(hours)
        for start in range(0, len(ordered), HOURS_AT_ONCE):
            saved += _fold(topic_id, ordered[start : start + HOURS_AT_ONCE])
    return saved


@transaction.atomic
def _fold(topic_id: int | None, hours: list[datetime]) -> int:
    mine = Rollup.objects.filter(hour__in=hours)
    mine = mine.filter(topic__isnull=True) if topic_id is None else mine.filter(topic=topic_id)
    rows_by_key: dict[tuple[datetime, str, str], list[Rollup]] = defaultdict(list)
    for row in mine.select_for_update(skip_locked=True).order_by("id"):
        rows_by_key[row.hour, row.network, row.sentiment].append(row)
    changed: list[Rollup] = []
    spent: list[int] = []
    for rows in rows_by_key.values():
        total = sum(row.count for row in rows)
        kept, rest = (rows[:1], rows[1:]) if total else ([], rows)
        spent += [row.pk for row in rest]
        if kept and rest:
            kept[0].count = total
            changed += kept
    Rollup.objects.bulk_update(changed, ["count"], batch_size=500)
    Rollup.objects.filter(pk__in=spent).delete()
    return len(spent)


def recount(since: datetime, until: datetime) -> dict[Key, int]:
    """The counts of the hours from `since` to before `until`, from the mentions themselves: what the rollup must equal.

    Own posts do not count. A post that its author deleted was said, and goes on counting.
    """
    counts: Counter[Key] = Counter()
    for posted_at, network, sentiment in (
        Mention.objects.filter(posted_at__gte=since, posted_at__lt=until, is_own=False)
        .values_list("posted_at", "network", "sentiment")
        .iterator(chunk_size=5000)
    ):
        counts[Key(start_of_hour(posted_at), network, None, sentiment)] += 1
    for linked, posted_at, network, sentiment in (
        MentionTopic.objects.filter(mention__posted_at__gte=since, mention__posted_at__lt=until, mention__is_own=False)
        .values_list("topic_id", "mention__posted_at", "mention__network", "mention__sentiment")
        .iterator(chunk_size=5000)
    ):
        counts[Key(start_of_hour(posted_at), network, linked, sentiment)] += 1
    return dict(counts)


def read_counts(since: datetime, until: datetime) -> dict[Key, int]:
    """The same counts from the rollup: whole hours from `since` to before `until`, zeros left out."""
    counts: Counter[Key] = Counter()
    rows = Rollup.objects.filter(hour__gte=since, hour__lt=until).values_list("hour", "network", "topic_id", "sentiment", "count")
    for hour, network, topic_id, sentiment, count in rows.iterator(chunk_size=5000):
        counts[Key(hour, network, topic_id, sentiment)] += count
    return {key: count for key, count in counts.items() if count}
