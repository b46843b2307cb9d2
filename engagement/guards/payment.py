"""Card numbers and IBANs: told from other digits by their check sums."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engagement.guards.reading import Reading

_RUN = re.compile(r"(?<!\w)\d+(?:[ \-._/*|]{1,3}\d+)*(?!\w)")
_IBAN_START = re.compile(r"(?<![a-z0-9])(?:iban)?([a-z]{2}\d\d)(?=[ .\-]{0,2}[a-z0-9])")
_IBAN_NAMED = re.compile(
    r"(?<!\w)iban(?!\w)[^\w\n]{0,3}(?:(?:is|ist|est|es|lautet|هو)[ :]{1,2})?([a-z]{2} ?\d{2}(?:[ .-]{0,2}[a-z0-9]){11,30})(?!\w)"
)
_WINDOW = 70  # characters in which an IBAN with its spaces stands
# How long a card number is by how it begins (ISO/IEC 7812; the schemes' own tables).
_CARDS = (
    (re.compile(r"4"), (16,)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"30[0-5]|3[689]"), (14, 16)),
    (re.compile(r"6011|65|64[4-9]|35(?:2[89]|[3-8])"), (16,)),
    (re.compile(r"62|81"), (16, 17, 18, 19)),
    (re.compile(r"50|5[6-8]|6304|67"), (12, 13, 16, 18, 19)),
    (re.compile(r"220[0-4]|9792|60|82|508"), (16,)),
)
# How many characters a country's IBAN has (SWIFT's registry).
_LENGTHS = {
    country: length
    for length, countries in (
        (15, "no"), (16, "be"), (18, "dk fi fk fo gl nl sd"), (19, "mk si"), (20, "at ba ee kz lt lu mn xk"),
        (21, "ch hr li lv"), (22, "bg bh cr de gb ge ie me rs va"), (23, "ae gi il iq om so tl"),
        (24, "ad cz es md pk ro sa se sk tn vg"), (25, "ly pt st"), (26, "dz is tr"), (27, "bi dj fr gr it mc mr sm"),
        (28, "al az by cy do gt hu lb ma ni pl sn sv"), (29, "br eg ps qa ua"), (30, "jo kw mu ye"), (31, "mt sc"), (33, "ru"),
    )
    for country in countries.split()
}  # fmt: skip


def find_cards(reading: Reading) -> list[tuple[int, int]]:
    """Full card numbers whose check digit is right. `reading` is without links."""
    found = []
    for match in _RUN.finditer(reading.text):
        groups = [(part.start(), part.end()) for part in re.finditer(r"\d+", match.group())]
        at = 0
        while at < len(groups):
            size = _card_at(match.group(), groups, at)
            if size:
                found.append((match.start() + groups[at][0], match.start() + groups[at + size - 1][1]))
            at += size or 1
    return found


def _card_at(run: str, groups: Sequence[tuple[int, int]], at: int) -> int:
    """How many groups from `at` on make a card number; 0 if none do."""
    digits = ""
    lengths: tuple[int, ...] = ()
    for size, (start, end) in enumerate(groups[at : at + 19], 1):
        digits += run[start:end]
        if len(digits) > 19:
            return 0
        if len(digits) >= 4 and not lengths:
            lengths = tuple(length for beginning, allowed in _CARDS if beginning.match(digits) for length in allowed)
            if not lengths:
                return 0
        if len(digits) in lengths and _luhn(digits):
            return size
    return 0


def _luhn(digits: str) -> bool:
    if len(set(digits)) == 1:
        return False
    odd, even = digits[-1::-2], digits[-2::-2]
    return (sum(map(int, odd)) + sum(sum(divmod(2 * int(digit), 10)) for digit in even)) % 10 == 0


def find_ibans(reading: Reading) -> list[tuple[int, int]]:
    """IBANs whose check digits are right, and what is called one though they are wrong."""
    text = reading.text
    found = [match.span(1) for match in _IBAN_NAMED.finditer(text)]
    for match in _IBAN_START.finditer(text):
        wanted = _LENGTHS.get(text[match.start(1) : match.start(1) + 2])
        if not wanted or (found and match.start(1) < found[-1][1]):
            continue
        places = [at for at in range(match.start(1), min(len(text), match.start(1) + _WINDOW)) if text[at].isalnum()][:wanted]
        compact = "".join(text[at] for at in places)
        between = text[match.start(1) : places[-1] + 1]
        is_numeric = 2 * sum(map(str.isdigit, compact)) >= wanted
        if len(compact) == wanted and is_numeric and set(between) <= _IBAN_SIGNS and _mod_97(compact):
            found.append((match.start(1), places[-1] + 1))
    return found


_IBAN_SIGNS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789 -._/")


def _mod_97(compact: str) -> bool:
    moved = compact[4:] + compact[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1
