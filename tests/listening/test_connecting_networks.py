"""Accounts of real networks connected from the page to the row and renewed, against simulated servers in the networks' own wire format."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
import requests
from django.test import Client
from pytest_django import Settings

from listening.models import NetworkAccount, Source
from listening.services.renewal import due_accounts, renew_account, renew_if_due
from profiles.models import Role
from socialdesk.lib.clock import now
from socialdesk.networks.base import NetworkError
from tests.listening.pages import sign_in, text_of
from tests.socialdesk.networks.bluesky.harness import BlueskyHarness
from tests.socialdesk.networks.facebook.graph import ALL_SCOPES as FACEBOOK_SCOPES
from tests.socialdesk.networks.facebook.harness import FacebookHarness
from tests.socialdesk.networks.mastodon.simulator import Simulator as Mastodon
from tests.socialdesk.networks.x.harness import point_at
from tests.socialdesk.networks.x.simulator import CLIENT_ID, CLIENT_SECRET, fresh_simulator
from tests.socialdesk.networks.x.world import ALL_SCOPES

pytestmark = pytest.mark.django_db


@pytest.fixture
def mastodon(settings: Settings) -> Iterator[Mastodon]:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    simulator = Mastodon()
    yield simulator
    simulator.stop()


@pytest.fixture
def x(settings: Settings) -> Any:
    simulator = fresh_simulator()
    point_at(simulator, settings)
    settings.X_CLIENT_ID, settings.X_CLIENT_SECRET, settings.X_BEARER = CLIENT_ID, CLIENT_SECRET, ""
    return simulator


def begin(client: Client, network: str, **typed: str) -> str:
    page = client.post(f"/accounts/connect/{network}/", typed)
    assert page.status_code == 200, text_of(page)
    return str(page.context["url"])


def come_back(client: Client, address: str) -> Any:
    parts = urlsplit(address)
    return client.get(f"{parts.path}?{parts.query}", follow=True)


def connect_mastodon(client: Client, mastodon: Mastodon) -> Any:
    there = requests.get(begin(client, "mastodon", server=mastodon.base), allow_redirects=False, timeout=30)
    return come_back(client, there.headers["Location"])


def test_a_mastodon_account_is_connected_with_its_server_s_own_length(mastodon: Mastodon) -> None:
    page = connect_mastodon(sign_in(Role.ADMIN), mastodon)
    assert f"@tidewheel@{mastodon.world.domain} on Mastodon is connected" in text_of(page)
    account = NetworkAccount.objects.get()
    assert account.external_id == mastodon.world.us.id
    assert account.capabilities.reply
    assert account.limits["max_length"] == account.capabilities.max_length
    assert sorted(Source.objects.values_list("kind", "account")) == [("poll", account.pk), ("stream", account.pk)]
    assert not any(secret in page.content.decode() for secret in account.credentials.values() if len(secret) > 30)


def test_a_person_who_says_no_at_mastodon_connects_nothing(mastodon: Mastodon) -> None:
    mastodon.routes.oauth.is_denied = True
    page = connect_mastodon(sign_in(Role.ADMIN), mastodon)
    assert "was not allowed there, so nothing was connected" in text_of(page)
    assert not NetworkAccount.objects.exists()


def test_a_mastodon_server_whose_tokens_end_is_renewed_in_time_and_each_refresh_token_used_once(mastodon: Mastodon) -> None:
    mastodon.routes.oauth.expires_in = 300
    connect_mastodon(sign_in(Role.ADMIN), mastodon)
    account = NetworkAccount.objects.get()
    assert due_accounts() == [account.pk]
    before = dict(account.credentials)
    mastodon.routes.oauth.expires_in = 7200
    assert renew_if_due(account.pk)
    account.refresh_from_db()
    assert account.expires_at is not None
    assert account.expires_at > now() + timedelta(hours=1)
    assert account.credentials["access_token"] != before["access_token"]
    assert renew_account(account.pk, used=before).credentials == account.credentials
    # An old copy of the credentials cannot be renewed: the server has taken that refresh token already.
    NetworkAccount.objects.update(credentials=before)
    with pytest.raises(NetworkError):
        renew_account(account.pk)


def test_an_account_of_x_is_connected_and_renewed(x: Any) -> None:
    client = sign_in(Role.ADMIN)
    asked = dict(parse_qsl(urlsplit(begin(client, "x")).query))
    us = x.world.user("tidewheel")
    allowed = {"challenge": asked["code_challenge"], "redirect_uri": asked["redirect_uri"], "user": us.id, "scope": ALL_SCOPES}
    x.world.codes["the-code"] = allowed
    page = come_back(client, f"{asked['redirect_uri']}?{urlencode({'code': 'the-code', 'state': asked['state']})}")
    assert "@tidewheel on X is connected" in text_of(page)
    account = NetworkAccount.objects.get()
    assert (account.external_id, account.expires_at is not None) == (us.id, True)
    before = dict(account.credentials)
    fresh = renew_account(account.pk, used=before)
    assert fresh.credentials["refresh_token"] != before["refresh_token"]
    NetworkAccount.objects.update(credentials=before)
    with pytest.raises(NetworkError):
        renew_account(account.pk, used=before)
    account.refresh_from_db()
    assert account.state == NetworkAccount.State.REVOKED


def test_of_the_pages_of_facebook_that_were_allowed_one_is_chosen(tmp_path: Path, settings: Settings) -> None:
    facebook = FacebookHarness(tmp_path, settings)
    second = facebook.world.token("page", page="104857600002")
    care = {"id": "104857600002", "name": "Tidewheel Leeds", "access_token": second.value, "tasks": ["MODERATE"], "account": None}
    facebook.world.other_pages = [care]
    client = sign_in(Role.ADMIN)
    asked = dict(parse_qsl(urlsplit(begin(client, "facebook")).query))
    facebook.simulator.granted = FACEBOOK_SCOPES
    facebook.simulator.codes["the-code"] = asked["redirect_uri"]
    page = come_back(client, f"{asked['redirect_uri']}?{urlencode({'code': 'the-code', 'state': asked['state']})}")
    assert page.redirect_chain == [("/accounts/choose/", 302)]
    page = client.post("/accounts/choose/", {"account": "104857600002"}, follow=True)
    account = NetworkAccount.objects.get()
    assert account.display_name == "Tidewheel Leeds"
    assert account.sign_in_until is not None  # it went through the choice
    assert not account.capabilities.direct_message
    assert "Private messages: unavailable, because: Who connected it may not do this on the page (task MESSAGING)." in text_of(page)
    assert (account.capabilities.message_window_hours, account.capabilities.private_reply_days) == (24, 7)
    facebook.close()


def test_a_bluesky_account_is_connected_by_its_app_password_and_renewed(tmp_path: Path, settings: Settings) -> None:
    bluesky = BlueskyHarness(tmp_path, settings)
    us = bluesky.world.us
    bluesky.simulator.add_password("wxyz-efgh-ijkl-mnop", scope="com.atproto.appPass")
    client = sign_in(Role.ADMIN)
    page = client.post("/accounts/connect/bluesky/", {"identifier": us.handle, "password": "abcd-wrong-ijkl-mnop"})
    assert "does not take this handle and app password" in text_of(page)
    page = client.post("/accounts/connect/bluesky/", {"identifier": us.handle, "password": "wxyz-efgh-ijkl-mnop"}, follow=True)
    assert f"@{us.handle} on Bluesky is connected" in text_of(page)
    assert "Private messages: unavailable, because: Its app password was made without access to private messages." in text_of(page)
    account = NetworkAccount.objects.get()
    assert account.external_id == us.did
    used = dict(account.credentials)
    fresh = renew_account(account.pk, used=used)
    assert fresh.credentials["access"] != used["access"]
    assert renew_account(account.pk, used=used).credentials == fresh.credentials
    bluesky.close()
