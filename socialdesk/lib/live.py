"""Live events: what happened, told to every web process after the commit. Hints only; the database is the truth.

How they arrive in a browser, merged and numbered, is described in `frames.py`.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import secrets
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from dataclasses import asdict, dataclass, field
from typing import Any

from channels.layers import get_channel_layer
from django.db import transaction

GROUP = "desk"  # the one subscription of each web process
MESSAGE_TYPE = "desk.event"
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
class ActChanged(Event):
    """Somebody likes or hides a post, takes that back, or takes an answer of ours down: `kind` is like, hide or delete."""

    conversation: int
    act: int
    kind: str
    state: str
    agent: int | None
    type: str = field(default="act.changed", init=False)


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
    """A source or an account turned bad or good: the first screen shows it. `network` is that of an account that can do more or less
    than before, so that whoever writes there is told; "" where no account did."""

    troubled: int
    network: str = ""
    type: str = field(default="sources.changed", init=False)


@dataclass(frozen=True, slots=True)
class LinkChanged(Event):
    """A short link was made or revoked, or its customer came further: `progress` is unopened, opened, filling or sent."""

    conversation: int
    link: int
    kind: str
    progress: str
    type: str = field(default="link.changed", init=False)


@dataclass(frozen=True, slots=True)
class CallbacksChanged(Event):
    """A customer asked for a call, or one moved on. `state` is the request's."""

    callback: int
    conversation: int
    state: str
    type: str = field(default="callbacks.changed", init=False)


@dataclass(frozen=True, slots=True)
class TicketChanged(Event):
    """A ticket was made, moved on or written in."""

    conversation: int
    ticket: int
    state: str
    type: str = field(default="ticket.changed", init=False)


@dataclass(frozen=True, slots=True)
class TicketLate(Event):
    """A promise to write in a ticket has run out. `name` is what people call it, `agent` who has it, or None."""

    conversation: int
    ticket: int
    name: str
    agent: int | None
    type: str = field(default="ticket.late", init=False)


@dataclass(frozen=True, slots=True)
class ApprovalsChanged(Event):
    """A draft waits for a lead, or was decided. `state` is its approval's, `agent` its author, `by` the name of who did it; `pending`
    is how many wait now."""

    approval: int
    conversation: int
    state: str
    agent: int | None
    by: str
    pending: int
    type: str = field(default="approvals.changed", init=False)


@dataclass(frozen=True, slots=True)
class ComplimentChanged(Event):
    """Something was done with praise that was forwarded: `did` is the kind of its history's entry, `who` the author's user name."""

    compliment: int
    conversation: int
    state: str
    did: str
    who: str
    forwarded_by: int | None
    by: int | None = None
    type: str = field(default="compliment.changed", init=False)


@dataclass(frozen=True, slots=True)
class ChatChanged(Event):
    """A live chat began, moved on or has a new line; `agent` has it, or None. `state` is the session's."""

    conversation: int
    chat: int
    state: str
    agent: int | None = None
    type: str = field(default="chat.changed", init=False)


@dataclass(frozen=True, slots=True)
class ChatTyped(Event):
    """The visitor types in a live chat, or sent what they typed (`doing` is typing or idle)."""

    conversation: int
    chat: int
    doing: str
    type: str = field(default="chat.typed", init=False)


@dataclass(frozen=True, slots=True)
class FollowCame(Event):
    """Somebody who was asked to follow us does; `who` is their user name, `agent` who asked them, or None."""

    conversation: int
    who: str
    agent: int | None
    type: str = field(default="follow.came", init=False)


@dataclass(frozen=True, slots=True)
class HandoverChanged(Event):
    """A hand-over was offered or moved on. `to` is the agent or `team` the role that it was offered to, `giver` who gives it, `by` the name
    of who did this."""

    conversation: int
    handover: int
    state: str
    giver: int | None
    to: int | None
    team: str
    by: str
    type: str = field(default="handover.changed", init=False)


def publish(event: Event) -> None:
    """Send `event` to every web process once the current transaction commits; at once if there is none."""
    transaction.on_commit(lambda: send_now(event))


def send_now(event: Event) -> None:
    """Send without waiting for a commit, nor for the layer: may be called on any thread, that of an event loop too.

    A layer that is away loses the hint, never the work. Each event carries its sender and a number without gaps, so that
    whoever hears the next one knows that something was lost and fetches it.
    """
    _sender().send({"type": MESSAGE_TYPE, "event": asdict(event)})


def tell(group: str, message: dict[str, Any]) -> None:
    """Send `message` to the channels of a group of its own once the current transaction commits. A hint, as events are."""
    transaction.on_commit(lambda: tell_now(group, message))


def tell_now(group: str, message: dict[str, Any]) -> None:
    _sender().send(message, group)


def run(work: Coroutine[Any, Any, None], timeout: float) -> None:
    """Run something on the loop that speaks to the layer, from any other thread. Raises TimeoutError after `timeout` seconds."""
    _sender().run(work, timeout)


def wait_until_sent(timeout: float = 1.0) -> bool:
    """Wait until every event of this process has left it, at most `timeout` seconds. True if all did."""
    return _current is None or _current.drain(timeout)


class _Sender:
    """The thread of this process that speaks to the layer.

    `async_to_sync` in a worker makes a new event loop for each call, and with it a new connection to Redis: 8 ms where this takes
    0.02. One loop that lives as long as the process keeps one connection, and whoever publishes waits for nothing.
    """

    MOST_PENDING = 1000  # beyond this the layer is stuck: further hints are dropped
    TIMEOUT = 5.0  # seconds that the layer gets for one event

    def __init__(self) -> None:
        self._name = secrets.token_hex(6)
        self._count = 0
        self._lock = threading.Lock()
        self._pending: set[Future[None]] = set()
        self._failing = False
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="live-sender", daemon=True).start()

    def send(self, message: dict[str, Any], group: str = GROUP) -> None:
        with self._lock:  # numbered and handed over in one step: the order on the wire is that of the numbers
            if group == GROUP:  # a number without gaps is promised to nobody else
                self._count += 1
            if len(self._pending) >= self.MOST_PENDING:
                return
            numbered = {**message, "sender": self._name, "number": self._count}
            future = asyncio.run_coroutine_threadsafe(self._pass_on(numbered, group), self._loop)
            self._pending.add(future)
        future.add_done_callback(self._pending.discard)

    def run(self, work: Coroutine[Any, Any, None], timeout: float) -> None:
        asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, timeout), self._loop).result(timeout + 1)

    def drain(self, timeout: float) -> bool:
        return not wait(list(self._pending), timeout).not_done

    async def _pass_on(self, message: dict[str, Any], group: str) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        try:
            await asyncio.wait_for(layer.group_send(group, message), self.TIMEOUT)
            self._failing = False
        except Exception as error:  # the layer is another server: any failure of it must not undo what was committed
            if not self._failing:
                logger.warning("the live layer takes no events: %s", error or type(error).__name__)
            self._failing = True


_current: _Sender | None = None
_making = threading.Lock()


def _sender() -> _Sender:
    global _current
    if _current is None:
        with _making:
            if _current is None:
                _current = _Sender()
    return _current


def _start_afresh() -> None:
    """In a forked worker: the thread stayed with the parent."""
    global _current, _making
    _current, _making = None, threading.Lock()


os.register_at_fork(after_in_child=_start_afresh)
atexit.register(wait_until_sent)
