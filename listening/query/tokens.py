"""How folded text falls into tokens: words, single characters of scripts without spaces, symbols; tags and handles."""

from __future__ import annotations

import re
import unicodedata

# Scripts that put no spaces between words; each of their characters is a token, so that a word matches inside the text.
_UNSPACED_BLOCKS = (
    (0x0E01, 0x0E5B),  # Thai
    (0x0E80, 0x0EFF),  # Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),  # Han: repeat mark, closing mark, zero
    (0x3021, 0x303C),
    (0x3041, 0x30FF),  # Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x9FFF),  # Han
    (0xA9E0, 0xA9FE),  # Myanmar, extended
    (0xAA60, 0xAA7F),
    (0xF900, 0xFAFF),
)
_UNSPACED_BEYOND = "\U0001aff0-\U0001b16f\U00020000-\U0003ffff"
_LETTERS_BEYOND = "\U00010000-\U0001afef\U0001b170-\U0001cfff\U0001e000-\U0001efff"  # other letters past the first plane
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_SYMBOLS = "[\u00a2-\u00a5\u20a0-\u20cf\u2100-\u2bff\U0001f000-\U0001faff]"  # money, arrows, emoji: what people search for
_ASCII = "a-z0-9"


def _ranges(codes: list[int]) -> str:
    """`codes`, ascending, as the inside of a character class."""
    spans: list[list[int]] = []
    for code in codes:
        if spans and code == spans[-1][1] + 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(chr(first) if first == last else f"{chr(first)}-{chr(last)}" for first, last in spans)


def _character_classes() -> tuple[str, str]:
    """(letters of scripts with spaces, letters of scripts without), marks and digits included."""
    spoken = [code for code in range(0x80, 0x10000) if unicodedata.category(chr(code))[0] in "LMN"]
    unspaced = {code for first, last in _UNSPACED_BLOCKS for code in range(first, last + 1)}
    return (
        _ASCII + _ranges([code for code in spoken if code not in unspaced]) + _LETTERS_BEYOND,
        _ranges([code for code in spoken if code in unspaced]) + _UNSPACED_BEYOND,
    )


def _word(letters: str) -> str:
    # "n't" stays with its word: "won't" does not hold the word "won". Other apostrophes part words: "Tidewheel's", "l'avion".
    return f"[{letters}]+(?:_[{letters}]+)*(?:(?<=n)'t(?![{letters}]))?"


def _tag(letters: str, unspaced: str) -> str:
    # Not within e-mail addresses, paths of links (/@name, /#part) and character references (&#39;).
    # A handle is plain letters where it can be, so that it ends where Chinese text goes on without a space.
    plain = f"[{_ASCII}_]+" + (f"(?![{letters}])|[{letters}{unspaced}_]+" if unspaced else "")
    return f"(?<![{letters}_/&])(?:#[{letters}{unspaced}_]+|@(?:{plain}))"


_LETTERS, _UNSPACED = _character_classes()
_WORD = re.compile(f"{_word(_LETTERS)}|[{_UNSPACED}]|{_FLAG}|{_SYMBOLS}")
_TAG = re.compile(_tag(_LETTERS, _UNSPACED))
_ASCII_WORD = re.compile(_word(_ASCII))
_ASCII_TAG = re.compile(_tag(_ASCII, ""))
_SPACED = re.compile(f"[{_LETTERS}]")


def word_pattern(folded: str) -> re.Pattern[str]:
    """The pattern whose matches are the tokens of `folded`."""
    return _ASCII_WORD if folded.isascii() else _WORD


def tag_pattern(folded: str) -> re.Pattern[str]:
    """The pattern whose matches are the `#tags` and `@handles` of `folded`."""
    return _ASCII_TAG if folded.isascii() else _TAG


def is_spaced(token: str) -> bool:
    """Whether `token` is a word between spaces, not a character of a script without them, nor a symbol."""
    return _SPACED.match(token) is not None
