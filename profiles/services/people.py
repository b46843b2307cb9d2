"""Looks people up: staff by what programs and commands name them with, the public by any of the profiles that became one."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from profiles.models import Agent, Profile
from socialdesk.lib.errors import Conflict, NotFound


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


def lock_person(pk: int) -> Profile:
    """Who the profile `pk` stands for, held until the transaction ends, as whoever merges holds them. Inside a transaction.

    Raises NotFound for none and for who was erased, Conflict while they are merged again and again.
    """
    for _ in range(5):
        before = transaction.savepoint()
        person = Profile.objects.select_for_update(no_key=True).filter(pk=person_of(pk)).first()
        if person is None or person.erased_at:
            raise NotFound("There is no such profile. It may have been erased.")
        if person.root_id is None:
            transaction.savepoint_commit(before)
            return person
        # Merged between question and answer: let go at once, for a merge further up would wait for it while we wait for the top.
        transaction.savepoint_rollback(before)
    raise Conflict("This person is being merged right now. Try again.")


def members_of(person: Profile | int) -> list[int]:
    """The ids of all profiles that are this person, their own among them. One query."""
    pk = person if isinstance(person, int) else person.pk
    return list(Profile.objects.filter(person=pk).values_list("pk", flat=True))
