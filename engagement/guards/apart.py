"""A company's own numbers as people write them: “RC 40017725” and “TW302 118”, where the patterns are RC\\d{8} and TW-\\d{6}."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from engagement.guards.reading import Reading
from engagement.guards.vocabulary import words

_BEFORE_DIGITS = re.compile(
    r"(?<![^\W_])(?P<letters>[^\W\d_]{1,8})(?P<joint> ?[-.:/#_] ?| ?)(?P<digits>\d{1,20}(?:[ -]\d{1,20}){0,6})(?![^\W_])"
)
_BEHIND_DIGITS = re.compile(r"(?<=\d)(?P<joint> ?[-.:/#_] ?| ?)(?P<letters>[^\W\d_]{1,8})(?![^\W_])")
_NOT_LITERAL = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|\{[^}]*\}")


def ways_to_read(reading: Reading, pattern: str) -> Iterator[Reading]:
    """As it stands, with the groups of a number's digits put together, and with each joint that the pattern may ask for before them.

    Only beside letters that the pattern names, or that were written in capitals: “by 302118” is not BY302118.
    """
    named = _named_letters(pattern)
    yield reading
    yield from _with_joints(reading, pattern, named)
    gaps = [
        (at, at + 1)
        for match in _numbers(reading, named)
        for at in range(*match.span("digits"))
        if not reading.text[at].isdigit()
    ]  # fmt: skip
    if gaps:
        in_one = reading.joined(gaps)
        yield in_one
        yield from _with_joints(in_one, pattern, named)


def _with_joints(reading: Reading, pattern: str, named: frozenset[str]) -> Iterator[Reading]:
    behind = (match for match in _BEHIND_DIGITS.finditer(reading.text) if match["letters"] in named)
    spans = sorted({match.span("joint") for match in (*_numbers(reading, named), *behind)})
    for joint in ("", "-", " "):
        if spans and (joint in pattern or (joint == " " and r"\s" in pattern)):
            yield reading.joined(spans, joint)


def _numbers(reading: Reading, named: frozenset[str]) -> Iterator[re.Match[str]]:
    for match in _BEFORE_DIGITS.finditer(reading.text):
        if match["letters"] in named or _is_code(reading, match):
            yield match


def _is_code(reading: Reading, match: re.Match[str]) -> bool:
    """Capitals that are no unit: EUR 1500 is an amount."""
    return reading.written(*match.span("letters")).isupper() and not words("units").fullmatch(match["letters"])


@lru_cache(maxsize=256)
def _named_letters(pattern: str) -> frozenset[str]:
    """The runs of letters that a pattern asks for as they are: {"rc"} for RC[A-Z]?\\d{8}."""
    return frozenset(re.findall(r"[^\W\d_]+", _NOT_LITERAL.sub(" ", pattern).casefold()))
