"""A person as their rows are found by, whatever became one with whom."""

from __future__ import annotations

from profiles.models import ContactPoint, ExternalRef, Handle, Profile
from profiles.personal import Subject
from profiles.services.people import members_of


def read_subject(person: Profile | int) -> Subject:
    """All profiles and handles of `person`, and the words that name nobody else."""
    members = members_of(person)
    handles = Handle.objects.filter(profile__in=members).order_by("pk")
    words: list[str] = []
    for handle in handles:
        words += [handle.external_id, handle.username, handle.url]
    words += ContactPoint.objects.filter(profile__in=members).values_list("value", flat=True)
    words += ContactPoint.objects.filter(profile__in=members).values_list("typed", flat=True)
    words += ExternalRef.objects.filter(profile__in=members).values_list("external_id", flat=True)
    names = Profile.objects.filter(pk__in=members).values_list("name", flat=True)
    # One word alone is many people's name.
    words += [name for name in [*names, *(handle.display_name for handle in handles)] if len(name.split()) > 1]
    return Subject(profiles=members, handles=[handle.pk for handle in handles], identifiers=[word for word in dict.fromkeys(words) if word])
