"""Versions of what is edited: who wrote it, when, and where it is from. The library keeps them; this says what stands on each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from profiles.models import Agent

FIRST_SEEN = "as first seen"
BY_HAND = "agent"  # the source of what a colleague wrote


def stamp(row: Any, *, source: str, agent: Agent | None, at: datetime) -> None:
    """What the version says that the next `save()` of `row` makes. Rows that are changed by `update()` make none."""
    row._history_user = agent
    row._change_reason = source[:100]
    row._history_date = at


def writers_of(model: Any, ids: Iterable[int]) -> dict[int, str]:
    """{id: name} of who last wrote each of these rows by hand, as far as it is known. One query, none where there are no rows."""
    written = model.history.filter(id__in=list(ids), history_change_reason=BY_HAND, history_user__isnull=False)
    in_order = written.select_related("history_user").order_by("history_date", "history_id")
    return {version.id: version.history_user.name for version in in_order}


def keep_first_version(row: Any, *, since: datetime) -> None:
    """Before the first edit of a row that was written without one, as intake does: what stood there is a version too."""
    if not row.history.exists():
        type(row).history.bulk_history_create([row], default_user=None, default_change_reason=FIRST_SEEN, default_date=since)
