"""Puts off what is dearest to do once for many people: their words for the search, and the look for their doubles.

Who takes over a whole file does both once for each transaction, not for each row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_gathered: ContextVar[set[int] | None] = ContextVar("put_off", default=None)


@contextmanager
def put_off() -> Iterator[set[int]]:
    """The ids of the profiles for which work was put off inside. Whoever opens this does the work, in the same transaction."""
    ids: set[int] = set()
    token = _gathered.set(ids)
    try:
        yield ids
    finally:
        _gathered.reset(token)


def is_put_off(*profile_ids: int) -> bool:
    """Whether somebody does it later for these, who are then among theirs."""
    ids = _gathered.get()
    if ids is None:
        return False
    ids.update(profile_ids)
    return True
