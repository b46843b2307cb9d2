"""Axes with steps that people count in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import ceil, log10

from listening.trends.windows import Bucket, Per

MOST_LABELS = 8  # below a chart on a wide screen; a narrow one leaves out every second, marked as minor


@dataclass(frozen=True, slots=True)
class Tick:
    """A labelled place on an axis. `at` is a share of its length, 0..1 from the start or the foot."""

    at: float
    label: str
    is_minor: bool = False


def count_axis(highest: float, *, steps: int = 4) -> tuple[float, list[Tick]]:
    """The top of an axis of counts from zero, and its ticks: 1, 2 or 5 times a power of ten apart, never parts of one."""
    rough = max(highest, 1) / steps
    power = 10 ** int(log10(rough)) if rough >= 1 else 1
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    top = step * ceil(max(highest, 1) / step)
    return top, [Tick(step * i / top, f"{step * i:,}") for i in range(top // step + 1)]


def share_axis(highest: float) -> tuple[float, list[Tick]]:
    """The top of an axis of shares from zero, and its ticks in whole percent. `highest` is 0..1."""
    step, top = next((step, top) for step, top in ((5, 20), (10, 40), (20, 60), (20, 80), (25, 100)) if 100 * highest <= top)
    return top / 100, [Tick(percent / top, f"{percent}%") for percent in range(0, top + 1, step)]


def time_axis(buckets: list[Bucket], *, per: Per, zone: tzinfo) -> list[Tick]:
    """Labels below the middle of their buckets: whole hours of the day, week days, Mondays or months, whichever fit."""
    if not buckets:
        return []
    starts = [bucket.start.astimezone(zone) for bucket in buckets]
    chosen = _choose_hours(starts) if per == "hour" else _choose_days(starts)
    return [Tick((index + 0.5) / len(buckets), label, is_minor=bool(place % 2)) for place, (index, label) in enumerate(chosen)]


def _choose_hours(starts: list[datetime]) -> list[tuple[int, str]]:
    for step in (1, 2, 3, 6, 12):
        chosen = [(i, _hour_label(start)) for i, start in enumerate(starts) if start.hour % step == 0]
        if len(chosen) <= MOST_LABELS:
            return chosen
    midnights = [(i, _hour_label(start)) for i, start in enumerate(starts) if start.hour == 0]
    return midnights[:: ceil(len(midnights) / MOST_LABELS)]


def _hour_label(start: datetime) -> str:
    return f"{start:%a} {start.day}" if start.hour == 0 else f"{start:%H:%M}"


def _choose_days(starts: list[datetime]) -> list[tuple[int, str]]:
    if len(starts) <= MOST_LABELS:
        return [(i, f"{start:%a} {start.day}") for i, start in enumerate(starts)]
    mondays = [(i, f"{start.day} {start:%b}") for i, start in enumerate(starts) if start.weekday() == 0]
    if len(mondays) <= MOST_LABELS:
        return mondays
    firsts = [(i, f"{start:%b}") for i, start in enumerate(starts) if start.day == 1]
    return firsts[:: ceil(len(firsts) / MOST_LABELS)]
