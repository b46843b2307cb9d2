"""A Mastodon server over HTTP on this machine: answers and refuses as one does, streams, and fails in the ways that it is told to."""

from __future__ import annotations

import json
import queue
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from tests.socialdesk.networks.mastodon.world import World, stamp
from tests.socialdesk.networks.served import Answer, Call, Handler, Served


class Refused(Exception):
    """The server says no: a status and its words."""

    def __init__(self, status: int, error: str, **more: str) -> None:
        super().__init__(error)
        self.answer = Answer(status, {"error": error, **more})


class _Handler(Handler):
    def do_DELETE(self) -> None:
        self.serve()

    def send(self, answer: Answer, call: Call, failure: str) -> None:
        if callable(answer.body):
            return self._stream(answer.body(), self.server.served)  # type: ignore[attr-defined]
        return super().send(answer, call, failure)

    def _stream(self, name: str, sim: Any) -> None:
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
                    return self.hang_up()
                self._chunk(text)
        except OSError:
            self.close_connection = True
        finally:
            sim.unsubscribe(name, waiting)

    def _chunk(self, text: bytes) -> None:
        self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
        self.wfile.flush()


class Simulator(Served[Call]):
    """`world` is what stands behind it; its paths are in routes.py."""

    handler = _Handler
    broken = {"error": "We're sorry, but something went wrong on our end."}
    call = Call

    def __init__(self) -> None:
        from tests.socialdesk.networks.mastodon.routes import Routes

        super().__init__()
        self.world = World(self.base)
        self.world.listener = self._tell
        self.max_characters = 500
        self.has_old_api = False  # as servers before 4.3: no /api/v1/statuses?id[]=, no include_filtered
        self.knows_types = True  # of notifications
        self.has_streaming = True
        self.limit, self.remaining, self.resets_at = 300, 300, datetime.now(UTC) + timedelta(minutes=5)
        self.clock_skew = timedelta(0)
        self.heartbeat = 0.2
        self.subscribed = 0  # connections that were ever opened
        self._streams: list[tuple[str, queue.Queue[bytes | None]]] = []
        self.routes = Routes(self)

    def stop(self) -> None:
        self.drop_streams()
        super().stop()

    def calls(self, method: str, path: str = "") -> list[Call]:
        return [call for call in self.log if call.method == method and call.path.startswith(path)]

    def turn_away(self, call: Call, failure: str) -> Answer | None:
        if failure == "revoked":
            return Answer(401, {"error": "The access token was revoked"})
        if failure == "unavailable":
            return Answer(503, {"error": "Service Unavailable"})
        if failure == "rate_limit" or self.remaining <= 0:
            self.remaining = 0
            return Answer(429, {"error": "Too many requests"})
        self.remaining -= 1
        return None

    def answer(self, call: Call) -> Answer:
        try:
            return self.routes.answer(call)
        except Refused as refusal:
            return refusal.answer

    def headers_of(self, call: Call) -> dict[str, str]:
        return {
            "Date": format_datetime(datetime.now(UTC) + self.clock_skew, usegmt=True),
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": stamp(self.resets_at + self.clock_skew),
        }

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

    def unsubscribe(self, name: str, waiting: queue.Queue[bytes | None]) -> None:
        self._streams.remove((name, waiting))  # in one step: another connection may be opened at the same moment
