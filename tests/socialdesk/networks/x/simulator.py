"""X on this machine: an HTTP server that speaks its API of version 2, refuses what it would refuse, and fails as it is told."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import json
import queue
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from tests.socialdesk.networks.harnesses import Failure
from tests.socialdesk.networks.x.asked import CALLS, Call, Refused, check_body, check_params
from tests.socialdesk.networks.x.calls import HANDLERS, Asked, matches
from tests.socialdesk.networks.x.world import ALL_SCOPES, Post, Token, User, World

CLIENT_ID, CLIENT_SECRET, APP_TOKEN = "app-of-tidewheel", "secret-of-tidewheel", "app-token-of-tidewheel"
WINDOW = 900


class Logged(NamedTuple):
    """One request and its answer. `answer` is None where none was given, and where a test made it up."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    status: int
    answer: Any


class Simulator:
    """What tests hold: the world, the log, and the ways to make it fail."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.simulator = self  # type: ignore[attr-defined]
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.reset()

    def reset(self) -> None:
        self.world = World()
        self.world.tokens[APP_TOKEN] = Token(None, frozenset())
        self.log: list[Logged] = []
        self.failure: Failure | None = None
        self.fails_on: Callable[[str, str], bool] = lambda method, path: True
        self.answers_with: tuple[int, bytes, dict[str, str]] | None = None  # instead of doing anything
        self.garbles: bytes | None = None  # what is answered after everything was done
        self.takes = 0.0  # seconds before it answers
        self.clock_skew = 0.0  # seconds by which its clock runs ahead
        self.knows_new_names = True
        self.finds: Callable[[str, Post], bool] = matches
        self.used: dict[str, int] = {}
        self.limits: dict[str, int] = {}  # by the name of a call; others as X has them
        self.streams: list[_Lines] = []
        self.most_streams = 1
        self.keep_alive = 0.05
        self.lingers = 0.0  # seconds for which a connection that was closed still counts

    def sign_in(self, user: User, scopes: str = ALL_SCOPES) -> str:
        """An access token of theirs."""
        with self.world.lock:
            token = f"token-{len(self.world.tokens)}-{user.username}"
            self.world.tokens[token] = Token(user, frozenset(scopes.split()))
            return token

    @contextmanager
    def failing(self, failure: Failure, *, on: Callable[[str, str], bool] = lambda method, path: True) -> Iterator[None]:
        self.failure, self.fails_on = failure, on
        try:
            yield
        finally:
            self.failure = None

    def calls(self, method: str, path: str = "") -> list[Logged]:
        return [one for one in self.log if one.method == method and path in one.path]

    def push(self, line: dict[str, Any] | bytes) -> None:
        """To every open stream."""
        for stream in list(self.streams):
            stream.put(line if isinstance(line, bytes) else json.dumps(line).encode())

    def push_post(self, post: Post) -> None:
        """As the stream would bring it, where a rule finds it."""
        for stream in list(self.streams):
            found = [{"id": one["id"], "tag": one.get("tag", "")} for one in self.world.rules.values() if matches(one["value"], post)]
            if found:
                asked = Asked(self.world, self.world.tokens[APP_TOKEN], {}, stream.query, {}, new_names=False)
                _, answer = asked.posts([post], as_list=False)
                stream.put(json.dumps({**answer, "matching_rules": found}).encode())

    def end_streams(self) -> None:
        for stream in list(self.streams):
            stream.put(None)


@lru_cache(maxsize=1)
def _simulator() -> Simulator:
    return Simulator()


def fresh_simulator() -> Simulator:
    """The process's one server, with an empty world."""
    simulator = _simulator()
    simulator.reset()
    return simulator


class _Lines(queue.Queue[bytes | None]):
    """What one open stream has still to say; None ends it."""

    def __init__(self, query: dict[str, str]) -> None:
        super().__init__()
        self.query = query


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        return None

    @property
    def sim(self) -> Simulator:
        return self.server.simulator  # type: ignore[attr-defined,no-any-return]

    def _handle(self) -> None:
        sim, parts = self.sim, urlsplit(self.path)
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        world = sim.world
        time.sleep(sim.takes)
        if sim.world is not world:  # the test that asked is over
            self.close_connection = True
            return None
        failure = sim.failure if sim.fails_on(self.command, parts.path) else None
        if failure == "lost_before_writing":
            return self._hang_up(parts.path)
        if sim.answers_with is not None and sim.fails_on(self.command, parts.path):
            status, content, headers = sim.answers_with
            return self._send(parts.path, status, content, headers, is_made_up=True)
        try:
            with sim.world.lock:
                call, limits = self._admit(parts.path, failure)
                is_stream = call is not None and call.name == "stream"
                status, answer = (0, {}) if is_stream else self._do(parts.path, call)
        except Refused as refused:
            limits = getattr(refused, "headers", {})
            status, answer = refused.status, refused.body
            failure = None
        if status == 0:
            return self._stream(parts.path)
        if failure == "no_answer_after_writing":
            return self._hang_up(parts.path)
        if failure == "error_after_writing":
            error = Refused(500, "Internal Server Error", "Something is broken.", "internal-error")
            status, answer = error.status, error.body
        is_garbled = sim.garbles is not None and status < 300 and sim.fails_on(self.command, parts.path)
        content = sim.garbles if sim.garbles is not None and is_garbled else json.dumps(answer).encode()
        kind = "application/problem+json" if status >= 400 else "application/json; charset=utf-8"
        return self._send(parts.path, status, content, {"Content-Type": kind, **limits}, is_made_up=content is sim.garbles)

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815  so the server's base class wants them

    def _admit(self, path: str, failure: Failure | None) -> tuple[Call | None, dict[str, str]]:
        """Which call it is, and its limit's headers. Raises Refused for what may not be asked, or not so often."""
        sim = self.sim
        if path.startswith("/2/oauth2/"):
            return None, {}
        found = [(call, match) for call in CALLS if (match := call.match(self.command, path))]
        if not found:
            raise Refused(404, "Not Found", "Not Found", "resource-not-found", resource_type="path")
        call, match = found[0]
        self.path_ids = match.groupdict()
        token = sim.world.tokens.get(self.headers.get("Authorization", "").removeprefix("Bearer "))
        if token is None or failure == "revoked":
            raise Refused(401, "Unauthorized", "Unauthorized", "not-authorized-for-resource", resource_type="token")
        self.token = token
        if (token.user is None and not call.app) or (token.user is not None and call.scopes is None):
            raise Refused(403, "Unsupported Authentication", "Authenticating so is forbidden for this endpoint.", "disallowed-resource")
        if token.user is not None and not set((call.scopes or "").split()) <= token.scopes:
            raise Refused(
                403,
                "Forbidden",
                "Your access token has not all scopes that it needs.",
                "not-authorized-for-resource",
                resource_type="scope",
            )
        limits = self._count(call, failure)
        check_params(call, self.query, knows_new_names=sim.knows_new_names)
        return call, limits

    def _count(self, call: Call, failure: Failure | None) -> dict[str, str]:
        sim = self.sim
        limit = sim.limits.get(call.name, call.limit)
        used = sim.used[call.name] = sim.used.get(call.name, 0) + 1
        is_over = used > limit or failure == "rate_limit"
        headers = {
            "x-rate-limit-limit": str(limit),
            "x-rate-limit-remaining": str(0 if is_over else limit - used),
            "x-rate-limit-reset": str(int(time.time() + sim.clock_skew + WINDOW)),
        }
        if is_over:
            refused = Refused(429, "Too Many Requests", "Too Many Requests", "invalid-request")
            refused.headers = headers  # type: ignore[attr-defined]
            raise refused
        return headers

    def _do(self, path: str, call: Call | None) -> tuple[int, dict[str, Any]]:
        if call is None:
            return self._sign_in(path)
        nothing: Any = None if call.wants_object else {}
        try:
            body = json.loads(self.raw) if self.raw else nothing
        except ValueError:
            body = None
        sim = self.sim
        asked = Asked(sim.world, self.token, self.path_ids, self.query, check_body(call, body), new_names=sim.knows_new_names)
        asked.finds = sim.finds
        return HANDLERS[call.name](asked)

    def _sign_in(self, path: str) -> tuple[int, dict[str, Any]]:
        """OAuth 2.0 of a confidential client: errors are OAuth's own."""
        world, form = self.sim.world, {name: values[0] for name, values in parse_qs(self.raw.decode()).items()}
        pair = base64.b64decode(self.headers.get("Authorization", "").removeprefix("Basic ") or b"").decode()
        if [unquote(part) for part in pair.split(":")] != [CLIENT_ID, CLIENT_SECRET] or form.get("client_id") != CLIENT_ID:
            return 401, {"error": "unauthorized_client", "error_description": "Missing valid authorization header"}
        if path.endswith("/revoke"):
            if not form.get("token"):
                return 400, {"error": "invalid_request", "error_description": "Missing required parameter [token]."}
            world.tokens.pop(form["token"], None)
            world.refresh_tokens.pop(form["token"], None)
            return 200, {"revoked": True}
        if form.get("grant_type") == "authorization_code":
            given = world.codes.pop(form.get("code", ""), None)
            challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
            if given is None or given["challenge"] != challenge or given["redirect_uri"] != form.get("redirect_uri"):
                return 400, {"error": "invalid_request", "error_description": "Value passed for the authorization code was invalid."}
            user, scope = world.users[given["user"]], given["scope"]
        else:
            known = world.refresh_tokens.pop(form.get("refresh_token", ""), None)
            if known is None:
                return 400, {"error": "invalid_request", "error_description": "Value passed for the token was invalid."}
            user, scope = known, ALL_SCOPES
        refresh_token = f"refresh-{world.new_id()}"
        world.refresh_tokens[refresh_token] = user
        access_token = self.sim.sign_in(user, scope)
        answer = {"token_type": "bearer", "expires_in": 7200, "access_token": access_token, "scope": scope, "refresh_token": refresh_token}
        return 200, answer

    def _stream(self, path: str) -> None:
        sim = self.sim
        if len(sim.streams) >= sim.most_streams:
            detail = "This stream is currently at the maximum allowed connection limit."
            refused = Refused(429, "ConnectionException", detail, "streaming-connection", connection_issue="TooManyConnections")
            return self._send(path, 429, json.dumps(refused.body).encode(), {"Content-Type": "application/problem+json"})
        lines = _Lines(self.query)
        self._note(path, 200, None)
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.close_connection = True
        sim.streams.append(lines)
        try:
            with suppress(OSError):
                self.end_headers()
                self._feed(lines)
        finally:
            time.sleep(sim.lingers)
            with suppress(ValueError):  # the test that listened is over
                sim.streams.remove(lines)  # in one step: another connection may be opened at the same moment

    def _feed(self, lines: _Lines) -> None:
        while True:
            try:
                line = lines.get(timeout=self.sim.keep_alive)
            except queue.Empty:
                line = b""
            if line is None:
                return
            chunk = line + b"\r\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))

    def _send(self, path: str, status: int, content: bytes, headers: dict[str, str], *, is_made_up: bool = False) -> None:
        self._note(path, status, None if is_made_up else json.loads(content))
        self.send_response_only(status)
        self.send_header("Date", email.utils.formatdate(time.time() + self.sim.clock_skew, usegmt=True))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):  # who asked may have hung up
            self.wfile.write(content)

    def _hang_up(self, path: str) -> None:
        self._note(path, 0, None)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _note(self, path: str, status: int, answer: Any) -> None:
        try:
            body: Any = json.loads(self.raw) if self.raw else None
        except ValueError:
            body = self.raw.decode(errors="replace")
        self.sim.log.append(Logged(self.command, path, self.query, dict(self.headers), body, status, answer))
