"""What did not simply go out: failed, open and waiting messages in one list, each with what happened and the one thing to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from engagement.models import TROUBLED, Delivery, Message
from engagement.services.explain import Explanation, explain
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.paging import read_key, write_key

State = Delivery.State


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
    rows = Delivery.objects.filter(state__in=TROUBLED).select_related(*related).order_by("-created_at", "-pk")
    if after:
        at, pk = read_key(after)
        rows = rows.filter(Q(created_at__lt=at) | Q(pk__lt=pk), created_at__lte=at)
    found = list(rows[: limit + 1])
    page = found[:limit]
    entries = [OutboxEntry(delivery.message, delivery, explain(delivery, now=moment)) for delivery in page]
    return OutboxPage(entries, write_key(page[-1].created_at, page[-1].pk) if len(found) > limit else "")


def count_outbox(*, cap: int = 1000) -> int:
    """How many messages wait for a person: failed or not known. `cap` means that many or more."""
    return Delivery.objects.filter(state__in=[State.FAILED, State.UNCONFIRMED])[:cap].count()
