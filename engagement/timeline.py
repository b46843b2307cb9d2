"""Engagement's part of a profile's history: what we wrote to these people, what they wrote in private, what the team noted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.urls import reverse

from engagement.models import Message
from engagement.services.thread import author_of
from profiles.timeline import Entry


def read_messages(handle_ids: list[int], before: datetime | None, limit: int) -> Iterable[Entry]:
    """See profiles.timeline.Provider. One query."""
    rows = Message.objects.filter(conversation__author_id__in=handle_ids).select_related("agent", "author")
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    return [
        Entry(
            at=message.created_at,
            kind=message.kind,
            key=str(message.pk),
            text=message.text,
            url=reverse("conversation", args=[message.conversation_id]),
            who=author_of(message),
        )
        for message in rows.order_by("-created_at", "-pk")[:limit]
    ]
