"""Connecting an account of Bluesky: an app password becomes a session, what it may do is asked, and it is renewed in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Connected, Connecting, NetworkError
from tests.socialdesk.networks.bluesky.harness import BlueskyHarness

PASSWORD = "abcd-efgh-ijkl-mnop"


def connecting() -> Connecting:
    way = registry.get("bluesky").connecting
    assert way is not None
    return way


def connect(bluesky: BlueskyHarness, **values: str) -> Connected:
    typed = {"identifier": "@tidewheel.test", "password": PASSWORD} | values
    (connected,) = connecting().finish(typed, answer={}, verifier="", redirect_uri="")
    return connected


def config_of(connected: Connected) -> AccountConfig:
    return AccountConfig("bluesky", connected.grant.username, connected.grant.external_id, connected.credentials)


def test_an_app_password_becomes_a_session_at_the_server_where_the_account_lives(bluesky: BlueskyHarness) -> None:
    connected = connect(bluesky)
    assert (connected.grant.external_id, connected.grant.username) == (bluesky.world.us.did, "tidewheel.test")
    assert connected.grant.display_name == "Tidewheel"
    assert connected.grant.cannot == {}
    assert connected.credentials["service"] == bluesky.simulator.base
    ends = datetime.fromisoformat(connected.credentials["expires_at"])
    assert timedelta(hours=1) < ends - datetime.now(UTC) < timedelta(hours=3)
    assert [call.path for call in bluesky.simulator.log[:2]] == ["/xrpc/com.atproto.identity.resolveHandle", f"/{bluesky.world.us.did}"]
    assert registry.reader_for(config_of(connected)).fetch("").posts == ()


def test_a_server_that_is_named_is_asked_at_once(bluesky: BlueskyHarness) -> None:
    connect(bluesky, service=bluesky.simulator.base + "/")
    assert bluesky.simulator.log[0].nsid == "com.atproto.server.createSession"


def test_a_session_is_opened_once_and_used_from_then_on(bluesky: BlueskyHarness) -> None:
    config = config_of(connect(bluesky))
    for _ in range(3):
        registry.reader_for(config).fetch("")
        registry.publisher_for(config).follows_us(bluesky.customer_id("ana"))
    assert len(bluesky.simulator.calls("com.atproto.server.createSession")) == 1


@pytest.mark.parametrize("values", [{"password": "wrong"}, {"identifier": "nobody.test"}, {"identifier": "tidewheel"}])
def test_a_wrong_handle_or_password_is_said_and_secrets_are_not(bluesky: BlueskyHarness, values: dict[str, str]) -> None:
    with pytest.raises(NetworkError) as caught:
        connect(bluesky, **values)
    assert (caught.value.permanent, caught.value.code) == (True, "wrong_password")
    assert "app password" in str(caught.value)
    assert PASSWORD not in f"{caught.value!r}"


def test_an_empty_handle_is_asked_for(bluesky: BlueskyHarness) -> None:
    with pytest.raises(NetworkError, match="Type in the account's handle"):
        connect(bluesky, identifier=" @ ")


def test_an_app_password_without_private_messages_is_told_so_and_reads_all_else(bluesky: BlueskyHarness) -> None:
    bluesky.simulator.add_password("only-posts", scope="com.atproto.appPass")
    connected = connect(bluesky, password="only-posts")
    assert set(connected.grant.cannot) == {"direct_message", "reads_direct_messages"}
    assert "without access to private messages" in connected.grant.cannot["direct_message"]
    post = bluesky.customer_posts("ana", "it broke")
    asked = len(bluesky.simulator.log)
    assert [each.external_id for each in registry.reader_for(config_of(connected)).fetch("").posts] == [post]
    assert not any(call.nsid.startswith("chat.") for call in bluesky.simulator.log[asked:])


def test_a_network_without_private_messages_is_connected_all_the_same(bluesky: BlueskyHarness) -> None:
    bluesky.simulator.has_chat = False
    assert "Its server has no" in connect(bluesky).grant.cannot["direct_message"]


def test_private_messages_that_do_not_answer_now_are_asked_for_again_with_the_next_session(bluesky: BlueskyHarness) -> None:
    with bluesky.simulator.failing("unavailable", only=lambda call: call.nsid.startswith("chat.")):
        connected = connect(bluesky)
    assert "could not be reached" in connected.grant.cannot["direct_message"]
    fresh = connecting().renew(config_of(connected))
    assert fresh is not None
    assert (connected.credentials["chat"], fresh["chat"]) == ("no", "yes")
    assert connecting().probe(AccountConfig("bluesky", "", "", fresh)).cannot == {}


def test_probing_writes_nothing(bluesky: BlueskyHarness) -> None:
    config = config_of(connect(bluesky))
    before = len(bluesky.simulator.log)
    assert connecting().probe(config).username == "tidewheel.test"
    assert {call.method for call in bluesky.simulator.log[before:]} == {"GET"}


def test_a_session_is_renewed_by_its_refresh_token_which_is_good_once(bluesky: BlueskyHarness) -> None:
    config = config_of(connect(bluesky))
    fresh = connecting().renew(config)
    assert fresh is not None
    assert fresh["refresh"] != config.credentials["refresh"]
    assert {name: fresh[name] for name in ("identifier", "password", "service", "did")} == {
        name: config.credentials[name] for name in ("identifier", "password", "service", "did")
    }
    assert len(bluesky.simulator.calls("com.atproto.server.createSession")) == 1


def test_a_refresh_token_that_got_lost_is_made_up_for_by_the_password(bluesky: BlueskyHarness) -> None:
    """The server gave another, and the answer never arrived."""
    config = config_of(connect(bluesky))
    lost = bluesky.simulator.failing("no_answer_after_writing", only=lambda call: call.nsid.endswith("refreshSession"))
    with lost, pytest.raises(NetworkError) as caught:
        connecting().renew(config)
    assert caught.value.retryable
    fresh = connecting().renew(config)
    assert fresh is not None
    assert connecting().probe(AccountConfig("bluesky", "", "", fresh)).external_id == bluesky.world.us.did
    assert len(bluesky.simulator.calls("com.atproto.server.createSession")) == 2


def test_a_session_that_is_given_back_is_renewed_no_more(bluesky: BlueskyHarness) -> None:
    config = config_of(connect(bluesky))
    assert "App passwords" in connecting().give_back(config)
    bluesky.simulator.passwords.clear()  # as its owner was told
    with pytest.raises(NetworkError) as caught:
        connecting().renew(config)
    assert caught.value.account_revoked
    assert "App passwords" in connecting().give_back(config)  # it has ended already


def test_a_session_that_cannot_be_given_back_now_is_told_as_an_error(bluesky: BlueskyHarness) -> None:
    config = config_of(connect(bluesky))
    with bluesky.failing("error_after_writing"), pytest.raises(NetworkError) as caught:
        connecting().give_back(config)
    assert caught.value.retryable


def test_an_app_password_that_was_taken_away_needs_a_person(bluesky: BlueskyHarness) -> None:
    config = config_of(connect(bluesky))
    bluesky.simulator.passwords.clear()
    with pytest.raises(NetworkError) as caught:
        connecting().renew(config)
    assert (caught.value.permanent, caught.value.account_revoked) == (True, True)


def test_an_account_that_was_taken_down_needs_a_person(bluesky: BlueskyHarness) -> None:
    config = config_of(connect(bluesky))
    bluesky.world.us.is_active = False
    for call in (lambda: connecting().probe(config), lambda: connecting().renew(config), lambda: registry.reader_for(config).fetch("")):
        with pytest.raises(NetworkError) as caught:
            call()
        assert caught.value.account_revoked


def test_a_server_in_a_private_network_is_not_asked(bluesky: BlueskyHarness) -> None:
    with pytest.raises(NetworkError) as caught:
        connect(bluesky, service="https://10.0.0.7")
    assert (caught.value.permanent, caught.value.code) == (True, "not_public")


def test_a_document_that_leads_into_a_private_network_is_not_followed(bluesky: BlueskyHarness) -> None:
    bluesky.simulator.lives_at = "https://169.254.169.254"
    with pytest.raises(NetworkError) as caught:
        connect(bluesky)
    assert caught.value.code == "not_public"
