"""What is known of a person already, so that nobody asks them twice (brief B26). Never a whole coordinate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from profiles.models import Agent, ContactPoint, CustomValue
from profiles.services.rights import hidden_fields

MOST = 12
OF_A_KIND = 2  # coordinates of one kind that a card has room for
HIDDEN = "on file"  # in place of what a role may not see
_ORDER: list[str] = [ContactPoint.State.VERIFIED, ContactPoint.State.GIVEN, ContactPoint.State.UNVERIFIED]


@dataclass(frozen=True, slots=True)
class Fact:
    """`field` is as records name it: email, phone, address, custom:<key>; `value` what staff may see of it, `source` where it is from."""

    field: str
    label: str
    value: str
    state: str  # verified, given, unverified; "" for what has none
    source: str
    at: datetime

    @property
    def is_sure(self) -> bool:
        """Nobody needs to ask for it again."""
        return self.state != ContactPoint.State.UNVERIFIED


def points_of(profiles: Iterable[int]) -> list[Fact]:
    """Coordinates that are no dead ends, the surest first. One query."""
    points = ContactPoint.objects.filter(profile__in=list(profiles), problem="").exclude(state=ContactPoint.State.REVOKED)
    found = sorted(points.order_by("-changed_at", "-pk")[: 2 * MOST], key=lambda point: _ORDER.index(point.state))
    facts = [
        Fact(point.kind, point.get_kind_display(), point.masked, point.state, point.source, point.verified_at or point.created_at)
        for point in found
    ]
    return facts[:MOST]


def briefly(facts: Iterable[Fact]) -> list[Fact]:
    """No more of each kind than a card has room for; the surest stay."""
    counts: dict[str, int] = {}
    kept = []
    for fact in facts:
        counts[fact.field] = counts.get(fact.field, 0) + 1
        if counts[fact.field] <= OF_A_KIND:
            kept.append(fact)
    return kept


def without_hidden(facts: list[Fact], agent: Agent | None) -> list[Fact]:
    """What `agent` may not see is known all the same: that it is there, and not what. One query, none where nothing is known."""
    hidden = hidden_fields(agent) if facts else frozenset()
    return [replace(fact, value=HIDDEN) if fact.field in hidden else fact for fact in facts]


def values_of(profiles: Sequence[int]) -> list[Fact]:
    """The fields that an admin added, each once: of the first of `profiles` that has it. One query."""
    values = CustomValue.objects.filter(profile__in=profiles, field__archived_at=None).exclude(text="").select_related("field")
    in_order = sorted(values, key=lambda value: (value.field.position, value.field_id, profiles.index(value.profile_id)))
    first = {value.field_id: value for value in reversed(in_order)}
    return [
        Fact(f"custom:{value.field.key}", value.field.label, value.text, "", value.source, value.changed_at)
        for value in in_order
        if first[value.field_id] is value
    ][:MOST]


def say_source(source: str) -> str:
    """A source as people say it: "in a form", "in a private message", "by a colleague"."""
    if "form" in source or source == "ticket status page":
        return "in a form"
    if source.startswith("direct message"):
        return "in a private message"
    if source.startswith("agent"):
        return "noted by a colleague"
    if source.startswith("import"):
        return "from a file"
    if source.startswith("merge"):
        return "from a profile of theirs"
    name = source.removeprefix("system:")
    return f"from {name}" if name else ""
