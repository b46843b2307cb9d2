"""What is personal because of the word before it: order and customer numbers, dates of birth, passwords and PINs."""

from __future__ import annotations

import re

from engagement.guards.reading import Reading, find_all
from engagement.guards.vocabulary import source, words

_MARK = rf"(?:{source('marks')})"
_FILLER = r"""[ :=#"'(\[-]{0,4}"""
_IS = rf"(?:(?:{source('is')})(?!\w)[ :#\"']{{0,3}})?"
_VALUE = r"(?P<value>[a-z0-9][a-z0-9./_-]{0,38}[a-z0-9]|\d)(?: (?P<more>\d{2,}[\d-]*)){0,3}(?![\w])"
# “order no. 4711-22”: named as a number. “order 48213”: not, so that it must look like one.
_NAMED = re.compile(
    rf"(?<!\w)(?:(?:{source('numbered')})s?(?:[ (,]{{0,2}}[-.]? ?{_MARK}\.?)(?![^\W\d])|{source('compounds')})[.:]?{_FILLER}{_IS}{_VALUE}"
)
_BARE = re.compile(
    rf"(?<!\w)(?:{source('numbered_bare')})(?!\w)(?P<sign> ?[:#] ?#?| ?\(| )#?(?P<capitals>[a-z]{{1,4}} (?=\d{{4}}))?"
    r"(?P<value>[a-z0-9][a-z0-9-]{1,38}(?:/\d{2,6})?)(?![\w])(?![.,:]\d)"
)
_RANGE = re.compile(r"\d{1,2}[-/]\d{1,2}|(?:19|20)\d\d[-/](?:(?:19|20)?\d\d)")  # 14-16 June, 2024-25
_CAPITALS = re.compile(rf"(?<!\w)(?:{source('bookings')})(?!\w)[.:]?{_FILLER}{_IS}(?P<value>[a-z0-9]{{5,8}})(?!\w)")

_MONTHS = source("months")
_DATE = (
    r"(?:\d{1,4}[./ -]{1,2}\d{1,2}[./ -]{1,2}\d{2,4}"
    rf"|\d{{1,2}}(?:st|nd|rd|th|er|\.|o)? ?(?:de |of )?(?:{_MONTHS})\w{{0,6}}\.?,? ?(?:de |del )?(?:\d{{4}}|'?\d\d(?!\w))?"
    rf"|(?:{_MONTHS})\w{{0,6}}\.? \d{{1,2}}(?:st|nd|rd|th)?,? ?(?:\d{{4}})?)"
)
_BORN = re.compile(rf"(?<!\w)(?:{source('born')})(?!\w)[^\n.!?\d]{{0,25}}(?P<date>{_DATE})")
_BIRTHDAY = re.compile(rf"(?<!\w)(?:{source('birthday')})(?!\w)[^\n.!?\d]{{0,25}}(?P<date>{_DATE})")
_DATE_BORN = re.compile(rf"(?<![\w./-]){_DATE}[^\n.!?\d]{{0,20}}(?<!\w)(?:{source('born')})(?!\w)")
_HAS_YEAR = re.compile(r"(?:19|20)\d\d|[./-]\d\d$")

_SECRET = re.compile(
    rf"(?<!\w)(?:{source('secrets')})(?!\w)[^\n.!?:=]{{0,24}}?(?:[:=]|(?<!\w)(?:{source('is')})(?!\w))"
    r"[ \"'«(]{0,3}(?P<value>[^\s\"'»]{3,64})"
)
# “Use password Harbour#19”: only what can be no word.
_SECRET_BARE = re.compile(rf"(?<!\w)(?:{source('secrets')}) [\"'«(]?(?P<value>(?=[^\s\d]{{0,64}}\d)(?=\S{{0,64}}[^\W\d])[^\s\"'»]{{6,64}})")
_SECRET_NUMBER = re.compile(rf"(?<!\w)(?:{source('secret_numbers')})(?!\w)[^\n.!?\d]{{0,20}}?(?P<value>\d[\d -]{{1,10}}\d)(?!\w)")
_NUMBER_SECRET = re.compile(
    rf"(?<!\w)(?P<value>\d[\d -]{{2,8}}\d) (?:{source('is')}) (?:{source('your')}) (?:\w+ )?(?:{source('secret_numbers')})(?!\w)"
)


def find_numbers(reading: Reading) -> list[tuple[int, int]]:
    """Numbers of orders, customers, contracts, bookings. `reading` is without what is harmless."""
    named = [match for match in _NAMED.finditer(reading.text) if sum(map(str.isdigit, match["value"] + (match["more"] or ""))) >= 2]
    bare = [match for match in _BARE.finditer(reading.text) if _is_bare_number(reading, match)]
    letters = [match for match in _CAPITALS.finditer(reading.text) if reading.written(*match.span("value")).isupper()]
    return [match.span() for match in (*named, *bare, *letters)]


def _is_bare_number(reading: Reading, match: re.Match[str]) -> bool:
    if match["capitals"] and not reading.written(*match.span("capitals")).strip().isupper():
        return False
    if words("units").match(reading.text, match.end() + 1):
        return False
    return _looks_numbered(match["value"], has_sign="#" in match.group() or ":" in match["sign"])


def _looks_numbered(value: str, *, has_sign: bool) -> bool:
    digits = sum(character.isdigit() for character in value)
    if _RANGE.fullmatch(value):
        return False
    if value.isdigit():
        return digits >= (3 if has_sign else 5)
    if not value[0].isdigit() and not re.fullmatch(r"[a-z]{1,5}-?\d[\w/-]*", value):
        return False
    return digits >= 4 and (re.fullmatch(r"\d+(?:st|nd|rd|th|x|er|e|h|uhr|km|kg)", value) is None)


def find_births(reading: Reading) -> list[tuple[int, int]]:
    """Dates that are said to be somebody's birth. `reading` still has its dates."""
    found = [match.span() for pattern in (_BORN, _DATE_BORN) for match in pattern.finditer(reading.text)]
    return found + [match.span() for match in _BIRTHDAY.finditer(reading.text) if _HAS_YEAR.search(match["date"])]


def find_secrets(reading: Reading) -> list[tuple[int, int]]:
    """Passwords, PINs and codes that are told."""
    found = []
    for match in _SECRET.finditer(reading.text):
        start, end = match.span("value")
        end = start + len(match["value"].rstrip(".,;:!?)]}"))
        if end > start and _looks_secret(reading.written(start, end)):
            found.append((match.start(), end))
    found += find_all(_SECRET_BARE, reading)
    for pattern in (_SECRET_NUMBER, _NUMBER_SECRET):
        found += [match.span() for match in pattern.finditer(reading.text) if sum(map(str.isdigit, match["value"])) >= 3]
    return found


def _looks_secret(value: str) -> bool:
    """Unlike a word: with a digit, a sign inside, or capitals inside."""
    return (
        any(character.isdigit() for character in value)
        or any(not character.isalnum() and character not in "-'’.,/" for character in value)
        or (value.isascii() and not value[1:].islower())
    )
