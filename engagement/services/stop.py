"""STOP: a customer takes their permission back, by text message, by e-mail, in a private message or by the link of an e-mail."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from engagement.models import Message, Notice
from engagement.sms.base import IncomingText
from listening.models import Conversation
from listening.services.conversations import lock_conversation, record_incoming_message
from profiles.models import Consent, ContactPoint, Handle, Medium, Profile
from profiles.services.contacts import normalise, revoke_consent
from profiles.services.people import person_of
from socialdesk.lib import live
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.text import clean, fold

logger = logging.getLogger(__name__)

# The whole message, without regard to case, accents and what stands around it. STOP is understood in every language.
WORDS = frozenset(
    fold(word)
    for word in (
        *("stop", "stop all", "stopall", "unsubscribe", "end", "quit", "opt out", "optout"),
        *("baja", "parar", "alto", "cancelar", "detener"),
        *("arret", "arrêter", "désabonner", "désinscription"),
        *("stopp", "abmelden", "abbestellen", "austragen"),
        *("توقف", "قف", "إيقاف", "ايقاف", "إلغاء", "الغاء", "إلغاء الاشتراك"),
    )
)
_AROUND = " \t\r\n.!?,;:\"'«»“”„()[]*،؟"


def is_stop(text: str) -> bool:
    """Whether a message says nothing but that they want no more."""
    return len(text) <= 40 and fold(" ".join(text.strip(_AROUND).split())) in WORDS


def stop_profile(profile: Profile | int, *, how: str, at: datetime | None = None) -> int:
    """The customer wants no more calls, e-mails and text messages at all. Returns how many consents that ended."""
    return _revoke(Consent.objects.filter(profile__person=person_of(profile)), how, at)


def stop_coordinate(*, medium: str, typed: str, how: str, at: datetime | None = None) -> int:
    """Whoever has that number or address wants nothing more by `medium`, whichever profiles it stands in."""
    kind = ContactPoint.Kind.EMAIL if medium == Medium.EMAIL else ContactPoint.Kind.PHONE
    value, _ = normalise(kind, typed, region="")
    return _revoke(Consent.objects.filter(contact_point__kind=kind, contact_point__value=value, medium=medium), how, at)


def find_mail(token: str) -> Notice | None:
    """The e-mail at whose end the link with that token stands."""
    return Notice.objects.filter(token=token, medium=Medium.EMAIL).first() if len(token) == 32 else None


def stop_mail(notice: Notice, *, at: datetime | None = None) -> None:
    """The link at the end of an e-mail was pressed: no more e-mails to that address."""
    _revoke(Consent.objects.filter(contact_point=notice.contact_point_id, medium=notice.medium), "link in the e-mail", at)


def _revoke(consents: QuerySet[Consent], how: str, at: datetime | None) -> int:
    moment = at or current_time()
    return sum(revoke_consent(consent=consent, how=how, at=moment) for consent in consents.filter(revoked_at=None).order_by("pk"))


def receive_sms(incoming: IncomingText, *, at: datetime | None = None) -> None:
    """A text message came. STOP ends the consents to text messages; anything else is shown to the team in the customer's conversation.

    The same message again (by its id) changes nothing. One of an unknown number is not kept: nobody is behind it.
    """
    moment = at or current_time()
    if is_stop(incoming.text):
        stop_coordinate(medium=Medium.SMS, typed=incoming.sender, how="STOP by text message", at=moment)
    conversation_id = _conversation_of(incoming.sender)
    if conversation_id is None:
        logger.warning("a text message of an unknown number was not kept")
        return
    key = f"sms:{incoming.external_id}"[:64]
    with transaction.atomic():
        conversation = lock_conversation(conversation_id)
        if Message.objects.filter(agent=None, request_key=key).exists():
            return
        text = clean(incoming.text).strip() or "(an empty text message)"
        message = Message.objects.create(
            conversation=conversation,
            kind=Message.Kind.NOTE,
            is_incoming=True,
            text=f"By text message: {text}",
            author=conversation.author,
            request_key=key,
            created_at=moment,
        )
        record_incoming_message(conversation_id=conversation.pk, at=moment, excerpt=text)
        live.publish(live.MessageChanged(conversation.pk, message.pk, "stored"))


def _conversation_of(number: str) -> int | None:
    """The latest conversation of whoever has that number."""
    value, _ = normalise(ContactPoint.Kind.PHONE, number, region="")
    people = ContactPoint.objects.filter(kind=ContactPoint.Kind.PHONE, value=value).values("profile__person")
    handles = Handle.objects.filter(profile__person__in=people)
    return Conversation.objects.filter(author__in=handles).order_by("-activity_at", "-pk").values_list("pk", flat=True).first()
