"""What a person's page shows of other systems: their numbers there, and the ways into them."""

from __future__ import annotations

from dataclasses import dataclass

from django.template import Library

from profiles.models import Agent, ExternalRef, Profile
from profiles.services.deep_links import Way, list_refs, ways_of

register = Library()


@dataclass(frozen=True, slots=True)
class Elsewhere:
    refs: list[ExternalRef]
    ways: list[Way]
    may_change: bool


@register.simple_tag
def elsewhere_of(profile: Profile, agent: Agent) -> Elsewhere:
    """A fixed number of queries."""
    refs = list_refs(profile)
    return Elsewhere(refs, ways_of(profile, agent=agent, refs=refs), agent.may_work)


OUTCOMES = {"created": "new", "updated": "changes", "unchanged": "as before", "refused": "refused"}
BADGES = {"created": "good", "updated": "public", "unchanged": "", "refused": "bad"}


@register.filter
def outcome_words(what: str) -> str:
    """What becomes of a row of a file."""
    return OUTCOMES.get(what, what)


@register.filter
def outcome_badge(what: str) -> str:
    return BADGES.get(what, "")
