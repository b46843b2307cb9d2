"""What simulated networks share: an HTTP server on this machine that keeps a log of its calls and fails in the ways that it is told to."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import parse_qs, urlsplit

# Before writing: the connection is closed, or the network says that it is busy. After writing: 500, or the connection is closed. The last
# two answer late, and with a page.
MODES = (
    *("revoked", "rate_limit", "lost_before_writing", "unavailable", "error_after_writing", "no_answer_after_writing"),
    *("slow", "no_json"),
)
PAGE = b"<!DOCTYPE html><title>Hello</title>"


@dataclass(slots=True)
class Call:
    """One request and its answer, as they went over the wire."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes
    status: int = 0
    answer: Any = None

    @property
    def form(self) -> dict[str, list[str]]:
        return parse_qs(self.body.decode("utf-8", "replace"), keep_blank_values=True)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


C = TypeVar("C", bound=Call)


@dataclass(slots=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """One connection to a Served."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.serve()

    def do_POST(self) -> None:
        self.serve()

    def serve(self) -> None:
        served: Served[Any] = self.server.served  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = served.call(self.command, parts.path, parse_qs(parts.query, keep_blank_values=True), headers, body)
        served.log.append(call)
        failure = served.failure_of(call)
        if failure == "lost_before_writing":
            return self.hang_up()
        if failure == "slow":
            time.sleep(0.3)
        answer = served.turn_away(call, failure) or served.answer(call)
        if failure == "error_after_writing":
            answer = Answer(500, served.broken)
        call.status, call.answer = answer.status, answer.body
        if failure == "no_answer_after_writing":
            return self.hang_up()
        return self.send(answer, call, failure)

    def send(self, answer: Answer, call: Call, failure: str) -> None:
        served: Served[Any] = self.server.served  # type: ignore[attr-defined]
        is_json = failure != "no_json"
        content = served.encode(answer, failure) if is_json else PAGE
        self.send_response_only(answer.status)
        given = {
            "Content-Type": "application/json; charset=utf-8" if is_json else "text/html",
            "Content-Length": str(len(content)),
            **served.headers_of(call),
            **answer.headers,
        }
        for name, value in given.items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # they may have read enough
            self.wfile.write(content)

    def hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


class Served(Generic[C]):
    """Starts at once, on a free port. `log` has every call. A network inherits, and says what it answers."""

    handler: ClassVar[type[Handler]] = Handler
    modes: ClassVar[tuple[str, ...]] = MODES
    broken: ClassVar[dict[str, str]]  # what it says when something is wrong with it
    call: type[C]

    def __init__(self) -> None:
        self.log: list[C] = []
        self._failure: tuple[str, Callable[[C], bool]] | None = None
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler)
        self.server.daemon_threads = True
        self.server.served = self  # type: ignore[attr-defined]
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @contextmanager
    def failing(self, mode: str, *, only: Callable[[C], bool] = lambda call: True) -> Iterator[None]:
        """While this lasts, the calls that `only` picks fail in that way."""
        assert mode in self.modes
        self._failure = (mode, only)
        try:
            yield
        finally:
            self._failure = None

    def failure_of(self, call: C) -> str:
        mode, only = self._failure or ("", lambda call: False)
        return mode if only(call) else ""

    def turn_away(self, call: C, failure: str) -> Answer | None:
        """The answer to a call of which nothing is done, as it fails or its limit is used up."""
        raise NotImplementedError

    def answer(self, call: C) -> Answer:
        """What is done, and said of it."""
        raise NotImplementedError

    def headers_of(self, call: C) -> dict[str, str]:
        """What stands in the head of every answer: the time, and what is left of the limit."""
        raise NotImplementedError

    def encode(self, answer: Answer, failure: str) -> bytes:
        return json.dumps(answer.body).encode()
