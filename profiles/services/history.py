"""What was changed about a person, value by value: every version beside the one before it, the newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery

from profiles.models import Agent, ContactPoint, CustomField, CustomValue, Handle, Profile, ProfileNote, Stage
from profiles.services.channels import channel_words
from profiles.services.people import members_of
from profiles.services.rights import CUSTOM, hidden_fields
from socialdesk.lib.errors import DeskError
from socialdesk.lib.paging import read_key, write_key
from socialdesk.networks.registry import NETWORKS

PAGE = 50
WORDS = {
    "name": "Name",
    "company": "Company",
    "language": "Language",
    "time_zone": "Time zone",
    "stage": "Stage",
    "preferred_channel": "Wants to be answered",
    "owner_id": "Owner",
    "do_not_contact_at": "Do not contact",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One value that became another. `before` and `after` are as the asking agent may see them; `who` "" where no colleague did it.

    `whose` names the profile that became one with this person where it is its value and not their own, as in "@mara_k, Mastodon".
    """

    at: datetime
    what: str
    before: str
    after: str
    who: str
    source: str
    whose: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    """One kind of versions: which are this person's, and what two neighbours say."""

    name: str
    rows: Callable[[list[int]], QuerySet[Any]]
    compare: Callable[[Any, Any, _Words], Iterable[tuple[str, str, str]]]


@dataclass(frozen=True, slots=True)
class _Words:
    """What versions name by id."""

    hidden: frozenset[str]
    agents: dict[int, str]
    fields: dict[int, CustomField]


def read_history(person: Profile, *, agent: Agent, after: str = "") -> tuple[list[Change], str]:
    """A page of changes, of all profiles that are this person, and the key of the next.

    Two queries a table, and three more; two more where others became one with them.
    """
    members = members_of(person)
    place = _read_place(after) if after else None
    found: list[tuple[datetime, str, int, Any]] = []
    for table in TABLES:
        rows = table.rows(members)
        if place:
            at, name, pk = place
            older = Q(history_date__lt=at)
            if table.name > name:
                older |= Q(history_date=at)
            elif table.name == name:
                older |= Q(history_date=at, history_id__lt=pk)
            rows = rows.filter(older)
        rows = rows.annotate(before_id=_before(rows.model)).order_by("-history_date", "-history_id")
        found += [(row.history_date, table.name, row.history_id, row) for row in rows[: PAGE + 1]]
    found.sort(key=lambda one: (-one[0].timestamp(), one[1], -one[2]))
    page = found[:PAGE]
    return _write(page, agent, _sides(person, members)), _write_place(page[-1]) if len(found) > PAGE else ""


def _sides(person: Profile, members: list[int]) -> dict[int, str]:
    """What each profile that became one with the person is called: by its first handle, for the names may be the same."""
    others = Profile.objects.filter(pk__in=[pk for pk in members if pk != person.pk])
    by_age = Prefetch("handles", queryset=Handle.objects.order_by("first_seen_at", "pk"))
    return {other.pk: _side(other, list(other.handles.all())) for other in others.prefetch_related(by_age)}


def _side(profile: Profile, handles: list[Handle]) -> str:
    if not handles:
        return str(profile)
    network = NETWORKS.get(handles[0].network)
    return f"@{handles[0].username}, {network.label if network else handles[0].network}"


def _before(model: type[Any]) -> Subquery:
    """The version before it, of the same row."""
    earlier = Q(history_date__lt=OuterRef("history_date")) | Q(history_date=OuterRef("history_date"), history_id__lt=OuterRef("history_id"))
    rows = model.objects.filter(earlier, id=OuterRef("id")).order_by("-history_date", "-history_id")
    return Subquery(rows.values("history_id")[:1])


def _write(page: list[tuple[datetime, str, int, Any]], agent: Agent, sides: Mapping[int, str]) -> list[Change]:
    tables = {table.name: table for table in TABLES}
    ids: dict[str, list[int]] = {}
    for _, name, _, row in page:
        if row.before_id:
            ids.setdefault(name, []).append(row.before_id)
    before = {name: tables[name].rows([]).model.objects.in_bulk(found) for name, found in ids.items()}
    people = {row.history_user_id for *_, row in page} | {getattr(row, "owner_id", None) for *_, row in page}
    people |= {getattr(row, "owner_id", None) for rows in before.values() for row in rows.values()}
    words = _Words(
        hidden=hidden_fields(agent),
        agents={one.pk: one.name for one in Agent.objects.filter(pk__in=[pk for pk in people if pk])},
        fields=CustomField.objects.in_bulk(),
    )
    changes = []
    for at, name, _, row in page:
        last = before.get(name, {}).get(row.before_id)
        who, whose = words.agents.get(row.history_user_id or 0, ""), sides.get(row.id if name == "profile" else row.profile_id, "")
        for what, old, new in tables[name].compare(last, row, words):
            changes.append(Change(at, what, old, new, who, row.history_change_reason or "", whose))
    return changes


def _profile(last: Any, row: Any, words: _Words) -> Iterable[tuple[str, str, str]]:
    for name, word in WORDS.items():
        # What they came with became so from nothing; that all begin as prospects says nothing.
        old, new = getattr(last, name, Stage.PROSPECT if name == "stage" else None), getattr(row, name)
        if (old or "") != (new or ""):
            yield word, _say(name, old, words) if last else "", _say(name, new, words)


def _say(name: str, value: Any, words: _Words) -> str:
    if name == "owner_id":
        return words.agents.get(value or 0, "")
    if name == "stage":
        return str(Stage(value).label)
    if name == "preferred_channel":
        return channel_words(value) if value else ""
    if name == "do_not_contact_at":
        return "yes" if value else ""
    return str(value or "")


def _contact(last: Any, row: Any, words: _Words) -> Iterable[tuple[str, str, str]]:
    kind = ContactPoint.Kind(row.kind).label
    shown = "(not for your role)" if row.kind in words.hidden else ContactPoint(kind=row.kind, value=row.value).masked
    state = f"{shown}, {(row.problem or ContactPoint.State(row.state).label).lower()}"
    if last is None:
        yield str(kind), "", state
    elif (last.state, last.problem) != (row.state, row.problem):
        yield str(kind), f"{shown}, {(last.problem or ContactPoint.State(last.state).label).lower()}", state


def _custom(last: Any, row: Any, words: _Words) -> Iterable[tuple[str, str, str]]:
    field = words.fields.get(row.field_id)
    if field is None or CUSTOM + field.key in words.hidden:
        return
    if last is None or last.text != row.text:
        yield field.label, last.text if last else "", row.text


def _note(last: Any, row: Any, words: _Words) -> Iterable[tuple[str, str, str]]:
    if (last.text if last else "") != row.text:
        yield "Note", last.text if last else "", row.text


TABLES = (
    _Table("contact", lambda ids: ContactPoint.history.filter(id__in=ContactPoint.objects.filter(profile__in=ids).values("pk")), _contact),
    _Table("custom", lambda ids: CustomValue.history.filter(id__in=CustomValue.objects.filter(profile__in=ids).values("pk")), _custom),
    _Table("note", lambda ids: ProfileNote.history.filter(id__in=ProfileNote.objects.filter(profile__in=ids).values("pk")), _note),
    _Table("profile", lambda ids: Profile.history.filter(id__in=ids), _profile),
)


def _write_place(one: tuple[datetime, str, int, Any]) -> str:
    return f"{one[1]}.{write_key(one[0], one[2])}"


def _read_place(key: str) -> tuple[datetime, str, int]:
    name, dot, rest = key.partition(".")
    if not dot or name not in {table.name for table in TABLES}:
        raise DeskError("This page key is not one of ours. Start again from the first page.")
    at, pk = read_key(rest)
    return at, name, pk
