"""Drafts that send people to the telephone and offer nothing besides: “Just call us”, “only our phone team can do that”."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engagement.guards.reading import Reading
from engagement.guards.sentences import blank, sentences
from engagement.guards.vocabulary import LANGUAGES, words


def find_push_to_call(reading: Reading) -> list[tuple[int, int]]:
    """Where first, if at all. Not what is told of calls, what needs no call, or when the hotline is open."""
    if words("goes_on_here").search(blank(words("not_here"), reading.text)):
        return []
    for at, sentence in sentences(reading.text):
        if words("another_way").search(sentence):
            continue
        pushes = [match.span() for match in _pushes(blank(words("no_push"), sentence))]
        if pushes:
            start, end = min(pushes)
            return [(at + start, at + end)]
    return []


def _pushes(sentence: str) -> Iterator[re.Match[str]]:
    tells_hours = words("call_hours").search(sentence)
    for match in words("call_us").finditer(sentence):
        if not (tells_hours and words("may_call").search(sentence, 0, match.end())):
            yield match
    if tells_hours:
        return
    plain = blank(words("report_clauses"), sentence)
    for language in LANGUAGES:
        channel = words("phone_channel", language).search(plain)
        if channel and words("push_cues", language).search(plain):
            yield channel
