"""What a person's page shows of how they can be reached: coordinates, masked, and what they agreed to."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Prefetch
from django.template import Library

from profiles.models import UNCONFIRMED, Agent, Consent, ContactPoint, Profile
from profiles.services.rights import hidden_fields

register = Library()
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Ways:
    """`hidden` are the kinds that the agent does not see at all."""

    points: list[ContactPoint]
    hidden: frozenset[str]
    kinds: list[tuple[str, str]]
    may_edit: bool
    may_see_looks: bool


@register.simple_tag
def ways_to(profile: Profile, agent: Agent) -> Ways:
    """Three queries."""
    alive = Consent.objects.filter(revoked_at=None).exclude(scope=UNCONFIRMED).order_by("-given_at")
    points = ContactPoint.objects.filter(profile__person=profile.pk).select_related("verified_by")
    points = points.prefetch_related(Prefetch("consents", queryset=alive, to_attr="alive"))
    return Ways(
        points=list(points.order_by("-changed_at", "-pk")[:SHOWN]),
        hidden=hidden_fields(agent),
        kinds=[(str(kind), str(kind.label)) for kind in ContactPoint.Kind],
        may_edit=agent.may_work,
        may_see_looks=agent.may_configure,
    )
