"""The pages where admins connect other systems: secrets are shown once, the log is paged by key, and what can be done is done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from profiles.models import Connection, EventDelivery, ProfileEvent, Role
from profiles.services.connections import make_connection
from profiles.services.event_delivery import deliver_event, hand_out, spread_events
from profiles.services.records import PersonRecord, apply_record
from profiles.services.signing import make_secret
from tests.factories import make_agent
from tests.profiles.receiver import Receiver, receiving

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(make_agent(Role.ADMIN))
    return client


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    with receiving() as receiver:
        yield receiver


def connect(url: str, **options: Any) -> Connection:
    given = {"system": "crm", "name": "The CRM", "kind": "webhook", "url": url, "settings": {}, "rules": {}, **options}
    return make_connection(**given, agent=make_agent(Role.ADMIN))


def fill(url: str, **changes: str) -> dict[str, str]:
    return {"name": "The CRM", "system": "crm", "url": url, "their_secret": "", "rule_*": "newest", **changes}


def test_a_connection_is_made_and_its_secret_shown_once(admin: Client, there: Receiver) -> None:
    theirs = make_secret()
    answer = admin.post("/connections/new/webhook/", fill(there.url, their_secret=theirs, rule_name="ours"))
    made = Connection.objects.get()
    assert made.credentials["their_secret"] == theirs
    assert made.rules == {"*": "newest", "name": "ours"}
    assert made.credentials["secret"] in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    for path in ("/connections/", f"/connections/{made.pk}/", f"/connections/{made.pk}/log/"):
        page = admin.get(path)
        assert page.status_code == 200
        for secret in made.credentials.values():
            assert secret not in page.content.decode()
            assert secret.removeprefix("whsec_") not in page.content.decode()


def test_what_is_wrong_is_said_and_nothing_is_kept(admin: Client, there: Receiver) -> None:
    wrong = [
        fill("https://127.0.0.2/hook"),
        fill("http://crm.example.com/"),
        fill(there.url, system="Not A Slug"),
        fill(there.url, name=" "),
        fill(there.url, their_secret="guess"),
        fill(there.url, **{"rule_*": "coin"}),
    ]
    for form in wrong:
        answer = admin.post("/connections/new/webhook/", form)
        assert answer.status_code == 422
        assert "Nothing was saved yet" in answer.content.decode()
    assert not Connection.objects.exists()


@pytest.mark.parametrize("system", ["Shop", "shop 2", "shop_2", "-shop", "shop--2", "größe"])
def test_what_a_short_name_is_made_of_is_said(admin: Client, there: Receiver, system: str) -> None:
    page = admin.post("/connections/new/webhook/", fill(there.url, system=system)).content.decode()
    assert page.count("Small letters, digits and hyphens, as in shop-2.") == 1
    assert "slug" not in page
    assert not Connection.objects.exists()


def test_a_short_name_is_used_once(admin: Client, there: Receiver) -> None:
    connect(there.url)
    answer = admin.post("/connections/new/webhook/", fill(there.url))
    assert answer.status_code == 422
    assert "Choose another one" in answer.content.decode()


def test_a_secret_that_is_left_empty_stays(admin: Client, there: Receiver) -> None:
    made = connect(there.url, settings={"their_secret": make_secret()})
    before = dict(made.credentials)
    answer = admin.post(f"/connections/{made.pk}/", fill(there.url, name="Another name", rule_emails="fill"))
    assert answer.status_code == 302
    made.refresh_from_db()
    assert (made.name, made.system, made.credentials) == ("Another name", "crm", before)
    assert made.rules["emails"] == "fill"


def test_salesforce_is_connected_with_what_it_needs(admin: Client, settings: Any) -> None:
    form = fill("https://example.my.salesforce.com", client_id="key", client_secret="word", mapping="company = Company__c\n")
    assert admin.post("/connections/new/salesforce/", {**form, "client_secret": ""}).status_code == 422
    assert admin.post("/connections/new/salesforce/", {**form, "mapping": "company"}).status_code == 422
    assert admin.post("/connections/new/salesforce/", form).status_code == 302
    made = Connection.objects.get()
    page = admin.get(f"/connections/{made.pk}/").content.decode()
    assert "company = Company__c" in page
    assert "word" not in [value for value in page.split('"') if value == "word"]
    kept = {**form, "client_secret": "", "mapping": "company = Company__c"}
    assert admin.post(f"/connections/{made.pk}/", kept).status_code == 302
    made.refresh_from_db()
    assert made.credentials["client_secret"] == "word"


def test_it_is_tested_switched_and_removed(admin: Client, there: Receiver) -> None:
    made = connect(there.url)
    assert "took a test message" in admin.post(f"/connections/{made.pk}/test/", follow=True).content.decode()
    there.answers = [500]
    assert "HTTP 500" in admin.post(f"/connections/{made.pk}/test/", follow=True).content.decode()
    made.refresh_from_db()
    assert made.state == "troubled"
    admin.post(f"/connections/{made.pk}/switch/", {"to": "off"})
    made.refresh_from_db()
    assert made.state == "off"
    admin.post(f"/connections/{made.pk}/switch/", {"to": "on"})
    made.refresh_from_db()
    assert made.state == "ok"
    apply_record(record=PersonRecord({"name": "Mara"}), source="agent")
    spread_events()
    admin.post(f"/connections/{made.pk}/remove/")
    assert not Connection.objects.exists()
    assert ProfileEvent.objects.count() == 1


def test_a_new_secret_replaces_the_old_one(admin: Client, there: Receiver) -> None:
    made = connect(there.url)
    before = made.credentials["secret"]
    page = admin.post(f"/connections/{made.pk}/secret/").content.decode()
    made.refresh_from_db()
    assert made.credentials["secret"] != before
    assert made.credentials["secret"] in page


def test_a_connection_under_another_key_is_shown_and_can_be_removed(admin: Client, there: Receiver, settings: Any) -> None:
    made = connect(there.url)
    settings.SECRET_KEY = "another key than the one before, long enough"
    admin.force_login(make_agent(Role.ADMIN))
    assert "The CRM" in admin.get("/connections/").content.decode()
    assert "another secret key" in admin.get(f"/connections/{made.pk}/").content.decode()
    assert admin.get(f"/connections/{made.pk}/log/").status_code == 200
    admin.post(f"/connections/{made.pk}/remove/")
    assert not Connection.objects.exists()


@pytest.mark.parametrize("count", [3, 60])
def test_the_log_has_a_fixed_number_of_queries_and_pages_by_key(
    admin: Client, there: Receiver, django_assert_max_num_queries: Any, count: int
) -> None:
    made = connect(there.url)
    for number in range(count):
        apply_record(record=PersonRecord({"name": f"P{number}"}), source="agent")
    spread_events()
    seen: list[int] = []
    path = f"/connections/{made.pk}/log/"
    while path:
        with django_assert_max_num_queries(7):
            page = admin.get(path)
        seen += [delivery.pk for delivery in page.context["deliveries"]]
        following = page.context["next"]
        path = f"/connections/{made.pk}/log/?after={following}" if following else ""
    assert seen == sorted(EventDelivery.objects.values_list("pk", flat=True), reverse=True)
    assert admin.get(f"/connections/{made.pk}/log/?after=x").status_code == 400


def test_an_entry_of_the_log_is_sent_again(admin: Client, there: Receiver) -> None:
    connect(there.url)
    apply_record(record=PersonRecord({"name": "Mara"}), source="agent")
    spread_events()
    delivery = EventDelivery.objects.get()
    EventDelivery.objects.update(state="failed", attempts=12, next_at=None)
    answer = admin.post(reverse("delivery_replay", args=[delivery.pk]), follow=True)
    assert "same id" in answer.content.decode()
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("queued", 0)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.ADMIN])
def test_nobody_but_admins_sees_connections(client: Client, role: str) -> None:
    client.force_login(make_agent(role))
    for path in ("/connections/", "/connections/new/webhook/", "/connections/1/", "/connections/1/log/"):
        assert client.get(path).status_code == 403


@pytest.mark.embedded
def test_lists_are_found_along_indexes(admin: Client, there: Receiver) -> None:
    from tests.test_indexes import no_scan

    made = connect(there.url)
    for path in ("/connections/", f"/connections/{made.pk}/log/", f"/connections/{made.pk}/log/?after=99"):
        with no_scan():
            assert admin.get(path).status_code == 200
    apply_record(record=PersonRecord({"name": "Mara"}), source="agent")
    with no_scan():
        spread_events()
        hand_out()
        for delivery in EventDelivery.objects.filter(state="inflight", connection=made):
            deliver_event(delivery.pk, delivery.attempts)
    assert len(there.came) == 1
    assert EventDelivery.objects.get().state == "delivered"
