"""The guards' words, from words.toml: by topic and language, folded as a draft is read."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from engagement.guards.reading import read

LANGUAGES = ("en", "de", "fr", "es", "ar")


@cache
def _load() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))


@cache
def source(topic: str, language: str = "") -> str:
    """The alternatives of a topic as the inside of one regular expression; of all languages without `language`. Longest first.

    The file has no escapes in capitals, because folding would change what they mean.
    """
    table: dict[str, list[str]] = _load()[topic]
    phrases = [phrase for name in ([language] if language else LANGUAGES) for phrase in table.get(name, ())]
    return "|".join(sorted({read(phrase).text for phrase in phrases}, key=lambda phrase: (-len(phrase), phrase)))


@cache
def words(topic: str, language: str = "") -> re.Pattern[str]:
    """Finds the words and phrases of a topic as whole words. One that has none finds nothing."""
    inside = source(topic, language)
    return re.compile(rf"(?<![\w@#])(?:{inside})(?!\w)" if inside else r"(?!)")


@cache
def digit_words() -> dict[str, int | None]:
    """Words for numbers below a hundred; None for those that are not a single digit."""
    table: dict[str, str] = _load()["digits"]
    return {read(word).text: int(value) if value.isdigit() else None for value, line in table.items() for word in line.split()}
