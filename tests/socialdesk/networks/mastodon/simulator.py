"""A Mastodon server over HTTP on this machine: answers and refuses as one does, streams, and fails in the ways that it is told to."""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.socialdesk.networks.mastodon.world import World, stamp

# Before writing: the connection is closed, or 503. After writing: 500, or the connection is closed.
MODES = ("revoked", "rate_limit", "lost_before_writing", "unavailable", "error_after_writing", "no_answer_after_writing", "slow", "no_json")


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


@dataclass(slots=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The server says no: a status and its words."""

    def __init__(self, status: int, error: str, **more: str) -> None:
        super().__init__(error)
        self.answer = Answer(status, {"error": error, **more})


class Simulator:
    """Starts at once, on a free port. `log` has every call; `world` is what stands behind it."""

    def __init__(self) -> None:
        from tests.socialdesk.networks.mastodon.routes import Routes

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.simulator = self  # type: ignore[attr-defined]
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.world = World(self.base)
        self.world.listener = self._tell
        self.log: list[Call] = []
        self.max_characters = 500
        self.has_old_api = False  # as servers before 4.3: no /api/v1/statuses?id[]=, no include_filtered
        self.knows_types = True  # of notifications
        self.has_streaming = True
        self.limit, self.remaining, self.resets_at = 300, 300, datetime.now(UTC) + timedelta(minutes=5)
        self.clock_skew = timedelta(0)
        self.heartbeat = 0.2
        self.subscribed = 0  # connections that were ever opened
        self._failure: tuple[str, Callable[[Call], bool]] | None = None
        self._streams: list[tuple[str, queue.Queue[bytes | None]]] = []
        self.routes = Routes(self)
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.drop_streams()
        self.server.shutdown()
        self.server.server_close()

    @contextmanager
    def failing(self, mode: str, *, only: Callable[[Call], bool] = lambda call: True) -> Iterator[None]:
        """While this lasts, the calls that `only` picks fail in that way."""
        assert mode in MODES
        self._failure = (mode, only)
        try:
            yield
        finally:
            self._failure = None

    def failure_of(self, call: Call) -> str:
        mode, only = self._failure or ("", lambda call: False)
        return mode if only(call) else ""

    def calls(self, method: str, path: str = "") -> list[Call]:
        return [call for call in self.log if call.method == method and call.path.startswith(path)]

    # Streaming

    def _tell(self, stream: str, kind: str, payload: Any) -> None:
        self.push(kind, payload if isinstance(payload, str) else json.dumps(payload), stream=stream)

    def push(self, kind: str, data: str, *, stream: str = "user") -> None:
        """One event, as it is given: it may be of any kind, and no JSON."""
        self.push_raw(f"event: {kind}\ndata: {data}\n\n".encode(), stream=stream)

    def push_raw(self, text: bytes, *, stream: str = "user") -> None:
        for name, waiting in list(self._streams):
            if name == stream:
                waiting.put(text)

    def drop_streams(self) -> None:
        for _, waiting in list(self._streams):
            waiting.put(None)

    @property
    def streaming(self) -> list[str]:
        return sorted(name for name, _ in self._streams)

    def subscribe(self, name: str) -> queue.Queue[bytes | None]:
        waiting: queue.Queue[bytes | None] = queue.Queue()
        self._streams.append((name, waiting))
        self.subscribed += 1
        return waiting

    def unsubscribe(self, waiting: queue.Queue[bytes | None]) -> None:
        self._streams = [each for each in self._streams if each[1] is not waiting]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    simulator: Simulator

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        sim: Simulator = self.server.simulator  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        call = Call(self.command, parts.path, parse_qs(parts.query, keep_blank_values=True), headers, body)
        sim.log.append(call)
        failure = sim.failure_of(call)
        if failure == "lost_before_writing":
            return self._hang_up()
        if failure == "slow":
            time.sleep(0.3)
        answer = self._early(failure, sim)
        if answer is None:
            try:
                answer = sim.routes.answer(call)
            except Refused as refusal:
                answer = refusal.answer
        if failure == "error_after_writing":
            answer = Answer(500, {"error": "We're sorry, but something went wrong on our end."})
        call.status, call.answer = answer.status, answer.body
        if failure == "no_answer_after_writing":
            return self._hang_up()
        if callable(answer.body):
            return self._stream(answer.body(), sim)
        return self._send(answer, sim, is_json=failure != "no_json")

    def _early(self, failure: str, sim: Simulator) -> Answer | None:
        if failure == "revoked":
            return Answer(401, {"error": "The access token was revoked"})
        if failure == "unavailable":
            return Answer(503, {"error": "Service Unavailable"})
        if failure == "rate_limit" or sim.remaining <= 0:
            sim.remaining = 0
            return Answer(429, {"error": "Too many requests"})
        sim.remaining -= 1
        return None

    def _send(self, answer: Answer, sim: Simulator, *, is_json: bool) -> None:
        content = json.dumps(answer.body).encode() if is_json else b"<!DOCTYPE html><title>Hello</title>"
        self.send_response_only(answer.status)
        now = datetime.now(UTC) + sim.clock_skew
        headers = {
            "Date": format_datetime(now, usegmt=True),
            "Content-Type": "application/json; charset=utf-8" if is_json else "text/html",
            "Content-Length": str(len(content)),
            "X-RateLimit-Limit": str(sim.limit),
            "X-RateLimit-Remaining": str(sim.remaining),
            "X-RateLimit-Reset": stamp(sim.resets_at + sim.clock_skew),
        }
        for name, value in (headers | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, name: str, sim: Simulator) -> None:
        waiting = sim.subscribe(name)
        try:
            self.send_response_only(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self._chunk(b":)\n")
            while True:
                try:
                    text = waiting.get(timeout=sim.heartbeat)
                except queue.Empty:
                    text = b":thump\n"
                if text is None:
                    return self._hang_up()
                self._chunk(text)
        except OSError:
            self.close_connection = True
        finally:
            sim.unsubscribe(waiting)

    def _chunk(self, text: bytes) -> None:
        self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
        self.wfile.flush()

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
