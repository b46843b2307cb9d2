"""What engagement keeps about a person: all that was written to and from them, their calls, chats, tickets, praise and answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Model, Q, QuerySet, Value, When

from engagement.models import (
    Approval,
    ArticleVote,
    Attachment,
    BrakeLift,
    CallAttempt,
    CallbackRequest,
    ChatLine,
    ChatSession,
    Compliment,
    ComplimentEvent,
    Delivery,
    Draft,
    FollowRequest,
    Handover,
    Hop,
    Message,
    MustAnswer,
    NetworkAct,
    Notice,
    ShortLink,
    SurveyAnswer,
    TakeDown,
    Ticket,
    TicketSubscription,
    TicketUpdate,
    Verification,
)
from listening.models import Status
from profiles.personal import DELETE, Holding, Subject, gone_id

_GONE = "The person was erased."
_OPEN = (Status.NEW, Status.OPEN, Status.WAITING, Status.SNOOZED)


def _in(model: type[Model], path: str = "conversation") -> Callable[[Subject], QuerySet[Any]]:
    """The rows that hang on a conversation with them."""

    def rows(subject: Subject) -> QuerySet[Any]:
        return model._default_manager.filter(**{f"{path}__author__in": subject.handles})

    return rows


def _of_profile(model: type[Model], path: str = "profile", conversation: str = "conversation") -> Callable[[Subject], QuerySet[Any]]:
    """Those that name a profile of theirs, or hang on a conversation with them: a form may have been filled in for somebody else."""

    def rows(subject: Subject) -> QuerySet[Any]:
        theirs = Q(**{f"{path}__in": subject.profiles}) | Q(**{f"{conversation}__author__in": subject.handles})
        return model._default_manager.filter(theirs)

    return rows


def _old(model: type[Model], age: str, path: str = "conversation", **left: Any) -> Callable[[datetime], QuerySet[Any]]:
    """Those older than a moment whose conversation is done with, and in which there is still something: `left`."""

    def rows(before: datetime) -> QuerySet[Any]:
        old = model._default_manager.filter(**{f"{age}__lt": before}).exclude(**{f"{path}__status__in": _OPEN})
        return old.exclude(**left) if left else old

    return rows


def _acts(subject: Subject) -> QuerySet[NetworkAct]:
    """On what they wrote, and on our answers to it."""
    return NetworkAct.objects.filter(Q(mention__author__in=subject.handles) | Q(message__conversation__author__in=subject.handles))


def _their_number() -> Case:
    """The numbers of what they wrote name them; those of what we wrote are ours, and by them an echo is known."""
    return Case(When(is_incoming=True, then=gone_id()), default=F("external_id"))


def _no_waiver() -> Case:
    return Case(When(waiver="", then=Value("")), default=Value(_GONE))


_LINE = {"text": "Text", "at": "When"}

# The links first: they are cleared last.
HOLDINGS: dict[str, Holding] = {
    "links": Holding(
        ShortLink,
        "Short links",
        _in(ShortLink),
        {"target": {}},
        export={"kind": "Kind", "created_at": "Made", "opened_at": "Opened", "sent_at": "Sent"},
    ),
    "messages": Holding(
        Message,
        "Replies, private messages and internal lines",
        _in(Message),
        {"text": "", "external_id": _their_number, "url": ""},
        export={"created_at": "When", "kind": "Kind", "is_incoming": "From them", "text": "Text", "network": "Network", "url": "Address"},
        age="created_at",
        expired=_old(Message, "created_at", text=""),
        aged={"text": "", "url": ""},
    ),
    "message_deliveries": Holding(
        Delivery, "Ways of messages to networks", _in(Delivery, "message__conversation"), {"error": "", "hold_reason": "", "error_code": ""}
    ),
    "drafts": Holding(
        Draft,
        "Drafts",
        _in(Draft),
        DELETE,
        export={"kind": "Kind", "text": "Text", "changed_at": "When"},
        age="changed_at",
        expired=lambda before: Draft.objects.filter(changed_at__lt=before),
    ),
    "attachments": Holding(
        Attachment,
        "Pictures and films in our answers",
        _in(Attachment),
        DELETE,
        export={"created_at": "When", "alt": "What it shows", "media_type": "Type", "width": "Width", "height": "Height"},
    ),
    "approvals": Holding(
        Approval,
        "Replies that a lead read first",
        _in(Approval),
        {"text": "", "final_text": "", "note": "", "reasons": []},
        export={"created_at": "When", "text": "Text", "final_text": "As approved", "note": "Note", "state": "State"},
        age="created_at",
        expired=_old(Approval, "created_at", text=""),
    ),
    "must_answer": Holding(MustAnswer, "Marks of what must be answered", _in(MustAnswer), DELETE),
    "brake_lifts": Holding(BrakeLift, "Reasons to answer on", _in(BrakeLift), {"reason": ""}, export={"at": "When", "reason": "Reason"}),
    "hops": Holding(
        Hop,
        "Moves to another channel",
        _in(Hop),
        {"task": "", "acknowledge_waiver": "", "waiver": _no_waiver},
        export={"offered_at": "When", "channel": "To", "reason": "Why", "task": "What for", "state": "State", "waiver": "Waiver"},
    ),
    "callbacks": Holding(
        CallbackRequest,
        "Calls that were asked for",
        _of_profile(CallbackRequest),
        {"reason": "", "zone": "UTC"},
        export={
            "created_at": "When",
            "reason": "What about",
            "window_from": "From",
            "window_until": "Until",
            "zone": "Time zone",
            "state": "State",
        },
        age="created_at",
        expired=lambda before: _closed_callbacks().filter(created_at__lt=before).exclude(reason=""),
    ),
    "calls": Holding(
        CallAttempt,
        "Calls",
        _of_profile(CallAttempt, "callback__profile", "callback__conversation"),
        {"note": ""},
        export={"begun_at": "When", "outcome": "Outcome", "note": "Note"},
        age="begun_at",
        expired=lambda before: CallAttempt.objects.filter(begun_at__lt=before, ended_at__isnull=False).exclude(note=""),
    ),
    "chats": Holding(
        ChatSession,
        "Chats",
        _in(ChatSession),
        {"form_key": gone_id},
        export={"started_at": "When", "language": "Language", "state": "State"},
    ),
    "chat_lines": Holding(
        ChatLine,
        "Lines of chats",
        _in(ChatLine, "session__conversation"),
        {"text": ""},
        export={**_LINE, "is_ours": "From us"},
        age="at",
        expired=lambda before: ChatLine.objects.filter(at__lt=before, session__state__in=["ended", "offline"]).exclude(text=""),
    ),
    "tickets": Holding(
        Ticket,
        "Tickets",
        _in(Ticket),
        {"title": "", "next_update_due": None, "due_at": None},
        export={"created_at": "When", "title": "Title", "kind": "Kind", "state": "State", "closed_at": "Closed"},
    ),
    "ticket_updates": Holding(
        TicketUpdate,
        "What was said in tickets",
        _in(TicketUpdate, "ticket__conversation"),
        {"text": ""},
        export={**_LINE, "audience": "Who reads it"},
        age="at",
        expired=lambda before: TicketUpdate.objects.filter(at__lt=before, ticket__state="closed").exclude(text=""),
    ),
    "subscriptions": Holding(
        TicketSubscription,
        "Subscriptions to tickets",
        _of_profile(TicketSubscription, "consent__profile", "ticket__conversation"),
        DELETE,
        export={"created_at": "When", "confirmed_at": "Confirmed"},
    ),
    "surveys": Holding(
        SurveyAnswer,
        "Answers to surveys",
        _in(SurveyAnswer),
        {"comment": ""},
        export={"at": "When", "score": "Score", "comment": "Comment"},
        age="at",
        expired=lambda before: SurveyAnswer.objects.filter(at__lt=before).exclude(comment=""),
    ),
    "article_votes": Holding(
        ArticleVote,
        "Words about articles",
        _in(ArticleVote, "by_link__link__conversation"),
        {"words": ""},
        export={"at": "When", "helped": "Helped", "words": "Words"},
        age="at",
        expired=lambda before: ArticleVote.objects.filter(at__lt=before).exclude(words=""),
    ),
    "notices": Holding(
        Notice,
        "E-mails and text messages",
        _of_profile(Notice),
        {"subject": "", "text": "", "external_id": "", "error": ""},
        export={"created_at": "When", "medium": "By", "purpose": "About", "subject": "Subject", "text": "Text", "state": "State"},
        age="created_at",
        expired=lambda before: Notice.objects.filter(created_at__lt=before).exclude(state__in=["queued", "sending"]).exclude(text=""),
    ),
    "compliments": Holding(
        Compliment,
        "Praise",
        _in(Compliment),
        {"note": ""},
        export={"forwarded_at": "When", "note": "Note", "state": "State", "answer": "Answer"},
    ),
    "handovers": Holding(
        Handover,
        "Hand-overs to colleagues",
        _in(Handover),
        {"note": "", "answer": ""},
        export={"given_at": "When", "note": "Note", "state": "State", "answer": "Answer"},
    ),
    "compliment_events": Holding(
        ComplimentEvent,
        "What was done with praise",
        _in(ComplimentEvent, "compliment__conversation"),
        {"note": ""},
        export={"at": "When", "kind": "What", "note": "Note"},
    ),
    "takedowns": Holding(TakeDown, "Reposts that are taken down", _in(TakeDown, "message__conversation"), {"error": ""}),
    "network_acts": Holding(
        NetworkAct,
        "Likes, hidden posts and answers taken down",
        _acts,
        {"error": "", "error_code": ""},
        export={"created_at": "When", "kind": "What", "state": "State"},
    ),
    "verifications": Holding(
        Verification,
        "Codes and questions",
        _in(Verification),
        {"confirmed_how": "", "has_traces": False},
        export={"created_at": "When", "kind": "Kind", "sent_by": "By", "state": "State", "confirmed_how": "How"},
    ),
    "follow_requests": Holding(
        FollowRequest,
        "Requests to follow us",
        lambda subject: FollowRequest.objects.filter(author__in=subject.handles),
        {"look_at": None},
        export={"asked_at": "When", "followed_at": "Followed"},
    ),
}


def _closed_callbacks() -> QuerySet[CallbackRequest]:
    return CallbackRequest.objects.exclude(state__in=["waiting", "calling"])
