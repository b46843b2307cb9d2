"""A server of the AT Protocol over HTTP on this machine: answers and refuses as one does, and fails in the ways that it is told to.

What is asked and answered is held against the protocol's own lexicons, as the client library has them: an answer of ours that does not fit
stands in `faults`.
"""

from __future__ import annotations

import base64
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.socialdesk.networks.bluesky.world import World

# Before writing: the connection is closed, or 502. After writing: 500, or the connection is closed.
MODES = ("revoked", "rate_limit", "expired", "lost_before_writing", "unavailable", "error_after_writing", "no_answer_after_writing")
LIMITS = {"read": 3000, "write": 5000, "session": 30, "chat": 3000}
OTHER_MODES = ("slow", "no_json", "moved", "bad_jwt", "huge")


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
    def nsid(self) -> str:
        return self.path.removeprefix("/xrpc/")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Refused(Exception):
    """The server says no: a status, the error's name and its words."""

    def __init__(self, status: int, error: str, message: str) -> None:
        super().__init__(message)
        self.status, self.answer = status, {"error": error, "message": message}


@dataclass(slots=True)
class Session:
    did: str
    scope: str
    kind: str  # access, refresh
    password: str = ""


@dataclass(slots=True)
class AppPassword:
    did: str
    scope: str


class Simulator:
    """Starts at once, on a free port. `log` has every call; `world` is what stands behind it."""

    def __init__(self) -> None:
        from tests.socialdesk.networks.bluesky.routes import Routes

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self.server.daemon_threads = True
        self.server.simulator = self  # type: ignore[attr-defined]
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.world = World()
        self.log: list[Call] = []
        self.faults: list[str] = []
        self.left = dict(LIMITS)
        self.sessions: dict[str, Session] = {}
        self.passwords: dict[str, AppPassword] = {}
        self.ahead = 0  # seconds by which its clock is
        self.lasts = 7200  # seconds of an access token
        self.has_chat = True
        self.knows_reasons = True  # in notifications
        self.is_strict = True  # its answers keep to the lexicons
        self.refused: set[str] = set()  # methods that this server does not have
        self.lives_at = self.base  # the server that documents of accounts name
        self._numbers = itertools.count(1)
        self._failure: tuple[str, Callable[[Call], bool]] | None = None
        self.routes = Routes(self)
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    @contextmanager
    def failing(self, mode: str, *, only: Callable[[Call], bool] = lambda call: True) -> Iterator[None]:
        """While this lasts, the calls that `only` picks fail in that way."""
        assert mode in MODES + OTHER_MODES
        self._failure = (mode, only)
        try:
            yield
        finally:
            self._failure = None

    def failure_of(self, call: Call) -> str:
        mode, only = self._failure or ("", lambda call: False)
        return mode if only(call) else ""

    def calls(self, nsid: str) -> list[Call]:
        return [call for call in self.log if call.nsid == nsid]

    def add_password(self, password: str, *, scope: str = "com.atproto.appPassPrivileged", handle: str = "") -> None:
        did = self.world.person(handle).did if handle else self.world.us.did
        self.passwords[password] = AppPassword(did, scope)

    def open_session(self, did: str, scope: str = "com.atproto.appPassPrivileged", password: str = "") -> dict[str, str]:
        """A pair of tokens. A refresh token is good for one renewal only."""
        return {
            "accessJwt": self._token(Session(did, scope, "access", password), self.lasts),
            "refreshJwt": self._token(Session(did, scope, "refresh", password), 90 * 24 * 3600),
        }

    def _token(self, session: Session, lasts: int) -> str:
        payload = {"scope": session.scope, "sub": session.did, "exp": int(time.time()) + lasts, "jti": next(self._numbers)}
        parts = [{"alg": "none"}, payload, {"made": "here"}]
        token = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
        self.sessions[token] = session
        return token


@dataclass(slots=True)
class Answer:
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
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
        answer = self._early(failure, sim, call)
        if answer is None:
            try:
                answer = Answer(200, sim.routes.answer(call))
            except Refused as refusal:
                answer = Answer(refusal.status, refusal.answer)
            except Exception as error:
                sim.faults.append(f"{call.nsid}: {error!r}")
                answer = Answer(500, {"error": "InternalServerError", "message": "Internal Server Error"})
        if failure == "error_after_writing":
            answer = Answer(500, {"error": "InternalServerError", "message": "Internal Server Error"})
        call.status, call.answer = answer.status, answer.body
        if failure == "no_answer_after_writing":
            return self._hang_up()
        return self._send(answer, sim, call, is_json=failure != "no_json")

    def _early(self, failure: str, sim: Simulator, call: Call) -> Answer | None:
        if failure == "revoked":
            return Answer(401, {"error": "AccountTakedown", "message": "Account has been taken down"})
        if failure == "expired":
            return Answer(400, {"error": "ExpiredToken", "message": "Token has expired"})
        if failure == "bad_jwt":
            return Answer(401, {"error": "BadJwtAudience", "message": "jwt audience does not match service did"})
        if failure == "unavailable":
            return Answer(502, {"error": "UpstreamFailure", "message": "Upstream Failure"})
        if failure == "moved":
            return Answer(307, {}, {"Location": "https://elsewhere.example/xrpc/"})
        bucket = bucket_of(call)
        if failure == "rate_limit" or sim.left[bucket] <= 0:
            sim.left[bucket] = 0
            return Answer(429, {"error": "RateLimitExceeded", "message": "Rate Limit Exceeded"})
        sim.left[bucket] -= 3 if bucket == "write" else 1  # points
        return None

    def _send(self, answer: Answer, sim: Simulator, call: Call, *, is_json: bool) -> None:
        content = json.dumps(answer.body).encode() if is_json else b"<!DOCTYPE html><title>Hello</title>"
        if sim.failure_of(call) == "huge":
            content = b" " * 9_000_000
        bucket = bucket_of(call)
        self.send_response_only(answer.status)
        headers = {
            "Content-Type": "application/json; charset=utf-8" if is_json else "text/html",
            "Content-Length": str(len(content)),
            "ratelimit-limit": str(LIMITS[bucket]),
            "ratelimit-remaining": str(sim.left[bucket]),
            "Date": formatdate(time.time() + sim.ahead, usegmt=True),
            "ratelimit-reset": str(int(time.time()) + sim.ahead + 300),
            "ratelimit-policy": f"{LIMITS[bucket]};w={3600 if bucket == 'write' else 300}",
        }
        for name, value in (headers | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        with suppress(OSError):  # they may have read enough
            self.wfile.write(content)

    def _hang_up(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)


def bucket_of(call: Call) -> str:
    if call.nsid == "com.atproto.server.createSession":
        return "session"
    if call.nsid.startswith("chat."):
        return "chat"
    return "write" if call.method == "POST" and call.nsid.startswith("com.atproto.repo.") else "read"
