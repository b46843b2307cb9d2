"""E-mails and text messages that the desk begins: only with the customer's permission, at an hour that suits them, and not too often.

`send_notice` decides and stores; `notices.py` carries. What the customer answers to stop them is in `stop.py` (brief A15, D16, D20).
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from engagement.models import Company, Notice
from engagement.services.hours import customer_zones, next_loud
from engagement.services.left_alone import check_may_begin
from engagement.services.queue import tell_notice_worker
from engagement.services.wire import longest_text
from listening.models import Conversation
from profiles.models import SCOPES, STATUS_UPDATES, UNCONFIRMED, Agent, Consent, Medium, Profile
from profiles.services.contacts import Permission, find_permission, lock_permission
from profiles.services.people import person_of
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError
from socialdesk.lib.text import clean

State = Notice.State
VERIFICATION = "verification code"  # a purpose that any consent to the medium covers: the customer waits for it now
CONFIRMATION = "confirmation of the address"  # the one purpose that a consent covers which nobody has confirmed yet
AT_ONCE = (VERIFICATION, CONFIRMATION)
PURPOSES = (*SCOPES, *AT_ONCE)
WEEK = timedelta(days=7)
_COUNTED = (State.QUEUED, State.SENDING, State.SENT, State.UNCONFIRMED)
_KEY_LENGTH = 64


class NoConsent(Conflict):
    """There is no living consent for that medium and purpose, or no coordinate that was given or verified."""

    code = "no_consent"


class TooMany(Conflict):
    """This person has had as many as the company allows in a week."""

    code = "too_many"


def send_notice(
    *,
    profile: Profile,
    medium: str,
    purpose: str,
    text: str,
    subject: str = "",
    conversation: Conversation | None = None,
    contact_point_id: int | None = None,
    agent: Agent | None = None,
    request_key: str = "",
    now: datetime | None = None,
) -> Notice:
    """Put an e-mail or a text message into the outbox. In the customer's quiet hours it waits for their morning.

    `purpose` is one of PURPOSES; the consent must have been given for it. `request_key` names one order: the same one again gives the
    same notice. What is AT_ONCE is neither held nor counted: the customer waits for it. `subject` is for e-mail.

    Raises NoConsent, LeftAlone, TooMany, and DeskError for what cannot be sent.
    """
    if medium not in (Medium.SMS, Medium.EMAIL):
        raise DeskError("A notice goes by sms or email.")
    if purpose not in PURPOSES:
        raise DeskError(f"Say what it is for: one of {', '.join(PURPOSES)}.")
    if len(request_key) > _KEY_LENGTH or not request_key.isprintable():
        raise DeskError(f"A request key has at most {_KEY_LENGTH} printable characters.")
    ready = _check_text(text, medium)
    moment = now or current_time()

    def write() -> Notice:
        # Two orders at once are counted one after the other. no_key: whoever refers to the profile meanwhile, with a lock that is
        # waited for below, need not wait for this.
        person = Profile.objects.select_for_update(no_key=True).get(pk=person_of(profile))
        earlier = Notice.objects.filter(profile=profile, request_key=request_key).first() if request_key else None
        if earlier is not None:
            return earlier
        permission = _require_permission(profile, medium, purpose, contact_point_id)
        check_may_begin(profile, asked_at=permission.consent.given_at)
        company = Company.current()
        not_before = moment
        if purpose not in AT_ONCE:
            _check_frequency(person, company, moment)
            not_before = next_loud(moment, customer_zones(permission.contact_point, company), company)
        notice = Notice.objects.create(
            profile=profile,
            conversation=conversation,
            contact_point=permission.contact_point,
            consent=permission.consent,
            agent=agent,
            medium=medium,
            purpose=purpose,
            subject=" ".join(clean(subject, limit=200).split()) if medium == Medium.EMAIL else "",
            text=ready,
            language=permission.consent.language,
            token=uuid.uuid4().hex,
            request_key=request_key,
            not_before=not_before,
            told_at=moment if not_before <= moment else None,
            created_at=moment,
        )
        if not_before <= moment:
            tell_notice_worker(notice.pk)
        return notice

    try:
        with transaction.atomic():
            return write()
    except IntegrityError:
        with transaction.atomic():  # the same order was faster elsewhere, and can be seen now
            return write()


def _check_text(text: str, medium: str) -> str:
    ready = clean(text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if not ready:
        raise DeskError("There is nothing to send yet. Write a text first.")
    longest = longest_text(medium)
    if len(ready) > longest:
        raise DeskError(f"The text has {len(ready)} characters; {longest} can be sent. Shorten it.")
    return ready


def _require_permission(profile: Profile, medium: str, purpose: str, contact_point_id: int | None) -> Permission:
    scope = {VERIFICATION: "", CONFIRMATION: UNCONFIRMED}.get(purpose, purpose)
    found = find_permission(profile=profile, medium=medium, scope=scope, contact_point=contact_point_id)
    permission = lock_permission(found.consent.pk) if found else None
    if permission is None or not covers(permission.consent, purpose):
        raise NoConsent(
            f"The customer has not agreed to {Medium(medium).label.lower()}s about this, or has given nowhere to send them."
            " Ask where they wrote."
        )
    return permission


def covers(consent: Consent, purpose: str) -> bool:
    """Whether a living consent was given for that purpose. It may change between the order and the sending: a confirmation widens it."""
    if purpose == CONFIRMATION:
        return consent.scope in (UNCONFIRMED, STATUS_UPDATES)
    return consent.scope == purpose or (purpose == VERIFICATION and consent.scope != UNCONFIRMED)


def _check_frequency(person: Profile, company: Company, moment: datetime) -> None:
    lately = Notice.objects.filter(profile__person=person.pk, created_at__gt=moment - WEEK, state__in=_COUNTED).exclude(purpose__in=AT_ONCE)
    if lately.count() >= company.outbound_per_week:
        raise TooMany(f"They have had {company.outbound_per_week} messages from us in a week; more are not sent. Answer where they write.")
