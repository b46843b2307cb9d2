"""Tickets as lists: what is late first, or the newest first, page by page."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Q, QuerySet

from engagement.models import Ticket
from engagement.services.tickets import overdue
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.paging import read_key, write_key

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
    by_due = view not in ("solved", "closed")
    if after:
        at, pk = read_key(after)
        past = Q(due_at__gt=at) | Q(due_at=at, pk__gt=pk) if by_due else Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk)
        found = found.filter(past)
    found = found.filter(due_at__isnull=False).order_by("due_at", "pk") if by_due else found.order_by("-created_at", "-pk")
    rows = list(found[: limit + 1])
    page = rows[:limit]
    following = ""
    if len(rows) > limit:
        last = page[-1]
        following = write_key(last.due_at if by_due and last.due_at else last.created_at, last.pk)
    return TicketPage(page, following)


def _in_view(view: str, agent: Agent) -> QuerySet[Ticket]:
    if view == "overdue":
        return overdue(now())
    if view in _OVER:
        return Ticket.objects.filter(state=view)
    still_open = Ticket.objects.exclude(state__in=_OVER)
    return still_open.filter(assignee=agent) if view == "mine" else still_open
