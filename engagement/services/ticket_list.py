"""Tickets as lists: what is late first, or the newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from engagement.models import TICKET_OPEN, Ticket
from engagement.services.tickets import overdue
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.conditions import any_of
from socialdesk.lib.paging import page_of

_OVER = (Ticket.State.SOLVED, Ticket.State.CLOSED)
PAGE = 50


@dataclass(frozen=True, slots=True)
class TicketPage:
    """`next` is the key to ask for what follows, "" at the end."""

    tickets: list[Ticket]
    next: str


def read_tickets(*, view: str, agent: Agent, after: str = "", limit: int = PAGE) -> TicketPage:
    """`view`: open, mine and overdue by their due time, solved and closed the newest first. One query."""
    found = _in_view(view, agent).select_related("conversation__author", "assignee", "link")
    is_over = view in _OVER
    return TicketPage(*page_of(found, field="created_at" if is_over else "due_at", after=after, limit=limit, oldest_first=not is_over))


def _in_view(view: str, agent: Agent) -> QuerySet[Ticket]:
    if view == "overdue":
        return overdue(now())
    if view in _OVER:
        return Ticket.objects.filter(state=view)
    still_open = Ticket.objects.filter(any_of("state", TICKET_OPEN))
    return still_open.filter(assignee=agent) if view == "mine" else still_open
