"""Holds off whoever tries codes: wrong ones are counted by address and in all, slowed down and told to people (invariant 12)."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from prometheus_client import Counter

from socialdesk.lib.throttle import count, read_count

logger = logging.getLogger(__name__)

WINDOW = 600  # seconds for which a wrong code counts
MOST_WRONG = 20  # of one address in a window; a person who mistypes needs a handful
ALARMING = 200  # of all addresses in a window

_WRONG = Counter("socialdesk_link_wrong_codes", "Wrong short-link codes that were tried.")
_HELD_OFF = Counter("socialdesk_link_held_off", "Requests for short links that were refused because of wrong codes before them.")


@dataclass(frozen=True, slots=True)
class Guessing:
    """Wrong codes of the current window, and how many addresses were held off in it."""

    wrong: int
    held_off: int

    @property
    def is_alarming(self) -> bool:
        return self.held_off > 0 or self.wrong >= ALARMING


def is_held_off(address: str) -> bool:
    """Whether this address has tried too many wrong codes; it is not even looked up any more until its window ends."""
    if read_count(f"links:wrong:{address}") < MOST_WRONG:
        return False
    _HELD_OFF.inc()
    return True


def note_wrong(address: str) -> None:
    """A code that does not work was tried: an unknown, an expired, a revoked or a used one."""
    _WRONG.inc()
    if _count(f"links:wrong:{address}") == MOST_WRONG:
        _count("links:held_off")
        # Not the code and not the address: a log is read by more people than the links are meant for.
        logger.warning("an address tried %d wrong short-link codes and is held off for %d minutes", MOST_WRONG, WINDOW // 60)
    if _count("links:wrong") == ALARMING:
        logger.warning("%d wrong short-link codes within %d minutes: somebody may be guessing", ALARMING, WINDOW // 60)


def read_guessing() -> Guessing:
    return Guessing(read_count("links:wrong"), read_count("links:held_off"))


def _count(key: str) -> int:
    return count(key, seconds=WINDOW)
