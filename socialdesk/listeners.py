"""Keeps one open connection to every network that pushes: each held by one process of the installation, and taken in as it comes.

The row of a source says who holds its connection: `polled_until` is a lease that is renewed while it lasts, so that another process takes
over soon after one died. What was not pushed meanwhile is read by the account's other source, at once after every connect.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import DatabaseError, close_old_connections, connections
from django.db.models import Q, QuerySet

from listening.models import NetworkAccount, Source
from listening.services import hearing
from listening.services.renewal import renew_account
from listening.services.words import find_words
from socialdesk.lib import leases
from socialdesk.lib.clock import now
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, AccountConfig, Batch, NetworkError, Stream
from socialdesk.reading import config_of, take_batch

logger = logging.getLogger(__name__)
ROUND = 1.0  # seconds between two looks at what should be listened to
LEASE = timedelta(seconds=30)
RENEW = 10.0  # seconds between two renewals of a lease
QUIET = 90.0  # seconds without a batch, not even an empty one, after which a connection is taken for dead
STUCK = 20.0  # seconds after which a connection that does not close is given up
PULSE = 10.0  # seconds between two notes that a quiet connection holds
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 300.0  # between two tries to connect
STEADY = 60.0  # seconds that a connection must have held for the next try to be the first again


class Line(threading.Thread):
    """One connection: what it brings is taken in until the network ends it or `close` is called. It never raises."""

    def __init__(self, source_id: int, lease: leases.Lease, tries: int) -> None:
        super().__init__(name=f"stream {source_id}", daemon=True)
        self.source_id = source_id
        self.lease = lease
        self.tries = tries  # how often connecting failed before
        self.renewed_at = self.heard_at = time.monotonic()
        self.closed_at: float | None = None
        self.config: AccountConfig | None = None
        self._held_since: float | None = None
        self._noted_at = 0.0
        self._stream: Stream | None = None
        self._lock = threading.Lock()  # over the lease

    def close(self) -> None:
        """End soon. What has come already is taken in."""
        if self.closed_at is None:
            self.closed_at = time.monotonic()
        stream = self._stream
        if stream is not None:
            with suppress(Exception):  # it may have ended by itself, in whatever state
                stream.close()

    def _closes(self) -> bool:
        return self.closed_at is not None

    def renew(self) -> bool:
        """Hold on for another LEASE. False if another process has taken over."""
        with self._lock:
            held = self.lease.renew()
        if held:
            self.renewed_at = time.monotonic()
        return held

    def run(self) -> None:
        try:
            self._listen()
        except DatabaseError:
            # The cursor has not moved; what was pushed is read again.
            logger.exception("what came over stream %s was not taken in: the database did not take it", self.source_id)
        finally:
            with suppress(DatabaseError):
                self._release()
            connections.close_all()

    def _release(self) -> None:
        with self._lock:
            self.lease.release(connected_at=None)

    def _listen(self) -> None:
        source = Source.objects.filter(pk=self.source_id).first()
        if source is None:
            return
        try:
            self._hear(source)
            trouble = NetworkError("The network closed the connection.", retryable=True, code="unreachable")
        except UnreadableCredentials as error:
            trouble = hearing.unreadable(error)
        except NetworkError as error:
            trouble = error
        except DatabaseError:
            self._note(source, NetworkError("The desk's database did not take what came.", retryable=True))
            raise
        except Exception as error:
            trouble = hearing.connector_fault(error)
        finally:
            if self._stream is not None:
                with suppress(Exception):
                    self._stream.close()
        if self.closed_at is not None:
            return
        if self._was_steady():
            self.tries = 0
        if trouble.code == EXPIRED and self._renew_sign_in(source):
            return
        self._note(source, trouble)

    def _hear(self, source: Source) -> None:
        account = source.account
        make = registry.get(source.network).stream
        if account is None or make is None:
            return
        self.config = config_of(account)
        self._stream = make(self.config)
        if self._closes():
            return
        for batch in self._stream.listen(source.cursor):
            self.heard_at = time.monotonic()
            close_old_connections()
            if self._held_since is None:
                self._held_since = self.heard_at
                hearing.note_connected(source.pk, account_id=account.pk)
            self._take(batch, source)
            if self._closes():
                return

    def _take(self, batch: Batch, source: Source) -> None:
        is_empty = not (batch.posts or batch.messages or batch.unreadable)
        if is_empty and self.heard_at - self._noted_at < PULSE:
            return
        take_batch(batch, source=source, cursor=batch.cursor or None)
        self._noted_at = self.heard_at

    def _renew_sign_in(self, source: Source) -> bool:
        """Fresh credentials: the next round connects with them. Not over and over: a network may call every sign-in ended."""
        if self.tries or self.config is None or source.account_id is None:
            return False
        try:
            renew_account(source.account_id, used=self.config.credentials)
        except NetworkError as error:
            self._note(source, error)
        self.tries += 1
        return True

    def _was_steady(self) -> bool:
        return self._held_since is not None and self.heard_at - self._held_since >= STEADY

    def _note(self, source: Source, trouble: NetworkError) -> None:
        source.failures = Source.objects.filter(pk=source.pk).values_list("failures", flat=True).first() or 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self.tries, 10)) * random.uniform(0.5, 1.0)  # noqa: S311 - only spreads them
        hearing.note_trouble(source, trouble, pause=pause)
        self.tries += 1


class Listeners:
    """All connections of this process. `run` until `stop`; each round opens, renews and closes what has to be."""

    def __init__(self) -> None:
        self._lines: dict[int, Line] = {}
        self._tries: dict[int, int] = {}
        self._stopping = threading.Event()
        self._leaves = False
        self._thread = threading.Thread(target=self.run, name="listeners", daemon=True)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def run(self) -> None:
        is_away = False
        try:
            while not (self._leaves or self._stopping.is_set()):
                try:
                    close_old_connections()
                    self.look()
                    is_away = False
                except DatabaseError:
                    if not is_away:
                        logger.exception("the database is away: connections to networks are kept for as long as their leases last")
                    is_away = True
                    self._close_overdue()
                self._stopping.wait(ROUND)
        finally:
            connections.close_all()

    def leave(self) -> None:
        """Let `run` end within a round. Safe in a signal handler, which may come in the middle of waiting for the event: to set that
        there would wait for ever."""
        self._leaves = True

    def stop(self, seconds: float) -> bool:
        """Close everything. False if something was still open after so long: then nobody need wait for it."""
        deadline = time.monotonic() + seconds
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(seconds)
        for line in self._lines.values():
            line.close()
        for line in self._lines.values():
            line.join(max(0.05, deadline - time.monotonic()))
        return not any(line.is_alive() for line in self._lines.values())

    def look(self) -> None:
        """One round."""
        wanted = set(_wanted().values_list("pk", flat=True))
        terms = find_words().terms if self._lines else ()
        for pk, line in list(self._lines.items()):
            if not line.is_alive():
                self._tries[pk] = line.tries
                del self._lines[pk]
            elif line.closed_at is not None:
                self._wait_for(line)
            elif pk not in wanted or not self._holds(line, terms):
                line.close()
        free = _wanted().filter(_free(now()))
        for pk in list(free.exclude(pk__in=self._lines).values_list("pk", flat=True)):
            lease = leases.take(free, pk=pk, field="polled_until", length=LEASE)
            if lease is not None:
                line = self._lines[pk] = Line(pk, lease, self._tries.get(pk, 0))
                line.start()

    def _holds(self, line: Line, terms: tuple[str, ...]) -> bool:
        """Whether a connection should go on as it is. Its terms and credentials are those that it was opened with."""
        if line.config is None:
            return True
        if time.monotonic() - line.heard_at > QUIET:
            logger.warning("stream %s was silent for too long and is opened anew", line.source_id)
            return False
        if line.config.terms != terms:
            return False
        if time.monotonic() - line.renewed_at < RENEW:
            return True
        return line.renew() and not _has_changed(line)

    def _wait_for(self, line: Line) -> None:
        """It closes. One that does not is given up, so that its lease ends and somebody opens another."""
        line.close()
        if line.closed_at is not None and time.monotonic() - line.closed_at > STUCK:
            logger.error("stream %s does not close; another connection takes its place", line.source_id)
            del self._lines[line.source_id]

    def _close_overdue(self) -> None:
        for line in self._lines.values():
            if line.lease.until < now():
                line.close()


def _wanted() -> QuerySet[Source]:
    """The sources that should be listened to."""
    streaming = [network.key for network in registry.NETWORKS.values() if network.stream is not None]
    sound = Q(account__state=NetworkAccount.State.OK, account__removed_at=None)
    return Source.objects.filter(sound, kind=Source.Kind.STREAM, is_active=True, removed_at=None, network__in=streaming)


def _free(moment: datetime) -> Q:
    """Nobody holds its connection, and it is time to try."""
    return leases.is_free("polled_until", moment) & (Q(next_poll_at=None) | Q(next_poll_at__lte=moment))


def _has_changed(line: Line) -> bool:
    """Whether the account is another one than the connection was opened for: connected anew, or renewed where its stream needs that."""
    try:
        account = NetworkAccount.objects.filter(sources=line.source_id).first()
    except UnreadableCredentials:
        return True
    return account is None or line.config is None or _needed(line.config) != _needed(config_of(account))


def _needed(config: AccountConfig) -> AccountConfig:
    """The part of it that matters to its network's stream."""
    part = registry.get(config.network).stream_needs
    return config if part is None else part(config)
