"""Segments are saved, put in order, counted, and said in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from profiles.models import Agent, Segment
from profiles.services.conditions import WAYS, WITHOUT_VALUE, Condition, Field, check_conditions, list_fields
from profiles.services.segments import few_people, people_in
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError
from socialdesk.lib.text import clean

MOST_COUNTED = 1_000  # a preview counts no further: nobody decides by the difference
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Line:
    """A segment, and its conditions in words."""

    segment: Segment
    words: list[str]


def save_segment(*, segment: Segment | None, name: str, conditions: Any, routes_to: Agent | None, agent: Agent) -> Segment:
    """Raises DeskError for a name that is empty, too long or taken, and for conditions that cannot be or are none."""
    wanted = " ".join(clean(name).split())
    if not wanted or len(wanted) > LONGEST_NAME:
        raise DeskError(f"A segment needs a name of at most {LONGEST_NAME} characters.")
    checked = check_conditions(conditions, in_words=True)
    if not checked:
        raise DeskError("Say at least one condition; without one, everybody would be in it.")
    if segment is None:
        last = Segment.objects.order_by("-position").values_list("position", flat=True).first()
        segment = Segment(made_by=agent, made_at=current_time(), position=(last or 0) + 1)
    segment.name, segment.conditions, segment.routes_to = wanted, checked, routes_to
    try:
        with transaction.atomic():
            segment.save()
    except IntegrityError:
        raise DeskError(f"There is a segment called {wanted} already. Choose another name.") from None
    return segment


def move_segment(*, segment: Segment, up: bool) -> None:
    """Change places with the one before or after it. All are numbered anew, so that none share a place."""
    with transaction.atomic():
        ordered = list(Segment.objects.select_for_update().order_by("position", "name"))
        place = next((number for number, other in enumerate(ordered) if other.pk == segment.pk), None)
        other = None if place is None else place - 1 if up else place + 1
        if place is not None and other is not None and 0 <= other < len(ordered):
            ordered[place], ordered[other] = ordered[other], ordered[place]
        for number, moved in enumerate(ordered, 1):
            moved.position = number
        Segment.objects.bulk_update(ordered, ["position"])


def count_people(conditions: Sequence[Condition]) -> int:
    """How many meet them, counted up to MOST_COUNTED."""
    found = people_in(conditions)
    few = few_people(conditions)
    if few is not None:
        found = found.filter(pk__in=few)
    return found.order_by()[:MOST_COUNTED].count()


def say_conditions(segments: Iterable[Segment]) -> list[Line]:
    """Two queries at most, however many there are."""
    found = list(segments)
    fields = list_fields() if found else {}
    owners = {pk for segment in found for row in segment.conditions if row["field"] == "owner" for pk in row.get("value", ())}
    names = {agent.pk: agent.name for agent in Agent.objects.filter(pk__in=owners)} if owners else {}
    return [Line(segment, [_say(row, fields, names) for row in segment.conditions]) for segment in found]


def _say(row: Condition, fields: dict[str, Field], names: dict[int, str]) -> str:
    field = fields.get(row["field"])
    label = field.label if field else row["field"]
    days = f" {row['days']} days" if "days" in row else ""
    way = "in the last" if row["is"] == "within" else "not in the last" if row["is"] == "before" else WAYS[row["is"]]
    if row["is"] in WITHOUT_VALUE or "value" not in row:
        return f"{label} {way}{days}"
    value = row["value"]
    if isinstance(value, list):
        value = " or ".join(names.get(part, str(part)) if row["field"] == "owner" else str(part).replace("_", " ") for part in value)
    return f"{label} {value} {way}{days}" if days else f"{label} {way} {value}"
