"""Postal addresses in the shapes of several languages."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engagement.guards.reading import Reading
from engagement.guards.vocabulary import source, words

# Pieces. A house number stands before the street in English and French, behind it in German and Spanish, on either side in Arabic.
_NAME = r"(?:[^\W\d]{1,2}\.|[^\W\d][\w'-]{0,30})"
_PART = r"[^\W\d][\w']{0,30}"  # of a name with hyphens
_BEGINS = r"(?<![\w.,:/£$€#-])"  # no price, time or part of a larger number
_ENDS = r"(?![\w%€$°:])(?![.,:/-]\d)(?! ?[-x]\d)"
_LETTER = r"(?: ?[a-h](?!\w))?"
_TOWN_CODE = r"(?:[ad]-)?\d{4,5}"
_BRITISH_CODE = r"(?:[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2})(?!\w)"
_OF_THE = r"(?:(?:de la|de|du|des|la|le|les) |(?:de )?l'|d')?"

_ENGLISH = re.compile(
    rf"{_BEGINS}\d{{1,5}}[a-h]?(?:[-/]\d{{1,4}}[a-h]?)?,? (?P<name>(?:(?:{_NAME}|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}?)"
    rf"(?:{source('streets_en')}|(?P<doubtful>{source('doubtful_en')}))(?!\w)"
)
_THE = re.compile(rf"{_BEGINS}\d{{1,4}}[a-h]? the (?P<kind>{source('doubtful_en')}|{source('streets_en')})(?!\w)")
_GERMAN = re.compile(
    rf"(?<![\w-])(?:{_PART}[ -]){{0,3}}?(?P<street>[^\W\d]{{2,30}}(?:{source('endings_de')})|(?:{source('streets_de')}))"
    rf"\.? ?(?:nr\.? ?)?(?P<number>\d{{1,4}}{_LETTER}(?:-\d{{1,4}})?){_ENDS}"
)
_WITH_TOWN = re.compile(
    rf"(?<![\w-]){_NAME}(?: {_NAME}){{0,3}} (?!(?:19|20)\d\d)\d{{1,4}}{_LETTER}, {_TOWN_CODE} (?P<town>{_NAME})"
    rf"|(?<!\w)(?:am|im|zum|zur|beim|(?:an|in|auf|unter|hinter|vor) (?:der|den|dem)) {_NAME}(?: {_NAME})?"
    rf" \d{{1,3}}{_LETTER},? {_TOWN_CODE} (?P<place>{_NAME})"
)
_FRENCH = re.compile(
    rf"{_BEGINS}\d{{1,5}}(?: ?[a-h](?!\w)| ?(?:bis|ter|quater)(?!\w))?,? "
    rf"(?:{source('streets_fr')}|(?P<doubtful>{source('doubtful_fr')})) {_OF_THE}(?P<name>{_NAME})"
)
_SPANISH = re.compile(
    rf"(?<!\w)(?:{source('streets_es')})(?P<name>(?: {_NAME}){{1,5}}?),? ?(?:(?:n\.?o\.?|n°|num\.?|numero|#) ?)?"
    rf"(?P<number>\d{{1,4}}{_LETTER}){_ENDS}"
)
_ARABIC_HOUSE = "مبنى|منزل|بناية|عمارة|فيلا|شقة|بيت"
_ARABIC = (
    re.compile(
        rf"(?<!\w)[وبل]?(?:{source('streets_ar')})(?: [^\W\d]{{1,20}},?){{1,6}},? (?:(?:رقم|{_ARABIC_HOUSE}) ){{0,2}}\d{{1,5}}{_ENDS}"
    ),
    re.compile(rf"(?<!\w)(?:{_ARABIC_HOUSE})(?: رقم)? \d{{1,5}}[ ,]{{1,3}}(?:{source('streets_ar')}) [^\W\d]{{1,20}}"),
    re.compile(rf"(?<![\w:/.])\d{{1,4}},? (?:{source('streets_ar')}) [^\W\d]{{1,20}}"),
)
_BOX = re.compile(rf"(?<!\w)(?:{source('boxes')})(?!\w)\.?:? ?(?:no\.? ?|nr\.? ?|n° ?)?\d{{2,7}}(?: \d\d){{0,3}}(?!\w)")
_FLAT = re.compile(rf"(?<!\w)(?:{source('flats')})\.? ?(?:no\.? ?)?\d{{1,4}}[a-h]?, ?\d{{1,4}}[a-h]? {_NAME}")
_CODE = re.compile(rf"(?<!\w){_BRITISH_CODE}")
_TOWN = re.compile(rf",? (?:{_TOWN_CODE} {_NAME}|(?:{_NAME},? )?{_BRITISH_CODE})")
_NEAR = 40  # characters in which a postcode belongs to a street


def find_streets(reading: Reading) -> list[tuple[int, int]]:
    """`reading` is without links."""
    found = [_with_town(reading.text, span) for span in (*_english(reading), *_german(reading), *_french(reading), *_spanish(reading))]
    for pattern in (*_ARABIC, _BOX, _FLAT):
        found += [match.span() for match in pattern.finditer(reading.text)]
    for match in _WITH_TOWN.finditer(reading.text):
        if _are_capital(reading, match.start("town" if match["town"] else "place")):
            found.append(match.span())
    return found


def _english(reading: Reading) -> Iterator[tuple[int, int]]:
    for match in _ENGLISH.finditer(reading.text):
        is_sure = not match["doubtful"] or _are_capital(reading, match.start("name"), match.start("doubtful"))
        if is_sure and not any(_is_small(reading, word.start()) for word in _not_names(match)):
            yield match.span()
    for match in _THE.finditer(reading.text):
        if _are_capital(reading, match.start("kind")) and _CODE.search(reading.text, match.end(), match.end() + _NEAR):
            yield match.span()


def _german(reading: Reading) -> Iterator[tuple[int, int]]:
    for match in _GERMAN.finditer(reading.text):
        if not words("no_street_de").fullmatch(match["street"]) and not _is_measure(reading.text, match.end("number")):
            yield match.span()


def _french(reading: Reading) -> Iterator[tuple[int, int]]:
    for match in _FRENCH.finditer(reading.text):
        if not match["doubtful"] or _are_capital(reading, match.start("name")):
            yield match.span()


def _spanish(reading: Reading) -> Iterator[tuple[int, int]]:
    for match in _SPANISH.finditer(reading.text):
        if not words("not_in_street").search(match["name"]) and not _is_measure(reading.text, match.end("number")):
            yield match.span()


def _not_names(match: re.Match[str]) -> Iterator[re.Match[str]]:
    return words("not_in_street").finditer(match.string, *match.span("name"))


def _is_small(reading: Reading, at: int) -> bool:
    """“3 Ashley Down Rd” is an address, “3 minutes down the road” is none."""
    return not reading.written(at, at + 1).isupper()


def _is_measure(text: str, end: int) -> bool:
    """“Heimweg 20 Minuten”."""
    return words("units").match(text, end + 1) is not None


def _are_capital(reading: Reading, *places: int) -> bool:
    return all(reading.written(at, at + 1).isupper() for at in places)


def _with_town(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """With the postcode and town behind it, where they are there."""
    town = _TOWN.match(text, span[1])
    return (span[0], town.end()) if town else span
