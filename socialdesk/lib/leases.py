"""Leases on rows: one worker at a time does what a row stands for, and another takes over soon after it died."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from socialdesk.lib.clock import now


@dataclass(slots=True)
class Lease:
    """Held until `until`, which stands in the row itself: whoever finds another moment there has lost it."""

    rows: QuerySet[Any]  # the one row
    field: str
    length: timedelta
    until: datetime

    def renew(self) -> bool:
        """Hold on for another `length`. False if another worker has taken over."""
        fresh = now() + self.length
        if self._mine().update(**{self.field: fresh}) != 1:
            return False
        self.until = fresh
        return True

    def release(self, **changes: Any) -> None:
        """Let go, and change the row with it; if another worker has taken over, nothing is changed."""
        self._mine().update(**{self.field: None}, **changes)

    def _mine(self) -> QuerySet[Any]:
        return self.rows.filter(**{self.field: self.until})


def is_free(field: str, moment: datetime) -> Q:
    """Nobody holds the lease in that field, or whoever did has died."""
    return Q(**{field: None}) | Q(**{f"{field}__lt": moment})


def take(due: QuerySet[Any], *, pk: int, field: str, length: timedelta) -> Lease | None:
    """The lease on that row, if it is one of `due` and nobody holds it."""
    moment = now()
    until = moment + length
    rows: QuerySet[Any] = due.model._default_manager.filter(pk=pk)
    # Asked outside of `due`, which may be a subquery: only of the row itself does a database that had to wait for it look again.
    if rows.filter(is_free(field, moment), pk__in=due.filter(pk=pk).values("pk")).update(**{field: until}) != 1:
        return None
    return Lease(rows, field, length, until)
