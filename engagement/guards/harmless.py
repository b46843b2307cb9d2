"""What holds digits and is nobody's: dates, times, prices, amounts, versions, part numbers, links, names and tags."""

from __future__ import annotations

import re

from engagement.guards.reading import Reading, find_all, find_links, names_and_tags
from engagement.guards.vocabulary import source

_DAY, _MONTH, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19|20)\d\d"
_AMOUNT = r"(?<![\d.,'+-])(?:\d{1,3}(?:[ .,']\d{3})+(?:[.,]\d{1,2})?|\d{1,12}(?:[.,]\d{1,6})?)"
_PATTERNS = (
    # dates
    re.compile(rf"(?<![\d./-]){_YEAR}([-./]){_MONTH}\1{_DAY}(?!\d)"),
    re.compile(rf"(?<!\d)(?<!\d[./-]){_DAY}([-./]){_MONTH}\1(?:{_YEAR}|\d\d)?(?!\d)(?![./-]\d)"),
    # times, and hours written as four digits
    re.compile(r"(?<![\d:])(?:[01]?\d|2[0-4])(?::[0-5]\d){1,2}(?![\d])"),
    re.compile(r"(?<!\d)(?:[01]\d|2[0-4])(?:00|15|30|45) ?(?:-|/) ?(?:[01]\d|2[0-4])(?:00|15|30|45)(?! ?\d)"),
    # prices and amounts
    re.compile(rf"[$£€¥₹] ?{_AMOUNT}"),
    re.compile(rf"{_AMOUNT}(?: (?:{source('multiples')}))? ?(?:[$£€¥₹%°]|(?:{source('units')})(?!\w))"),
    re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d])"),
    # versions and addresses of machines; what may be a telephone number is left
    re.compile(r"(?<![\w.])(?!0\d)(?!\d{3}\.\d{3}\.\d{3,4}(?!\d))v?\d{1,4}(?:\.\d{1,6}){2,4}(?![\w])(?!\.\d)"),
    # what is named as a thing's number
    re.compile(
        rf"(?<!\w)(?:{source('things')})(?!\w)\.?(?: ?(?:{source('marks')})(?!\w)\.?)?[ :#]{{0,3}}"
        r"[a-z]{0,4}[ -]?\d[\w./-]{0,40}(?: \d{1,7}){0,4}"
    ),
    re.compile(r"(?<!\w)0x[0-9a-f]{2,16}(?!\w)"),
)  # fmt: skip


def without_links(reading: Reading) -> Reading:
    """The draft with what is in links hidden, and names and tags with them: digits there are no numbers of people."""
    return reading.hide([*find_links(reading), *names_and_tags(reading)])


def hide_harmless(reading: Reading) -> Reading:
    for pattern in _PATTERNS:
        reading = reading.hide(find_all(pattern, reading))
    return reading
