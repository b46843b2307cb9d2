"""The desk as one process: listeners, the Celery worker and its clock as threads beside the web server, and the lock on the data folder."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from pathlib import Path
from typing import IO

from celery.beat import Scheduler, Service
from celery.worker import WorkController

from engagement.models import DELIVERY_WAITING, Delivery
from engagement.services.delivery import sweep
from listening.models import Backfill, Source
from socialdesk.celery import app
from socialdesk.lib.clock import now
from socialdesk.lib.conditions import any_of
from socialdesk.listeners import Listeners

logger = logging.getLogger(__name__)
QUEUES = "desk,delivery,intake"
THREADS = 6  # tasks wait for networks and for SQLite's one writer more than they compute
LISTENER_SECONDS = 0.5  # what connections to networks get to close; what they had brought is taken in, the rest is read again
CLOCK_SECONDS = 2.5  # it sleeps for one at most
STOP_SECONDS = 1.5  # what a task that is under way gets when the desk stops


class CannotStart(Exception):
    """The desk cannot start. The message says why and what to do, in one line."""


class FolderLock:
    """Keeps a second desk off the same data folder. The system lets go of it when the process ends, however it ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "desk.lock"
        self._file: IO[str] | None = None

    def take(self) -> None:
        """Raises CannotStart if the folder cannot be written or another desk runs on it."""
        folder = self._path.parent
        try:
            self._file = self._path.open("a+")
        except OSError as error:
            raise CannotStart(f"The data folder {folder} cannot be written: {error.strerror}. Give another with SOCIALDESK_DATA.") from None
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            owner = self._file.read().strip() or "unknown"
            raise CannotStart(f"Another desk (process {owner}) runs on {folder}. Stop it, or give another SOCIALDESK_DATA.") from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


class Work:
    """The listeners, the worker and the clock. Tasks live in memory only: rows are the truth, so what a stop loses the next start finds."""

    def __init__(self) -> None:
        app.conf.worker_enable_remote_control = False
        self._worker = WorkController(
            app=app,
            pool="threads",
            concurrency=THREADS,
            queues=QUEUES,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
        self._worker_thread = threading.Thread(target=self._worker.start, name="worker", daemon=True)
        # The stock scheduler keeps a file; after a restart everything here is due at once anyway.
        self._clock = Service(app, max_interval=1, scheduler_cls=Scheduler)
        self._clock_thread = threading.Thread(target=self._clock.start, name="clock", daemon=True)
        self._listeners = Listeners()

    @property
    def is_alive(self) -> bool:
        return self._worker_thread.is_alive() and self._clock_thread.is_alive() and self._listeners.is_alive

    def start(self) -> None:
        self._listeners.start()
        self._worker_thread.start()
        self._clock_thread.start()

    def stop(self) -> bool:
        """Stop the listeners and the clock, then the worker. False if something did not end in time: the caller must leave without
        waiting for it."""
        all_closed = self._listeners.stop(LISTENER_SECONDS)
        self._clock.stop()
        stopping = threading.Thread(target=self._worker.stop, name="worker-stop", daemon=True)
        stopping.start()
        stopping.join(STOP_SECONDS)
        self._clock_thread.join(CLOCK_SECONDS)
        return all_closed and not stopping.is_alive() and not self._clock_thread.is_alive()


running: Work | None = None  # asked by /readyz


def resume() -> None:
    """Go on where the last run of this folder stopped, however it stopped: nobody else can still hold what it had begun."""
    Delivery.objects.filter(state=Delivery.State.INFLIGHT).update(claimed_until=now())
    Delivery.objects.filter(any_of("state", DELIVERY_WAITING)).update(told_at=None)  # whoever was told of them forgot it
    Source.objects.exclude(polled_until=None).update(polled_until=None)
    Source.objects.filter(kind=Source.Kind.STREAM).update(connected_at=None)
    Backfill.objects.exclude(held_until=None).update(held_until=None)
    sweep()
