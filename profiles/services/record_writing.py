"""People as records: what is told to other systems and written to files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from profiles.models import Agent, ContactPoint, CustomValue, Profile, ProfileTag, Stage
from profiles.services.rights import CUSTOM, hidden_fields

CONTACTS = {"emails": ContactPoint.Kind.EMAIL, "phones": ContactPoint.Kind.PHONE, "addresses": ContactPoint.Kind.ADDRESS}
FIELD_OF = {str(kind): name for name, kind in CONTACTS.items()}
PLAIN = ("name", "company", "language", "time_zone", "stage", "preferred_channel")


def write_record(profile: Profile, *, agent: Agent | None = None) -> dict[str, Any]:
    """The person as a record's values, with all fields; what `agent` may not see is left out (None: a system that may see all)."""
    return write_records([profile], agent=agent)[profile.pk]


def write_records(people: Iterable[Profile], *, agent: Agent | None = None) -> dict[int, dict[str, Any]]:
    """The same for many people, by their ids. A fixed number of queries."""
    by_id = {person.pk: person for person in people}
    owners = dict(Agent.objects.filter(pk__in={p.owner_id for p in by_id.values() if p.owner_id}).values_list("pk", "username"))
    lists: dict[int, dict[str, list[str]]] = {pk: {**{name: [] for name in CONTACTS}, "tags": []} for pk in by_id}
    for point in live_points(by_id):
        values = lists[point.profile.person][next(name for name, kind in CONTACTS.items() if kind == point.kind)]
        if point.value not in values:
            values.append(point.value)
    for tag in ProfileTag.objects.select_related("profile", "tag").filter(profile__person__in=list(by_id)).order_by("tag__folded"):
        if tag.tag.name not in lists[tag.profile.person]["tags"]:
            lists[tag.profile.person]["tags"].append(tag.tag.name)
    customs = read_customs(by_id)
    hidden = {FIELD_OF.get(field, field) for field in hidden_fields(agent)}
    return {
        pk: {
            name: value
            for name, value in {
                **{name: getattr(person, name) for name in PLAIN},
                "owner": owners.get(person.owner_id or 0, ""),
                "do_not_contact": person.do_not_contact_at is not None,
                **lists[pk],
                **{CUSTOM + key: value.text for key, value in customs[pk].items()},
            }.items()
            if name not in hidden
        }
        for pk, person in by_id.items()
    }


def live_points(people: Iterable[int]) -> QuerySet[ContactPoint]:
    """The coordinates that stand, oldest first: what was taken back is nobody else's business."""
    points = ContactPoint.objects.select_related("profile").filter(profile__person__in=list(people))
    return points.exclude(state=ContactPoint.State.REVOKED).order_by("created_at", "pk")


def read_customs(people: Iterable[int]) -> dict[int, dict[str, CustomValue]]:
    """{person: {key: value}}; of one who was merged their own value first, then the oldest profile's."""
    wanted = list(people)
    found: dict[int, dict[str, CustomValue]] = defaultdict(dict)
    values = CustomValue.objects.select_related("profile", "field").filter(profile__person__in=wanted, field__archived_at=None)
    for value in sorted(values, key=lambda value: (value.profile.root_id is not None, value.profile_id)):
        found[value.profile.person].setdefault(value.field.key, value)
    return {pk: dict(sorted(found[pk].items())) for pk in wanted}


def write_times(person: Profile) -> dict[str, datetime]:
    """{field: since when its value stands}, for the fields of the person's own row that anybody has set."""
    times = {name: datetime.fromisoformat(source["at"]) for name, source in person.sources.items() if source.get("at")}
    for name in PLAIN:
        value = getattr(person, name)
        if name not in times and value and (name, value) != ("stage", Stage.PROSPECT):
            times[name] = person.created_at
    return times
