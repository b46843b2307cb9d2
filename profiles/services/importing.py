"""Files of people are read in: kept, mapped, run in slices that a killed worker cannot double, and reported on."""

from __future__ import annotations

import logging
import os
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import phonenumbers
from celery import current_app
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from kombu.exceptions import OperationalError as BrokerAway

from profiles.models import Agent, Counter, CustomField, ImportJob, ImportRefusal, Profile
from profiles.services import reading_vcard
from profiles.services.conflicts import Rule
from profiles.services.import_fields import EXTERNAL_ID, check_mapping, guess_mapping, read_cells
from profiles.services.import_match import find_match
from profiles.services.later import put_off
from profiles.services.matching import match_later
from profiles.services.reading import Row, guess_encoding, make_readable
from profiles.services.reading_csv import Layout, read_layout, read_rows
from profiles.services.records import Applied, PersonRecord, apply_record
from profiles.services.terms import let_terms_wait
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from socialdesk.lib.text import clean

logger = logging.getLogger(__name__)
State = ImportJob.State
RUN = "profiles.import_tasks.run_import"
LARGEST = 100 * 1024 * 1024
RULES = {Rule.FILL: "Keep what the desk knows, fill in the rest", Rule.NEWEST: "Take what the file says"}
AT_ONCE = 200  # rows of one transaction
_HELD = 0.25  # seconds that one transaction takes: on SQLite nobody else writes meanwhile
_BREATH = 0.01  # seconds between two, in which others do
_SLICE = 15.0  # seconds of one task: others wait in the same queue
_SILENT = timedelta(minutes=1)  # whoever gave no sign of life for so long is dead
_FORGOTTEN = timedelta(days=7)  # a file that nobody decided about
_LOOKED_BACK = timedelta(days=30)
_LOCK = "imports"
_OPEN = (State.PREVIEW, State.QUEUED, State.RUNNING)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a row. `what` is created, updated, unchanged or refused; `reason` says why, or what of it was left out."""

    what: str
    reason: str = ""
    profile: Profile | None = None
    changed: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Choices:
    """What somebody chose for a job: which column is which field, whose word counts, and the country of numbers that name none."""

    columns: Mapping[str, str]
    rule: str = Rule.FILL
    region: str = ""


def folder() -> Path:
    return Path(settings.DATA_DIR) / "imports"


def make_job(*, filename: str, parts: Iterable[bytes], agent: Agent | None, system: str = "", at: datetime | None = None) -> ImportJob:
    """Keep the file, guess what it is and what its columns mean. Raises DeskError for what is no file of people."""
    place = folder()
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = place / secrets.token_urlsafe(24)
    try:
        _store(path, parts)
        make_readable(path)
        with path.open("rb") as file:
            head = file.read(4096)
            is_cards = head.lstrip()[:15].upper().startswith(b"BEGIN:VCARD")
            layout = None if is_cards else read_layout(file)
        if layout is not None and not layout.columns:
            raise DeskError("There is no table in this file. Save it as CSV or vCard and choose it again.")
        customs = dict(CustomField.objects.filter(archived_at=None).values_list("key", "label"))
        columns = reading_vcard.MAPPING if layout is None else guess_mapping(layout.columns, customs=customs)
        return ImportJob.objects.create(
            kind=ImportJob.Kind.VCARD if is_cards else ImportJob.Kind.CSV,
            filename=clean(Path(filename.replace("\\", "/")).name)[:200] or "people",
            stored_as=path.name,
            system=system,
            mapping={"columns": dict(columns), "rule": str(Rule.FILL), "region": "", **_describe(layout)},
            size=path.stat().st_size,
            agent=agent,
            made_at=at or current_time(),
        )
    except BaseException:
        path.unlink(missing_ok=True)
        path.with_suffix(".new").unlink(missing_ok=True)
        raise


def read_choices(job: ImportJob) -> Choices:
    stored = job.mapping
    return Choices(stored.get("columns", {}), stored.get("rule", str(Rule.FILL)), stored.get("region", ""))


def choose(*, job_id: int, choices: Choices, system: str) -> ImportJob:
    """Keep what was chosen for a file that waits. Raises DeskError for choices that cannot be kept, Conflict if it runs already."""
    if choices.rule not in RULES:
        raise DeskError(f"Choose whose word counts: {', '.join(RULES)}.")
    if choices.region and choices.region not in phonenumbers.SUPPORTED_REGIONS:
        raise DeskError("The country of telephone numbers is two letters, such as DE.")
    if (system and not system.replace("-", "").replace("_", "").isalnum()) or not system.isascii() or len(system) > 40:
        raise DeskError("The name of the other system is letters, digits and hyphens, such as old-crm.")
    with transaction.atomic():
        job = _lock(job_id)
        if job.state != State.PREVIEW:
            raise Conflict("This import is not waiting any more.")
        job.mapping = {**job.mapping, "columns": dict(choices.columns), "rule": choices.rule, "region": choices.region}
        job.system = system
        job.save(update_fields=["mapping", "system"])
    return job


def what_is_missing(job: ImportJob) -> str:
    """Why the file cannot be read in as it is mapped now, "" if it can."""
    columns = read_choices(job).columns
    if problem := check_mapping(columns):
        return problem
    if job.kind == ImportJob.Kind.CSV and EXTERNAL_ID in columns.values() and not job.system:
        return "A column holds numbers of another system: say which one, as in old-crm. Number 7 is somebody else in each system."
    return ""


def start(*, job_id: int, is_sent: bool = True) -> ImportJob:
    """The file is read in as soon as no other one is, unless not `is_sent` by the caller. Raises DeskError if something is missing."""
    with transaction.atomic():
        job = _lock(job_id)
        if job.state != State.PREVIEW:
            raise Conflict("This import was started or taken back already.")
        if problem := what_is_missing(job):
            raise DeskError(problem)
        job.state, job.touched_at = State.QUEUED, current_time()
        job.save(update_fields=["state", "touched_at"])
        if is_sent:
            transaction.on_commit(lambda: send_run(job_id))
    return job


def cancel(*, job_id: int) -> ImportJob:
    """No further row is taken; those that were taken stay. Raises Conflict if it has ended."""
    with transaction.atomic():
        job = _lock(job_id)
        if job.state not in _OPEN:
            raise Conflict("This import has ended already.")
        _end(job, State.CANCELLED)
    wake_next()
    return job


def claim(*, job_id: int) -> bool:
    """This job's turn has come, or it runs already. One at a time."""
    with transaction.atomic():
        Counter.objects.get_or_create(name=_LOCK)
        Counter.objects.select_for_update().get(name=_LOCK)
        job = _lock(job_id)
        if job.state == State.QUEUED and not any(other.state == State.RUNNING for other in _open_jobs()):
            job.state, job.touched_at = State.RUNNING, current_time()
            job.save(update_fields=["state", "touched_at"])
        return job.state == State.RUNNING


def run(*, job_id: int, seconds: float = _SLICE, rows_at_once: int = AT_ONCE) -> bool:
    """Read in for a while; whether there is more to do. Safe to be killed, and to be run twice at once: the place in the file moves in
    the transaction of its rows, and whoever finds it elsewhere than they left it stops."""
    job = ImportJob.objects.select_related("agent").get(pk=job_id)
    if job.state != State.RUNNING:
        return False
    until = time.monotonic() + seconds
    try:
        with open_rows(job, position=job.position, line=job.line) as (columns, rows):
            while time.monotonic() < until:
                if not _run_chunk(job, columns, rows, rows_at_once):
                    return False
                time.sleep(_BREATH)
    except OSError as error:
        logger.warning("import %d: the file cannot be read: %s", job_id, error.strerror)
        with transaction.atomic():
            job = _lock(job_id)
            if job.state == State.RUNNING:
                job.error = "The file is not there any more. Choose it again: what was read in already is not doubled."
                _end(job, State.FAILED)
        return False
    return True


def resume(*, at: datetime | None = None) -> None:
    """Runs go on whose worker is gone, the next one begins, and files that nobody decided about are forgotten."""
    moment = at or current_time()
    for job in _open_jobs():
        if job.state == State.RUNNING and (job.touched_at is None or job.touched_at < moment - _SILENT):
            send_run(job.pk)
        if job.state == State.PREVIEW and job.made_at < moment - _FORGOTTEN:
            with transaction.atomic():
                job = _lock(job.pk)
                if job.state == State.PREVIEW:
                    _end(job, State.CANCELLED, at=moment)
    wake_next()


def wake_next() -> None:
    """The one that waits longest begins, if none runs."""
    jobs = _open_jobs()
    if not any(job.state == State.RUNNING for job in jobs):
        waiting = [job for job in jobs if job.state == State.QUEUED]
        if waiting:
            send_run(min(waiting, key=lambda job: (job.touched_at or job.made_at, job.pk)).pk)


def send_run(job_id: int) -> None:
    try:
        current_app.send_task(RUN, (job_id,))
    except BrokerAway:  # the broker is away: the sweep sends it again
        logger.warning("import %d waits: the broker cannot be reached", job_id)


@contextmanager
def open_rows(job: ImportJob, *, position: int = 0, line: int = 0) -> Iterator[tuple[tuple[str, ...], Iterator[Row]]]:
    """(columns, rows from a place on) of a job's file. Raises OSError if it is gone."""
    if not job.stored_as:
        raise FileNotFoundError(2, "the file was removed")
    with (folder() / job.stored_as).open("rb") as file:
        if job.kind == ImportJob.Kind.VCARD:
            yield reading_vcard.COLUMNS, reading_vcard.read_cards(file, encoding=guess_encoding(file), position=position, line=line)
        else:
            layout = read_layout(file)
            yield layout.columns, read_rows(file, layout, position=position, line=line)


def layout_of(job: ImportJob) -> Layout | None:
    """How a waiting table is read; None for cards. Raises NotFound if its file is gone."""
    if job.kind == ImportJob.Kind.VCARD:
        return None
    try:
        with (folder() / (job.stored_as or "gone")).open("rb") as file:
            return read_layout(file)
    except OSError:
        raise NotFound("The file is not there any more. Choose it again.") from None


def take_row(job: ImportJob, columns: tuple[str, ...], row: Row, *, choices: Choices) -> Outcome:
    """Take over one row. In the caller's transaction; a refused row leaves nothing behind."""
    if row.problem:
        return Outcome("refused", row.problem)
    values, external_id = read_cells(columns, row.cells, choices.columns)
    system = job.system if external_id else ""
    if external_id and not system:
        if job.kind == ImportJob.Kind.CSV:
            return Outcome("refused", "It is not said whose number this is.")
        external_id = ""  # cards have numbers of their own; without a system they say nothing
    if len(external_id) > 200:
        return Outcome("refused", "The number in the other system is longer than 200 characters.")
    record = PersonRecord(values, system, external_id)
    try:
        person = find_match(record, region=choices.region)
        applied = apply_record(
            record=record,
            source=f"import {job.pk}",
            agent=job.agent,
            profile=person,
            rules={"*": choices.rule},
            region=choices.region,
        )
    except DeskError as error:
        return Outcome("refused", error.message)
    except (OperationalError, InterfaceError):
        raise  # the database is not well: the rows are read again later
    except Exception:
        logger.exception("import %d: line %d could not be stored", job.pk, row.line)
        return Outcome("refused", "This row could not be stored. The log says why.")
    what = "created" if applied.is_new else "updated" if applied.changed else "unchanged"
    return Outcome(what, _left_out(applied), applied.profile, applied.changed)


def _describe(layout: Layout | None) -> dict[str, Any]:
    """What is needed of the file to write its refused rows, once it is gone."""
    return {"header": list(layout.columns) if layout.has_header else [], "delimiter": layout.delimiter} if layout else {}


def _left_out(applied: Applied) -> str:
    """What of a row was not taken as it stands."""
    parts = [f"{mark['field']} “{mark['value'][:60]}”: {mark['problem']}" for mark in applied.marked]
    return f"Taken, but not all of it. {'; '.join(parts)}"[:300] if parts else ""


def _run_chunk(job: ImportJob, columns: tuple[str, ...], rows: Iterator[Row], most: int) -> bool:
    """Some rows and the place behind them, in one transaction. False at the end, or if somebody else is at it."""
    with transaction.atomic():
        held = _lock(job.pk)
        if held.state != State.RUNNING or held.position != job.position:
            return False
        held.agent = job.agent
        choices = read_choices(held)
        until = time.monotonic() + _HELD
        refusals: list[ImportRefusal] = []
        is_over = True
        with put_off() as touched:
            for count, row in enumerate(rows, 1):
                outcome = take_row(held, columns, row, choices=choices)
                setattr(held, outcome.what, getattr(held, outcome.what) + 1)
                if outcome.reason:
                    refusals.append(ImportRefusal(job=held, line=row.line, reason=outcome.reason[:300], raw=clean(row.raw)))
                held.position, held.line = row.end, row.line + row.lines - 1
                if count >= most or time.monotonic() > until:
                    is_over = False
                    break
        if touched:
            let_terms_wait(*touched)
            match_later(*touched)
        ImportRefusal.objects.bulk_create(refusals)
        held.touched_at = current_time()
        if is_over:
            held.position = held.size
            _end(held, State.DONE)
        else:
            held.save()
    job.position, job.line = held.position, held.line
    return not is_over


def _end(job: ImportJob, state: str, *, at: datetime | None = None) -> None:
    """In a transaction that holds the job. The file goes when that is over."""
    stored = job.stored_as
    job.state, job.stored_as, job.ended_at = state, "", at or current_time()
    job.save()
    if stored:
        transaction.on_commit(lambda: (folder() / stored).unlink(missing_ok=True))


def _lock(job_id: int) -> ImportJob:
    job = ImportJob.objects.select_for_update().filter(pk=job_id).first()
    if job is None:
        raise NotFound("There is no such import.")
    return job


def _open_jobs() -> list[ImportJob]:
    """Those that have not ended, of the last weeks: along the index of the newest."""
    recent: Any = ImportJob.objects.filter(made_at__gte=current_time() - _LOOKED_BACK).order_by("-made_at", "-pk")
    return [job for job in recent[:500] if job.state in _OPEN]


def _store(path: Path, parts: Iterable[bytes]) -> None:
    size = 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        for part in parts:
            size += len(part)
            if size > LARGEST:
                raise DeskError(f"The file is larger than {LARGEST // 1024 // 1024} MB. Divide it into several.")
            file.write(part)
    if not size:
        raise DeskError("The file is empty. Choose another one.")
