"""Which way a customer uses most, told by their own use (brief D2): what they chose or wrote by in the last half year.

It is shown beside what they said themselves, and never stands above it; a reply goes where the customer wrote.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.db.models.functions import TruncDate

from engagement.models import CallbackRequest, ChatSession, Message
from listening.models import Mention
from profiles.models import UNCONFIRMED, Consent, Counter, Handle, Medium, Profile
from socialdesk.lib.clock import now as current_time

WINDOW = timedelta(days=180)
FEWEST = 2  # uses: one post is no habit
AT_ONCE = 20_000  # rows that one run looks at of each kind
CHUNK = 500  # people
_COUNTER = "implied channel of"


@dataclass(slots=True)
class _Use:
    """How often a way was used: on how many days, in how many acts, and when last."""

    days: int = 0
    acts: int = 0
    last: datetime | None = None

    def add(self, days: int, acts: int, last: datetime) -> None:
        self.days += days
        self.acts += acts
        self.last = max(last, self.last or last)


def imply_channels(*, now: datetime | None = None) -> int:
    """Look again at the people with new activity since the last time. Returns how many use another way most than we thought.

    Rows are found by their ids, from where the run before the last one ended: what was committed late is met by the second look.
    """
    found: set[int] = set()
    done: dict[str, int] = {}
    for name, rows, path in _sources():
        since, until = _marks(name, rows.model)
        found |= set(rows.filter(pk__gt=since, pk__lte=until).values_list(path, flat=True).distinct())
        done[name] = until
    changed = 0
    people = sorted(found)
    for at in range(0, len(people), CHUNK):
        changed += imply_channels_of(people[at : at + CHUNK], now=now)
    for name, until in done.items():
        _move_marks(name, until)
    return changed


def imply_channels_of(people: Iterable[int], *, now: datetime | None = None) -> int:
    """The same for these persons. Eight queries for all, and one for each way that somebody changed to."""
    since = (now or current_time()) - WINDOW
    persons = dict(Profile.objects.filter(pk__in=list(people), erased_at=None).values_list("pk", "implied_channel"))
    profiles = dict(Profile.objects.filter(person__in=list(persons)).values_list("pk", "person"))
    handles = dict(Handle.objects.filter(profile__in=list(profiles)).values_list("pk", "profile__person"))
    uses: dict[int, dict[str, _Use]] = defaultdict(lambda: defaultdict(_Use))
    for person, way, days, acts, last in _uses(handles, profiles, since):
        uses[person][way].add(days, acts, last)
    by_way: dict[str, list[int]] = defaultdict(list)
    for person, before in persons.items():
        way = _most_used(uses[person])
        if way and way != before:
            by_way[way].append(person)
    with transaction.atomic():
        for way, ids in by_way.items():
            Profile.objects.filter(pk__in=ids).update(implied_channel=way)
    return sum(len(ids) for ids in by_way.values())


def _most_used(uses: dict[str, _Use]) -> str:
    """By days, so that ten posts of one evening are one use; the newest of two that are even."""
    if sum(use.acts for use in uses.values()) < FEWEST:
        return ""
    return max(uses, key=lambda way: (uses[way].days, uses[way].last, way))


def _uses(handles: dict[int, int], profiles: dict[int, int], since: datetime) -> Iterator[tuple[int, str, int, int, datetime]]:
    """(person, way, days, acts, last) of everything that they did themselves. Five queries."""

    def counted(rows: QuerySet[Any], at: str, *by: str) -> Iterator[tuple[Any, ...]]:
        figures = {"days": Count(TruncDate(at), distinct=True), "acts": Count("pk"), "latest": Max(at)}
        yield from rows.filter(**{f"{at}__gte": since}).order_by().values_list(*by).annotate(**figures)

    theirs = list(handles)
    posts = Mention.objects.filter(author__in=theirs, is_own=False)
    for handle, network, *figures in counted(posts, "posted_at", "author", "network"):
        yield handles[handle], network, *figures
    messages = Message.objects.filter(conversation__author__in=theirs, is_incoming=True)
    for handle, *figures in counted(messages, "created_at", "conversation__author"):
        yield handles[handle], "direct_message", *figures
    chats = ChatSession.objects.filter(conversation__author__in=theirs)
    for handle, *figures in counted(chats, "started_at", "conversation__author"):
        yield handles[handle], "chat", *figures
    for profile, *figures in counted(CallbackRequest.objects.filter(profile__in=list(profiles)), "created_at", "profile"):
        yield profiles[profile], "phone", *figures
    mail = Consent.objects.filter(profile__in=list(profiles), medium=Medium.EMAIL).exclude(scope=UNCONFIRMED)
    for profile, *figures in counted(mail, "given_at", "profile"):
        yield profiles[profile], "email", *figures


def _sources() -> Iterator[tuple[str, QuerySet[Any], str]]:
    """What new activity is read from, and the way from it to the person."""
    yield "mention", Mention.objects.filter(is_own=False), "author__profile__person"
    yield "message", Message.objects.filter(is_incoming=True), "conversation__author__profile__person"
    yield "chat", ChatSession.objects.all(), "conversation__author__profile__person"
    yield "callback", CallbackRequest.objects.all(), "profile__person"
    yield "consent", Consent.objects.filter(medium=Medium.EMAIL), "profile__person"


def _marks(name: str, model: Any) -> tuple[int, int]:
    """The ids between which rows are looked at now."""
    known = dict(Counter.objects.filter(name__in=_names(name)).values_list("name", "last"))
    before, last = (known.get(mark, 0) for mark in _names(name))
    beyond = model.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)
    until = next(iter(beyond[AT_ONCE - 1 : AT_ONCE]), None) or beyond.reverse().first() or last
    return before, until


def _move_marks(name: str, until: int) -> None:
    before, last = _names(name)
    for mark in (before, last):
        Counter.objects.get_or_create(name=mark)
    reached = Counter.objects.filter(name=last)
    Counter.objects.filter(name=before).update(last=reached.values("last")[:1])
    reached.update(last=until)


def _names(name: str) -> tuple[str, str]:
    return f"{_COUNTER} {name}, before", f"{_COUNTER} {name}"
