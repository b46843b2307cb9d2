"""Requests share a fixed set of threads, and a slow browser holds none of them."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

from asgiref.sync import async_to_sync, sync_to_async

from socialdesk.lib.request_threads import on_request_threads

Names = list[str]


async def _send_nothing(message: Any) -> None:
    """The browser's side, of which these applications make no use."""


async def test_many_requests_run_on_few_threads() -> None:
    names: Names = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):  # all calls of one request stay on one thread, as a database transaction must
            scope["threads"].append(await sync_to_async(lambda: threading.current_thread().name)())
        names.append(scope["threads"][0])

    wrapped = on_request_threads(application, 4)
    scopes: list[dict[str, Names]] = [{"threads": []} for _ in range(40)]
    await asyncio.gather(*(wrapped(scope, None, _send_nothing) for scope in scopes))
    assert all(len(set(scope["threads"])) == 1 for scope in scopes)
    assert len(set(names)) == 4


async def test_requests_run_at_the_same_time_up_to_the_number_of_threads() -> None:
    together = threading.Barrier(4, timeout=5)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(together.wait)()

    wrapped = on_request_threads(application, 4)
    await asyncio.gather(*(wrapped({}, None, _send_nothing) for _ in range(8)))


async def test_browser_that_sends_slowly_keeps_nobody_waiting() -> None:
    body_came = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await sync_to_async(time.monotonic)()

    wrapped = on_request_threads(application, 1)
    slow = [asyncio.ensure_future(wrapped({}, body_came.wait, _send_nothing)) for _ in range(20)]

    async def whole_body() -> None:
        """All of it is there."""

    await asyncio.wait_for(wrapped({}, whole_body, _send_nothing), 5)
    assert not any(task.done() for task in slow)
    body_came.set()
    await asyncio.gather(*slow)


async def test_request_goes_to_the_thread_that_is_idle() -> None:
    release = threading.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(release.wait if scope["slow"] else time.monotonic)()

    wrapped = on_request_threads(application, 2)
    slow = asyncio.ensure_future(wrapped({"slow": True}, None, _send_nothing))
    await asyncio.sleep(0)
    for _ in range(10):
        await asyncio.wait_for(wrapped({"slow": False}, None, _send_nothing), 5)
    release.set()
    await slow


async def test_async_code_called_from_a_view_does_not_deadlock() -> None:
    async def inner() -> str:
        return await sync_to_async(lambda: threading.current_thread().name)()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scope["same"] = await sync_to_async(lambda: (threading.current_thread().name, async_to_sync(inner)()))()

    scope: dict[str, Any] = {}
    await asyncio.wait_for(on_request_threads(application, 1)(scope, None, _send_nothing), 5)
    assert scope["same"][0] == scope["same"][1]
