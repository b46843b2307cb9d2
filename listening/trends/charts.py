"""The geometry of the charts: where each bar, line and band lies. Templates draw it as SVG; nothing here knows a colour.

Horizontal places are percentages, so that a chart fills whatever width there is while its text keeps its size. Vertical places are
pixels of a plot of fixed height. A point knows its words and its link too: what is drawn, said and opened is one thing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import attrgetter

from listening.trends.axes import Tick, count_axis, share_axis
from listening.trends.change import Band, Counts, percent

HEIGHT = 200  # pixels between foot and top of a plot
LINE_WIDTH = 1000  # a line's own units from the left to the right edge, stretched to the width of the plot
STACK = ("negative", "neutral", "unsure", "positive")  # from the foot: what is looked for most stands on the common base


@dataclass(frozen=True, slots=True)
class Slot:
    """What a chart is told about one bucket. `name` says when, as "Mon 16 Nov, 14:00"; `url` opens its posts; `span` is its width
    among the others."""

    name: str
    counts: Counts
    url: str = ""
    is_partial: bool = False
    span: int = 1


@dataclass(frozen=True, slots=True)
class Segment:
    sentiment: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Stretch:
    """A segment of a bar that lies: percent of the longest bar, from the left."""

    sentiment: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bucket's stack. `x` and `width` are of the bar, `slot_x` and `slot_width` of the strip that is hovered and clicked."""

    slot: Slot
    slot_x: float
    slot_width: float
    x: float
    width: float
    segments: list[Segment]
    reading: str


@dataclass(frozen=True, slots=True)
class VolumeChart:
    """Stacked bars from zero: how many mentions, and of which sentiment."""

    height: int
    bars: list[Bar]
    y_ticks: list[YTick]
    x_ticks: list[XTick]
    classes: list[tuple[str, int]]  # the sentiments that occur, in stacking order, with their sums


@dataclass(frozen=True, slots=True)
class YTick:
    y: float
    label: str


@dataclass(frozen=True, slots=True)
class XTick:
    x: float
    label: str
    is_minor: bool


@dataclass(frozen=True, slots=True)
class Dot:
    """One bucket's share on the line. `y` is None where nothing was scored."""

    slot: Slot
    slot_x: float
    slot_width: float
    x: float
    y: float | None
    label: str
    reading: str


@dataclass(frozen=True, slots=True)
class ShareChart:
    """The negative share over time with its 95 % band. Paths are in LINE_WIDTH x height units; breaks where nothing was scored."""

    height: int
    dots: list[Dot]
    line: str
    band: str
    y_ticks: list[YTick]
    x_ticks: list[XTick]
    usual: YTick | None  # the share of the window before
    last: Dot | None  # the newest one with a share, for the label at the end of the line


@dataclass(frozen=True, slots=True)
class Spark:
    """A chart the size of a word: bars as (x, y, width, height) in a box of `width` x `height` pixels, and the numbers in words."""

    width: int
    height: int
    bars: list[tuple[float, float, float, float]]
    reading: str


def draw_spark(counts: Sequence[int], *, width: int = 84, height: int = 24) -> Spark:
    """The newest number last, all of them over the same zero. A zero leaves a hairline, so that the days can be counted."""
    step, top = width / max(len(counts), 1), max([*counts, 1])
    bars = []
    for i, count in enumerate(counts):
        tall = max(1.0, height * count / top)
        bars.append((_round(i * step), _round(height - tall), _round(step - 2), _round(tall)))
    return Spark(width, height, bars, ", ".join(f"{count:,}" for count in counts))


def draw_volume(slots: Sequence[Slot], ticks: Sequence[Tick], *, height: int = HEIGHT) -> VolumeChart:
    """A chart of `slots` from left to right, over an axis with `ticks`."""
    top, y_ticks = count_axis(max((slot.counts.total for slot in slots), default=0))
    step = 100 / max(len(slots), 1)
    gap = step * (0.2 if len(slots) <= 60 else 0.1)
    bars = [
        Bar(
            slot=slot,
            slot_x=_round(i * step),
            slot_width=_round(step),
            x=_round(i * step + gap / 2),
            width=_round(step - gap),
            segments=list(_stack(slot.counts, top, height)),
            reading=read_volume(slot),
        )
        for i, slot in enumerate(slots)
    ]
    total = sum((slot.counts for slot in slots), Counts())
    classes = [(sentiment, getattr(total, sentiment)) for sentiment in STACK if getattr(total, sentiment)]
    return VolumeChart(height, bars, _place(y_ticks, height), _spread(ticks), classes)


def draw_share(slots: Sequence[Slot], ticks: Sequence[Tick], *, usual: Band | None = None, height: int = HEIGHT) -> ShareChart:
    """A chart of the negative share of `slots`; `usual` is that of the window before, drawn as a line to compare with."""
    bands = [slot.counts.negative_share for slot in slots]
    top, y_ticks = share_axis(max([band.high for band in bands if band] + ([usual.value] if usual else []), default=0))
    step = 100 / max(sum(slot.span for slot in slots), 1)
    starts = list(accumulate((slot.span for slot in slots), initial=0))
    dots = [
        Dot(
            slot=slot,
            slot_x=_round(start * step),
            slot_width=_round(slot.span * step),
            x=_round((start + slot.span / 2) * step),
            y=_y(band.value, top, height) if band else None,
            label=percent(band.value) if band else "",
            reading=read_share(slot),
        )
        for start, slot, band in zip(starts, slots, bands, strict=False)
    ]
    lines, areas = [], []
    for run in _runs(dots, bands):
        spots = [(LINE_WIDTH / 100 * dot.x, band) for dot, band in run]
        if len(run) == 1:  # a lone point still has a band to show
            (x, band), half = spots[0], LINE_WIDTH / 400 * run[0][0].slot_width
            spots = [(x - half, band), (x + half, band)]
        lines.append(_path([(x, _y(band.value, top, height)) for x, band in spots]))
        upper, lower = ([(x, _y(edge(band), top, height)) for x, band in spots] for edge in (attrgetter("high"), attrgetter("low")))
        areas.append(_path(upper + lower[::-1]) + "Z")
    return ShareChart(
        height=height,
        dots=dots,
        line="".join(lines),
        band="".join(areas),
        y_ticks=_place(y_ticks, height),
        x_ticks=_spread(ticks),
        usual=YTick(_y(usual.value, top, height), percent(usual.value)) if usual else None,
        last=next((dot for dot in reversed(dots) if dot.y is not None), None),
    )


def read_volume(slot: Slot) -> str:
    """A bar in words, for screen readers, the line above the chart and hovering."""
    counts = slot.counts
    parts = ", ".join(f"{getattr(counts, sentiment):,} {sentiment}" for sentiment in STACK if getattr(counts, sentiment))
    number = f"{counts.total:,} {'mention' if counts.total == 1 else 'mentions'}"
    return f"{slot.name}{' (so far)' if slot.is_partial else ''}: {number}{f': {parts}' if parts else ''}"


def read_share(slot: Slot) -> str:
    """A point of the share's line in words."""
    band, name = slot.counts.negative_share, f"{slot.name}{' (so far)' if slot.is_partial else ''}"
    if band is None:
        return f"{name}: nothing was scored"
    return f"{name}: {percent(band.value)} negative (between {percent(band.low)} and {percent(band.high)}), {slot.counts.scored:,} scored"


def stretch(counts: Counts, longest: int) -> Iterator[Stretch]:
    """The segments of one lying bar, where `longest` mentions fill the whole width."""
    before = 0
    for sentiment in STACK:
        count = getattr(counts, sentiment)
        if count:
            yield Stretch(sentiment, _round(100 * before / longest), _round(100 * count / longest))
            before += count


def _stack(counts: Counts, top: float, height: int) -> Iterator[Segment]:
    below = 0
    for sentiment in STACK:
        count = getattr(counts, sentiment)
        if count:
            below += count
            yield Segment(sentiment, _y(below, top, height), _round(count / top * height))


def _runs(dots: Sequence[Dot], bands: Sequence[Band | None]) -> Iterator[list[tuple[Dot, Band]]]:
    """Neighbours that all have a share."""
    for is_there, run in groupby(zip(dots, bands, strict=True), key=lambda pair: pair[1] is not None):
        if is_there:
            yield [(dot, band) for dot, band in run if band is not None]


def _place(ticks: Sequence[Tick], height: int) -> list[YTick]:
    return [YTick(_round(height * (1 - tick.at)), tick.label) for tick in ticks]


def _spread(ticks: Sequence[Tick]) -> list[XTick]:
    return [XTick(_round(100 * tick.at), tick.label, tick.is_minor) for tick in ticks]


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _y(value: float, top: float, height: int) -> float:
    return _round(height * (1 - value / top))


def _round(number: float) -> float:
    return round(number, 3)
