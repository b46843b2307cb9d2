"""Looks people up: staff by what programs and commands name them with, the public by any of the profiles that became one."""

from __future__ import annotations

from django.db.models import QuerySet

from profiles.models import Agent, Profile
from socialdesk.lib.errors import NotFound


def find_agent(name: str) -> Agent:
    """The active agent with this id or user name. Raises NotFound."""
    agents = Agent.objects.filter(is_active=True)
    agent = agents.filter(username=name).first()
    if agent is None and name.isdecimal() and len(name) < 12:
        agent = agents.filter(pk=int(name)).first()
    if agent is None:
        raise NotFound(f"There is no active agent {name[:80]!r}.")
    return agent


def find_person(pk: int) -> Profile:
    """Who the profile `pk` stands for by now: itself, or whom it was merged into. Raises NotFound for none and for who was erased."""
    found = Profile.objects.select_related("root").filter(pk=pk).first()
    person = (found.root or found) if found else None
    if person is None or person.erased_at:
        raise NotFound("There is no such profile. It may have been erased.")
    return person


def person_of(profile: Profile | int) -> QuerySet[Profile, int]:
    """Who a profile stands for by now, for comparing with: `filter(profile__person=person_of(profile))`. No query of its own."""
    return Profile.objects.filter(pk=profile if isinstance(profile, int) else profile.pk).values_list("person", flat=True)[:1]


def members_of(person: Profile | int) -> list[int]:
    """The ids of all profiles that are this person, their own among them. One query."""
    pk = person if isinstance(person, int) else person.pk
    return list(Profile.objects.filter(person=pk).values_list("pk", flat=True))
