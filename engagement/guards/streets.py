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
# “14 Cotham Brow, Bristol BS6 6AN”: with its postcode behind it a street needs no word for streets.
_WITH_CODE = re.compile(rf"{_BEGINS}\d{{1,4}}[a-h]?,? (?P<name>{_NAME}(?:,? {_NAME}){{0,4}}),? {_BRITISH_CODE}")
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
_ARABIC_NUMBERED = r"(?:رقم )?\d{1,4}(?: ?[^\W\d](?!\w))?"  # a street that is called by its number: شارع 8ب
# “شارع المحطة 12” is an address, “شارع الكورنيش، المحطة 12” names a station.
_ARABIC_WORD = rf"(?!(?:{source('not_in_street_ar')}|(?<=, )(?:{source('numbered_places', 'ar')}))(?!\w))[^\W\d]{{1,20}}"
_ARABIC = (
    re.compile(
        rf"(?<!\w)[وبل]?(?:{source('streets_ar')})(?: {_ARABIC_WORD},?){{1,6}},? "
        rf"(?:(?:رقم|{_ARABIC_HOUSE}) ){{0,2}}(?P<number>\d{{1,5}}){_ENDS}"
    ),
    re.compile(
        rf"(?<!\w)(?:{_ARABIC_HOUSE})(?: رقم)? \d{{1,5}}[ ,]{{1,3}}(?:{source('streets_ar')}) (?:{_ARABIC_WORD}|{_ARABIC_NUMBERED})(?!\w)"
    ),
    re.compile(rf"(?<!\w)(?:{source('streets_ar')}) {_ARABIC_NUMBERED}[ ,]{{1,3}}(?:{_ARABIC_HOUSE})(?: رقم)? \d{{1,5}}{_ENDS}"),
    re.compile(rf"(?<![\w:/.])\d{{1,4}},? (?:{source('streets_ar')}) {_ARABIC_WORD}(?!\w)"),
)
# “Villa 17, Street 8b” and “Street 12, House 7”
_ROAD = r"(?:street|st|road|rd|avenue|ave|lane|strasse|rue|calle)\.?"
_NUMBERED = (
    re.compile(rf"(?<!\w)(?:{source('houses')})\.? (?:no\.? ?|nr\.? ?|n° ?)?\d{{1,4}}[a-h]?[ ,]{{1,3}}{_ROAD} \d{{1,3}}[a-z]?(?!\w)"),
    re.compile(rf"(?<!\w){_ROAD} \d{{1,3}}[a-z]?[ ,]{{1,3}}(?:{source('houses')})\.? (?:no\.? ?|nr\.? ?|n° ?)?\d{{1,4}}[a-h]?(?!\w)"),
)
_BOX = re.compile(rf"(?<!\w)(?:{source('boxes')})(?!\w)\.?:? ?(?:no\.? ?|nr\.? ?|n° ?)?\d{{2,7}}(?: \d\d){{0,3}}(?!\w)")
_FLAT = re.compile(rf"(?<!\w)(?:{source('flats')})\.? ?(?:no\.? ?)?\d{{1,4}}[a-h]?, ?\d{{1,4}}[a-h]? {_NAME}")
_CODE = re.compile(rf"(?<!\w){_BRITISH_CODE}")
_TOWN = re.compile(rf",? (?:{_TOWN_CODE} {_NAME}|(?:{_NAME},? )?{_BRITISH_CODE})")
_OF_A_PLACE = re.compile(rf"(?<!\w)(?:{source('numbered_places')})\.?(?: (?:{source('marks')})\.?)? ?#?\Z")
_COUNTED_BEFORE = re.compile(rf"(?<!\w)\d{{1,4}} (?:\w+ )?(?:{source('counted')})(?!\w)[^.!?\n]*\Z")
_NEAR = 40  # characters in which a postcode belongs to a street
_BEFORE = 60  # characters in which a count or a place's name stands before a street


def find_streets(reading: Reading) -> list[tuple[int, int]]:
    """`reading` is without links."""
    found = [_with_town(reading.text, span) for span in (*_english(reading), *_german(reading), *_french(reading), *_spanish(reading))]
    found += _arabic(reading)
    for pattern in (*_NUMBERED, _BOX, _FLAT):
        found += [match.span() for match in pattern.finditer(reading.text)]
    for match in _WITH_TOWN.finditer(reading.text):
        if _are_capital(reading, match.start("town" if match["town"] else "place")):
            found.append(match.span())
    return found


def _english(reading: Reading) -> Iterator[tuple[int, int]]:
    for match in _ENGLISH.finditer(reading.text):
        is_sure = not match["doubtful"] or _are_capital(reading, match.start("name"), match.start("doubtful"))
        if is_sure and not any(_is_small(reading, word.start()) for word in _not_names(match)) and not _is_a_places(match):
            yield match.span()
    for match in _WITH_CODE.finditer(reading.text):
        if _are_capital(reading, match.start("name")) and not any(_not_names(match)) and not _is_a_places(match):
            yield match.span()
    for match in _THE.finditer(reading.text):
        if _are_capital(reading, match.start("kind")) and _CODE.search(reading.text, match.end(), match.end() + _NEAR):
            yield match.span()


def _german(reading: Reading) -> Iterator[tuple[int, int]]:
    for match in _GERMAN.finditer(reading.text):
        if not words("no_street_de").fullmatch(match["street"]) and not _counts(match):
            yield match.span()


def _french(reading: Reading) -> Iterator[tuple[int, int]]:
    for match in _FRENCH.finditer(reading.text):
        if not (match["doubtful"] and not _are_capital(reading, match.start("name"))) and not _is_a_places(match):
            yield match.span()


def _spanish(reading: Reading) -> Iterator[tuple[int, int]]:
    for match in _SPANISH.finditer(reading.text):
        if not words("not_in_street").search(match["name"]) and not _counts(match):
            yield match.span()


def _arabic(reading: Reading) -> Iterator[tuple[int, int]]:
    behind, *others, before = _ARABIC
    yield from (match.span() for match in behind.finditer(reading.text) if not _counts(match))
    yield from (match.span() for pattern in others for match in pattern.finditer(reading.text))
    yield from (match.span() for match in before.finditer(reading.text) if not _is_a_places(match))


def _not_names(match: re.Match[str]) -> Iterator[re.Match[str]]:
    for topic in ("not_in_street", "counted"):
        yield from words(topic).finditer(match.string, *match.span("name"))


def _is_a_places(match: re.Match[str]) -> bool:
    """“Station 12, Harbour Street”: the number before the street is the station's."""
    return _OF_A_PLACE.search(match.string, max(0, match.start() - _BEFORE), match.start()) is not None


def _counts(match: re.Match[str]) -> bool:
    """Whether the number behind the street is no house's: “Heimweg 20 Minuten”, “calle Mayor, 6 bicis libres”."""
    text, behind = match.string, match.end("number") + 1
    if words("units").match(text, behind) or words("counted").match(text, behind):
        return True
    before = _COUNTED_BEFORE.search(text, max(0, match.start() - _BEFORE), match.start())
    return before is not None and words("of_these").match(text, behind) is not None


def _is_small(reading: Reading, at: int) -> bool:
    """“3 Ashley Down Rd” is an address, “3 minutes down the road” is none."""
    return not reading.written(at, at + 1).isupper()


def _are_capital(reading: Reading, *places: int) -> bool:
    return all(reading.written(at, at + 1).isupper() for at in places)


def _with_town(text: str, span: tuple[int, int]) -> tuple[int, int]:
    """With the postcode and town behind it, where they are there."""
    town = _TOWN.match(text, span[1])
    return (span[0], town.end()) if town else span
