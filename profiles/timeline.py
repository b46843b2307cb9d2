"""The one registry by which the apps above tell what happened with a person, without being imported from below.

Each app registers, in `AppConfig.ready()`, its parts of a person's history. All parts are one list: the newest first, of one moment by the
part's name, of one part the newest row. So each entry has one place, and a page begins exactly behind the one before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from profiles.models import Profile
from socialdesk.lib.errors import DeskError
from socialdesk.lib.existing import which_exist
from socialdesk.lib.walks import read_ids

PAGE = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_KEY = re.compile(r"(-?\d{1,17})-([a-z_]{1,40})-(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a person's history. `url` leads to it; `is_ours`: we did it, not they."""

    at: datetime
    kind: str  # mention, reply, direct_message, note, ...
    key: str  # unique within the kind
    text: str
    url: str = ""
    who: str = ""
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose history it is: a person with the profiles that became one, and all their handles."""

    person: int
    profiles: tuple[int, ...]
    handles: tuple[int, ...]


Narrow = Callable[[QuerySet[Any]], QuerySet[Any]]


class Place(NamedTuple):
    """Where an entry stands among all."""

    at: datetime
    part: str
    pk: int


@dataclass(frozen=True, slots=True)
class Part:
    """One kind of row in a history: a person's rows, the field that says when, and how one of them looks.

    `kinds` are the entries' kinds; of a part with several, `kind_field` of its rows says which. `is_rare`: most people have none; then it
    costs nothing to have such a part. `by_handle`: one handle may have very many, so each is walked by itself. `nearest` finds, where the
    database would look through too much by itself, rows among which the newest `limit` are: it is given what narrows them to the page.
    """

    rows: Callable[[Subject], QuerySet[Any]]
    at: str
    entry: Callable[[Any], Entry]
    kinds: tuple[str, ...]
    kind_field: str = ""
    is_rare: bool = True
    by_handle: bool = False
    nearest: Callable[[Subject, Narrow, int], QuerySet[Any]] | None = None

    def wanted(self, rows: QuerySet[Any], kinds: frozenset[str]) -> QuerySet[Any]:
        """Those of these kinds, all where none is named."""
        if not kinds or not self.kind_field or kinds >= {*self.kinds}:
            return rows
        return rows.filter(**{f"{self.kind_field}__in": [kind for kind in self.kinds if kind in kinds]})


@dataclass(frozen=True, slots=True)
class History:
    """A page of entries. `next` is the key of the page after it, "" at the end."""

    entries: list[Entry]
    next: str


_parts: dict[str, Part] = {}


def register(name: str, part: Part) -> None:
    """Add a part to everybody's history."""
    _parts[name] = part


def list_kinds() -> list[str]:
    """All kinds of entries that there can be."""
    return list(dict.fromkeys(kind for part in _parts.values() for kind in part.kinds))


def split_kinds(given: Iterable[str]) -> list[str]:
    """The kinds that an address names: kind=call&kind=chat, or kind=call,chat."""
    return [kind for text in given for kind in text.split(",") if kind]


def find_subject(person: int) -> Subject:
    """All that is this person. One query."""
    pairs = list(Profile.objects.filter(person=person).values_list("pk", "handles__pk"))
    profiles = dict.fromkeys(pk for pk, _ in pairs)
    return Subject(person, tuple(profiles), tuple(handle for _, handle in pairs if handle is not None))


def read_timeline(
    *, subject: Subject, kinds: Collection[str] = (), after: str = "", before: datetime | None = None, limit: int = PAGE
) -> History:
    """A page of what happened with somebody, the newest first: of `kinds` (none named: all), behind the key `after`, before a time.

    One query for all rare parts together, one for each of those that this person has, and one for each other part; one more for a part
    whose handles are walked one by one. Raises DeskError for a key that is none and for unknown kinds.
    """
    some = check_kinds(kinds)
    start = read_place(after) if after else None
    chosen = {name: part for name, part in _parts.items() if not some or some & {*part.kinds}}
    rare = [(name, part) for name, part in chosen.items() if part.is_rare]
    is_there: dict[str, bool] = {}
    if rare:
        one_row = Profile.objects.filter(pk=subject.person)
        present = which_exist(one_row, [part.wanted(part.rows(subject), some) for _, part in rare])
        is_there = {name: found for (name, _), found in zip(rare, present, strict=True)}

    def walk(name: str, part: Part, whose: Subject) -> QuerySet[Any]:
        def narrow(rows: QuerySet[Any]) -> QuerySet[Any]:
            rows = _behind(part.wanted(rows, some), name, part.at, start)
            return rows if before is None else rows.filter(**{f"{part.at}__lt": before})

        rows = part.rows(whose) if part.nearest is None else part.nearest(whose, narrow, limit + 1)
        return _newest(narrow(rows), part, limit + 1)

    def read(name: str, part: Part) -> list[Any]:
        if not part.by_handle or len(subject.handles) < 2:
            return list(walk(name, part, subject))
        ids = read_ids([walk(name, part, replace(subject, handles=(handle,))) for handle in subject.handles])
        return list(_newest(part.rows(subject).filter(pk__in=ids), part, limit + 1))

    found: list[tuple[Place, Any]] = []
    for name, part in chosen.items():
        if is_there.get(name, True):
            found += [(Place(getattr(row, part.at), name, row.pk), row) for row in read(name, part)]
    found.sort(key=lambda pair: (_EPOCH - pair[0].at, pair[0].part, -pair[0].pk))
    page = found[:limit]
    entries = [_parts[place.part].entry(row) for place, row in page]
    return History(entries, write_place(page[-1][0]) if len(found) > limit and page else "")


def check_kinds(kinds: Collection[str]) -> frozenset[str]:
    """Raises DeskError for a kind that no part has."""
    known = list_kinds()
    unknown = [kind for kind in kinds if kind not in known]
    if unknown:
        raise DeskError(f"There is no kind {unknown[0][:40]!r} in a history. Kinds: {', '.join(known)}.")
    return frozenset(kinds)


def write_place(place: Place) -> str:
    return f"{(place.at - _EPOCH) // timedelta(microseconds=1)}-{place.part}-{place.pk}"


def read_place(key: str) -> Place:
    """The place that write_place wrote. Raises DeskError on anything else."""
    match = _KEY.fullmatch(key)
    try:
        at = _EPOCH + timedelta(microseconds=int(match[1])) if match else None
    except OverflowError:
        at = None
    if match is None or at is None or at.year > 2200:  # years beyond overflow once they are turned into another time zone
        raise DeskError("That is no place in this history. Start again from the newest.")
    return Place(at, match[2], int(match[3]))


def _newest(rows: QuerySet[Any], part: Part, limit: int) -> QuerySet[Any]:
    return rows.order_by(f"-{part.at}", "-pk")[:limit]


def _behind(rows: QuerySet[Any], name: str, at: str, start: Place | None) -> QuerySet[Any]:
    if start is None:
        return rows
    if name > start.part:  # at the same moment it comes after what was shown
        return rows.filter(**{f"{at}__lte": start.at})
    if name < start.part:
        return rows.filter(**{f"{at}__lt": start.at})
    return rows.filter(Q(**{f"{at}__lt": start.at}) | Q(pk__lt=start.pk), **{f"{at}__lte": start.at})
