"""An account that is removed: Facebook calls about its page no more, unless another account of ours is on the same page."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from listening.models import NetworkAccount
from listening.services.connecting import connect_account, remove_account
from profiles.models import Role
from socialdesk.networks.base import AccountConfig, NetworkError
from tests.factories import make_agent
from tests.listening.pages import sign_in as sign_in_to_desk
from tests.listening.pages import text_of
from tests.socialdesk.networks.facebook.graph import INSTAGRAM, PAGE
from tests.socialdesk.networks.facebook.harness import FacebookHarness
from tests.socialdesk.networks.facebook.test_connecting import BACK, connecting

OTHER_PAGE = AccountConfig("facebook", "leeds", "104857600002", {"access_token": "x", "page_id": "104857600002"})
ON_THE_PAGE = AccountConfig("instagram", "tidewheel", INSTAGRAM, {"access_token": "x", "page_id": PAGE})
ELSEWHERE = AccountConfig("mastodon", "tidewheel", PAGE, {"access_token": "x"})  # an id is one of its own network
BY_HAND = "Business integrations"


def give_back(facebook: FacebookHarness, others: tuple[AccountConfig, ...] | None) -> str:
    facebook.world.subscribed[PAGE] = ["feed"]
    return connecting("facebook").give_back(replace(facebook.config, others=others))


@pytest.mark.parametrize(
    ("others", "calls_end"),
    [((), True), ((OTHER_PAGE, ELSEWHERE), True), ((OTHER_PAGE, ON_THE_PAGE), False), (None, False)],
    ids=["none", "on another page", "on the same page", "not known"],
)
def test_calls_about_a_page_end_with_the_last_account_on_it(facebook: FacebookHarness, others: Any, calls_end: bool) -> None:
    assert BY_HAND in give_back(facebook, others)
    assert (PAGE not in facebook.world.subscribed) is calls_end
    assert [call.method for call in facebook.simulator.writes()] == ["DELETE"] * calls_end


def test_an_instagram_account_ends_them_with_the_token_of_its_page(facebook: FacebookHarness) -> None:
    facebook.world.subscribed[PAGE] = ["feed"]
    config = AccountConfig("instagram", "tidewheel", INSTAGRAM, facebook.config.credentials, others=())
    connecting("instagram").give_back(config)
    assert facebook.world.subscribed == {}
    connecting("instagram").give_back(config)  # they have ended already


def test_what_ended_before_or_was_never_allowed_is_no_error(facebook: FacebookHarness) -> None:
    token = facebook.world.tokens[facebook.config.credentials["access_token"]]
    token.scopes.discard("pages_manage_metadata")
    assert BY_HAND in give_back(facebook, ())
    token.is_valid = False
    assert BY_HAND in give_back(facebook, ())


def test_facebook_that_cannot_be_told_is_said(facebook: FacebookHarness) -> None:
    with facebook.simulator.failing("no_answer_after_writing"), pytest.raises(NetworkError):
        give_back(facebook, ())


class Removing:
    """A desk with the page and the Instagram account that is linked to it, both connected from the page of accounts."""

    def __init__(self, facebook: FacebookHarness) -> None:
        self.there = facebook
        self.admin = make_agent(Role.ADMIN)
        self.page, self.account = self._connect("facebook"), self._connect("instagram")

    def _connect(self, network: str) -> NetworkAccount:
        self.there.simulator.codes[network] = BACK
        (found,) = connecting(network).finish({}, answer={"code": network}, verifier="", redirect_uri=BACK)
        return connect_account(network=network, connected=found, agent=self.admin)

    def remove(self, account: NetworkAccount) -> str:
        return remove_account(account_id=account.pk, agent=self.admin)[1]


@pytest.mark.django_db
def test_of_two_accounts_on_a_page_the_last_one_to_go_ends_its_calls(facebook: FacebookHarness) -> None:
    desk = Removing(facebook)
    told_of = facebook.world.subscribed[PAGE]
    assert BY_HAND in desk.remove(desk.page)
    assert facebook.world.subscribed == {PAGE: told_of}
    assert "webhooks" not in connecting("instagram").probe(desk.account.config).cannot
    assert BY_HAND in desk.remove(desk.account)
    assert facebook.world.subscribed == {}


@pytest.mark.django_db
def test_whoever_removes_one_is_promised_no_more_than_is_done(facebook: FacebookHarness) -> None:
    """What the person allowed at Facebook stays allowed until they take it back there: that is said afterwards."""
    desk = Removing(facebook)
    client = sign_in_to_desk(Role.ADMIN)
    page = text_of(client.get("/accounts/"))
    assert "is given back there" not in page
    assert "The network is told to end what the desk was allowed, as far as it takes that from the desk" in page
    page = text_of(client.post(f"/accounts/{desk.page.pk}/remove/", follow=True))
    assert "@tidewheel is removed, with its credentials" in page
    assert "can take back on Facebook what the desk was allowed, under Settings, Business integrations" in page


@pytest.mark.django_db
def test_an_account_goes_although_facebook_cannot_be_told(facebook: FacebookHarness) -> None:
    desk = Removing(facebook)
    desk.remove(desk.account)
    token = desk.page.credentials["access_token"]
    with facebook.simulator.failing("error_after_writing"):
        left = desk.remove(desk.page)
    assert "Facebook could not be told" in left
    assert "Take back there what @tidewheel allowed the desk." in left
    assert token not in left
    assert not NetworkAccount.objects.filter(removed_at=None).exists()


@pytest.mark.django_db
def test_while_another_account_cannot_be_read_the_calls_go_on(facebook: FacebookHarness) -> None:
    """It may be on the same page: that is for a person to end."""
    desk = Removing(facebook)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE listening_networkaccount SET credentials = 'nonsense' WHERE id = %s", [desk.account.pk])
    assert BY_HAND in desk.remove(desk.page)
    assert PAGE in facebook.world.subscribed
