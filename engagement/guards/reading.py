"""A draft as the detectors read it: folded, without what hides characters, each character knowing where it came from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from socialdesk.lib.text import fold

HIDDEN = "\x00"  # stands for each character that a detector should not see; it is part of no word, number or space

_SIGNS = {
    **dict.fromkeys("’‘ʼ´`", "'"),
    **dict.fromkeys("“”„«»", '"'),
    **dict.fromkeys("−⁃", "-"),
    "،": ",",
    "؛": ";",
    "؟": "?",
    "٪": "%",
    "٫": ".",
    "٬": ",",
    "。": ".",
    "・": ".",
    "·": ".",
    "•": ".",
    "ـ": "",
}
_LETTER_BY_LETTER = re.compile(r"(?<![^\s\x00])[^\s\x00](?: [^\s\x00]){4,}(?![^\s\x00])")
_LINK = re.compile(r"\b(?:(?:https?|javascript):|[a-z][a-z0-9+-]{1,20}://|www\.)[^\s<>\"\x00]{1,2000}")
_HASHTAG = re.compile(r"(?<!\w)#\w{0,100}[^\W\d]\w{0,100}")
_HANDLE = re.compile(r"(?<![\w.@+-])@[\w.-]{1,100}(?:@[\w.-]{1,100})?")


@dataclass(frozen=True, slots=True)
class Reading:
    """`text` is what is searched; its character i came from character `origin[i]` of `original`."""

    original: str
    text: str
    origin: Sequence[int]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The part of the original behind text[start:end], which is not empty."""
        return self.origin[start], self.origin[end - 1] + 1

    def written(self, start: int, end: int) -> str:
        """The same as it was written."""
        first, last = self.span(start, end)
        return self.original[first:last]

    def hide(self, spans: Iterable[tuple[int, int]]) -> Reading:
        """The same reading with those parts of its text hidden."""
        parts, at = [], 0
        for start, end in sorted(spans):
            if end > at:
                start = max(start, at)
                parts += [self.text[at:start], HIDDEN * (end - start)]
                at = end
        return Reading(self.original, "".join([*parts, self.text[at:]]), self.origin)

    def closed_up(self) -> Reading:
        """The same with words that were written l e t t e r by letter put together."""
        matches = _LETTER_BY_LETTER.finditer(self.text)
        return self.joined((at, at + 1) for match in matches for at in range(match.start() + 1, match.end(), 2))

    def joined(self, spans: Iterable[tuple[int, int]], joint: str = "") -> Reading:
        """The same with `joint` in place of those parts of its text, in their order; none of them is its beginning."""
        parts: list[str] = []
        origin: list[int] = []
        at = 0
        for start, end in spans:
            parts += [self.text[at:start], joint]
            origin += [*self.origin[at:start], *[self.origin[start - 1]] * len(joint)]
            at = end
        return Reading(self.original, "".join([*parts, self.text[at:]]), [*origin, *self.origin[at:]])


def read(text: str) -> Reading:
    """Lower case, no accents, every digit an ASCII digit, plain dashes, quotes and spaces; nothing that cannot be seen."""
    parts, origin = [], []
    for at, character in enumerate(text):
        plain = _plain(character)
        parts.append(plain)
        origin.extend([at] * len(plain))
    return Reading(text, "".join(parts), origin)


def find_all(pattern: re.Pattern[str], reading: Reading) -> list[tuple[int, int]]:
    return [match.span() for match in pattern.finditer(reading.text)]


def find_links(reading: Reading) -> list[tuple[int, int]]:
    """Addresses of the web and of anything else that has a scheme, without the punctuation after them."""
    return [(match.start(), match.start() + len(match.group().rstrip(".,;:!?)]}'"))) for match in _LINK.finditer(reading.text)]


def names_and_tags(reading: Reading) -> list[tuple[int, int]]:
    """@handles (also of other servers) and #hashtags."""
    return [*find_all(_HANDLE, reading), *find_all(_HASHTAG, reading)]


@lru_cache(maxsize=8192)
def _plain(character: str) -> str:
    if character in _SIGNS:
        return _SIGNS[character]
    if character.isascii() and character.isprintable():
        return character.lower()
    if character in "\n\r\v\f\x85\u2028\u2029":
        return "\n"
    if character.isspace():
        return " "
    category = unicodedata.category(character)
    if category in ("Cf", "Cc", "Cs", "Mn", "Me"):
        return ""
    if category == "Pd":
        return "-"
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    return "".join(_SIGNS.get(part, part) for part in fold(character))
