"""Numbers of things: “What's the number on the bike's frame?” asks for nobody's data, “What's the number on your invoice?” does."""

from __future__ import annotations

import re
from functools import cache

from engagement.guards.vocabulary import source, words


@cache
def _patterns(language: str) -> tuple[re.Pattern[str], ...]:
    topics = ("plain_numbers", "numbered_things", "personal_cues", "seen_there", "plain_marks")
    number, thing, personal, seen, mark = (source(topic, language) for topic in topics)
    between = rf"(?:[^\w.!?;\n]{{1,3}}(?!(?:{personal})(?!\w))\w+){{0,6}}?[^\w.!?;\n]{{1,3}}"
    not_personal = rf"(?!(?:'s|s')?[ -](?:\w+ )?(?:{personal})(?!\w))"
    patterns = [
        rf"(?<!\w)(?:{number}){between}(?:{thing})(?!\w){not_personal}",
        # “Look at the sticker: which number is on it?”; the thing may stand in the sentence before.
        rf"(?<!\w)(?:{thing})(?!\w){not_personal}[^.!?;\n\x00]{{0,80}}[:.!?;,]? {{0,2}}(?:{number}) (?:{seen})(?!\w)",
    ]
    if mark:
        patterns.append(rf"(?<!\w)(?:{thing})(?:'s)?[ -](?:{mark})(?!\w)")
    return tuple(map(re.compile, patterns))


def without_things(data: list[tuple[int, int]], before: str, sentence: str, language: str) -> list[tuple[int, int]]:
    """`data` of a sentence without what is a thing's number; `before` is the sentence before it. A lock's PIN is a secret all the same."""
    if not data:
        return []
    text, shift = before + sentence, len(before)
    things = [(match.start() - shift, match.end() - shift) for pattern in _patterns(language) for match in pattern.finditer(text)]
    secret = words("secret_data", language)
    return [
        (start, end)
        for start, end in data
        if secret.search(sentence, start, end) or not any(first < end and start < last for first, last in things)
    ]
