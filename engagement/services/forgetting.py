"""Before a person is erased: nothing more goes out to them, what is open with them ends, and what was learned from their words goes."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from engagement.models import (
    CALLBACK_OPEN,
    CHAT_OPEN,
    DELIVERY_WAITING,
    OWING,
    TICKET_OPEN,
    Approval,
    CallAttempt,
    CallbackRequest,
    ChatSession,
    Delivery,
    EngagementRule,
    FollowRequest,
    Hop,
    Notice,
    ShortLink,
    TemplateUse,
    TemplateWord,
    Ticket,
    Verification,
)
from engagement.services.ranking import words_of
from listening.models import Conversation
from listening.personal import without_names
from profiles.personal import Subject
from socialdesk.lib.errors import Conflict

_STOPPABLE = (*DELIVERY_WAITING, "failed", "unconfirmed")
GONE = "The person was erased."
_MOST_POSTS = 20_000  # of others, that are read to see whose words a template has learned
_ON_ITS_WAY = "Something is on its way to this person at this moment. Try again in a minute."


def stop(subject: Subject, at: datetime) -> None:
    """Refuse while something is on its way, take back what waits, end what is open. Raises Conflict."""
    theirs = Q(conversation__author__in=subject.handles)
    list(Conversation.objects.select_for_update().filter(author__in=subject.handles).order_by("pk").values_list("pk"))
    _stop_outbox(subject, theirs, at)
    callbacks = CallbackRequest.objects.filter(theirs | Q(profile__in=subject.profiles), state__in=CALLBACK_OPEN)
    CallAttempt.objects.filter(callback__in=callbacks, ended_at=None).update(ended_at=at, outcome=CallAttempt.Outcome.LOST)
    callbacks.update(state=CallbackRequest.State.CANCELLED, finished_at=at, calling_until=None)
    ChatSession.objects.filter(theirs, state__in=CHAT_OPEN).update(
        state=ChatSession.State.ENDED, ended_at=at, ended_by=ChatSession.Side.DESK
    )
    Ticket.objects.filter(theirs, state__in=[*TICKET_OPEN, Ticket.State.SOLVED]).update(
        state=Ticket.State.CLOSED, closed_at=at, solved_at=Coalesce(F("solved_at"), Value(at))
    )
    Hop.objects.filter(theirs, state__in=OWING).update(state=Hop.State.WAIVED, waiver=GONE)
    Conversation.objects.filter(author__in=subject.handles).update(returns_owed=0, chats_open=0)
    Verification.objects.filter(theirs, state=Verification.State.LIVE).update(
        state=Verification.State.EXPIRED, ended_at=at, has_traces=False
    )
    Approval.objects.filter(theirs, state=Approval.State.PENDING).update(state=Approval.State.WITHDRAWN, decided_at=at)
    FollowRequest.objects.filter(author__in=subject.handles).update(look_at=None)
    ShortLink.objects.filter(theirs, revoked_at=None).update(revoked_at=at)
    _forget_words(subject)
    for rule in EngagementRule.objects.select_for_update().exclude(query="").order_by("pk"):
        query = without_names(rule.query, subject)
        if query != rule.query:
            rule.query = query
            rule.save(update_fields=["query", "changed_at"])


def _stop_outbox(subject: Subject, theirs: Q, at: datetime) -> None:
    """Each by a conditional UPDATE, as its workers claim: what one of them took a moment ago is on its way."""
    deliveries = Delivery.objects.filter(message__conversation__author__in=subject.handles)
    deliveries.filter(state__in=_STOPPABLE).update(state=Delivery.State.ABORTED, finished_at=at, claim="")
    notices = Notice.objects.filter(theirs | Q(profile__in=subject.profiles))
    notices.filter(state__in=[Notice.State.QUEUED, Notice.State.UNCONFIRMED]).update(state=Notice.State.REFUSED, finished_at=at)
    if deliveries.filter(state=Delivery.State.INFLIGHT).exists() or notices.filter(state=Notice.State.SENDING).exists():
        raise Conflict(_ON_ITS_WAY)


def _forget_words(subject: Subject) -> None:
    """A template keeps the words of the posts that it was used on. Those that only this person's posts have are forgotten."""
    uses = TemplateUse.objects.filter(message__conversation__author__in=subject.handles, is_learned=True)
    theirs: dict[int, set[str]] = {}
    for template, text in uses.values_list("template", "message__mention__text"):
        theirs.setdefault(template, set()).update(words_of(text or ""))
    for template, words in theirs.items():
        others = TemplateUse.objects.filter(template=template, is_learned=True).exclude(message__conversation__author__in=subject.handles)
        for text in others.order_by("-pk").values_list("message__mention__text", flat=True)[:_MOST_POSTS].iterator(chunk_size=2000):
            words.difference_update(words_of(text or ""))
        TemplateWord.objects.filter(template=template, word__in=words).delete()
