"""What did not simply go out: failed, open and waiting messages in one list, each with what happened and the one thing to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engagement.models import TROUBLED, Delivery, Message
from engagement.services.explain import Explanation, explain
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.paging import page_of


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A message with its conversation, author of the conversation, agent and mention loaded."""

    message: Message
    delivery: Delivery
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class OutboxPage:
    """Newest first. `next` is the key to ask for what follows, "" at the end."""

    entries: list[OutboxEntry]
    next: str


def read_outbox(*, after: str = "", limit: int = 50, now: datetime | None = None) -> OutboxPage:
    """Deliveries that failed, that nobody knows of, or that are being tried again; one query. Raises DeskError for a key that is none."""
    moment = now or current_time()
    related = ("message__agent", "message__mention", "message__conversation__author")
    rows = Delivery.objects.filter(any_of("state", TROUBLED)).select_related(*related)
    page, following = page_of(rows, field="created_at", after=after, limit=limit)
    entries = [OutboxEntry(delivery.message, delivery, explain(delivery, now=moment)) for delivery in page]
    return OutboxPage(entries, following)
