"""Events on their way to other systems: spread over the connections, handed out to workers, delivered, tried again for a day.

A queue may be long: who looks for what is next reads a piece of it, along an index, and only one worker looks at a time.

Each step is one conditional UPDATE. The number of the attempt is the worker's hold on the row: whoever comes back after the row was
given to another one finds another number there, and changes nothing. What arrives twice has the same id, so nothing is lost by that.
"""

from __future__ import annotations

import logging
import random
from contextlib import AbstractContextManager
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
from socialdesk.lib.conditions import any_of
from socialdesk.lib.encrypted import UnreadableCredentials
from socialdesk.lib.errors import Conflict, NotFound
from socialdesk.lib.turns import Turn, only_one

logger = logging.getLogger(__name__)
State = EventDelivery.State
WAITING = (State.QUEUED, State.INFLIGHT)

LEASE = timedelta(seconds=120)  # a worker holds a row; a request ends far sooner
AT_ONCE = 20  # on their way to one connection
IN_TROUBLE = 1  # the same while it is in trouble: somebody looks whether it is back, nobody waits in a queue for it
LOOKED_AT = 100  # of a connection's queue in one go
STEP_BACK = timedelta(seconds=60)  # for who stands in the way of others and cannot go; see `_step_back`
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
            EventDelivery(
                connection_id=connection.pk,
                event=event,
                profile_id=event.profile_id,
                next_at=now or current_time(),
                made_at=now or current_time(),
            )
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


def tell_systems(*, now: datetime | None = None) -> int:
    """What changed goes on its way to all connections; how many were handed out. Does nothing while another worker is at it."""
    with _turn() as turn:
        if turn is None:
            return 0
        spread_events(now=now)
        return _hand_out(turn, None, now or current_time()) if turn.renew() else 0


def hand_out(*, connection_id: int | None = None, now: datetime | None = None) -> int:
    """Take what is due, a few of each connection and one of each person at a time, and ask workers to deliver it; how many.

    With `connection_id` of that one alone, as who has just delivered something does: a long queue waits for no clock. Does nothing while
    another worker is at it; the clock comes again.
    """
    with _turn() as turn:
        return 0 if turn is None else _hand_out(turn, connection_id, now or current_time())


def _turn() -> AbstractContextManager[Turn | None]:
    return only_one("hand_out", seconds=int(LEASE.total_seconds()))


def _hand_out(turn: Turn, connection_id: int | None, moment: datetime) -> int:
    connections = Connection.objects.exclude(state=Connection.State.OFF).only("pk", "state")
    if connection_id is None:
        _revive(moment)
    else:
        connections = connections.filter(pk=connection_id)
    handed = 0
    for connection in connections:
        if not turn.renew():
            break  # it took so long that another worker does it by now
        handed += _hand_out_to(connection, moment)
    return handed


def _hand_out_to(connection: Connection, moment: datetime) -> int:
    most = IN_TROUBLE if connection.state == Connection.State.TROUBLED else AT_ONCE
    room = most - EventDelivery.objects.filter(connection=connection, state=State.INFLIGHT)[:AT_ONCE].count()
    if room <= 0:
        return 0
    due = EventDelivery.objects.filter(connection=connection, state=State.QUEUED, next_at__lte=moment).order_by("next_at", "pk")
    # A list, so that nobody still reads while it is written: a reader who never ends lets SQLite's log grow.
    looked_at = list(due.annotate(waits=Exists(_ahead())).values_list("pk", "attempts", "waits")[:LOOKED_AT])
    handed = 0
    for pk, attempts, waits in looked_at:
        mine = EventDelivery.objects.filter(pk=pk, state=State.QUEUED, attempts=attempts)
        if not waits and mine.update(state=State.INFLIGHT, attempts=attempts + 1, claimed_until=moment + LEASE):
            # By name: services stand below tasks and do not import them.
            current_app.send_task("profiles.tasks.deliver_event", (pk, attempts + 1))
            handed += 1
            if handed == room:
                return handed
    if len(looked_at) == LOOKED_AT:
        _step_back([pk for pk, _, waits in looked_at if waits], moment)
    return handed


def _ahead() -> QuerySet[EventDelivery]:
    """Earlier news of the same person for the same system: it is told one after the other."""
    return EventDelivery.objects.filter(
        any_of("state", WAITING),
        connection=OuterRef("connection"),
        profile=OuterRef("profile"),
        event__lt=OuterRef("event"),
    )


def _step_back(waiting: list[int], moment: datetime) -> None:
    """These fill the head of a long queue and wait for earlier news of the same people: let those behind them be seen.

    They come again after a while, or as soon as it is their turn (`_let_next_follow`), whichever is sooner.
    """
    still = EventDelivery.objects.filter(Exists(_ahead()), pk__in=waiting, state=State.QUEUED)
    still.update(next_at=moment + STEP_BACK)


def _let_next_follow(delivery: EventDelivery, moment: datetime) -> None:
    """This one is over: the next of the same person has its place in the queue, if it stepped back meanwhile.

    One that was tried already waits for its own reasons, as the system may have asked for it.
    """
    later = EventDelivery.objects.filter(
        any_of("state", WAITING), connection=delivery.connection_id, profile=delivery.profile_id, event__gt=delivery.event_id
    )
    stepped_back = EventDelivery.objects.filter(state=State.QUEUED, attempts=0, next_at__gt=moment)
    stepped_back.filter(pk=later.order_by("event").values("pk")[:1]).update(next_at=min(delivery.next_at or moment, moment))


def _revive(moment: datetime) -> None:
    """Rows whose worker did not come back, or whose task never came."""
    dead = EventDelivery.objects.filter(state=State.INFLIGHT, claimed_until__lt=moment)
    if not dead.exists():
        return  # looked at every two seconds, and an UPDATE of nothing waits for SQLite's one writer too
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
        if mine.update(state=State.DELIVERED, status=received.status, error="", claimed_until=None, next_at=None, done_at=moment):
            _let_next_follow(delivery, moment)
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
        if is_over:
            _let_next_follow(delivery, moment)
        note_trouble(delivery.connection_id, error)


def replay_delivery(*, delivery_id: int, now: datetime | None = None) -> EventDelivery:
    """Send it again, or now rather than later, with the id that it had. Raises NotFound, and Conflict while it is on its way.

    It is the next one in the queue of its connection, however long that is; what the same person's earlier news still wait for, waits no
    longer, since it cannot go before them.
    """
    moment = now or current_time()
    again = EventDelivery.objects.filter(pk=delivery_id).first()
    if again is None:
        raise NotFound("There is no such delivery.")
    place = _first_place(again.connection_id, moment)
    with transaction.atomic():
        mine = EventDelivery.objects.filter(pk=delivery_id).exclude(state=State.INFLIGHT)
        if not mine.update(state=State.QUEUED, attempts=0, next_at=place, done_at=None, error="", status=None):
            raise Conflict("It is on its way right now. Look again in a moment.")
        earlier = EventDelivery.objects.filter(connection=again.connection_id, profile=again.profile_id, event__lt=again.event_id)
        earlier.filter(state=State.QUEUED).update(next_at=place)
    again.refresh_from_db()
    return again


def _first_place(connection_id: int, moment: datetime) -> datetime:
    """A moment before that of everything due in this queue, which is what puts somebody at its head."""
    due = EventDelivery.objects.filter(connection=connection_id, state=State.QUEUED, next_at__lte=moment)
    first: datetime | None = due.order_by("next_at", "pk").values_list("next_at", flat=True).first()
    return moment if first is None else first - timedelta(microseconds=1)
