"""The one registry by which the apps above tell what happened with a person, without being imported from below.

Each app registers, in `AppConfig.ready()`, its parts of a profile's history.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any

from django.db.models import QuerySet

from profiles.models import Handle
from socialdesk.lib.existing import which_exist


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a profile's history. `url` leads to it."""

    at: datetime
    kind: str  # mention, reply, direct_message, note, ...
    key: str  # unique within the kind, for paging
    text: str
    url: str = ""
    who: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of row in a history: the rows of some handles, the field that says when, and how one of them looks.

    `is_rare`: most people have none; then it costs nothing to have such a part.
    """

    rows: Callable[[list[int]], QuerySet[Any]]
    at: str
    entry: Callable[[Any], Entry]
    is_rare: bool = True

    def read(self, handle_ids: list[int], before: datetime | None, limit: int) -> list[Entry]:
        """Newest first, older than `before` (None: from the newest), at most `limit`. One query."""
        rows = self.rows(handle_ids)
        if before is not None:
            rows = rows.filter(**{f"{self.at}__lt": before})
        return [self.entry(row) for row in rows.order_by(f"-{self.at}", "-pk")[:limit]]


_parts: dict[str, Part] = {}


def register(name: str, part: Part) -> None:
    """Add a part to everybody's history."""
    _parts[name] = part


def read_timeline(*, handle_ids: list[int], before: datetime | None = None, limit: int = 50) -> list[Entry]:
    """The newest `limit` entries of all parts that are older than `before`, newest first.

    One query for each part that is not rare, one for all that are, and one for each of those that this person has.
    """
    rare = [part for part in _parts.values() if part.is_rare]
    present = which_exist(Handle.objects.filter(pk__in=handle_ids[:1]), [part.rows(handle_ids) for part in rare])
    absent = {part for part, is_present in zip(rare, present, strict=True) if not is_present}
    entries = [part.read(handle_ids, before, limit) for part in _parts.values() if part not in absent]
    return list(islice(merge(*entries, key=lambda entry: entry.at, reverse=True), limit))
