"""What a person's page shows of how they can be reached: coordinates, masked, and what they agreed to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch
from django.template import Library

from profiles.models import UNCONFIRMED, Agent, Consent, ContactPoint, Profile
from profiles.services.contacts import RANK
from profiles.services.rights import hidden_fields
from profiles.services.versions import writers_of

register = Library()
SHOWN = 50


@dataclass(frozen=True, slots=True)
class Ways:
    """`hidden` are the kinds that the agent does not see at all. Each point has `writer`, who wrote it by hand, "" if unknown."""

    points: list[ContactPoint]
    hidden: frozenset[str]
    kinds: list[tuple[str, str]]
    may_edit: bool
    may_see_looks: bool


@register.simple_tag
def ways_to(profile: Profile, agent: Agent) -> Ways:
    """Four queries."""
    alive = Consent.objects.filter(revoked_at=None).exclude(scope=UNCONFIRMED).order_by("-given_at")
    points = ContactPoint.objects.filter(profile__person=profile.pk).select_related("verified_by")
    points = points.prefetch_related(Prefetch("consents", queryset=alive, to_attr="alive"))
    shown = _once(points.order_by("-changed_at", "-pk")[:SHOWN])
    writers = writers_of(ContactPoint, [point.pk for point in shown])
    for point in shown:
        point.writer = writers.get(point.pk, "")  # type: ignore[attr-defined]
    return Ways(
        points=shown,
        hidden=hidden_fields(agent),
        kinds=[(str(kind), str(kind.label)) for kind in ContactPoint.Kind],
        may_edit=agent.may_work,
        may_see_looks=agent.may_configure,
    )


def _once(points: Iterable[ContactPoint]) -> list[ContactPoint]:
    """Of equal ones, as the profiles of one person may have them, the surest, with all that is allowed at any of them."""
    equal: dict[tuple[str, str], list[ContactPoint]] = {}
    for point in points:
        equal.setdefault((point.kind, point.value), []).append(point)
    shown = []
    for group in equal.values():
        point = max(group, key=lambda one: RANK[ContactPoint.State(one.state)])
        consents: list[Consent] = [consent for one in group for consent in one.alive]  # type: ignore[attr-defined]
        point.alive = sorted(consents, key=lambda consent: consent.given_at, reverse=True)  # type: ignore[attr-defined]
        shown.append(point)
    return shown
