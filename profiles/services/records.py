"""A person as other systems and files write them: what they say, and what becomes of it here.

Fields of a record: name, company, language, time_zone, stage, preferred_channel, owner (user name), do_not_contact (true or false),
emails, phones, addresses, tags (lists of text), custom:<key>.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction

from profiles.models import Agent, ExternalRef, Profile, ProfileEvent, Stage
from profiles.services.changes import as_one_change, note_change
from profiles.services.conflicts import Value, judge, rule_of
from profiles.services.edit import TEXTS, check_value, read_field, set_fields
from profiles.services.erased_refs import was_erased
from profiles.services.people import find_agent, lock_person
from profiles.services.record_lists import LISTS, take_customs, take_lists
from profiles.services.record_writing import write_record, write_times
from profiles.services.rights import CUSTOM
from profiles.services.terms import let_terms_wait
from profiles.services.versions import keep_first_version
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound

__all__ = ["FIELDS", "Applied", "PersonRecord", "apply_record", "find_by_external", "write_record", "write_times"]

logger = logging.getLogger(__name__)
OWN = (*TEXTS, "owner", "do_not_contact")
FIELDS = (*OWN, *LISTS)  # and custom:<key>
_CLOCKS_APART = timedelta(days=1)  # what is dated later than that is dated by a broken clock
_LOGGED = 500


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """What a system or a file says of a person. A field that is not in `values` is not spoken of; an empty one is said to be empty.

    `changed_at` is when the other side set a field, where it says so. What is empty and has no time is no news to the rule `newest`.
    `system` and `external_id` are its number of the person, both "" if it has none.
    """

    values: Mapping[str, Any]
    system: str = ""
    external_id: str = ""
    changed_at: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Applied:
    """`changed` names the fields that have another value now; `kept` says what was not taken: [{field, ours, theirs, rule}];
    `marked` what cannot be: [{field, value, problem}], coordinates among it are kept as text, everything else was left out."""

    profile: Profile
    is_new: bool = False
    changed: list[str] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    marked: list[dict[str, str]] = field(default_factory=list)


def apply_record(
    *,
    record: PersonRecord,
    source: str,
    agent: Agent | None = None,
    profile: Profile | None = None,
    rules: Mapping[str, str] | None = None,
    region: str = "",
    at: datetime | None = None,
) -> Applied:
    """Take over what `record` says into whom its number names, or into `profile`, or into somebody new. One transaction, one event.

    Lists grow by what the record adds; they lose only what came from the same `source` before. Taking over the same record twice changes
    nothing. `rules` ({field: rule}, see conflicts.py; "*" for all others) say which value counts, without them the newest.
    Raises NotFound if the person was erased, DeskError for fields that do not exist.
    """
    unknown = [name for name in record.values if name not in FIELDS and not name.startswith(CUSTOM)]
    if unknown:
        raise DeskError(f"There is no field {unknown[0][:40]!r}. Fields: {', '.join(FIELDS)}, {CUSTOM}<key>.")
    moment = at or current_time()
    for is_last in (False, True):
        try:
            with transaction.atomic(), as_one_change():
                return _apply(record, source, agent, profile, rules, region, moment)
        except IntegrityError:
            # Somebody made the same person or the same value at the same moment: it is there now, and found.
            if is_last:
                raise Conflict("Others write down the same person right now. Send it again.") from None
    raise AssertionError("unreachable")


def find_by_external(*, system: str, external_id: str) -> Profile | None:
    """Who a system's number stands for by now. Raises NotFound if that person was erased."""
    ref = ExternalRef.objects.select_related("profile__root").filter(system=system, external_id=external_id).first()
    if ref is None:
        if was_erased(system, external_id):
            raise NotFound("This person was erased here.")
        return None
    person = ref.profile.root or ref.profile
    if person.erased_at:
        raise NotFound("This person was erased here.")
    return person


def _apply(
    record: PersonRecord,
    source: str,
    agent: Agent | None,
    profile: Profile | None,
    rules: Mapping[str, str] | None,
    region: str,
    moment: datetime,
) -> Applied:
    known = find_by_external(system=record.system, external_id=record.external_id) if record.external_id else None
    found = known or profile
    person = lock_person(found.pk) if found else Profile(created_at=moment)
    applied = Applied(person, is_new=found is None)
    _take_own(applied, record, source, agent, rules, moment)
    if record.external_id and known is None:
        ExternalRef.objects.create(profile=person, system=record.system, external_id=record.external_id, made_at=moment)
    take_lists(applied, record, source=source, agent=agent, rules=rules, region=region, at=moment)
    take_customs(applied, record, source=source, agent=agent, rules=rules, at=moment)
    applied.changed.sort()
    if applied.is_new or applied.changed:
        kind = ProfileEvent.Kind.CREATED if applied.is_new else ProfileEvent.Kind.CHANGED
        note_change(profile=person, fields=applied.changed, source=source, kind=kind, at=moment)
    if not applied.is_new and (applied.changed or (record.external_id and known is None)):
        # Systems and files bring many: they are found a moment later, as who is new is anyway.
        let_terms_wait(person.pk)
    if applied.kept:
        names = ", ".join(sorted({kept["field"] for kept in applied.kept}))
        logger.info("profile %d: not taken from %s: %s", person.pk, source[:200], names[:_LOGGED])
    return applied


def _take_own(
    applied: Applied, record: PersonRecord, source: str, agent: Agent | None, rules: Mapping[str, str] | None, moment: datetime
) -> None:
    """The fields that stand in the profile's own row: judged one by one, stored as one version."""
    person = applied.profile
    wanted: dict[str, Any] = {}
    since: dict[str, datetime] = {}
    said_again: dict[str, datetime] = {}
    times = {} if applied.is_new else write_times(person)
    for name in (name for name in OWN if name in record.values):
        try:
            value, stored = _read_own(name, record.values[name], person)
        except DeskError as error:
            applied.marked.append({"field": name, "value": str(record.values[name])[:200], "problem": error.message})
            continue
        ours = _write_own(name, person)
        said_at = record.changed_at.get(name)
        if said_at is not None:
            said_at = min(said_at, moment + _CLOCKS_APART)
        if value == ours:
            if said_at is not None and name in times and times[name] < said_at:
                said_again[name] = said_at
            continue
        if said_at is not None:
            since[name] = said_at
        theirs = Value(value, said_at or (moment if value not in ("", None, False) else None), source)
        rule = rule_of(rules, name)
        verdict = judge(field=name, rule=rule, ours=Value(ours, times.get(name), _source_of(person, name)), theirs=theirs)
        if name == "do_not_contact" and not value and rule != "theirs" and _source_of(person, name) != source:
            # Who refused contact is not contacted because another system never heard of it.
            applied.kept.append({"field": name, "ours": ours, "theirs": value, "rule": "lifted only by hand or by who set it"})
        elif verdict.taken:
            wanted[name] = stored
        elif said_at is not None or value not in ("", None, False):
            applied.kept.append({"field": name, "ours": ours, "theirs": value, "rule": verdict.rule})
    # The same value, said later elsewhere: what somebody said in between must not win here either. Nothing changed, so no version.
    for name, at in said_again.items():
        person.sources[name] = {"source": source[:200], "by": None, **person.sources.get(name, {}), "at": at.isoformat()}
    if not applied.is_new and not wanted:
        if said_again:
            Profile.objects.filter(pk=person.pk).update(sources=person.sources)
        return
    if not applied.is_new:
        keep_first_version(person, since=person.created_at)
    refused = wanted.pop("do_not_contact", None)
    if refused is not None:
        person.do_not_contact_at = moment if refused else None
        person.do_not_contact_why = f"said by {source}"[:200] if refused else ""
        applied.changed.append("do_not_contact")
    set_fields(person, wanted, also=applied.changed, source=source, agent=agent, at=moment, since=since)
    applied.changed.extend(wanted)


def _read_own(name: str, given: Any, person: Profile) -> tuple[Any, Any]:
    """(what the record says in its normal form, what is stored for it). Raises DeskError for what cannot be."""
    if name == "do_not_contact":
        if not isinstance(given, bool):
            raise DeskError("do_not_contact is true or false.")
        return given, given
    if given is not None and not isinstance(given, str):
        # Not read as if it were written out: a list would become a name with brackets, and a 0 or a false would empty the field.
        raise DeskError(f"{name} is text.")
    if name == "owner":
        username = str(given or "").strip()
        if not username:
            return "", None
        owner = find_agent(username)
        return owner.username, owner.pk
    if name == "stage" and given in ("", None):
        given = Stage.PROSPECT
    value = check_value(name, given)
    return value, value


def _write_own(name: str, person: Profile) -> Any:
    if name == "do_not_contact":
        return person.do_not_contact_at is not None
    if name == "owner":
        return person.owner.username if person.owner else ""
    return read_field(person, name)


def _source_of(person: Profile, name: str) -> str:
    return str(person.sources.get(name, {}).get("source", ""))
