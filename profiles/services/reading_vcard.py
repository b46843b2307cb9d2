"""vCards of versions 2.1, 3.0 and 4.0, card by card: a broken one refuses only itself.

Read are FN or N, ORG, EMAIL, TEL, ADR, CATEGORIES, LANG and TZ, and UID as the number in the other system. Left out are pictures,
birthdays, notes (they would be somebody else's words about a person) and addresses of accounts: an account becomes a handle by what it
writes, not by what a file says of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import vobject

from profiles.services.import_fields import join_cell
from profiles.services.reading import KEPT, Line, Lines, Row

# The columns of a card, in the order of its cells.
COLUMNS = ("name", "company", "emails", "phones", "addresses", "tags", "language", "time_zone", "external_id")
MAPPING = {column: column for column in COLUMNS}
_LONGEST_CARD = 4_000_000  # characters: cards carry pictures
_TOO_LONG = "This card is longer than a card can be."
_NO_END = "This card has no END:VCARD."
_UNREADABLE = "This card cannot be read: {}."
_OUTSIDE = "This line stands outside of a card."
_SKIPPED = re.compile(r"(?i)^(?:[\w-]+\.)?(photo|logo|sound|key)[;:]")
_PROBLEM_AT = re.compile(r"^At line \d+: ")


def read_cards(file: BinaryIO, *, encoding: str, position: int = 0, line: int = 0) -> Iterator[Row]:
    """The cards behind `position`. Every line that is not blank is in one row, read or refused."""
    lines = Lines(file, encoding=encoding, position=position, number=line)
    while (first := lines.take()) is not None:
        if not first.text.strip():
            continue
        if not _is(first, "BEGIN:VCARD"):
            yield Row(first.number, 1, first.end, first.text[:KEPT], problem=_OUTSIDE)
            continue
        card, last, problem = _take_card(lines, first)
        raw = "\n".join(card)
        count = last.number - first.number + 1
        cells: tuple[str, ...] = ()
        if not problem:
            try:
                cells = _read_card(raw)
            except Exception as error:  # the library fails in many ways over what is no card
                problem = _UNREADABLE.format(_PROBLEM_AT.sub("", str(error))[:120].rstrip(".") or "it follows no version of the format")
        yield Row(first.number, count, last.end, raw[:KEPT], cells, problem)


def _is(line: Line, words: str) -> bool:
    return line.text.strip().upper().replace(" ", "") == words


def _take_card(lines: Lines, first: Line) -> tuple[list[str], Line, str]:
    """(its lines without pictures, the last of them, what is wrong with it)."""
    card, last, size, is_skipping = [first.text], first, 0, False
    problem = ""
    while (following := lines.peek(0)) is not None:
        if _is(following, "BEGIN:VCARD"):
            return card, last, problem or _NO_END
        last = lines.take() or following
        size += len(last.text)
        if last.is_too_long or size > _LONGEST_CARD:
            problem = _TOO_LONG
        is_continued = last.text[:1] in (" ", "\t")
        is_skipping = (is_skipping and is_continued) or bool(_SKIPPED.match(last.text))
        if not is_skipping and not problem:
            card.append(last.text)
        if _is(last, "END:VCARD"):
            return card, last, problem
    return card, last, problem or _NO_END


def _read_card(text: str) -> tuple[str, ...]:
    card = vobject.readOne(text + "\n", allowQP=True, validate=False)
    content: Mapping[str, list[Any]] = card.contents
    values = {
        "name": _name(content),
        "company": _first(content, "org"),
        "emails": join_cell("emails", _all(content, "email", prefix="mailto:")),
        "phones": join_cell("phones", _all(content, "tel", prefix="tel:")),
        "addresses": join_cell("addresses", [address for entry in content.get("adr", []) if (address := _address(entry.value))]),
        "tags": join_cell("tags", [tag for entry in content.get("categories", []) for tag in _words(entry.value)]),
        "language": _first(content, "lang"),
        "time_zone": zone if "/" in (zone := _first(content, "tz")) else "",
        "external_id": _first(content, "uid").removeprefix("urn:uuid:"),
    }
    return tuple(values[column] for column in COLUMNS)


def _name(content: Mapping[str, list[Any]]) -> str:
    name = _first(content, "fn")
    if not name and "n" in content:
        parts = content["n"][0].value
        name = " ".join(part for value in (parts.given, parts.additional, parts.family) for part in _words(value))
    return name


def _first(content: Mapping[str, list[Any]], key: str) -> str:
    found = [words[0] for entry in content.get(key, []) if (words := _words(entry.value))]
    return found[0] if found else ""


def _all(content: Mapping[str, list[Any]], key: str, *, prefix: str) -> list[str]:
    found: list[str] = []
    for entry in content.get(key, []):
        for word in _words(entry.value):
            value = word[len(prefix) :] if word.lower().startswith(prefix) else word
            if value and value not in found:
                found.append(value)
    return found


def _address(address: Any) -> str:
    town = " ".join(word for value in (address.code, address.city) for word in _words(value))
    parts = (address.box, address.extended, address.street, town, address.region, address.country)
    return ", ".join(part for value in parts if (part := ", ".join(_words(value))))


def _words(value: Any) -> list[str]:
    """The texts of a value that is one or a list of them, each on one line."""
    given = value if isinstance(value, list | tuple) else [value]
    return [text for item in given if (text := " ".join(str(item).split()))]
