"""Live chats behind a short link: begun and written in by a visitor, accepted, answered, passed on and ended by agents."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db import transaction

from engagement.models import CHAT_OPEN, ChatLine, ChatSession, Hop, ShortLink
from engagement.services.chat_duty import is_here, is_staffed, note_here, require_room
from engagement.services.chat_state import (
    TooFast,
    add_line,
    bring_back,
    check_line,
    finish_chat,
    group_of,
    hand_to_ticket,
    lock_chat,
    recount_chats,
    require_mine,
    require_open,
    sent_before,
    tell_chat,
)
from engagement.services.hops import begin_hop
from engagement.services.links import note_sent
from listening.models import Conversation, Status
from listening.services.conversations import conversation_state, lock_conversation, save_conversation
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound

State, Side = ChatSession.State, ChatSession.Side
Channel = Hop.Channel

MOST_A_MINUTE = 20  # lines of one visitor
MOST_LINES = 2_000  # of one chat, of both sides
MOST_OPEN = 3  # chats that go on behind one link
_KEY = re.compile(r"[\w-]{16,64}", re.ASCII)


# --- The visitor --------------------------------------------------------------------------------------------------------


def begin_chat(*, link: ShortLink, form_key: str, text: str, language: str) -> ChatSession:
    """A visitor's first line: they wait for an agent, or leave a message where nobody is here. The same `form_key` begins one chat.

    Raises DeskError for a key or a text that is none, TooFast, and NotFound if the link does not work any more.
    """
    if not _KEY.fullmatch(form_key):
        raise DeskError("This form is not whole. Open the link again.")
    said = check_line(text)
    with transaction.atomic():
        conversation = lock_conversation(link.conversation_id)
        known = find_session(link, form_key)
        if known is not None:
            return known
        if ChatSession.objects.filter(any_of("state", CHAT_OPEN), link=link).count() >= MOST_OPEN:
            raise TooFast("Several chats go on behind this link already.")
        moment = current_time()
        if not note_sent(link, at=moment):
            raise NotFound("This link does not work any more.")
        session = ChatSession.objects.create(
            conversation=conversation,
            link=link,
            form_key=form_key,
            state=State.WAITING if is_staffed(moment) else State.OFFLINE,
            language=language,
            started_at=moment,
            waiting_since=moment,
            last_visitor_at=moment,
            visitor_seen_at=moment,
        )
        begin_hop(conversation=conversation, channel=Channel.CHAT, reason=Hop.Reason.CUSTOMER_ASKED, agent=None, at=moment, link=link)
        recount_chats(conversation)
        add_line(session, said, client_key=form_key, agent=None, at=moment)
        if session.state == State.OFFLINE:
            hand_to_ticket(session)
    return session


def find_session(link: ShortLink, form_key: str) -> ChatSession | None:
    """The chat of whoever holds that key; one query, none for what is no key."""
    if not _KEY.fullmatch(form_key):
        return None
    return ChatSession.objects.select_related("agent").filter(link=link, form_key=form_key).first()


def say_as_visitor(*, session_id: int, text: str, client_key: str) -> ChatLine:
    """One line of the visitor. Sent again with the same key it is the same line. Raises BadLine, TooFast, ChatOver."""
    said = check_line(text)
    with transaction.atomic():
        session, conversation = lock_chat(session_id)
        known = sent_before(session, client_key)
        if known is not None:
            return known
        require_open(session)
        moment = current_time()
        of_the_minute = ChatLine.objects.filter(session=session, is_ours=False, at__gt=moment - timedelta(minutes=1))
        if of_the_minute.count() >= MOST_A_MINUTE or session.lines_count >= MOST_LINES:
            raise TooFast("That was a lot at once. Wait a moment, then go on; what you typed is kept.")
        bring_back(session, conversation, moment)
        return add_line(session, said, client_key=client_key, agent=None, at=moment)


def note_visitor_here(session: ChatSession) -> None:
    """The visitor's browser is open. One that was away comes back to where it was, or waits again if its agent cannot go on."""
    moment = current_time()
    if session.state in (State.WAITING, State.ACTIVE):
        here = ChatSession.objects.filter(pk=session.pk, state=session.state, visitor_seen_at__lt=moment)
        if here.update(visitor_seen_at=moment):
            session.visitor_seen_at = moment
            return
    with transaction.atomic():
        fresh, conversation = lock_chat(session.pk)
        if fresh.is_open:
            bring_back(fresh, conversation, moment)
    session.refresh_from_db()


def read_lines(session: ChatSession, *, after: int = 0, limit: int = 500) -> list[ChatLine]:
    """The newest `limit` lines after that number, in order; one query."""
    lines = ChatLine.objects.filter(session=session, number__gt=after).select_related("agent").order_by("-number")
    return list(lines[:limit])[::-1]


# --- The agent ----------------------------------------------------------------------------------------------------------


def accept_chat(*, chat_id: int, agent: Agent) -> ChatSession:
    """Take a waiting chat: one agent gets it, and nobody more than they can do. Raises Conflict, NotAllowed, NotFound."""
    if not agent.may_answer:
        raise NotAllowed("Your role reads and notes; chatting with customers is for care agents and their leads.")
    with transaction.atomic():
        session, conversation = lock_chat(chat_id)
        moment = current_time()
        if session.agent_id == agent.pk and session.state in (State.ACTIVE, State.PARKED):
            return session  # pressed twice
        if session.state != State.WAITING:
            raise Conflict(f"{session.agent.name} has this chat." if session.agent and session.is_open else "Nobody waits here any more.")
        require_room(agent)
        session.state, session.agent, session.accepted_at = State.ACTIVE, agent, moment
        session.read_count = session.lines_count
        session.save()
        note_here(agent=agent, at=moment)
        if conversation.assignee_id is None:
            conversation.assignee = agent
        if conversation.status == Status.NEW:
            conversation.status = Status.OPEN
        save_conversation(conversation)
        live.publish(live.ConversationsChanged([conversation_state(conversation)], by=agent.pk))
        tell_chat(session)
    return session


def say_as_agent(*, chat_id: int, agent: Agent, text: str, client_key: str) -> ChatLine:
    """One line of the agent who has the chat, to the visitor and nobody else. Raises BadLine, ChatOver, Conflict."""
    said = check_line(text)
    with transaction.atomic():
        session, _ = lock_chat(chat_id)
        known = sent_before(session, client_key)
        if known is not None:
            return known
        require_open(session)
        require_mine(session, agent)
        moment = current_time()
        note_here(agent=agent, at=moment)
        return add_line(session, said, client_key=client_key, agent=agent, at=moment)


def transfer_chat(*, chat_id: int, agent: Agent, to: Agent) -> ChatSession:
    """Pass the chat on to a colleague who takes chats now and has room. Raises Conflict, ChatOver, NotAllowed."""
    with transaction.atomic():
        session, conversation = lock_chat(chat_id)
        moment = current_time()
        require_open(session)
        require_mine(session, agent)
        if to.pk == session.agent_id:
            return session
        if not (to.may_answer and is_here(to, moment)):
            raise Conflict(f"{to.name} takes no chats at this moment. Choose somebody who is here.")
        require_room(to)
        session.agent, session.read_count = to, 0
        session.accepted_at = session.accepted_at or moment
        session.save()
        conversation.assignee = to
        save_conversation(conversation)
        live.publish(live.ConversationsChanged([conversation_state(conversation)], by=agent.pk))
        tell_chat(session)
    return session


def end_chat(*, session_id: int, agent: Agent | None) -> ChatSession:
    """The agent ends the chat, or with None the visitor. What was to be done there is done; ended twice it stays ended.

    Raises Conflict if a colleague has it.
    """
    with transaction.atomic():
        session, conversation = lock_chat(session_id)
        if session.is_open:
            if agent is not None:
                require_mine(session, agent)
            finish_chat(session, conversation, Side.VISITOR if agent is None else Side.AGENT, current_time())
    return session


def type_to_visitor(*, chat_id: int, agent: Agent) -> None:
    """The agent is typing: the visitor's page says so. Nothing is stored."""
    session = ChatSession.objects.filter(any_of("state", CHAT_OPEN), pk=chat_id, agent=agent).first()
    if session is None:
        raise NotFound("You have no such chat.")
    live.tell(group_of(session), {"type": "chat.typed"})


def read_chats(conversation: Conversation) -> list[ChatSession]:
    """The chats of a conversation that go on, the oldest first; one query."""
    open_now = ChatSession.objects.filter(any_of("state", CHAT_OPEN), conversation=conversation)
    return list(open_now.select_related("agent").order_by("pk"))


def find_survey(session: ChatSession) -> ShortLink | None:
    """A survey of this conversation that waits for an answer, to be offered at the end; one query."""
    waiting = ShortLink.objects.filter(conversation_id=session.conversation_id, kind=ShortLink.Kind.SURVEY, sent_at=None, revoked_at=None)
    return waiting.filter(expires_at__gt=current_time()).order_by("-pk").first()
