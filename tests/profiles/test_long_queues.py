"""A long queue to one system costs no more than a short one, and holds nobody else up: counted in queries and steps, never in time."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection as database
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from profiles import tasks
from profiles.models import Connection, EventDelivery, Profile, ProfileEvent, Role
from profiles.services import event_delivery
from profiles.services.event_delivery import AT_ONCE, LEASE, LOOKED_AT, STEP_BACK, deliver_event, hand_out, replay_delivery, tell_systems
from profiles.services.remotes import News, Received, RemoteError
from socialdesk.lib.clock import now
from tests.factories import make_agent

pytestmark = pytest.mark.django_db

AT = now() - timedelta(hours=1)  # all of it is due


class Asked(list[tuple[int, int]]):
    """What workers were asked to do. `then` is done at that moment, inside of who asks."""

    then: Callable[[int, int], Any] | None = None

    def __call__(self, name: str, args: tuple[int, int]) -> None:
        self.append(args)
        if self.then is not None:
            self.then(*args)

    @property
    def people(self) -> set[int]:
        return set(EventDelivery.objects.filter(pk__in=[pk for pk, _ in self]).values_list("profile", flat=True))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    asked = Asked()
    monkeypatch.setattr("celery.current_app.send_task", asked)
    return asked


class Remote:
    """A system that takes everything, or refuses as it is told."""

    def __init__(self) -> None:
        self.errors: list[RemoteError | None] = []
        self.told: list[tuple[int, int]] = []  # (person, number of the event)

    def push(self, news: News, *, now: datetime) -> Received:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.told.append((news.profile_id, int(news.payload["number"])))
        return Received(200)


@pytest.fixture
def remote(monkeypatch: pytest.MonkeyPatch) -> Remote:
    remote = Remote()
    monkeypatch.setattr(event_delivery, "remote_of", lambda connection: remote)
    return remote


def connect(system: str = "crm") -> Connection:
    return Connection.objects.create(system=system, name=system, kind="webhook", url="https://crm.example.com", made_at=AT)


def make_people(count: int) -> list[Profile]:
    return Profile.objects.bulk_create([Profile(name=f"P{number}", created_at=AT, terms_at=AT) for number in range(count)], batch_size=500)


def queue(connection: Connection, people: list[Profile], each: int = 1, *, at: datetime = AT) -> list[EventDelivery]:
    """Put `each` events of all these people into the queue, the first of everybody first."""
    last = ProfileEvent.objects.order_by("-number").values_list("number", flat=True).first() or 0
    events = ProfileEvent.objects.bulk_create(
        [
            ProfileEvent(number=last + number, profile=person, kind="changed", fields=["name"], source="agent", at=at)
            for number, person in enumerate(people * each, 1)
        ],
        batch_size=500,
    )
    Connection.objects.update(told_to=last + len(events))
    return EventDelivery.objects.bulk_create(
        [EventDelivery(connection=connection, event=event, profile_id=event.profile_id, next_at=at, made_at=at) for event in events],
        batch_size=500,
    )


def put_back() -> None:
    EventDelivery.objects.filter(state="inflight").update(state="queued", claimed_until=None)


# --- What it costs ------------------------------------------------------------------------------------------------------


class Steps:
    """How many hundreds of steps SQLite went."""

    def __init__(self) -> None:
        self.gone = 0

    def __call__(self) -> int:
        self.gone += 1
        return 0


@contextmanager
def counting_steps() -> Iterator[Steps]:
    steps = Steps()
    database.ensure_connection()
    database.connection.set_progress_handler(steps, 100)
    try:
        yield steps
    finally:
        database.connection.set_progress_handler(None, 0)


def analyze() -> None:
    """What PostgreSQL knows of its tables by itself after a while."""
    if database.vendor == "postgresql":
        with database.cursor() as cursor:
            cursor.execute("ANALYZE profiles_eventdelivery")


def test_a_long_queue_costs_as_many_queries_as_a_short_one_and_holds_up_no_other(asked: Asked) -> None:
    dead, live = connect("dead"), connect("live")
    (last,) = make_people(1)
    people = make_people(5000)
    queue(dead, people[:200])
    queue(live, [last], at=AT + timedelta(seconds=1))
    with CaptureQueriesContext(database) as short:
        assert hand_out() == AT_ONCE + 1
    put_back()
    queue(dead, people[200:], 4)
    queue(dead, people[:200], 4)
    assert EventDelivery.objects.filter(connection=dead).count() > 20_000
    asked.clear()
    with CaptureQueriesContext(database) as long:
        assert hand_out() == AT_ONCE + 1
    assert last.pk in asked.people
    assert len(long) == len(short)
    with CaptureQueriesContext(database) as full:
        assert hand_out() == 0
    assert not [query for query in full.captured_queries if '"waits"' in query["sql"] and f'"connection_id" = {dead.pk}' in query["sql"]]


@pytest.mark.embedded
@pytest.mark.parametrize("each", [1, 20])
def test_a_long_queue_is_as_many_steps_as_a_short_one(asked: Asked, each: int) -> None:
    connection = connect()
    people = make_people(2 * LOOKED_AT)
    queue(connection, people)
    with counting_steps() as short:
        hand_out()
    put_back()
    queue(connection, make_people(8000 // each), each)
    with counting_steps() as long:
        assert hand_out() == AT_ONCE
    assert long.gone <= short.gone + 5


@pytest.mark.embedded
def test_a_queue_of_one_person_is_no_more_steps_either(asked: Asked) -> None:
    connection = connect()
    (person,) = make_people(1)
    costs: list[int] = []
    for count in (2 * LOOKED_AT, 8000):
        put_back()
        queue(connection, [person], count)
        with counting_steps() as steps:
            assert hand_out() == 1
        costs.append(steps.gone)
    assert costs[1] <= costs[0] + 20


def test_a_queue_is_read_along_its_indexes(asked: Asked) -> None:
    connection = connect()
    queue(connection, make_people(1500), 2)
    analyze()
    plans: list[str] = []

    def explain(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
        if "profiles_eventdelivery" in sql and sql.startswith(("SELECT", "UPDATE")):
            with closing(database.connection.cursor()) as cursor:
                if database.vendor == "sqlite":
                    cursor.execute("EXPLAIN QUERY PLAN " + sql.replace("%s", "?"), params)
                else:
                    cursor.execute("EXPLAIN " + sql, params)
                plans.append(sql + "\n" + "\n".join(str(row[-1]) for row in cursor.fetchall()))
        return execute(sql, params, many, context)

    with database.execute_wrapper(explain):
        assert hand_out() == AT_ONCE
    assert not [plan for plan in plans if "SCAN profiles_eventdelivery" in plan.splitlines() or "Seq Scan on" in plan]
    (looked,) = [plan for plan in plans if '"waits"' in plan]
    assert "event_delivery_due" in looked
    assert "event_delivery_of_person" in looked
    assert "Sort" not in looked
    assert "TEMP B-TREE" not in looked


# --- One at a time ------------------------------------------------------------------------------------------------------


def test_who_finds_another_at_it_ends_at_once(asked: Asked) -> None:
    connection = connect()
    queue(connection, make_people(3))
    found: list[int] = []

    def meanwhile(pk: int, attempt: int) -> None:
        with CaptureQueriesContext(database) as queries:
            found.extend((hand_out(), hand_out(connection_id=connection.pk), tell_systems()))
            tasks.tell_systems()
        assert len(queries) == 0

    asked.then = meanwhile
    assert hand_out() == 3
    assert found == [0] * 9
    put_back()
    assert tell_systems() == 3


def test_spreading_overlaps_with_nothing_either(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(connect(), make_people(1))
    found: list[int] = []
    monkeypatch.setattr(event_delivery, "spread_events", lambda now: found.append(tell_systems()))
    assert tell_systems() == 1
    assert found == [0]


def test_one_that_failed_is_in_nobodys_way(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    queue(connect(), make_people(1))

    def fail(pk: int, attempt: int) -> None:
        raise OSError("no broker")

    asked.then = fail
    with pytest.raises(OSError, match="no broker"):
        hand_out()
    asked.then = None
    assert hand_out(now=now() + LEASE + timedelta(seconds=1)) == 1


def test_who_was_taken_for_dead_stops(asked: Asked) -> None:
    for number, person in enumerate(make_people(3)):
        queue(connect(f"crm{number}"), [person])
    asked.then = lambda pk, attempt: cache.clear()
    assert hand_out() == 1
    asked.then = None
    assert hand_out() == 2


# --- Try now ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["ok", "troubled"])
def test_try_now_is_next_however_long_the_queue(client: Client, asked: Asked, remote: Remote, state: str) -> None:
    connection = connect()
    Connection.objects.update(state=state)
    wanted = queue(connection, make_people(3 * LOOKED_AT))[-1]
    client.force_login(make_agent(Role.ADMIN))
    hand_out()
    assert client.post(reverse("delivery_replay", args=[wanted.pk])).status_code == 302
    assert hand_out() == 0
    remote.errors = [RemoteError("It does not answer.")]
    deliver_event(*asked.pop(0))
    asked.clear()
    EventDelivery.objects.filter(state="inflight").update(state="delivered")
    assert hand_out() == 1
    assert [pk for pk, _ in asked] == [wanted.pk]


def test_try_now_takes_the_persons_earlier_news_along(asked: Asked, remote: Remote) -> None:
    connection = connect()
    (person,) = make_people(1)
    queue(connection, make_people(2 * LOOKED_AT))
    mine = queue(connection, [person], 3, at=AT + timedelta(seconds=1))
    EventDelivery.objects.filter(pk=mine[0].pk).update(attempts=3, next_at=now() + timedelta(hours=5))
    other = connect("other")
    queue(other, [person], at=AT + timedelta(seconds=2))
    replay_delivery(delivery_id=mine[1].pk)
    Connection.objects.filter(pk=connection.pk).update(state="troubled")
    for wanted in mine[:2]:
        asked.clear()
        hand_out(connection_id=connection.pk)
        assert asked[0][0] == wanted.pk
        deliver_event(*asked[0])
        EventDelivery.objects.filter(state="inflight").update(state="queued")
    mine[2].refresh_from_db()
    assert mine[2].next_at == AT + timedelta(seconds=1)  # it was not asked for
    assert EventDelivery.objects.get(connection=other).state == "queued"


# --- Order --------------------------------------------------------------------------------------------------------------


def test_who_waits_for_their_own_earlier_news_steps_back_for_others(asked: Asked, remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_delivery, "LOOKED_AT", 20)
    connection = connect()
    person, other = make_people(2)
    mine = queue(connection, [person], 40)
    EventDelivery.objects.filter(pk=mine[0].pk).update(attempts=3, next_at=AT + timedelta(hours=5))
    queue(connection, [other], at=AT + timedelta(seconds=1))
    at = AT + timedelta(seconds=2)
    assert [hand_out(now=at) for _ in range(3)] == [0, 1, 0]
    assert asked.people == {other.pk}
    assert EventDelivery.objects.filter(profile=person, next_at=at + STEP_BACK).count() == 40 - 1
    # Its turn comes, and then all go one after the other, by no clock.
    deliver_event(*asked.pop(), now=at)
    at = AT + timedelta(hours=5)
    EventDelivery.objects.filter(profile=person, attempts=0).update(next_at=at + STEP_BACK)
    while hand_out(now=at):
        deliver_event(*asked.pop(), now=at)
    assert not EventDelivery.objects.exclude(state="delivered").exists()
    numbers = [number for told, number in remote.told if told == person.pk]
    assert numbers == sorted(numbers)
    assert len(numbers) == 40


def test_whose_turn_comes_meanwhile_does_not_step_back(asked: Asked, remote: Remote) -> None:
    connection = connect()
    person, other = make_people(2)
    mine = queue(connection, [person], 2 * LOOKED_AT)
    assert hand_out() == 1
    first = asked.pop()
    theirs = queue(connection, [other], at=AT - timedelta(seconds=1))
    asked.then = lambda pk, attempt: deliver_event(*first)
    assert hand_out() == 1
    assert asked[0][0] == theirs[0].pk
    states = EventDelivery.objects.in_bulk()
    assert states[mine[0].pk].state == "delivered"
    assert states[mine[1].pk].next_at == AT
    assert (states[mine[2].pk].next_at or AT) > AT


def test_one_that_the_system_put_off_waits_whatever_ends_before_it(asked: Asked, remote: Remote) -> None:
    connection = connect()
    (person,) = make_people(1)
    _, second = queue(connection, [person], 2)
    later = now() + timedelta(hours=1)
    EventDelivery.objects.filter(pk=second.pk).update(attempts=1, next_at=later)
    hand_out()
    deliver_event(*asked.pop())
    second.refresh_from_db()
    assert (second.state, second.next_at) == ("queued", later)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_nobody_is_overtaken_by_themselves(
    asked: Asked, remote: Remote, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(event_delivery, "LOOKED_AT", 4)
    monkeypatch.setattr(event_delivery, "AT_ONCE", 3)
    chance = random.Random(seed)
    connections = [connect("one"), connect("two")]
    people = make_people(3)
    at = AT

    def in_order(pk: int, attempt: int) -> None:
        this = EventDelivery.objects.get(pk=pk)
        before = EventDelivery.objects.filter(connection=this.connection_id, event__profile=this.profile_id, event__lt=this.event_id)
        assert not before.filter(state__in=["queued", "inflight"]).exists()
        there = EventDelivery.objects.filter(connection=this.connection_id, state="inflight")
        assert there.count() <= 3

    asked.then = in_order
    for _ in range(60):
        what = chance.choice(["news", "news", "hand out", "hand out", "deliver", "deliver", "refuse", "give up", "die", "wait", "replay"])
        if what == "news":
            queue(chance.choice(connections), chance.sample(people, chance.randint(1, 3)), chance.randint(1, 3), at=at)
        elif what == "hand out":
            hand_out(now=at)
        elif what in ("deliver", "refuse", "give up") and asked:
            error = None if what == "deliver" else RemoteError("No.", permanent=what == "give up")
            remote.errors = [error]
            deliver_event(*asked.pop(chance.randrange(len(asked))), now=at)
        elif what == "die" and asked:
            asked.pop()
            at += LEASE + timedelta(seconds=1)
        elif what == "wait":
            at += timedelta(seconds=chance.choice([1, 61, 7200]))
        elif what == "replay":
            _replay(chance, at)
    for _ in range(40):  # and nothing is left behind
        at += LEASE + timedelta(hours=6)
        while hand_out(now=at):
            while asked:
                deliver_event(*asked.pop(0), now=at)
    assert not EventDelivery.objects.exclude(state__in=["delivered", "failed"]).exists()


def _replay(chance: random.Random, at: datetime) -> None:
    """Of what still waits or is over, but for what would overtake what is on its way already."""
    going = EventDelivery.objects.filter(state="inflight")
    busy = set(going.values_list("connection", "profile"))
    free = [
        row for row in EventDelivery.objects.order_by("pk").exclude(state="inflight") if (row.connection_id, row.profile_id) not in busy
    ]
    if free:
        replay_delivery(delivery_id=chance.choice(free).pk, now=at)
