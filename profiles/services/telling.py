"""An event as other systems read it: in the changed-since feed, and in what is sent to them. Written when it is read, never stored."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from django.conf import settings

from profiles.models import Agent, ExternalRef, Handle, Profile, ProfileEvent
from profiles.services.record_writing import read_customs, write_records, write_times
from profiles.services.rights import CUSTOM

DESK = "desk-"  # how the systems begin that are desks like this one, in ExternalRef


def write_events(events: Sequence[ProfileEvent], *, agent: Agent | None = None) -> list[dict[str, Any]]:
    """Each event with the person as they are now, by the rights of `agent` (None: a system that may see all). A fixed number of queries.

    `record` is None for who was erased. A profile that was merged is shown as whom it became.
    """
    people = _read_people(events)
    live = [person for person in people.values() if person.erased_at is None]
    records = write_records(live, agent=agent)
    customs = read_customs(person.pk for person in live)
    refs, handles = _read_refs(list(people)), _read_handles(list(people))
    told = []
    for event in events:
        person = people[_person_id(event.profile)]
        record = records.get(person.pk)
        times = {} if record is None else write_times(person)
        times |= {CUSTOM + key: value.changed_at for key, value in customs.get(person.pk, {}).items()}
        told.append(
            {
                "id": str(event.uuid),
                "type": f"profile.{event.kind}",
                "number": event.number,
                "kind": event.kind,
                "timestamp": event.at.isoformat(),
                "profile": person.pk,
                "other": event.other_id,
                "fields": event.fields,
                "source": event.source,
                "record": record,
                "changed_at": {name: at.isoformat() for name, at in times.items() if record is not None and name in record},
                "handles": handles[person.pk] if record is not None else [],
                "known_as": {
                    **{system: number for system, number in refs[person.pk].items() if system.startswith(DESK)},
                    own_key(): str(person.pk),
                },
                "external_ids": {system: number for system, number in refs[person.pk].items() if not system.startswith(DESK)},
            }
        )
    return told


def own_key() -> str:
    """The name of this desk among desks. Each event says by which numbers which desks know the person, and so it is known again by one
    that it comes back to by way of others: without that, three desks in a ring would make the person anew for ever."""
    return _key_of(settings.SECRET_KEY)


@lru_cache(maxsize=4)
def _key_of(secret: str) -> str:
    return DESK + hmac.new(secret.encode(), b"which desk this is", hashlib.sha256).hexdigest()[:16]


def find_external_id(payload: Mapping[str, Any], system: str) -> str:
    """What `system` calls the person of an event; "" if it never said."""
    return str(payload["external_ids"].get(system, ""))


def _person_id(profile: Profile) -> int:
    return profile.root_id or profile.pk


def _read_people(events: Sequence[ProfileEvent]) -> dict[int, Profile]:
    return Profile.objects.in_bulk({_person_id(event.profile) for event in events})


def _read_refs(people: Sequence[int]) -> dict[int, dict[str, str]]:
    """{person: {system: number}}; of several from one system the person's own, else the newest."""
    found: dict[int, dict[str, str]] = defaultdict(dict)
    refs = ExternalRef.objects.select_related("profile").filter(profile__person__in=people).order_by("pk")
    for ref in sorted(refs, key=lambda ref: ref.profile.root_id is None):
        found[ref.profile.person][ref.system] = ref.external_id
    return found


def _read_handles(people: Sequence[int]) -> dict[int, list[dict[str, str]]]:
    found: dict[int, list[dict[str, str]]] = defaultdict(list)
    for handle in Handle.objects.select_related("profile").filter(profile__person__in=people).order_by("pk"):
        found[handle.profile.person].append(
            {"network": handle.network, "external_id": handle.external_id, "username": handle.username, "url": handle.url}
        )
    return found
