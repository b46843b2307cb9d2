"""Who may be the same person, as people read it: the open proposals with their evidence in words, and a merge before it is made."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, QuerySet

from profiles.models import Agent, ContactPoint, Handle, MatchSuggestion, Profile
from profiles.personal import holdings
from profiles.services.merge import FILLED, called, is_nothing
from profiles.services.people import find_person
from profiles.services.rights import hidden_fields
from profiles.services.search import search_people
from profiles.services.subjects import read_subject
from socialdesk.lib.errors import DeskError

PAGE = 30
CHOICES = 10  # people to choose from who fit a search
_WORDS = {
    "verified_email": "Both have the same e-mail address, and one of them proved that it is theirs",
    "verified_phone": "Both have the same phone number, and one of them proved that it is theirs",
    "given_email": "Both gave the same e-mail address",
    "given_phone": "Both gave the same phone number",
    "noted_email": "The same e-mail address is noted for both",
    "noted_phone": "The same phone number is noted for both",
    "common_email": "Both have an e-mail address that many people have",
    "common_phone": "Both have a phone number that many people have",
    "same_form": "Both typed the same into a form behind a link of ours",
    "links_both": "Each names the other's account",
    "link": "One names the other's account",
    "same_handle": "The same handle on two networks",
    "like_handle": "Handles that are alike",
    "same_name": "The same name",
    "like_name": "Names that are alike",
}
# What a preview counts, by what holds it (profiles/personal.py), in the order in which it is read.
_COUNTED = (
    *("handles", "mentions", "conversations", "messages", "tickets", "callbacks", "chats", "notices", "compliments"),
    *("contact_points", "consents", "custom_values", "notes", "external_refs"),
)
_FIELDS = {
    "name": "Name",
    "company": "Company",
    "language": "Language",
    "time_zone": "Time zone",
    "preferred_channel": "Preferred channel",
    "owner": "Owner",
    "stage": "Stage",
    "do_not_contact": "Do not contact",
}


@dataclass(frozen=True, slots=True)
class Reason:
    """One piece of evidence: `words`, and `detail`, masked where it is a coordinate, "" where the reader's role does not see its kind."""

    words: str
    detail: str = ""


@dataclass(slots=True)
class Proposal:
    suggestion: MatchSuggestion
    sides: tuple[Profile, Profile]
    handles: tuple[list[Handle], list[Handle]]
    reasons: list[Reason] = field(default_factory=list)

    @property
    def strength(self) -> str:
        return "Almost certain" if self.suggestion.score >= 0.95 else "Likely" if self.suggestion.score >= 0.75 else "Possible"


@dataclass(frozen=True, slots=True)
class Side:
    """One person of a preview. `fills`: what the merge would give them of the other, as (label, value)."""

    person: Profile
    handles: list[Handle]
    counts: list[tuple[str, int]]
    fills: list[tuple[str, str]]


def open_suggestions() -> QuerySet[MatchSuggestion]:
    """Those that wait for a decision, between two who stand for themselves: what a merge settled in passing is not asked."""
    alone = {"first__root": None, "second__root": None, "first__erased_at": None, "second__erased_at": None}
    return MatchSuggestion.objects.filter(state=MatchSuggestion.State.OPEN, **alone).select_related("first", "second")


def read_proposals(*, agent: Agent | None, after: str = "", limit: int = PAGE) -> tuple[list[Proposal], str]:
    """The open proposals as `agent` may see them, the surest first, and the key of what follows ("" at the end). Five queries.

    Raises DeskError for a bad key.
    """
    rows, following = page_of_suggestions(open_suggestions(), after=after, limit=limit)
    return tell(rows, agent), following


def page_of_suggestions(rows: QuerySet[MatchSuggestion], *, after: str, limit: int) -> tuple[list[MatchSuggestion], str]:
    if after:
        score, pk = _read_key(after)
        rows = rows.filter(Q(score__lt=score) | Q(pk__lt=pk), score__lte=score)
    found = list(rows.order_by("-score", "-pk")[: limit + 1])
    page = found[:limit]
    return page, _write_key(page[-1]) if len(found) > limit else ""


def proposals_of(person: int, *, agent: Agent | None, limit: int = 10) -> list[Proposal]:
    """The open proposals about one person, the surest first."""
    rows = open_suggestions().filter(Q(first=person) | Q(second=person))
    return tell(rows.order_by("-score", "-pk")[:limit], agent)


def tell(suggestions: Iterable[MatchSuggestion], agent: Agent | None) -> list[Proposal]:
    """With handles and reasons, without what `agent` may not see. Four queries for all."""
    rows = list(suggestions)
    if not rows:
        return []
    handles_of = handles_by_person({pk for row in rows for pk in (row.first_id, row.second_id)})
    pieces = [piece for row in rows for piece in row.evidence]
    told_of = ContactPoint.objects.exclude(kind__in=hidden_fields(agent))
    points = told_of.in_bulk({pk for piece in pieces if _is_of_points(piece) for pk in piece["rows"][:1]})
    handles = Handle.objects.in_bulk({pk for piece in pieces if _is_of_handles(piece) for pk in piece["rows"]})
    told = []
    for row in rows:
        mine = (handles_of[row.first_id], handles_of[row.second_id])
        proposal = Proposal(row, (row.first, row.second), mine)
        proposal.reasons = [_reason(piece, points, handles) for piece in row.evidence if piece["kind"] in _WORDS]
        told.append(proposal)
    return told


def handles_by_person(people: Iterable[int]) -> defaultdict[int, list[Handle]]:
    found: defaultdict[int, list[Handle]] = defaultdict(list)
    for handle in Handle.objects.filter(profile__person__in=list(people)).select_related("profile").order_by("first_seen_at", "pk"):
        found[handle.profile.person].append(handle)
    return found


def preview_merge(first_id: int, second_id: int) -> tuple[Side, Side]:
    """Both sides of a merge as it would be: what each has, and what either would be given of the other as the survivor.

    Raises NotFound for who is not there, DeskError for one and the same person.
    """
    one, other = find_person(first_id), find_person(second_id)
    if one.pk == other.pk:
        raise DeskError("These are one person already. Choose somebody else.")
    handles = handles_by_person((one.pk, other.pk))
    return (
        Side(one, handles[one.pk], _count(one), _fills(one, other)),
        Side(other, handles[other.pk], _count(other), _fills(other, one)),
    )


def _count(person: Profile) -> list[tuple[str, int]]:
    subject, known = read_subject(person), holdings()
    counts = [(known[name].label, known[name].rows(subject).count()) for name in _COUNTED if name in known]
    return [(label, count) for label, count in counts if count]


def _fills(survivor: Profile, absorbed: Profile) -> list[tuple[str, str]]:
    columns = [name for name in FILLED if is_nothing(survivor, name) and not is_nothing(absorbed, name)]
    return [(_FIELDS[called(name)], _shown(absorbed, name)) for name in columns]


def _shown(profile: Profile, column: str) -> str:
    if column == "owner_id":
        return profile.owner.name if profile.owner else "nobody"
    if column == "stage":
        return str(profile.get_stage_display())
    if column == "do_not_contact_at":
        return profile.do_not_contact_why or "they asked for it"
    return str(getattr(profile, column)).replace("_", " ") if column == "preferred_channel" else str(getattr(profile, column))


def _is_of_points(piece: dict[str, Any]) -> bool:
    return str(piece["kind"]).endswith(("_email", "_phone"))


def _is_of_handles(piece: dict[str, Any]) -> bool:
    return piece["kind"] in ("links_both", "link", "same_handle", "like_handle")


def _reason(piece: dict[str, Any], points: dict[int, ContactPoint], handles: dict[int, Handle]) -> Reason:
    detail = ""
    if _is_of_points(piece):
        point = points.get(next(iter(piece["rows"]), 0))
        detail = point.masked if point else ""
    elif _is_of_handles(piece):
        detail = ", ".join(dict.fromkeys(f"@{handles[pk].username}" for pk in piece["rows"] if pk in handles))
    return Reason(_WORDS[piece["kind"]], detail)


def _write_key(row: MatchSuggestion) -> str:
    return base64.urlsafe_b64encode(json.dumps([row.score, row.pk]).encode()).decode().rstrip("=")


def _read_key(key: str) -> tuple[float, int]:
    try:
        score, pk = json.loads(base64.urlsafe_b64decode(key + "=" * (-len(key) % 4)))
        return float(score), int(pk)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise DeskError("This page key is not one of ours. Start again from the first page.") from None


def find_other(wanted: str, *, person: Profile, agent: Agent) -> tuple[int | None, list[Profile]]:
    """Whom `wanted`, a number or words of a search, means: the one, or those to choose from. Raises NotFound for who was erased."""
    if wanted.isascii() and wanted.isdecimal() and len(wanted) < 7 and Profile.objects.filter(pk=int(wanted)).exists():
        return find_person(int(wanted)).pk, []
    if not wanted:
        return None, []
    found = [other for other in search_people(text=wanted, agent=agent, limit=CHOICES + 1).people if other.pk != person.pk][:CHOICES]
    handles = handles_by_person(other.pk for other in found)
    for other in found:
        other.all_handles = handles[other.pk]  # type: ignore[attr-defined]
    return None, found
