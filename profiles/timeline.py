"""The one registry by which the apps above tell what happened with a person, without being imported from below.

Each app registers, in `AppConfig.ready()`, a function that reads its part of a profile's history.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a profile's history. `url` leads to it."""

    at: datetime
    kind: str  # mention, reply, direct_message, note, ...
    key: str  # unique within the kind, for paging
    text: str
    url: str = ""
    who: str = ""


# Newest first, older than `before` (None: from the newest), at most `limit`.
Provider = Callable[[list[int], datetime | None, int], Iterable[Entry]]
_providers: dict[str, Provider] = {}


def register(name: str, provider: Provider) -> None:
    """Add a part of the timeline. `provider(handle_ids, before, limit)` costs a fixed number of queries."""
    _providers[name] = provider


def read_timeline(*, handle_ids: list[int], before: datetime | None = None, limit: int = 50) -> list[Entry]:
    """The newest `limit` entries of all parts that are older than `before`, newest first."""
    parts = [list(provider(handle_ids, before, limit)) for provider in _providers.values()]
    return list(islice(merge(*parts, key=lambda entry: entry.at, reverse=True), limit))
