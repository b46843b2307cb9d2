"""What an agent should know before answering: the last contacts, what was promised, what is owed, and whether they come again for the same.

All of it over all handles of the person, on every network (brief A25, B26, B32, E14).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse

from engagement.models import CALLBACK_OPEN, TICKET_OPEN, CallbackRequest, ChatSession, Ticket
from engagement.services.repeats import Repeat, find_repeat
from listening.models import Conversation, ConversationEvent, Status
from listening.templatetags.desk import network_label
from listening.templatetags.desk import when as say_when
from profiles.models import Agent, Profile
from profiles.services.known import Fact
from profiles.timeline import Subject
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.existing import which_exist

SHOWN = 3  # last contacts
READ = 20  # conversations that are looked at for them
OWED = 5  # promises or debts that are named
CALLS = 2
ABOUT = 70  # characters


@dataclass(frozen=True, slots=True)
class Contact:
    """One conversation with this person, in a line: when they last wrote, where, what about, and how it ended."""

    at: datetime
    channel: str
    about: str
    ended: str
    url: str


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that we promised or that is owed, by when, and where."""

    text: str
    due_at: datetime | None
    is_late: bool
    url: str


@dataclass(frozen=True, slots=True)
class Briefing:
    contacts: list[Contact] = field(default_factory=list)
    promises: list[Owed] = field(default_factory=list)
    debts: list[Owed] = field(default_factory=list)
    repeat: Repeat | None = None
    facts: list[Fact] = field(default_factory=list)  # what forms said; coordinates and fields are in the card


def read_briefing(*, subject: Subject, conversation: Conversation | None = None, now: datetime | None = None) -> Briefing:
    """What there is to know of a person beside `conversation`, the one that is open.

    Two queries; one more each where somebody answered, something is promised or owed, a ticket is open, a call was asked for, and where
    they came more than once within a week.
    """
    moment = now or current_time()
    if not subject.handles:
        return Briefing()
    theirs = Conversation.objects.filter(author_id__in=subject.handles)
    latest = list(_told(theirs).order_by("-activity_at", "-pk")[:READ])
    pending = theirs.filter(Q(returns_owed__gt=0) | Q(promise_due_at__isnull=False))
    tickets = Ticket.objects.filter(any_of("state", TICKET_OPEN), conversation__author_id__in=subject.handles)
    calls = CallbackRequest.objects.filter(profile__in=subject.profiles)
    has = which_exist(Profile.objects.filter(pk=subject.person), [pending, tickets, calls])
    waiting = list(pending.order_by("-activity_at", "-pk")[: 2 * OWED]) if has[0] else []
    asked = list(calls.order_by("-created_at", "-pk")[: 2 * CALLS]) if has[2] else []
    before = [found for found in latest if conversation is None or found.pk != conversation.pk]
    return Briefing(
        contacts=_contacts(before[:SHOWN]),
        promises=_promises(waiting, list(tickets.order_by("due_at", "pk")[:OWED]) if has[1] else [], asked, moment),
        debts=[_debt(found) for found in waiting if found.returns_owed][:OWED],
        repeat=find_repeat(conversation, before, now=moment) if conversation is not None else None,
        facts=[_of_call(call) for call in asked[:CALLS]],
    )


def _told(conversations: QuerySet[Conversation]) -> QuerySet[Conversation]:
    """With what tells how each of them ended."""
    here = {"conversation": OuterRef("pk")}
    answers = ConversationEvent.objects.filter(kind=ConversationEvent.Kind.ANSWERED, **here).order_by("-at", "-pk")
    ticket = Ticket.objects.filter(**here).order_by("-pk")
    return conversations.annotate(
        answered_by=Subquery(answers.values("agent")[:1]),
        ticket_pk=Subquery(ticket.values("pk")[:1]),
        ticket_title=Subquery(ticket.values("title")[:1]),
        ticket_state=Subquery(ticket.values("state")[:1]),
        ticket_says=Subquery(ticket.values("customer_says")[:1]),
        call_state=Subquery(CallbackRequest.objects.filter(**here).order_by("-created_at", "-pk").values("state")[:1]),
        had_chat=Exists(ChatSession.objects.filter(**here)),
    )


def _contacts(conversations: Sequence[Conversation]) -> list[Contact]:
    """One query for the names of who answered, where anybody did."""
    ids = {found.answered_by for found in conversations} - {None}  # type: ignore[attr-defined]  # annotated
    names = {agent.pk: agent.name for agent in Agent.objects.filter(pk__in=ids)} if ids else {}
    return [
        Contact(
            at=found.activity_at,
            channel=_channel(found),
            about=_about(found),
            ended=_ended(found, names),
            url=reverse("conversation", args=[found.pk]),
        )
        for found in conversations
    ]


def _channel(found: Conversation) -> str:
    where = network_label(found.network)
    return where if found.last_mention_id else f"private message, {where}"


def _about(found: Conversation) -> str:
    text = found.ticket_title or found.excerpt or "(the post was deleted)"  # type: ignore[attr-defined]  # annotated
    return text if len(text) <= ABOUT else f"{text[: ABOUT - 1].rstrip()}…"


def _ended(found: Conversation, names: dict[int, str]) -> str:
    """How it ended, or where it stands: each part of it is a fact of the record, none is guessed."""
    parts = []
    if found.ticket_pk:  # type: ignore[attr-defined]  # annotated
        state = Ticket.State(found.ticket_state).label.lower()  # type: ignore[attr-defined]
        says = {"not_solved": ", they say it is not", "solved": ", they agree"}.get(found.ticket_says, "")  # type: ignore[attr-defined]
        parts.append(f"{Ticket(pk=found.ticket_pk).name} {state}{says}")  # type: ignore[attr-defined]
    if found.call_state:  # type: ignore[attr-defined]
        parts.append(f"call: {CallbackRequest.State(found.call_state).label.lower()}")  # type: ignore[attr-defined]
    if found.had_chat:  # type: ignore[attr-defined]
        parts.append("chat going on" if found.chats_open else "chat ended")
    if found.waiting_since is not None and found.status != Status.RESOLVED:
        parts.append(f"no answer since {say_when(found.waiting_since)}")
    elif found.last_answered_at is not None:
        who = names.get(found.answered_by)  # type: ignore[attr-defined]
        by = f"answered by {who}" if who else "answered outside the desk"
        parts.append(f"{by}, {say_when(found.last_answered_at)}")
    elif not parts:
        parts.append("closed without an answer" if found.status == Status.RESOLVED else "no answer yet")
    return " · ".join(parts)


def _promises(waiting: Sequence[Conversation], tickets: Sequence[Ticket], calls: Sequence[CallbackRequest], now: datetime) -> list[Owed]:
    """What we said that we would do and have not done, the most urgent first."""
    found = [
        _owed("an answer", conversation.promise_due_at, reverse("conversation", args=[conversation.pk]), now)
        for conversation in waiting
        if conversation.promise_due_at is not None and conversation.status != Status.RESOLVED
    ]
    for ticket in tickets:
        url = reverse("ticket", args=[ticket.pk])
        if ticket.next_update_due is not None:
            found.append(_owed(f"news of {ticket.name}", ticket.next_update_due, url, now))
        if ticket.due_at is not None:
            found.append(_owed(f"{ticket.name} solved", ticket.due_at, url, now))
        if ticket.next_update_due is None and ticket.due_at is None:
            found.append(Owed(f"{ticket.name} is open", None, False, url))
    found += [
        _owed("a call", call.due_at, reverse("conversation", args=[call.conversation_id]), now)
        for call in calls
        if call.state in CALLBACK_OPEN
    ]
    return sorted(found, key=lambda owed: (owed.due_at is None, owed.due_at or now))[:OWED]


def _owed(text: str, due_at: datetime | None, url: str, now: datetime) -> Owed:
    return Owed(text, due_at, due_at is not None and due_at < now, url)


def _debt(found: Conversation) -> Owed:
    times = "" if found.returns_owed == 1 else f" ({found.returns_owed} times)"
    text = f"The public thread on {network_label(found.network)} waits for our return{times}"
    return Owed(text, None, False, reverse("conversation", args=[found.pk]))


def _of_call(call: CallbackRequest) -> Fact:
    """What they said in the form: when to call, and why."""
    zone = ZoneInfo(call.zone) if call.zone else None
    starts, ends = call.window_from.astimezone(zone), call.window_until.astimezone(zone)
    reason = f": {call.reason}" if call.reason else ""
    value = f"{starts.day} {starts:%b}, {starts:%H:%M} to {ends:%H:%M} their time{reason}"
    return Fact("form", "Asked for a call", value, "", "form: callback", call.created_at)
