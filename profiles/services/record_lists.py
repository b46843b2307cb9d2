"""The parts of a record that are rows of their own: coordinates, tags, and the fields that an admin made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from profiles.models import Agent, ContactPoint, CustomField, CustomValue, Profile, ProfileTag, Tag
from profiles.services.conflicts import Rule, Value, judge, rule_of
from profiles.services.contacts import normalise, record_contact_point
from profiles.services.first_points import write_first_points
from profiles.services.record_writing import CONTACTS, read_customs
from profiles.services.rights import CUSTOM
from profiles.services.versions import stamp
from socialdesk.lib.errors import DeskError
from socialdesk.lib.text import clean, fold

if TYPE_CHECKING:
    from profiles.services.records import Applied, PersonRecord

LISTS = (*CONTACTS, "tags")
MOST = 100  # values of one list that are read
State = ContactPoint.State


def take_lists(
    applied: Applied,
    record: PersonRecord,
    *,
    source: str,
    agent: Agent | None,
    rules: Mapping[str, str] | None,
    region: str,
    at: datetime,
) -> None:
    """Add what the record has and we have not; take away what came from the same source and is not in it any more."""
    for name in (name for name in LISTS if name in record.values):
        given = record.values[name]
        if not isinstance(given, list | tuple) or not all(isinstance(value, str) for value in given):
            applied.marked.append({"field": name, "value": str(given)[:200], "problem": f"{name} is a list of text."})
            continue
        if rule_of(rules, name) == Rule.OURS:
            continue
        values = [value for value in given[:MOST] if clean(value).strip()]
        if name == "tags":
            is_changed = _take_tags(applied, values, source=source, agent=agent, at=at)
        else:
            is_changed = _take_points(applied, name, values, rule=rule_of(rules, name), source=source, agent=agent, region=region, at=at)
        if is_changed:
            applied.changed.append(name)


def _take_points(
    applied: Applied, name: str, values: list[str], *, rule: str, source: str, agent: Agent | None, region: str, at: datetime
) -> bool:
    person, kind = applied.profile, CONTACTS[name]
    if applied.is_new:
        marks = write_first_points(profile=person, kind=kind, typed=values, source=source, agent=agent, region=region, at=at)
        applied.marked.extend({"field": name, "value": value, "problem": problem} for value, problem in marks if problem)
        return bool(marks)
    standing: list[ContactPoint] = []
    if not applied.is_new:
        standing = list(ContactPoint.objects.select_for_update(of=("self",)).filter(profile__person=person.pk, kind=kind).order_by("pk"))
    if rule == Rule.FILL and any(point.state != State.REVOKED for point in standing):
        return False
    by_value = {point.value: point for point in standing}
    wanted: set[str] = set()
    is_changed = False
    for typed in values:
        value, problem = normalise(kind, typed, region=region)
        if problem:
            applied.marked.append({"field": name, "value": value, "problem": problem})
        point = by_value.get(value)
        if point is None and value not in wanted:
            record_contact_point(profile=person, kind=kind, typed=typed, state=State.UNVERIFIED, source=source, region=region, at=at)
            is_changed = True
        elif point is not None and point.state == State.REVOKED and value not in wanted:
            if _was_taken_back_by(point, source):
                _store(point, State.UNVERIFIED, source=source, agent=agent, at=at)
                is_changed = True
            else:
                applied.kept.append({"field": name, "ours": "", "theirs": value, "rule": "taken back before"})
        wanted.add(value)
    for point in standing:
        # Only its own, and only as long as nobody else has vouched for it.
        if point.value not in wanted and point.source == source and point.state == State.UNVERIFIED:
            _store(point, State.REVOKED, source=source, agent=agent, at=at)
            is_changed = True
    return is_changed


def _was_taken_back_by(point: ContactPoint, source: str) -> bool:
    """Whether it was this source itself that brought it and took it away: then it may bring it again. Nobody else's word is overruled."""
    last = point.history.first()
    return point.source == source and last is not None and last.history_change_reason == source[:100]


def _store(point: ContactPoint, state: str, *, source: str, agent: Agent | None, at: datetime) -> None:
    point.state, point.changed_at = state, at
    stamp(point, source=source, agent=agent, at=at)
    point.save()


def _take_tags(applied: Applied, values: list[str], *, source: str, agent: Agent | None, at: datetime) -> bool:
    person = applied.profile
    standing = {} if applied.is_new else {row.tag.folded: row for row in _tags_of(person)}
    wanted: dict[str, str] = {}
    for value in values:
        name = " ".join(clean(value).split())
        if len(name) > 60 or len(fold(name)) > 60:
            applied.marked.append({"field": "tags", "value": name[:200], "problem": "A tag has at most 60 characters."})
        elif name:
            wanted.setdefault(fold(name), name)
    added = [(folded, name) for folded, name in wanted.items() if folded not in standing]
    for folded, name in added:
        tag, _ = Tag.objects.get_or_create(folded=folded, defaults={"name": name})
        ProfileTag.objects.create(profile=person, tag=tag, agent=agent, source=source[:200], at=at)
    gone = [row.pk for folded, row in standing.items() if folded not in wanted and row.source == source]
    if gone:
        ProfileTag.objects.filter(pk__in=gone).delete()
    return bool(added or gone)


def _tags_of(person: Profile) -> list[ProfileTag]:
    return list(ProfileTag.objects.select_related("tag").filter(profile__person=person.pk))


def take_customs(
    applied: Applied,
    record: PersonRecord,
    *,
    source: str,
    agent: Agent | None,
    rules: Mapping[str, str] | None,
    at: datetime,
) -> None:
    """The fields that an admin made. What does not fit its field is said, and left out."""
    keys = [name.removeprefix(CUSTOM) for name in record.values if name.startswith(CUSTOM)]
    if not keys:
        return
    fields = {field.key: field for field in CustomField.objects.filter(key__in=keys, archived_at=None)}
    standing = {} if applied.is_new else read_customs([applied.profile.pk])[applied.profile.pk]
    for key in keys:
        name, given = CUSTOM + key, record.values[CUSTOM + key]
        try:
            if key not in fields:
                raise DeskError("There is no such field here. An admin can make it.")
            text, number, day = read_custom_text(fields[key], given)
        except DeskError as error:
            applied.marked.append({"field": name, "value": str(given)[:200], "problem": error.message})
            continue
        ours = standing.get(key)
        if text == (ours.text if ours else ""):
            continue
        said_at = record.changed_at.get(name)
        verdict = judge(
            field=name,
            rule=rule_of(rules, name),
            ours=Value(ours.text, ours.changed_at, ours.source) if ours else Value(""),
            theirs=Value(text, said_at or (at if text else None), source),
        )
        if not verdict.taken:
            if text or said_at:
                applied.kept.append({"field": name, "ours": ours.text if ours else "", "theirs": text, "rule": verdict.rule})
            continue
        row = CustomValue.objects.filter(profile=applied.profile, field=fields[key]).first()
        row = row or CustomValue(profile=applied.profile, field=fields[key])
        row.text, row.number, row.date, row.source, row.changed_at = text, number, day, source[:200], said_at or at
        stamp(row, source=source, agent=agent, at=at)
        row.save()
        applied.changed.append(name)


def read_custom_text(field: CustomField, given: Any) -> tuple[str, Decimal | None, date | None]:
    """(normal form, number, date) of a value. Raises DeskError that says what the field holds."""
    if isinstance(given, list | tuple | Mapping):
        raise DeskError("This field holds one value, not several.")
    text = " ".join(clean(str(given if given is not None else "")).split())
    if len(text) > 500:
        raise DeskError("A value has at most 500 characters.")
    if not text:
        return "", None, None
    kinds = CustomField.Kind
    if field.kind == kinds.NUMBER:
        try:
            number = Decimal(text)
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or abs(number) >= Decimal(10) ** 18:
            raise DeskError("This field holds a number, such as 12.5.")
        return format(number.normalize(), "f"), number, None
    if field.kind == kinds.DATE:
        try:
            day = date.fromisoformat(text)
        except ValueError:
            raise DeskError("This field holds a date, such as 2026-05-04.") from None
        return day.isoformat(), None, day
    if field.kind == kinds.CHOICE and text not in field.choices:
        raise DeskError(f"This field holds one of {', '.join(field.choices)}.")
    if field.kind == kinds.YES_NO:
        if text.lower() not in ("yes", "no", "true", "false"):
            raise DeskError("This field holds yes or no.")
        return ("yes" if text.lower() in ("yes", "true") else "no"), None, None
    if field.kind == kinds.LINK and not text.startswith(("https://", "http://")):
        raise DeskError("This field holds a web address, such as https://example.com.")
    return text, None, None
