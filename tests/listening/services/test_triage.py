"""Who asks for help, what is urgent, and the words that say why."""

from __future__ import annotations

import pytest

from listening.models import Priority
from listening.query import fold_text
from listening.services.triage import asks_for_help, find_priority


def priority(text, *, sentiment="negative", score=-0.4, followers=100, unanswered=1, is_addressed=True):
    return find_priority(
        folded=fold_text(text), sentiment=sentiment, score=score, followers=followers, unanswered=unanswered, is_addressed=is_addressed
    )


@pytest.mark.parametrize(
    "text",
    [
        "my battery is SMOKING", "Die Bremsen versagen!", "on a failli avoir un accident", "sale humo de la batería", "البطارية فيها دخان",
    ],
)  # fmt: skip
def test_danger_comes_first_in_every_language(text):
    level, reasons = priority(text, sentiment="unsure", score=0)
    assert level == Priority.URGENT
    assert reasons[0] == "somebody may get hurt"


@pytest.mark.parametrize(
    ("given", "level", "reason"),
    [
        ({"followers": 50_000}, Priority.HIGH, "seen by 50k followers"),
        ({"followers": 2_000_000}, Priority.HIGH, "seen by 2.0M followers"),
        ({"unanswered": 3}, Priority.HIGH, "wrote 3 times"),
        ({"score": -0.9}, Priority.HIGH, "very negative"),
        ({"score": -0.9, "followers": 50_000}, Priority.URGENT, "seen by"),
        ({}, Priority.NORMAL, "negative"),
        ({"sentiment": "positive", "score": 0.8}, Priority.LOW, "praise"),
        ({"sentiment": "neutral", "score": 0, "is_addressed": False}, Priority.LOW, "does not address us"),
    ],
)
def test_priority_says_why(given, level, reason):
    found, reasons = priority("the bike came late again", **given)
    assert found == level
    assert reason in reasons[0]


def test_praise_that_asks_something_is_not_put_last():
    assert priority("love it, how do I get a second one?", sentiment="positive", score=0.8)[0] == Priority.NORMAL


@pytest.mark.parametrize(
    "text",
    ["how do I unlock it", "anyone else locked out", "Hilfe, das Rad geht nicht", "il ne marche plus", "no funciona", "كيف أفتح القفل؟"],
)
def test_a_call_for_help_is_heard(text):
    assert asks_for_help(fold_text(text))


@pytest.mark.parametrize("text", ["lovely ride today", "schöne Fahrt", "la vie est belle", "helpful people"])
def test_what_asks_nothing_is_left_alone(text):
    assert not asks_for_help(fold_text(text))
