"""Signing in at Facebook: several pages to choose from, each with its own token, and what the token may do, never promised."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import Connected, Connecting, NetworkError
from tests.socialdesk.networks.facebook.graph import ALL_SCOPES, PAGE
from tests.socialdesk.networks.facebook.harness import FacebookHarness, InstagramHarness, MetaHarness
from tests.socialdesk.networks.facebook.simulator import APP_ID, APP_SECRET

BACK = "https://desk.example/accounts/callback/"


def connecting(network: str) -> Connecting:
    found = registry.get(network).connecting
    assert found is not None
    return found


def sign_in(harness: MetaHarness, *, granted: tuple[str, ...] = ALL_SCOPES) -> list[Connected]:
    harness.simulator.granted = granted
    harness.simulator.codes["the code"] = BACK
    return list(connecting(harness.NETWORK).finish({}, answer={"code": "the code"}, verifier="", redirect_uri=BACK))


def choose(network: str, found: Connected) -> Connected:
    """As a person does whom several are shown, and the desk where there is only one."""
    chosen = registry.get(network).chosen
    assert chosen is not None
    return chosen(found)


def test_the_person_is_sent_to_the_dialog_with_what_the_desk_needs_and_no_secret(facebook: FacebookHarness) -> None:
    begun = connecting("facebook").begin({}, redirect_uri=BACK, state="a state", challenge="c")
    address, query = urlsplit(begun.url), parse_qs(urlsplit(begun.url).query)
    assert (address.netloc, address.path) == ("www.facebook.com", "/v23.0/dialog/oauth")
    assert (query["client_id"], query["redirect_uri"], query["state"], query["response_type"]) == ([APP_ID], [BACK], ["a state"], ["code"])
    assert "pages_messaging" in query["scope"][0].split(",")
    assert not any(scope.startswith("instagram") for scope in query["scope"][0].split(","))
    assert APP_SECRET not in begun.url
    assert "instagram_manage_comments" in connecting("instagram").begin({}, redirect_uri=BACK, state="s", challenge="").url


@pytest.mark.parametrize("network", ["facebook", "instagram"])
def test_all_that_accounts_need_is_asked_for_and_said(network: str, facebook: FacebookHarness) -> None:
    ask = connecting(network)
    query = parse_qs(urlsplit(ask.begin({}, redirect_uri=BACK, state="s", challenge="").url).query)
    asked = set(query["scope"][0].split(","))
    assert {"business_management", "pages_show_list", "pages_messaging"} <= asked <= set(ALL_SCOPES)
    assert any("business_management" in step for step in ask.steps)


@pytest.mark.parametrize("name", ["facebook", "instagram"])
def test_pages_of_a_business_are_named_only_where_that_was_allowed(name: str, request: pytest.FixtureRequest) -> None:
    harness: MetaHarness = request.getfixturevalue(name)
    harness.world.businesses.add(PAGE)
    assert [found.credentials["page_id"] for found in sign_in(harness)] == [PAGE]
    without = tuple(scope for scope in ALL_SCOPES if scope != "business_management")
    with pytest.raises(NetworkError, match=r"belong to a business are named only where business_management is allowed") as caught:
        sign_in(harness, granted=without)
    assert (caught.value.permanent, caught.value.account_revoked) == (True, False)
    # Pages of nobody's business are named all the same.
    harness.world.businesses.clear()
    (found,) = sign_in(harness, granted=without)
    assert found.grant.cannot == {}


@pytest.mark.parametrize(
    ("network", "withheld", "days"),
    [
        ("facebook", "", 7),
        ("facebook", "pages_messaging", 0),
        ("instagram", "", 7),
        ("instagram", "pages_messaging", 0),
        ("instagram", "instagram_manage_comments", 0),
        ("instagram", "pages_read_user_content", 7),
    ],
)
def test_whether_a_comment_may_be_answered_in_private_is_told_as_it_is(
    network: str, withheld: str, days: int, request: pytest.FixtureRequest
) -> None:
    harness: MetaHarness = request.getfixturevalue(network)
    (found,) = sign_in(harness, granted=tuple(scope for scope in ALL_SCOPES if scope != withheld))
    config = replace(harness.config, credentials=found.credentials)
    for grant in (found.grant, choose(network, found).grant, connecting(network).probe(config)):
        able = registry.get(network).capabilities.within(grant.cannot, grant.limits)
        assert able.private_reply_days == days
        assert able.direct_message is (withheld != "pages_messaging" or network == "instagram")
    # And so it is.
    comment = harness.customer_posts("ana", "it broke")
    send = registry.publisher_for(config).direct_message
    if days:
        send(to=harness.customer_id("ana"), text="Your number?", token="t", about=comment)
        return
    with pytest.raises(NetworkError) as caught:
        send(to=harness.customer_id("ana"), text="Your number?", token="t", about=comment)
    assert (caught.value.permanent, caught.value.code) == (True, "not_permitted")
    assert harness.world.letters == []


def test_each_page_that_was_allowed_is_given_with_its_own_token_and_calls_the_desk_once_it_is_chosen(facebook: FacebookHarness) -> None:
    second = facebook.world.token("page", page="104857600002")
    facebook.world.other_pages = [
        {"id": "104857600002", "name": "Tidewheel Leeds", "access_token": second.value, "tasks": ["MODERATE"], "account": None}
    ]
    first, other = sign_in(facebook)
    assert (first.grant.external_id, first.grant.username, first.grant.display_name) == (PAGE, "tidewheel", "Tidewheel")
    assert (other.grant.external_id, other.grant.username) == ("104857600002", "Tidewheel Leeds")
    assert facebook.world.tokens[first.credentials["access_token"]].kind == "page"
    assert first.credentials["access_token"] != other.credentials["access_token"]
    assert first.grant.cannot == {}
    assert set(other.grant.cannot) == {"post", "direct_message", "reads_direct_messages"}
    assert "MESSAGING" in other.grant.cannot["direct_message"]
    assert facebook.world.subscribed == {}  # of what is not chosen the desk must be told nothing
    assert choose("facebook", first) == first
    assert facebook.world.subscribed == {PAGE: ["feed", "mention", "messages", "message_echoes"]}
    assert "expires_at" not in first.credentials  # a page's token does not end


def test_neither_secret_nor_code_nor_token_stands_in_an_address(facebook: FacebookHarness) -> None:
    (found,) = sign_in(facebook)
    for call in facebook.simulator.log:
        if call.path.endswith("debug_token"):
            continue  # it is asked about a token by giving it
        query = json.dumps(call.query)
        assert APP_SECRET not in query
        assert "the code" not in query
        assert not any(token in query for token in facebook.world.tokens)
    assert found.credentials["access_token"] not in repr(found)


def test_what_was_not_allowed_is_said_with_its_reason(facebook: FacebookHarness) -> None:
    granted = tuple(scope for scope in ALL_SCOPES if scope not in ("pages_messaging", "pages_manage_posts", "pages_manage_metadata"))
    (found,) = sign_in(facebook, granted=granted)
    assert set(found.grant.cannot) == {"post", "direct_message", "reads_direct_messages", "webhooks"}
    assert "pages_messaging" in found.grant.cannot["direct_message"]
    able = registry.get("facebook").capabilities.within(found.grant.cannot)
    assert (able.reply, able.direct_message, able.webhooks) == (True, False, False)
    assert able.within({}, found.grant.limits).max_pictures == 0  # they are put on the page before they are shown
    assert facebook.world.subscribed == {}


@pytest.mark.parametrize("name", ["facebook", "instagram"])
def test_a_page_whose_messages_may_not_be_read_still_calls_about_its_comments(name: str, request: pytest.FixtureRequest) -> None:
    harness: MetaHarness = request.getfixturevalue(name)
    (found,) = sign_in(harness, granted=tuple(scope for scope in ALL_SCOPES if scope != "pages_messaging"))
    found = choose(name, found)
    assert "webhooks" not in found.grant.cannot
    assert harness.world.subscribed == {PAGE: ["feed", "mention"]}


def test_connecting_a_page_s_instagram_account_takes_nothing_from_what_the_page_calls_about(facebook: FacebookHarness) -> None:
    choose("facebook", *sign_in(facebook))
    before = facebook.world.subscribed[PAGE]
    facebook.simulator.codes["another"] = BACK
    choose("instagram", *connecting("instagram").finish({}, answer={"code": "another"}, verifier="", redirect_uri=BACK))
    assert facebook.world.subscribed[PAGE] == before


def test_a_page_that_cannot_be_subscribed_is_connected_all_the_same(facebook: FacebookHarness) -> None:
    with facebook.simulator.failing("error_after_writing", only=lambda method, path: path.endswith("/subscribed_apps")):
        found = choose("facebook", *sign_in(facebook))
    assert set(found.grant.cannot) == {"webhooks"}


def test_the_instagram_account_that_is_linked_to_a_page_is_given_and_pages_without_one_are_not(instagram: InstagramHarness) -> None:
    instagram.world.other_pages = [{"id": "104857600002", "name": "No Instagram", "access_token": "x", "tasks": [], "account": None}]
    (found,) = sign_in(instagram)
    assert (found.grant.external_id, found.grant.username) == (instagram.ACCOUNT, "tidewheel")
    assert found.credentials["page_id"] == PAGE
    config = instagram.config.__class__("instagram", found.grant.username, found.grant.external_id, found.credentials)
    post = instagram.customer_posts("gemma", "it broke")
    assert [one.external_id for one in registry.reader_for(config).fetch("").posts] == [post]


def test_two_pages_of_one_name_are_told_apart(facebook: FacebookHarness) -> None:
    facebook.world.other_pages = [
        {"id": number, "name": "Tidewheel Hub", "access_token": facebook.world.token(page=number).value, "tasks": [], "account": None}
        for number in ("1", "2")
    ]
    assert [found.grant.username for found in sign_in(facebook)] == ["tidewheel", "Tidewheel Hub (1)", "Tidewheel Hub (2)"]


@pytest.mark.parametrize(
    "answer", [{}, {"error": "access_denied", "error_description": "The user said no."}, {"code": ""}, {"code": "stolen"}]
)
def test_a_return_without_a_good_code_connects_nothing(facebook: FacebookHarness, answer: dict[str, str]) -> None:
    with pytest.raises(NetworkError) as caught:
        connecting("facebook").finish({}, answer=answer, verifier="", redirect_uri=BACK)
    assert caught.value.permanent
    if not answer.get("code"):
        assert str(caught.value) == "It was not allowed there, so nothing was connected."


def test_a_code_is_good_once_and_for_the_address_that_it_was_made_for(facebook: FacebookHarness) -> None:
    sign_in(facebook)
    facebook.simulator.codes["again"] = "https://elsewhere.example/"
    for code in ("the code", "again"):
        with pytest.raises(NetworkError):
            connecting("facebook").finish({}, answer={"code": code}, verifier="", redirect_uri=BACK)


def test_what_a_token_may_do_is_asked_again_and_shown(facebook: FacebookHarness) -> None:
    ask = connecting("facebook")
    facebook.world.subscribed[PAGE] = ["feed"]
    grant = ask.probe(facebook.config)
    assert (grant.external_id, grant.username, grant.display_name, dict(grant.cannot)) == (PAGE, "tidewheel", "Tidewheel", {})
    token = facebook.world.tokens[facebook.config.credentials["access_token"]]
    token.scopes.discard("pages_manage_engagement")
    assert set(ask.probe(facebook.config).cannot) == {"reply", "like", "hide", "delete"}
    token.scopes.add("pages_manage_engagement")
    token.granular = [{"scope": "pages_messaging", "target_ids": ["999"]}, {"scope": "pages_manage_engagement", "target_ids": [PAGE]}]
    assert set(ask.probe(facebook.config).cannot) == {"direct_message", "reads_direct_messages"}
    assert facebook.simulator.writes() == []


def test_a_token_that_was_taken_back_is_said_to_be(facebook: FacebookHarness) -> None:
    facebook.world.tokens[facebook.config.credentials["access_token"]].is_valid = False
    with pytest.raises(NetworkError) as caught:
        connecting("facebook").probe(facebook.config)
    assert caught.value.account_revoked
    with pytest.raises(NetworkError) as caught:
        facebook.reader.fetch("")
    assert caught.value.account_revoked
    assert connecting("facebook").renew(facebook.config) is None


def test_without_an_app_the_page_says_what_is_missing(facebook: FacebookHarness, settings: Settings) -> None:
    assert connecting("facebook").missing() == ""
    settings.FACEBOOK_APP_ID = settings.FACEBOOK_APP_SECRET = ""
    assert "SOCIALDESK_FACEBOOK_APP_ID and SOCIALDESK_FACEBOOK_APP_SECRET" in connecting("instagram").missing()


def test_without_a_word_for_its_calls_the_network_does_not_call(facebook: FacebookHarness, settings: Settings) -> None:
    settings.FACEBOOK_VERIFY_TOKEN = ""
    (found,) = sign_in(facebook)
    assert "SOCIALDESK_FACEBOOK_VERIFY_TOKEN" in found.grant.cannot["webhooks"]


def test_answers_that_make_no_sense_connect_nothing_and_crash_nothing(facebook: FacebookHarness) -> None:
    odd = [{"data": [None, 5, {"id": PAGE}, {"id": 7, "access_token": ["x"]}, {"access_token": "x"}]}, {"data": {}}, {}]
    for answer in odd:
        with facebook.simulator.failing(lambda answer=answer: (200, answer, {}), only=lambda method, path: path.endswith("me/accounts")):
            assert sign_in(facebook) == []
    for answer in ({}, {"access_token": 5}, {"access_token": None}):
        failing = facebook.simulator.failing(lambda answer=answer: (200, answer, {}), only=lambda method, path: "oauth" in path)
        with failing, pytest.raises(NetworkError):
            sign_in(facebook)
    for answer in ({"data": []}, {"data": {"is_valid": "yes"}}, {}):
        failing = facebook.simulator.failing(lambda answer=answer: (200, answer, {}), only=lambda method, path: "debug_token" in path)
        with failing, pytest.raises(NetworkError) as caught:
            connecting("facebook").probe(facebook.config)
        assert caught.value.account_revoked


def test_until_when_meta_gives_data_without_a_new_sign_in_is_kept(facebook: FacebookHarness) -> None:
    (found,) = sign_in(facebook)
    for grant in (found.grant, connecting("facebook").probe(facebook.config)):
        assert grant.sign_in_until is not None
        assert timedelta(days=89) < grant.sign_in_until - datetime.now(UTC) < timedelta(days=91)


@pytest.mark.parametrize("said", [0, None, -5, "soon", 10**30])
def test_a_sign_in_of_which_no_end_is_said_has_none(facebook: FacebookHarness, said: Any) -> None:
    answer = {"data": {"is_valid": True, "user_id": "1", "scopes": [], "data_access_expires_at": said}}
    with facebook.simulator.failing(lambda: (200, answer, {}), only=lambda method, path: "debug_token" in path):
        assert connecting("facebook").probe(facebook.config).sign_in_until is None


def test_an_app_that_facebook_does_not_know_says_nothing_of_our_sign_in(facebook: FacebookHarness, settings: Settings) -> None:
    settings.FACEBOOK_APP_ID = "190000000000002"
    with pytest.raises(NetworkError) as caught:
        connecting("facebook").probe(facebook.config)
    assert (caught.value.permanent, caught.value.account_revoked) == (True, False)
    assert "SOCIALDESK_FACEBOOK_APP" in str(caught.value)


def test_what_does_not_call_is_still_said_when_it_is_asked_again(facebook: FacebookHarness) -> None:
    with facebook.simulator.failing("error_after_writing", only=lambda method, path: path.endswith("/subscribed_apps")):
        found = choose("facebook", *sign_in(facebook))
    assert "webhooks" in found.grant.cannot
    facebook.world.subscribed.clear()
    assert "webhooks" in connecting("facebook").probe(facebook.config).cannot
