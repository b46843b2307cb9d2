"""A promised time in the customer's words: within 2 hours, dans les 15 minutes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Unit = Literal["minute", "hour", "day"]
_MINUTES: dict[Unit, int] = {"minute": 1, "hour": 60, "day": 1440}

# "within" and the words for one and for several of each unit. Arabic counts differently and has its own function.
_WORDS: dict[str, tuple[str, dict[Unit, tuple[str, str]]]] = {
    "en": ("within", {"minute": ("minute", "minutes"), "hour": ("hour", "hours"), "day": ("day", "days")}),
    "de": ("innerhalb von", {"minute": ("Minute", "Minuten"), "hour": ("Stunde", "Stunden"), "day": ("Tag", "Tagen")}),
    "fr": ("dans les", {"minute": ("minute", "minutes"), "hour": ("heure", "heures"), "day": ("jour", "jours")}),
    "es": ("en un plazo de", {"minute": ("minuto", "minutos"), "hour": ("hora", "horas"), "day": ("día", "días")}),
}
# Where one is said without a number. A single day is never said: it is 24 hours.
_OF_ONE: dict[str, dict[Unit, str]] = {
    "de": {"minute": "innerhalb einer Minute", "hour": "innerhalb einer Stunde"},
    "fr": {"minute": "dans la minute", "hour": "dans l'heure"},
}
# One, two, three to ten, eleven and more.
_ARABIC: dict[Unit, tuple[str, str, str, str]] = {
    "minute": ("دقيقة واحدة", "دقيقتين", "دقائق", "دقيقة"),
    "hour": ("ساعة واحدة", "ساعتين", "ساعات", "ساعة"),
    "day": ("يوم واحد", "يومين", "أيام", "يومًا"),
}
LANGUAGES = (*_WORDS, "ar")
CHOICES = (30, 60, 120, 240, 480, 1440)  # minutes that the screen offers to promise


@dataclass(frozen=True, slots=True)
class Promised:
    """An answer in so many minutes, and the words for that."""

    minutes: int
    words: str


def say_within(minutes: int, language: str) -> str:
    """`minutes` from now as a promise in that language, "" where the desk does not know its words.

    In the largest unit that it is whole in, so that 120 are 2 hours and 90 are 90 minutes; days only from two on.
    """
    base = language.split("-")[0]
    if base not in LANGUAGES:
        return ""
    unit = _unit_of(minutes)
    count = minutes // _MINUTES[unit]
    return _say_arabic(count, unit) if base == "ar" else _say(count, unit, base)


def find_promise(text: str, language: str, *, usual: int) -> Promised | None:
    """The promise that a text in that language makes: one of CHOICES, or the usual one."""
    for minutes in sorted({*CHOICES, usual}, reverse=True):
        words = say_within(minutes, language)
        if words and words in text:
            return Promised(minutes, words)
    return None


def pattern_of_spans(language: str) -> str:
    """A regular expression for everything that `say_within` says in that language; one that matches nothing where it says nothing."""
    said = {say_within(count * minutes, language) for minutes in _MINUTES.values() for count in (1, 2, 3, 11)} - {""}
    return "|".join(sorted({re.sub(r"\d+", r"\\d{1,5}", re.escape(words)) for words in said})) or "(?!)"


def _unit_of(minutes: int) -> Unit:
    if minutes >= 2 * _MINUTES["day"] and minutes % _MINUTES["day"] == 0:
        return "day"
    return "hour" if minutes >= _MINUTES["hour"] and minutes % _MINUTES["hour"] == 0 else "minute"


def _say(count: int, unit: Unit, language: str) -> str:
    within, words = _WORDS[language]
    one, several = words[unit]
    if count == 1 and language in _OF_ONE:
        return _OF_ONE[language][unit]
    return f"{within} {count} {one if count == 1 else several}"


def _say_arabic(count: int, unit: Unit) -> str:
    one, two, few, many = _ARABIC[unit]
    if count <= 2:
        return f"خلال {one if count == 1 else two}"
    # What counts is how the number ends: 103 is said like 3, 24 like 11.
    return f"خلال {count} {few if 3 <= count % 100 <= 10 else many}"
