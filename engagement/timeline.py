"""Engagement's part of a profile's history: messages, calls, notices, tickets and surveys."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import OuterRef, Subquery
from django.urls import reverse

from engagement.models import CallbackRequest, ChatLine, ChatSession, Message, Notice, SurveyAnswer, TicketUpdate
from engagement.services.bubbles import author_of
from profiles.models import Handle
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


def read_callbacks(handle_ids: list[int], before: datetime | None, limit: int) -> Iterable[Entry]:
    """Calls that these people asked for. See profiles.timeline.Provider. One query."""
    rows = CallbackRequest.objects.filter(conversation__author_id__in=handle_ids)
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    return [
        Entry(
            at=callback.created_at,
            kind="callback",
            key=str(callback.pk),
            text=f"{callback.get_state_display()}. {callback.reason}".strip(),
            url=reverse("conversation", args=[callback.conversation_id]),
        )
        for callback in rows.order_by("-created_at", "-pk")[:limit]
    ]


def read_notices(handle_ids: list[int], before: datetime | None, limit: int) -> Iterable[Entry]:
    """What the desk sent them by e-mail or text message. See profiles.timeline.Provider. One query."""
    # By a subquery: a person with two handles has each notice once.
    rows = Notice.objects.filter(profile__in=Handle.objects.filter(pk__in=handle_ids).values("profile")).select_related("agent")
    if before is not None:
        rows = rows.filter(created_at__lt=before)
    return [
        Entry(
            at=notice.created_at,
            kind=notice.get_medium_display().lower(),
            key=str(notice.pk),
            text=notice.text,
            url=reverse("conversation", args=[notice.conversation_id]) if notice.conversation_id else "",
            who=notice.agent.name if notice.agent else "",
        )
        for notice in rows.order_by("-created_at", "-pk")[:limit]
    ]


def read_ticket_updates(handle_ids: list[int], before: datetime | None, limit: int) -> Iterable[Entry]:
    """What was said in tickets. See profiles.timeline.Provider. One query."""
    rows = TicketUpdate.objects.filter(ticket__conversation__author_id__in=handle_ids).select_related("ticket", "agent")
    if before is not None:
        rows = rows.filter(at__lt=before)
    return [
        Entry(
            at=update.at,
            kind="ticket",
            key=str(update.pk),
            text=f"{update.ticket.name} ({update.get_audience_display().partition(':')[0].lower()}): {update.text}",
            url=reverse("ticket", args=[update.ticket_id]),
            who=update.agent.name if update.agent else "",
        )
        for update in rows.order_by("-at", "-pk")[:limit]
    ]


def read_survey_answers(handle_ids: list[int], before: datetime | None, limit: int) -> Iterable[Entry]:
    """What they said of us. See profiles.timeline.Provider. One query."""
    rows = SurveyAnswer.objects.filter(conversation__author_id__in=handle_ids)
    if before is not None:
        rows = rows.filter(at__lt=before)
    return [
        Entry(
            at=answer.at,
            kind="survey",
            key=str(answer.pk),
            text=f"{answer.score} of 5. {answer.comment}".strip(),
            url=reverse("conversation", args=[answer.conversation_id]),
        )
        for answer in rows.order_by("-at", "-pk")[:limit]
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
