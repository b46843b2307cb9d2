"""Background work of reading people in. Each task calls one service."""

from __future__ import annotations

from celery import shared_task

from profiles.services import importing


@shared_task
def run_import(job_id: int) -> None:
    """A slice of an import, and the next one after it."""
    if not importing.claim(job_id=job_id):
        return
    if importing.run(job_id=job_id):
        importing.send_run(job_id)
    else:
        importing.wake_next()


@shared_task
def resume_imports() -> None:
    importing.resume()
