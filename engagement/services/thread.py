"""A conversation as it is read: posts and messages merged in the order of time, each told apart by who can see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeVar, cast

from django.db.models import Model, Q, QuerySet

from engagement.models import ChatLine, Message
from engagement.services.echoes import is_echo
from engagement.services.explain import Explanation, explain
from listening.models import Conversation, Mention
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError

Kind = Literal["mention", "own_post", "reply", "direct_message", "note", "chat"]
Audience = Literal["public", "private", "internal"]
AUDIENCES: dict[str, Audience] = {"reply": "public", "direct_message": "private", "note": "internal"}

T = TypeVar("T", bound=Model)

PAGE = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Bubble:
    """One entry of a thread. `mention` is set for posts (its sentiment, why, edits), `message` for what the desk keeps.

    `author` is the name of who wrote it, `at` when. `state` is the delivery's, "" for what has none; `explanation` says it in words.
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
    edited_at: datetime | None = None
    deleted_at: datetime | None = None


class Thread(list[Bubble]):
    """Bubbles, oldest first. `earlier` is the key to ask for what stands before them, "" where nothing does."""

    earlier: str = ""


def read_thread(conversation: Conversation, *, before: str = "", limit: int = PAGE, now: datetime | None = None) -> Thread:
    """The last `limit` entries of a conversation, or those before the key `before`; one query for each part.

    Our own post that is the echo of a message of the desk is shown once, as that message. Raises DeskError for a key that is none.
    """
    moment = now or current_time()
    end = _parse_key(before) if before else None
    found: list[tuple[tuple[datetime, int, int], Bubble]] = []
    for rank, part in enumerate(_PARTS):
        for row in _newest(part.rows(conversation), part.at, rank, end, limit):
            place = (getattr(row, part.at), rank, row.pk)
            found.append((place, part.bubble(row, _key(*place), moment)))
    found.sort(key=lambda pair: pair[0])
    thread = Thread(bubble for _, bubble in found[-limit:])
    if len(found) > limit:
        thread.earlier = thread[0].key
    return thread


def _posts(conversation: Conversation) -> QuerySet[Mention]:
    posts = Mention.objects.filter(~is_echo(), conversation=conversation)
    return posts.select_related("author", "corrected_by")


def _messages(conversation: Conversation) -> QuerySet[Message]:
    return Message.objects.filter(conversation=conversation).select_related("delivery", "agent", "author")


def _newest(rows: QuerySet[T], at: str, rank: int, end: tuple[datetime, int, int] | None, limit: int) -> list[T]:
    if end is not None:
        moment, end_rank, pk = end
        same_moment = Q(**{at: moment})
        if rank == end_rank:
            rows = rows.filter(Q(**{f"{at}__lt": moment}) | (same_moment & Q(pk__lt=pk)))
        elif rank < end_rank:
            rows = rows.filter(**{f"{at}__lte": moment})
        else:
            rows = rows.filter(**{f"{at}__lt": moment})
    return list(rows.order_by(f"-{at}", "-pk")[: limit + 1])


def _bubble_of_post(post: Mention, key: str, now: datetime) -> Bubble:
    return Bubble(
        key=key,
        kind="own_post" if post.is_own else "mention",
        audience="public",
        is_ours=post.is_own,
        author=post.author.display_name or f"@{post.author.username}",
        at=post.posted_at,
        text=post.text,
        url=post.url,
        mention=post,
        edited_at=post.edited_at,
        deleted_at=post.deleted_at,
    )


def _bubble_of_message(message: Message, key: str, now: datetime) -> Bubble:
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
    )


def _chat_lines(conversation: Conversation) -> QuerySet[ChatLine]:
    return ChatLine.objects.filter(session__conversation=conversation).select_related("session__conversation__author", "agent")


def _bubble_of_chat(line: ChatLine, key: str, now: datetime) -> Bubble:
    author = line.session.conversation.author
    return Bubble(
        key=key,
        kind="chat",
        audience="private",
        is_ours=line.is_ours,
        author=(line.agent.name if line.agent else "Somebody of the team")
        if line.is_ours
        else author.display_name or f"@{author.username}",
        at=line.at,
        text=line.text,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One kind of row that stands in a thread: its rows, the field that says when, and how one of them looks."""

    rows: Callable[[Conversation], QuerySet[Any]]
    at: str
    bubble: Callable[[Any, str, datetime], Bubble]  # the row, its key in the thread, and the time that it is read at


# Of two things of the same moment the earlier part stands first. The order is part of the keys: new parts come last.
_PARTS = (
    _Part(_posts, "posted_at", _bubble_of_post),
    _Part(_messages, "created_at", _bubble_of_message),
    _Part(_chat_lines, "at", _bubble_of_chat),
)


def author_of(message: Message) -> str:
    """The name of who wrote a message. Its agent and author should be loaded."""
    if message.author is not None:
        return message.author.display_name or f"@{message.author.username}"
    return message.agent.name if message.agent else "Somebody of the team"


def _key(at: datetime, rank: int, pk: int) -> str:
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{rank}-{pk}"


def _parse_key(key: str) -> tuple[datetime, int, int]:
    try:
        microseconds, rank, pk = (int(part) for part in key.split("-"))
        return _EPOCH + timedelta(microseconds=microseconds), rank, pk
    except (ValueError, OverflowError):
        raise DeskError("That is no place in the conversation. Open it again from the list.") from None
