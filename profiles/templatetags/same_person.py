"""What a person's page shows of who else they may be, and of whom they are made."""

from __future__ import annotations

from dataclasses import dataclass

from django.template import Library

from profiles.models import Agent, Merge, Profile
from profiles.services.proposals import Proposal, proposals_of

register = Library()
_MOST = 50


@dataclass(frozen=True, slots=True)
class SamePerson:
    proposals: list[Proposal]
    merges: list[Merge]
    may_merge: bool


@register.simple_tag
def same_person_of(profile: Profile, agent: Agent) -> SamePerson:
    """A fixed number of queries."""
    members = Profile.objects.filter(person=profile.pk).values("pk")
    standing = Merge.objects.filter(undone_at=None, survivor__in=members).select_related("absorbed", "survivor", "agent")
    return SamePerson(proposals_of(profile.pk, agent=agent), list(standing.order_by("-at", "-pk")[:_MOST]), agent.may_work)
