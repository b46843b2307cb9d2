"""Runs requests on a fixed set of threads, so that database connections outlive a request."""

from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from asgiref.sync import ThreadSensitiveContext

Application = Callable[[Any, Any, Any], Awaitable[None]]


class _Thread:
    def __init__(self, number: int) -> None:
        self.executor = ThreadPoolExecutor(1, thread_name_prefix=f"request-{number}")
        self.load = 0  # calls that wait or run
        self._lock = threading.Lock()  # raised on the loop, lowered on the thread

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        self._change_load(1)
        future = self.executor.submit(call)
        future.add_done_callback(lambda _: self._change_load(-1))
        return future

    def _change_load(self, by: int) -> None:
        with self._lock:
            self.load += by


class _Lease(Executor):
    """The thread of one request: the idlest one at its first call, and that one from then on. Until then it holds none, so that
    a browser that sends its request slowly keeps nobody waiting."""

    def __init__(self, threads: list[_Thread]) -> None:
        self._threads = threads
        self._thread: _Thread | None = None

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self._thread is None:
            self._thread = min(self._threads, key=lambda thread: thread.load)
        return self._thread.submit(partial(fn, *args, **kwargs))


def on_request_threads(application: Application, threads: int) -> Application:
    """Wrap Django's ASGI application. Left alone, it starts a thread for each request, which opens its own database connection:
    some milliseconds each on PostgreSQL, and no bound on their number."""
    pool = [_Thread(number) for number in range(threads)]

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async with ThreadSensitiveContext(executor=_Lease(pool)):
            await application(scope, receive, send)

    return answer
