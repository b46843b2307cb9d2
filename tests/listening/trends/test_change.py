"""Bands are Wilson's, and nothing inside a band is called a change."""

from __future__ import annotations

from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.trends.change import Band, Counts, compare, measure_spread, volume_band, wilson

trials = st.integers(1, 100_000)
shares = trials.flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("successes", "of", "low", "high"),
    # Worked examples: Newcombe 1998 (81 of 263), R's prop.test(x, n, correct = FALSE) for the rest.
    [(0, 10, 0.0, 0.2775), (1, 10, 0.0179, 0.4042), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_band_has_the_published_values(successes: int, of: int, low: float, high: float) -> None:
    band = wilson(successes, of)
    assert isclose(band.low, low, abs_tol=5e-5)
    assert isclose(band.high, high, abs_tol=5e-5)


@given(shares)
def test_a_share_lies_in_its_band_and_the_band_in_0_to_1(share: tuple[int, int]) -> None:
    band = wilson(*share)
    assert 0 <= band.low <= band.value <= band.high <= 1


@pytest.mark.parametrize(("successes", "of"), [(0, 0), (2, 1), (-1, 3)])
def test_what_is_no_share_is_refused(successes: int, of: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(successes, of)


@given(shares, shares)
def test_shares_whose_bands_touch_are_never_called_changed(one: tuple[int, int], two: tuple[int, int]) -> None:
    now, before = wilson(*one), wilson(*two)
    touching = now.low <= before.high and before.low <= now.high
    assert (compare(now, before) == "same") == touching
    if not touching:
        assert compare(now, before) == ("up" if now.value > before.value else "down")


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.floats(1, 50))
def test_volumes_whose_bands_touch_are_never_called_changed(one: int, two: int, spread: float) -> None:
    now, before = volume_band(one, spread=spread), volume_band(two, spread=spread)
    assert now.low <= one <= now.high
    if compare(now, before) != "same":
        assert now.high < before.low or before.high < now.low


def test_nothing_to_compare_with_is_no_change() -> None:
    assert compare(None, wilson(1, 2)) == compare(wilson(1, 2), None) == "unknown"


def test_a_change_is_seen_where_there_are_enough_posts() -> None:
    assert compare(wilson(400, 1000), wilson(200, 1000)) == "up"
    assert compare(wilson(4, 10), wilson(2, 10)) == "same"
    assert compare(volume_band(300), volume_band(200)) == "up"


def test_a_bumpy_past_asks_for_more() -> None:
    spread = measure_spread([2, 90, 1, 70, 3, 110])
    assert spread > 30
    assert compare(volume_band(300, spread=spread), volume_band(200, spread=spread)) == "same"


@pytest.mark.parametrize("calm", [[], [5], [10, 10, 10, 10], [0, 0, 0]])
def test_a_calm_past_counts_as_chance_alone(calm: list[int]) -> None:
    assert measure_spread(calm) == 1


def test_a_slow_rise_is_not_taken_for_noise() -> None:
    assert measure_spread(list(range(100, 200))) == 1


def test_unsure_says_nothing_about_the_negative_share() -> None:
    assert Counts(negative=2, neutral=2, unsure=96).negative_share == wilson(2, 4)
    assert Counts(unsure=96).negative_share is None
    assert Counts(unsure=96).total == 96


def test_a_band_is_written_with_its_range() -> None:
    assert Band(0.34, 0.301, 0.379).words == "34% (30–38%)"
