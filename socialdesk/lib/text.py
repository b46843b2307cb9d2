"""Text as it comes from outside: made safe to store, folded for comparison, counted as networks count it."""

from __future__ import annotations

import re
import unicodedata

import regex

from socialdesk.lib.weighted import weighted_length

MAX_TEXT = 100_000  # characters of one post that are kept; no network allows more

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
# Overrides and isolates that reorder what stands around them. Right-to-left text itself needs none of them.
_BIDI_OVERRIDES = re.compile("[\u202a-\u202e\u2066-\u2069]")
_LETTERS_WITHOUT_PARTS = str.maketrans({"ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})


def clean(text: str, *, limit: int = MAX_TEXT) -> str:
    """`text` without what a database or a screen cannot hold: NULs, control characters, lone surrogates, bidi overrides."""
    if not text.isprintable():
        text = _BIDI_OVERRIDES.sub("", _UNSTORABLE.sub("", text))
    return text[:limit] if len(text) > limit else text


def fold(text: str) -> str:
    """`text` for comparison: no case, no accents, compatibility forms made one."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    decomposed = unicodedata.normalize("NFKD", folded.translate(_LETTERS_WITHOUT_PARTS))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def length(text: str, unit: str) -> int:
    """How long a network says `text` is.

    Units: `codepoints`, `utf16`, `graphemes`, and `weighted`, X's rule by which a link counts 23, most Latin text 1
    and other characters 2, and an emoji 2 whatever it is made of.
    """
    if unit == "utf16":
        return len(text.encode("utf-16-le", "surrogatepass")) // 2
    if unit == "graphemes":
        return len(regex.findall(r"\X", text))
    if unit == "weighted":
        return weighted_length(text)
    if unit == "codepoints":
        return len(text)
    raise ValueError(f"unknown length unit {unit!r}")


def compact(number: int) -> str:
    """1234 as 1.2k, for reach."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            scaled = number / size
            return f"{scaled:.1f}{letter}" if scaled < 10 and round(scaled, 1) % 1 else f"{scaled:.0f}{letter}"
    return str(number)
