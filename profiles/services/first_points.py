"""The coordinates of somebody who is new: written all at once, since nobody else can know them yet."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import cache
from typing import Any

from profiles.models import Agent, ContactPoint, Profile
from profiles.services.contacts import normalise
from profiles.services.later import is_put_off
from profiles.services.matching import match_later
from socialdesk.lib.text import clean


@cache
def _versions() -> Any:
    """The library makes a class anew whenever it is asked for this."""
    return ContactPoint.history


def write_first_points(
    *, profile: Profile, kind: str, typed: Iterable[str], source: str, agent: Agent | None, region: str, at: datetime
) -> list[tuple[str, str]]:
    """(value, problem) of each that is one or was kept with a mark. In the transaction that made `profile`, whose event is noted there."""
    found: dict[str, ContactPoint] = {}
    marks: list[tuple[str, str]] = []
    for text in typed:
        value, problem = normalise(kind, text, region=region)
        marks.append((value, problem))
        if value and value not in found:
            found[value] = ContactPoint(
                profile=profile,
                kind=kind,
                value=value,
                typed=clean(text, limit=500),
                state=ContactPoint.State.UNVERIFIED,
                source=source[:200],
                problem=problem,
                created_at=at,
                changed_at=at,
            )
    points = ContactPoint.objects.bulk_create(found.values())
    _versions().bulk_history_create(points, default_user=agent, default_change_reason=source[:100], default_date=at)
    if points and not is_put_off(profile.pk):
        match_later(profile.pk)
    return marks
