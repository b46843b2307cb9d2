"""Answers each request on one of a fixed set of threads, which keep their database connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from typing import IO, Any

from django.core import signals
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.handlers.base import BaseHandler
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.urls import set_script_prefix

LARGEST = 110 * 1024 * 1024  # bytes of a request; the largest that anything here takes is a file of people


class _TooLarge(Exception):
    """A request goes on and on."""


class RequestThreads(ASGIHandler):
    """Django's ASGI application, with `threads` requests under way at once.

    Left alone, Django starts a thread for each request, which opens its own database connection, and hands it the middlewares, the
    view and the signals one by one: eleven hand-overs for a pushed post, each of which waits for the interpreter twice. Here a request
    goes to a thread once, when all of it has come, and comes back as an answer. A browser that sends or reads slowly holds no thread.
    """

    def __init__(self, threads: int) -> None:
        BaseHandler.__init__(self)  # the middlewares are loaded here, and as synchronous ones
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            body = await self.read_body(_up_to(LARGEST, receive))
        except RequestAborted:
            return
        except _TooLarge:
            await self.send_response(HttpResponse("More was sent than the desk takes.", status=413, content_type="text/plain"), send)
            return
        response = await self._on_thread(self._answer, scope, body)
        if isinstance(response, StreamingHttpResponse):
            await self._stream(response, receive, send)
        else:
            await self.send_response(response, send)

    def _answer(self, scope: Any, body: IO[bytes]) -> Any:
        with closing(body):
            set_script_prefix(get_script_prefix(scope))
            signals.request_started.send(sender=self.__class__, scope=scope)
            request, refusal = self.create_request(scope, body)
            response: Any = refusal if request is None else self.get_response(request)
            response._handler_class = self.__class__  # the sender of request_finished
            if not response.streaming:
                response.close()
            return response

    async def _stream(self, response: StreamingHttpResponse, receive: Any, send: Any) -> None:
        """Send piece by piece, each made when the browser has taken the one before; a browser that goes away ends it."""
        if isinstance(response, FileResponse):
            response.block_size = self.chunk_size
        gone = asyncio.ensure_future(receive())
        pieces: Iterator[bytes] = iter(response)

        async def while_wanted() -> AsyncIterator[bytes]:
            while not gone.done() and (piece := await self._on_thread(next, pieces, None)) is not None:
                yield piece

        response.streaming_content = while_wanted()
        try:
            await self.send_response(response, send)
        finally:
            gone.cancel()
            await self._on_thread(response.close)

    async def _on_thread(self, call: Callable[..., Any], *arguments: Any) -> Any:
        # What a request sets for itself, as its language, ends with it.
        return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, call, *arguments)


def _up_to(most: int, receive: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[Any]]:
    """As `receive`, for at most so many bytes: all of a request is kept on disk before anybody asks whether its sender may send it."""
    taken = 0

    async def receive_some() -> Any:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise _TooLarge
        return message

    return receive_some
