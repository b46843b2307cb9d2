"""That somebody looked at coordinates in full, written down with whoever it was and where."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from profiles.models import Agent, ContactLook, ContactPoint, Profile
from profiles.services.rights import hidden_fields
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import NotAllowed, NotFound
from socialdesk.lib.paging import page_of

PAGE = 50
WHERE = {"page": "on their page", "api": "through the API", "export": "in a file", "link": "on the way into another system"}


def record_looks(points: Iterable[ContactPoint], *, agent: Agent, where: str, at: datetime | None = None) -> None:
    """`agent` is shown these. One query however many they are."""
    moment = at or current_time()
    ContactLook.objects.bulk_create(
        ContactLook(profile_id=point.profile_id, contact_point=point, kind=point.kind, agent=agent, where=where, at=moment)
        for point in points
    )


def show_contact_point(*, contact_point_id: int, agent: Agent) -> ContactPoint:
    """The coordinate in full, for somebody's eyes. Raises NotFound, and NotAllowed where their role does not see its kind."""
    point = ContactPoint.objects.select_related("profile").filter(pk=contact_point_id).first()
    if point is None:
        raise NotFound("There is no such contact any more.")
    if point.kind in hidden_fields(agent):
        raise NotAllowed(f"Your role does not see this: {point.get_kind_display()}. An admin can change that.")
    record_looks([point], agent=agent, where="page")
    return point


def read_looks(*, person: Profile | None, after: str) -> tuple[list[ContactLook], str]:
    """Who looked, the newest first: at one person's coordinates or at anybody's; and the key of the next page."""
    looks = ContactLook.objects.select_related("agent", "contact_point", "profile__root")
    if person is not None:
        looks = looks.filter(profile__person=person.pk)
    return page_of(looks, field="at", after=after, limit=PAGE)
