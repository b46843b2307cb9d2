"""The wire to X: what refusals mean, which limits are kept, and that nothing is asked twice or told to anybody."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from socialdesk.lib import outbound
from socialdesk.networks.base import EXPIRED, NetworkError
from socialdesk.networks.x import NETWORK
from socialdesk.networks.x import client as wire
from tests.socialdesk.networks.x.conftest import Stage

FOLDER = Path(__file__).resolve().parents[4] / "fixtures" / "networks" / "x"
RENEWABLE = {"refresh_token": "r", "issued_at": "2026-11-20T08:00:00+00:00"}


def answer_of(case: str) -> requests.Response:
    given = json.loads((FOLDER / f"refused_{case}.json").read_text(encoding="utf-8"))
    response = requests.Response()
    response.status_code, response.reason = given["status"], "Reason"
    body = given["body"]
    response._content = (body if isinstance(body, str) else json.dumps(body)).encode()
    response.headers.update(given["headers"])
    return response


# What each refusal means to a write: the kind, the code, and the seconds to wait.
MEANING: dict[str, tuple[str, str, float | None]] = {
    "duplicate": ("unknown", "duplicate", None),
    "signed_out": ("revoked", "revoked", None),
    "too_often": ("retryable", "rate_limit", 420),
    "too_often_today": ("retryable", "rate_limit", 12 * 3600),
    "plan_used_up": ("retryable", "used_up", 3600),
    "no_credits": ("retryable", "used_up", 3600),
    "parameter": ("permanent", "refused", None),
    "no_messages": ("permanent", "not_following", None),
    "not_there": ("permanent", "not_found", None),
    "by_a_gateway": ("unknown", "server_error", None),
    "odd_errors": ("permanent", "refused", None),
    "a_list": ("permanent", "refused", None),
}


def kind_of(error: NetworkError) -> str:
    if error.account_revoked:
        return "revoked"
    return "retryable" if error.retryable else "permanent" if error.permanent else "unknown"


@pytest.mark.parametrize("case", sorted(path.stem.removeprefix("refused_") for path in FOLDER.glob("refused_*.json")))
def test_what_a_refusal_means(case: str) -> None:
    error = wire.refused(answer_of(case), is_write=True, credentials={"access_token": "t"})
    kind, code, wait = MEANING[case]
    assert (kind_of(error), error.code) == (kind, code)
    assert error.retry_after == (None if wait is None else pytest.approx(wait, abs=2))


def test_a_refusal_says_what_x_says() -> None:
    error = wire.refused(answer_of("parameter"), is_write=False, credentials={})
    assert "[500] is not between 5 and 100" in str(error)


def test_an_access_token_that_has_ended_is_renewed_and_one_that_was_given_just_now_is_not() -> None:
    error = wire.refused(answer_of("signed_out"), is_write=True, credentials=RENEWABLE)
    assert (error.code, error.retryable, error.account_revoked) == (EXPIRED, True, False)
    fresh = {**RENEWABLE, "issued_at": datetime.now(UTC).isoformat()}
    assert wire.refused(answer_of("signed_out"), is_write=True, credentials=fresh).account_revoked
    odd = {**RENEWABLE, "issued_at": "some day"}
    assert wire.refused(answer_of("signed_out"), is_write=True, credentials=odd).code == EXPIRED


def test_a_refused_app_says_nothing_of_the_account(x: Stage, settings: Any) -> None:
    settings.X_BEARER = "another"
    with pytest.raises(NetworkError) as caught:
        wire.usage(x.config)
    assert (caught.value.code, caught.value.permanent, caught.value.account_revoked) == ("app_refused", True, False)
    settings.X_BEARER = ""
    with pytest.raises(NetworkError, match="SOCIALDESK_X_BEARER") as caught:
        wire.usage(x.config)
    assert not caught.value.account_revoked


def test_usage_is_told_in_words(x: Stage) -> None:
    assert NETWORK.usage is not None
    told = "X has counted 4,211 posts that were read, of 15,000 in this period. It counts anew on day 11 of the month."
    assert NETWORK.usage(x.config) == told
    x.simulator.answers_with = (200, b'{"data": {"project_usage": [], "project_cap": null}}', {})
    assert NETWORK.usage(x.config) == ""


# Limits


def test_each_endpoint_has_a_limit_of_its_own() -> None:
    assert wire.bucket_of("GET", "http://127.0.0.1:1/2/users/1501/mentions") == "GET:/2/users/:id/mentions"
    assert wire.bucket_of("DELETE", "https://api.x.com/2/users/15/retweets/29") == "DELETE:/2/users/:id/retweets/:id"
    assert wire.bucket_of("GET", "https://api.x.com/2/users/me?a=1") == "GET:/2/users/me"


def test_a_limit_that_is_used_up_is_not_asked_again_by_any_worker(x: Stage) -> None:
    post = x.ana_posts()
    x.simulator.limits["like"] = 2
    for _ in range(2):
        x.publisher.like(external_id=post.id, token="t")
    for _ in range(3):
        with pytest.raises(NetworkError) as caught:
            x.publisher.like(external_id=post.id, token="t")
        assert caught.value.retryable
        assert 890 < (caught.value.retry_after or 0) <= 901
    assert [call.status for call in x.simulator.calls("POST", "/likes")] == [200, 200]
    x.publisher.reply(in_reply_to=post.id, text="We are sorry.", token="t")  # another limit


def test_the_time_of_a_new_beginning_is_read_by_the_networks_own_clock(x: Stage) -> None:
    x.simulator.clock_skew = -7200
    x.simulator.limits["like"] = 0
    post = x.ana_posts()
    for _ in range(2):  # refused by X, then by our own budget
        with pytest.raises(NetworkError) as caught:
            x.publisher.like(external_id=post.id, token="t")
        assert 880 < (caught.value.retry_after or 0) <= 901
    assert len(x.simulator.calls("POST", "/likes")) == 1


def test_what_may_be_done_in_a_day_is_kept_too(x: Stage) -> None:
    post = x.ana_posts()
    day = {"limit": "100", "remaining": "0", "reset": str(int(time.time()) + 40_000)}
    headers = {f"x-user-limit-24hour-{name}": value for name, value in day.items()}
    x.simulator.answers_with = (200, b'{"data": {"liked": true}}', headers)
    x.publisher.like(external_id=post.id, token="t")
    with pytest.raises(NetworkError) as caught:
        x.publisher.like(external_id=post.id, token="t")
    assert (caught.value.code, caught.value.retryable) == ("budget", True)
    assert 39_000 < (caught.value.retry_after or 0) <= 40_001
    assert len(x.simulator.calls("POST", "/likes")) == 1


# What is asked, and what may be answered


def test_posts_are_asked_for_by_their_old_names_where_x_does_not_know_the_new_ones(x: Stage) -> None:
    x.simulator.knows_new_names = False
    first = x.ana_posts()
    x.world.publish(x.ben, "@tidewheel mine too", in_reply_to=first.id)
    posts = x.reader.fetch("").posts
    assert [(post.text, post.author.username, post.in_reply_to) for post in posts] == [
        ("@tidewheel it broke", "ana", ""),
        ("@ana @tidewheel mine too", "ben", first.id),
    ]
    x.reader.fetch("")
    refused = [call for call in x.simulator.log if call.status == 400]
    assert len(refused) == 1  # then it is known


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>Over capacity</html>", {"Content-Type": "text/html"}),
        (200, b"", {}),
        (200, b"[]", {}),
        (200, b"null", {}),
        (200, b'{"data": null}', {}),
        (200, b'{"data": []}', {}),
        (200, b"[" * 100_000, {}),
        (200, b'{"data": {"id": "12a"}}', {}),
        (204, b"", {}),
        (302, b"", {"Location": "http://169.254.169.254/latest/meta-data"}),
        (500, b"\xff\xfe\x00", {}),
        (503, b"null", {}),
        (520, b"[]", {"Content-Encoding": "gzip"}),
    ],
)
def test_after_an_answer_that_cannot_be_read_the_outcome_is_unknown(x: Stage, answer: tuple[int, bytes, dict[str, str]]) -> None:
    post = x.ana_posts()
    x.simulator.answers_with = answer
    with pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to=post.id, text="We are sorry.", token="t")
    assert caught.value.outcome_unknown
    assert len(x.simulator.log) == 1
    if answer[0] != 200 or not answer[1].startswith(b"{"):
        with pytest.raises(NetworkError) as caught:
            x.reader.fetch("")
        assert caught.value.retryable


def test_an_answer_without_an_end_is_not_read(x: Stage) -> None:
    x.simulator.answers_with = (200, b"x" * 9_000_000, {})
    with pytest.raises(NetworkError) as caught:
        x.reader.fetch("")
    assert caught.value.retryable


def test_a_network_that_does_not_answer_in_time_is_given_up(x: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "READ", 0.2)
    post = x.ana_posts()
    x.simulator.takes = 0.6
    with pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to=post.id, text="We are sorry.", token="t")
    assert caught.value.outcome_unknown
    with pytest.raises(NetworkError) as caught:
        x.reader.fetch("")
    assert caught.value.retryable


def test_what_never_reached_x_may_be_sent_again(x: Stage, settings: Any) -> None:
    settings.X_API = "http://127.0.0.1:1"
    with pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to="1", text="We are sorry.", token="t")
    assert (caught.value.retryable, caught.value.code) == (True, "unreachable")


def test_a_private_address_is_asked_only_where_the_owner_says_so(x: Stage, settings: Any) -> None:
    settings.OUTBOUND_PRIVATE = []
    with pytest.raises(NetworkError) as caught:
        x.reader.fetch("")
    assert caught.value.permanent
    assert x.simulator.log == []


@pytest.mark.parametrize("wrong", ["", "../1", "1/../../2", "12?x=1", "１２", "-1", "9" * 40])
def test_only_ids_become_part_of_an_address(x: Stage, wrong: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: x.publisher.like(external_id=wrong, token="t"),
        lambda: x.publisher.delete(external_id=wrong),
    ]
    calls += [lambda: x.publisher.hide(external_id=wrong), lambda: x.publisher.follows_us(wrong)]
    calls += [lambda: x.publisher.unlike(external_id=wrong), lambda: x.publisher.unhide(external_id=wrong)]
    if wrong:
        calls.append(lambda: x.publisher.reply(in_reply_to=wrong, text="Sorry.", token="t"))
    for call in calls:
        with pytest.raises(NetworkError) as caught:
            call()
        assert caught.value.permanent
    assert x.simulator.log == []


def test_an_account_without_its_sign_in_says_what_to_do(x: Stage) -> None:
    x.with_config(credentials={})
    with pytest.raises(NetworkError, match="connect the account") as caught:
        _ = x.client
    assert caught.value.account_revoked
    x.with_config(credentials={"access_token": "t"}, external_id="")
    with pytest.raises(NetworkError, match="connect the account"):
        x.reader.fetch("")


def test_nothing_secret_is_logged_or_told(x: Stage, caplog: pytest.LogCaptureFixture) -> None:
    token = x.config.credentials["access_token"]
    with caplog.at_level(logging.DEBUG):
        post = x.ana_posts()
        x.reader.fetch("")
        x.publisher.reply(in_reply_to=post.id, text="We are sorry.", token="t")
        with x.simulator.failing("error_after_writing"), pytest.raises(NetworkError) as caught:
            x.publisher.reply(in_reply_to=post.id, text="Again.", token="t")
        wire.usage(x.config)
    told = caplog.text + str(caught.value) + repr(x.config)
    assert "GET" in caplog.text  # something is logged at that level
    assert token not in told
    assert "app-token" not in told
    assert "Bearer" not in told
