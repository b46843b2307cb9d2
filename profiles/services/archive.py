"""All that the desk keeps about a person as an archive that they can read: a page, the same as data, and a table for each kind.

Internal notes are in it: who asks what is kept about them is owed those too. Which colleague wrote something is not: only that it was us.
"""

from __future__ import annotations

import csv
import io
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import IO, Any

from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone

from profiles.models import Agent, ContactLook, ContactPoint, Profile
from profiles.personal import Holding, Subject, holdings
from profiles.services.people import find_person
from profiles.services.rights import hidden_fields
from profiles.services.subjects import read_subject
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import NotAllowed

_IN_MEMORY = 4 * 1024 * 1024  # bytes; what is larger is written to the disk, under no name
_AT_ONCE = 500
_FORMULA = ("=", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Section:
    """One kind of row, as people read it: the names of its columns, and its rows as texts. `note` says how many others stand only in
    the table."""

    name: str
    label: str
    columns: list[str]
    rows: list[list[str]]
    count: int


MOST_ON_THE_PAGE = 5000  # rows of one kind; a browser should open it


def build_archive(*, profile_id: int, agent: Agent | None, at: datetime | None = None) -> tuple[Profile, IO[bytes]]:
    """The person's archive as an open ZIP file, from its beginning. That their coordinates were looked at is kept.

    Raises NotFound, and NotAllowed for who may not see all that is in it: half of what is kept would be no answer.
    """
    moment = at or current_time()
    if hidden := hidden_fields(agent):
        raise NotAllowed(f"Your role does not see {', '.join(sorted(hidden))}, and the archive holds all. Ask somebody whose role does.")
    person = find_person(profile_id)
    with transaction.atomic():
        subject = read_subject(person)
        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the answer closes it
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            sections = [_write_table(archive, name, holding, subject) for name, holding in holdings().items() if holding.export]
            found = [section for section in sections if section.count]
            _write_data(archive, person, subject, moment)
            page = render_to_string("profiles/archive.html", {"person": person, "sections": found, "at": moment})
            archive.writestr("index.html", page)
        _note_looks(subject, agent, moment)
    file.seek(0)
    return person, file


def _rows(holding: Holding, subject: Subject) -> Iterator[tuple[Any, ...]]:
    rows = holding.rows(subject).order_by("pk").distinct()
    yield from rows.values_list(*holding.export).iterator(chunk_size=_AT_ONCE)


def _write_table(archive: zipfile.ZipFile, name: str, holding: Holding, subject: Subject) -> Section:
    """The kind's table in the archive, and what the page shows of it."""
    columns, count = list(holding.export.values()), 0
    shown: list[list[str]] = []
    rows = _rows(holding, subject)
    first = next(rows, None)
    if first is None:
        return Section(name, holding.label, columns, [], 0)
    with archive.open(f"tables/{name}.csv", "w") as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        writer = csv.writer(text)
        writer.writerow(columns)
        for row in (first, *rows):
            texts = [as_text(value) for value in row]
            writer.writerow([as_cell(value) for value in texts])
            count += 1
            if len(shown) < MOST_ON_THE_PAGE:
                shown.append(texts)
        text.close()
    return Section(name, holding.label, columns, shown, count)


def _write_data(archive: zipfile.ZipFile, person: Profile, subject: Subject, moment: datetime) -> None:
    """The same for programs, written as it is read."""
    with archive.open("data.json", "w") as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8")
        text.write(f'{{"person": {person.pk}, "made_at": {json.dumps(moment.isoformat())}, "sections": {{')
        is_first = True
        for name, holding in holdings().items():
            if not holding.export:
                continue
            text.write(f'{"" if is_first else ","}\n{json.dumps(name)}: {{"label": {json.dumps(holding.label)}, "rows": [')
            is_first = False
            for number, row in enumerate(_rows(holding, subject)):
                entry = dict(zip(holding.export, row, strict=True))
                text.write(("," if number else "") + "\n" + json.dumps(entry, ensure_ascii=False, default=_as_data))
            text.write("]}")
        text.write("}}\n")
        text.close()


def _as_data(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def as_text(value: Any) -> str:
    """A value as a person reads it."""
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M}"
    if isinstance(value, Mapping | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def as_cell(text: str) -> str:
    """With an apostrophe before what a spreadsheet would compute; a number that begins with + is left as it is."""
    is_number = text.startswith("+") and text[1:].replace(" ", "").isdigit()
    return f"'{text}" if text.startswith((*_FORMULA, "+")) and not is_number else text


def _note_looks(subject: Subject, agent: Agent | None, moment: datetime) -> None:
    points = ContactPoint.objects.filter(profile__in=subject.profiles).order_by("pk")
    ContactLook.objects.bulk_create(
        ContactLook(profile_id=point.profile_id, contact_point=point, kind=point.kind, agent=agent, where="export", at=moment)
        for point in points
    )
