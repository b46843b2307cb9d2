"""Where a customer can be reached and what they allowed, as agents see it beside a conversation: never a whole number or address."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Prefetch

from engagement.models import Verification
from engagement.services.acknowledge import is_acknowledged
from engagement.services.verification import read_verifications
from listening.models import Conversation
from profiles.models import UNCONFIRMED, Consent, ContactPoint
from profiles.services.people import person_of


@dataclass(frozen=True, slots=True)
class Reach:
    """`points` have their living consents in `alive`. `live` are verifications that wait for an answer, `ended` those that do not.

    `is_acknowledged`: whether a private message needs no waiver.
    """

    points: list[ContactPoint]
    live: list[Verification]
    ended: list[Verification]
    is_acknowledged: bool

    @property
    def media(self) -> set[str]:
        """By what the customer lets us write to them."""
        return {consent.medium for point in self.points if point.is_reachable for consent in point.alive}  # type: ignore[attr-defined]


def read_reach(conversation: Conversation) -> Reach:
    """At most six queries. The conversation's author should be loaded."""
    consents = Consent.objects.filter(revoked_at=None).exclude(scope=UNCONFIRMED)
    alive = Prefetch("consents", queryset=consents.order_by("-given_at"), to_attr="alive")
    points = ContactPoint.objects.filter(profile__person=person_of(conversation.author.profile_id))
    verifications = read_verifications(conversation)
    return Reach(
        points=list(points.prefetch_related(alive).order_by("-changed_at", "-pk")[:20]),
        live=[verification for verification in verifications if verification.state == Verification.State.LIVE],
        ended=[verification for verification in verifications if verification.state != Verification.State.LIVE],
        is_acknowledged=is_acknowledged(conversation),
    )
