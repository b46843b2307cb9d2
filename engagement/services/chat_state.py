"""What all that happens to a live chat is made of: its lock, its lines, and the words to both sides.

Locks are taken in one order: the conversation, then an agent's duty. Lines are stored once (`client_key`) and numbered without gaps;
who hears of them by a live hint fetches what comes after the last number that they know.
"""

from __future__ import annotations

import re
from datetime import datetime

from engagement.models import CHAT_OPEN, ChatLine, ChatSession, Hop, Ticket
from engagement.services.chat_duty import HERE, require_room
from engagement.services.hops import carry_over, finish_channel, note_activity
from engagement.services.tickets import open_ticket
from listening.models import Conversation, Priority
from listening.services.conversations import (
    conversation_state,
    lock_conversation,
    reactivate,
    record_answer,
    record_chats_open,
    record_incoming_message,
    save_conversation,
)
from profiles.models import Agent
from socialdesk.lib import live
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.text import clean

State, Side = ChatSession.State, ChatSession.Side
Channel = Hop.Channel

LONGEST_LINE = 2_000  # characters
AGENT_GONE = 2 * HERE  # an agent's desk that was closed for so long: the visitor waits for the next one
_LINE_KEY = re.compile(r"[\w.-]{1,64}", re.ASCII)
LEFT_REASON = "Left a message in chat"


class TooFast(Conflict):
    """The visitor writes faster than anybody reads, or began too many chats."""

    status = 429
    code = "too_fast"


class ChatOver(Conflict):
    code = "chat_over"


class BadLine(DeskError):
    """`code` is empty or too_long."""

    def __init__(self, code: str) -> None:
        super().__init__("Write something first." if code == "empty" else f"This is too long: at most {LONGEST_LINE} characters.")
        self.code = code


def group_of(session: ChatSession) -> str:
    """The layer's group that the visitor's connections are in."""
    return f"chat.{session.pk}"


def lock_chat(session_id: int) -> tuple[ChatSession, Conversation]:
    """The chat as it is now, with its conversation locked: nobody else can change either. Raises NotFound."""
    known = ChatSession.objects.filter(pk=session_id).values_list("conversation_id", flat=True).first()
    if known is None:
        raise NotFound("There is no such chat. Reload the conversation.")
    conversation = lock_conversation(known)
    return ChatSession.objects.select_related("agent").get(pk=session_id), conversation


def check_line(text: str) -> str:
    if len(text) > LONGEST_LINE:
        raise BadLine("too_long")
    said = clean(text).strip()
    if not said:
        raise BadLine("empty")
    return said


def require_open(session: ChatSession) -> None:
    if not session.is_open:
        raise ChatOver("This chat has ended. Nothing can be written in it any more.")


def require_mine(session: ChatSession, agent: Agent) -> None:
    if session.agent_id != agent.pk:
        who = f"{session.agent.name} has this chat." if session.agent else "Nobody has this chat yet: accept it first."
        raise Conflict(who)


def sent_before(session: ChatSession, client_key: str) -> ChatLine | None:
    if not _LINE_KEY.fullmatch(client_key):
        raise DeskError("This form is not whole. Reload the page and send it again.")
    return ChatLine.objects.filter(session=session, client_key=client_key).first()


def add_line(session: ChatSession, text: str, *, client_key: str, agent: Agent | None, at: datetime) -> ChatLine:
    """Store one line on a locked chat and tell both sides. What it does to the conversation is done last: it changes the row itself."""
    session.lines_count += 1
    if agent is None:
        session.last_visitor_at = at
    else:
        session.last_agent_at, session.read_count = at, session.lines_count
    session.save()
    line = ChatLine.objects.create(
        session=session, number=session.lines_count, is_ours=agent is not None, agent=agent, text=text, client_key=client_key, at=at
    )
    note_activity(conversation=lock_conversation(session.conversation_id), channel=Channel.CHAT, at=at)
    if agent is None:
        record_incoming_message(conversation_id=session.conversation_id, at=at, excerpt=text)
    else:
        record_answer(conversation_id=session.conversation_id, agent=agent, at=at, kind=Channel.CHAT)
    tell_chat(session)
    return line


def bring_back(session: ChatSession, conversation: Conversation, moment: datetime) -> None:
    session.visitor_seen_at = moment
    if session.state == State.PARKED:
        session.state = State.ACTIVE if session.agent is not None and _can_go_on(session.agent, moment) else State.WAITING
        if session.state == State.WAITING and session.agent is not None:
            session.agent, session.waiting_since = None, moment
        tell_chat(session)
    session.save()
    recount_chats(conversation)


def _can_go_on(agent: Agent, moment: datetime) -> bool:
    if is_agent_gone(agent, moment):
        return False
    try:
        require_room(agent)
    except Conflict:
        return False
    return True


def is_agent_gone(agent: Agent, moment: datetime) -> bool:
    duty = getattr(agent, "chat_duty", None)
    return duty is None or not agent.is_active or duty.seen_at < moment - AGENT_GONE


def finish_chat(session: ChatSession, conversation: Conversation, by: ChatSession.Side, moment: datetime) -> None:
    session.state, session.ended_by, session.ended_at = State.ENDED, by, moment
    session.save()
    if not recount_chats(conversation) and session.agent is not None:
        finish_channel(conversation=conversation, channel=Channel.CHAT, agent=session.agent, at=moment)
    tell_chat(session)


def recount_chats(conversation: Conversation) -> int:
    open_now = ChatSession.objects.filter(any_of("state", CHAT_OPEN), conversation=conversation).count()
    record_chats_open(conversation, open_now)
    return open_now


def tell_chat(session: ChatSession) -> None:
    live.publish(live.ChatChanged(session.conversation_id, session.pk, session.state, session.agent_id))
    live.tell(group_of(session), {"type": "chat.changed"})


def hand_to_ticket(session: ChatSession) -> None:
    """Nobody could come: what was written becomes a ticket that comes first, and must be answered. On a locked conversation."""
    conversation = lock_conversation(session.conversation_id)
    conversation.priority = max(conversation.priority, Priority.HIGH)
    if LEFT_REASON not in conversation.priority_reasons:
        conversation.priority_reasons = [LEFT_REASON, *conversation.priority_reasons]
    conversation.private_waiting = True
    if not conversation.is_active:
        reactivate(conversation, at=session.last_visitor_at)
    save_conversation(conversation)
    live.publish(live.ConversationsChanged([conversation_state(conversation)]))
    carry_over(conversation=conversation, channel=Channel.CHAT, to=Channel.TICKET, at=session.last_visitor_at)
    open_ticket(
        conversation_id=conversation.pk, agent=None, kind=Ticket.Kind.QUESTION, title="Written in a chat when nobody was there",
        priority=conversation.priority,
    )  # fmt: skip
