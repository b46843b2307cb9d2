"""Filters that agents keep as views of their own."""

from __future__ import annotations

from typing import Any

from listening.models import SavedSearch
from profiles.models import Agent
from socialdesk.lib.errors import DeskError, NotFound

MOST = 20  # views with live counts; more would cost everybody


def save_search(*, agent: Agent, name: str, filters: dict[str, Any]) -> SavedSearch:
    """Keep `filters` under `name`; the same name again replaces it."""
    name = name.strip()[:60]
    if not name:
        raise DeskError("Give the search a name.")
    known = SavedSearch.objects.filter(agent=agent)
    if known.exclude(name=name).count() >= MOST:
        raise DeskError(f"You have {MOST} saved searches. Delete one first.")
    search, _ = SavedSearch.objects.update_or_create(agent=agent, name=name, defaults={"filters": filters})
    return search


def delete_search(*, agent: Agent, pk: int) -> None:
    deleted, _ = SavedSearch.objects.filter(agent=agent, pk=pk).delete()
    if not deleted:
        raise NotFound("There is no such saved search of yours.")
