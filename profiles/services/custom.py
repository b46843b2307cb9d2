"""The fields that an admin adds to people, and their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.text import slugify

from profiles.models import Agent, CustomField, CustomValue, Profile
from profiles.services.changes import note_change
from profiles.services.record_lists import read_custom_text
from profiles.services.record_writing import read_customs
from profiles.services.rights import CUSTOM, hidden_fields
from profiles.services.terms import renew_terms
from profiles.services.versions import stamp
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.text import clean

MOST_FIELDS = 60
MOST_CHOICES = 100


@dataclass(frozen=True, slots=True)
class Filled:
    """A field with a person's value in it, None where they have none."""

    field: CustomField
    value: CustomValue | None


def list_custom(person: Profile, *, agent: Agent | None) -> list[Filled]:
    """All fields that `agent` may see, in their order. Three queries."""
    hidden = hidden_fields(agent)
    values = read_customs([person.pk])[person.pk]
    return [
        Filled(field, values.get(field.key)) for field in CustomField.objects.filter(archived_at=None) if CUSTOM + field.key not in hidden
    ]


def set_custom(
    *,
    profile_id: int,
    values: Mapping[str, Any],
    source: str,
    agent: Agent | None,
    seen: Mapping[str, str] | None = None,
    at: datetime | None = None,
) -> list[str]:
    """Set {key: value}; an empty one empties the field. The keys that have another value now.

    `seen` holds what the editor saw: Conflict with `conflicts`, as for a profile's own fields, where it is another one by now.
    Raises DeskError for what does not fit its field, and NotFound for a field that `agent` does not see or nobody made.
    """
    moment = at or current_time()
    with transaction.atomic():
        profile = Profile.objects.select_for_update(no_key=True).filter(pk=profile_id, erased_at=None).first()
        if profile is None:
            raise NotFound("There is no such profile. It may have been erased.")
        hidden = hidden_fields(agent)
        fields = {field.key: field for field in CustomField.objects.filter(key__in=values, archived_at=None)}
        standing = read_customs([profile.pk])[profile.pk]
        wanted, conflicts = {}, []
        for key, given in values.items():
            if key not in fields or CUSTOM + key in hidden:
                raise NotFound(f"There is no field {key[:40]!r}.")
            try:
                read = read_custom_text(fields[key], given)
            except DeskError as error:
                raise DeskError(f"{fields[key].label}: {error.message}") from None
            ours = standing[key].text if key in standing else ""
            if seen is not None and key in seen and ours not in (seen[key], read[0]):
                last = standing[key].history.first() if key in standing else None
                by, since = (last.history_user_id, last.history_date.isoformat()) if last else (None, "")
                conflicts.append({"field": CUSTOM + key, "yours": read[0], "theirs": ours, "by": by, "at": since})
            if read[0] != ours:
                wanted[key] = read
        if conflicts:
            names = ", ".join(fields[str(conflict["field"]).removeprefix(CUSTOM)].label for conflict in conflicts)
            raise Conflict(f"Somebody changed this meanwhile: {names}. Look at both and choose.", conflicts=conflicts)
        for key, (text, number, day) in wanted.items():
            row = CustomValue.objects.filter(profile=profile, field=fields[key]).first() or CustomValue(profile=profile, field=fields[key])
            row.text, row.number, row.date, row.source, row.changed_at = text, number, day, source[:200], moment
            stamp(row, source=source, agent=agent, at=moment)
            row.save()
        if wanted:
            note_change(profile=profile, fields=[CUSTOM + key for key in wanted], source=source, at=moment)
            renew_terms(profile.pk)
    return sorted(wanted)


def save_field(*, field: CustomField | None, label: str, kind: str = "", choices: str = "", position: int = 0) -> CustomField:
    """Make a field, or change its label, its choices and its place; what it holds and its key stay. Raises DeskError."""
    words = " ".join(clean(label).split())
    if not words or len(words) > 80:
        raise DeskError("Give the field a label of at most 80 characters.")
    if field is None or field.archived_at is None:
        _refuse_taken(words, but=field)
    given = [" ".join(line.split())[:500] for line in clean(choices).splitlines() if line.strip()]
    options = list(dict.fromkeys(given))
    if field is None:
        if kind not in CustomField.Kind.values:
            raise DeskError(f"A field is one of {', '.join(CustomField.Kind.values)}.")
        if CustomField.objects.filter(archived_at=None).count() >= MOST_FIELDS:
            raise DeskError(f"There are {MOST_FIELDS} fields already. Archive one that nobody fills in.")
        field = CustomField(key=_free_key(words), kind=kind)
    if field.kind == CustomField.Kind.CHOICE and not 2 <= len(options) <= MOST_CHOICES:
        raise DeskError(f"A choice needs 2 to {MOST_CHOICES} different words, one a line.")
    field.label, field.position = words, max(0, min(position, 32_000))
    field.choices = options if field.kind == CustomField.Kind.CHOICE else []
    field.save()
    return field


def archive_field(*, field_id: int, is_archived: bool) -> CustomField:
    """Ask for it no longer, or again. Its values stay. Raises DeskError if another field has its label by now."""
    field = CustomField.objects.filter(pk=field_id).first()
    if field is None:
        raise NotFound("There is no such field.")
    if not is_archived:
        _refuse_taken(field.label, but=field)
    field.archived_at = current_time() if is_archived else None
    field.save(update_fields=["archived_at"])
    return field


def _refuse_taken(label: str, *, but: CustomField | None) -> None:
    """Of two fields with one label nobody knows which to fill in. One that is archived is asked of nobody, and may be followed."""
    for other in CustomField.objects.filter(archived_at=None):
        if other != but and other.label.casefold() == label.casefold():
            raise DeskError(f"There is a field called {other.label} already. Choose another label.")


def _free_key(label: str) -> str:
    """How programs name it: the label in small letters, with a number where another has it."""
    stem = slugify(label).replace("-", "_")[:30] or "field"
    taken = set(CustomField.objects.filter(key__startswith=stem).values_list("key", flat=True))
    return stem if stem not in taken else next(f"{stem}_{number}" for number in range(2, 10_000) if f"{stem}_{number}" not in taken)
