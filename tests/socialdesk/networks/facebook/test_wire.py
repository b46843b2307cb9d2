"""The Graph API's errors, limits and secrets: what each answer means for the outbox, and that nothing is sent twice or told."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, NetworkError, Picture
from socialdesk.networks.facebook.client import Client, at, next_page
from tests.socialdesk.networks.facebook.graph import PAGE
from tests.socialdesk.networks.facebook.harness import FacebookHarness, InstagramHarness, MetaHarness
from tests.socialdesk.networks.facebook.simulator import APP_SECRET
from tests.socialdesk.networks.harnesses import FILM, Failure

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100


def error(code: int, subcode: int = 0, message: str = "Words of Facebook", *, status: int = 400, **more: Any) -> Callable[[], Any]:
    body = {"error": {"message": message, "type": "OAuthException", "code": code, "error_subcode": subcode, "fbtrace_id": "A"} | more}
    return lambda: (status, body, {})


def refused(harness: MetaHarness, answer: Any, call: Callable[[], Any]) -> NetworkError:
    with harness.simulator.failing(answer), pytest.raises(NetworkError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize(
    ("answer", "meaning", "code"),
    [
        (error(190, 463, status=401), "revoked", "revoked"),
        (error(190, status=400), "revoked", "revoked"),
        (error(102), "revoked", "revoked"),
        (error(4), "retryable", "rate_limit"),
        (error(17), "retryable", "rate_limit"),
        (error(32), "retryable", "rate_limit"),
        (error(613), "retryable", "rate_limit"),
        (error(80001), "retryable", "rate_limit"),
        (error(80006), "retryable", "rate_limit"),
        (error(368), "retryable", "blocked"),
        (error(10, status=403), "permanent", "not_permitted"),
        (error(200, status=403), "permanent", "not_permitted"),
        (error(299, status=403), "permanent", "not_permitted"),
        (error(3), "permanent", "not_permitted"),
        (error(10, 2018278, status=403), "permanent", "window_closed"),
        (error(10, 2534022, status=403), "permanent", "window_closed"),
        (error(10900), "permanent", "answered"),
        (error(10903), "permanent", "window_closed"),
        (error(100), "permanent", "refused"),
        (error(100, 33), "permanent", "not_found"),
        (error(803), "permanent", "not_found"),
        (error(506), "permanent", "already_there"),
        (error(1, status=500), "unknown", "server_error"),
        (error(2, status=500, is_transient=True), "unknown", "server_error"),
        (error(2, status=400), "unknown", "server_error"),
        (error(1200, 2018024), "unknown", "server_error"),
        (error(99999, is_transient=True), "unknown", "server_error"),
        (error(99999, status=503), "unknown", "server_error"),
        (error(100, status=200), "permanent", "refused"),  # Facebook does that
        (lambda: (502, b"<html>Bad gateway</html>", {}), "unknown", "server_error"),
        (lambda: (500, {}, {}), "unknown", "server_error"),
        (lambda: (200, b"<html>Log in</html>", {}), "unknown", "unreadable_answer"),
        (lambda: (200, [1, 2], {}), "unknown", "unreadable_answer"),
        (lambda: (200, {}, {}), "unknown", "unreadable_answer"),
        (lambda: (200, {"id": None}, {}), "unknown", "unreadable_answer"),
        (lambda: (302, {}, {"Location": "https://www.facebook.com/login"}), "unknown", "server_error"),
        (lambda: (400, {"error": {"message": None, "code": "x", "error_subcode": []}}, {}), "permanent", "refused"),
        (lambda: (400, {"error": [1]}, {}), "permanent", "refused"),
        (lambda: (404, b"", {}), "permanent", "not_found"),
        (lambda: (429, {}, {"Retry-After": "7"}), "retryable", "rate_limit"),
    ],
)
def test_what_a_refused_comment_means(facebook: FacebookHarness, answer: Any, meaning: str, code: str) -> None:
    post = facebook.customer_posts("ana", "it broke")
    said = refused(facebook, answer, lambda: facebook.publisher.reply(in_reply_to=post, text="Sorry.", token="t"))
    found = "revoked" if said.account_revoked else "retryable" if said.retryable else "permanent" if said.permanent else "unknown"
    assert (found, said.code) == (meaning, code)
    assert len(facebook.simulator.writes()) == 1
    if found == "retryable":
        assert said.retry_after
    assert not said.account_revoked or said.permanent


def test_the_same_failures_of_a_read_may_be_tried_again(facebook: FacebookHarness) -> None:
    answers: list[Callable[[], Any]] = [error(1, status=500), error(2, is_transient=True)]
    answers += [lambda: (502, b"no", {}), lambda: (200, b"<html>", {})]
    for answer in answers:
        assert refused(facebook, answer, lambda: facebook.reader.fetch("")).retryable


@pytest.mark.parametrize("failure", ["lost_before_writing", "error_after_writing", "no_answer_after_writing", "rate_limit", "revoked"])
@pytest.mark.parametrize("network", ["facebook", "instagram"])
def test_each_write_goes_out_once_whatever_comes_back(network: str, failure: Failure, request: pytest.FixtureRequest) -> None:
    """Counted at the network: no layer below the outbox tries a write again."""
    harness: MetaHarness = request.getfixturevalue(network)
    post, ana = harness.customer_posts("ana", "it broke"), harness.customer_id("ana")
    harness.customer_follows("ana")
    ours = harness.we_reply_by_hand(post, "by hand")
    publisher, can = harness.publisher, harness.capabilities
    calls: dict[str, Callable[[], Any]] = {
        "reply": lambda: publisher.reply(in_reply_to=post, text="Sorry.", token="1"),
        "message": lambda: publisher.direct_message(to=ana, text="Hello", token="2"),
        "hide": lambda: publisher.hide(external_id=post),
        "unhide": lambda: publisher.unhide(external_id=post),
        "delete": lambda: publisher.delete(external_id=ours),
    }
    if can.post:
        calls["post"] = lambda: publisher.post(text="Hello all", token="3")
    if can.like:
        calls["like"] = lambda: publisher.like(external_id=post, token="4")
        calls["unlike"] = lambda: publisher.unlike(external_id=post)
    for name, call in calls.items():
        before = len(harness.simulator.writes())
        with harness.simulator.failing(failure, only=lambda method, path: method != "GET"), pytest.raises(NetworkError) as caught:
            call()
        assert len(harness.simulator.writes()) == before + 1, name
        assert caught.value.outcome_unknown == (failure not in ("rate_limit", "revoked")), name
        cache.clear()


def test_what_never_left_this_machine_may_be_sent_again(facebook: FacebookHarness, settings: Settings) -> None:
    post = facebook.customer_posts("ana", "it broke")
    facebook.simulator.stop()
    with pytest.raises(NetworkError) as caught:
        facebook.publisher.reply(in_reply_to=post, text="Sorry.", token="t")
    assert caught.value.retryable
    settings.FACEBOOK_GRAPH = "http://169.254.169.254"
    with pytest.raises(NetworkError) as caught:
        facebook.publisher.reply(in_reply_to=post, text="Sorry.", token="t")
    assert caught.value.permanent


def test_a_picture_that_was_not_taken_is_no_answer_in_public(facebook: FacebookHarness) -> None:
    """Nobody sees an upload, so it may be made again; the comment goes out only with it."""
    post = facebook.customer_posts("ana", "it broke")
    picture = Picture(PNG, "image/png", "Where the lock is")

    def reply() -> Any:
        return facebook.publisher.reply(in_reply_to=post, text="Here.", token="t", pictures=[picture])

    lost = facebook.simulator.failing("no_answer_after_writing", only=lambda method, path: path.endswith("/photos"))
    with lost, pytest.raises(NetworkError) as caught:
        reply()
    assert caught.value.retryable
    assert [call.path for call in facebook.simulator.writes()] == [f"v23.0/{PAGE}/photos"]
    sent = reply()
    assert facebook.world.things[sent.external_id].picture
    assert [alt for alt, _ in facebook.simulator.photos.values()] == ["Where the lock is"]
    assert not any(is_seen for _, is_seen in facebook.simulator.photos.values())
    with pytest.raises(NetworkError) as caught:
        facebook.publisher.reply(in_reply_to=post, text="Here.", token="t", pictures=[picture, picture])
    assert caught.value.permanent


def test_a_film_is_refused_before_anything_is_asked(facebook: FacebookHarness) -> None:
    post = facebook.customer_posts("ana", "it broke")
    facebook.simulator.log.clear()
    with pytest.raises(NetworkError, match="no film") as caught:
        facebook.publisher.reply(in_reply_to=post, text="Here.", token="t", film=FILM)
    assert caught.value.permanent
    assert facebook.simulator.log == []


# --- Limits ---------------------------------------------------------------------------------------------------------------


def test_reading_stops_at_eighty_per_cent_and_answers_still_go_out(facebook: FacebookHarness) -> None:
    post = facebook.customer_posts("ana", "it broke")
    facebook.simulator.usage = 85
    facebook.publisher.reply(in_reply_to=post, text="One moment.", token="t1")
    asked = len(facebook.simulator.log)
    with pytest.raises(NetworkError) as caught:
        facebook.reader.fetch("")
    assert caught.value.retryable
    assert 0 < (caught.value.retry_after or 0) <= 60
    assert len(facebook.simulator.log) == asked
    facebook.publisher.reply(in_reply_to=post, text="Here it is.", token="t2")
    facebook.simulator.usage = 100
    facebook.publisher.reply(in_reply_to=post, text="And more.", token="t3")
    with pytest.raises(NetworkError) as caught:
        facebook.publisher.reply(in_reply_to=post, text="Too much.", token="t4")
    assert caught.value.retryable
    assert (caught.value.retry_after or 0) > 200


def test_a_refusal_for_too_many_calls_holds_for_every_worker_as_long_as_the_network_says(facebook: FacebookHarness) -> None:
    said = refused(facebook, "rate_limit", lambda: facebook.reader.fetch(""))
    assert said.retry_after == 300
    asked = len(facebook.simulator.log)
    other_worker = registry.reader_for(facebook.config)
    with pytest.raises(NetworkError) as caught:
        other_worker.fetch("")
    assert caught.value.code == "budget"
    assert len(facebook.simulator.log) == asked
    registry.reader_for(AccountConfig("facebook", "another", "1", facebook.config.credentials))  # another account has its own
    with pytest.raises(NetworkError) as caught:
        registry.reader_for(AccountConfig("facebook", "another", "1", facebook.config.credentials)).fetch("")
    assert caught.value.code != "budget"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-App-Usage": "{"},
        {"X-App-Usage": "[1]", "X-Page-Usage": '{"call_count":"many"}'},
        {"X-Business-Use-Case-Usage": '{"1":{"a":1},"2":[3,{"call_count":-5,"estimated_time_to_regain_access":1e999}]}'},
        {"X-Business-Use-Case-Usage": "null", "X-App-Usage": '{"call_count":true}'},
    ],
)
def test_headers_that_make_no_sense_cost_nothing(facebook: FacebookHarness, headers: dict[str, str]) -> None:
    with facebook.simulator.failing(lambda: (200, {"data": []}, headers)):
        assert facebook.reader.fetch("").posts == ()
        assert facebook.reader.fetch("").posts == ()


# --- Secrets --------------------------------------------------------------------------------------------------------------


def test_no_token_stands_in_an_address_a_log_or_an_error(facebook: FacebookHarness, caplog: pytest.LogCaptureFixture) -> None:
    token = facebook.config.credentials["access_token"]
    post = facebook.customer_posts("ana", "it broke")
    with caplog.at_level(logging.INFO):
        facebook.reader.fetch("")
        facebook.publisher.reply(in_reply_to=post, text="Sorry.", token="t")
        facebook.publisher.delete(external_id=facebook.we_reply_by_hand(post, "x"))
        errors = [
            refused(facebook, answer, lambda: facebook.reader.fetch(""))
            for answer in (
                error(190, message=f"Malformed access token {token}"),
                error(1, message=f"{APP_SECRET} EAABsbCS1iHgBA1234567890abc"),
            )
        ]
        facebook.simulator.stop()
        errors.append(refused(facebook, "revoked", lambda: facebook.reader.fetch("")))
    for call in facebook.simulator.log:
        assert token not in call.path + json.dumps(call.query) + json.dumps(call.body)
        assert call.headers["authorization"] == f"Bearer {token}"
        assert {**call.query, **call.body}["appsecret_proof"]
    told = caplog.text + "".join(f"{one} {one.__cause__!r}" for one in errors)
    for secret in (token, APP_SECRET, "EAABsbCS1iHgBA1234567890abc", "appsecret_proof"):
        assert secret not in told
    assert token not in repr(facebook.config)


def test_the_next_page_is_asked_for_at_our_own_address_whatever_the_network_says(facebook: FacebookHarness) -> None:
    elsewhere = {"data": [], "paging": {"next": "https://evil.example/steal?after=abc&fields=access_token&access_token=x"}}
    assert next_page(elsewhere) == {"after": "abc"}
    for nonsense in ({}, {"paging": None}, {"paging": {"next": 5}}, {"paging": {"next": "http://[::1"}}, {"paging": {"next": "no query"}}):
        assert next_page(nonsense) == {}
    with facebook.simulator.failing(lambda: (200, elsewhere, {})):
        facebook.reader.fetch("")
    assert len(facebook.simulator.log) < 10  # a list that leads to itself is left


@pytest.mark.parametrize("name", ["", ".", "..", "x" * 301])
def test_an_id_that_is_none_is_not_asked_for(facebook: FacebookHarness, instagram: InstagramHarness, name: str) -> None:
    calls: list[Callable[[], Any]] = [
        lambda: facebook.publisher.like(external_id=name, token="t"),
        lambda: facebook.publisher.unlike(external_id=name),
        lambda: facebook.publisher.unhide(external_id=name),
        lambda: instagram.publisher.unhide(external_id=name),
    ]
    for call in calls:
        with pytest.raises(NetworkError) as caught:
            call()
        assert (caught.value.permanent, caught.value.code) == (True, "not_found")
    assert facebook.simulator.log == instagram.simulator.log == []


def test_an_id_from_outside_leads_nowhere_else() -> None:
    assert at("../me/feed?x=1#y", "comments") == "..%2Fme%2Ffeed%3Fx%3D1%23y/comments"


def test_without_a_proof_the_network_refuses_and_says_why(facebook: FacebookHarness, settings: Settings) -> None:
    settings.FACEBOOK_APP_SECRET = ""
    with pytest.raises(NetworkError, match="appsecret_proof") as caught:
        Client.of(facebook.config).get(PAGE)
    assert caught.value.permanent


def test_an_answer_without_an_end_is_not_read(facebook: FacebookHarness) -> None:
    huge = b'{"data":[' + b'"x",' * 3_000_000 + b'"x"]}'
    said = refused(facebook, lambda: (200, huge, {}), lambda: facebook.reader.fetch(""))
    assert said.retryable
    post = facebook.customer_posts("ana", "it broke")
    assert refused(
        facebook, lambda: (200, huge, {}), lambda: facebook.publisher.reply(in_reply_to=post, text="x", token="t")
    ).outcome_unknown


def test_a_slow_network_is_waited_for_a_while_and_no_longer(facebook: FacebookHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socialdesk.lib.outbound.READ", 0.2)
    facebook.simulator.slow = 10
    post = facebook.customer_posts("ana", "it broke")
    began = time.monotonic()
    with pytest.raises(NetworkError) as caught:
        facebook.publisher.reply(in_reply_to=post, text="Sorry.", token="t")
    assert caught.value.outcome_unknown
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("network", ["facebook", "instagram"])
def test_what_was_sent_is_found_though_our_clock_is_ahead(
    network: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness: MetaHarness = request.getfixturevalue(network)
    harness.world.skew = -1800
    monkeypatch.setattr(BaseHTTPRequestHandler, "date_time_string", lambda self: formatdate(harness.world.now(), usegmt=True))
    post = harness.customer_posts("ana", "it broke")
    harness.customer_messages("ana", "hello?")
    since = datetime.now(UTC) - timedelta(minutes=5)
    sent = harness.publisher.reply(in_reply_to=post, text="Sorry.", token="t")
    letter = harness.publisher.direct_message(to=harness.customer_id("ana"), text="Hello.", token="t")
    again = registry.publisher_for(harness.config)  # another worker, which asked nothing before
    assert again.find(token="t", text="Sorry.", in_reply_to=post, since=since) == sent
    again = registry.publisher_for(harness.config)
    found = again.find(token="t", text="Hello.", to=harness.customer_id("ana"), since=since)
    assert found is not None
    assert found.external_id == letter.external_id


def test_our_letter_is_found_in_a_conversation_that_names_nobody(facebook: FacebookHarness) -> None:
    written = {"id": "m_1", "created_time": datetime.now(UTC).isoformat(), "from": {"id": PAGE}, "message": "Hello."}
    answer = {"data": [{"id": "t_1", "messages": {"data": [written]}}]}
    with facebook.simulator.failing(lambda: (200, answer, {}), only=lambda method, path: path.endswith("/conversations")):
        found = facebook.publisher.find(token="t", text="Hello.", to="7", since=datetime.now(UTC) - timedelta(minutes=5))
    assert found is not None
    assert found.external_id == "m_1"


def test_a_comment_that_is_said_to_be_below_itself_is_looked_below_once(facebook: FacebookHarness) -> None:
    post = facebook.customer_posts("ana", "it broke")
    comment = facebook.customer_posts("ana", "really", in_reply_to=post)
    answer = {"id": comment, "parent": {"id": comment}}
    with facebook.simulator.failing(lambda: (200, answer, {}), only=lambda method, path: path.endswith(comment)):
        since = datetime.now(UTC) - timedelta(minutes=5)
        assert facebook.publisher.find(token="t", text="Sorry.", in_reply_to=comment, since=since) is None
    assert len(facebook.simulator.log) < 10
