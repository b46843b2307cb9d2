"""A real browser in front of a real server: uvicorn in a thread, Chromium driven by Playwright, nothing logged to the console."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from channels.layers import channel_layers
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from profiles.models import Agent
from socialdesk.asgi import application
from socialdesk.lib.memory_layer import MemoryLayer
from tests.chromium import HOW, find_chromium
from tests.engagement.desk import Desk
from tests.factories import PASSWORD, make_agent

# Playwright runs a loop in this thread, beside which Django would refuse the ORM.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000  # milliseconds for a condition: the machine may be busy
LOADING = 30_000  # for a page: the first one finds a browser and a server that have only just begun
# A refusal is an answer: the browser logs each, and the tests that provoke one look at what the page says of it.
REFUSALS = tuple(f"the server responded with a status of {status}" for status in (400, 409, 410))
# A page that is left breaks off what it was asking. What fails otherwise says sendError beside the second of these.
BROKEN_OFF = ("htmx:sendAbort", "htmx:afterRequest")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))
            item.add_marker(pytest.mark.timeout(300))  # to look at every page of a kind takes minutes on a busy machine


# Not longer: beside Playwright's loop no other test of this process could run one of its own.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        pytest.fail(HOW)
    playwright: Playwright
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


class Server:
    """The desk's server in a thread. `stop` and `start` are a lost connection; the address stays. The page at `in_pieces` is handed over as
    by a slow line, but cut at the same places each time: after parts of it have ended."""

    def __init__(self) -> None:
        self.in_pieces = ""
        self._port = 0
        self._kept = self._bind()  # never listened on: while the server is away nobody else is given its address
        self._port = self._kept.getsockname()[1]
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def _bind(self) -> socket.socket:
        bound = socket.socket()
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            bound.setsockopt(socket.SOL_SOCKET, option, 1)
        bound.bind(("127.0.0.1", self._port))
        return bound

    def start(self) -> None:
        listener = self._bind()
        # What is under way is waited for: on its thread a request would go on, and write into the next test's database.
        config = uvicorn.Config(self._answer, interface="asgi3", log_level="error", timeout_graceful_shutdown=10, lifespan="on")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(self._server.serve(sockets=[listener])), daemon=True)
        self._thread.start()
        wait_until(lambda: self._server.started)

    async def _answer(self, scope: Any, receive: Any, send: Any) -> Any:
        async def send_in_pieces(message: Any) -> None:
            for piece in _cut(message.get("body", b"")):
                await send({**message, "body": piece, "more_body": True})
                await asyncio.sleep(0.04)
            await send({**message, "body": b""} if "body" in message else message)

        if scope.get("path") != self.in_pieces:
            return await application(scope, receive, send)
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]  # or there would be no lines
        return await application({**scope, "headers": headers}, receive, send_in_pieces)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=30)
        assert not self._thread.is_alive(), "the server did not stop"

    def close(self) -> None:
        self.stop()
        self._kept.close()


def _cut(page: bytes, least: int = 600) -> Iterator[bytes]:
    """`page` in pieces of at least so many bytes, each up to a line on which an element ends."""
    piece = b""
    for line in page.splitlines(keepends=True):
        piece += line
        if len(piece) >= least and line.lstrip().startswith(b"</"):
            yield piece
            piece = b""
    if piece:
        yield piece


def wait_until(condition: Callable[[], Any], *, seconds: float = PATIENCE / 1000) -> Any:
    """The first true answer of `condition`."""
    end = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
    return answer


@pytest.fixture
def server(transactional_db: None, settings: Any) -> Iterator[Server]:
    channel_layers.set("default", MemoryLayer())
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    running = Server()
    yield running
    running.close()
    connections.close_all()


@pytest.fixture
def desk(server: Server) -> Desk:
    return Desk()


@pytest.fixture
def sam(server: Server) -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def ana(server: Server) -> Agent:
    return make_agent(username="ana")


class Windows:
    """Opens browser windows with people signed in, and remembers what their consoles complained of."""

    def __init__(self, chromium: Browser, server: Server) -> None:
        self._chromium = chromium
        self.server = server
        self.complaints: list[str] = []
        self._contexts: list[BrowserContext] = []
        self._is_away = False

    def open(self, agent: Agent | None = None, path: str = "/", *, width: int = 1280, height: int = 800, **options: Any) -> Page:
        context = self._chromium.new_context(
            base_url=self.server.url, viewport={"width": width, "height": height}, reduced_motion="reduce", **options
        )
        context.set_default_timeout(PATIENCE)
        context.set_default_navigation_timeout(LOADING)
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        if agent is None:
            page.goto(path)
            return page
        page.goto(f"/sign-in/?next={path}")
        page.get_by_label("User name").fill(agent.username)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: "/sign-in/" not in url)
        return page

    @contextmanager
    def without_connection(self) -> Iterator[None]:
        """The server is away for a while; what browsers log about that is no complaint."""
        self._is_away = True
        self.server.stop()
        yield
        self.server.start()

    def _hear(self, message: Any) -> None:
        if message.type not in ("error", "warning") or any(known in message.text for known in (*REFUSALS, *BROKEN_OFF)):
            return
        if self._is_away and ("WebSocket" in message.text or "net::ERR_" in message.text):
            return
        self.complaints.append(f"{message.type}: {message.text}")

    def close(self) -> None:
        for context in self._contexts:
            context.close()


@pytest.fixture
def windows(chromium: Browser, server: Server) -> Iterator[Windows]:
    opened = Windows(chromium, server)
    yield opened
    opened.close()
    assert opened.complaints == [], "the browser's console must stay empty"


def wait_until_live(page: Page) -> None:
    """The page's socket is open and greeted: what happens from now on reaches it."""
    # Not by `wait_for_function`: to it a promise is an answer, and true.
    wait_until(lambda: page.evaluate("import('desk/live').then((live) => live.isLive())"))
