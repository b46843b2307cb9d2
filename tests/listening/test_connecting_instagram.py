"""An Instagram account connected from the page on: there and back, chosen, shown with what it may do, refused, and taken away again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from django.test import Client
from pytest_django import Settings

from listening.models import NetworkAccount, Source
from profiles.models import Role
from socialdesk.polling import read_source
from tests.listening.pages import sign_in, text_of
from tests.socialdesk.networks.facebook.graph import ALL_SCOPES, INSTAGRAM, PAGE, Person
from tests.socialdesk.networks.facebook.harness import InstagramHarness

pytestmark = pytest.mark.django_db


@pytest.fixture
def instagram(tmp_path: Path, settings: Settings) -> Iterator[InstagramHarness]:
    harness = InstagramHarness(tmp_path, settings)
    yield harness
    harness.close()


def begin(client: Client) -> dict[str, str]:
    """Sent to Meta; gives what it is asked there."""
    page = client.post("/accounts/connect/instagram/")
    assert page.status_code == 200, text_of(page)
    return dict(parse_qsl(urlsplit(str(page.context["url"])).query))


def come_back(client: Client, asked: dict[str, str], **answer: str) -> Any:
    return client.get(f"{asked['redirect_uri']}?{urlencode({'state': asked['state'], **answer})}", follow=True)


def connect(client: Client, instagram: InstagramHarness, *, without: str = "") -> Any:
    asked = begin(client)
    instagram.simulator.granted = tuple(scope for scope in ALL_SCOPES if scope != without)
    instagram.simulator.codes["the-code"] = asked["redirect_uri"]
    return come_back(client, asked, code="the-code")


def test_the_account_that_is_linked_to_a_page_is_connected_and_no_token_is_shown(instagram: InstagramHarness) -> None:
    page = connect(sign_in(Role.ADMIN), instagram)
    assert "@tidewheel on Instagram is connected" in text_of(page)
    account = NetworkAccount.objects.get()
    assert (account.network, account.external_id, account.credentials["page_id"]) == ("instagram", INSTAGRAM, PAGE)
    assert account.cannot == {}
    assert sorted(Source.objects.values_list("kind", "account")) == [("poll", account.pk), ("stream", account.pk)]
    assert account.credentials["access_token"] not in page.content.decode()


def test_of_several_accounts_one_is_chosen_and_pages_without_one_are_not_offered(instagram: InstagramHarness) -> None:
    other = Person("17840000000002", "Tidewheel Leeds", "tidewheel_leeds")
    tokens = [instagram.world.token("page", page=number).value for number in ("2", "3")]
    instagram.world.other_pages = [
        {"id": "2", "name": "Leeds", "access_token": tokens[0], "tasks": ["MODERATE"], "account": other},
        {"id": "3", "name": "No Instagram", "access_token": tokens[1], "tasks": ["MODERATE"], "account": None},
    ]
    client = sign_in(Role.ADMIN)
    page = connect(client, instagram)
    assert page.redirect_chain == [("/accounts/choose/", 302)]
    assert "tidewheel_leeds" in text_of(page)
    assert "No Instagram" not in text_of(page)
    page = client.post("/accounts/choose/", {"account": other.id}, follow=True)
    account = NetworkAccount.objects.get()
    assert (account.external_id, account.username) == (other.id, "tidewheel_leeds")
    assert "Private messages: unavailable, because: Who connected it may not do this on the page (task MESSAGING)." in text_of(page)
    assert set(account.cannot) == {"direct_message", "reads_direct_messages"}


def test_what_was_not_allowed_is_shown_and_asked_about_again(instagram: InstagramHarness) -> None:
    client = sign_in(Role.ADMIN)
    page = connect(client, instagram, without="instagram_manage_messages")
    assert "Private messages: unavailable, because: The permission instagram_manage_messages was not given." in text_of(page)
    account = NetworkAccount.objects.get()
    assert (account.capabilities.reply, account.capabilities.direct_message) == (True, False)
    instagram.world.tokens[account.credentials["access_token"]].scopes.add("instagram_manage_messages")
    page = client.post(f"/accounts/{account.pk}/check/", HTTP_REFERER="http://testserver/accounts/", follow=True)
    assert "Private messages: unavailable" not in text_of(page)
    assert NetworkAccount.objects.get().capabilities.direct_message


def test_who_says_no_at_meta_connects_nothing(instagram: InstagramHarness) -> None:
    client = sign_in(Role.ADMIN)
    denied = {"error": "access_denied", "error_reason": "user_denied", "error_description": "They pressed Cancel."}
    page = come_back(client, begin(client), **denied)
    assert "Instagram could not be connected. It was not allowed there, so nothing was connected." in text_of(page)
    assert "Cancel." not in text_of(page)
    assert not NetworkAccount.objects.exists()
    assert instagram.simulator.log == []


def test_a_return_with_a_state_that_is_not_ours_asks_meta_nothing(instagram: InstagramHarness) -> None:
    client = sign_in(Role.ADMIN)
    asked = begin(client)
    instagram.simulator.granted = ALL_SCOPES
    instagram.simulator.codes["the-code"] = asked["redirect_uri"]
    come_back(client, {**asked, "state": "somebody-else-s"}, code="the-code")
    assert not NetworkAccount.objects.exists()
    assert instagram.simulator.log == []


def test_no_linked_account_is_said_and_nothing_connected(instagram: InstagramHarness) -> None:
    page = connect(sign_in(Role.ADMIN), instagram, without="pages_show_list")
    assert not NetworkAccount.objects.exists()
    assert "Instagram named no account that the desk may use. Allow at least one, then try again." in text_of(page)


@pytest.mark.parametrize("how", ["read", "checked"])
def test_a_token_that_was_taken_back_turns_the_source_red(instagram: InstagramHarness, how: str) -> None:
    client = sign_in(Role.ADMIN)
    connect(client, instagram)
    account = NetworkAccount.objects.get()
    token = account.credentials["access_token"]
    instagram.world.tokens[token].is_valid = False
    if how == "read":
        source = Source.objects.get(kind=Source.Kind.POLL)
        Source.objects.update(next_poll_at=None)
        read_source(source.pk)
    else:
        client.post(f"/accounts/{account.pk}/check/")
    account.refresh_from_db()
    assert account.state == NetworkAccount.State.REVOKED
    for address in ("/accounts/", "/sources/"):
        page = client.get(address)
        assert "Needs to be connected again" in text_of(page), address
        assert token not in page.content.decode()
    instagram.simulator.codes.clear()
    connect(client, instagram)
    account.refresh_from_db()
    assert (account.state, account.state_reason) == (NetworkAccount.State.OK, "")
