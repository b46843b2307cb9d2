"""What agents do with a conversation: claim, assign, snooze, resolve, reopen; and what an answer or a private message does to it.

Every service locks the row, changes it, writes an event into its history and tells the browsers after the commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Min

from listening.models import Conversation, ConversationEvent, ConversationTopic, Mention, NetworkAccount, Status
from listening.services import clocks
from profiles.models import Agent, Handle
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound

Kind = ConversationEvent.Kind


class ReturnOwed(Conflict):
    """A move to another channel still owes its return to the public thread: pay it or waive it, then close."""

    code = "return_owed"


class Threaded(clocks.Clocked, Protocol):
    """A conversation as far as what is written in it changes it: a stored row, or one that intake is about to store."""

    status: str
    assignee_id: int | None
    snoozed_until: datetime | None
    resolved_at: datetime | None
    activity_at: datetime
    last_answered_at: datetime | None
    unanswered: int
    private_waiting: bool
    version: int
    acknowledging: str
    promised_at: datetime | None
    promise_due_at: datetime | None


def lock_conversation(conversation_id: int) -> Conversation:
    """The conversation, locked until the transaction ends. Raises NotFound."""
    try:
        # no_key: rows that refer to it are checked when their transaction commits, in whichever order that took its locks.
        return Conversation.objects.select_for_update(no_key=True).get(pk=conversation_id)
    except Conversation.DoesNotExist:
        raise NotFound("There is no such conversation. It may have been removed; reload the list.") from None


def conversation_state(conversation: Conversation) -> dict[str, Any]:
    """What other browsers are told of a conversation: see live.ConversationsChanged."""
    assignee, claimed_by = conversation.assignee, conversation.claimed_by
    return {
        "id": conversation.pk,
        "status": conversation.status,
        "assignee": conversation.assignee_id,
        "assignee_name": assignee.name if assignee else "",
        "claimed_by": conversation.claimed_by_id,
        "claimed_by_name": claimed_by.name if claimed_by else "",
        "claimed_until": conversation.claimed_until.timestamp() if conversation.claimed_until else None,
        "version": conversation.version,
    }


@contextmanager
def _changing(conversation_id: int, agent: Agent | None) -> Iterator[Conversation]:
    """One change: the locked row comes out; on the way back it is saved with its clocks and told to everybody."""
    with transaction.atomic():
        conversation = lock_conversation(conversation_id)
        as_read = _columns(conversation)
        yield conversation
        save_conversation(conversation, as_read=as_read)
        live.publish(live.ConversationsChanged([conversation_state(conversation)], by=agent.pk if agent else None))


def save_conversation(conversation: Conversation, *, as_read: dict[str, Any] | None = None) -> None:
    """Write a locked, changed conversation with its due time, and what its topics' lists are ordered by.

    `as_read` is what its columns held when it was locked: then only what changed is written.
    """
    clocks.set_due(conversation)
    changes = {name: value for name, value in _columns(conversation).items() if as_read is None or as_read[name] != value}
    if changes:
        Conversation.objects.filter(pk=conversation.pk).update(**changes)
    if changes.keys() & {"status", "activity_at"}:
        links = ConversationTopic.objects.filter(conversation_id=conversation.pk)
        links.update(is_active=conversation.is_active, activity_at=conversation.activity_at)


def _columns(conversation: Conversation) -> dict[str, Any]:
    """What an UPDATE may change, by column."""
    return {field.attname: getattr(conversation, field.attname) for field in Conversation._meta.concrete_fields if not field.primary_key}


def add_event(
    conversation: Conversation,
    kind: ConversationEvent.Kind,
    *,
    at: datetime,
    agent: Agent | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    ConversationEvent.objects.create(conversation=conversation, kind=kind, at=at, agent=agent, data=data or {})


# --- Claims -------------------------------------------------------------------------------------------------------------


def require_claim(conversation: Conversation, agent: Agent, *, now: datetime) -> None:
    """Make sure that `agent` holds the claim: take it if it is free or expired. On a locked row; the caller saves.

    Raises Conflict (code `claimed`) while somebody else's claim is alive.
    """
    if not agent.may_answer:
        raise NotAllowed("Your role reads and notes; claiming and answering is for care agents and their leads.")
    require_no_foreign_claim(conversation, agent, now=now)
    if conversation.claimed_by_id != agent.pk:
        add_event(conversation, Kind.CLAIMED, at=now, agent=agent)
    conversation.claimed_by = agent
    conversation.claimed_until = now + timedelta(minutes=settings.CLAIM_MINUTES)
    if conversation.assignee_id is None:
        conversation.assignee = agent
    if conversation.status == Status.NEW:
        conversation.status = Status.OPEN


def claim_conversation(*, conversation_id: int, agent: Agent) -> Conversation:
    """Take the conversation for `agent`, or extend their claim. Raises Conflict (code `claimed`)."""
    with _changing(conversation_id, agent) as conversation:
        require_claim(conversation, agent, now=current_time())
    return conversation


def release_claim(*, conversation_id: int, agent: Agent) -> Conversation:
    """Give the claim back. Somebody else's claim only a lead may end."""
    with _changing(conversation_id, agent) as conversation:
        if conversation.claimed_by_id not in (None, agent.pk) and not agent.may_configure:
            raise NotAllowed("Only the person who claimed it, or a lead, can release it.")
        if conversation.claimed_by_id is not None:
            _drop_claim(conversation)
            add_event(conversation, Kind.RELEASED, at=current_time(), agent=agent)
    return conversation


def _drop_claim(conversation: Conversation) -> None:
    conversation.claimed_by = None
    conversation.claimed_until = None


def _refuse_under_foreign_claim(conversation: Conversation, agent: Agent, now: datetime) -> None:
    """Acts on a conversation respect a living claim of somebody else, except those of a lead."""
    if not agent.may_work:
        raise NotAllowed("Your role reads and notes; changing a conversation is for care agents and their leads.")
    if not agent.may_configure:
        require_no_foreign_claim(conversation, agent, now=now)


def require_no_foreign_claim(conversation: Conversation, agent: Agent, *, now: datetime) -> None:
    """Raises Conflict (code `claimed`) while somebody else's claim is alive. Takes nothing."""
    holder = conversation.claimed_by
    if holder is not None and holder.pk != agent.pk and conversation.claimed_until and conversation.claimed_until > now:
        error = Conflict(
            f"{holder.name} is working on this until {conversation.claimed_until:%H:%M} UTC. Ask them, or wait until the claim ends.",
            claimed_by=holder.pk,
            claimed_by_name=holder.name,
        )
        error.code = "claimed"
        raise error


# --- Status -------------------------------------------------------------------------------------------------------------


def assign_conversation(*, conversation_id: int, agent: Agent, to: Agent | None) -> Conversation:
    """Give the conversation to `to`, or to nobody. A claim of the one who had it ends."""
    with _changing(conversation_id, agent) as conversation:
        now = current_time()
        _refuse_under_foreign_claim(conversation, agent, now)
        if to is not None and not (to.is_active and to.may_answer):
            raise DeskError(f"{to.name} cannot be assigned: only active care agents and leads answer customers.")
        if conversation.claimed_by_id is not None and (to is None or conversation.claimed_by_id != to.pk):
            _drop_claim(conversation)
        conversation.assignee = to
        if to is not None and conversation.status == Status.NEW:
            conversation.status = Status.OPEN
        conversation.version += 1
        add_event(conversation, Kind.ASSIGNED, at=now, agent=agent, data={"to": to.pk if to else None})
    return conversation


def pass_conversation(conversation: Conversation, *, agent: Agent, to: Agent, giver_id: int | None = None) -> None:
    """Give a locked conversation to `to`, as a hand-over does: `giver_id` let it go, so their claim ends as well. Raises Conflict while
    somebody else is on it."""
    as_read = _columns(conversation)
    if conversation.claimed_by_id not in (None, giver_id):
        _refuse_under_foreign_claim(conversation, to, current_time())
    elif giver_id != to.pk:
        _drop_claim(conversation)
    conversation.assignee = to
    if conversation.status == Status.NEW:
        conversation.status = Status.OPEN
    conversation.version += 1
    add_event(conversation, Kind.ASSIGNED, at=current_time(), agent=agent, data={"to": to.pk})
    save_conversation(conversation, as_read=as_read)
    live.publish(live.ConversationsChanged([conversation_state(conversation)], by=agent.pk))


def snooze_conversation(*, conversation_id: int, agent: Agent, until: datetime) -> Conversation:
    """Put the conversation away until a moment in the future, at most 90 days from now."""
    now = current_time()
    if not now < until <= now + timedelta(days=90):
        raise DeskError("Choose a time between now and 90 days from now.")
    with _changing(conversation_id, agent) as conversation:
        _refuse_under_foreign_claim(conversation, agent, now)
        if conversation.status == Status.RESOLVED:
            raise Conflict("It is already resolved. Reopen it first.", status=conversation.status)
        conversation.status = Status.SNOOZED
        conversation.snoozed_until = until
        conversation.version += 1
        _drop_claim(conversation)
        add_event(conversation, Kind.SNOOZED, at=now, agent=agent, data={"until": until.isoformat()})
    return conversation


def resolve_conversation(*, conversation_id: int, agent: Agent, version: int | None = None) -> Conversation:
    """Close the conversation.

    `version` is the one that the agent saw: if the conversation changed since, or is resolved already, raises Conflict
    (code `conflict`) and nothing is done twice.
    """
    with _changing(conversation_id, agent) as conversation:
        now = current_time()
        if conversation.status == Status.RESOLVED:
            raise Conflict("Somebody resolved it already.", status=conversation.status, version=conversation.version)
        if version is not None and version != conversation.version:
            raise Conflict("It changed while you looked at it. Read what is new, then resolve it again.", version=conversation.version)
        _refuse_under_foreign_claim(conversation, agent, now)
        if conversation.returns_owed:
            raise ReturnOwed(
                "It went to another channel and has not come back: thank or answer the customer in the public thread first, or waive the"
                " return with a reason.",
                returns_owed=conversation.returns_owed,
            )
        clocks.unpark(conversation, at=now)
        conversation.status = Status.RESOLVED
        conversation.resolved_at = now
        conversation.waiting_since = None
        conversation.private_waiting = False
        conversation.version += 1
        _drop_claim(conversation)
        add_event(conversation, Kind.RESOLVED, at=now, agent=agent)
    return conversation


def reopen_conversation(*, conversation_id: int, agent: Agent) -> Conversation:
    """Bring a resolved, snoozed or waiting conversation back to work, to the agent who had it."""
    with _changing(conversation_id, agent) as conversation:
        now = current_time()
        _refuse_under_foreign_claim(conversation, agent, now)
        if conversation.is_active:
            raise Conflict("It is open already.", status=conversation.status, version=conversation.version)
        reactivate(conversation, at=now)
        add_event(conversation, Kind.REOPENED, at=now, agent=agent)
    return conversation


def reactivate(conversation: Threaded, *, at: datetime) -> None:
    """The ball is with us again; the agent who had it keeps it (brief B6). On a locked row; the caller saves."""
    clocks.unpark(conversation, at=at)
    conversation.status = Status.OPEN if conversation.assignee_id or conversation.first_answered_at else Status.NEW
    conversation.snoozed_until = None
    conversation.resolved_at = None
    conversation.version += 1


def wake_conversations(*, now: datetime | None = None, limit: int = 200) -> int:
    """Bring back the snoozed conversations whose time has come. Returns how many."""
    moment = now or current_time()
    due = Conversation.objects.filter(status=Status.SNOOZED, snoozed_until__lte=moment).order_by("snoozed_until")
    woken = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        with _changing(pk, None) as conversation:
            if conversation.status == Status.SNOOZED and conversation.snoozed_until and conversation.snoozed_until <= moment:
                reactivate(conversation, at=moment)
                add_event(conversation, Kind.WOKEN, at=moment)
                woken += 1
    return woken


# --- What engagement tells ----------------------------------------------------------------------------------------------


def record_answer(*, conversation_id: int, agent: Agent | None, at: datetime, kind: str) -> None:
    """A reply or a private message reached the network: the clocks that it answers stop and the conversation waits for the customer.

    A customer who wrote after `at` is still waiting, and the conversation stays open.
    """
    with _changing(conversation_id, agent) as conversation:
        count, first = 0, None
        if conversation.activity_at > at:  # the customer wrote since then
            since = Mention.objects.filter(conversation=conversation, is_own=False, posted_at__gt=at)
            count, first = since.aggregate(count=Count("id"), first=Min("posted_at")).values()
        add_event(conversation, Kind.ANSWERED, at=at, agent=agent, data={"kind": kind})
        if note_answered(conversation, at=at, written_since=count, first_since=first):
            _drop_claim(conversation)


def note_answered(conversation: Threaded, *, at: datetime, written_since: int = 0, first_since: datetime | None = None) -> bool:
    """We answered at `at`; `written_since` posts, the first at `first_since`, came after it. On a locked row; the caller saves.

    Returns whether the ball went to the customer.
    """
    moment = max(at, conversation.opened_at)  # of imported history the clocks begin later than its posts
    conversation.acknowledged_at = min(moment, conversation.acknowledged_at or moment)
    conversation.first_answered_at = min(moment, conversation.first_answered_at or moment)
    conversation.last_answered_at = max(at, conversation.last_answered_at or at)
    if conversation.promised_at is None or at > conversation.promised_at:
        conversation.promise_due_at = None
    if conversation.activity_at > at:
        conversation.waiting_since = first_since or conversation.activity_at
        conversation.unanswered = max(1, written_since)
        return False
    conversation.waiting_since = None
    conversation.unanswered = 0
    conversation.private_waiting = False
    if not conversation.is_active:
        return False
    conversation.status = Status.WAITING  # the version stays: our own answer arriving is nothing that the agent would have to read first
    clocks.park(conversation, at=moment)
    return True


def expect_acknowledgement(conversation: Conversation, text: str) -> None:
    """`text` goes out and says only that we are on it: read back before its receipt came, it is no answer. On a locked row; the caller
    saves."""
    conversation.acknowledging = text


def record_acknowledgement(*, conversation_id: int, agent: Agent | None, at: datetime, due_at: datetime) -> None:
    """An acknowledgement reached the network and promised an answer by `due_at`. Its clock stops, those of the answer run on, and the ball
    stays with us."""
    with _changing(conversation_id, agent) as conversation:
        note_acknowledged(conversation, at=at)
        if conversation.last_answered_at is None or conversation.last_answered_at < at:
            conversation.promised_at, conversation.promise_due_at = at, due_at
        add_event(conversation, Kind.ACKNOWLEDGED, at=at, agent=agent, data={"promised": due_at.isoformat()})


def note_acknowledged(conversation: Threaded, *, at: datetime) -> None:
    """We said at `at` that we are on it. On a locked row; the caller saves."""
    moment = max(at, conversation.opened_at)
    conversation.acknowledged_at = min(moment, conversation.acknowledged_at or moment)
    conversation.acknowledging = ""


def note_own_post(conversation: Threaded, *, text: str, at: datetime) -> None:
    """A post of ours was read in the conversation: an answer, unless it is the acknowledgement that is on its way. On a locked row; the
    caller saves."""
    if conversation.acknowledging and text.strip() == conversation.acknowledging:
        note_acknowledged(conversation, at=at)
    else:
        note_answered(conversation, at=at)


def record_incoming_message(*, conversation_id: int, at: datetime, excerpt: str) -> None:
    """A private message of the customer arrived: the conversation comes back to the agent who had it."""
    with _changing(conversation_id, None) as conversation:
        before = conversation.status
        if note_customer_wrote(conversation, at=at):
            add_event(conversation, Kind.CUSTOMER_WROTE, at=at, data={"from": before})
        conversation.private_waiting = True
        conversation.excerpt = excerpt[:300]


def record_customer_acted(*, conversation_id: int, at: datetime) -> None:
    """The customer did something elsewhere that we must answer, as choosing or filling in a form: the conversation comes back to work."""
    with _changing(conversation_id, None) as conversation:
        before = conversation.status
        if note_customer_wrote(conversation, at=at):
            add_event(conversation, Kind.CUSTOMER_WROTE, at=at, data={"from": before})


def note_customer_wrote(conversation: Threaded, *, at: datetime) -> bool:
    """The customer wrote at `at`: the next clock starts if none runs, a parked conversation comes back. On a locked row; the caller saves.

    Returns whether it came back.
    """
    conversation.activity_at = max(at, conversation.activity_at)
    if conversation.last_answered_at is not None and at <= conversation.last_answered_at:
        return False  # it came late; what we sent since then answered it
    conversation.unanswered = min(conversation.unanswered + 1, 32_000)
    moment = max(at, conversation.opened_at)
    if conversation.waiting_since is None or moment < conversation.waiting_since:
        conversation.waiting_since = moment
    if conversation.is_active:
        return False
    reactivate(conversation, at=moment)
    return True


def record_returns_owed(conversation: Conversation, owed: int) -> None:
    """How many hops of the conversation still owe their return. On a locked row, which is saved; a resolved one comes back first."""
    if conversation.returns_owed == owed:
        return
    if owed and conversation.status == Status.RESOLVED:
        reactivate(conversation, at=current_time())
    conversation.returns_owed = owed
    save_conversation(conversation)
    live.publish(live.ConversationsChanged([conversation_state(conversation)]))


def record_chats_open(conversation: Conversation, open_now: int) -> None:
    """How many live chats go on in the conversation. On a locked row, which is saved."""
    if conversation.chats_open == open_now:
        return
    conversation.chats_open = open_now
    save_conversation(conversation)
    live.publish(live.ConversationsChanged([conversation_state(conversation)]))


def find_or_open_conversation(*, author: Handle, account: NetworkAccount | None, at: datetime) -> Conversation:
    """The conversation that a private message of `author` belongs to: their latest one that is not resolved, or a new one."""
    latest = Conversation.objects.filter(author=author).exclude(status=Status.RESOLVED).order_by("-activity_at").first()
    if latest is not None:
        return latest
    conversation = Conversation(network=author.network, author=author, account=account, activity_at=at, opened_at=at, waiting_since=at)
    clocks.set_due(conversation)
    conversation.save()
    return conversation
