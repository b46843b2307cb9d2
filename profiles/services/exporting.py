"""People written to files: tables and cards, as far as the agent may see them, a batch at a time; and the rows that an import refused.

A cell that a spreadsheet would compute begins with an apostrophe; reading it in takes the apostrophe away again. Only a cell of nothing but
telephone numbers keeps its plain +: digits compute to nothing that could do harm, and other systems read the number as it is.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import vobject

from profiles.models import Agent, CustomField, ExternalRef, ImportJob, Profile, Segment
from profiles.services.import_fields import CUSTOM, join_cell
from profiles.services.looks import record_looks
from profiles.services.record_writing import CONTACTS, live_points, write_records
from profiles.services.records import FIELDS
from profiles.services.search import search_people
from profiles.services.segments import people_in

logger = logging.getLogger(__name__)
FORMATS = {"csv": "text/csv; charset=utf-8", "vcf": "text/vcard; charset=utf-8"}
AT_ONCE = 500
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBERS = re.compile(r"(\+\d+\n?)+")
_BOM = "\ufeff"  # without it spreadsheets take UTF-8 for something else


def export_people(*, form: str, agent: Agent, segment: Segment | None = None, text: str = "") -> Iterator[str]:
    """The text of a file, piece by piece: everybody, or who is in `segment`, or is found by `text`. Each coordinate in it counts as
    looked at by `agent`, and the log says who took how many people along."""
    customs = list(CustomField.objects.filter(archived_at=None).values_list("key", flat=True))
    systems = list(ExternalRef.objects.values_list("system", flat=True).distinct().order_by("system"))
    columns = ["id", *FIELDS, *(CUSTOM + key for key in customs), *(f"external:{system}" for system in systems)]
    if form == "csv":
        yield _BOM + _line(columns)
    count = 0
    for batch in _batches(agent, segment, text):
        records = write_records(batch, agent=agent)
        numbers = _read_numbers(list(records))
        _note_looks(records, agent=agent)
        count += len(records)
        if form == "csv":
            yield "".join(_line(_row(pk, columns, record, numbers[pk])) for pk, record in records.items())
        else:
            yield "".join(_card(pk, record) for pk, record in records.items())
    what = " ".join([f"segment {segment.pk}" if segment else "everybody", "that a search found" if text else ""]).strip()
    logger.warning("agent %d exported %d people as %s: %s", agent.pk, count, form, what)


def refused_file(job: ImportJob) -> Iterator[str]:
    """The refused rows as they stood in the file, under its header: mend them there and read them in again."""
    columns = job.mapping.get("header") or []
    if columns:
        yield _plain_line(columns, delimiter=job.mapping.get("delimiter", ","))
    for raw in _refusals(job).values_list("raw", flat=True).iterator(chunk_size=AT_ONCE):
        yield raw + "\r\n"


def refused_report(job: ImportJob) -> Iterator[str]:
    """The refused rows with their lines and reasons, as a table to read."""
    yield _BOM + _line(["line", "reason", "row"])
    for line, reason, raw in _refusals(job).values_list("line", "reason", "raw").iterator(chunk_size=AT_ONCE):
        yield _line([str(line), reason, raw])


def guard(cell: str) -> str:
    """The cell as no spreadsheet computes it."""
    return "'" + cell if _FORMULA.match(cell) and not _NUMBERS.fullmatch(cell) else cell


def _refusals(job: ImportJob) -> Any:
    return job.refusals.order_by("line", "pk")


def _batches(agent: Agent, segment: Segment | None, text: str) -> Iterator[list[Profile]]:
    """By key: each batch is one short query, however long the download takes."""
    if text.strip():
        conditions = segment.conditions if segment else ()
        after, is_first = "", True
        while after or is_first:
            found = search_people(agent=agent, text=text, conditions=conditions, after=after, limit=AT_ONCE)
            yield found.people
            after, is_first = found.next, False
        return
    people = people_in(segment) if segment else Profile.objects.people()
    last = 0
    while batch := list(people.filter(pk__gt=last).order_by("pk")[:AT_ONCE]):
        yield batch
        last = batch[-1].pk


def _read_numbers(people: Sequence[int]) -> dict[int, dict[str, list[str]]]:
    numbers: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    refs = ExternalRef.objects.filter(profile__person__in=people).order_by("pk")
    for person, system, external_id in refs.values_list("profile__person", "system", "external_id"):
        numbers[person][f"external:{system}"].append(external_id)
    return numbers


def _note_looks(records: Mapping[int, Mapping[str, Any]], *, agent: Agent) -> None:
    """Who took which coordinates out of the house."""
    kinds = {str(kind): name for name, kind in CONTACTS.items()}
    points = live_points(records)
    record_looks([point for point in points if kinds[point.kind] in records[point.profile.person]], agent=agent, where="export")


def _row(pk: int, columns: Sequence[str], record: Mapping[str, Any], numbers: Mapping[str, list[str]]) -> list[str]:
    cells = []
    for column in columns:
        value = pk if column == "id" else numbers[column] if column in numbers else record.get(column, "")
        if isinstance(value, bool):
            value = "yes" if value else ""
        cells.append(join_cell(column, value) if isinstance(value, list) else str(value))
    return cells


def _line(cells: Iterable[str]) -> str:
    return _plain_line([guard(cell) for cell in cells])


def _plain_line(cells: Sequence[str], *, delimiter: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerow(cells)
    return out.getvalue()


def _card(pk: int, record: Mapping[str, Any]) -> str:
    """Version 3.0, which every telephone and mail program reads."""
    card = vobject.vCard()
    name = record.get("name", "")
    card.add("uid").value = f"social-desk-{pk}"
    card.add("fn").value = name
    first, _, last = name.rpartition(" ")
    card.add("n").value = vobject.vcard.Name(family=last, given=first)
    if record.get("company"):
        card.add("org").value = [record["company"]]
    for email in record.get("emails", ()):
        card.add("email").value = email
    for phone in record.get("phones", ()):
        card.add("tel").value = phone
    for address in record.get("addresses", ()):
        card.add("adr").value = vobject.vcard.Address(street=address)
    if record.get("tags"):
        card.add("categories").value = list(record["tags"])
    for key, column in (("lang", "language"), ("tz", "time_zone")):
        if record.get(column):
            card.add(key).value = record[column]
    return str(card.serialize(validate=False))
