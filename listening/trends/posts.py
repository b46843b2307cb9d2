"""The mentions behind a figure: the same narrowing and the same hours, as rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from django.db.models import Model, Prefetch, Q, QuerySet, prefetch_related_objects

from listening.models import Mention, MentionTopic
from listening.trends.filters import Narrowing
from socialdesk.lib.clock import EARLIEST
from socialdesk.lib.errors import DeskError

PAGE = 50
_Row = TypeVar("_Row", bound=Model)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PostsPage:
    """`mentions` newest first, author and topics loaded; `next` is the key of the following page, "" at the end."""

    mentions: list[Mention]
    next: str


def read_moment(text: str, name: str) -> datetime:
    """A moment as links write it (2026-03-31T14:00:00Z). Raises DeskError for anything else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise DeskError(f"“{text[:40]}” is not a time for {name}. Write it as 2026-03-31T14:00:00Z.") from None
    if moment.tzinfo is None:
        raise DeskError(f"The time for {name} needs a time zone. Write it as 2026-03-31T14:00:00Z.")
    if not EARLIEST.year <= moment.year < _LATEST.year:
        raise DeskError(f"The time for {name} must lie after {EARLIEST:%Y-%m-%d}.")
    return moment.astimezone(UTC)


def read_posts(
    narrowing: Narrowing, since: datetime, until: datetime, *, after: str = "", limit: int = PAGE, newest_first: bool = True
) -> PostsPage:
    """One page of the mentions from `since` to before `until`: two queries. Raises DeskError for an `after` that no page gave out."""
    mentions = _read(narrowing, since, until, after, limit + 1, newest_first)
    more = len(mentions) > limit
    mentions = mentions[:limit]
    links = MentionTopic.objects.select_related("topic").order_by("topic__name")
    prefetch_related_objects(mentions, Prefetch("topic_links", queryset=links, to_attr="named_topics"))
    return PostsPage(mentions, _key(mentions[-1]) if more else "")


def _read(narrowing: Narrowing, since: datetime, until: datetime, after: str, limit: int, newest_first: bool) -> list[Mention]:
    if narrowing.topic:
        # From the links, so that a topic's page is one walk along their index.
        links = MentionTopic.objects.filter(topic=narrowing.topic, mention__is_own=False)
        links = _cut(links, since, until, after, newest_first, key="mention_id")
        links = links.filter(**{f"mention__{name}": value for name, value in narrowing.columns.items()})
        return [link.mention for link in links.select_related("mention__author__profile")[:limit]]
    mentions = _cut(Mention.objects.filter(is_own=False), since, until, after, newest_first, key="id")
    return list(mentions.filter(**narrowing.columns).select_related("author__profile")[:limit])


def _cut(rows: QuerySet[_Row], since: datetime, until: datetime, after: str, newest_first: bool, *, key: str) -> QuerySet[_Row]:
    """The rows from `since` to before `until` that come after the key `after`, in order."""
    rows = rows.filter(posted_at__gte=since, posted_at__lt=until)
    if after:
        at, pk = _read_key(after)
        beyond = "lt" if newest_first else "gt"
        rows = rows.filter(
            Q(**{f"posted_at__{beyond}": at}) | Q(**{"posted_at": at, f"{key}__{beyond}": pk}), **{f"posted_at__{beyond}e": at}
        )
    return rows.order_by("-posted_at", f"-{key}") if newest_first else rows.order_by("posted_at", key)


def _key(mention: Mention) -> str:
    return f"{(mention.posted_at - _EPOCH) // _MICROSECOND}_{mention.pk}"


def _read_key(after: str) -> tuple[datetime, int]:
    at, _, pk = after.partition("_")
    if not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in (at, pk)):
        raise DeskError("This page of the list does not exist. Go back to its beginning.")
    try:
        return _EPOCH + int(at) * _MICROSECOND, int(pk)
    except OverflowError:
        raise DeskError("This page of the list does not exist. Go back to its beginning.") from None
