"""Networks of which only signing in exists: one behind a real HTTP server with OAuth and PKCE, and one whose refresh tokens rotate."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from socialdesk.lib.clock import now
from socialdesk.networks.base import AccountConfig, Begun, Capabilities, Connected, Field, Grant, Network, NetworkError

CAPABILITIES = Capabilities(
    reads=("mentions", "private messages"),
    reply=True,
    direct_message=True,
    reads_direct_messages=True,
    hide=True,
    delete=True,
    max_length=300,
    max_message_length=1000,
    cost="Nothing.",
    limits="300 calls in 5 minutes.",
    cannot=("Posts of people who closed their account to strangers are not heard.",),
)


@dataclass
class Account:
    id: str
    username: str
    scopes: str = "read write direct"
    name: str = ""
    longest: int = 300


@dataclass
class Server:
    """What stands at the network. `accounts` are those that one sign-in allows; `codes` hold the challenge and address they are for."""

    url: str = ""
    accounts: list[Account] = field(default_factory=lambda: [Account("u1", "tidewheel", name="Tidewheel")])
    codes: dict[str, tuple[str, str]] = field(default_factory=dict)
    tokens: dict[str, Account] = field(default_factory=dict)
    revoked: set[str] = field(default_factory=set)
    seen: list[str] = field(default_factory=list)

    def authorize(self, query: Mapping[str, str]) -> str:
        """The person allows the desk: the address that their browser is sent back to."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = (query["code_challenge"], query["redirect_uri"])
        return f"{query['redirect_uri']}?{urlencode({'code': code, 'state': query['state']})}"

    def token(self, form: Mapping[str, str]) -> tuple[int, Any]:
        challenge, redirect_uri = self.codes.pop(form.get("code", ""), ("", ""))
        hashed = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if not challenge or challenge != hashed or redirect_uri != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant"}
        return 200, [self.make_token(account) for account in self.accounts]

    def make_token(self, account: Account) -> dict[str, str]:
        token = f"secret-{secrets.token_urlsafe(12)}"
        self.tokens[token] = account
        return {"token": token}

    def whoami(self, token: str) -> tuple[int, Any]:
        account = self.tokens.get(token)
        if account is None or token in self.revoked:
            return 401, {"error": f"the token {token} was revoked"}
        return 200, {
            "id": account.id,
            "username": account.username,
            "name": account.name,
            "scopes": account.scopes,
            "longest": account.longest,
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    network: Server

    def do_GET(self) -> None:
        path, query = self._asked()
        if path == "/authorize":
            target = self.network.authorize(query)
            link = f'<link rel="icon" href="data:,"><a href="{target.replace("&", "&amp;")}">Allow it</a>'
            self._answer(200, f'<!doctype html><html lang="en"><title>Allow</title>{link}')
        elif path == "/whoami":
            self._answer(*self.network.whoami(self.headers.get("Authorization", "").removeprefix("Bearer ")))
        else:
            self._answer(404, {"error": "not found"})

    def do_POST(self) -> None:
        path, _ = self._asked()
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        self._answer(*(self.network.token(form) if path == "/token" else (404, {"error": "not found"})))

    def _asked(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        self.network.seen.append(parts.path)
        return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _answer(self, status: int, body: Any) -> None:
        is_page = isinstance(body, str)
        content = (body if is_page else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8" if is_page else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Tests look at `seen`."""


@contextmanager
def serving() -> Iterator[Server]:
    network = Server()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"network": network}))
    network.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield network
    server.shutdown()
    server.server_close()
    thread.join(timeout=30)


class Connector:
    """How accounts of the practice network are connected: by OAuth, or by a token that is typed in."""

    steps: tuple[str, ...] = ("Open the settings of your account there.", "Make an app for the desk.")
    fields: tuple[Field, ...] = (Field("server", "Server", help="As in practice.example", initial="practice.example"),)

    def __init__(self, server: Server, *, by_redirect: bool = True) -> None:
        self.server = server
        self.by_redirect = by_redirect
        self.needs = ""
        self.verifiers: list[str] = []
        self.given_back: list[dict[str, Any]] = []
        self.cannot_give_back: NetworkError | None = None
        self.to_do_there = ""
        if not by_redirect:
            self.fields = (Field("token", "Token", is_secret=True), *self.fields)

    def missing(self) -> str:
        return self.needs

    def begin(self, values: Mapping[str, str], *, redirect_uri: str, state: str, challenge: str) -> Begun:
        query = {"redirect_uri": redirect_uri, "state": state, "code_challenge": challenge}
        return Begun(f"{self.server.url}/authorize?{urlencode(query)}", keep={"app": "secret-of-the-app"})

    def finish(self, values: Mapping[str, str], *, answer: Mapping[str, str], verifier: str, redirect_uri: str) -> Sequence[Connected]:
        if not self.by_redirect:
            return [self._connected(values["token"])]
        if "error" in answer:
            raise NetworkError(f"The sign-in was refused there: {answer['error']}", permanent=True)
        assert values["app"] == "secret-of-the-app"
        self.verifiers.append(verifier)
        form = {"code": answer.get("code", ""), "code_verifier": verifier, "redirect_uri": redirect_uri}
        response = requests.post(f"{self.server.url}/token", data=form, timeout=30)
        if response.status_code != 200:
            raise NetworkError(f"HTTP {response.status_code}: {response.text} for code {form['code']}", permanent=True)
        return [self._connected(entry["token"]) for entry in response.json()]

    def _connected(self, token: str) -> Connected:
        return Connected({"token": token}, self._grant(token))

    def probe(self, config: AccountConfig) -> Grant:
        return self._grant(config.credentials["token"])

    def _grant(self, token: str) -> Grant:
        response = requests.get(f"{self.server.url}/whoami", headers={"Authorization": f"Bearer {token}"}, timeout=30)
        facts = response.json()
        if response.status_code != 200:
            raise NetworkError(f"HTTP {response.status_code}: {facts['error']}", permanent=True, account_revoked=True)
        cannot = {} if "direct" in facts["scopes"] else {"direct_message": "The app was not allowed private messages."}
        return Grant(facts["id"], facts["username"], facts["name"], cannot, {"max_length": facts["longest"]})

    def renew(self, config: AccountConfig) -> None:
        return None

    def give_back(self, config: AccountConfig) -> str:
        self.given_back.append(dict(config.credentials))
        if self.cannot_give_back:
            raise self.cannot_give_back
        return self.to_do_there


def practice(connector: Connector, **fields: Any) -> Network:
    """The network as a line of the registry. It reads nothing, so that no test's source calls anything."""
    return Network("practice", "Practice", **{"capabilities": CAPABILITIES, "connecting": connector, **fields})


class RotatingTokens:
    """A network that takes each refresh token once. Whoever comes with a used one loses the account, as on X."""

    steps = ()
    fields = ()
    by_redirect = False

    def __init__(self) -> None:
        self.current = 1
        self.calls = 0
        self.fails: Exception | None = None
        self.renews_nothing = False
        self.while_asked: Any = lambda: None

    def missing(self) -> str:
        return ""

    def renew(self, config: AccountConfig) -> dict[str, str] | None:
        self.calls += 1
        given = config.credentials["refresh"]
        self.while_asked()
        if self.fails:
            raise self.fails
        if self.renews_nothing:
            return None
        if given != str(self.current):
            raise NetworkError("This refresh token was used before.", permanent=True, account_revoked=True)
        self.current += 1
        return {"refresh": str(self.current), "expires_at": (now() + timedelta(hours=2)).isoformat()}
