"""Whether two counts differ by more than chance: bands around them, and the rule for calling a change a change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from typing import Literal

Z95 = 1.959964  # standard normal quantile of a two-sided 95 % band
Direction = Literal["up", "down", "same", "unknown"]


@dataclass(frozen=True, slots=True)
class Counts:
    """Mentions by sentiment. `unsure` is a class of its own: the scorer could not read them, so they say nothing about mood."""

    negative: int = 0
    neutral: int = 0
    positive: int = 0
    unsure: int = 0

    @property
    def total(self) -> int:
        return self.negative + self.neutral + self.positive + self.unsure

    @property
    def scored(self) -> int:
        return self.negative + self.neutral + self.positive

    @property
    def negative_share(self) -> Band | None:
        """The part of the scored mentions that is negative, 0..1; None where nothing was scored."""
        return wilson(self.negative, self.scored) if self.scored else None

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.negative + other.negative, self.neutral + other.neutral, self.positive + other.positive, self.unsure + other.unsure
        )


@dataclass(frozen=True, slots=True)
class Band:
    """A figure and its 95 % band."""

    value: float
    low: float
    high: float

    @property
    def words(self) -> str:
        """A share with its range: "34% (30–38%)"."""
        return f"{percent(self.value)} ({100 * self.low:.0f}–{percent(self.high)})"

    def overlaps(self, other: Band) -> bool:
        return self.low <= other.high and other.low <= self.high


def percent(share: float) -> str:
    """A share of 0..1 as people read it."""
    return f"{100 * share:.0f}%"


def wilson(successes: int, trials: int) -> Band:
    """The share `successes / trials` with Wilson's 95 % band, which holds for few trials and for shares near 0 and 1.

    `trials` is at least 1 and `successes` within it, else ValueError.
    """
    if not 0 <= successes <= trials or trials == 0:
        raise ValueError(f"{successes} of {trials} is no share")
    share, z2 = successes / trials, Z95**2
    middle = (share + z2 / (2 * trials)) / (1 + z2 / trials)
    half = Z95 * sqrt(share * (1 - share) / trials + z2 / (4 * trials**2)) / (1 + z2 / trials)
    # Exactly 0 and 1 at the ends, where the sums only come near them.
    return Band(share, 0.0 if successes == 0 else middle - half, 1.0 if successes == trials else middle + half)


def volume_band(count: int, *, spread: float = 1.0) -> Band:
    """A number of mentions with the 95 % band of its expectation (score interval). `spread` is variance over mean: 1 is pure chance."""
    z2 = Z95**2 * spread
    half = sqrt(z2 * (count + z2 / 4))
    return Band(count, max(0.0, count + z2 / 2 - half), count + z2 / 2 + half)


def measure_spread(counts: Sequence[int]) -> float:
    """How much bumpier than chance a series is: variance over mean, at least 1.

    From differences of neighbours, so that a slow rise over the day does not pass for noise. Posts come in bursts: without this, every
    burst would be called a trend.
    """
    ratios = [(a - b) ** 2 / (a + b) for a, b in pairwise(counts) if a + b]
    return max(1.0, sum(ratios) / len(ratios)) if ratios else 1.0


def compare(now: Band | None, before: Band | None) -> Direction:
    """ "up" or "down" only if the two bands do not touch; "same" if they do; "unknown" where there is nothing to compare."""
    if now is None or before is None:
        return "unknown"
    if now.overlaps(before):
        return "same"
    return "up" if now.value > before.value else "down"
