"""Whose is it? A code or a question, sent in private only, by which a customer shows that an account or a coordinate is theirs.

There is no public way: a code leaves by a private message, or to the coordinate itself, and a public draft that holds a living one is
refused (`live_codes.py`). Codes are stored hashed; the text that carried one loses it as soon as it has been delivered (brief D14, D21).
"""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F
from django.utils import translation
from django.utils.translation import gettext

from engagement.models import Company, Delivery, Hop, Message, Notice, Verification
from engagement.services import checks
from engagement.services.live_codes import DIGITS, hash_code, is_code, read_digits
from engagement.services.outbound import VERIFICATION, send_notice
from engagement.services.send import send_direct_message
from listening.models import Conversation
from listening.services.conversations import lock_conversation
from profiles.models import Agent, ContactPoint
from profiles.services.contacts import verify_contact_point
from profiles.services.people import person_of
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound

Kind, State, Way = Verification.Kind, Verification.State, Verification.Way
CODE_LASTS = timedelta(minutes=15)
QUESTION_LASTS = timedelta(days=1)
MOST_TRIES = 5
MOST_PER_HOUR = 3  # to one customer
_CODE = re.compile(rf"(?<!\d)\d{{{DIGITS}}}(?!\d)")
_HIDDEN = "•" * DIGITS


class WrongCode(DeskError):
    """Not the code that was sent. `tries_left` says how often it may still be tried."""

    code = "wrong_code"


class TooManyCodes(Conflict):
    """This customer was sent as many as may be sent in an hour."""

    code = "too_many_codes"


def send_verification_code(
    *,
    conversation_id: int,
    agent: Agent,
    contact_point_id: int | None = None,
    by: str = Way.DIRECT_MESSAGE,
    waiver: str = "",
    now: datetime | None = None,
) -> Verification:
    """Send six digits to the conversation's author: by private message, or by sms or email to the contact point itself.

    Without a contact point it is the account that is verified. What was sent before for the same is worth nothing any more.
    Raises TooManyCodes, what `send_direct_message` raises (`waiver` as there) or `send_notice`, NotFound, DeskError.
    """
    checks.check_may_answer(agent)
    if by not in Way.values:
        raise DeskError("A code is sent in private only: by direct_message, sms or email.")
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    salt = secrets.token_hex(16)
    verification, point = _begin(
        Verification(kind=Kind.CODE, sent_by=by, salt=salt, code_hash=hash_code(code, salt=salt)),
        conversation_id=conversation_id,
        contact_point_id=contact_point_id,
        agent=agent,
        lasts=CODE_LASTS,
        now=now,
    )
    if by != Way.DIRECT_MESSAGE and (point is None or point.kind != _KIND_OF[Way(by)]):
        _drop(verification)
        raise DeskError("Choose the number or address that the code shall go to.")
    try:
        if by == Way.DIRECT_MESSAGE:
            text = _words(verification.conversation, code, point)
            _send_privately(verification, agent, text, waiver)
        else:
            assert point is not None
            send_notice(
                profile=point.profile,
                medium=by,
                purpose=VERIFICATION,
                subject=_subject(verification.conversation),
                text=_notice_words(verification.conversation, code),
                conversation=verification.conversation,
                contact_point_id=point.pk,
                agent=agent,
                request_key=verification.request_key,
                now=now,
            )
    except DeskError:
        _drop(verification)
        raise
    return verification


_KIND_OF = {Way.SMS: ContactPoint.Kind.PHONE, Way.EMAIL: ContactPoint.Kind.EMAIL}


def ask_verification_question(
    *, conversation_id: int, agent: Agent, question: str, contact_point_id: int | None = None, waiver: str = "", now: datetime | None = None
) -> Verification:
    """Ask in a private message for something that only the customer knows; an agent judges the answer. Raises as for a code."""
    checks.check_may_answer(agent)
    verification, _ = _begin(
        Verification(kind=Kind.QUESTION, sent_by=Way.DIRECT_MESSAGE, has_traces=False),
        conversation_id=conversation_id,
        contact_point_id=contact_point_id,
        agent=agent,
        lasts=QUESTION_LASTS,
        now=now,
    )
    try:
        _send_privately(verification, agent, question, waiver)
    except DeskError:
        _drop(verification)
        raise
    return verification


def _begin(
    verification: Verification,
    *,
    conversation_id: int,
    contact_point_id: int | None,
    agent: Agent,
    lasts: timedelta,
    now: datetime | None,
) -> tuple[Verification, ContactPoint | None]:
    """Store it before it is sent, so that whatever is interrupted leaves a code that nobody was told."""
    moment = now or current_time()
    with transaction.atomic():
        conversation = lock_conversation(conversation_id)
        of_author = Verification.objects.filter(handle=conversation.author_id)
        if of_author.filter(created_at__gt=moment - timedelta(hours=1)).count() >= MOST_PER_HOUR:
            raise TooManyCodes(f"They were sent {MOST_PER_HOUR} in the last hour. Wait a little, or talk to them first.")
        point = None
        if contact_point_id is not None:
            theirs = ContactPoint.objects.filter(profile__person=person_of(conversation.author.profile_id)).select_related("profile")
            point = theirs.filter(pk=contact_point_id).first()
            if point is None:
                raise NotFound("This is not a contact of this customer. Reload the conversation.")
            if point.problem or point.state == ContactPoint.State.REVOKED:
                raise Conflict("This contact was taken back or cannot be one. Ask the customer for it again.")
        of_author.filter(contact_point=point, state=State.LIVE).update(state=State.REPLACED, ended_at=moment)
        verification.conversation, verification.handle, verification.contact_point = conversation, conversation.author, point
        verification.agent, verification.created_at, verification.expires_at = agent, moment, moment + lasts
        verification.save()
    return verification, point


def _send_privately(verification: Verification, agent: Agent, text: str, waiver: str) -> None:
    send_direct_message(
        conversation_id=verification.conversation_id,
        agent=agent,
        text=text,
        request_key=verification.request_key,
        hold=0,
        reason=Hop.Reason.VERIFY,
        waiver=waiver,
    )


def _drop(verification: Verification) -> None:
    """It was refused before anything left: as if it had never been."""
    verification.delete()


def _words(conversation: Conversation, code: str, point: ContactPoint | None) -> str:
    with translation.override(conversation.language.partition("-")[0] or "en"):
        if point is None:
            words = gettext(
                "To show us that it is you, answer here with this code, or tell it to us when we talk: %(code)s. It works for 15 minutes."
            )
        else:
            words = gettext(
                "Is %(contact)s yours? Then answer here with this code, or tell it to us when we talk: %(code)s. It works for 15 minutes."
            )
    return words % {"code": code, "contact": point.masked if point else ""}


def _notice_words(conversation: Conversation, code: str) -> str:
    with translation.override(conversation.language.partition("-")[0] or "en"):
        words = gettext("%(company)s: your code is %(code)s. Send it to us in our private conversation. It works for 15 minutes.")
    return words % {"code": code, "company": Company.current().name}


def _subject(conversation: Conversation) -> str:
    with translation.override(conversation.language.partition("-")[0] or "en"):
        return gettext("Your code")


# --- The answer ---------------------------------------------------------------------------------------------------------


def enter_code(*, verification_id: int, typed: str, agent: Agent, now: datetime | None = None) -> Verification:
    """`agent` types in what the customer told them. Raises WrongCode, Conflict if it is over, NotFound, NotAllowed."""
    checks.check_may_answer(agent)
    moment = now or current_time()
    digits = read_digits(typed)
    if not digits:
        raise DeskError(f"A code has {DIGITS} digits.")
    verification = _find(verification_id)
    alive = Verification.objects.filter(pk=verification.pk, kind=Kind.CODE, state=State.LIVE, tries__lt=MOST_TRIES, expires_at__gt=moment)
    with transaction.atomic():
        counted = alive.update(tries=F("tries") + 1)
        verification.refresh_from_db()
        if counted and is_code(digits, salt=verification.salt, code_hash=verification.code_hash):
            _confirm(verification, f"code by {verification.get_sent_by_display()}, told to an agent", agent, moment)
            return verification
        if counted:
            _end_if_tried_out(verification, moment)
    if not counted:
        raise Conflict("This code does not work any more. Send a new one.", state=verification.state)
    left = MOST_TRIES - verification.tries
    raise WrongCode(f"That is not the code. {left} more tries." if left else "That is not the code. Send a new one.", tries_left=left)


def hear_answer(message: Message, *, now: datetime | None = None) -> Verification | None:
    """A private message came in: one that is exactly a living code of its author confirms by itself. Inside intake's transaction."""
    digits = read_digits(message.text)
    if not digits or message.author_id is None:
        return None
    moment = now or current_time()
    alive = Verification.objects.select_for_update(of=("self",)).filter(
        handle=message.author_id, kind=Kind.CODE, state=State.LIVE, tries__lt=MOST_TRIES, expires_at__gt=message.created_at
    )
    for verification in list(alive.order_by("-created_at", "-pk")):
        verification.tries += 1
        if is_code(digits, salt=verification.salt, code_hash=verification.code_hash):
            _confirm(verification, f"code by {verification.get_sent_by_display()}, answered in a private message", None, moment)
            return verification
        Verification.objects.filter(pk=verification.pk).update(tries=verification.tries)
        _end_if_tried_out(verification, moment)
    return None


def judge_answer(*, verification_id: int, agent: Agent, is_right: bool, now: datetime | None = None) -> Verification:
    """`agent` says whether the answer to a question was right. Raises Conflict if it is over, NotFound, NotAllowed."""
    checks.check_may_answer(agent)
    moment = now or current_time()
    with transaction.atomic():
        verification = _find(verification_id)
        alive = Verification.objects.filter(pk=verification.pk, kind=Kind.QUESTION, state=State.LIVE, expires_at__gt=moment)
        if not alive.update(state=State.FAILED, ended_at=moment):
            raise Conflict("This question is over. Ask another one.", state=verification.state)
        if is_right:
            _confirm(verification, "question in a private message, judged by an agent", agent, moment)
        verification.refresh_from_db()
    return verification


def _confirm(verification: Verification, how: str, agent: Agent | None, moment: datetime) -> None:
    verification.state, verification.ended_at = State.CONFIRMED, moment
    verification.confirmed_how, verification.confirmed_by = how, agent
    verification.save()
    point = verification.contact_point
    if point is not None and not point.problem and point.state != ContactPoint.State.REVOKED:
        verify_contact_point(contact_point=point, how=how, by=agent, at=moment)


def _end_if_tried_out(verification: Verification, moment: datetime) -> None:
    if verification.tries >= MOST_TRIES:
        Verification.objects.filter(pk=verification.pk, state=State.LIVE).update(state=State.FAILED, ended_at=moment)


def _find(verification_id: int) -> Verification:
    related = ("contact_point", "conversation")
    found = Verification.objects.select_related(*related).filter(pk=verification_id).first()
    if found is None:
        raise NotFound("There is no such verification. Reload the conversation.")
    return found


# --- Afterwards ---------------------------------------------------------------------------------------------------------


def sweep_verifications(*, now: datetime | None = None, limit: int = 500) -> int:
    """End what has run out, and take codes out of the texts that carried them. Returns how many texts lost one."""
    moment = now or current_time()
    Verification.objects.filter(state=State.LIVE, expires_at__lte=moment).update(state=State.EXPIRED, ended_at=moment)
    return sum(_hide_code(verification, moment) for verification in Verification.objects.filter(has_traces=True).order_by("pk")[:limit])


def _hide_code(verification: Verification, moment: datetime) -> bool:
    """Not before it was carried: until then the text is what is sent, and what is looked for."""
    key = verification.request_key
    carrier: Message | Notice | None
    if verification.sent_by == Way.DIRECT_MESSAGE:
        carrier = message = Message.objects.select_related("delivery").filter(agent=verification.agent_id, request_key=key).first()
        # A message without the network's id is recognised by its text when it is read back to us.
        is_sent = message is not None and message.delivery.state == Delivery.State.SENT and bool(message.external_id)
        is_carried = is_sent or (message is not None and message.delivery.state in (Delivery.State.FAILED, Delivery.State.ABORTED))
    else:
        carrier = notice = Notice.objects.filter(conversation=verification.conversation_id, request_key=key).first()
        is_sent = notice is not None and notice.state == Notice.State.SENT
        is_carried = is_sent or (notice is not None and notice.state in (Notice.State.FAILED, Notice.State.REFUSED))
    is_old = verification.created_at < moment - (CODE_LASTS if carrier is None else QUESTION_LASTS)
    if not (is_carried or is_old):
        return False
    if carrier is not None:
        type(carrier).objects.filter(pk=carrier.pk).update(text=_CODE.sub(_HIDDEN, carrier.text))
    Verification.objects.filter(pk=verification.pk).update(has_traces=False)
    if not is_sent:
        Verification.objects.filter(pk=verification.pk, state=State.LIVE).update(state=State.FAILED, ended_at=moment)
    return carrier is not None


def read_verifications(conversation: Conversation, *, limit: int = 10) -> list[Verification]:
    """The newest ones of a conversation with their contact points; one query."""
    rows = Verification.objects.filter(conversation=conversation).select_related("contact_point", "agent", "confirmed_by")
    return list(rows.order_by("-created_at", "-pk")[:limit])
