"""Events on their way to other systems: told once each, in order, tried for a day, and never back to where they are from."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from profiles import tasks
from profiles.models import Agent, Connection, EventDelivery, ExternalRef, Profile, Role
from profiles.services import event_delivery
from profiles.services.connections import check_connection, list_connections, make_connection, switch_connection
from profiles.services.edit import edit_profile
from profiles.services.event_delivery import LEASE, MAX_ATTEMPTS, back_off, deliver_event, hand_out, replay_delivery, spread_events
from profiles.services.records import PersonRecord, apply_record
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError
from tests.factories import make_agent
from tests.profiles.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What workers were asked to do."""
    asked: list[tuple[int, int]] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args: asked.append(args))
    return asked


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def admin() -> Agent:
    return make_agent(Role.ADMIN)


def connect(url: str, system: str = "crm", agent: Agent | None = None) -> Connection:
    return make_connection(
        system=system, name=system.title(), kind="webhook", url=url, settings={}, rules={}, agent=agent or make_agent(Role.ADMIN)
    )


def make_person(name: str = "Mara", source: str = "agent") -> Profile:
    return apply_record(record=PersonRecord({"name": name}), source=source).profile


def run(handed: list[tuple[int, int]], *, at: datetime | None = None) -> int:
    """Let the desk work until nothing is due at that moment."""
    done = 0
    moment = at or now()
    spread_events(now=moment)
    while hand_out(now=moment):
        while handed:
            deliver_event(*handed.pop(0), now=moment)
            done += 1
    return done


def test_a_change_is_told_once_signed_and_as_the_person_is_now(there: Receiver, handed: list[Any]) -> None:
    connection = connect(there.url)
    person = make_person()
    edit_profile(profile_id=person.pk, changes={"company": "Tidewheel"}, source="agent", agent=None)

    assert run(handed) == 2
    assert run(handed) == 0
    created, changed = there.payloads
    assert (created["kind"], changed["kind"]) == ("created", "changed")
    assert created["number"] < changed["number"]
    assert changed["fields"] == ["company"]
    assert created["record"] == changed["record"]
    assert changed["record"]["company"] == "Tidewheel"
    assert set(changed["changed_at"]) == {"name", "company"}
    assert changed["profile"] == person.pk
    assert "external_ids" not in changed
    assert all(one.is_signed_with(connection.credentials["secret"]) for one in there.came)
    assert {one.headers["webhook-id"] for one in there.came} == {created["id"], changed["id"]}


def test_nothing_is_told_to_where_it_is_from(there: Receiver, handed: list[Any]) -> None:
    connect(there.url, "crm")
    with_shop = connect(there.url.replace("/hook", "/shop"), "shop")
    make_person(source="system:crm")
    assert run(handed) == 1
    assert EventDelivery.objects.get().connection == with_shop


def test_what_was_before_the_connection_is_not_told_unless_asked_for(there: Receiver, handed: list[Any], admin: Agent) -> None:
    make_person()
    connect(there.url)
    assert run(handed) == 0
    make_connection(system="all", name="All", kind="webhook", url=there.url, settings={}, rules={}, agent=admin, from_start=True)
    assert run(handed) == 1


def test_somebody_erased_is_told_without_a_record(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    person = make_person()
    Profile.objects.filter(pk=person.pk).update(erased_at=now(), name="", sources={})
    run(handed)
    assert there.payloads[0]["record"] is None
    assert there.payloads[0]["changed_at"] == {}


def test_the_number_that_the_system_gave_the_person_goes_along(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    person = make_person()
    ExternalRef.objects.create(profile=person, system="crm", external_id="c-7", made_at=now())
    ExternalRef.objects.create(profile=person, system="shop", external_id="s-9", made_at=now())
    run(handed)
    assert there.payloads[0]["external_id"] == "c-7"
    assert "s-9" not in there.came[0].body.decode()


def test_a_failure_is_tried_again_with_the_same_id_and_then_all_is_well(there: Receiver, handed: list[Any]) -> None:
    connection = connect(there.url)
    there.answers = [503, 500]
    make_person()
    at = now()
    run(handed, at=at)
    connection.refresh_from_db()
    assert connection.state == Connection.State.TROUBLED
    assert "503" in connection.last_error
    delivery = EventDelivery.objects.get()
    assert (delivery.state, delivery.status, delivery.attempts) == ("queued", 503, 1)
    assert delivery.next_at
    assert at < delivery.next_at <= at + timedelta(seconds=12)

    assert run(handed, at=at + timedelta(seconds=1)) == 0
    run(handed, at=at + timedelta(seconds=13))
    run(handed, at=at + timedelta(seconds=60))
    delivery.refresh_from_db()
    connection.refresh_from_db()
    assert (delivery.state, delivery.error, connection.state, connection.last_error) == ("delivered", "", "ok", "")
    assert len({one.headers["webhook-id"] for one in there.came}) == 1
    assert len({one.headers["webhook-timestamp"] for one in there.came}) == 3


def test_after_a_day_it_is_given_up_and_the_log_says_why(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    there.answers = [500] * 50
    make_person()
    began = at = now()
    while (delivery := EventDelivery.objects.first()) is None or delivery.state == "queued":
        run(handed, at=at)
        at = EventDelivery.objects.get().next_at or at
    assert (delivery.state, delivery.attempts) == ("failed", MAX_ATTEMPTS)
    assert timedelta(hours=18) < at - began < timedelta(hours=34)
    assert delivery.error == "It answered HTTP 500: it failed."


def test_the_waits_grow_to_hours_and_make_about_a_day() -> None:
    waits = [back_off(attempt, chance=0.5) for attempt in range(1, MAX_ATTEMPTS)]
    assert waits == sorted(waits)
    assert 23 * 3600 < sum(waits) < 30 * 3600
    assert (back_off(1, chance=0.0), round(back_off(1, chance=1.0))) == (8, 12)
    assert back_off(1, retry_after=600, chance=0.5) == 600
    assert back_off(1, retry_after=9e9, chance=0.5) == 6 * 3600


def test_410_switches_it_off_and_switching_on_goes_on_from_there(there: Receiver, handed: list[Any]) -> None:
    connection = connect(there.url)
    there.answers = [410]
    make_person()
    run(handed)
    connection.refresh_from_db()
    assert connection.state == Connection.State.OFF
    make_person("Later")
    assert run(handed) == 0
    switch_connection(connection_id=connection.pk, is_on=True)
    run(handed, at=now() + timedelta(hours=1))
    assert [payload["record"]["name"] for payload in there.payloads] == ["Mara", "Mara", "Later"]


def test_news_of_one_person_wait_for_each_other_and_not_for_others(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    connection = Connection.objects.get()
    person, other = make_person(), make_person("Other")
    edit_profile(profile_id=person.pk, changes={"company": "Tidewheel"}, source="agent", agent=None)
    spread_events()
    assert hand_out() == 2
    assert {EventDelivery.objects.get(pk=pk).event.profile_id for pk, _ in handed} == {person.pk, other.pk}
    assert hand_out() == 0
    handed.clear()
    assert connection.deliveries.filter(state="queued").count() == 1


def test_a_system_in_trouble_is_not_knocked_at_by_everybody(there: Receiver, handed: list[Any]) -> None:
    connection = connect(there.url)
    for number in range(30):
        make_person(f"P{number}")
    Connection.objects.filter(pk=connection.pk).update(state="troubled")
    spread_events()
    assert hand_out() == 1
    assert hand_out() == 0
    Connection.objects.filter(pk=connection.pk).update(state="ok")
    assert hand_out() == event_delivery.AT_ONCE - 1


def test_a_long_queue_waits_for_no_clock(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    for number in range(event_delivery.AT_ONCE * 3):
        make_person(f"P{number}")
    tasks.tell_systems()
    while handed:
        tasks.deliver_event(*handed.pop(0))
        assert len(handed) <= event_delivery.AT_ONCE
    assert len(there.came) == event_delivery.AT_ONCE * 3


def test_a_queue_that_is_refused_is_not_run_through_at_once(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    there.answers = [503] * 100
    for number in range(event_delivery.AT_ONCE * 3):
        make_person(f"P{number}")
    tasks.tell_systems()
    while handed:
        tasks.deliver_event(*handed.pop(0))
    assert len(there.came) == event_delivery.AT_ONCE


def test_a_worker_that_died_is_replaced_and_changes_nothing_when_it_comes_back(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    make_person()
    at = now()
    spread_events(now=at)
    hand_out(now=at)
    lost = handed.pop()
    later = at + LEASE + timedelta(seconds=1)
    assert hand_out(now=later) == 1
    deliver_event(*lost, now=later)
    assert not there.came
    deliver_event(*handed.pop(), now=later)
    assert len(there.came) == 1
    assert EventDelivery.objects.get().state == "delivered"


def test_a_replay_has_the_same_id(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    make_person()
    run(handed)
    delivery = EventDelivery.objects.get()
    replay_delivery(delivery_id=delivery.pk)
    run(handed)
    assert len(there.came) == 2
    assert len({one.headers["webhook-id"] for one in there.came}) == 1


def test_what_is_on_its_way_is_not_replayed(there: Receiver, handed: list[Any]) -> None:
    connect(there.url)
    make_person()
    spread_events()
    hand_out()
    with pytest.raises(Conflict):
        replay_delivery(delivery_id=EventDelivery.objects.get().pk)


@pytest.mark.parametrize(
    ("answer", "words"),
    [((302, {"Location": "http://127.0.0.1:1/"}), "another address"), (401, "does not know our signature"), (404, "nothing is there")],
)
def test_what_went_wrong_is_said_in_words(there: Receiver, handed: list[Any], answer: Any, words: str) -> None:
    connect(there.url)
    there.answers = [answer]
    make_person()
    run(handed)
    assert words in EventDelivery.objects.get().error


def test_a_private_address_is_refused_when_it_is_asked(there: Receiver, handed: list[Any], settings: Any) -> None:
    connect(there.url)
    settings.OUTBOUND_PRIVATE = []
    make_person()
    run(handed)
    assert not there.came
    assert "https" in EventDelivery.objects.get().error


def test_a_private_address_is_refused_when_it_is_entered() -> None:
    for url in ("https://127.0.0.1/hook", "https://[::1]/", "https://169.254.169.254/latest/", "http://crm.example.com/"):
        with pytest.raises(DeskError):
            connect(url)


def test_a_test_message_changes_nothing(there: Receiver) -> None:
    connection = connect(there.url)
    assert check_connection(connection_id=connection.pk) == "It took a test message (HTTP 204)."
    assert there.payloads[0]["type"] == "test"
    there.answers = [500]
    with pytest.raises(DeskError, match="500"):
        check_connection(connection_id=connection.pk)


def test_neither_secrets_nor_people_are_in_the_log_or_in_the_rows(
    there: Receiver, handed: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret_path = there.url + "?token=in-the-address"
    connection = connect(secret_path)
    there.answers = [500, (302, {"Location": "/"})]
    make_person("Unmistakable Name")
    run(handed)
    run(handed, at=now() + timedelta(hours=1))
    said = caplog.text + "".join(f"{delivery.error}" for delivery in EventDelivery.objects.all()) + Connection.objects.get().last_error
    for hidden in (connection.credentials["secret"], connection.credentials["secret"][6:], "Unmistakable Name"):
        assert hidden not in said


def test_the_list_of_connections_is_one_query_and_holds_no_secret(there: Receiver, django_assert_num_queries: Any, admin: Agent) -> None:
    for number in range(5):
        connect(there.url, f"crm{number}", admin)
    with django_assert_num_queries(1):
        found = list_connections()
    assert all("credentials" in one.get_deferred_fields() for one in found)
