"""How often the scorer is right on real posts, held against vaderSentiment in the same run."""

from __future__ import annotations

import csv
import os
import warnings
from collections import Counter
from pathlib import Path

import pytest

from listening.sentiment import get_scorer
from socialdesk.management.commands.score_texts import measure

from .strategies import ANALYZER

SHARED_DATA = Path(__file__).parents[4] / "shared" / "data"


def labelled(name: str) -> list[tuple[str, str]]:
    """(text, label) of a shared file; empty, with a warning, in a clone without the data. In CI it has to be there."""
    path = SHARED_DATA / name
    if not path.is_file():
        assert not os.environ.get("CI"), f"in CI the real posts have to be in {SHARED_DATA}"
        warnings.warn(f"not applicable here: {path} is not there, so quality was not measured", stacklevel=2)
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [(row["text"], row["sentiment"]) for row in csv.DictReader(file)]


def ours(rows: list[tuple[str, str]]) -> dict[str, float]:
    scores = get_scorer().score_many([(text, "") for text, _ in rows])
    return measure(Counter((label, score.guess, score.label != "unsure") for (_, label), score in zip(rows, scores, strict=True)))


def vaders(rows: list[tuple[str, str]]) -> dict[str, float]:
    results: Counter[tuple[str, str, bool]] = Counter()
    for text, label in rows:
        score = ANALYZER.polarity_scores(text)["compound"]
        results[label, "negative" if score <= -0.05 else "positive" if score >= 0.05 else "neutral", True] += 1
    return measure(results)


def test_posts_to_companies_are_judged_far_better_than_by_vader_alone() -> None:
    if rows := labelled("airline_dev.csv"):
        desk, vader = ours(rows), vaders(rows)
        assert vader["accuracy"] < 0.5
        assert desk["accuracy"] > 0.73
        assert desk["macro_f1"] > 0.68
        assert desk["macro_recall"] > 0.70
        assert desk["accuracy_where_sure"] > 0.77
        assert desk["coverage"] > 0.88


@pytest.mark.parametrize("name", ["tweeteval_sentiment_val.csv", "brands_dev.csv"])
def test_general_posts_are_judged_no_worse_than_by_vader_alone(name: str) -> None:
    if rows := labelled(name):
        desk, vader = ours(rows), vaders(rows)
        assert [key for key in ("accuracy", "macro_f1", "macro_recall") if desk[key] < vader[key]] == []


def test_english_posts_are_almost_never_unsure_for_their_language() -> None:
    if rows := labelled("airline_dev.csv"):
        languages = Counter(score.language for score in get_scorer().score_many([(text, "") for text, _ in rows]))
        assert languages["en"] > 0.997 * len(rows)
