"""The form of a person's own fields: what it shows, what was seen in it, and what is to be set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict

from profiles.models import Agent, CustomField, Profile, Stage
from profiles.services.channels import channel_words
from profiles.services.custom import Filled, list_custom
from profiles.services.edit import ALONE, TEXTS, read_field
from profiles.services.editing import edit_person
from profiles.services.rights import CUSTOM
from socialdesk.lib.errors import Conflict
from socialdesk.networks.registry import NETWORKS

LABELS = {
    "name": "Name",
    "company": "Company",
    "stage": "Stage",
    "language": "Language",
    "time_zone": "Time zone",
    "preferred_channel": "Prefers to be answered",
    "owner": "Owner",
}
HELP = {"language": "A code, such as de or pt-BR.", "time_zone": "A name, such as Europe/Berlin."}


@dataclass(slots=True)
class Box:
    """One field of the form. `theirs` is what somebody else wrote meanwhile, as `conflict` says."""

    name: str
    label: str
    value: str
    seen: str
    options: list[tuple[str, str]] = field(default_factory=list)
    kind: str = "text"
    help: str = ""
    longest: int = 500
    conflict: dict[str, Any] | None = None


def build_boxes(person: Profile, agent: Agent, given: QueryDict | None = None, conflicts: list[dict[str, Any]] | None = None) -> list[Box]:
    """The fields as they stand. Where the form comes back, `given` is what was sent: with `conflicts` all else of it was saved, without
    them nothing was.
    """
    said = {conflict["field"]: conflict for conflict in conflicts or []}
    boxes = []
    for name, label in LABELS.items():
        value, seen = _show(name, str(read_field(person, name) or ""), given, said)
        boxes.append(
            Box(
                name,
                label,
                value,
                seen,
                _options(name, person),
                help=HELP.get(name, ""),
                longest=TEXTS.get(name, 20),
                conflict=said.get(name),
            )
        )
    for filled in list_custom(person, agent=agent):
        name = CUSTOM + filled.field.key
        value, seen = _show(name, filled.value.text if filled.value else "", given, said)
        boxes.append(
            Box(
                name,
                filled.field.label,
                value,
                seen,
                _custom_options(filled),
                {"number": "text", "date": "date", "link": "url"}.get(filled.field.kind, "text"),
                conflict=said.get(name),
            )
        )
    _name_colleagues(boxes)
    return boxes


def save_boxes(person: Profile, agent: Agent, given: QueryDict) -> list[dict[str, Any]]:
    """Set what was changed in the form, all or nothing of it; only what somebody else changed meanwhile is left, and given back as
    conflicts. Where it comes back, `choice:<field>` says whose value counts.
    """
    wanted = _read_changes(given)
    conflicts: list[dict[str, Any]] = []
    while wanted:
        try:
            edit_person(profile_id=person.pk, changes=wanted, seen={name: _read_seen(name, given) for name in wanted}, agent=agent)
        except Conflict as conflict:
            conflicts += conflict.extra["conflicts"]
            wanted = {name: value for name, value in wanted.items() if name not in {one["field"] for one in conflicts}}
        else:
            break
    return conflicts


def _read_changes(given: QueryDict) -> dict[str, str]:
    """What the form asks for: fields that are other than they were shown, and for which nobody chose what somebody else wrote."""
    names = [name for name in given if (name in LABELS or name.startswith(CUSTOM)) and given.get(f"choice:{name}") != "theirs"]
    return {name: given.get(name, "") for name in names if given.get(name) != given.get(f"seen:{name}")}


def _read_seen(name: str, given: QueryDict) -> str:
    return given.get(f"seen:{name}", "")


def _show(name: str, now: str, given: QueryDict | None, conflicts: Mapping[str, dict[str, Any]]) -> tuple[str, str]:
    """(value, seen) of a field. Nobody has seen what stands there `now` until it is on their screen: said to be seen any sooner, it
    would be overwritten by the next save without a word.
    """
    if given is None:
        return now, now
    if name in conflicts:
        theirs = conflicts[name]["theirs"]  # as it is shown beside the box, even if it is yet another one by now
        return given.get(name, now), "" if theirs is None else str(theirs)
    if conflicts or name not in _read_changes(given):
        return now, now
    return given.get(name, now), _read_seen(name, given)


def _options(name: str, person: Profile) -> list[tuple[str, str]]:
    if name == "stage":
        return [(str(stage), str(stage.label)) for stage in Stage]
    if name == "preferred_channel":
        networks = [key for key, network in NETWORKS.items() if network.capabilities.reply or key == person.preferred_channel]
        return [("", "Nothing said"), *((key, channel_words(key)) for key in (*ALONE, *networks))]
    if name == "owner":
        return [("", "Nobody"), *((str(one.pk), one.name) for one in _owners(person))]
    return []


def _owners(person: Profile) -> QuerySet[Agent]:
    """Who works here, and whoever it is now: a box without them would name somebody else."""
    return Agent.objects.filter(Q(is_active=True) | Q(pk=person.owner_id)).order_by("display_name", "username")


def _custom_options(filled: Filled) -> list[tuple[str, str]]:
    kind, choices = filled.field.kind, list(filled.field.choices)
    if kind == CustomField.Kind.YES_NO:
        choices = ["yes", "no"]
    if not choices:
        return []
    if filled.value and filled.value.text and filled.value.text not in choices:
        choices.append(filled.value.text)  # of a list that was shorter later on
    return [("", "Nothing said"), *((choice, choice) for choice in choices)]


def _name_colleagues(boxes: list[Box]) -> None:
    """Say in words who changed what meanwhile, and to what."""
    found = [(box, box.conflict) for box in boxes if box.conflict]
    agents = Agent.objects.filter(pk__in=[conflict["by"] for _, conflict in found if conflict["by"]])
    names = {one.pk: one.name for one in agents}
    for box, conflict in found:
        theirs = "" if conflict["theirs"] is None else str(conflict["theirs"])
        who = names.get(conflict["by"] or 0, "Another system")
        when = datetime.fromisoformat(conflict["at"]) if conflict["at"] else None
        box.conflict = {**conflict, "who": who, "when": when, "theirs": dict(box.options).get(theirs, theirs)}
