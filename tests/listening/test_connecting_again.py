"""Accounts that are connected: once more, checked, removed and listed; their history and their sources."""

from __future__ import annotations

import html
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client

from engagement.models import Delivery
from engagement.services.send import send_reply
from listening.models import Backfill, Mention, NetworkAccount, Source
from listening.services import connecting
from listening.services.accounts import mark_revoked
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import Grant, Network, NetworkError
from tests.engagement.desk import Desk, work
from tests.factories import make_account, make_agent, make_post, push
from tests.listening.pages import count_queries, sign_in, text_of
from tests.listening.practice import Account, Connector, Server, practice

pytestmark = pytest.mark.django_db
State = NetworkAccount.State


# --- Connected again ----------------------------------------------------------------------------------------------------


def connect_typed(there: Server, account: Account | None = None, client: Client | None = None) -> Any:
    token = there.make_token(account or there.accounts[0])["token"]
    return (client or sign_in(Role.ADMIN)).post("/accounts/connect/practice/", {"token": token}, follow=True)


def test_a_revoked_account_connected_again_keeps_its_history_and_is_read_on(typed: Connector, there: Server) -> None:
    connect_typed(there)
    account = NetworkAccount.objects.get()
    source = Source.objects.create(account=account, network="practice", kind=Source.Kind.POLL, name="x", cursor="c9", failures=7)
    paused = Source.objects.create(account=account, network="practice", kind=Source.Kind.FILE, name="y", is_active=False)
    push(make_post(network="practice"), source=source)
    before = account.credentials
    mark_revoked(account_id=account.pk, reason="HTTP 401")
    there.accounts[0].username = "tidewheel_bikes"  # it was renamed there meanwhile
    connect_typed(there)
    account.refresh_from_db()
    assert NetworkAccount.objects.count() == 1
    assert (account.state, account.state_reason, account.username) == (State.OK, "", "tidewheel_bikes")
    assert account.credentials != before
    source.refresh_from_db()
    assert (source.cursor, source.failures, source.account) == ("c9", 0, account)
    assert source.next_poll_at is not None
    assert source.next_poll_at <= now()
    paused.refresh_from_db()
    assert not paused.is_active
    assert Mention.objects.get().conversation.account_id == account.pk  # type: ignore[union-attr]


def test_an_account_that_was_there_by_name_only_is_the_same_one(typed: Connector, there: Server) -> None:
    known = make_account("practice", "tidewheel")
    connect_typed(there)
    assert NetworkAccount.objects.get().pk == known.pk
    known.refresh_from_db()
    assert known.external_id == "u1"


def test_credentials_under_a_lost_key_are_replaced(typed: Connector, there: Server) -> None:
    connect_typed(there)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE listening_networkaccount SET credentials = 'gAAAAAunreadable'")
    client = sign_in(Role.ADMIN)
    assert client.get("/accounts/").status_code == 200
    account_id = NetworkAccount.objects.values_list("pk", flat=True).get()
    assert "another secret key" in text_of(client.post(f"/accounts/{account_id}/check/", follow=True))
    connect_typed(there, client=client)
    assert NetworkAccount.objects.get().credentials["token"] in there.tokens


def test_a_name_that_another_account_of_ours_bears_is_not_taken_from_it(typed: Connector, there: Server) -> None:
    connect_typed(there)
    page = connect_typed(there, Account("u2", "tidewheel"))
    assert "Another account of ours is called @tidewheel on Practice" in text_of(page)
    assert NetworkAccount.objects.get().external_id == "u1"


def test_the_first_connection_begins_what_is_read(there: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: dict[str, Any] = {"reader": lambda config: None}
    monkeypatch.setitem(registry.NETWORKS, "practice", practice(Connector(there, by_redirect=False), **reads))
    connect_typed(there)
    assert list(Source.objects.values_list("kind", "interval", "name")) == [("poll", 30, "@tidewheel")]
    connect_typed(there)
    assert Source.objects.count() == 1
    told = practice(Connector(there, by_redirect=False), **reads, stream=lambda config: None)
    monkeypatch.setitem(registry.NETWORKS, "practice", told)
    connect_typed(there, Account("u2", "care"))
    care = Source.objects.filter(account__username="care")
    assert sorted(care.values_list("kind", "interval")) == [("poll", 60), ("stream", 60)]
    connect_typed(there)  # the first one is told from now on too
    assert Source.objects.filter(account__username="tidewheel", kind="stream").count() == 1


def test_an_account_that_may_not_be_told_is_read_often_until_it_may(there: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    connector = Connector(there, by_redirect=False)
    told = practice(connector, reader=lambda config: None, stream=lambda config: None)
    monkeypatch.setitem(registry.NETWORKS, "practice", told)
    monkeypatch.setattr(connector, "_grant", lambda token: Grant("u1", "tidewheel", cannot={"streams": "The app has no key for it."}))
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    assert list(Source.objects.values_list("kind", "interval")) == [("poll", 30)]
    monkeypatch.setattr(connector, "_grant", lambda token: Grant("u1", "tidewheel"))
    client.post(f"/accounts/{NetworkAccount.objects.get().pk}/check/")
    assert sorted(Source.objects.values_list("kind", flat=True)) == ["poll", "stream"]


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_connect_the_same_account_at_once_make_one_row(typed: Connector, there: Server) -> None:
    token = there.make_token(there.accounts[0])["token"]
    admins = [make_agent(Role.ADMIN) for _ in range(4)]
    barrier = threading.Barrier(len(admins))
    ends: list[int] = []

    def work(agent: Agent) -> None:
        try:
            (found,) = connecting.sign_in(network="practice", values={"token": token}, agent=agent, redirect_uri="")
            barrier.wait(30)
            ends.append(connecting.connect_account(network="practice", connected=found, agent=agent).pk)
        finally:
            connections.close_all()

    workers = [threading.Thread(target=work, args=[agent]) for agent in admins]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=90)
    assert ends == [NetworkAccount.objects.get().pk] * len(admins)


# --- Checked, removed ---------------------------------------------------------------------------------------------------


def test_checking_shows_what_the_network_allows_now(typed: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    there.accounts[0].scopes = "read write"
    NetworkAccount.objects.update(sign_in_until=now())
    page = client.post(f"/accounts/{account.pk}/check/", follow=True)
    assert NetworkAccount.objects.get().sign_in_until is None  # this network says nothing of an end
    assert "Private messages: unavailable" in text_of(page)
    assert not NetworkAccount.objects.get().capabilities.direct_message
    there.accounts[0].scopes = "read write direct"
    client.post(f"/accounts/{account.pk}/check/")
    assert NetworkAccount.objects.get().capabilities.direct_message


def test_checking_finds_out_that_access_was_taken_away_and_given_back(typed: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    token = account.credentials["token"]
    there.revoked.add(token)
    page = client.post(f"/accounts/{account.pk}/check/", HTTP_REFERER="http://testserver/accounts/", follow=True)
    assert "Needs to be connected again" in text_of(page)
    account.refresh_from_db()
    assert account.state == State.REVOKED
    assert account.state_reason == "HTTP 401: the token … was revoked"
    assert token not in page.content.decode()
    there.revoked.clear()
    later = now() + timedelta(minutes=15)
    source = Source.objects.create(account=account, network="practice", kind=Source.Kind.POLL, name="x", failures=9, next_poll_at=later)
    client.post(f"/accounts/{account.pk}/check/")
    account.refresh_from_db()
    assert account.state == State.OK
    source.refresh_from_db()
    assert (source.failures, source.next_poll_at is not None and source.next_poll_at <= now()) == (0, True)


def test_credentials_that_belong_to_somebody_else_by_now_change_nothing(typed: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    there.tokens[account.credentials["token"]] = Account("u7", "stranger")
    page = client.post(f"/accounts/{account.pk}/check/", HTTP_REFERER="http://testserver/accounts/", follow=True)
    assert "those of @stranger" in text_of(page)
    account.refresh_from_db()
    assert (account.external_id, account.username) == ("u1", "tidewheel")


def test_a_removed_account_leaves_its_history_and_nothing_to_sign_in_with(typed: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    source = Source.objects.create(account=account, network="practice", kind=Source.Kind.POLL, name="x")
    backfill = Backfill.objects.create(source=source, until=now() - timedelta(days=9), started_at=now())
    push(make_post("hello @tidewheel", network="practice"), source=source)
    page = client.post(f"/accounts/{account.pk}/remove/", follow=True)
    assert "is removed, with its credentials" in text_of(page)
    account.refresh_from_db()
    assert account.credentials == {}
    assert account.removed_at is not None
    source.refresh_from_db()
    assert source.removed_at is not None
    assert not source.is_active
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error) == ("failed", "The account was removed.")
    conversation = Mention.objects.get().conversation
    assert "hello" in text_of(client.get(f"/conversations/{conversation.pk}/"))  # type: ignore[union-attr]
    assert client.post(f"/accounts/{account.pk}/remove/").status_code == 302
    # Connected once more it is the same account, read from now on.
    connect_typed(there, client=client)
    again = NetworkAccount.objects.get()
    assert (again.pk, again.removed_at) == (account.pk, None)
    assert not Source.objects.filter(account=again, removed_at=None).exists()  # this network reads nothing


def test_what_a_removed_account_was_allowed_is_given_back_at_the_network(typed: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    credentials = account.credentials
    typed.to_do_there = "Delete its password there."
    page = text_of(client.post(f"/accounts/{account.pk}/remove/", follow=True))
    assert "is removed, with its credentials" in page
    assert "Delete its password there." in page
    assert typed.given_back == [credentials]


def test_an_account_goes_although_its_network_cannot_be_told(typed: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    token = account.credentials["token"]
    typed.cannot_give_back = NetworkError(f"HTTP 503 for {token}.", retryable=True)
    page = text_of(client.post(f"/accounts/{account.pk}/remove/", follow=True))
    assert "Practice could not be told: HTTP 503 for …. Take back there what @tidewheel allowed the desk." in page
    assert token not in page
    account.refresh_from_db()
    assert (account.credentials, account.removed_at is None) == ({}, False)


def test_a_network_that_refused_the_credentials_already_is_told_nothing(typed: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    mark_revoked(account_id=account.pk, reason="HTTP 401")
    assert "is removed" in text_of(client.post(f"/accounts/{account.pk}/remove/", follow=True))
    assert typed.given_back == []


def test_an_account_whose_credentials_cannot_be_read_goes_all_the_same(typed: Connector, there: Server, settings: Any) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    NetworkAccount.objects.filter(pk=account.pk).update(credentials={"token": "x"})
    with connection.cursor() as cursor:
        cursor.execute("UPDATE listening_networkaccount SET credentials = 'of another key' WHERE id = %s", [account.pk])
    page = text_of(client.post(f"/accounts/{account.pk}/remove/", follow=True))
    assert "cannot be read, so Practice was not told. Take back there what @tidewheel allowed the desk." in page
    assert NetworkAccount.objects.get().removed_at is not None


def test_the_page_says_who_connected_and_removed_an_account_and_when_the_network_refused_it(typed: Connector, there: Server) -> None:
    client = sign_in(Role.ADMIN)
    connect_typed(there, client=client)
    account = NetworkAccount.objects.get()
    mark_revoked(account_id=account.pk, reason="HTTP 401")
    connect_typed(there, client=client)
    admin = str(Agent.objects.get().name)
    page = text_of(client.get("/accounts/"))
    assert [event.kind for event in account.events.order_by("pk")] == ["connected", "revoked", "connected_again"]
    history = page[page.index("What was done with it") :]
    assert history.index(f"Connected again by {admin}") < history.index("Refused by the network") < history.index(f"Connected by {admin}")
    client.post(f"/accounts/{account.pk}/remove/")
    page = text_of(client.get("/accounts/"))
    assert f"@tidewheel on Practice by {admin} ·" in page[page.index("Removed") :]
    connect_typed(there, client=client)
    assert "on Practice by" not in text_of(client.get("/accounts/"))


def test_what_was_not_sent_when_its_account_was_removed_keeps_its_text() -> None:
    desk = Desk()
    conversation = desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=make_agent(), text="We are sorry, Mara.")
    connecting.remove_account(account_id=desk.account.pk, agent=make_agent(Role.ADMIN))
    work(now() + timedelta(minutes=1))
    message.refresh_from_db()
    assert message.text == "We are sorry, Mara."
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error_code) == ("failed", "account_removed")
    assert desk.answers(conversation) == []


# --- The pages ----------------------------------------------------------------------------------------------------------


def test_leads_see_accounts_and_no_buttons(typed: Connector, there: Server) -> None:
    connect_typed(there)
    page = sign_in(Role.LEAD).get("/accounts/")
    assert "@tidewheel" in text_of(page)
    for act in ("Check now", "Remove", "Connect an account", "Connect again"):
        assert f">{act}" not in page.content.decode()


def test_the_list_costs_the_same_however_many_accounts_there_are(typed: Connector) -> None:
    client = sign_in(Role.ADMIN)

    def add(first: int, last: int) -> None:
        for number in range(first, last):
            account = make_account("practice", f"care{number}", external_id=f"u{number}", connected_by=make_agent(Role.ADMIN))
            Source.objects.create(account=account, network="practice", kind=Source.Kind.POLL, name=f"care{number}")

    add(0, 2)
    client.get("/accounts/")
    few = count_queries(lambda: client.get("/accounts/"))
    add(2, 30)
    assert count_queries(lambda: client.get("/accounts/")) == few <= 8


def test_the_api_tells_what_an_account_can_do_and_why_not() -> None:
    make_account(cannot={"direct_message": "Not allowed."}, limits={"max_length": 77}, credentials={"token": "hidden"})
    answer = sign_in(Role.LEAD).get("/api/accounts/").json()
    (account,) = answer
    assert account["capabilities"]["direct_message"] is False
    assert account["capabilities"]["max_length"] == 77
    assert account["cannot"] == {"direct_message": "Not allowed."}
    assert "hidden" not in json.dumps(answer)


def test_a_sign_in_that_waits_for_its_renewal_is_shown() -> None:
    make_account(expires_at=now() - timedelta(minutes=1))
    assert "could not be renewed yet" in text_of(sign_in(Role.ADMIN).get("/accounts/"))
    NetworkAccount.objects.update(expires_at=now() + timedelta(minutes=1))
    assert "could not be renewed yet" not in text_of(sign_in(Role.ADMIN).get("/accounts/"))


def test_a_sign_in_that_ends_soon_is_said_while_all_still_works() -> None:
    account = make_account(sign_in_until=now() + timedelta(days=20))
    client = sign_in(Role.ADMIN)
    assert "Connect it again by" in text_of(client.get("/accounts/"))
    for path in ("/accounts/", "/sources/"):
        assert "Should be connected again" not in text_of(client.get(path))
    NetworkAccount.objects.update(sign_in_until=now() + timedelta(days=9))
    for path in ("/accounts/", "/sources/"):
        assert "Should be connected again" in text_of(client.get(path))
    assert account.is_usable


def test_an_account_of_a_network_that_is_gone_is_listed() -> None:
    make_account("myspace", "tom")
    assert "@tom" in text_of(sign_in(Role.ADMIN).get("/accounts/"))


def test_a_network_error_says_what_happened(typed: Connector) -> None:
    def be_away(values: Any, **_: Any) -> Any:
        raise NetworkError("The network cannot be reached.", retryable=True)

    typed.finish = be_away  # type: ignore[method-assign]
    page = sign_in(Role.ADMIN).post("/accounts/connect/practice/", {"token": "t"})
    assert "The network cannot be reached." in text_of(page)


@pytest.mark.parametrize("network", connecting.list_connectable(), ids=lambda network: network.key)
def test_the_page_of_every_network_says_how_it_is_connected(network: Network) -> None:
    assert network.connecting is not None
    page = sign_in(Role.ADMIN).get(f"/accounts/connect/{network.key}/")
    assert page.status_code == 200
    said = html.unescape(text_of(page))
    for words in (*network.connecting.steps, *(field.label for field in network.connecting.fields), *network.capabilities.cannot):
        assert " ".join(words.split()) in said
    assert (f"/accounts/callback/{network.key}/" in said) is network.connecting.by_redirect
    assert network.capabilities.cost, "say what it costs"
