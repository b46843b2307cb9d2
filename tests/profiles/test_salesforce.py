"""Salesforce, over HTTPS against its documented wire format: written to, read from, and what it refuses."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.models import Connection, ContactPoint, EventDelivery, ExternalRef, Profile, ProfileEvent, Role
from profiles.services import salesforce
from profiles.services.connections import check_connection, make_connection, pull_connection, pull_due
from profiles.services.edit import edit_profile
from profiles.services.erasure import erase_person
from profiles.services.event_delivery import deliver_event, hand_out, spread_events
from profiles.services.records import PersonRecord, apply_record, write_record
from profiles.services.salesforce_fields import check_mapping, from_salesforce, to_salesforce
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.factories import make_agent
from tests.profiles.salesforce_simulator import CLIENT, SECRET, Salesforce, running

pytestmark = pytest.mark.django_db


@pytest.fixture
def org(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Salesforce]:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    with running(tmp_path) as (org, certificate):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        org.at = now() - timedelta(minutes=1)
        yield org


@pytest.fixture
def crm(org: Salesforce) -> Connection:
    made = connect(org)
    pull_connection(made.pk)  # from now on
    return made


def connect(org: Salesforce, **settings: str) -> Connection:
    return make_connection(
        system="salesforce",
        name="Salesforce",
        kind="salesforce",
        url=org.url,
        settings={"client_id": CLIENT, "client_secret": SECRET, **settings},
        rules={},
        agent=make_agent(Role.ADMIN),
    )


def work(monkeypatch: pytest.MonkeyPatch, *, later: float = 0) -> None:
    """Tell what is to be told."""
    asked: list[Any] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args: asked.append(args))
    moment = now() + timedelta(seconds=later)
    spread_events(now=moment)
    while hand_out(now=moment):
        while asked:
            deliver_event(*asked.pop(0), now=moment)


def make_person(**values: Any) -> Profile:
    return apply_record(record=PersonRecord({"name": "Mara Köhler", **values}), source="agent").profile


def test_a_person_becomes_a_contact_with_our_number_and_we_keep_theirs(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    person = make_person(emails=["mara@example.com", "second@example.com"], phones=["+49 30 23125123"])
    work(monkeypatch)
    (contact,) = org.contacts.values()
    assert (contact["FirstName"], contact["LastName"], contact["Email"]) == ("Mara", "Köhler", "mara@example.com")
    assert (contact["Phone"], contact["SocialDeskId__c"]) == ("+493023125123", str(person.pk))
    assert ExternalRef.objects.get().external_id == contact["Id"]

    edit_profile(profile_id=person.pk, changes={"name": "Mara Kern"}, source="agent", agent=None)
    work(monkeypatch)
    assert len(org.contacts) == 1
    assert contact["LastName"] == "Kern"


def test_the_same_event_twice_leaves_one_contact(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    make_person()
    work(monkeypatch)
    ExternalRef.objects.all().delete()  # as if the answer had been lost
    EventDelivery.objects.update(state="queued", attempts=0, next_at=now())
    work(monkeypatch)
    assert len(org.contacts) == 1
    assert ExternalRef.objects.count() == 1


def test_a_contact_that_is_made_there_becomes_a_person_here_and_is_not_told_back(
    org: Salesforce, crm: Connection, monkeypatch: Any
) -> None:
    pk = org.write(FirstName="Ana", LastName="Duarte", Email="ana@example.com")
    assert pull_connection(crm.pk) == 1
    person = Profile.objects.get()
    assert (person.name, ExternalRef.objects.get().external_id) == ("Ana Duarte", pk)
    assert ProfileEvent.objects.get().source == "system:salesforce"
    asked = len(org.asked)
    work(monkeypatch)
    assert len(org.asked) == asked
    assert pull_connection(crm.pk) == 0


def test_an_edit_there_arrives_here_and_one_here_arrives_there(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    pk = org.write(FirstName="Ana", LastName="Duarte")
    pull_connection(crm.pk)
    person = Profile.objects.get()
    edit_profile(profile_id=person.pk, changes={"name": "Ana D."}, source="agent", agent=None)
    work(monkeypatch)
    assert org.contacts[pk]["LastName"] == "D."
    assert org.contacts[pk]["SocialDeskId__c"] == str(person.pk)
    org.at = now()
    org.write(pk, LastName="Dias")
    assert pull_connection(crm.pk) == 1
    assert Profile.objects.get().name == "Ana Dias"


def test_what_we_wrote_there_ourselves_is_no_news(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    """Theirs is shorter than ours: a last name of 80 characters, one e-mail of three."""
    name = "Mara " + "K" * 120
    person = make_person(name=name, emails=["a@example.com", "b@example.com", "c@example.com"])
    work(monkeypatch)
    assert pull_connection(crm.pk) == 0
    written = write_record(Profile.objects.get(pk=person.pk))
    assert (written["name"], len(written["emails"])) == (name, 3)


def test_a_field_that_is_still_on_its_way_there_is_not_overwritten_from_there(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    pk = org.write(FirstName="Ana", LastName="Duarte")
    pull_connection(crm.pk)
    person = Profile.objects.get()
    edit_profile(profile_id=person.pk, changes={"name": "Ana Here"}, source="agent", agent=None)
    org.at = now() + timedelta(seconds=5)
    org.write(pk, Email="new@example.com")  # their row is newer now, with the old name in it
    pull_connection(crm.pk)
    assert Profile.objects.get().name == "Ana Here"
    assert ContactPoint.objects.get().value == "new@example.com"
    work(monkeypatch)
    assert org.contacts[pk]["LastName"] == "Here"


def test_an_e_mail_that_is_replaced_there_is_replaced_here_and_nobody_elses_is(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    pk = org.write(LastName="Duarte", Email="old@example.com")
    pull_connection(crm.pk)
    person = Profile.objects.get()
    apply_record(record=PersonRecord({"emails": ["old@example.com", "ours@example.com"]}), source="agent", profile=person)
    org.write(pk, Email="new@example.com")
    pull_connection(crm.pk)
    assert set(write_record(person)["emails"]) == {"ours@example.com", "new@example.com"}
    work(monkeypatch)
    assert org.contacts[pk]["Email"] == "new@example.com"


def test_many_changes_of_one_moment_are_all_read(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    monkeypatch.setattr(salesforce, "PAGE", 4)
    for number in range(11):
        org.write(LastName=f"P{number}")
    for contact in org.contacts.values():
        contact["SystemModstamp"] = org.at
    assert pull_connection(crm.pk) == 11
    assert Profile.objects.count() == 11
    org.write(LastName="Later")
    assert pull_connection(crm.pk) == 1


def test_a_change_that_becomes_visible_late_is_not_missed(org: Salesforce, crm: Connection) -> None:
    """Their clock stamps a row when it is written, and shows it when its transaction ends."""
    late = org.write(LastName="Late")
    hidden = org.contacts.pop(late)
    org.write(LastName="Early")
    pull_connection(crm.pk)
    org.contacts[late] = hidden
    assert pull_connection(crm.pk) == 1
    assert set(Profile.objects.values_list("name", flat=True)) == {"Early", "Late"}


def test_an_expired_token_is_renewed_without_anybody_noticing(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    org.tokens.clear()
    make_person()
    work(monkeypatch)
    assert EventDelivery.objects.get().state == "delivered"
    assert len(org.contacts) == 1


def test_wrong_credentials_are_said_and_never_shown(org: Salesforce, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    crm = connect(org, client_secret="a wrong secret")
    with pytest.raises(DeskError, match="does not know the consumer key") as refused:
        check_connection(connection_id=crm.pk)
    crm.refresh_from_db()
    assert crm.state == Connection.State.TROUBLED
    for text in (refused.value.message, crm.last_error, caplog.text):
        assert "a wrong secret" not in text
        assert CLIENT not in text


def test_the_daily_limit_is_waited_for(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    org.requests_left = 0
    make_person()
    work(monkeypatch)
    delivery = EventDelivery.objects.get()
    assert (delivery.state, delivery.status) == ("queued", 403)
    assert "limit" in delivery.error
    assert delivery.next_at
    assert delivery.next_at > now() + timedelta(minutes=10)
    org.requests_left = 100
    work(monkeypatch, later=3600)
    assert len(org.contacts) == 1


@pytest.mark.parametrize(
    ("mapping", "words"),
    [("company = Firma__c", "INVALID_FIELD"), ("do_not_contact = Title", "JSON_PARSER_ERROR")],
)
def test_a_mapping_that_does_not_fit_is_said_by_name_and_not_tried_for_a_day(
    org: Salesforce, monkeypatch: Any, mapping: str, words: str
) -> None:
    connect(org, mapping=mapping)
    make_person(company="Tidewheel")
    work(monkeypatch)
    delivery = EventDelivery.objects.get()
    assert delivery.state == "failed"
    assert words in delivery.error


def test_a_contact_that_was_deleted_there_is_not_made_anew(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    person = make_person()
    work(monkeypatch)
    org.delete(ExternalRef.objects.get().external_id)
    edit_profile(profile_id=person.pk, changes={"name": "Mara K."}, source="agent", agent=None)
    work(monkeypatch)
    assert EventDelivery.objects.order_by("-pk")[0].state == "failed"
    assert not org.contacts


def test_two_contacts_with_our_number_are_left_to_people(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    person = make_person()
    for _ in range(2):
        org.write(LastName="Twice", SocialDeskId__c=str(person.pk))
    work(monkeypatch)
    assert "Merge them there" in EventDelivery.objects.get().error


def test_somebody_erased_here_is_left_to_them_and_never_taken_in_again(org: Salesforce, crm: Connection, monkeypatch: Any) -> None:
    never_pushed = org.write(LastName="From there")
    pull_connection(crm.pk)
    from_there = Profile.objects.get()
    ours = make_person()
    work(monkeypatch)
    for person in (ours, from_there):
        erase_person(profile_id=person.pk, agent=None)
    asked = len(org.asked)
    work(monkeypatch)
    assert len(org.asked) == asked
    org.at = now()
    for pk in list(org.contacts):
        org.write(pk, LastName="Still there")
    assert never_pushed in org.contacts
    assert pull_connection(crm.pk) == 0
    assert Profile.objects.count() == 2


def test_a_custom_mapping_is_written_and_read(org: Salesforce, monkeypatch: Any) -> None:
    crm = connect(org, mapping="company = Company__c\ntags = Title")
    pull_connection(crm.pk)
    person = make_person(company="Tidewheel", tags=["VIP", "Kiel"])
    work(monkeypatch)
    (contact,) = org.contacts.values()
    assert (contact["Company__c"], contact["Title"], contact["Email"]) == ("Tidewheel", "Kiel; VIP", None)
    org.at = now() + timedelta(seconds=5)
    org.write(contact["Id"], Company__c="Sold")
    pull_connection(crm.pk)
    assert Profile.objects.get(pk=person.pk).company == "Sold"


@pytest.mark.parametrize(
    "pairs", [{"name": "Title"}, {"shoe": "Title"}, {"company": "Title; DROP"}, {"company": "Id"}, {"company": "A", "tags": "A"}]
)
def test_a_mapping_that_cannot_be_is_refused(pairs: dict[str, str]) -> None:
    with pytest.raises(DeskError):
        check_mapping(pairs)


@given(st.text(max_size=120).map(lambda text: " ".join(text.split())).filter(lambda name: all(len(part) < 40 for part in name.split())))
def test_a_name_that_fits_comes_back_as_it_was(name: str) -> None:
    contact = to_salesforce({"name": name}, {})
    if len(contact["FirstName"] or "") < 40 and name != "Unknown":
        assert from_salesforce(contact, {}).get("name", "") == name


def test_one_look_at_a_time(org: Salesforce, crm: Connection) -> None:
    Connection.objects.update(polled_at=None)
    at = now()
    assert pull_due(now=at) == [crm.pk]
    assert pull_due(now=at + timedelta(seconds=5)) == []
    assert pull_due(now=at + timedelta(seconds=31)) == [crm.pk]


def test_a_good_connection_says_so(org: Salesforce, crm: Connection) -> None:
    assert "let us in" in check_connection(connection_id=crm.pk)
