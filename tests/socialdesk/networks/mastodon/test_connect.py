"""Connecting an account of Mastodon: signing in at any server, what it may do there, and what is refused."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, AccountConfig, Connected, Connecting, NetworkError
from socialdesk.networks.mastodon.server import address_of
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.mastodon.world import challenge_of
from tests.socialdesk.networks.served import Answer, Call

BACK = "https://desk.example.com/accounts/callback/mastodon/"


def connector() -> Connecting:
    connecting = registry.get("mastodon").connecting
    assert connecting is not None
    return connecting


def allow(url: str) -> dict[str, str]:
    """What the person's browser brings back, after they said yes or no."""
    answer = requests.get(url, allow_redirects=False, timeout=30)
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith(BACK)
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def connect(there: MastodonHarness, **values: str) -> Connected:
    typed = {"server": there.simulator.base} | values
    verifier = secrets.token_urlsafe(48)
    begun = connector().begin(typed, redirect_uri=BACK, state="s1", challenge=challenge_of(verifier))
    answer = allow(begun.url)
    assert answer["state"] == "s1"
    (connected,) = connector().finish({**typed, **begun.keep}, answer=answer, verifier=verifier, redirect_uri=BACK)
    return connected


def config_of(connected: Connected) -> AccountConfig:
    return AccountConfig("mastodon", connected.grant.username, connected.grant.external_id, connected.credentials)


def refused(call: Any) -> NetworkError:
    with pytest.raises(NetworkError) as caught:
        call()
    return caught.value


def test_an_account_that_is_connected_hears_and_speaks(there: MastodonHarness) -> None:
    connected = connect(there)
    grant = connected.grant
    assert (grant.external_id, grant.username, grant.display_name) == (there.world.us.id, f"tidewheel@{there.world.domain}", "Tidewheel")
    assert grant.cannot == {}
    assert grant.limits == {
        "max_length": 468,
        "max_message_length": 468,
        "max_pictures": 4,
        "max_picture_bytes": 16_777_216,
        "max_film_bytes": 103_809_024,
        "max_picture_alt": 1500,
        "max_film_alt": 1500,
    }
    config = config_of(connected)
    there.world.publish(there.world.person("ana"), "@tidewheel hello")
    (post,) = read_all(registry.reader_for(config)).posts
    publisher = registry.publisher_for(config)
    assert publisher.reply(in_reply_to=post.external_id, text="Hello!", token="t1").external_id
    assert publisher.direct_message(to=post.author.external_id, text="Hello!", token="t2").external_id
    publisher.like(external_id=post.external_id, token="t3")
    publisher.repost(external_id=post.external_id, token="t4")
    assert not publisher.follows_us(post.author.external_id)


def test_only_what_is_needed_is_asked_for(there: MastodonHarness) -> None:
    connect(there)
    (app,) = there.simulator.routes.oauth.apps.values()
    assert not {"read", "write", "follow", "push"} & set(app.scopes)
    assert not [scope for scope in app.scopes if scope.startswith("admin")]
    assert app.redirect_uris == [BACK]


def test_a_server_with_longer_posts_is_said_to_have_them(there: MastodonHarness) -> None:
    there.simulator.max_characters = 5000
    assert connect(there).grant.limits["max_length"] == 4968
    assert registry.get("mastodon").capabilities.within({}, {"max_length": 4968}).max_length == 4968


def test_a_list_is_found_by_its_name(there: MastodonHarness) -> None:
    connected = connect(there, list=" customers ")
    assert connected.credentials["list"] == "7"
    there.customer_posts("ana", "hello")
    assert [post.text for post in read_all(registry.reader_for(config_of(connected))).posts] == ["hello"]
    error = refused(lambda: connect(there, list="Friends"))
    assert error.permanent
    assert "has no list 'Friends'; it has: Customers" in str(error)


@pytest.mark.parametrize(
    ("scopes", "cannot"),
    [
        ("read write", set()),
        ("read", {"reply", "direct_message", "repost", "post", "delete", "like"}),
        ("read write:statuses", {"like"}),
        (
            "read:accounts write",
            {"reply", "reads_direct_messages", "streams", "backfill", "context", "tells_deletions", "tells_edits"},
        ),
    ],
)
def test_what_was_not_allowed_is_named(there: MastodonHarness, scopes: str, cannot: set[str]) -> None:
    config = there.config_with(scopes=scopes, scope=scopes)
    grant = connector().probe(config)
    assert set(grant.cannot) == cannot
    assert all(reason.endswith("Connect it anew.") for reason in grant.cannot.values())
    for limit in ("max_pictures", "max_film_bytes"):
        assert (grant.limits[limit] == 0) == (scopes in ("read", "read write:statuses"))
    able = registry.get("mastodon").capabilities.within(grant.cannot, grant.limits)
    assert not any(getattr(able, name) for name in cannot)


def test_what_a_token_may_not_is_refused_for_good_and_not_as_revoked(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "hello")
    publisher = registry.publisher_for(there.config_with(scopes="read"))
    error = refused(lambda: publisher.reply(in_reply_to=post, text="Hello!", token="t1"))
    assert (error.permanent, error.account_revoked) == (True, False)


def test_a_server_that_does_not_stream_is_said_not_to(there: MastodonHarness) -> None:
    there.simulator.has_streaming = False
    connected = connect(there)
    assert set(connected.grant.cannot) == {"streams"}
    assert not registry.get("mastodon").capabilities.within(connected.grant.cannot).streams


@pytest.mark.parametrize("failure", ["unavailable", "lost_before_writing", "rate_limit"])
def test_a_stream_that_fails_for_a_moment_is_not_said_to_be_none(there: MastodonHarness, failure: str) -> None:
    with there.simulator.failing(failure, only=lambda call: "/streaming/" in call.path):
        assert connector().probe(there.config).cannot == {}


def test_a_person_who_says_no_connects_nothing(there: MastodonHarness) -> None:
    there.simulator.routes.oauth.is_denied = True
    assert "not allowed" in str(refused(lambda: connect(there)))


def test_a_code_is_good_for_whoever_began_only_and_once(there: MastodonHarness) -> None:
    verifier = secrets.token_urlsafe(48)
    typed: Mapping[str, str] = {"server": there.simulator.base}
    begun = connector().begin(typed, redirect_uri=BACK, state="s1", challenge=challenge_of(verifier))
    values = {**typed, **begun.keep}
    stolen = allow(begun.url)
    assert refused(lambda: connector().finish(values, answer=stolen, verifier="guessed" * 9, redirect_uri=BACK)).permanent
    answer = allow(begun.url)
    assert connector().finish(values, answer=answer, verifier=verifier, redirect_uri=BACK)
    assert refused(lambda: connector().finish(values, answer=answer, verifier=verifier, redirect_uri=BACK)).permanent


def test_a_revoked_token_is_noticed(there: MastodonHarness) -> None:
    config = config_of(connect(there))
    there.simulator.routes.oauth.tokens.clear()
    assert refused(lambda: connector().probe(config)).account_revoked


@pytest.mark.parametrize("words", ["Your login is currently disabled", "Your login is currently pending approval"])
def test_an_account_that_was_closed_is_noticed(there: MastodonHarness, words: str) -> None:
    there.simulator.routes.answer = lambda call: Answer(403, {"error": words})  # type: ignore[method-assign]
    assert refused(lambda: there.reader.fetch("")).account_revoked


# Tokens that end


def test_mastodons_own_tokens_do_not_end(there: MastodonHarness) -> None:
    connected = connect(there)
    assert "expires_at" not in connected.credentials
    assert connector().renew(config_of(connected)) is None


def test_a_token_that_ends_is_renewed(there: MastodonHarness) -> None:
    there.simulator.routes.oauth.expires_in = 7200
    connected = connect(there)
    assert connected.credentials["expires_at"]
    config = config_of(connected)
    del there.simulator.routes.oauth.tokens[connected.credentials["access_token"]]
    error = refused(lambda: registry.reader_for(config).fetch(""))
    assert (error.code, error.retryable, error.account_revoked) == (EXPIRED, True, False)
    fresh = connector().renew(config)
    assert fresh is not None
    assert fresh["refresh_token"] != connected.credentials["refresh_token"]
    registry.reader_for(replace(config, credentials=fresh)).fetch("")
    assert refused(lambda: connector().renew(config)).permanent  # each is good for once


@pytest.mark.parametrize("ends_in", [0, 7200], ids=["tokens that do not end", "tokens that end"])
def test_what_is_given_back_is_good_for_nothing_any_more(there: MastodonHarness, ends_in: int) -> None:
    there.simulator.routes.oauth.expires_in = ends_in
    config = config_of(connect(there))
    assert connector().give_back(config) == ""
    refused(lambda: connector().probe(config))
    oauth = there.simulator.routes.oauth
    assert config.credentials["access_token"] not in oauth.tokens
    assert oauth.refresh == {}
    assert connector().give_back(config) == ""  # it has ended already


def test_who_is_not_reached_is_told_as_an_error(there: MastodonHarness) -> None:
    config = config_of(connect(there))
    with there.failing("error_after_writing"):
        assert not refused(lambda: connector().give_back(config)).permanent


# What somebody may type


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("mastodon.example", "https://mastodon.example"),
        ("https://Mastodon.example/", "https://mastodon.example"),
        ("@tidewheel@mastodon.example", "https://mastodon.example"),
        (" mastodon.example:8443 ", "https://mastodon.example:8443"),
    ],
)
def test_a_server_may_be_written_in_several_ways(typed: str, address: str) -> None:
    assert address_of(typed) == address


@pytest.mark.parametrize(
    "typed",
    ["", " ", "https://", "mastodon", "http://mastodon.example", "127.0.0.1", "https://10.0.0.1", "http://169.254.169.254", "[::1]", "https://[::ffff:10.0.0.1]",
     "ftp://mastodon.example", "https://me:secret@mastodon.example", "mastodon.example/path?x#y", "a b", "https://mastodon.example:99999",
     "javascript:x"],
)  # fmt: skip
def test_an_address_that_is_none_or_not_for_us_is_refused_before_anything_is_asked(typed: str, settings: Settings) -> None:
    settings.OUTBOUND_PRIVATE = []
    error = refused(lambda: connector().begin({"server": typed}, redirect_uri=BACK, state="s", challenge="c"))
    assert error.permanent
    assert "secret" not in str(error)


def test_a_server_that_is_not_there_is_said_to_be_so(there: MastodonHarness) -> None:
    there.close()
    error = refused(lambda: connector().begin({"server": there.simulator.base}, redirect_uri=BACK, state="s", challenge="c"))
    assert "cannot be reached" in str(error)


@pytest.mark.parametrize("failure", ["unavailable", "no_json", "error_after_writing", "rate_limit", "lost_before_writing"])
def test_a_server_that_fails_is_told_as_an_error(there: MastodonHarness, failure: str) -> None:
    with there.simulator.failing(failure):
        refused(lambda: connector().begin({"server": there.simulator.base}, redirect_uri=BACK, state="s", challenge="c"))


@pytest.mark.parametrize("token", [None, 7, "", "a\nb", "ü", {"a": 1}, "x" * 20_000])
def test_a_token_that_can_be_none_is_refused(there: MastodonHarness, token: Any) -> None:
    known = there.simulator.routes.answer

    def answer(call: Call) -> Answer:
        return Answer(200, {"access_token": token}) if call.path == "/oauth/token" else known(call)

    there.simulator.routes.answer = answer  # type: ignore[method-assign]
    assert refused(lambda: connect(there)).permanent


def test_a_token_that_is_the_name_of_a_file_is_a_token_and_the_file_is_not_read(there: MastodonHarness, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("the first line\nhttps://elsewhere.example\n")
    config = there.config_with(access_token=str(secret), client_id=str(secret))
    refused(lambda: connector().probe(config))
    sent = there.simulator.calls("GET", "/api/v1/accounts/verify_credentials")
    assert [call.headers["authorization"] for call in sent] == [f"Bearer {secret}"]


def test_the_library_is_loaded_with_the_first_call_only() -> None:
    """It takes half a second of the start, of every process."""
    script = "import django; django.setup(); import sys; from socialdesk.networks import registry; sys.exit('mastodon' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 0
