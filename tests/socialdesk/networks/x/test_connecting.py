"""Connecting an account of X: the way through X's pages, what the sign-in may do, and its renewal."""

from __future__ import annotations

import base64
import hashlib
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from socialdesk.networks.base import AccountConfig, NetworkError
from socialdesk.networks.x import NETWORK
from socialdesk.networks.x.connect import SCOPES, XConnecting
from socialdesk.networks.x.stream import XStream
from tests.socialdesk.networks.x.conftest import Stage
from tests.socialdesk.networks.x.world import ALL_SCOPES

VERIFIER = "a" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
BACK = "https://desk.example/accounts/back/"
CONNECTING = XConnecting()


def allowed(x: Stage, *, scope: str = ALL_SCOPES, code: str = "code-1") -> dict[str, str]:
    """What X's redirect brings after the person said yes."""
    begun = CONNECTING.begin({}, redirect_uri=BACK, state="s1", challenge=CHALLENGE)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    assert set(asked["scope"].split()) == set(SCOPES) == set(ALL_SCOPES.split())
    x.world.codes[code] = {"user": x.us.id, "challenge": asked["code_challenge"], "redirect_uri": asked["redirect_uri"], "scope": scope}
    return {"code": code, "state": asked["state"]}


def finish(answer: dict[str, str], **changes: str) -> Any:
    (connected,) = CONNECTING.finish({}, answer=answer, **{"verifier": VERIFIER, "redirect_uri": BACK, **changes})
    return connected


def test_the_person_is_sent_to_x_with_a_challenge_and_without_a_secret(x: Stage) -> None:
    url = CONNECTING.begin({}, redirect_uri=BACK, state="s1", challenge=CHALLENGE).url
    parts = urlsplit(url)
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == "https://x.com/i/oauth2/authorize"
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert query["code_challenge_method"] == "S256"
    assert (query["response_type"], query["client_id"], query["state"]) == ("code", "app-of-tidewheel", "s1")
    assert "secret" not in url


def test_an_account_is_connected_and_may_do_what_was_allowed(x: Stage) -> None:
    connected = finish(allowed(x))
    grant = connected.grant
    assert (grant.external_id, grant.username, grant.display_name) == (x.us.id, "tidewheel", "Tidewheel")
    assert (grant.cannot, grant.limits) == ({}, {})
    assert set(connected.credentials) == {"access_token", "refresh_token", "scope", "issued_at", "expires_at"}
    expires_in = datetime.fromisoformat(connected.credentials["expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=115) < expires_in <= timedelta(hours=2)
    assert connected.credentials["access_token"] not in repr(connected)
    assert NETWORK.reader is not None
    x.ana_posts("@tidewheel it broke")
    config = AccountConfig("x", grant.username, grant.external_id, connected.credentials)
    assert [post.text for post in NETWORK.reader(config).fetch("").posts] == ["@tidewheel it broke"]


def test_what_was_not_allowed_is_told_and_not_promised(x: Stage, settings: Any) -> None:
    settings.X_BEARER = ""
    grant = finish(allowed(x, scope="tweet.read users.read tweet.write offline.access")).grant
    assert set(grant.cannot) == {"hide", "like", "direct_message", "reads_direct_messages", "streams"}
    left = NETWORK.capabilities.within(grant.cannot)
    assert (left.reply, left.direct_message, left.like) == (True, False, False)


def test_messages_that_the_plan_does_not_let_be_read_are_told(x: Stage) -> None:
    x.simulator.answers_with = (403, b'{"title": "Forbidden", "detail": "Your plan has no Direct Messages.", "status": 403}', {})
    x.simulator.fails_on = lambda method, path: path == "/2/dm_events"
    grant = finish(allowed(x)).grant
    assert "Your plan has no Direct Messages." in grant.cannot["reads_direct_messages"]


def test_who_pays_x_for_long_posts_may_write_them(x: Stage) -> None:
    x.us.subscription = "Premium"
    grant = finish(allowed(x)).grant
    assert NETWORK.capabilities.within(grant.cannot, grant.limits).max_length == 25_000


@pytest.mark.parametrize(
    ("answer", "changes", "says"),
    [
        ({"error": "access_denied", "state": "s1"}, {}, "not allowed"),
        ({"state": "s1"}, {}, "gave no code"),
        ({"code": "of somebody else"}, {}, "Begin again"),
        (None, {"verifier": "b" * 64}, "Begin again"),
        (None, {"redirect_uri": "https://elsewhere.example/"}, "Begin again"),
    ],
)
def test_a_way_back_that_is_not_as_it_should_be_connects_nobody(
    x: Stage, answer: dict[str, str] | None, changes: dict[str, str], says: str
) -> None:
    given = answer if answer is not None else allowed(x)
    with pytest.raises(NetworkError, match=says):
        finish(given, **changes)


def test_a_code_is_good_for_once(x: Stage) -> None:
    answer = allowed(x)
    finish(answer)
    with pytest.raises(NetworkError):
        finish(answer)


def test_a_refused_app_is_the_owners_business(x: Stage, settings: Any) -> None:
    settings.X_CLIENT_SECRET = "wrong"
    with pytest.raises(NetworkError, match="SOCIALDESK_X_CLIENT_ID") as caught:
        finish(allowed(x))
    assert not caught.value.account_revoked


def test_a_sign_in_that_is_given_back_is_good_for_nothing_and_its_rules_are_gone(x: Stage) -> None:
    credentials = finish(allowed(x)).credentials
    config = AccountConfig("x", "tidewheel", x.us.id, credentials, terms=("bells",))
    XStream(config).keep_rules()
    x.world.rules["77"] = {"id": "77", "value": "from:somebody", "tag": "another program's"}
    assert CONNECTING.give_back(config) == ""
    assert [rule["tag"] for rule in x.world.rules.values()] == ["another program's"]
    assert credentials["access_token"] not in x.world.tokens
    assert credentials["refresh_token"] not in x.world.refresh_tokens
    assert CONNECTING.give_back(config) == ""  # it has ended already


def test_without_a_stream_only_the_sign_in_is_given_back(x: Stage, settings: Any) -> None:
    settings.X_BEARER = ""
    credentials = finish(allowed(x)).credentials
    assert CONNECTING.give_back(AccountConfig("x", "tidewheel", x.us.id, credentials)) == ""
    assert credentials["access_token"] not in x.world.tokens


@pytest.mark.parametrize(("status", "is_error"), [(400, False), (401, True), (503, True)])
def test_x_says_whether_a_sign_in_was_given_back(x: Stage, status: int, is_error: bool) -> None:
    """400: it does not know the token, which has ended."""
    config = AccountConfig("x", "tidewheel", x.us.id, finish(allowed(x)).credentials)
    x.simulator.answers_with = (status, b'{"error": "invalid_request", "error_description": "Value passed for the token was invalid."}', {})
    x.simulator.fails_on = lambda method, path: path.endswith("/revoke")
    with pytest.raises(NetworkError) if is_error else nullcontext():
        CONNECTING.give_back(config)


def test_tokens_are_renewed_and_each_refresh_token_is_used_once(x: Stage) -> None:
    connected = finish(allowed(x))
    config = AccountConfig("x", "tidewheel", x.us.id, connected.credentials)
    fresh = CONNECTING.renew(config)
    assert fresh is not None
    assert fresh["refresh_token"] != connected.credentials["refresh_token"]
    assert fresh["access_token"] != connected.credentials["access_token"]
    assert CONNECTING.probe(replace(config, credentials=fresh)).username == "tidewheel"
    with pytest.raises(NetworkError) as caught:
        CONNECTING.renew(config)
    assert (caught.value.account_revoked, caught.value.permanent) == (True, True)
    assert CONNECTING.renew(replace(config, credentials={"access_token": "t"})) is None


@pytest.mark.parametrize("failure", ["503", "403", "404", "garbage", "lost"])
def test_a_renewal_that_got_no_answer_does_not_revoke_the_account(x: Stage, failure: str) -> None:
    config = AccountConfig("x", "tidewheel", x.us.id, finish(allowed(x)).credentials)
    if failure == "lost":
        x.simulator.failure = "lost_before_writing"
    else:
        x.simulator.answers_with = (int(failure), b"<html>", {}) if failure.isdecimal() else (200, b"<html>", {})
    with pytest.raises(NetworkError) as caught:
        CONNECTING.renew(config)
    assert not caught.value.account_revoked
    assert not caught.value.permanent


def test_what_the_owner_must_give_first_is_named(settings: Any) -> None:
    settings.X_CLIENT_ID = ""
    assert "SOCIALDESK_X_CLIENT_ID" in CONNECTING.missing()
    settings.X_CLIENT_ID = "1"
    assert CONNECTING.missing() == ""
