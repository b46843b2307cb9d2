"""One account's way to its server: a guarded session with one budget, the client library on it, and what a failure means.

The library's plain client is used, which knows no session: it renews nothing by itself, so no call is made twice and no refresh token gets
lost. What the server answers is taken from the wire, since the library's models refuse a whole page for one field that they do not know.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings

from socialdesk.networks.base import EXPIRED, AccountConfig, NetworkError
from socialdesk.networks.bluesky.values import part, words
from socialdesk.networks.budget import Budget, Limit
from socialdesk.networks.wire import NetworkSession, SessionTransport, ahead_of, refusal, retry_after, unreachable

AGENT = "Social Desk"
_ENDED = ("ExpiredToken", "InvalidToken")  # a session that is over; renewing tells whether the password still is good
_NOT_US = ("BadJwt", "JwtExpired")  # our server spoke for us to a service that did not believe it: no fault of our sign-in
_NO_CHAT = ("bad token scope", "bad token method")  # what an app password without private messages is told


class Wire(NetworkSession):
    """The session that the library speaks through. `last` is the answer to the last request, None while there is none."""

    last: requests.Response | None = None

    def __init__(self, budget: Budget, *, is_reading: bool) -> None:
        super().__init__(budget, bucket_of=bucket_of, limits_of=limits_of, is_shared=is_reading)
        self._purse = budget
        self.headers["User-Agent"] = AGENT

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        self.last = None
        response = super().request(method, url, *args, **options)
        if 300 <= response.status_code < 400:  # the library would go there, with what it writes
            elsewhere = urlsplit(response.headers.get("Location", "")).hostname or "another address"
            raise NetworkError(f"The server sends us on to {elsewhere}. Connect the account with that one.", permanent=True, code="moved")
        self.last = response
        if response.status_code == 429:
            self._purse.close(bucket_of(str(method).upper(), str(url)), seconds=wait_of(response))
        return response


class Client:
    """Asks and writes as one account. Raises NetworkError, and nothing else.

    `is_reading`: leaves of the limits what answers need. What an answer has to look up is part of it.
    """

    def __init__(self, config: AccountConfig, *, token: str | None = None, is_reading: bool = True) -> None:
        given = config.credentials
        self.config = config
        self.service = (given.get("service", "") or settings.BLUESKY_SERVICE).rstrip("/")
        self.our_did = config.external_id or given.get("did", "")
        self._token = given.get("access", "") if token is None else token
        self._may_renew = bool(given.get("refresh") or given.get("password"))
        self._wire = Wire(Budget(f"bluesky:{self.service}:{self.our_did or config.username}"), is_reading=is_reading)

    def query(self, nsid: str, *, to_chat: bool = False, **params: Any) -> Mapping[str, Any]:
        from atproto_client.models.dot_dict import DotDict  # heavy: more than a second

        given = DotDict({name: value for name, value in params.items() if value not in (None, "")})
        headers = self._headers(to_chat=to_chat)
        return self._ask(lambda: self._library.invoke_query(nsid, params=given, headers=headers), is_write=False)

    def procedure(
        self, nsid: str, data: Mapping[str, Any] | None = None, *, to_chat: bool = False, is_write: bool = True
    ) -> Mapping[str, Any]:
        """`is_write=False`: calling it again changes nothing, as opening a session or a conversation that is there."""
        from atproto_client.models.dot_dict import DotDict

        given = {"data": DotDict(data), "input_encoding": "application/json"} if data is not None else {}
        headers = self._headers(to_chat=to_chat)
        return self._ask(lambda: self._library.invoke_procedure(nsid, headers=headers, **given), is_write=is_write)

    def upload(self, content: bytes, media_type: str) -> Mapping[str, Any]:
        """Nobody sees what was uploaded before a record names it, so this may be done again."""
        headers = {**self._headers(), "Content-Type": media_type}
        nsid = "com.atproto.repo.uploadBlob"
        return self._ask(lambda: self._library.invoke_procedure(nsid, content=content, headers=headers), is_write=False)

    def read_document(self, url: str) -> Mapping[str, Any]:
        """JSON that stands anywhere on the web, as a directory's."""
        return self._ask(lambda: self._wire.get(url), is_write=False)

    def _headers(self, *, to_chat: bool = False) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        return headers | ({"atproto-proxy": settings.BLUESKY_CHAT} if to_chat else {})

    @cached_property
    def _library(self) -> Any:
        from atproto_client.client.base import ClientBase
        from atproto_client.request import Request

        return ClientBase(base_url=self.service, request=Request(transport=SessionTransport(self._wire), trust_env=False))

    def _ask(self, do: Any, *, is_write: bool) -> Mapping[str, Any]:
        self._wire.last = None
        failed: Exception | None = None
        try:
            do()
        except Exception as error:
            failed = error
        answer: requests.Response | None = self._wire.last
        if answer is None:
            raise unreachable(_cause(failed), is_write=is_write) from None
        try:
            said = answer.json() if answer.content else {}
        except (ValueError, RecursionError):
            said = None
        if not 200 <= answer.status_code < 300:
            raise self._refusal(answer, part(said), is_write=is_write)
        if not isinstance(said, dict):
            raise NetworkError("The server answered what is no JSON.", retryable=not is_write, code="unreadable_answer")
        return said

    def _refusal(self, answer: requests.Response, said: Mapping[str, Any], *, is_write: bool) -> NetworkError:
        status, name, message = answer.status_code, words(said.get("error")), words(said.get("message"))
        spoken = message or name or "no reason given"
        if name == "InvalidToken" and message.lower() in _NO_CHAT:
            return NetworkError("This app password may not do that.", permanent=True, code="not_allowed")
        if name in _ENDED and self._may_renew:
            return NetworkError(f"HTTP {status}: {spoken}", retryable=True, retry_after=1, code=EXPIRED)
        if status == 401 and name.startswith(_NOT_US):
            return NetworkError(f"HTTP 401: {spoken}", retryable=not is_write, code=name)
        if name == "RecordNotFound" or (status == 400 and message.startswith("Could not locate record")):
            return NetworkError(f"HTTP {status}: {spoken}", permanent=True, code="not_found")
        if status == 413 or name == "BlobTooLarge":
            reason = f"The account's server takes no file of this size: {spoken}"
            return NetworkError(reason, permanent=True, code="file_too_large")
        if name == "BlobNotFound":  # nothing was written; the next try hands it over anew
            return NetworkError(f"HTTP {status}: {spoken}", retryable=True, code="file_is_gone")
        if status == 501:
            return NetworkError(f"HTTP 501: {spoken}", permanent=True, code="not_served")
        if status == 429:
            return refusal(status, spoken, is_write=is_write, wait=wait_of(answer))
        return refusal(status, spoken, is_write=is_write, wait=retry_after(answer), code=name if status < 500 else "")


def bucket_of(method: str, url: str) -> str:
    """Which of the server's limits a call falls under: writing has points of its own, opening a session a small number."""
    nsid = urlsplit(url).path.rpartition("/")[2]
    if nsid == "com.atproto.server.createSession":
        return "session"
    if nsid.startswith("chat."):
        return "chat"
    return "write" if nsid.startswith("com.atproto.repo.") and method == "POST" else "read"


def limits_of(response: requests.Response, bucket: str) -> Iterable[Limit]:
    """What the headers of an answer say of the limit that it fell under."""
    limit, remaining, resets_at = _number(response, "ratelimit-limit"), _number(response, "ratelimit-remaining"), _resets_at(response)
    if limit is None or remaining is None or resets_at is None:
        return []
    return [Limit(bucket, limit, remaining, resets_at)]


def wait_of(response: requests.Response) -> float:
    """The seconds to wait after a 429."""
    asked, resets_at = retry_after(response), _resets_at(response)
    if asked:
        return asked
    return 60.0 if resets_at is None else max(1.0, resets_at - time.time())


def _resets_at(response: requests.Response) -> float | None:
    """By our clock: the server says it by its own."""
    given = _number(response, "ratelimit-reset")
    return None if given is None else given - ahead_of(response)


def _number(response: requests.Response, header: str) -> int | None:
    given = response.headers.get(header, "").strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) < 12 else None


def _cause(error: Exception | None) -> Exception:
    """What really happened: the library may put an error of its own in its place."""
    while error is not None:
        if isinstance(error, NetworkError | requests.RequestException) or getattr(error, "code", "") == "not_public":
            return error
        inner = error.__cause__ or error.__context__
        error = inner if isinstance(inner, Exception) else None
    return RuntimeError("no request was answered")
