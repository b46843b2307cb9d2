"""Keys of our own records, made of what they are for: the same one on each try, so that a second try meets the first.

A key is a TID: 53 bits of microseconds and 10 of a clock, in thirteen letters (AT Protocol, "Timestamp Identifier"). Ours take both from a
hash, with a time in the first year of the network. So they are valid, practically never meet each other, and can be told from those that
other programs give, whose time is that of writing.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

_LETTERS = "234567abcdefghijklmnopqrstuvwxyz"
_FIRST = int(datetime(2023, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_TIME_BITS, _CLOCK_BITS = 44, 10  # 2^44 us are 203 days
LENGTH = 13


def key_for(*parts: str) -> str:
    """The key for these words, always the same."""
    drawn = int.from_bytes(hashlib.sha256("\n".join(parts).encode()).digest()[:8], "big")
    micros = _FIRST + (drawn >> _CLOCK_BITS) % (1 << _TIME_BITS)
    return _encode(micros << _CLOCK_BITS | drawn % (1 << _CLOCK_BITS))


def time_of(key: str) -> datetime | None:
    """The time that a key says; None where it is no TID."""
    if len(key) != LENGTH or key[0] not in _LETTERS[:16] or any(letter not in _LETTERS for letter in key):
        return None
    number = 0
    for letter in key:
        number = number << 5 | _LETTERS.index(letter)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number >> _CLOCK_BITS)


def is_ours(key: str) -> bool:
    """Whether `key_for` made it."""
    at = time_of(key)
    first = datetime(2023, 1, 1, tzinfo=UTC)
    return at is not None and first <= at < first + timedelta(microseconds=1 << _TIME_BITS)


def _encode(number: int) -> str:
    return "".join(_LETTERS[number >> 5 * place & 31] for place in reversed(range(LENGTH)))
