"""Reads people in from a CSV or vCard file, by the same way as the page for it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from profiles.models import ImportJob
from profiles.services import importing
from profiles.services.exporting import refused_report
from profiles.services.import_fields import LABELS
from profiles.services.importing import RULES, Choices
from socialdesk.lib.errors import DeskError

SHOWN = 20
_PART = 1_000_000


class Command(BaseCommand):
    help = "Read people in from a CSV or vCard file. Running it twice doubles nobody."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        fields = ", ".join((*LABELS, "custom:<key>"))
        parser.add_argument("--map", nargs="+", action="extend", default=[], metavar="FIELD=COLUMN", help=f"fields: {fields}")
        parser.add_argument("--system", default="", help="whose numbers the column of external_id holds, as in old-crm")
        parser.add_argument("--region", default="", help="country of phone numbers that begin without +, as in DE")
        parser.add_argument(
            "--rule", default="fill", choices=[str(rule) for rule in RULES], help="whether the desk's or the file's word counts"
        )
        parser.add_argument("--refused", type=Path, help="a CSV file for the refused rows and why")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            job = importing.make_job(filename=path.name, parts=_parts(path), agent=None)
            job = self._begin(job, options)
        except DeskError as error:
            raise CommandError(error.message) from None
        except OSError as error:
            raise CommandError(f"cannot read {path}: {error.strerror}") from None
        try:
            job = _run(job, is_quiet=options["verbosity"] == 0)
        except KeyboardInterrupt:
            importing.cancel(job_id=job.pk)
            raise CommandError("stopped. Who was read in stays; run it again for the rest.") from None
        self._report(job, options["refused"])

    def _begin(self, job: ImportJob, options: dict[str, Any]) -> ImportJob:
        try:
            columns = dict(importing.read_choices(job).columns)
            layout = importing.layout_of(job)
            for name, column in _read_pairs(options["map"]):
                if layout is None or column not in layout.columns:
                    there = ", ".join(layout.columns) if layout else "none: it holds cards"
                    raise DeskError(f"--map {name}={column}: the file has no such column. It has: {there}")
                columns = {
                    known: field for known, field in columns.items() if field != name or name in ("emails", "phones", "addresses", "tags")
                }
                columns[column] = name
            choices = Choices(columns, options["rule"], options["region"].upper())
            importing.choose(job_id=job.pk, choices=choices, system=options["system"])
            importing.start(job_id=job.pk, is_sent=False)
            if not importing.claim(job_id=job.pk):
                raise DeskError("Another file is being read in. Wait until it is done, and run this again.")
        except BaseException:
            importing.cancel(job_id=job.pk)
            raise
        job.refresh_from_db()
        return job

    def _report(self, job: ImportJob, refused: Path | None) -> None:
        counts = ((job.created, "new"), (job.updated, "changed"), (job.unchanged, "as before"), (job.refused, "refused"))
        self.stdout.write(f"{sum(n for n, _ in counts):,} rows: " + ", ".join(f"{n:,} {word}" for n, word in counts))
        if refused is not None:
            with refused.open("w", encoding="utf-8", newline="") as file:
                file.writelines(refused_report(job))
            return
        rows = job.refusals.order_by("line", "pk")
        for refusal in rows[:SHOWN]:
            self.stderr.write(f"  line {refusal.line}: {refusal.reason}")
        count = rows.count()
        if count > SHOWN:
            self.stderr.write(f"  and {count - SHOWN:,} more: --refused FILE writes all of them")


def _run(job: ImportJob, *, is_quiet: bool) -> ImportJob:
    with tqdm(total=job.size, desc=job.filename, unit="B", unit_scale=True, file=sys.stderr, disable=is_quiet) as bar:
        is_more = True
        while is_more:
            is_more = importing.run(job_id=job.pk, seconds=1)
            job.refresh_from_db()
            bar.update(job.position - bar.n)
    importing.wake_next()
    if job.state != ImportJob.State.DONE:
        raise CommandError(job.error or "the import was stopped by somebody else.")
    return job


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(_PART):
            yield part


def _read_pairs(pairs: Iterable[str]) -> Iterator[tuple[str, str]]:
    for pair in pairs:
        name, _, column = pair.partition("=")
        if not column:
            raise DeskError(f"--map {pair!r}: write FIELD=COLUMN with a field of {', '.join(LABELS)}")
        yield name, column
