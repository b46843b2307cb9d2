"""How people may be reached: coordinates with what is known of them, and permissions, given and taken back (brief D14, D16, D20)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from email_validator import EmailNotValidError, validate_email

from profiles.models import REACHABLE, THIS_MATTER, UNCONFIRMED, Agent, Consent, ContactPoint, Medium, Profile
from profiles.services.changes import note_change
from profiles.services.matching import match_later
from profiles.services.people import person_of
from profiles.services.phones import BadNumber, read_phone, write_e164
from profiles.services.terms import let_terms_wait
from profiles.services.versions import stamp
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.text import clean

Kind, State = ContactPoint.Kind, ContactPoint.State
KIND_OF = {Medium.PHONE: Kind.PHONE, Medium.SMS: Kind.PHONE, Medium.EMAIL: Kind.EMAIL}
FIELD_OF = {Kind.EMAIL: "emails", Kind.PHONE: "phones", Kind.ADDRESS: "addresses"}
RANK = {State.REVOKED: 0, State.UNVERIFIED: 1, State.GIVEN: 2, State.VERIFIED: 3}
PAID = "costs the caller extra"
_WRONG_NUMBERS = {  # by the code of BadNumber
    "no_country": "of no known country",
    "too_short": "too short for a number",
    "too_long": "too long for a number",
    "paid": PAID,
}
_LONGEST = 500


class Permission(NamedTuple):
    """Where somebody may be reached, and the consent that allows it."""

    contact_point: ContactPoint
    consent: Consent


def normalise(kind: str, typed: str, *, region: str) -> tuple[str, str]:
    """(value, problem) of a coordinate: its normal form and "", or what was typed and why it cannot be one.

    `region` is the country of a number that names none, as in GB.
    """
    text = clean(typed, limit=_LONGEST).strip()
    if kind == Kind.PHONE:
        try:
            return write_e164(read_phone(text, region=region)), ""
        except BadNumber as error:
            # A sentence is no number, however long it is.
            code = error.code if any(sign.isdigit() for sign in text) else "no_number"
            return text, _WRONG_NUMBERS.get(code, "no possible number")
    if kind == Kind.EMAIL:
        try:
            return validate_email(text, check_deliverability=False).normalized.lower(), ""
        except EmailNotValidError:
            return text, "no possible address"
    return " ".join(text.split()), ""


def record_contact_point(
    *,
    profile: Profile,
    kind: str,
    typed: str,
    state: str,
    source: str,
    agent: Agent | None = None,
    region: str = "",
    at: datetime | None = None,
) -> ContactPoint:
    """Keep a coordinate, once for each person. What cannot be one is kept as it was typed, with a mark, and is never used.

    `state` only ever rises, except that what the customer gives counts again after it was revoked or found wrong: their word wins over
    what we thought. Raises DeskError for nothing, an unknown kind, and for `verified`, which only `verify_contact_point` says.
    """
    if kind not in Kind.values or state not in (State.UNVERIFIED, State.GIVEN):
        raise DeskError(f"A contact is one of {', '.join(Kind.values)}, and unverified or given by the customer.")
    value, problem = normalise(kind, typed, region=region)
    if not value:
        raise DeskError("There is no contact to keep. Write a number or an address.")
    moment = at or current_time()
    with transaction.atomic():
        point = _find_or_create(profile, kind, value)
        is_new = point.pk is None
        before = (point.state, point.problem, point.typed, point.source)
        is_given = state == State.GIVEN
        if is_new or (RANK[State(state)] > RANK[State(point.state)] and (is_given or point.state != State.REVOKED)):
            point.state = state
        if is_new or is_given:
            point.problem, point.typed, point.source = problem, clean(typed, limit=_LONGEST), source[:200]
        point.changed_at = moment
        if is_new:
            point.created_at = moment
        if not is_new and before == (point.state, point.problem, point.typed, point.source):
            ContactPoint.objects.filter(pk=point.pk).update(changed_at=moment)
            return point
        _store(point, source=source, agent=agent, at=moment)
    return point


def _find_or_create(profile: Profile, kind: str, value: str) -> ContactPoint:
    """The coordinate, held until the transaction ends, or one that is not stored yet."""
    found = ContactPoint.objects.select_for_update().filter(profile=profile, kind=kind, value=value).first()
    if found is None:
        # Two who write the same one down at once: the second waits for the first, and finds it.
        if Profile.objects.select_for_update(no_key=True).filter(pk=profile.pk, erased_at=None).first() is None:
            raise NotFound("There is no such profile. It may have been erased.")
        found = ContactPoint.objects.select_for_update().filter(profile=profile, kind=kind, value=value).first()
    return found or ContactPoint(profile=profile, kind=kind, value=value)


def _store(point: ContactPoint, *, source: str, agent: Agent | None, at: datetime) -> None:
    """Save what was changed: a version, an event, and new work for whoever looks for doubles.

    The words of the search hold what was taken back too, so only a new one makes them wait: that holds the profile, which whoever takes
    over a whole record holds before its coordinates.
    """
    is_new = point.pk is None
    stamp(point, source=source, agent=agent, at=at)
    point.save()
    note_change(profile=point.profile, fields=[FIELD_OF[Kind(point.kind)]], source=source, at=at)
    match_later(point.profile_id)
    if is_new:
        let_terms_wait(point.profile_id)


def verify_contact_point(*, contact_point: ContactPoint, how: str, by: Agent | None, at: datetime | None = None) -> ContactPoint:
    """The coordinate is theirs, known `how`. Raises Conflict for one that was revoked or cannot be one."""
    moment = at or current_time()
    with transaction.atomic():
        point = (
            ContactPoint.objects.select_for_update(of=("self",)).select_related("profile").filter(pk=contact_point.pk, problem="").first()
        )
        if point is None or point.state == State.REVOKED:
            raise Conflict("This contact was taken back or cannot be one. Ask the customer for it again.")
        point.state, point.verified_how, point.verified_at, point.verified_by = State.VERIFIED, how[:100], moment, by
        point.changed_at = moment
        _store(point, source=how, agent=by, at=moment)
    contact_point.refresh_from_db()
    return contact_point


def mark_wrong(*, contact_point: ContactPoint, problem: str, agent: Agent | None = None, at: datetime | None = None) -> None:
    """Somebody else is there, or it was taken back: nobody is called or written to there again, unless the customer gives it anew.

    Whoever became one person may have it several times, once for each of their profiles: none of them counts any more.
    """
    moment = at or current_time()
    with transaction.atomic():
        person, is_same = person_of(contact_point.profile_id), Q(kind=contact_point.kind, value=contact_point.value)
        same = list(ContactPoint.objects.filter(is_same, profile__person=person).order_by("pk").values_list("pk", flat=True))
        # In the order in which lock_permission holds them.
        Consent.objects.filter(contact_point__in=same, revoked_at=None).update(revoked_at=moment, revoked_how=problem[:100])
        points = ContactPoint.objects.select_for_update(of=("self",)).select_related("profile").filter(pk__in=same).order_by("pk")
        for point in points.filter(~Q(state=State.REVOKED) | Q(pk=contact_point.pk)):
            point.state, point.problem, point.changed_at = State.REVOKED, problem[:100], moment
            _store(point, source=problem, agent=agent, at=moment)


def record_consent(
    *,
    contact_point: ContactPoint,
    medium: str,
    text: str,
    text_version: str,
    language: str,
    evidence: Mapping[str, int],
    scope: str = THIS_MATTER,
    at: datetime | None = None,
) -> Consent:
    """The customer agreed to what `text` says, as it was shown. `evidence` holds ids only, as in {"link": 7}.

    Raises DeskError for a medium that the coordinate is not made for, for an unproved or an empty consent.
    """
    if medium not in Medium.values or KIND_OF[Medium(medium)] != contact_point.kind:
        raise DeskError(f"A consent to {medium[:20]} needs a contact of its kind.")
    if not (text.strip() and text_version and evidence):
        raise DeskError("A consent needs the text that was shown, its version, and what proves it.")
    return Consent.objects.create(
        profile_id=contact_point.profile_id,
        contact_point=contact_point,
        medium=medium,
        scope=scope,
        text=text,
        text_version=text_version,
        language=language,
        given_at=at or current_time(),
        evidence=dict(evidence),
    )


def revoke_consent(*, consent: Consent, how: str, at: datetime | None = None) -> bool:
    """The customer takes it back. False if it was taken back before; the first time stays."""
    moment = at or current_time()
    return bool(Consent.objects.filter(pk=consent.pk, revoked_at=None).update(revoked_at=moment, revoked_how=how[:100]))


def find_permission(*, profile: Profile | int, medium: str, scope: str = "", contact_point: int | None = None) -> Permission | None:
    """Where and by which consent the person may be reached by `medium`, newest consent first; None: not at all.

    Only a coordinate that the customer gave or that was verified counts. `scope` and `contact_point` (id) narrow it; without a scope
    any counts that was confirmed. One query.
    """
    alive = Consent.objects.filter(
        profile__person=person_of(profile), medium=medium, revoked_at=None, contact_point__state__in=REACHABLE, contact_point__problem=""
    )
    alive = alive.filter(scope=scope) if scope else alive.exclude(scope=UNCONFIRMED)
    if contact_point is not None:
        alive = alive.filter(contact_point=contact_point)
    consent = alive.select_related("contact_point").order_by("-given_at", "-pk").first()
    return Permission(consent.contact_point, consent) if consent else None


def lock_permission(consent_id: int) -> Permission | None:
    """The same for one consent, held until the transaction ends: it cannot be taken back meanwhile. None if it is gone by now."""
    consent = Consent.objects.select_for_update(of=("self", "contact_point")).select_related("contact_point").filter(pk=consent_id).first()
    if consent is None or consent.revoked_at is not None or not consent.contact_point.is_reachable:
        return None
    return Permission(consent.contact_point, consent)
