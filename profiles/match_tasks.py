"""Background work of finding who may be the same person. Each task calls one service."""

from __future__ import annotations

from celery import shared_task

from profiles.services import matching


@shared_task
def match_people(profile_ids: list[int]) -> None:
    """Something that they are told by is new."""
    matching.match_people(profile_ids)


@shared_task
def match_new_people() -> None:
    """Who came since the last time."""
    matching.match_new_people()
