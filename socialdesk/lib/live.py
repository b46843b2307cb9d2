"""Live events: what happened, told to every web process after the commit. Hints only; the database is the truth."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

GROUP = "desk"  # the one subscription of each web process
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. `type` is the frame's type on `/ws/desk/`; an undeclared field is a bug."""


@dataclass(frozen=True, slots=True)
class MentionsStored(Event):
    """New mentions, and the conversations that they fell into."""

    ids: list[int]
    conversations: list[int]
    type: str = field(default="mentions.stored", init=False)


@dataclass(frozen=True, slots=True)
class ConversationsChanged(Event):
    """Status, assignee, claim, sentiment or text of these changed: each is {id, status, assignee, assignee_name, claimed_by,
    claimed_by_name, claimed_until (epoch seconds), version}. `by` is the agent who did it, or None."""

    conversations: list[dict[str, Any]]
    by: int | None = None
    type: str = field(default="conversations.changed", init=False)


@dataclass(frozen=True, slots=True)
class MessageChanged(Event):
    """A message was stored, or its delivery moved on."""

    conversation: int
    message: int
    state: str  # of its delivery, or "stored"
    agent: int | None = None
    type: str = field(default="message.changed", init=False)


@dataclass(frozen=True, slots=True)
class PresenceChanged(Event):
    """An agent looks at a conversation, types in it, or left it (`doing` is looking, typing or left)."""

    agent: int
    name: str
    conversation: int
    doing: str
    type: str = field(default="presence.changed", init=False)


@dataclass(frozen=True, slots=True)
class SourcesChanged(Event):
    """A source or an account turned bad or good: the first screen shows it."""

    troubled: int
    type: str = field(default="sources.changed", init=False)


def publish(event: Event) -> None:
    """Send `event` to every web process once the current transaction commits; at once if there is none."""
    transaction.on_commit(lambda: send_now(event))


def send_now(event: Event) -> None:
    """Send without waiting for a commit. A layer that is away loses the hint, never the work: browsers fetch what they missed."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async_to_sync(layer.group_send)(GROUP, {"type": "desk.event", "event": asdict(event)})
    except Exception:  # the layer is another server: any failure of it must not undo what was committed
        logger.warning("the live layer did not take an event", exc_info=True)
