"""The hand-written word lists beside this file, read once: `care.toml` and `languages.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Care:
    """The care lexicon. `entries` are words and phrases with (weight, what an agent reads about them)."""

    entries: Mapping[str, tuple[float, str]]
    without_feeling: frozenset[str]
    thanks: frozenset[str]
    requests: frozenset[str]
    boosters: frozenset[str]
    numbers: frozenset[str]
    times: Mapping[str, float]
    emoji: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Languages:
    """Words and codes by which a language is told; `others` has the function words of each language beside English."""

    english_only: frozenset[str]
    english_shared: frozenset[str]
    english_chat: frozenset[str]
    english_elsewhere: frozenset[str]
    others: Mapping[str, frozenset[str]]
    widely_written: frozenset[str]
    own_script: frozenset[str]
    latin_script: frozenset[str]
    no_language: frozenset[str]


@cache
def care() -> Care:
    """`care.toml`."""
    read = _read("care.toml")
    entries: dict[str, tuple[float, str]] = {}
    for note, by_weight in read["words"].items():
        for weight, listed in by_weight.items():
            entries |= {entry.strip(): (float(weight), note) for entry in listed.replace("\n", " ").split(",") if entry.strip()}
    return Care(
        entries=entries,
        without_feeling=_words(read["without_feeling"]),
        thanks=_words(read["thanks"]),
        requests=_words(read["requests"]),
        boosters=_words(read["boosters"]),
        numbers=_words(read["numbers"]),
        times={unit: float(weight) for weight, listed in read["times"].items() for unit in _words(listed)},
        emoji={symbol: float(weight) for weight, symbols in read["emoji"].items() for symbol in symbols},
    )


@cache
def languages() -> Languages:
    """`languages.toml`."""
    read = _read("languages.toml")
    english, codes = read["english"], read["codes"]
    return Languages(
        english_only=_words(english["only"]),
        english_shared=_words(english["shared"]),
        english_chat=_words(english["chat"]),
        english_elsewhere=_words(english["elsewhere"]),
        others={language: _words(listed) for language, listed in read["others"].items()},
        widely_written=_words(codes["widely_written"]),
        own_script=_words(codes["own_script"]),
        latin_script=_words(codes["latin_script"]),
        no_language=_words(codes["no_language"]),
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_HERE / name).read_text(encoding="utf-8"))


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())
