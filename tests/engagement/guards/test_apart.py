"""A company's own numbers, however their letters and digits are put together, and what only resembles them."""

from __future__ import annotations

import pytest

from engagement.guards import own
from engagement.guards.apart import ways_to_read
from engagement.guards.reading import read
from tests.engagement.guards.company import Facts, check


def numbers(text: str, pattern: str) -> list[str]:
    company = Facts(own_patterns=({"name": "Contract", "pattern": pattern},))
    findings = check(text, company=company)
    return [text[finding.start : finding.end] for finding in findings if finding.advice.startswith("Contract leads")]


@pytest.mark.parametrize("pattern", [r"\bRC\d{8}\b", r"\bRC-?\d{8}\b", r"\bRC-\d{8}\b", r"\bRC \d{8}\b", r"\bRC\s\d{8}\b"])
@pytest.mark.parametrize(
    "written",
    [
        *("RC40017725", "RC 40017725", "RC-40017725", "rc 40017725", "RC–40017725", "RC\u00a040017725"),
        *("RC - 40017725", "RC: 40017725", "RC#40017725", "RC_40017725", "RC 4001 7725", "RC4001-7725", "RC 40 01 77 25", "٤٠٠١٧٧٢٥ RC"),
    ],
)
def test_a_number_is_found_however_it_is_put_together(written, pattern):
    if written.endswith("RC"):
        pattern = r"\b\d{8}RC\b"
    assert numbers(f"I merged {written} into your plan, 14 days ago.", pattern) == [written]


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("It was seen by 302118 riders", r"\b[A-Z]{2}\d{6}\b"),
        ("That is EUR 1500 for two", r"\b[A-Z]{3}\d{4}\b"),
        ("RC 4 and 17725 more", r"\bRC\d{6}\b"),
        ("Dock RC\n40017725 rides", r"\bRC\d{8}\b"),
        ("12 345 678 km were ridden", r"\b\d{8}\b"),
        ("See https://tidewheel.example/rc/40017725", r"\bRC\d{8}\b"),
    ],
)
def test_what_only_stands_side_by_side_is_no_number(text, pattern):
    assert numbers(text, pattern) == []


def test_capitals_stand_for_letters_that_the_pattern_leaves_open():
    assert numbers("We found KX 302118 at last", r"\b[A-Z]{2}\d{6}\b") == ["KX 302118"]


def test_all_ways_to_read_a_draft_share_one_bound(monkeypatch):
    monkeypatch.setattr(own, "SECONDS", 0.05)
    ways = list(ways_to_read(read("rc 4 " + "a" * 300), r"rc\d|(a|a)+b"))
    assert len(ways) > 1
    with pytest.raises(own.TooSlow):
        own.find_all(r"rc\d|(a|a)+b", *(way.text for way in ways))
