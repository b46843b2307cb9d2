"""People over the API: written by another system's numbers, and what changed since a place, of which nothing is missed."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from profiles.models import ContactLook, FieldRight, Profile, ProfileEvent, Role
from profiles.services.changes import note_change, read_events
from profiles.services.edit import edit_profile
from profiles.services.records import PersonRecord, apply_record
from socialdesk.lib.clock import now
from tests.factories import make_agent


@pytest.fixture
def lead(client: Client, db: None) -> Client:
    client.force_login(make_agent(Role.LEAD))
    return client


def put(client: Client, values: dict[str, Any], external_id: str = "7") -> Any:
    return client.put(f"/api/profiles/by-external/crm/{external_id}/", data=values, content_type="application/json")


def test_a_person_is_made_and_then_found_by_the_systems_number(lead: Client) -> None:
    first = put(lead, {"name": "Mara", "emails": ["mara@example.com"], "phones": ["0"]})
    assert first.status_code == 201
    assert first.json() == {
        "id": Profile.objects.get().pk,
        "created": True,
        "changed": ["emails", "name", "phones"],
        "kept": [],
        "marked": [{"field": "phones", "value": "0", "problem": "no possible number"}],
    }
    again = put(lead, {"name": "Mara", "emails": ["mara@example.com"]})
    assert again.status_code == 200
    assert again.json() == {"id": Profile.objects.get().pk, "created": False, "changed": [], "kept": [], "marked": []}
    assert ProfileEvent.objects.count() == 1


def test_what_is_sent_without_a_time_is_of_now_and_empties_a_field_too(lead: Client) -> None:
    person = put(lead, {"name": "Mara", "company": "Tidewheel"}).json()["id"]
    edit_profile(profile_id=person, changes={"company": "Ours"}, source="agent", agent=None)
    assert put(lead, {"company": ""}).json()["changed"] == ["company"]


def test_a_system_lifts_the_do_not_contact_that_it_set(lead: Client) -> None:
    put(lead, {"do_not_contact": True})
    assert Profile.objects.get().do_not_contact_at
    assert put(lead, {"do_not_contact": False}).json()["changed"] == ["do_not_contact"]
    assert Profile.objects.get().do_not_contact_at is None


def test_an_older_value_is_answered_with_ours(lead: Client) -> None:
    put(lead, {"name": "Mara"})
    answer = put(lead, {"name": "Old", "changed_at": {"name": "2020-01-01T00:00:00Z"}})
    assert answer.json()["kept"] == [{"field": "name", "ours": "Mara", "theirs": "Old", "rule": "newest"}]


@pytest.mark.parametrize(
    "values",
    [
        [],
        {"shoe": 1},
        {"changed_at": 1},
        {"custom": "x"},
        {"name": "x", "changed_at": {"name": "soon"}},
        {"changed_at": {"shoe": "2026-01-01"}},
    ],
)
def test_what_cannot_be_read_is_refused_in_words(lead: Client, values: Any) -> None:
    answer = put(lead, values)
    assert answer.status_code == 400
    assert answer.json()["detail"]


def test_a_list_is_no_name(lead: Client) -> None:
    put(lead, {"name": "Mara"})
    answer = put(lead, {"name": ["x"], "company": "Acme"})
    assert answer.json()["marked"] == [{"field": "name", "value": "['x']", "problem": "name is text."}]
    person = Profile.objects.get(pk=answer.json()["id"])
    assert (person.name, person.company) == ("Mara", "Acme")


def test_an_odd_system_name_is_refused(lead: Client) -> None:
    assert lead.put("/api/profiles/by-external/c%20rm/7/", data={}, content_type="application/json").status_code == 400


@pytest.mark.parametrize("role", [Role.AGENT, Role.MARKETING])
def test_only_leaders_read_and_write_everybody(client: Client, db: None, role: str) -> None:
    client.force_login(make_agent(role))
    assert put(client, {"name": "Mara"}).status_code == 403
    assert client.get("/api/profiles/changes/").status_code == 403


def test_the_feed_goes_on_from_its_last_number(lead: Client) -> None:
    for number in range(5):
        put(lead, {"name": f"P{number}"}, external_id=str(number))
    first = lead.get("/api/profiles/changes/?page_size=3").json()
    second = lead.get(f"/api/profiles/changes/?page_size=3&after={first['last']}").json()
    third = lead.get(f"/api/profiles/changes/?after={second['last']}").json()
    assert [event["record"]["name"] for event in first["results"] + second["results"]] == ["P0", "P1", "P2", "P3", "P4"]
    assert (first["more"], second["more"], third) == (True, False, {"results": [], "last": second["last"], "more": False})
    assert first["results"][0]["external_ids"] == {"crm": "0"}


def test_who_reads_coordinates_in_the_feed_is_written_down(lead: Client) -> None:
    put(lead, {"name": "Mara", "emails": ["mara@example.com"], "phones": ["+49 30 23125123"]})
    FieldRight.objects.create(role=Role.LEAD, field="phone", may_see=False)
    (event,) = lead.get("/api/profiles/changes/").json()["results"]
    assert "phones" not in event["record"]
    assert [(look.kind, look.where) for look in ContactLook.objects.all()] == [("email", "api")]


@pytest.mark.parametrize("after", ["x", "-1", "1" * 30, "٣"])
def test_a_place_that_is_none_is_refused(lead: Client, after: str) -> None:
    assert lead.get("/api/profiles/changes/", {"after": after}).status_code == 400


@pytest.mark.parametrize("count", [3, 30])
def test_a_page_of_the_feed_has_a_fixed_number_of_queries(lead: Client, django_assert_max_num_queries: Any, count: int) -> None:
    for number in range(count):
        put(lead, {"name": f"P{number}", "emails": [f"p{number}@example.com"], "tags": [f"t{number}"]}, external_id=str(number))
    read_events(after=0, limit=1)  # numbers what waits
    with django_assert_max_num_queries(16):
        assert len(lead.get("/api/profiles/changes/").json()["results"]) == count


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="one writer at a time on SQLite: nothing commits out of order")
def test_a_reader_misses_nothing_that_commits_out_of_order() -> None:
    """The event with the lower id commits last, after the reader has been past its place."""
    person = Profile.objects.create(created_at=now())
    written, seen_by_reader, go_on = threading.Event(), [], threading.Event()

    def write_slowly() -> None:
        with transaction.atomic():
            note_change(profile=person, fields=["name"], source="slow")
            written.set()
            assert go_on.wait(60)
        connection.close()

    slow = threading.Thread(target=write_slowly)
    slow.start()
    assert written.wait(60)
    note_change(profile=person, fields=["company"], source="quick")
    first = read_events(after=0, limit=100)
    seen_by_reader += [event.source for event in first]
    assert seen_by_reader == ["quick"]
    go_on.set()
    slow.join()
    seen_by_reader += [event.source for event in read_events(after=first[-1].number or 0, limit=100)]
    assert seen_by_reader == ["quick", "slow"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="one writer at a time on SQLite")
def test_readers_at_once_miss_and_double_nothing() -> None:
    people = [Profile.objects.create(created_at=now()) for _ in range(4)]
    done = threading.Event()
    seen: list[list[int]] = [[], []]

    def write(person: Profile) -> None:
        for number in range(25):
            with transaction.atomic():
                note_change(profile=person, fields=[f"f{number}"], source="test")
        connection.close()

    def read(into: list[int]) -> None:
        last = 0
        while True:
            is_last = done.is_set()
            for event in read_events(after=last, limit=7):
                last = event.number or 0
                into.append(event.pk)
            if is_last and not read_events(after=last, limit=1):
                break
        connection.close()

    readers = [threading.Thread(target=read, args=(into,)) for into in seen]
    writers = [threading.Thread(target=write, args=(person,)) for person in people]
    for thread in readers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    everything = set(ProfileEvent.objects.values_list("pk", flat=True))
    assert len(everything) == 100
    assert all(len(into) == 100 and set(into) == everything for into in seen)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="one writer at a time on SQLite")
def test_the_same_new_person_from_two_requests_at_once_is_one() -> None:
    at_once = threading.Barrier(4)
    made: list[int] = []

    def write() -> None:
        at_once.wait(60)
        made.append(apply_record(record=PersonRecord({"name": "Mara", "tags": ["vip"]}, "crm", "7"), source="system:crm").profile.pk)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 4
    assert len(set(made)) == 1
    assert Profile.objects.count() == 1
