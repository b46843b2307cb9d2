"""Text made comparable: without case and accents, letter by letter so that places can be found again in the original."""

from __future__ import annotations

import re
import unicodedata

from socialdesk.lib.text import fold

# Marks that are accents, by canonical combining class: overlays, nuktas, Hebrew and Arabic points, and whatever is set above or
# below a letter. Other marks (Indic viramas, Thai and Lao tones, kana voicing) tell words apart and stay.
_ACCENT_CLASSES = frozenset({1, 7, *range(10, 37), *range(200, 241)})
# Invisible, or only the manner of an emoji: the same word with or without them. Format characters (category Cf) go as well.
_DROPPED = re.compile("[\u0640\u180b-\u180d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]")
_REPLACED = (
    dict.fromkeys("\u2018\u2019\u201b\u02bc\u00b4\u05f3", "'")
    | dict.fromkeys("\u201c\u201d\u201e\u201f\u05f4", '"')
    | dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u05be", "-")
    | dict.fromkeys("\u2122\u2120\u00ae\u00a9", " ")  # "Tidewheel™" is not the word "tidewheeltm"
)
# What joins the letter before it into one letter: vowels and finals of Hangul written in parts, voicing of kana.
_JOINING = "\u1160-\u11ff\ud7b0-\ud7ff\u3099\u309a\uff9e\uff9f"
_IN_PARTS = re.compile(f".[{_JOINING}]+", re.DOTALL)
_LETTER = re.compile(f".[{_JOINING}]*", re.DOTALL)


class _FoldedCharacters(dict[int, str]):
    """Code point -> its folded form, worked out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


def _fold_character(char: str) -> str:
    if char in _REPLACED:
        return _REPLACED[char]
    category = unicodedata.category(char)
    if category in ("Cf", "Me") or _DROPPED.match(char):
        return ""
    parts = unicodedata.normalize("NFKD", char)
    if "\uac00" <= char <= "\ud7a3" or any(_tells_words_apart(part) for part in parts):
        kept = "".join(part for part in parts if not unicodedata.combining(part) or _tells_words_apart(part))
        return unicodedata.normalize("NFC", kept).casefold()
    return fold(char)


def _tells_words_apart(mark: str) -> bool:
    combining = unicodedata.combining(mark)
    return combining != 0 and combining not in _ACCENT_CLASSES


_TABLE = _FoldedCharacters()


def fold_text(text: str) -> str:
    """`text` without case, accents and invisible characters; apostrophes, quotes and dashes in one form each.

    Finer than `fold` where a combining mark is no accent: Japanese voicing, Thai tones and Hangul stay as they are.
    """
    if text.isascii():
        return text.lower()
    if _IN_PARTS.search(text):
        text = _IN_PARTS.sub(lambda found: unicodedata.normalize("NFKC", found.group()), text)
    return text.translate(_TABLE)


def fold_with_places(text: str) -> tuple[str, list[tuple[int, int]]]:
    """`fold_text(text)`, and for each of its characters the (start, end) in `text` that it came from.

    What folds to nothing (an accent written apart, an emoji's variant) belongs to the character before it.
    """
    if text.isascii():
        return text.lower(), [(i, i + 1) for i in range(len(text))]
    folded: list[str] = []
    places: list[tuple[int, int]] = []
    letter_from = 0  # where in `places` the latest letter begins
    for found in _LETTER.finditer(text):
        piece = fold_text(found.group())
        if piece:
            letter_from = len(places)
            folded.append(piece)
            places.extend([found.span()] * len(piece))
        elif places:
            places[letter_from:] = [(places[-1][0], found.end())] * (len(places) - letter_from)
    return "".join(folded), places
