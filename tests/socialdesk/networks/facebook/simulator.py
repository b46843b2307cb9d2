"""A Graph API on 127.0.0.1: checks version, token, proof and permissions, keeps a log, and fails in the ways that it is told to."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.socialdesk.networks.facebook import instagram_routes  # noqa: F401  adds its paths
from tests.socialdesk.networks.facebook.graph import ALL_SCOPES, PAGE, Token, World
from tests.socialdesk.networks.facebook.nodes import GraphError
from tests.socialdesk.networks.facebook.routes import ROUTES, Asked, dispatch
from tests.socialdesk.networks.harnesses import Failure

APP_ID, APP_SECRET, VERIFY_TOKEN = "190000000000001", "app-secret-of-the-simulator", "open sesame"
VERSION = "v23.0"


@dataclass(frozen=True, slots=True)
class Call:
    """One request and what was answered. `status` 0: nothing was."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: dict[str, str]
    status: int
    answer: Any


@dataclass
class Trouble:
    """How calls fail while it is set. `only` names those that do."""

    failure: Failure | Callable[[], tuple[int, Any, dict[str, str]]]
    only: Callable[[str, str], bool] = field(default=lambda method, path: True)


class Simulator:
    """`world` is what it holds, `log` every call so far, `trouble` how the next calls fail."""

    def __init__(self) -> None:
        self.world = World()
        self.log: list[Call] = []
        self.trouble: Trouble | None = None
        self.usage = 12  # per cent of the page's limit
        self.wants_proof = True
        self.codes: dict[str, str] = {}  # code -> redirect_uri
        self.granted: tuple[str, ...] = ALL_SCOPES  # what a person allows
        self.photos: dict[str, tuple[str, bool]] = {}  # id -> alternative text, whether everybody sees it
        self.slow = 0.0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.simulator = self  # type: ignore[attr-defined]
        self.base = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def failing(self, failure: Any, *, only: Callable[[str, str], bool] | None = None) -> Iterator[None]:
        self.trouble = Trouble(failure, only) if only else Trouble(failure)
        try:
            yield
        finally:
            self.trouble = None

    def writes(self) -> list[Call]:
        return [call for call in self.log if call.method != "GET" and "oauth" not in call.path]

    def usage_headers(self, *, minutes: int = 0) -> dict[str, str]:
        share = {"call_count": self.usage, "total_cputime": 3, "total_time": 5}
        business = {PAGE: [{"type": "pages", **share, "estimated_time_to_regain_access": minutes}]}
        return {"X-App-Usage": json.dumps(share | {"call_count": 1}), "X-Business-Use-Case-Usage": json.dumps(business)}

    def token_of(self, asked: Asked, headers: dict[str, str]) -> Token | None:
        """Raises GraphError for a token that is none, or a proof that does not fit."""
        scheme, _, value = headers.get("authorization", "").partition(" ")
        value = value if scheme == "Bearer" else asked.params.get("access_token", "")
        if not value:
            return None
        if value == f"{APP_ID}|{APP_SECRET}":
            token = Token(value, "app", set())
        else:
            known = self.world.tokens.get(value)
            if known is None:
                raise GraphError(190, f"Malformed access token {value}", status=400)
            token = known
        if not token.is_valid:
            said = "Error validating access token: The session has been invalidated because the user changed their password."
            raise GraphError(190, said, subcode=460, status=400)
        proof = hmac.new(APP_SECRET.encode(), value.encode(), hashlib.sha256).hexdigest()
        given = asked.params.get("appsecret_proof", "")
        if self.wants_proof and given != proof:
            raise GraphError(100, "API calls from the server require an appsecret_proof argument", kind="GraphMethodException")
        return token


def sign(body: bytes, secret: str = APP_SECRET) -> dict[str, str]:
    """The headers of a call that Meta makes, names in lower case."""
    return {"x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _serve(self) -> None:
        simulator: Simulator = self.server.simulator  # type: ignore[attr-defined]
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        body, files = self._form()
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = parts.path.lstrip("/")
        trouble = simulator.trouble
        failure = trouble.failure if trouble is not None and trouble.only(self.command, path) else None
        if simulator.slow:
            time.sleep(simulator.slow)

        def note(status: int, answer: Any) -> None:
            simulator.log.append(Call(self.command, path, query, headers, body, status, answer))

        if failure == "lost_before_writing":
            note(0, None)
            self.close_connection = True
            return
        more = simulator.usage_headers()
        if failure == "rate_limit":
            error = GraphError(32, "Page request limit reached", status=400)
            status, answer, more = error.status, error.body, simulator.usage_headers(minutes=5)
        elif failure == "revoked":
            error = GraphError(190, "Error validating access token: it was removed by its user.", subcode=458, status=401)
            status, answer = error.status, error.body
        elif callable(failure):
            status, answer, given = failure()
            more |= given
        else:
            status, answer = self._answer(simulator, path, query, body, files, headers)
            if failure == "error_after_writing":
                status, answer = 500, {"error": {"message": "An unknown error occurred", "type": "OAuthException", "code": 1}}
            elif failure == "no_answer_after_writing":
                note(0, None)
                self.close_connection = True
                return
        note(status, answer)
        self._send(status, answer, more)

    def _answer(
        self, simulator: Simulator, path: str, query: dict[str, str], body: dict[str, str], files: dict[str, bytes], headers: dict[str, str]
    ) -> tuple[int, Any]:
        version, _, rest = path.partition("/")
        asked = Asked(self.command, rest, {**query, **body}, files, simulator.world, f"{simulator.base}/{version}")
        try:
            if version != VERSION:
                raise GraphError(2635, f"You are calling a deprecated version of the API: {version}.")
            asked.simulator = simulator
            asked.token = simulator.token_of(asked, headers)
            return 200, dispatch(asked, ROUTES)
        except GraphError as error:
            return error.status, error.body

    def _form(self) -> tuple[dict[str, str], dict[str, bytes]]:
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        kind = self.headers.get("Content-Type", "")
        if kind.startswith("multipart/"):
            message = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw)
            fields, files = {}, {}
            for part in message.get_payload():
                name = str(part.get_param("name", header="content-disposition"))  # type: ignore[union-attr]
                content: bytes = part.get_payload(decode=True)  # type: ignore[union-attr,assignment]
                if part.get_filename():  # type: ignore[union-attr]
                    files[name] = content
                else:
                    fields[name] = content.decode()
            return fields, files
        return dict(parse_qsl(raw.decode(), keep_blank_values=True)), {}

    def _send(self, status: int, answer: Any, more: dict[str, str]) -> None:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        kind = "text/html" if isinstance(answer, bytes) else "application/json; charset=UTF-8"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **more}.items():
            self.send_header(name, value)
        with suppress(ConnectionError):  # the caller has gone
            self.end_headers()
            self.wfile.write(content)
