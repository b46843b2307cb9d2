"""Charts stand on zero, fill their width, and say in words what they draw."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.trends.axes import count_axis, share_axis, time_axis
from listening.trends.change import Counts
from listening.trends.charts import HEIGHT, Slot, draw_share, draw_spark, draw_volume
from listening.trends.windows import make_window

numbers = st.integers(0, 500)
counts = st.builds(Counts, numbers, numbers, numbers, numbers)


def slots(*given: Counts) -> list[Slot]:
    return [Slot(f"hour {i}", one, url=f"/posts/{i}") for i, one in enumerate(given)]


@given(st.lists(counts, min_size=1, max_size=40))
def test_bars_stand_on_zero_and_are_as_high_as_their_counts(given: list[Counts]) -> None:
    chart = draw_volume(slots(*given), [])
    top = max(1, max(one.total for one in given))
    scale = [bar.segments for bar in chart.bars]
    per_mention = {round(part.height / getattr(one, part.sentiment), 1) for one, parts in zip(given, scale, strict=True) for part in parts}
    assert not per_mention or max(per_mention) - min(per_mention) <= 0.1
    for one, bar in zip(given, chart.bars, strict=True):
        foot = float(HEIGHT)
        for part in bar.segments:
            assert part.y + part.height == pytest.approx(foot, abs=0.01)
            foot = part.y
        assert foot >= -0.01
        assert bool(bar.segments) == bool(one.total)
    assert float(chart.y_ticks[0].y) == HEIGHT
    assert chart.y_ticks[0].label == "0"
    assert int(chart.y_ticks[-1].label.replace(",", "")) >= top


@given(st.lists(counts, min_size=1, max_size=60))
def test_strips_cover_the_whole_width_side_by_side(given: list[Counts]) -> None:
    bars = [(bar.slot_x, bar.slot_width) for bar in draw_volume(slots(*given), []).bars]
    dots = [(dot.slot_x, dot.slot_width) for dot in draw_share(slots(*given), []).dots]
    for strips in (bars, dots):
        assert strips[0][0] == 0
        assert sum(strips[-1]) == pytest.approx(100, abs=0.05)
        assert all(sum(one) == pytest.approx(two[0], abs=0.01) for one, two in pairwise(strips))


def test_a_bar_says_its_numbers() -> None:
    [bar] = draw_volume(slots(Counts(negative=1200, unsure=3)), []).bars
    assert bar.reading == "hour 0: 1,203 mentions: 1,200 negative, 3 unsure"


def test_the_hour_that_runs_says_so() -> None:
    [bar] = draw_volume([Slot("14:00", Counts(neutral=1), is_partial=True)], []).bars
    assert bar.reading == "14:00 (so far): 1 mention: 1 neutral"


def test_the_share_breaks_where_nothing_was_scored() -> None:
    chart = draw_share(slots(Counts(1, 1), Counts(unsure=5), Counts(2, 1), Counts(1, 4)), [])
    assert [dot.y is None for dot in chart.dots] == [False, True, False, False]
    assert chart.line.count("M") == chart.band.count("M") == 2
    assert chart.dots[1].reading == "hour 1: nothing was scored"
    assert chart.dots[2].reading == "hour 2: 67% negative (between 21% and 94%), 3 scored"


def test_the_share_stays_inside_its_band() -> None:
    chart = draw_share(slots(*(Counts(negative=i, neutral=10) for i in range(20))), [])
    upper, lower = _ys(chart.band)[:20], _ys(chart.band)[20:][::-1]
    for high, at, low in zip(upper, _ys(chart.line), lower, strict=True):
        assert high <= at <= low  # downwards on a screen


def _ys(path: str) -> list[float]:
    return [float(pair.split()[1]) for pair in path.strip("MZ").replace("L", "M").split("M")]


@pytest.mark.parametrize(
    ("highest", "labels"),
    [
        (0, ["0", "1"]),
        (1, ["0", "1"]),
        (3, ["0", "1", "2", "3"]),
        (7, ["0", "2", "4", "6", "8"]),
        (60, ["0", "20", "40", "60"]),
        (4_321, ["0", "2,000", "4,000", "6,000"]),
    ],
)
def test_counts_are_marked_in_steps_that_people_count_in(highest: int, labels: list[str]) -> None:
    assert [tick.label for tick in count_axis(highest)[1]] == labels


@given(st.integers(0, 10**9))
def test_an_axis_of_counts_holds_the_highest_and_few_ticks(highest: int) -> None:
    top, ticks = count_axis(highest)
    assert top >= highest
    assert 2 <= len(ticks) <= 6
    assert (ticks[0].at, ticks[-1].at) == (0, 1)


@given(st.floats(0, 1))
def test_an_axis_of_shares_holds_the_highest_and_begins_at_zero(highest: float) -> None:
    top, ticks = share_axis(highest)
    assert highest <= top <= 1
    assert ticks[0].label == "0%"


def test_hours_are_marked_with_the_clock_and_midnight_with_its_day() -> None:
    window = make_window(name="24h", now=datetime(2026, 11, 22, 9, 40, tzinfo=UTC), zone=ZoneInfo("Europe/Berlin"))
    labels = [tick.label for tick in time_axis(window.buckets, per="hour", zone=window.zone)]
    assert labels == ["12:00", "15:00", "18:00", "21:00", "Sun 22", "03:00", "06:00", "09:00"]


@pytest.mark.parametrize(("name", "first"), [("7d", "Mon 16"), ("30d", "26 Oct")])
def test_days_are_marked_as_people_call_them(name: str, first: str) -> None:
    window = make_window(name=name, now=datetime(2026, 11, 22, 9, 40, tzinfo=UTC), zone=UTC)
    assert time_axis(window.buckets, per=window.per, zone=UTC)[0].label == first


@pytest.mark.parametrize("days", [1, 2, 9, 14, 40, 90, 200, 366])
def test_an_axis_never_has_more_labels_than_fit(days: int) -> None:
    now = datetime(2026, 11, 22, 9, 40, tzinfo=UTC)
    first = datetime.fromordinal(now.date().toordinal() - days + 1).date().isoformat()
    for per in ["hour", "day"] if days <= 14 else ["day"]:
        window = make_window(name="custom", per=per, first_day=first, last_day="2026-11-22", now=now, zone=UTC)
        ticks = time_axis(window.buckets, per=window.per, zone=UTC)
        assert 1 <= len(ticks) <= 8


def test_a_spark_keeps_a_hairline_for_a_day_without_posts() -> None:
    spark = draw_spark([0, 5, 10], height=20)
    assert [height for *_, height in spark.bars] == [1, 10, 20]
    assert spark.reading == "0, 5, 10"
