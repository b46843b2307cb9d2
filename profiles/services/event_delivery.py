"""Events on their way to other systems: spread over the connections, handed out to workers, delivered, tried again for a day.

Each step is one conditional UPDATE. The number of the attempt is the worker's hold on the row: whoever comes back after the row was
given to another one finds another number there, and changes nothing. What arrives twice has the same id, so nothing is lost by that.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta

from celery import current_app
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from profiles.models import Connection, EventDelivery, ExternalRef, ProfileEvent
from profiles.services.changes import read_events
from profiles.services.conflicts import source_of
from profiles.services.remotes import News, Received, RemoteError, remote_of
from profiles.services.telling import find_external_id, write_events
from socialdesk.lib.clock import now as current_time
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import Conflict, NotFound

logger = logging.getLogger(__name__)
State = EventDelivery.State

LEASE = timedelta(seconds=120)  # a worker holds a row; a request ends far sooner
AT_ONCE = 20  # on their way to one connection
IN_TROUBLE = 1  # the same while it is in trouble: somebody looks whether it is back, nobody waits in a queue for it
SPREAD = 500  # events of one connection at a time
MAX_ATTEMPTS = 12
_FIRST_WAIT, _LONGEST_WAIT = 10.0, 6 * 3600.0


def back_off(attempts: int, *, retry_after: float | None = None, chance: float | None = None) -> float:
    """Seconds until the next try: threefold each time up to six hours, so that the last try is about a day after the first; with jitter,
    so that rows do not come back in step. Never sooner than the system asks for."""
    wait = min(_FIRST_WAIT * 3.0 ** (attempts - 1), _LONGEST_WAIT)
    jitter = random.random() if chance is None else chance  # noqa: S311  chance, not a secret
    return max(wait * (0.8 + 0.4 * jitter), min(retry_after or 0.0, _LONGEST_WAIT))


def spread_events(*, now: datetime | None = None) -> int:
    """Make a delivery of every new event for every connection but the one that it is from; how many."""
    made = 0
    for connection in Connection.objects.exclude(state=Connection.State.OFF).only("pk", "system", "told_to"):
        events = read_events(after=connection.told_to, limit=SPREAD)
        if not events:
            continue
        rows = [
            EventDelivery(connection_id=connection.pk, event=event, next_at=now or current_time(), made_at=now or current_time())
            for event in events
            if event.source != source_of(connection)
        ]
        with transaction.atomic():
            # Two who spread at once: the second finds the mark moved, and makes nothing.
            mine = Connection.objects.filter(pk=connection.pk, told_to=connection.told_to)
            if mine.update(told_to=events[-1].number or connection.told_to):
                EventDelivery.objects.bulk_create(rows, ignore_conflicts=True)
                made += len(rows)
    return made


def hand_out(*, connection_id: int | None = None, now: datetime | None = None) -> int:
    """Take what is due, a few of each connection and one of each person at a time, and ask workers to deliver it; how many.

    With `connection_id` of that one alone, as who has just delivered something does: a long queue waits for no clock.
    """
    moment = now or current_time()
    connections = Connection.objects.exclude(state=Connection.State.OFF).only("pk", "state")
    if connection_id is None:
        _revive(moment)
    else:
        connections = connections.filter(pk=connection_id)
    handed = 0
    for connection in connections:
        most = IN_TROUBLE if connection.state == Connection.State.TROUBLED else AT_ONCE
        on_their_way = EventDelivery.objects.filter(connection=connection, state=State.INFLIGHT)[:AT_ONCE].count()
        due = EventDelivery.objects.filter(~Exists(_ahead()), connection=connection, state=State.QUEUED, next_at__lte=moment)
        for pk, attempts in due.order_by("next_at", "pk").values_list("pk", "attempts")[: max(most - on_their_way, 0)]:
            mine = EventDelivery.objects.filter(pk=pk, state=State.QUEUED, attempts=attempts)
            if mine.update(state=State.INFLIGHT, attempts=attempts + 1, claimed_until=moment + LEASE):
                # By name: services stand below tasks and do not import them.
                current_app.send_task("profiles.tasks.deliver_event", (pk, attempts + 1))
                handed += 1
    return handed


def _ahead() -> QuerySet[EventDelivery]:
    """Earlier news of the same person for the same system: it is told one after the other."""
    return EventDelivery.objects.filter(
        connection=OuterRef("connection"),
        event__profile=OuterRef("event__profile"),
        event__lt=OuterRef("event"),
        state__in=(State.QUEUED, State.INFLIGHT),
    )


def _revive(moment: datetime) -> None:
    """Rows whose worker did not come back, or whose task never came."""
    dead = EventDelivery.objects.filter(state=State.INFLIGHT, claimed_until__lt=moment)
    words = "The desk stopped while it was sending this."
    dead.filter(attempts__gte=MAX_ATTEMPTS).update(state=State.FAILED, error=words, claimed_until=None, next_at=None, done_at=moment)
    dead.update(state=State.QUEUED, error=words, claimed_until=None, next_at=moment)


def deliver_event(delivery_id: int, attempt: int, *, now: datetime | None = None) -> int | None:
    """Tell a connection of one event, as this attempt; the connection's id if it took it. Does nothing if somebody else has the row by now.

    Never raises for what a system does.
    """
    moment = now or current_time()
    mine = EventDelivery.objects.filter(pk=delivery_id, state=State.INFLIGHT, attempts=attempt)
    delivery = mine.select_related("event__profile", "event__other").first()
    if delivery is None:
        return None
    connection_id = delivery.connection_id
    try:
        connection = Connection.objects.get(pk=connection_id)
        if connection.state == Connection.State.OFF:
            mine.update(state=State.QUEUED, claimed_until=None, next_at=moment)
            return None
        news = _write(delivery.event, connection)
        received = remote_of(connection).push(news, now=moment)
    except RemoteError as error:
        _record_failure(delivery, attempt, error, moment)
    except UnreadableCredentials as error:
        _record_failure(delivery, attempt, RemoteError(f"Its {error}. Enter them again."), moment)
    except Exception as error:
        logger.exception("event %s to connection %s failed with something that no system did", delivery.event_id, connection_id)
        _record_failure(delivery, attempt, RemoteError(f"The desk failed to send it ({type(error).__name__})."), moment)
    else:
        _record_delivered(delivery, attempt, received, connection, news, moment)
        return connection_id
    return None


def _write(event: ProfileEvent, connection: Connection) -> News:
    payload = write_events([event])[0]
    external_id = find_external_id(payload, connection.system)
    return News({name: value for name, value in payload.items() if name != "external_ids"}, external_id)


def _record_delivered(
    delivery: EventDelivery, attempt: int, received: Received, connection: Connection, news: News, moment: datetime
) -> None:
    with transaction.atomic():
        if received.external_id and news.record is not None:
            ExternalRef.objects.get_or_create(
                system=connection.system,
                external_id=received.external_id,
                defaults={"profile_id": news.profile_id, "made_at": moment},
            )
        mine = EventDelivery.objects.filter(pk=delivery.pk, state=State.INFLIGHT, attempts=attempt)
        mine.update(state=State.DELIVERED, status=received.status, error="", claimed_until=None, next_at=None, done_at=moment)
        note_health(connection.pk, moment=moment)


def note_health(connection_id: int, *, moment: datetime) -> None:
    """The system answered. If it was in trouble, what waits for it waits no longer."""
    troubled = Connection.objects.filter(pk=connection_id, state=Connection.State.TROUBLED)
    if troubled.update(state=Connection.State.OK, last_error=""):
        waiting = EventDelivery.objects.filter(connection=connection_id, state=State.QUEUED, next_at__gt=moment)
        waiting.update(next_at=moment)


def note_trouble(connection_id: int, error: RemoteError) -> None:
    """Say on the connection what is wrong with it; one that wants nothing more is switched off."""
    state = Connection.State.OFF if error.gone else Connection.State.TROUBLED
    running = Connection.objects.filter(pk=connection_id).exclude(state=Connection.State.OFF)
    running.update(state=state, last_error=error.message[:500])


def _record_failure(delivery: EventDelivery, attempt: int, error: RemoteError, moment: datetime) -> None:
    is_over = (error.permanent or attempt >= MAX_ATTEMPTS) and not error.gone
    mine = EventDelivery.objects.filter(pk=delivery.pk, state=State.INFLIGHT, attempts=attempt)
    changed = mine.update(
        state=State.FAILED if is_over else State.QUEUED,
        status=error.status,
        error=error.message[:300],
        claimed_until=None,
        next_at=None if is_over else moment + timedelta(seconds=back_off(attempt, retry_after=error.retry_after)),
        done_at=moment if is_over else None,
    )
    if changed:
        note_trouble(delivery.connection_id, error)


def replay_delivery(*, delivery_id: int, now: datetime | None = None) -> EventDelivery:
    """Send it again, or now rather than later, with the id that it had. Raises NotFound, and Conflict while it is on its way."""
    again = EventDelivery.objects.filter(pk=delivery_id).exclude(state=State.INFLIGHT)
    moment = now or current_time()
    if not again.update(state=State.QUEUED, attempts=0, next_at=moment, done_at=None, error="", status=None):
        if EventDelivery.objects.filter(pk=delivery_id).exists():
            raise Conflict("It is on its way right now. Look again in a moment.")
        raise NotFound("There is no such delivery.")
    return EventDelivery.objects.get(pk=delivery_id)
