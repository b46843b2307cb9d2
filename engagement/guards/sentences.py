"""The sentences of a draft, and words in them that a detector should not see."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from engagement.guards.reading import HIDDEN

# A full stop behind “no.” or “tel.” ends no sentence.
_END = re.compile(
    r"(?<!\bno)(?<!\bnr)(?<!\btel)(?<!\bnum)(?<!\bref)(?<!\bkd)(?<!\bpls)(?<![.!?;])[.!?;]+(?=[\s\"')]|\Z)|\n+|(?<![!?])[!?]+"
)
_LONGEST = 800  # characters of a sentence


def sentences(text: str) -> Iterator[tuple[int, str]]:
    """Where each begins, and its text. What goes on for ever is cut."""
    at = 0
    for end in (*(match.end() for match in _END.finditer(text)), len(text)):
        for start in range(at, end, _LONGEST):
            yield start, text[start : min(start + _LONGEST, end)]
        at = end


def blank(pattern: re.Pattern[str], text: str) -> str:
    return pattern.sub(lambda match: HIDDEN * len(match.group()), text)


def hide(text: str, spans: Iterable[tuple[int, int]]) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], HIDDEN * (end - start)]
        at = end
    return "".join([*parts, text[at:]])
