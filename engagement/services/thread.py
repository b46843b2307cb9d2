"""A conversation as it is read: everything that was said in it, in the order of time, each told apart by who can see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db.models import Model, Q, QuerySet

from engagement.services.act_words import read_acts
from engagement.services.attachments import load_pictures
from engagement.services.bubbles import PARTS, PUBLIC_PARTS, Bubble, Part
from listening.models import Conversation
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError
from socialdesk.lib.existing import which_exist

T = TypeVar("T", bound=Model)

PAGE = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Thread(list[Bubble]):
    """Bubbles, oldest first. `earlier` is the key to ask for what stands before them, "" where nothing does."""

    earlier: str = ""


def read_thread(conversation: Conversation, *, before: str = "", limit: int = PAGE, now: datetime | None = None) -> Thread:
    """The last `limit` entries of a conversation, or those before the key `before`.

    Four queries, and one for each rare part that this conversation has; one more where pictures were sent.
    Our own post that is the echo of a message of the desk is shown once, as that message. Raises DeskError for a key that is none.
    """
    return _with_acts(_merge(conversation, PARTS, before=before, limit=limit, now=now))


def read_public_thread(conversation: Conversation) -> Thread:
    """The last entries that everybody can read, so that no number of notes hides one; two queries."""
    return _merge(conversation, PUBLIC_PARTS, before="", limit=PAGE, now=None)


def _merge(conversation: Conversation, parts: Sequence[Part], *, before: str, limit: int, now: datetime | None) -> Thread:
    moment = now or current_time()
    end = _parse_key(before) if before else None
    found: list[tuple[tuple[datetime, int, int], Bubble]] = []
    absent = _find_absent(conversation, parts)
    for rank, part in enumerate(parts):
        if part in absent:
            continue
        for row in _newest(part.rows(conversation), part.at, rank, end, limit):
            place = (getattr(row, part.at), rank, row.pk)
            found.append((place, part.bubble(row, _key(*place), moment)))
    found.sort(key=lambda pair: pair[0])
    thread = Thread(bubble for _, bubble in found[-limit:])
    load_pictures(bubble.message for bubble in thread if bubble.message is not None)
    if len(found) > limit:
        thread.earlier = thread[0].key
    return thread


def _with_acts(thread: Thread) -> Thread:
    """Each post with what was done to it. One query, none where there are no posts."""
    posts = [bubble.mention.pk for bubble in thread if bubble.kind == "mention" and bubble.mention is not None]
    answers = [bubble.message.pk for bubble in thread if bubble.kind == "reply" and bubble.message is not None]
    of_posts, of_answers = read_acts(mentions=posts, messages=answers)
    for place, bubble in enumerate(thread):
        if bubble.mention is not None and bubble.mention.pk in of_posts:
            thread[place] = replace(bubble, acts=of_posts[bubble.mention.pk])
        elif bubble.message is not None and bubble.message.pk in of_answers:
            thread[place] = replace(bubble, acts=of_answers[bubble.message.pk])
    return thread


def _find_absent(conversation: Conversation, parts: Sequence[Part]) -> set[Part]:
    """The rare parts that this conversation has no row of. One query, none where no part is rare."""
    rare = [part for part in parts if part.is_rare]
    if not rare:
        return set()
    present = which_exist(Conversation.objects.filter(pk=conversation.pk), [part.rows(conversation) for part in rare])
    return {part for part, is_present in zip(rare, present, strict=True) if not is_present}


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


def _key(at: datetime, rank: int, pk: int) -> str:
    return f"{(at - _EPOCH) // timedelta(microseconds=1)}-{rank}-{pk}"


def _parse_key(key: str) -> tuple[datetime, int, int]:
    try:
        microseconds, rank, pk = (int(part) for part in key.split("-"))
        return _EPOCH + timedelta(microseconds=microseconds), rank, pk
    except (ValueError, OverflowError):
        raise DeskError("That is no place in the conversation. Open it again from the list.") from None
