"""What a person's page shows of their rights: whether they are to be left alone, and what may be done with what is kept about them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.template import Library

from profiles.models import Agent, Profile
from profiles.services.erasure import WHY

register = Library()


@dataclass(frozen=True, slots=True)
class Alone:
    since: datetime | None
    why: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    since: datetime | None
    may_set: bool
    may_export: bool
    may_erase: bool


@register.simple_tag
def left_alone(profile: Profile) -> Alone:
    """Since when, why, and who wrote it down; of all profiles that became one. One query, one more where they are to be left alone."""
    held = Profile.objects.filter(person=profile.person, do_not_contact_at__isnull=False).order_by("-do_not_contact_at").first()
    if held is None:
        return Alone(None)
    by = Agent.objects.filter(pk=held.sources.get("do_not_contact", {}).get("by")).first()
    return Alone(held.do_not_contact_at, held.do_not_contact_why, by.name if by else "")


@register.simple_tag
def rights_of(profile: Profile, agent: Agent) -> Rights:
    """What `agent` may do with the person. One query."""
    since = Profile.objects.filter(person=profile.person, do_not_contact_at__isnull=False).values_list("do_not_contact_at", flat=True)
    return Rights(since.first(), agent.may_answer, agent.may_answer, agent.may_approve)


@register.filter
def reason_words(why: str) -> str:
    """Why somebody was erased, in words."""
    return WHY.get(why, why)
