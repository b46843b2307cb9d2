"""Conversations and mentions of the people of a segment."""

from __future__ import annotations

from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from profiles.models import Handle, Segment
from profiles.services.segments import few_people, people_in


def written_by(found: QuerySet[Any], segment: Segment | None) -> QuerySet[Any]:
    """Those of `found` whose author is in the segment by now; nothing of a segment that is gone.

    Where few people can be meant, their rows are looked up; else each row that is walked is asked for itself, so that a page costs
    what it walks and not how many people there are.
    """
    if segment is None:
        return found.none()
    few = few_people(segment.conditions)
    if few is not None:
        return found.filter(author__in=list(Handle.objects.filter(profile__person__in=_fitting(segment, few)).values_list("pk", flat=True)))
    # Asked for its value and not with EXISTS, which PostgreSQL would turn into a join with everybody in the segment.
    theirs = people_in(segment).filter(pk=OuterRef("author__profile__person")).values("pk")[:1]
    walked: QuerySet[Any] = found.alias(in_segment=Subquery(theirs)).filter(in_segment__isnull=False)
    return walked


def _fitting(segment: Segment, few: list[int]) -> list[int]:
    return list(people_in(segment).filter(pk__in=few).values_list("pk", flat=True))
