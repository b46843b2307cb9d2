"""A server of feeds on this machine: gives what it holds, knows what has not changed, and misbehaves when told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class FeedServer:
    """`content` stands at every path. `answers` are given instead, one after the other: status, headers, body."""

    url: str = ""
    content: bytes = b""
    media_type: str = "application/xml"
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    given: list[int] = field(default_factory=list)
    hangs_up: bool = False  # says nothing, and closes the connection

    @property
    def etag(self) -> str:
        return f'"{sha256(self.content).hexdigest()[:12]}"'


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_GET(self) -> None:
        feeds: FeedServer = self.server.feeds
        feeds.asked.append({name.lower(): value for name, value in self.headers.items()})
        if feeds.hangs_up:
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if feeds.answers:
            status, headers, body = feeds.answers.pop(0)
        elif self.headers.get("If-None-Match") == feeds.etag:
            status, headers, body = 304, {}, b""
        else:
            status, headers, body = 200, {"Content-Type": feeds.media_type, "ETag": feeds.etag}, feeds.content
        feeds.given.append(status)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # a reader that had enough
            return

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def serving() -> Iterator[FeedServer]:
    feeds = FeedServer()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.feeds = feeds  # type: ignore[attr-defined]
        feeds.url = f"http://127.0.0.1:{server.server_port}/latest.rss"
        thread = threading.Thread(target=server.serve_forever, daemon=True, kwargs={"poll_interval": 0.01})
        thread.start()
        yield feeds
        server.shutdown()
