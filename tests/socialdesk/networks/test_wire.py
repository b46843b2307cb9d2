"""The wire that all connectors share: what a failure means for the outbox, what is counted, and where it ends."""

from __future__ import annotations

import http.client
import json
import math
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
import requests
from django.core.cache import cache, caches

from socialdesk.lib.outbound import NotPublic, TooLong
from socialdesk.networks.base import LONGEST_WAIT, NetworkError
from socialdesk.networks.budget import RESERVE, Budget, Limit
from socialdesk.networks.wire import NetworkSession, SessionTransport, StreamSession, refusal, retry_after, unreachable
from tests.servers import closed_port

Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(autouse=True)
def _here(settings: Any) -> None:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1", "nobody.invalid"]


@contextmanager
def serving(answer: Answer) -> Iterator[tuple[str, list[str]]]:
    """An address, and the methods by which it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def handle_one(self) -> None:
            asked.append(self.command)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer(self)

        do_GET = do_POST = do_DELETE = handle_one  # noqa: N815  named by the library

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()


def say(status: int = 200, body: bytes = b"{}", **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


def said_limits(response: requests.Response, bucket: str) -> Iterable[Limit]:
    if "X-Left" in response.headers:
        yield Limit(bucket, 10, int(response.headers["X-Left"]), time.time() + 900)


def session(account: str = "a", **options: Any) -> NetworkSession:
    return NetworkSession(Budget(account), limits_of=said_limits, **options)


def failure(method: str, url: str) -> NetworkError:
    with pytest.raises((requests.RequestException, NotPublic)) as caught:
        session().request(method, url)
    return unreachable(caught.value, is_write=method != "GET")


# --- What a failure means -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_was_never_sent_may_be_sent_again(method: str) -> None:
    with closed_port() as port:
        for url in (f"http://127.0.0.1:{port}/", "http://nobody.invalid/"):
            error = failure(method, url)
            assert (error.retryable, error.permanent) == (True, False), url


def test_a_write_without_an_answer_is_asked_once_and_nobody_knows() -> None:
    with serving(hang_up) as (url, asked):
        assert failure("POST", url).outcome_unknown
        assert asked == ["POST"]
        assert failure("GET", url).retryable


def test_an_address_that_is_not_public_is_refused_for_good() -> None:
    error = failure("POST", "https://10.0.0.1/")
    assert (error.permanent, error.code) == (True, "not_public")


@pytest.mark.parametrize(
    ("status", "is_write", "meaning"),
    [
        (401, True, "revoked"),
        (403, True, "permanent"),
        (404, True, "permanent"),
        (410, False, "permanent"),
        (422, True, "permanent"),
        (429, True, "retryable"),
        (302, True, "unknown"),
        (408, True, "unknown"),
        (500, True, "unknown"),
        (503, True, "unknown"),
        (500, False, "retryable"),
        (302, False, "retryable"),
    ],
)
def test_what_a_status_means_for_the_outbox(status: int, is_write: bool, meaning: str) -> None:
    error = refusal(status, "No", is_write=is_write)
    assert {
        "revoked": error.account_revoked and error.permanent,
        "permanent": error.permanent and not error.account_revoked,
        "retryable": error.retryable,
        "unknown": error.outcome_unknown,
    }[meaning]


@pytest.mark.parametrize(
    ("message", "said"),
    [("The access token is invalid", "The access token is invalid."), ("No.", "No."), ("Who?", "Who?"), ("No \n", "No.")],
)
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_what_the_network_says_ends_as_a_sentence_and_tells_nobody_what_to_do(status: int, message: str, said: str) -> None:
    assert str(refusal(status, message, is_write=True)) == f"HTTP {status}: {said}"


def test_an_answer_that_is_too_long_is_no_network_that_cannot_be_reached() -> None:
    for is_write in (False, True):
        error = unreachable(TooLong("more"), is_write=is_write)
        assert (error.retryable, error.outcome_unknown, error.code) == (not is_write, is_write, "no_answer" if is_write else "unreachable")
        assert str(error) == "The network's answer is longer than the desk reads."


@pytest.mark.parametrize(("given", "seconds"), [("30", 30.0), ("", None), ("soon", None), ("-5", None), ("٣", None)])
def test_how_long_a_network_asks_to_wait(given: str, seconds: float | None) -> None:
    response = requests.Response()
    response.headers["Retry-After"] = given
    assert retry_after(response) == seconds


def test_a_date_to_come_again_is_read_as_seconds() -> None:
    response = requests.Response()
    response.headers["Retry-After"] = http.client.email.utils.formatdate(time.time() + 120, usegmt=True)  # type: ignore[attr-defined]
    wait = retry_after(response)
    assert wait is not None
    assert 110 < wait <= 121


def test_a_date_to_come_again_is_read_by_the_clock_of_the_network() -> None:
    response = requests.Response()
    response.headers.update({"Date": "Sun, 29 Nov 2026 10:00:00 GMT", "Retry-After": "Sun, 29 Nov 2026 10:02:00 GMT"})
    assert retry_after(response) == 120


@pytest.mark.parametrize("given", ["9" * 20, "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_nobody_is_put_off_for_more_than_a_day(given: str) -> None:
    with serving(say(429, b"{}", Retry_After=given)) as (url, _):
        response = session().post(url)
        assert refusal(429, "No", is_write=True, wait=retry_after(response)).retry_after == LONGEST_WAIT
        with pytest.raises(NetworkError) as caught:
            session().post(url)
    assert caught.value.retry_after == LONGEST_WAIT


# --- One budget ---------------------------------------------------------------------------------------------------------


def test_reading_stops_while_something_is_left_for_answers_and_all_sessions_of_the_account_know() -> None:
    with serving(say(X_Left="2")) as (url, asked):
        session().get(url)
        with pytest.raises(NetworkError) as caught:
            session().get(url)
        assert (caught.value.retryable, caught.value.code) == (True, "budget")
        assert 800 < (caught.value.retry_after or 0) <= 900
        session().post(url)
        session("another").get(url)
        assert asked == ["GET", "POST", "GET"]


def test_nothing_is_sent_where_nothing_is_left() -> None:
    with serving(say(X_Left="0")) as (url, asked):
        session().post(url)
        with pytest.raises(NetworkError, match="answers is used up"):
            session().post(url)
        assert asked == ["POST"]


def test_a_limit_for_reading_alone_is_used_to_its_end() -> None:
    with serving(say(X_Left="1")) as (url, _):
        reading = session(is_shared=False)
        reading.get(url)
        reading.get(url)


@pytest.mark.parametrize(("headers", "seconds"), [({"Retry_After": "40"}, 40), ({}, 60), ({"X_Left": "0"}, 900)])
def test_a_refused_call_closes_its_bucket_for_as_long_as_the_network_says(headers: dict[str, str], seconds: int) -> None:
    began = time.time()
    with serving(say(429, b"{}", **headers)) as (url, asked):
        assert session().post(url).status_code == 429
        with pytest.raises(NetworkError) as caught:
            session().post(url)
        assert seconds - 1 - (time.time() - began) <= (caught.value.retry_after or 0) <= seconds
        assert asked == ["POST"]


def test_a_reserve_is_a_share_of_the_limit() -> None:
    budget = Budget("share")
    budget.note(Limit("all", 100, int(100 * RESERVE) + 2, time.time() + 60))
    for _ in range(2):
        budget.spend("all", is_write=False)
    with pytest.raises(NetworkError):
        budget.spend("all", is_write=False)
    budget.spend("all", is_write=True)


def test_workers_that_come_at_once_spend_no_more_than_there_is(monkeypatch: pytest.MonkeyPatch) -> None:
    budget, kind = Budget("together"), type(caches["default"])
    real = kind.get
    budget.note(Limit("all", 100, 5, time.time() + 60))

    def get_slowly(self: Any, *args: Any, **options: Any) -> Any:
        found = real(self, *args, **options)
        time.sleep(0.02)
        return found

    monkeypatch.setattr(kind, "get", get_slowly)

    def spend() -> bool:
        try:
            budget.spend("all", is_write=True)
        except NetworkError:
            return False
        return True

    with ThreadPoolExecutor(10) as workers:
        assert sum(workers.map(lambda _: spend(), range(10))) == 5


def test_what_reading_is_refused_stays_with_the_answers() -> None:
    budget = Budget("kept")
    budget.note(Limit("all", 10, 2, time.time() + 60))
    for _ in range(5):
        with pytest.raises(NetworkError):
            budget.spend("all", is_write=False)
    for _ in range(2):
        budget.spend("all", is_write=True)


def test_a_cache_that_forgot_how_much_is_left_stops_nobody() -> None:
    budget = Budget("forgotten")
    budget.note(Limit("all", 100, 50, time.time() + 3600))
    cache.delete("budget:forgotten:all:left")
    budget.spend("all", is_write=False)
    budget.spend("all", is_write=True)


def test_a_number_that_no_network_can_mean_is_counted_down_all_the_same() -> None:
    budget = Budget("huge")
    budget.note(Limit("all", 10**30, 10**30, math.inf))
    budget.spend("all", is_write=True)


def test_a_limit_that_is_over_or_nonsense_says_nothing() -> None:
    budget = Budget("over")
    budget.note(Limit("all", 10, 0, time.time() - 1), Limit("all", 0, 0, time.time() + 60))
    budget.spend("all", is_write=False)


# --- Where it ends ------------------------------------------------------------------------------------------------------


def test_redirects_are_not_followed() -> None:
    with serving(say(302, Location="http://127.0.0.1:1/")) as (url, asked):
        assert session().post(url, data=b"x").status_code == 302
        assert asked == ["POST"]


def test_fifty_megabytes_are_not_read() -> None:
    def pour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(50):
                handler.wfile.write(b"x" * 1_000_000)
        except OSError:
            return

    with serving(pour) as (url, _):
        assert failure("GET", url).retryable


def test_a_stream_is_handed_over_unread() -> None:
    with serving(say(200, b"one\ntwo\n")) as (url, _):
        response = StreamSession().get(url, stream=True)
        assert list(response.iter_lines()) == [b"one", b"two"]
        response.close()


def test_a_library_that_speaks_httpx_goes_through_the_same_session() -> None:
    with serving(say(200, json.dumps({"ok": "ä"}).encode(), Content_Type="application/json")) as (url, asked):
        answer = httpx.Client(transport=SessionTransport(session())).post(url, json={"a": 1})
        assert (answer.status_code, answer.json()) == (200, {"ok": "ä"})
        assert asked == ["POST"]
    with closed_port() as port, pytest.raises(requests.RequestException):
        httpx.Client(transport=SessionTransport(session())).get(f"http://127.0.0.1:{port}/")
