"""Before a person is erased: files of people that wait to be read in must not bring them back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from django.db import transaction

from profiles.holdings import folded_identifiers, names_somebody
from profiles.models import ImportJob
from profiles.personal import Subject
from profiles.services.importing import folder
from socialdesk.lib.errors import Conflict

_WAITS = "A person in this file was erased. Take them out of it, and choose it again."
_RUNS = "A file with this person in it is being read in at this moment. Wait until it is done, or cancel the import."


def stop(subject: Subject, at: datetime) -> None:
    """A file that names them and waits for a decision is thrown away; while one is being read in, nobody in it is erased."""
    words = folded_identifiers(subject)
    waiting = [ImportJob.State.PREVIEW, ImportJob.State.QUEUED, ImportJob.State.RUNNING]
    for job in ImportJob.objects.select_for_update().filter(state__in=waiting).exclude(stored_as="").order_by("pk"):
        path = folder() / Path(job.stored_as).name
        if not _names(path, words):
            continue
        if job.state != ImportJob.State.PREVIEW:
            raise Conflict(_RUNS)
        job.state, job.stored_as, job.error, job.ended_at = ImportJob.State.CANCELLED, "", _WAITS, at
        job.save(update_fields=["state", "stored_as", "error", "ended_at"])
        transaction.on_commit(lambda path=path: path.unlink(missing_ok=True))  # type: ignore[misc]


def _names(path: Path, words: list[str]) -> bool:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return any(names_somebody(line, words) for line in file)
    except FileNotFoundError:
        return False
