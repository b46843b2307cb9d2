"""What can stand in a conversation's thread: one `Part` for each kind of row, with how a row of it looks and who can see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from zoneinfo import ZoneInfo

from django.db.models import Case, QuerySet, Value, When

from engagement.models import CallAttempt, CallbackRequest, ChatLine, Message, Notice, SurveyAnswer, TakeDown, Ticket, TicketUpdate
from engagement.services.act_words import NO_ACTS, Acts, is_below_others
from engagement.services.echoes import is_echo
from engagement.services.explain import Explanation, explain
from listening.models import Conversation, Mention
from profiles.models import Handle

Kind = Literal[
    "mention", "own_post", "reply", "direct_message", "note", "repost", "quote", "survey", "callback", "call", "notice", "ticket", "chat"
]
Audience = Literal["public", "private", "internal"]
AUDIENCES: dict[str, Audience] = {
    "reply": "public",
    "direct_message": "private",
    "note": "internal",
    "repost": "public",
    "quote": "public",
}


@dataclass(frozen=True, slots=True)
class Bubble:
    """One entry of a thread. `mention` is set for posts (its sentiment, why, edits), `message` for what the desk keeps.

    `author` is the name of who wrote it, `at` when. `state` is the delivery's, or a word on where it stands, "" for what has none;
    `explanation` says a delivery's state in words.
    """

    key: str  # its place in the thread, for paging
    kind: Kind
    audience: Audience
    is_ours: bool
    author: str
    at: datetime
    text: str
    url: str = ""
    state: str = ""
    explanation: Explanation | None = None
    mention: Mention | None = None
    message: Message | None = None
    takedown: TakeDown | None = None  # of a repost or quote that must go
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    acts: Acts = NO_ACTS  # what was done to it on its network without a word


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of row that stands in a thread: its rows, the field that says when, and how one of them looks.

    `is_rare`: most conversations have none.
    """

    rows: Callable[[Conversation], QuerySet[Any]]
    at: str
    bubble: Callable[[Any, str, datetime], Bubble]  # the row, its key in the thread, and the time that it is read at
    is_rare: bool = True


def author_of(message: Message) -> str:
    """The name of who wrote a message. Its agent and author should be loaded."""
    if message.author is not None:
        return _name(message.author)
    return message.agent.name if message.agent else "Somebody of the team"


def _name(handle: Handle) -> str:
    return handle.display_name or f"@{handle.username}"


def _posts(conversation: Conversation) -> QuerySet[Mention]:
    praise = ("compliment__forwarded_by", "compliment__forwarded_to")
    # What can be hidden: a comment, unless it is known to stand below others.
    below_us = Case(When(in_reply_to=None, then=Value(False)), When(is_below_others(), then=Value(False)), default=Value(True))
    rows = Mention.objects.filter(~is_echo(), conversation=conversation).annotate(may_be_below_us=below_us)
    return rows.select_related("author", "corrected_by", *praise)


def _of_post(post: Mention, key: str, now: datetime) -> Bubble:
    return Bubble(
        key=key,
        kind="own_post" if post.is_own else "mention",
        audience="public",
        is_ours=post.is_own,
        author=_name(post.author),
        at=post.posted_at,
        text=post.text,
        url=post.url,
        mention=post,
        edited_at=post.edited_at,
        deleted_at=post.deleted_at,
    )


def _messages(conversation: Conversation) -> QuerySet[Message]:
    return Message.objects.filter(conversation=conversation).select_related("delivery", "agent", "author", "promise", "takedown")


def _replies(conversation: Conversation) -> QuerySet[Message]:
    return _messages(conversation).filter(kind__in=[Message.Kind.REPLY, Message.Kind.QUOTE])


def _of_message(message: Message, key: str, now: datetime) -> Bubble:
    delivery = getattr(message, "delivery", None)
    return Bubble(
        key=key,
        kind=cast(Kind, message.kind),
        audience=AUDIENCES[message.kind],
        is_ours=not message.is_incoming,
        author=author_of(message),
        at=message.created_at,
        text=message.text,
        url=message.url,
        state=delivery.state if delivery else "",
        explanation=explain(delivery, now=now) if delivery else None,
        message=message,
        takedown=getattr(message, "takedown", None),
    )


def _survey_answers(conversation: Conversation) -> QuerySet[SurveyAnswer]:
    return SurveyAnswer.objects.filter(conversation=conversation).select_related("conversation__author")


def _of_survey(answer: SurveyAnswer, key: str, now: datetime) -> Bubble:
    text = f"Survey: {answer.score} of 5" + (f"\n{answer.comment}" if answer.comment else "")
    return Bubble(key, "survey", "internal", False, _name(answer.conversation.author), answer.at, text)


def _callbacks(conversation: Conversation) -> QuerySet[CallbackRequest]:
    return CallbackRequest.objects.filter(conversation=conversation).select_related("conversation__author")


def _of_callback(callback: CallbackRequest, key: str, now: datetime) -> Bubble:
    zone = ZoneInfo(callback.zone)
    starts, ends = callback.window_from.astimezone(zone), callback.window_until.astimezone(zone)
    asked = f"Please call me on {starts:%A} {starts.day} {starts:%B} between {starts:%H:%M} and {ends:%H:%M}, {callback.zone} time."
    text = f"{asked}\n{callback.reason}".strip()
    author = _name(callback.conversation.author)
    return Bubble(key, "callback", "private", False, author, callback.created_at, text, state=callback.get_state_display())


def _calls(conversation: Conversation) -> QuerySet[CallAttempt]:
    return CallAttempt.objects.filter(callback__conversation=conversation, ended_at__isnull=False).select_related("agent")


def _of_call(call: CallAttempt, key: str, now: datetime) -> Bubble:
    text = f"Call: {call.get_outcome_display().lower()}.\n{call.note}".strip()
    assert call.ended_at is not None
    return Bubble(key, "call", "internal", True, call.agent.name if call.agent else "Somebody of the team", call.ended_at, text)


def _notices(conversation: Conversation) -> QuerySet[Notice]:
    return Notice.objects.filter(conversation=conversation).select_related("agent")


def _of_notice(notice: Notice, key: str, now: datetime) -> Bubble:
    state = f"{notice.get_medium_display()}: {notice.get_state_display().lower()}"
    author = notice.agent.name if notice.agent else "The desk"
    return Bubble(key, "notice", "private", True, author, notice.created_at, notice.text, state=state)


_READERS: dict[str, Audience] = {"public": "public", "internal": "internal", "customer": "private"}


def _ticket_updates(conversation: Conversation) -> QuerySet[TicketUpdate]:
    return TicketUpdate.objects.filter(ticket__conversation=conversation).select_related("ticket", "agent", "ticket__conversation__author")


def _of_ticket_update(update: TicketUpdate, key: str, now: datetime) -> Bubble:
    ours = update.audience != TicketUpdate.Audience.CUSTOMER
    author = _name(update.ticket.conversation.author) if not ours else update.agent.name if update.agent else "Somebody of the team"
    state = f"{update.ticket.name}: {Ticket.State(update.state).label.lower()}" if update.state else update.ticket.name
    return Bubble(key, "ticket", _READERS[update.audience], ours, author, update.at, update.text, state=state)


def _chat_lines(conversation: Conversation) -> QuerySet[ChatLine]:
    return ChatLine.objects.filter(session__conversation=conversation).select_related("session__conversation__author", "agent")


def _of_chat_line(line: ChatLine, key: str, now: datetime) -> Bubble:
    ours = line.agent.name if line.agent else "Somebody of the team"
    author = ours if line.is_ours else _name(line.session.conversation.author)
    return Bubble(key, "chat", "private", line.is_ours, author, line.at, line.text)


# Of two things of the same moment the earlier part stands first. The order is part of the keys: new parts come last.
PARTS = (
    Part(_posts, "posted_at", _of_post, is_rare=False),
    Part(_messages, "created_at", _of_message, is_rare=False),
    Part(_survey_answers, "at", _of_survey),
    Part(_callbacks, "created_at", _of_callback),
    Part(_calls, "ended_at", _of_call),
    Part(_notices, "created_at", _of_notice),
    Part(_ticket_updates, "at", _of_ticket_update),
    Part(_chat_lines, "at", _of_chat_line),
)
# What everybody can read.
PUBLIC_PARTS = (Part(_posts, "posted_at", _of_post, is_rare=False), Part(_replies, "created_at", _of_message, is_rare=False))
