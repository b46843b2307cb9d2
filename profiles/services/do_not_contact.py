"""That a person wants to be left alone: set and lifted with who, when and why, and asked by everything that would go out unasked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from profiles.models import Agent, Profile
from profiles.services.changes import note_change
from profiles.services.edit import save_version
from profiles.services.people import lock_person, person_of
from profiles.services.versions import keep_first_version
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import DeskError, NotAllowed
from socialdesk.lib.text import clean

_LONGEST = 200
_FIELD = "do_not_contact"


def set_do_not_contact(*, profile_id: int, why: str, agent: Agent | None, source: str = "agent", at: datetime | None = None) -> Profile:
    """The person is not contacted from now on, unless they begin. Setting it again changes the reason, not the time."""
    words = " ".join(clean(why).split())
    if not words:
        raise DeskError("Say why, as in “asked not to be called again”. Whoever looks at the profile reads it.")
    if len(words) > _LONGEST:
        raise DeskError(f"The reason has {len(words)} characters; {_LONGEST} are the most.")
    _check_may(agent)
    moment = at or current_time()
    with transaction.atomic():
        person = lock_person(profile_id)
        if person.do_not_contact_at and person.do_not_contact_why == words:
            return person
        keep_first_version(person, since=person.created_at)
        person.do_not_contact_at = person.do_not_contact_at or moment
        person.do_not_contact_why = words
        save_version(person, fields=[_FIELD], source=source, agent=agent, at=moment)
        note_change(profile=person, fields=[_FIELD], source=source, at=moment)
    return person


def lift_do_not_contact(*, profile_id: int, agent: Agent | None, source: str = "agent", at: datetime | None = None) -> Profile:
    """They may be contacted again, within what they agreed to. For all profiles that became one."""
    _check_may(agent)
    moment = at or current_time()
    with transaction.atomic():
        person = lock_person(profile_id)
        held = Profile.objects.select_for_update(no_key=True).filter(person=person.pk, do_not_contact_at__isnull=False).order_by("pk")
        for member in held:
            keep_first_version(member, since=member.created_at)
            member.do_not_contact_at, member.do_not_contact_why = None, ""
            save_version(member, fields=[_FIELD], source=source, agent=agent, at=moment)
            note_change(profile=member, fields=[_FIELD], source=source, at=moment)
        person.refresh_from_db()
    return person


def left_alone_since(profile: Profile | int) -> datetime | None:
    """Since when the person does not want to be contacted; None if they never said so. One query."""
    held = Profile.objects.filter(person=person_of(profile), do_not_contact_at__isnull=False)
    since: datetime | None = held.aggregate(since=Max("do_not_contact_at"))["since"]
    return since


def _check_may(agent: Agent | None) -> None:
    if agent is not None and not agent.may_answer:
        raise NotAllowed("Your role does not decide whom we contact. Ask a care agent or a lead.")
