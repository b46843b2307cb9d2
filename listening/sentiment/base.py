"""What a scorer takes and gives: a score, the account of it word by word, and the protocol that every scorer keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Guess = Literal["negative", "neutral", "positive"]
Label = Literal["negative", "neutral", "positive", "unsure"]


@dataclass(frozen=True, slots=True)
class Part:
    """One word's signed contribution. `text` is `original[start:end]`; `weight` is on VADER's scale, about -4 to 4.

    `note` says in plain words what made the weight what it is. A part that stands for the whole post has an empty span.
    """

    text: str
    start: int
    end: int
    weight: float
    note: str


@dataclass(frozen=True, slots=True)
class Score:
    """How a text feels: `score` -1 to 1, `confidence` 0 to 1, the share of such texts whose `guess` is right.

    `label` is `unsure` where the scorer would rather not say; `guess` is what it would have said then. `language` is a BCP 47
    primary subtag, "" where it could not be told. `scorer` and `version` name what made the score, so that it can be made again.
    """

    score: float
    label: Label
    confidence: float
    language: str
    scorer: str
    version: str
    guess: Guess


@dataclass(frozen=True, slots=True)
class Explanation:
    """A score, the parts that add up to it, and the reasons as sentences for the agent."""

    score: Score
    parts: list[Part]
    reasons: list[str]


class Scorer(Protocol):
    """Anything that can judge a text. Safe to share between threads; no text makes it raise."""

    name: str
    version: str

    def score(self, text: str, *, language: str = "") -> Score:
        """Judge one text. `language` is what the network said, "" if it said nothing."""
        ...

    def score_many(self, texts: Sequence[tuple[str, str]]) -> list[Score]:
        """Judge pairs of (text, language), in their order."""
        ...

    def explain(self, text: str, *, language: str = "") -> Explanation:
        """The same score as `score`, with each word's part."""
        ...
