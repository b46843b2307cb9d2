"""A request runs on one of a few threads from beginning to end, and a slow browser holds none of them."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.signals import request_finished, request_started
from django.db import connections
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.utils import translation

from socialdesk.lib.request_threads import RequestThreads

Message = dict[str, Any]
steps: list[tuple[str, str]] = []  # what ran for a request, and on which thread
together = threading.Barrier(4)
release = threading.Event()
lent: list[io.BytesIO] = []


def note(step: str) -> None:
    steps.append((step, threading.current_thread().name))


class Noting:
    """A middleware of each kind of step."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        note("middleware")
        return self._get_response(request)

    def process_view(self, request: HttpRequest, view: Any, arguments: Any, named: Any) -> None:
        note("process_view")


def which_connection(request: HttpRequest) -> HttpResponse:
    note("view")
    return HttpResponse(str(id(connections["default"])))


def meet(request: HttpRequest) -> HttpResponse:
    together.wait(30)
    return HttpResponse("met")


def hold(request: HttpRequest) -> HttpResponse:
    assert release.wait(30)
    return HttpResponse("held")


def echo(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.body)


def speak(request: HttpRequest) -> HttpResponse:
    spoken = translation.get_language()
    translation.activate("de")
    return HttpResponse(spoken)


def break_down(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


def call_async_code(request: HttpRequest) -> HttpResponse:
    async def inner() -> str:
        return await sync_to_async(lambda: threading.current_thread().name)()

    return HttpResponse(f"{async_to_sync(inner)() == threading.current_thread().name}")


def read_aloud(request: HttpRequest) -> StreamingHttpResponse:
    def pieces() -> Iterator[bytes]:
        try:
            for number in range(1000):
                note(f"piece {number}")
                yield b"%d " % number
        finally:
            note("closed")

    return StreamingHttpResponse(pieces())


def lend(request: HttpRequest) -> FileResponse:
    lent.append(io.BytesIO(bytes(150_000)))
    return FileResponse(lent[-1])


urlpatterns = [
    path("connection", which_connection),
    path("meet", meet),
    path("hold", hold),
    path("echo", echo),
    path("speak", speak),
    path("break", break_down),
    path("async", call_async_code),
    path("aloud", read_aloud),
    path("file", lend),
]


@pytest.fixture(autouse=True)
def _site(settings: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = [f"{__name__}.Noting"]
    steps.clear()
    release.clear()
    yield
    release.set()


class Browser:
    """One request and what came of it. `send_body` and `take` are the browser's pace."""

    def __init__(self, where: str, *, query: bytes = b"") -> None:
        self.messages: list[Message] = []
        self.left = asyncio.Event()
        self._scope = {"type": "http", "method": "GET", "path": where, "query_string": query, "headers": []}
        self._asked = False

    async def ask(
        self,
        handler: RequestThreads,
        *,
        send_body: Callable[[], Awaitable[bytes]] | None = None,
        take: Callable[[], Awaitable[Any]] | None = None,
    ) -> bytes:
        async def receive() -> Message:
            if self._asked:
                await self.left.wait()
                return {"type": "http.disconnect"}
            body = await send_body() if send_body else b""
            self._asked = True
            return {"type": "http.request", "body": body}

        async def send(message: Message) -> None:
            self.messages.append(message)
            if take:
                await take()

        await asyncio.wait_for(handler(self._scope, receive, send), 30)
        return b"".join(message.get("body", b"") for message in self.messages)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])


async def test_many_requests_share_a_few_threads_and_their_connections() -> None:
    handler = RequestThreads(4)
    answers = await asyncio.gather(*(Browser("/connection").ask(handler) for _ in range(40)))
    assert len(set(answers)) <= 4


async def test_requests_run_at_the_same_time_up_to_the_number_of_threads() -> None:
    handler = RequestThreads(4)
    assert await asyncio.gather(*(Browser("/meet").ask(handler) for _ in range(8))) == [b"met"] * 8


async def test_all_steps_of_a_request_run_on_one_thread() -> None:
    def begun(**_: Any) -> None:
        note("begun")

    def finished(**_: Any) -> None:
        note("finished")

    request_started.connect(begun)
    request_finished.connect(finished)
    try:
        await Browser("/connection").ask(RequestThreads(4))
    finally:
        request_started.disconnect(begun)
        request_finished.disconnect(finished)
    assert [step for step, _ in steps] == ["begun", "middleware", "process_view", "view", "finished"]
    assert len({thread for _, thread in steps}) == 1


async def test_request_goes_to_a_thread_that_is_idle() -> None:
    handler = RequestThreads(2)
    slow = asyncio.ensure_future(Browser("/hold").ask(handler))
    for _ in range(10):
        await Browser("/connection").ask(handler)
    assert not slow.done()
    release.set()
    assert await slow == b"held"


async def test_a_request_that_goes_on_and_on_is_refused_before_it_has_all_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socialdesk.lib.request_threads.LARGEST", 100_000)
    handler, pieces = RequestThreads(1), 0
    answer: list[Message] = []

    async def receive() -> Message:
        nonlocal pieces
        pieces += 1
        assert pieces < 100, "it is kept for ever"
        return {"type": "http.request", "body": bytes(30_000), "more_body": True}

    async def send(message: Message) -> None:
        answer.append(message)

    scope = {"type": "http", "method": "POST", "path": "/echo", "query_string": b"", "headers": []}
    await asyncio.wait_for(handler(scope, receive, send), 30)
    assert (answer[0]["status"], pieces) == (413, 4)
    assert steps == []

    async def send_enough() -> bytes:
        return bytes(100_000)

    assert await Browser("/echo").ask(handler, send_body=send_enough) == bytes(100_000)


async def test_browser_that_sends_slowly_keeps_nobody_waiting() -> None:
    handler, sent = RequestThreads(1), asyncio.Event()

    async def send_slowly() -> bytes:
        await sent.wait()
        return b"at last"

    slow = [asyncio.ensure_future(Browser("/echo").ask(handler, send_body=send_slowly)) for _ in range(20)]
    await Browser("/connection").ask(handler)
    assert not any(task.done() for task in slow)
    sent.set()
    assert await asyncio.gather(*slow) == [b"at last"] * 20


async def test_browser_that_goes_away_before_it_has_asked_is_forgotten() -> None:
    browser = Browser("/echo")
    browser._asked = True
    browser.left.set()
    assert await browser.ask(RequestThreads(1)) == b""
    assert steps == []


async def test_stream_is_made_at_the_pace_of_its_reader_who_holds_no_thread() -> None:
    handler, browser, reading = RequestThreads(1), Browser("/aloud"), asyncio.Event()
    slow = asyncio.ensure_future(browser.ask(handler, take=reading.wait))
    for _ in range(5):
        await Browser("/connection").ask(handler)
    assert len([step for step, _ in steps if step.startswith("piece")]) <= 1
    reading.set()
    assert (await slow).split() == [b"%d" % number for number in range(1000)]
    assert [step for step, _ in steps].count("closed") == 1


async def test_file_is_sent_in_a_few_pieces_and_closed() -> None:
    browser = Browser("/file")
    assert await browser.ask(RequestThreads(1)) == bytes(150_000)
    assert [len(message.get("body", b"")) for message in browser.messages[1:]] == [65_536, 65_536, 18_928, 0]
    assert lent.pop().closed


async def test_stream_ends_when_its_reader_goes_away() -> None:
    browser = Browser("/aloud")

    async def leave_after_three_pieces() -> None:
        if len(browser.messages) > 3:
            browser.left.set()
        await asyncio.sleep(0)

    await browser.ask(RequestThreads(1), take=leave_after_three_pieces)
    assert [step for step, _ in steps].count("closed") == 1
    assert len(browser.messages) < 20


async def test_what_a_request_sets_for_itself_ends_with_it() -> None:
    handler = RequestThreads(1)
    first, second = [await Browser("/speak").ask(handler) for _ in range(2)]
    assert first == second != b"de"


async def test_view_that_breaks_and_address_that_cannot_be_read_are_answered() -> None:
    handler = RequestThreads(1)
    for browser, status in ((Browser("/break"), 500), (Browser("/echo", query=b"\xff"), 400), (Browser("/connection"), 200)):
        await browser.ask(handler)
        assert browser.status == status


async def test_async_code_called_from_a_view_does_not_deadlock() -> None:
    assert await Browser("/async").ask(RequestThreads(1)) == b"True"
