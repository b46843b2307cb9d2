"""Runs what websockets ask of the database on a few threads, so that many open sockets hold few connections."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import cycle
from typing import Any

from asgiref.sync import ThreadSensitiveContext

Application = Callable[[Any, Any, Any], Awaitable[None]]


class _Lease(Executor):
    """One thread lent to one socket. It does not end with the socket, as an executor of the socket's own would."""

    def __init__(self, thread: ThreadPoolExecutor) -> None:
        self._thread = thread

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._thread.submit(fn, *args, **kwargs)


def on_socket_threads(application: Application, threads: int) -> Application:
    """Wrap a websocket application: its sockets take turns on `threads` threads. Left alone, each would have one, and a connection."""
    pool = cycle([ThreadPoolExecutor(1, thread_name_prefix=f"socket-{number}") for number in range(threads)])

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        async with ThreadSensitiveContext(executor=_Lease(next(pool))):
            await application(scope, receive, send)

    return answer
