"""What a list of people shows beside their names: handles, tags, and when they last wrote. A fixed number of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Max

from profiles.models import Handle, Profile, ProfileTag

MOST_SHOWN = 3  # handles and tags of one person


@dataclass(slots=True)
class Line:
    """A person as a list shows them. `more_handles` and `more_tags` count what is left out."""

    person: Profile
    handles: list[Handle] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    more_handles: int = 0
    more_tags: int = 0
    last_contact: datetime | None = None


def read_lines(people: Sequence[Profile]) -> list[Line]:
    """Two queries."""
    lines = {person.pk: Line(person) for person in people}
    handles = Handle.objects.filter(profile__person__in=lines).select_related("profile").order_by("first_seen_at", "pk")
    for handle in handles.annotate(last=Max("conversations__activity_at")):
        line = lines[handle.profile.person]
        if len(line.handles) < MOST_SHOWN:
            line.handles.append(handle)
        else:
            line.more_handles += 1
        line.last_contact = max(filter(None, (line.last_contact, handle.last)), default=None)
    tags = ProfileTag.objects.filter(profile__person__in=lines).order_by("tag__name").values_list("profile__person", "tag__name")
    for person, tag in dict.fromkeys(tags):
        line = lines[person]
        if len(line.tags) < MOST_SHOWN:
            line.tags.append(tag)
        else:
            line.more_tags += 1
    return list(lines.values())
