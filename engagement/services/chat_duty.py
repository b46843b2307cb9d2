"""Which agents take chats now, how many each of them has, and how long a visitor waits."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, F, Q, QuerySet

from engagement.models import CHAT_OPEN, ChatDuty, ChatSession
from profiles.models import Agent
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, NotAllowed

State = ChatSession.State
HERE = timedelta(seconds=60)  # an agent whose desk was open within this time can answer
SHOWN = 20  # chats of each kind in an agent's bar
_RECENT = 20  # chats that the expected wait is taken from


@dataclass(frozen=True, slots=True)
class Bar:
    """What an agent sees of chats beside the views: their switch, who waits, and their own with `unread` lines each."""

    takes_chats: bool
    waiting: list[ChatSession]
    mine: list[ChatSession]


def note_here(*, agent: Agent, takes_chats: bool | None = None, at: datetime | None = None) -> ChatDuty:
    """The agent's desk is open. `takes_chats` turns the switch; None leaves it. Raises NotAllowed for who answers no customers."""
    if not agent.may_answer:
        raise NotAllowed("Your role reads and notes; chatting with customers is for care agents and their leads.")
    moment = at or current_time()
    changed = {"seen_at": moment} if takes_chats is None else {"seen_at": moment, "takes_chats": takes_chats}
    duty, _ = ChatDuty.objects.update_or_create(agent=agent, defaults=changed)
    return duty


def is_staffed(at: datetime | None = None) -> bool:
    """Whether somebody takes chats at this moment. One query."""
    return _on_duty(at or current_time()).exists()


def require_room(agent: Agent) -> None:
    """Raises Conflict unless the agent can take one chat more. Holds the agent's duty until the transaction ends: two chats that are
    given to them at once count one after the other. Call it with the conversation locked, never the other way round."""
    ChatDuty.objects.get_or_create(agent=agent, defaults={"seen_at": current_time()})
    ChatDuty.objects.select_for_update().get(agent=agent)
    has = ChatSession.objects.filter(agent=agent, state=State.ACTIVE).count()
    if has >= settings.CHATS_PER_AGENT:
        raise Conflict(f"{agent.name} has {has} chats already, which is the most at once. End one, or leave this to a colleague.")


def is_here(agent: Agent, at: datetime) -> bool:
    return _on_duty(at).filter(agent=agent).exists()


def list_colleagues(agent: Agent, at: datetime | None = None) -> list[Agent]:
    """Who else takes chats now, by name; one query."""
    on_duty = Agent.objects.filter(chat_duty__in=_on_duty(at or current_time())).exclude(pk=agent.pk)
    return list(on_duty.order_by("display_name", "pk"))


def read_bar(agent: Agent, duty: ChatDuty) -> Bar:
    """Two queries."""
    waiting = ChatSession.objects.filter(state=State.WAITING).select_related("conversation__author").order_by("started_at", "pk")
    unread = Count("lines", filter=Q(lines__is_ours=False, lines__number__gt=F("read_count")))
    mine = ChatSession.objects.filter(any_of("state", CHAT_OPEN), agent=agent).select_related("conversation__author")
    return Bar(duty.takes_chats, list(waiting[:SHOWN]), list(mine.annotate(unread=unread).order_by("pk")[:SHOWN]))


def note_read(*, agent: Agent, conversation_id: int) -> None:
    """The agent looks at the conversation: what was written in their chats there is read."""
    mine = ChatSession.objects.filter(agent=agent, conversation_id=conversation_id, read_count__lt=F("lines_count"))
    mine.update(read_count=F("lines_count"))


def place_in_line(session: ChatSession) -> int:
    """1 for the one whose turn is next; one query."""
    before = Q(started_at__lt=session.started_at) | Q(started_at=session.started_at, pk__lt=session.pk)
    return ChatSession.objects.filter(before, state=State.WAITING).count() + 1


def expected_minutes(at: datetime) -> int | None:
    """How long those waited who were answered last today, in minutes, at least 1; None if there was nobody. One query."""
    recent = ChatSession.objects.filter(accepted_at__gt=at - timedelta(days=1)).order_by("-accepted_at")[:_RECENT]
    waits = [(accepted - started).total_seconds() for started, accepted in recent.values_list("started_at", "accepted_at") if accepted]
    return max(1, math.ceil(sum(waits) / len(waits) / 60)) if waits else None


def _on_duty(at: datetime) -> QuerySet[ChatDuty]:
    return ChatDuty.objects.filter(agent__is_active=True, takes_chats=True, seen_at__gt=at - HERE)
