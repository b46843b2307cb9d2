"""What time makes of live chats: parked, waiting anew, left as a message, or ended."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from engagement.models import CHAT_OPEN, ChatSession
from engagement.services.chat_state import (
    AGENT_GONE,
    finish_chat,
    hand_to_ticket,
    is_agent_gone,
    lock_chat,
    recount_chats,
    tell_chat,
)
from listening.models import Conversation
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of

State, Side = ChatSession.State, ChatSession.Side

AWAY = timedelta(seconds=45)  # a browser that said nothing for so long is gone; an open one speaks every 15 seconds
KEPT_PARKED = timedelta(hours=24)


def sweep_chats(now: datetime | None = None, *, limit: int = 200) -> int:
    """Park chats whose browser is gone, free those whose agent is gone, turn those that nobody took into messages, and end those that
    were away for a day. Returns how many changed."""
    moment = now or current_time()
    waited = moment - timedelta(minutes=settings.CHAT_WAIT_MINUTES)
    agent_gone = Q(state=State.ACTIVE) & (Q(agent=None) | Q(agent__chat_duty=None) | Q(agent__chat_duty__seen_at__lt=moment - AGENT_GONE))
    due = ChatSession.objects.filter(
        any_of("state", CHAT_OPEN),
        Q(state__in=[State.WAITING, State.ACTIVE], visitor_seen_at__lt=moment - AWAY)
        | Q(state__in=[State.WAITING, State.PARKED], agent=None, waiting_since__lt=waited)
        | agent_gone
        | Q(state=State.PARKED, visitor_seen_at__lt=moment - KEPT_PARKED),
    )
    changed = 0
    for pk in list(due.order_by("visitor_seen_at", "pk").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            session, conversation = lock_chat(pk)
            changed += _settle(session, conversation, moment, waited)
    return changed


def _settle(session: ChatSession, conversation: Conversation, moment: datetime, waited: datetime) -> bool:
    """What time has made of a locked chat. Looked at anew: it may have moved on since it was found."""
    is_away = session.visitor_seen_at < moment - AWAY
    agent_here = session.agent is not None and not is_agent_gone(session.agent, moment)
    if session.state in (State.WAITING, State.PARKED) and session.agent is None and session.waiting_since < waited:
        session.state = State.OFFLINE
        session.save()
        recount_chats(conversation)
        hand_to_ticket(session)
    elif session.state in (State.WAITING, State.ACTIVE) and is_away:
        session.state = State.PARKED
        session.save()
    elif session.state == State.ACTIVE and not agent_here:
        session.state, session.agent, session.waiting_since = State.WAITING, None, moment
        session.save()
    elif session.state == State.PARKED and session.visitor_seen_at < moment - KEPT_PARKED:
        finish_chat(session, conversation, Side.DESK, moment)
        return True
    else:
        return False
    tell_chat(session)
    return True
