"""The clocks of a conversation (brief B5, B7): what is due next, computed from stored facts and nothing else.

Facts: when the customer's side opened it, when it was acknowledged and first answered, since when the customer waits, and how long
the ball was with the customer. The same facts always give the same due time, so a clock never restarts silently (brief C1).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings


class Clocked(Protocol):
    """The facts that the clocks are computed from, and where the result is kept."""

    opened_at: datetime
    acknowledged_at: datetime | None
    first_answered_at: datetime | None
    waiting_since: datetime | None
    parked_at: datetime | None
    parked_seconds: int
    due_at: datetime | None
    due_kind: str

    @property
    def is_active(self) -> bool: ...


def target(kind: str) -> timedelta:
    """The target of one clock: acknowledge, first, next or final."""
    return timedelta(minutes=settings.CLOCK_MINUTES[kind])


def compute_due(conversation: Clocked) -> tuple[datetime | None, str]:
    """The nearest clock that runs, as (due at, kind); (None, "") while the ball is not with us.

    acknowledge and first run from the opening until the first answer, next from the customer's oldest unanswered post, final from the
    opening until it is resolved, put back by the time that was spent waiting for the customer.
    """
    if not conversation.is_active:
        return None, ""
    running = [(conversation.opened_at + target("final") + timedelta(seconds=conversation.parked_seconds), "final")]
    if conversation.first_answered_at is None:
        running.append((conversation.opened_at + target("first"), "first"))
        if conversation.acknowledged_at is None:
            running.append((conversation.opened_at + target("acknowledge"), "acknowledge"))
    elif conversation.waiting_since is not None:
        running.append((conversation.waiting_since + target("next"), "next"))
    return min(running)


def set_due(conversation: Clocked) -> None:
    conversation.due_at, conversation.due_kind = compute_due(conversation)


def park(conversation: Clocked, *, at: datetime) -> None:
    """The ball goes to the customer: the final clock stops."""
    if conversation.parked_at is None:
        conversation.parked_at = at


def unpark(conversation: Clocked, *, at: datetime) -> None:
    """The ball comes back: what was spent waiting does not count against us."""
    if conversation.parked_at is not None:
        conversation.parked_seconds += max(0, int((at - conversation.parked_at).total_seconds()))
        conversation.parked_at = None


def start_of_clock(*, posted_at: datetime, received_at: datetime, is_history: bool) -> datetime:
    """When a new conversation's clocks begin.

    The customer waits from the moment of posting, also while the desk was down. What is imported as history was never waiting for
    this desk, so its clocks begin when it came; the same holds for a post more than a day old.
    """
    if is_history or posted_at < received_at - timedelta(days=1):
        return received_at
    return min(posted_at, received_at)
