"""Calls that customers ask for: taken in from the form, and the queue in which agents find them (brief D10, D18 to D20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from engagement.models import CALLBACK_OPEN, CallbackRequest, Hop, ShortLink
from engagement.services.consent_texts import ConsentText
from engagement.services.hops import begin_hop
from engagement.services.hours import Window
from engagement.services.links import note_sent
from listening.models import Conversation
from listening.services.conversations import lock_conversation, record_incoming_message
from profiles.models import ContactPoint
from profiles.services.contacts import record_consent, record_contact_point
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.conditions import any_of
from socialdesk.lib.errors import Conflict, DeskError
from socialdesk.lib.paging import page_of
from socialdesk.lib.text import clean

State = CallbackRequest.State
LONGEST_REASON = 1_000  # characters


class AlreadySent(Conflict):
    """The link asked for a call before, or does not work any more."""

    code = "already_sent"


def request_callback(
    *,
    link: ShortLink,
    form_key: str,
    typed: str,
    region: str,
    window: Window,
    reason: str,
    language: str,
    consents: Sequence[ConsentText],
    at: datetime | None = None,
) -> CallbackRequest:
    """A customer sent the callback form behind `link`. The same press again (by its `form_key`) gives the same request.

    `typed` is the number as it was written, of the country `region` where it names none. `consents` are the texts that were shown and
    agreed to; the one to a call must be among them. Raises AlreadySent, and DeskError for what cannot be called.
    """
    moment = at or current_time()
    with transaction.atomic():
        conversation = lock_conversation(link.conversation_id)
        earlier = CallbackRequest.objects.filter(link=link).first()
        if earlier is not None and earlier.form_key == form_key:
            return earlier
        if earlier is not None or not note_sent(link, at=moment):
            raise AlreadySent("This link was used already. Write to us again where we were talking, and we will send you a new one.")
        point = record_contact_point(
            profile=conversation.author.profile,
            kind=ContactPoint.Kind.PHONE,
            typed=typed,
            state=ContactPoint.State.GIVEN,
            source="callback form",
            region=region,
            at=moment,
        )
        if not point.is_reachable:
            raise DeskError("This cannot be a telephone number. Write it with its country, as in +44 117 496 0140.")
        given = {
            text.medium: record_consent(
                contact_point=point,
                medium=text.medium,
                text=text.text,
                text_version=text.version,
                language=text.language,
                evidence={"link": link.pk},
                at=moment,
            )
            for text in consents
        }
        callback = CallbackRequest.objects.create(
            conversation=conversation,
            profile_id=point.profile_id,
            contact_point=point,
            consent=given["phone"],
            link=link,
            form_key=form_key,
            language=language,
            reason=clean(reason, limit=LONGEST_REASON).strip(),
            window_from=window.starts,
            window_until=window.ends,
            zone=window.zone,
            call_from=window.starts,
            due_at=due_after(max(window.starts, moment), window.ends),
            created_at=moment,
        )
        begin_hop(
            conversation=conversation,
            channel=Hop.Channel.CALLBACK,
            reason=Hop.Reason.CUSTOMER_ASKED,
            agent=link.agent,
            at=moment,
            link=link,
        )
        words = "Please call me" + (f": {callback.reason}" if callback.reason else "")
        record_incoming_message(conversation_id=conversation.pk, at=moment, excerpt=words)
        tell(callback)
    return callback


def was_asked_with(link: ShortLink, form_key: str) -> bool:
    """Whether the press of the form with that key is what asked for the link's call."""
    return bool(form_key) and CallbackRequest.objects.filter(link=link, form_key=form_key).exists()


def due_after(moment: datetime, window_until: datetime) -> datetime:
    """By when a call that can begin at `moment` should be made: within the target, and within the window while it lasts."""
    target = moment + timedelta(minutes=settings.CALLBACK_MINUTES)
    return min(target, window_until) if moment < window_until else target


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Open requests, the first due first. `next` is the key to ask for what follows, "" at the end."""

    callbacks: list[CallbackRequest]
    next: str


def read_queue(*, after: str = "", limit: int = 50) -> QueuePage:
    """Calls that are waited for or being made, with their customers and agents; one query. No number is loaded.

    Raises DeskError for a key that is none.
    """
    return QueuePage(*page_of(open_callbacks(), field="due_at", after=after, limit=limit, oldest_first=True))


def open_callbacks() -> QuerySet[CallbackRequest]:
    return CallbackRequest.objects.filter(any_of("state", CALLBACK_OPEN)).select_related("conversation__author", "agent")


def next_callback(conversation: Conversation) -> CallbackRequest | None:
    """The call that is waited for or being made in a conversation; one query."""
    return open_callbacks().filter(conversation=conversation).order_by("due_at", "pk").first()


def tell(callback: CallbackRequest) -> None:
    """The open pages hear of it after the commit."""
    live.publish(live.CallbacksChanged(callback.pk, callback.conversation_id, callback.state))
