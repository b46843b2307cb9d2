"""A report made ready to be shown: charts, table and parts, each figure with its words and the link to its posts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from django.urls import reverse

from listening.trends.axes import time_axis
from listening.trends.change import Band, Counts
from listening.trends.charts import ShareChart, Slot, Stretch, VolumeChart, draw_share, draw_volume, stretch
from listening.trends.filters import Narrowing
from listening.trends.series import Comparison, Part, Point, Report
from listening.trends.windows import HOUR, Bucket, Per, Window

ENOUGH = 20  # scored posts that a point of the share's line should stand for on average
FEWEST_POINTS = 5
POOL_SIZES: dict[Per, tuple[int, ...]] = {"hour": (2, 3, 6, 12, 24), "day": (2, 7, 14, 28)}


@dataclass(frozen=True, slots=True)
class Pooled:
    """Points in groups of `size`; the last group may be smaller."""

    size: int
    groups: list[Sequence[Point]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table behind the charts. `url` opens its posts, `share` is the negative one."""

    name: str
    is_partial: bool
    counts: Counts
    share: Band | None
    url: str


@dataclass(frozen=True, slots=True)
class PartLine:
    """One topic or network. Its bar's segments are in percent of the longest bar; `trend_url` narrows the page to it."""

    label: str
    counts: Counts
    share: Band | None
    segments: list[Stretch]
    change: str
    posts_url: str
    trend_url: str


@dataclass(frozen=True, slots=True)
class Figures:
    volume: VolumeChart
    share: ShareChart | None  # None where one sentiment is chosen: its share of itself says nothing
    share_per: str  # "day", "6 hours": so long that a point stands for enough posts
    rows: list[Row]
    topics: list[PartLine]
    networks: list[PartLine]


def make_figures(report: Report) -> Figures:
    """All that `listening/trends.html` draws."""
    window, narrowing = report.filters.window, report.filters.narrowing
    slots = [_slot([point], narrowing, window) for point in report.points]
    ticks = time_axis([point.bucket for point in report.points], per=window.per, zone=window.zone)
    pooled = pool(report.points, per=window.per)
    share_slots = [_slot(group, narrowing, window) for group in pooled.groups]
    share = None if narrowing.sentiment else draw_share(share_slots, ticks, usual=report.comparison.before.negative_share)
    return Figures(
        volume=draw_volume(slots, ticks),
        share=share if share and share.last else None,
        share_per=_name_step(pooled.size, window.per),
        rows=[Row(slot.name, slot.is_partial, slot.counts, slot.counts.negative_share, slot.url) for slot in reversed(slots)],
        topics=_part_lines(report, report.topics, "topic"),
        networks=_part_lines(report, report.networks, "network"),
    )


def posts_url(narrowing: Narrowing, since: datetime, until: datetime, **changes: str) -> str:
    """Where the mentions of a figure are listed."""
    return f"{reverse('trends_posts')}?{narrowing.posts_query(since, until, **changes)}"


def name_bucket(bucket: Bucket, *, per: Per, zone: tzinfo, today: datetime) -> str:
    """When a bucket is, as people say it: "Mon 16 Nov, 14:00" or "Mon 16 Nov", with the year where it is another one."""
    start = bucket.start.astimezone(zone)
    day = f"{start:%a} {start.day} {start:%b}" + (f" {start.year}" if start.year != today.astimezone(zone).year else "")
    if per == "day":
        return day
    # When clocks go back an hour comes twice: then the zone's name tells which.
    twice = start.replace(fold=1 - start.fold).utcoffset() != start.utcoffset()
    return f"{day}, {start:%H:%M}{f' {start.tzname()}' if twice else ''}"


def name_stretch(since: datetime, until: datetime, *, zone: tzinfo) -> str:
    """A stretch of time for a heading, its end included as people say it: an hour, a day, or from when to when."""
    start, end = since.astimezone(zone), until.astimezone(zone)
    day = f"{start:%A} {start.day} {start:%B %Y}"
    if until - since <= HOUR:
        return f"{day}, {start:%H:%M} to {end:%H:%M}"
    last = (until - timedelta(microseconds=1)).astimezone(zone)
    whole_days = start.hour == start.minute == end.hour == end.minute == 0
    if whole_days:
        return day if start.date() == last.date() else f"{start.day} {start:%B %Y} to {last.day} {last:%B %Y}"
    return f"{start.day} {start:%B %Y, %H:%M} to {end.day} {end:%B %Y, %H:%M}"


def pool(points: Sequence[Point], *, per: Per) -> Pooled:
    """Neighbouring points put together until they stand for enough posts on average, as long as some are left to make a line.

    A share of two posts leaps between 0 and 100%: a line through such points would show changes where there are none.
    """
    scored = sum(point.counts.scored for point in points)
    size = 1
    for larger in POOL_SIZES[per]:
        if scored * size >= ENOUGH * len(points) or len(points) < larger * FEWEST_POINTS:
            break
        size = larger
    return Pooled(size, [points[at : at + size] for at in range(0, len(points), size)])


def _name_step(size: int, per: Per) -> str:
    if size == 1:
        return per
    return {(24, "hour"): "day", (7, "day"): "week"}.get((size, per), f"{size} {per}s")


def _slot(group: Sequence[Point], narrowing: Narrowing, window: Window) -> Slot:
    first, last = group[0].bucket, group[-1].bucket
    name = name_bucket(first, per=window.per, zone=window.zone, today=window.now)
    if len(group) > 1:
        end = last.end.astimezone(window.zone)
        name += f" to {end:%H:%M}" if window.per == "hour" else f" to {name_bucket(last, per='day', zone=window.zone, today=window.now)}"
    counts = sum((point.counts for point in group), Counts())
    return Slot(name, counts, posts_url(narrowing, first.start, last.end), last.is_partial, span=len(group))


def _part_lines(report: Report, parts: Sequence[Part], parameter: str) -> list[PartLine]:
    filters = report.filters
    longest = max((part.total.total for part in parts), default=0) or 1
    return [
        PartLine(
            label=part.label,
            counts=part.total,
            share=None if filters.narrowing.sentiment else part.total.negative_share,
            segments=list(stretch(part.total, longest)),
            change=_change_words(part.comparison) if report.comparison.before.total else "",
            posts_url=posts_url(filters.narrowing, filters.window.since, filters.window.until, **{parameter: part.key}),
            trend_url=f"{reverse('trends')}?{filters.as_query(**{parameter: part.key})}",
        )
        for part in parts
    ]


def _change_words(comparison: Comparison) -> str:
    """A part against the window before, in a word: only what lies beyond its band is called more or fewer."""
    before = comparison.before.total
    if comparison.volume_direction == "up":
        return f"more than before ({before:,})"
    if comparison.volume_direction == "down":
        return f"fewer than before ({before:,})"
    return f"no clear change ({before:,})"
