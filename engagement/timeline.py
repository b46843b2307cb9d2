"""Engagement's parts of a person's history: messages, calls, chats, notices, tickets and surveys."""

from __future__ import annotations

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.urls import reverse

from engagement.models import CallAttempt, CallbackRequest, ChatLine, ChatSession, Message, Notice, SurveyAnswer, Ticket, TicketUpdate
from engagement.services.bubbles import author_of
from listening.models import Conversation
from profiles.timeline import Entry, Narrow, Part, Subject


def _messages(subject: Subject) -> QuerySet[Message]:
    return Message.objects.filter(conversation__author_id__in=subject.handles).select_related("agent", "author")


def _nearest_messages(subject: Subject, narrow: Narrow, limit: int) -> QuerySet[Message]:
    """The messages of the conversations with the newest ones: each of the newest `limit` is in one of the first `limit` of these.

    A person's messages are found by their conversations. Left alone, PostgreSQL reads all messages of the desk for somebody with a
    thousand of those; so each conversation is asked for its newest, which is one step in the index.
    """
    own = narrow(Message.objects.filter(conversation=OuterRef("pk"))).order_by("-created_at", "-pk")
    theirs = Conversation.objects.filter(author_id__in=subject.handles)
    latest = theirs.annotate(latest_at=Subquery(own.values("created_at")[:1]), latest=Subquery(own.values("pk")[:1])).order_by(
        F("latest_at").desc(nulls_last=True), F("latest").desc(nulls_last=True)
    )
    return Message.objects.filter(conversation__in=latest.values("pk")[:limit]).select_related("agent", "author")


def _of_message(message: Message) -> Entry:
    is_there = message.is_incoming or message.kind == Message.Kind.NOTE or message.sent_at is not None
    return Entry(
        at=message.created_at,
        kind=message.kind,
        key=str(message.pk),
        text=message.text if is_there else f"(not sent) {message.text}",
        url=reverse("conversation", args=[message.conversation_id]),
        who=author_of(message),
        is_ours=not message.is_incoming,
    )


def _callbacks(subject: Subject) -> QuerySet[CallbackRequest]:
    return CallbackRequest.objects.filter(profile__in=subject.profiles)


def _of_callback(callback: CallbackRequest) -> Entry:
    return Entry(
        at=callback.created_at,
        kind="callback",
        key=str(callback.pk),
        text=f"{callback.get_state_display()}. {callback.reason}".strip(),
        url=reverse("conversation", args=[callback.conversation_id]),
    )


def _calls(subject: Subject) -> QuerySet[CallAttempt]:
    return CallAttempt.objects.filter(callback__profile__in=subject.profiles).select_related("callback", "agent")


def _of_call(call: CallAttempt) -> Entry:
    outcome = call.get_outcome_display() if call.outcome else "Under way"
    return Entry(
        at=call.begun_at,
        kind="call",
        key=str(call.pk),
        text=f"{outcome}. {call.note}".strip(),
        url=reverse("conversation", args=[call.callback.conversation_id]),
        who=call.agent.name if call.agent else "",
        is_ours=True,
    )


def _chats(subject: Subject) -> QuerySet[ChatSession]:
    first = Subquery(ChatLine.objects.filter(session=OuterRef("pk"), number=1).values("text"))
    return (
        ChatSession.objects.filter(conversation__author_id__in=subject.handles).select_related("conversation__author").annotate(first=first)
    )


def _of_chat(chat: ChatSession) -> Entry:
    """A chat is one entry: when it began, and its first line."""
    return Entry(
        at=chat.started_at,
        kind="chat",
        key=str(chat.pk),
        text=chat.first or "",  # type: ignore[attr-defined]  # annotated
        url=reverse("conversation", args=[chat.conversation_id]),
        who=chat.conversation.author.display_name or f"@{chat.conversation.author.username}",
    )


def _notices(subject: Subject) -> QuerySet[Notice]:
    return Notice.objects.filter(profile__in=subject.profiles).select_related("agent")


def _of_notice(notice: Notice) -> Entry:
    return Entry(
        at=notice.created_at,
        kind=notice.medium,
        key=str(notice.pk),
        text=notice.text if notice.state == Notice.State.SENT else f"({notice.get_state_display().lower()}) {notice.text}",
        url=reverse("conversation", args=[notice.conversation_id]) if notice.conversation_id else "",
        who=notice.agent.name if notice.agent else "",
        is_ours=True,
    )


def _ticket_updates(subject: Subject) -> QuerySet[TicketUpdate]:
    return TicketUpdate.objects.filter(ticket__conversation__author_id__in=subject.handles).select_related("ticket", "agent")


def _of_ticket_update(update: TicketUpdate) -> Entry:
    return Entry(
        at=update.at,
        kind="ticket",
        key=str(update.pk),
        text=f"{update.ticket.name} ({update.get_audience_display().partition(':')[0].lower()}): {update.text}",
        url=reverse("ticket", args=[update.ticket_id]),
        who=update.agent.name if update.agent else "",
        is_ours=update.audience != TicketUpdate.Audience.CUSTOMER,
    )


def _tickets(subject: Subject) -> QuerySet[Ticket]:
    return Ticket.objects.filter(conversation__author_id__in=subject.handles).select_related("opened_by")


def _of_ticket(ticket: Ticket) -> Entry:
    return Entry(
        at=ticket.created_at,
        kind="ticket",
        key=f"opened-{ticket.pk}",
        text=f"{ticket.name} opened: {ticket.title}",
        url=reverse("ticket", args=[ticket.pk]),
        who=ticket.opened_by.name if ticket.opened_by else "",
        is_ours=True,
    )


def _survey_answers(subject: Subject) -> QuerySet[SurveyAnswer]:
    return SurveyAnswer.objects.filter(conversation__author_id__in=subject.handles)


def _of_survey(answer: SurveyAnswer) -> Entry:
    return Entry(
        at=answer.at,
        kind="survey",
        key=str(answer.pk),
        text=f"{answer.score} of 5. {answer.comment}".strip(),
        url=reverse("conversation", args=[answer.conversation_id]),
    )


PARTS = {
    "messages": Part(
        *(_messages, "created_at", _of_message, tuple(Message.Kind.values)), kind_field="kind", is_rare=False, nearest=_nearest_messages
    ),
    "callbacks": Part(_callbacks, "created_at", _of_callback, ("callback",)),
    "calls": Part(_calls, "begun_at", _of_call, ("call",)),
    "chats": Part(_chats, "started_at", _of_chat, ("chat",)),
    "notices": Part(_notices, "created_at", _of_notice, ("email", "sms"), kind_field="medium"),
    "opened_tickets": Part(_tickets, "created_at", _of_ticket, ("ticket",)),
    "tickets": Part(_ticket_updates, "at", _of_ticket_update, ("ticket",)),
    "surveys": Part(_survey_answers, "at", _of_survey, ("survey",)),
}
