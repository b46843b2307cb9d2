"""What other systems tell us by signed requests: judged by the connection's rules, taken over once."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from profiles.models import Connection, ExternalRef, Handle, Profile, ProfileEvent, ProfileNote, SeenHook
from profiles.services.conflicts import source_of
from profiles.services.people import find_person
from profiles.services.records import FIELDS, PersonRecord, apply_record, find_by_external
from profiles.services.rights import CUSTOM
from profiles.services.signing import BadSignature, verify
from profiles.services.telling import DESK, own_key
from profiles.services.versions import stamp
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import Conflict, DeskError, NotFound, Unavailable

MOST = 256 * 1024  # bytes of one event
REMEMBERED = timedelta(days=2)  # an event's id; whoever tries again for a day has given up by then
_LONGEST_ID = 64
_DESK = re.compile(DESK + "[0-9a-f]{16}")
Kind = ProfileEvent.Kind


def take_hook(*, system: str, message_id: str, timestamp: str, signatures: str, body: bytes, now: datetime | None = None) -> dict[str, Any]:
    """Take over one signed event of `system`; what became of it, for its log: field names, never our values.

    Raises NotFound for no such connection, BadSignature, DeskError for what cannot be read.
    """
    moment = now or current_time()
    try:
        connection = Connection.objects.filter(system=system, kind=Connection.Kind.WEBHOOK).exclude(state=Connection.State.OFF).first()
    except UnreadableCredentials:
        raise Unavailable("This desk cannot read its secrets. Send it again later.") from None
    if connection is None:
        raise NotFound("There is no such connection.")
    secret = connection.credentials.get("their_secret", "")
    if not secret:
        raise BadSignature("The secret of what you send has not been entered here yet.")
    verify(secret=secret, message_id=message_id, timestamp=timestamp, signatures=signatures, body=body, now=moment)
    if len(message_id) > _LONGEST_ID:
        raise DeskError(f"Webhook-Id has at most {_LONGEST_ID} characters.")
    payload = _read(body)
    if payload.get("type") == "test":
        return {"taken": False, "test": True}
    with transaction.atomic():
        try:
            with transaction.atomic():
                SeenHook.objects.create(system=system, event=message_id, at=moment)
        except IntegrityError:
            return {"taken": False, "seen": True}
        return _take(connection, payload, moment)


def forget_seen(*, now: datetime | None = None) -> int:
    """Drop ids that nobody sends again."""
    return SeenHook.objects.filter(at__lt=(now or current_time()) - REMEMBERED).delete()[0]


def _read(body: bytes) -> dict[str, Any]:
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise DeskError("The body is no JSON.") from None
    if not isinstance(payload, dict):
        raise DeskError("The body is a JSON object.")
    return payload


def _take(connection: Connection, payload: Mapping[str, Any], moment: datetime) -> dict[str, Any]:
    external_id = str(payload.get("profile") or "")
    if not 0 < len(external_id) <= 200:
        raise DeskError("`profile` is your number of the person, up to 200 characters.")
    kind = str(payload.get("kind") or Kind.CHANGED)
    try:
        person = _find(connection, external_id, payload)
    except NotFound:
        return {"taken": False, "erased": True}
    if kind == Kind.ERASED:
        return _note_erased(connection, person, moment)
    record, unknown = _read_record(connection, external_id, payload)
    applied = apply_record(record=record, source=source_of(connection), profile=person, rules=connection.rules, at=moment)
    _note_desks(applied.profile, applied.is_new, _read_known_as(payload), moment)
    if kind == Kind.MERGED:
        _note_merged(connection, applied.profile, str(payload.get("other") or ""), moment)
    return {
        "taken": True,
        "id": applied.profile.pk,
        "created": applied.is_new,
        "changed": applied.changed,
        "kept": sorted({kept["field"] for kept in applied.kept}),
        "marked": sorted({mark["field"] for mark in applied.marked} | set(unknown)),
    }


def _find(connection: Connection, external_id: str, payload: Mapping[str, Any]) -> Profile | None:
    """Whom the event is about: by their number, by ours if they keep it, by another desk's, else by an account that both sides know.

    Raises NotFound if that person was erased here.
    """
    person = find_by_external(system=connection.system, external_id=external_id)
    if person is not None:
        return person
    known_as = _read_known_as(payload)
    ours = known_as.pop(own_key(), "") or str(payload.get("external_id") or "")
    if ours.isascii() and ours.isdecimal() and len(ours) < 18 and Profile.objects.filter(pk=int(ours)).exists():
        return find_person(int(ours))
    for system, number in known_as.items():
        person = find_by_external(system=system, external_id=number)
        if person is not None:
            return person
    found: set[int] = set()
    handles = payload.get("handles")
    for handle in handles[:50] if isinstance(handles, list) else []:
        if isinstance(handle, dict) and isinstance(handle.get("network"), str) and isinstance(handle.get("external_id"), str):
            same = Handle.objects.filter(network=handle["network"], external_id=handle["external_id"], profile__erased_at=None)
            found.update(same.values_list("profile__person", flat=True))
    return find_person(found.pop()) if len(found) == 1 else None


def _read_known_as(payload: Mapping[str, Any]) -> dict[str, str]:
    """By which numbers which desks know the person."""
    given = payload.get("known_as")
    pairs = list(given.items())[:50] if isinstance(given, dict) else []
    return {system: str(number) for system, number in pairs if _DESK.fullmatch(system) and 0 < len(str(number)) <= 200}


def _note_desks(person: Profile, is_new: bool, known_as: Mapping[str, str], moment: datetime) -> None:
    for system, number in known_as.items():
        if system == own_key():
            continue
        ref, _ = ExternalRef.objects.get_or_create(system=system, external_id=number, defaults={"profile": person, "made_at": moment})
        if is_new and ref.profile_id != person.pk:
            # Two desks told of somebody new at the same moment: whoever comes second finds them when it is sent again.
            raise Conflict("Another desk is telling of this person right now. Send it again.")


def _read_record(connection: Connection, external_id: str, payload: Mapping[str, Any]) -> tuple[PersonRecord, list[str]]:
    """The record, and the names of fields that this desk does not have."""
    given = payload.get("record")
    if not isinstance(given, dict):
        raise DeskError("`record` is an object of fields.")
    values = {name: value for name, value in given.items() if name in FIELDS or name.startswith(CUSTOM)}
    times = payload.get("changed_at")
    if times is None:
        # Whoever does not say when each field changed says when the event was: of all that it names.
        at = _read_time(payload.get("timestamp"))
        changed_at = dict.fromkeys(values, at) if at else {}
    elif isinstance(times, dict):
        changed_at = {str(name): at for name, value in times.items() if (at := _read_time(value))}
    else:
        raise DeskError("`changed_at` is an object of times.")
    return PersonRecord(values, connection.system, external_id, changed_at), [str(name)[:60] for name in given if name not in values]


def _read_time(given: Any) -> datetime | None:
    if given in (None, ""):
        return None
    try:
        at = datetime.fromisoformat(str(given))
    except ValueError:
        raise DeskError("Times are written as 2026-05-04T10:00:00Z.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _note_erased(connection: Connection, person: Profile | None, moment: datetime) -> dict[str, Any]:
    """Another system cannot erase people here: what they agreed with us and what is still owed to them is ours to weigh. Somebody is
    told, where whoever opens the profile sees it first."""
    if person is not None:
        _write_note(
            person, f"{connection.name} erased this person. Nothing was erased here: decide whether it should be.", connection, moment
        )
    return {"taken": False, "noted": person is not None}


def _note_merged(connection: Connection, person: Profile, other: str, moment: datetime) -> None:
    """Nor does another system merge people here."""
    ref = ExternalRef.objects.select_related("profile").filter(system=connection.system, external_id=other).first()
    if ref is not None and ref.profile.person != person.pk:
        words = f"{connection.name} says that this is the same person as profile {ref.profile.person}. Merge them here if that is so."
        _write_note(person, words, connection, moment)


def _write_note(person: Profile, text: str, connection: Connection, moment: datetime) -> None:
    note = ProfileNote(profile=person, agent=None, text=text, pinned_at=moment, created_at=moment, changed_at=moment)
    stamp(note, source=source_of(connection), agent=None, at=moment)
    note.save()
