"""One at a time of what runs again and again: whoever finds another one at it ends at once, so that it never takes a second worker.

Held in the cache, which all processes share where there are several. It spares workers and keeps nothing right: rows do that by
themselves, so that two at once after all, as when the cache was emptied, cost time and nothing else.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.core.cache import cache


@dataclass(frozen=True, slots=True)
class Turn:
    """Held for `seconds` from the last `renew`; then its holder is taken for dead."""

    key: str
    mine: str
    seconds: int

    def renew(self) -> bool:
        """Hold on. False if it took so long that another one may have begun."""
        return cache.get(self.key) == self.mine and cache.touch(self.key, self.seconds)

    def end(self) -> None:
        if cache.get(self.key) == self.mine:  # else it is another one's by now
            cache.delete(self.key)


@contextmanager
def only_one(name: str, *, seconds: int) -> Iterator[Turn | None]:
    """The turn at `name`, or None while another one has it."""
    turn = Turn(f"turn:{name}", uuid.uuid4().hex, seconds)
    if not cache.add(turn.key, turn.mine, seconds):
        yield None
        return
    try:
        yield turn
    finally:
        turn.end()
