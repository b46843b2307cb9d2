"""Postal addresses in the shapes of several languages."""

from __future__ import annotations

import re

from engagement.guards.reading import Reading
from engagement.guards.vocabulary import source, words

# A house number stands before the street in English and French, after it in German and Spanish, on either side in Arabic.
_NUMBER = r"\d{1,5}(?: ?[a-h](?!\w)| ?(?:bis|ter|quater)(?!\w))?"
_NAME = r"(?:[^\W\d]{1,2}\.|[^\W\d][\w'-]{0,30})"
_ENGLISH = re.compile(
    rf"(?<![\w.,:/£$€#-])(?P<number>\d{{1,5}}[a-h]?(?:[-/]\d{{1,4}}[a-h]?)?),? (?P<name>(?:(?:{_NAME}|\d{{1,3}}(?:st|nd|rd|th)) ){{1,4}}?)(?P<kind>{source('streets_en')}|(?P<doubtful>{source('doubtful_en')}))(?!\w)"
)
_THE = re.compile(rf"(?<![\w.,:/£$€#-])\d{{1,4}}[a-h]? the (?P<kind>{source('doubtful_en')}|{source('streets_en')})(?!\w)")
_GERMAN = re.compile(
    rf"(?<![\w-])(?P<street>(?:{_NAME}[ -]){{0,3}}?(?:[^\W\d]{{2,30}}-?(?:{source('endings_de')})|(?:{source('streets_de')})))\.? ?(?:nr\.? ?)?(?P<number>\d{{1,4}}(?: ?[a-h](?!\w))?(?:-\d{{1,4}})?)(?![\w%€$°:])(?!(?:[.,:/-]| ?[-x])\d)"
)
_GERMAN_PLACE = re.compile(
    rf"(?<![\w-])(?:(?:am|an der|an den|im|in der|in den|auf der|auf dem|auf den|unter den|zum|zur|beim|hinter dem|vor dem) )(?P<name>{_NAME}(?: {_NAME})?) (?P<number>\d{{1,3}}(?: ?[a-h](?!\w))?),? (?:[ad]-)?(?:\d{{4,5}}) {_NAME}"
)
_WITH_POSTCODE = re.compile(
    rf"(?<![\w-])(?P<street>{_NAME})(?: {_NAME}){{0,3}} (?!(?:19|20)\d\d)\d{{1,4}}(?: ?[a-h](?!\w))?, (?:[ad]-)?\d{{4,5}} (?P<town>{_NAME})"
)
_FRENCH = re.compile(
    rf"(?<![\w.,:/£$€#-])(?P<number>{_NUMBER}),? (?P<kind>{source('streets_fr')}|(?P<doubtful>{source('doubtful_fr')})) (?P<name>(?:(?:de la|de|du|des|la|le|les) |(?:de )?l'|d')?{_NAME})"
)
_SPANISH = re.compile(
    rf"(?<!\w)(?:{source('streets_es')})(?P<name>(?: {_NAME}){{1,5}}?),? ?(?:(?:n\.?o\.?|n°|num\.?|numero|no\.?|#) ?)?(?P<number>\d{{1,4}}(?: ?[a-h](?!\w))?)(?![\w%€$°:])(?!(?:[.,:/-])\d)"
)
_ARABIC = re.compile(
    rf"(?<!\w)(?:و|ب|في|ل)?(?:{source('streets_ar')})(?: [^\W\d]{{1,20}}،?,?){{1,6}},? (?:رقم |منزل |مبنى |بناية |بيت |فيلا |شقة |عمارة ){{0,2}}(?P<number>\d{{1,5}})(?![\w%:])(?![.,:/-]\d)"
    rf"|(?<!\w)(?:مبنى|منزل|بناية|عمارة|فيلا|شقة|بيت)(?: رقم)? \d{{1,5}}[ ,]{{1,3}}(?:{source('streets_ar')}) [^\W\d]{{1,20}}"
    rf"|(?<![\w:/.])\d{{1,4}},? (?:{source('streets_ar')}) [^\W\d]{{1,20}}"
)
_BOX = re.compile(rf"(?<!\w)(?:{source('boxes')})(?!\w)\.?:? ?(?:no\.? ?|nr\.? ?|n° ?)?\d{{2,7}}(?: \d\d){{0,3}}(?!\w)")
_FLAT = re.compile(rf"(?<!\w)(?:{source('flats')})\.? ?(?:no\.? ?)?\d{{1,4}}[a-h]?, ?\d{{1,4}}[a-h]? {_NAME}")
_POSTCODE = re.compile(r"(?<!\w)(?:[a-z]{1,2}\d[a-z\d]? ?\d[a-z]{2})(?!\w)")
_TOWN = re.compile(rf",? (?:(?:[ad]-)?\d{{4,5}} {_NAME}|(?:{_NAME},? )?{_POSTCODE.pattern})")


def find_streets(reading: Reading) -> list[tuple[int, int]]:
    """`reading` is without what is harmless."""
    text = reading.text
    found = []
    for match in _ENGLISH.finditer(text):
        if words("not_in_street").search(match["name"]):
            continue
        if match["doubtful"] and not _is_capital(reading, match.start("name"), match.start("doubtful")):
            continue
        found.append(_with_town(text, match.span()))
    for match in _THE.finditer(text):
        if _is_capital(reading, match.start("kind")) and _POSTCODE.search(text[match.end() : match.end() + 40]):
            found.append(_with_town(text, match.span()))
    for match in _GERMAN.finditer(text):
        street = re.split(r"[ ]", match["street"])[-1]
        if not words("no_street_de").fullmatch(street) and not words("units").match(text, match.end("number") + 1):
            found.append(_with_town(text, match.span()))
    found += [match.span() for match in _GERMAN_PLACE.finditer(text) if _is_capital(reading, match.start("name"))]
    for match in _FRENCH.finditer(text):
        if match["doubtful"] and not _is_capital(reading, match.start("name") + len(_particles(match["name"]))):
            continue
        found.append(_with_town(text, match.span()))
    for match in _SPANISH.finditer(text):
        if not words("not_in_street").search(match["name"]) and not words("units").match(text, match.end("number") + 1):
            found.append(_with_town(text, match.span()))
    found += [match.span() for match in _WITH_POSTCODE.finditer(text) if _is_capital(reading, match.start("town"))]
    for pattern in (_ARABIC, _BOX, _FLAT):
        found += [match.span() for match in pattern.finditer(text)]
    return found


def _is_capital(reading: Reading, *places: int) -> bool:
    return all(reading.written(at, at + 1).isupper() for at in places)


def _particles(name: str) -> str:
    match = re.match(r"(?:(?:de la|de|du|des|la|le|les) |(?:de )?l'|d')?", name)
    return match.group() if match else ""


def _with_town(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """With the postcode and town behind a comma, where they are there."""
    start, end = span
    comma = _TOWN.match(text, end)
    return (start, comma.end()) if comma else span
