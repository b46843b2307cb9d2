"""Engagement's part of a profile's history: what we wrote to these people, what they wrote in private, what the team noted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from engagement.models import ChatLine, ChatSession, Message
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


def read_chats(handle_ids: list[int], before: datetime | None, limit: int) -> Iterable[Entry]:
    """A chat is one entry: when it began, and its first line. See profiles.timeline.Provider. One query."""
    rows = ChatSession.objects.filter(conversation__author_id__in=handle_ids).select_related("conversation__author")
    if before is not None:
        rows = rows.filter(started_at__lt=before)
    rows = rows.annotate(first=Subquery(ChatLine.objects.filter(session=OuterRef("pk"), number=1).values("text")))
    return [
        Entry(
            at=chat.started_at,
            kind="chat",
            key=str(chat.pk),
            text=chat.first,
            url=reverse("conversation", args=[chat.conversation_id]),
            who=chat.conversation.author.display_name or f"@{chat.conversation.author.username}",
        )
        for chat in rows.order_by("-started_at", "-pk")[:limit]
    ]
