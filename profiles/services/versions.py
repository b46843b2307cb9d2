"""Versions of what is edited: who wrote it, when, and where it is from. The library keeps them; this says what stands on each."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from profiles.models import Agent

FIRST_SEEN = "as first seen"


def stamp(row: Any, *, source: str, agent: Agent | None, at: datetime) -> None:
    """What the version says that the next `save()` of `row` makes. Rows that are changed by `update()` make none."""
    row._history_user = agent
    row._change_reason = source[:100]
    row._history_date = at


def keep_first_version(row: Any, *, since: datetime) -> None:
    """Before the first edit of a row that was written without one, as intake does: what stood there is a version too."""
    if not row.history.exists():
        type(row).history.bulk_history_create([row], default_user=None, default_change_reason=FIRST_SEEN, default_date=since)
