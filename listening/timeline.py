"""Listening's part of a profile's history: what these people wrote in public."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.urls import reverse

from listening.models import Mention
from profiles.timeline import Entry


def read_mentions(handle_ids: list[int], before: datetime | None, limit: int) -> Iterable[Entry]:
    """See profiles.timeline.Provider. One query."""
    rows = Mention.objects.filter(author_id__in=handle_ids).select_related("author")
    if before is not None:
        rows = rows.filter(posted_at__lt=before)
    return [
        Entry(
            at=mention.posted_at,
            kind="mention",
            key=str(mention.pk),
            text=mention.text if mention.deleted_at is None else "(its author deleted this post)",
            url=reverse("conversation", args=[mention.conversation_id]) if mention.conversation_id else mention.url,
            who=f"@{mention.author.username}",
        )
        for mention in rows.order_by("-posted_at", "-pk")[:limit]
    ]
