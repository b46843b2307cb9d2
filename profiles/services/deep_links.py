"""Ways into other systems: addresses with places that are filled in from a person (brief D15)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from django.db import transaction

from profiles.models import Agent, ContactPoint, CustomField, DeepLink, ExternalRef, Profile, ProfileEvent
from profiles.services.changes import note_change
from profiles.services.looks import record_looks
from profiles.services.record_writing import CONTACTS, live_points, write_records
from profiles.services.terms import renew_terms
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.text import clean

MOST = 50  # links of a desk
_LONGEST = 500
_PLACE = re.compile(r"\{([^{}]*)\}")
_SYSTEM = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
PLAIN = ("id", "name", "email", "phone")
LOOKED_AT = ("email", "phone")  # who follows such a link has looked at the coordinate
EXAMPLES = {"id": "7", "name": "Mara Köhler", "email": "mara@example.com", "phone": "+493023125123"}


@dataclass(frozen=True, slots=True)
class Way:
    """A link that can be followed. `url` is empty where following it is a look at a coordinate: that goes through the desk."""

    link: DeepLink
    url: str


def save_link(*, link: DeepLink | None, name: str, template: str) -> DeepLink:
    """Raises DeskError that says what is wrong with the address."""
    name, template = " ".join(clean(name).split()), clean(template).strip()
    if not name or len(name) > 60:
        raise DeskError("Give the link a name of at most 60 characters, such as CRM.")
    check_template(template)
    if link is None and DeepLink.objects.count() >= MOST:
        raise DeskError(f"There are {MOST} links already. Remove one first.")
    saved = link or DeepLink(position=DeepLink.objects.count())
    saved.name, saved.template = name, template
    saved.save()
    return saved


def check_template(template: str) -> list[str]:
    """The places of an address, in their order. Raises DeskError for what cannot be opened safely."""
    if len(template) > _LONGEST:
        raise DeskError(f"The address is longer than {_LONGEST} characters.")
    rest = _PLACE.sub("", template)
    if "{" in rest or "}" in rest:
        raise DeskError("A brace is not closed. Write places as in {id}.")
    if any(c.isspace() or unicodedata.category(c).startswith("C") or c in '\\"<>`' for c in rest):
        raise DeskError("There is a character in the address that no address has. Copy it again.")
    try:
        parts = urlsplit(template)
        host = parts.hostname or ""
        has_login = parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        raise DeskError("This is no web address. Write one such as https://crm.example.com/people/{id}.") from None
    if parts.scheme != "https" or not host:
        raise DeskError("The address begins with https:// and the name of the other system's computer.")
    if "{" in parts.netloc or "}" in parts.netloc:
        raise DeskError("A place may stand behind the computer's name only: a person's data must not choose where a link leads.")
    if has_login:
        raise DeskError("Take the user name and password out of the address: everybody here would see them.")
    places = _PLACE.findall(template)
    if not places:
        raise DeskError("Write where the person's value goes, as in {id} or {external:crm}.")
    for place in places:
        _check_place(place)
    return places


def fill_example(template: str) -> str:
    """The address with made-up values, to look at."""
    return _PLACE.sub(lambda found: quote(EXAMPLES.get(found[1], "1234"), safe=""), template)


def ways_of(person: Profile, *, agent: Agent, refs: list[ExternalRef]) -> list[Way]:
    """The links whose values are there and may be seen. A fixed number of queries."""
    links = list(DeepLink.objects.all()[:MOST])
    places = {place for link in links for place in _PLACE.findall(link.template)}
    values = _read_values(person, agent=agent, refs=refs, places=places)
    ways = []
    for link in links:
        needed = _PLACE.findall(link.template)
        if all(values.get(place) for place in needed):
            ways.append(Way(link, "" if set(needed) & set(LOOKED_AT) else fill(link.template, values)))
    return ways


def follow(*, link: DeepLink, person: Profile, agent: Agent) -> str:
    """Where a link leads; what coordinates go with it counts as looked at. Raises NotFound if a value is missing or not theirs to see."""
    places = set(_PLACE.findall(link.template))
    refs = list(ExternalRef.objects.filter(profile__person=person.pk).order_by("pk"))
    values = _read_values(person, agent=agent, refs=refs, places=places)
    if not all(values.get(place) for place in places):
        raise NotFound("This person has not what the link needs, or your role does not see it.")
    used = {str(CONTACTS[f"{place}s"]): values[place] for place in LOOKED_AT if place in places}
    looked: dict[str, ContactPoint] = {}
    for point in live_points([person.pk]) if used else ():
        if used.get(point.kind) == point.value:
            looked.setdefault(point.kind, point)
    record_looks(looked.values(), agent=agent, where="link")
    return fill(link.template, values)


def fill(template: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: quote(values[found[1]], safe=""), template)


def list_refs(person: Profile) -> list[ExternalRef]:
    return list(ExternalRef.objects.filter(profile__person=person.pk).order_by("system", "external_id"))


def add_ref(*, person: Profile, system: str, external_id: str, agent: Agent) -> ExternalRef:
    """The person's number in another system. Raises Conflict if that number is somebody's."""
    system, external_id = system.strip().lower(), " ".join(clean(external_id).split())
    if not _SYSTEM.fullmatch(system):
        raise DeskError("The name of a system is letters, digits and hyphens, such as old-crm.")
    if not external_id or len(external_id) > 200:
        raise DeskError("Write the number as the other system shows it, at most 200 characters.")
    with transaction.atomic():
        held = Profile.objects.select_for_update(no_key=True).get(pk=person.pk)
        if held.erased_at or held.root_id:
            raise Conflict("This person is not there any more. Open their page again.")
        known = ExternalRef.objects.select_related("profile").filter(system=system, external_id=external_id).first()
        if known is not None:
            if known.profile.person == person.pk:
                return known
            raise Conflict(f"This number is {known.profile}'s (profile {known.profile.person}). If they are the same person, merge them.")
        ref = ExternalRef.objects.create(profile=held, system=system, external_id=external_id, made_at=current_time())
        _note(held, agent)
    return ref


def remove_ref(*, person: Profile, ref_id: int, agent: Agent) -> None:
    """Raises NotFound if it is gone already."""
    with transaction.atomic():
        ref = ExternalRef.objects.select_for_update().filter(pk=ref_id, profile__person=person.pk).first()
        if ref is None:
            raise NotFound("This number was removed already.")
        owner = ref.profile_id
        ref.delete()
        _note(person, agent)
        renew_terms(owner)


def _note(person: Profile, agent: Agent) -> None:
    """Which number it is in some system is no field of a record: the event names none."""
    note_change(profile=person, fields=(), source="agent", kind=ProfileEvent.Kind.CHANGED)
    renew_terms(person.pk)


def _check_place(place: str) -> None:
    kind, colon, name = place.partition(":")
    if place in PLAIN:
        return
    if kind == "external" and colon:
        if not _SYSTEM.fullmatch(name):
            raise DeskError("Behind external: stands the name of a system, as in {external:crm}.")
        return
    if kind == "custom" and colon:
        if not CustomField.objects.filter(key=name).exists():
            raise DeskError(f"There is no field {name[:40]!r}. An admin can make it.")
        return
    raise DeskError(
        f"Nobody knows what {{{place[:40]}}} is. Use {{id}}, {{name}}, {{email}}, {{phone}}, {{external:system}} or {{custom:field}}."
    )


def _read_values(person: Profile, *, agent: Agent, refs: list[ExternalRef], places: set[str]) -> dict[str, str]:
    """{place: value} of what the agent may see."""
    values = {"id": str(person.pk), "name": person.name}
    for ref in refs:
        values.setdefault(f"external:{ref.system}", ref.external_id)
    record = {}
    if any(place in LOOKED_AT or place.startswith("custom:") for place in places):
        record = write_records([person], agent=agent)[person.pk]
    if places & set(LOOKED_AT):
        sound = {point.value for point in live_points([person.pk]) if not point.problem}
        for place in LOOKED_AT:
            found = [value for value in record.get(f"{place}s", ()) if value in sound]
            values |= {place: found[0]} if found else {}
    return {**values, **{name: value for name, value in record.items() if name.startswith("custom:")}}
