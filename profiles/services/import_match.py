"""Whom a row of a file is about: by its number in the other system, else by the one person with its e-mail or phone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Q

from profiles.models import ContactPoint, ExternalRef, Profile
from profiles.services.contacts import normalise
from profiles.services.records import PersonRecord, find_by_external
from socialdesk.lib.errors import DeskError

_KINDS = {"emails": ContactPoint.Kind.EMAIL, "phones": ContactPoint.Kind.PHONE}
_NOBODY = "Nothing here tells people apart. Give the row an e-mail, a phone number with its country, or a number in the other system."
_TWO = "This fits two people here: {}. Merge them, or give the row a number in the other system."


def find_match(record: PersonRecord, *, region: str) -> Profile | None:
    """The person that the record is about, None for somebody new. Raises DeskError where that cannot be told, NotFound for the erased."""
    if record.external_id:
        known = find_by_external(system=record.system, external_id=record.external_id)
        if known is not None:
            return known
    coordinates = list(read_coordinates(record.values, region=region))
    if not coordinates:
        if record.external_id:
            return None
        raise DeskError(_NOBODY)
    found = _find_people(coordinates)
    if record.external_id and found:
        # Who has another number in that system is another person there: families share telephones.
        numbered = set(
            ExternalRef.objects.filter(system=record.system, profile__person__in=found).values_list("profile__person", flat=True)
        )
        found = [pk for pk in found if pk not in numbered]
    if len(found) > 1:
        names = Profile.objects.filter(pk__in=found[:2]).order_by("pk")
        raise DeskError(_TWO.format(" and ".join(f"{str(person)[:60]} ({person.pk})" for person in names)))
    return Profile.objects.get(pk=found[0]) if found else None


def read_coordinates(values: Mapping[str, Any], *, region: str) -> Iterable[tuple[str, str]]:
    """(kind, normal form) of the e-mails and phones of a row, without those that cannot be one: "n/a" makes nobody known."""
    for name, kind in _KINDS.items():
        for typed in values.get(name, ()):
            value, problem = normalise(kind, typed, region=region)
            if not problem and value:
                yield kind, value


def _find_people(coordinates: Iterable[tuple[str, str]]) -> list[int]:
    """The ids of who has one of these coordinates, as long as it was not taken back."""
    wanted = Q()
    for kind, value in coordinates:
        wanted |= Q(kind=kind, value=value)
    points = ContactPoint.objects.filter(wanted, profile__erased_at=None).exclude(state=ContactPoint.State.REVOKED)
    return sorted(set(points.values_list("profile__person", flat=True)))
