"""What changed about people, in the order in which it can be seen: written with the change, numbered after the commit.

Numbers handed out inside the transaction would appear out of order: a reader who has seen 8 would never come back for the 7 of a
transaction that committed later. So a row is numbered by its first reader, one reader at a time; what is visible then gets the next
numbers, and whatever becomes visible later gets later ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime

from django.db import transaction

from profiles.models import Counter, Profile, ProfileEvent
from socialdesk.lib.clock import now as current_time

_COUNTER = "profile_events"
AT_ONCE = 1000
_GATHERED_KINDS = (ProfileEvent.Kind.CREATED, ProfileEvent.Kind.CHANGED)
_gathered: ContextVar[dict[int, ProfileEvent] | None] = ContextVar("gathered", default=None)


def note_change(
    *,
    profile: Profile,
    fields: Iterable[str] = (),
    source: str,
    kind: str = ProfileEvent.Kind.CHANGED,
    other: Profile | None = None,
    at: datetime | None = None,
) -> ProfileEvent:
    """Write down that `fields` of a person changed. In the transaction of the change itself.

    Field names are those of a record (services/records.py): name, company, emails, phones, tags, custom:<key>, ...
    """
    event = ProfileEvent(profile=profile, other=other, kind=kind, fields=sorted(set(fields)), source=source[:200], at=at or current_time())
    gathered = _gathered.get()
    if gathered is None or kind not in _GATHERED_KINDS:
        event.save()
        return event
    first = gathered.setdefault(profile.pk, event)
    if first is not event:
        first.fields = sorted({*first.fields, *event.fields})
        first.kind = ProfileEvent.Kind.CREATED if ProfileEvent.Kind.CREATED in (first.kind, kind) else first.kind
    return first


@contextmanager
def as_one_change() -> Iterator[None]:
    """What is noted of a person inside is one event, written at the end: who takes over a whole record tells of it once."""
    token = _gathered.set({})
    try:
        yield
        for event in (_gathered.get() or {}).values():
            event.save()
    finally:
        _gathered.reset(token)


def number_events() -> int:
    """Give numbers to what was committed since the last time; how many. Its own transaction."""
    if not ProfileEvent.objects.filter(number=None).exists():
        return 0
    with transaction.atomic():
        Counter.objects.get_or_create(name=_COUNTER)
        counter = Counter.objects.select_for_update().get(name=_COUNTER)
        waiting = list(ProfileEvent.objects.filter(number=None).order_by("pk")[:AT_ONCE])
        for event in waiting:
            counter.last += 1
            event.number = counter.last
        ProfileEvent.objects.bulk_update(waiting, ["number"])
        counter.save(update_fields=["last"])
    return len(waiting)


def read_events(*, after: int, limit: int) -> Sequence[ProfileEvent]:
    """The events with numbers above `after`, oldest first. Whoever asks again from the last number gets the rest, and misses none."""
    while number_events() == AT_ONCE:
        pass
    found = ProfileEvent.objects.filter(number__gt=after).select_related("profile", "other").order_by("number")
    return list(found[:limit])
