"""One account's way to its server: a guarded session with one budget, the client library on it, and what a failure means.

What the server answers is taken from the wire, not from the library's objects, which turn into nothing what is not as they expect.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests
from django.core.cache import cache

from socialdesk.lib.outbound import CONNECT, READ
from socialdesk.networks.base import EXPIRED, AccountConfig, NetworkError
from socialdesk.networks.budget import Budget, Limit
from socialdesk.networks.mastodon.server import Limits, address_of, host_of, read_limits
from socialdesk.networks.wire import NetworkSession, StreamSession, ahead_of, refusal, retry_after, unreachable

AGENT = "Social Desk"
KNOWN_FOR = 3600  # seconds that a server's description of itself is believed


class Wire(NetworkSession):
    """The session that the library speaks through. `last` is the answer to the last request, None while there is none."""

    last: requests.Response | None = None

    def __init__(self, budget: Budget, *, is_for_answers: bool) -> None:
        super().__init__(budget, bucket_of=bucket_of, limits_of=limits_of, is_shared=not is_for_answers)
        self._purse = budget

    def forget(self) -> None:
        self.last = None

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        self.forget()
        response = super().request(method, url, *args, **options)
        self.last = response
        if response.status_code == 429:
            self._purse.close(bucket_of(str(method).upper(), str(url)), seconds=wait_of(response))
        return response


class Client:
    """Asks and writes as one account. Raises NetworkError, and nothing else.

    `is_for_answers`: what is asked for an answer may use what is left of the limit for reading, too.
    """

    def __init__(self, config: AccountConfig, *, is_for_answers: bool = False) -> None:
        self.config = config
        self.address = address_of(config.credentials.get("server", ""))
        self.host = host_of(self.address)
        self._token = config.credentials.get("access_token", "")
        budget = Budget(f"mastodon:{self.host}:{config.external_id or config.username}")
        self._wire = Wire(budget, is_for_answers=is_for_answers)
        self._wire.headers["User-Agent"] = AGENT

    @property
    def domain(self) -> str:
        """What stands behind the @ of those who live on our server."""
        return self.config.credentials.get("domain", "") or self.host

    def by_their_clock(self, at: datetime) -> datetime:
        """What that moment is by the server's clock, as its last answer showed it."""
        return at if self._wire.last is None else at + timedelta(seconds=ahead_of(self._wire.last))

    @cached_property
    def our_id(self) -> str:
        """The id of our own account, as the server has it."""
        if self.config.external_id:
            return self.id_of_person(self.config.external_id)
        given = self.read(lambda api: api.account_verify_credentials()).get("id")
        return given if isinstance(given, str) else str(given or "")

    def id_of_person(self, external_id: str) -> str:
        """As the server has it: see person_id. Raises NetworkError for somebody who was heard on another server."""
        there, _, domain = external_id.partition("@")
        if domain and domain != self.domain:
            raise NetworkError(
                f"This person was heard on {domain[:100]}, and is another one here. Answer with our account there.",
                permanent=True,
                code="elsewhere",
            )
        return part_of_path(there)

    def read(self, do: Callable[[Any], object]) -> Mapping[str, Any]:
        """The entity that the server answers when the library asks it so."""
        return self._entity(self._ask(lambda: do(self._library), is_write=False), is_write=False)

    def read_list(self, do: Callable[[Any], object]) -> list[Any]:
        return self._list(self._ask(lambda: do(self._library), is_write=False))

    def write(self, do: Callable[[Any], object]) -> Mapping[str, Any]:
        return self._entity(self._ask(lambda: do(self._library), is_write=True), is_write=True)

    def get(self, path: str) -> Mapping[str, Any]:
        """The same as `read`, for what the library does not know or makes two questions of."""
        return self._entity(self._get(path, {}), is_write=False)

    def get_list(self, path: str, params: Mapping[str, Any]) -> list[Any]:
        """For lists of statuses: the library takes some 3 ms of a core to make its objects of each, which nobody looks at."""
        return self._list(self._get(path, params))

    def post_form(self, path: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """For signing in: nothing is seen of it, so it counts as reading where it fails."""
        said = self._ask(lambda: self._wire.post(self.address + path, data=form), is_write=False)
        return self._entity(said, is_write=False)

    def limits(self) -> Limits | None:
        """What the server allows in a post; None where it cannot be asked now."""
        key = f"mastodon:limits:{self.host}"
        known: Limits | None = cache.get(key)
        if known is None:
            try:
                known = read_limits(self.get("/api/v2/instance"))
            except NetworkError:
                return None
            cache.set(key, known, timeout=KNOWN_FOR)
        return known

    def streaming_address(self) -> str:
        """Where the server streams, which may be another machine than the one that answers questions."""
        try:
            given: Any = self.get("/api/v2/instance")
        except NetworkError as error:
            if not error.permanent or error.account_revoked:
                raise
            return self.address  # a server without that description
        for key in ("configuration", "urls", "streaming"):
            given = given.get(key) if isinstance(given, Mapping) else None
        try:
            parts = urlsplit(given.strip() if isinstance(given, str) else "")
        except ValueError:
            return self.address
        scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
        return f"{scheme}://{parts.netloc}" if parts.netloc else self.address

    def open(self, address: str) -> requests.Response:
        """A connection that stays open, its answer unread. The caller closes it."""
        session = StreamSession()
        session.headers["User-Agent"] = AGENT
        try:
            response = session.get(address, headers=self._bearer)
        except Exception as error:
            raise unreachable(error, is_write=False) from None
        if response.status_code != 200:
            response.close()
            raise self._refusal(response, is_write=False, said={})
        return response

    @property
    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    @cached_property
    def _library(self) -> Any:
        from mastodon import Mastodon  # heavy: half a second

        api = Mastodon(
            api_base_url=self.address,
            session=self._wire,
            user_agent=AGENT,
            request_timeout=CONNECT + READ,
            ratelimit_method="throw",
            version_check_mode="none",
            mastodon_version="4.0.0",
        )
        # Not given above, where the library would take it for the name of a file: it comes from a server.
        api.access_token = self._token or None
        api.mastodon_major = 4  # it asks before each upload otherwise
        return api

    def _get(self, path: str, params: Mapping[str, Any]) -> Any:
        return self._ask(lambda: self._wire.get(self.address + path, params=params, headers=self._bearer), is_write=False)

    def _entity(self, said: Any, *, is_write: bool) -> Mapping[str, Any]:
        if isinstance(said, Mapping):
            return said
        raise NetworkError(f"{self.host} answered what is no entity of Mastodon.", retryable=not is_write, code="unreadable_answer")

    def _list(self, said: Any) -> list[Any]:
        if isinstance(said, list):
            return said
        raise NetworkError(f"{self.host} answered what is no list.", retryable=True, code="unreadable_answer")

    def _ask(self, do: Callable[[], object], *, is_write: bool) -> Any:
        self._wire.forget()
        failed: Exception | None = None
        try:
            do()
        except Exception as error:
            failed = error
        answer = self._wire.last
        if answer is None:
            raise unreachable(_cause(failed), is_write=is_write) from None
        try:
            said = answer.json()
        except (ValueError, RecursionError):
            said = None
        if not 200 <= answer.status_code < 300:
            raise self._refusal(answer, is_write=is_write, said=said)
        if not isinstance(said, dict | list):
            raise NetworkError(f"{self.host} answered what is no JSON.", retryable=not is_write, code="unreadable_answer")
        return said

    def _refusal(self, answer: requests.Response, *, is_write: bool, said: Any) -> NetworkError:
        status, message = answer.status_code, _message(said)
        if status == 401 and self.config.credentials.get("refresh_token"):
            return NetworkError(f"HTTP 401: {message}", retryable=True, code=EXPIRED)
        if status == 403 and message.startswith("Your login"):  # disabled, pending, or without a confirmed address
            return NetworkError(f"HTTP 403: {message}", permanent=True, account_revoked=True, code="revoked")
        if 300 <= status < 400:
            elsewhere = urlsplit(answer.headers.get("Location", "")).hostname or "another address"
            message = f"{self.host} sends us on to {elsewhere}. Connect the account with the server's own name."
        return refusal(status, message, is_write=is_write, wait=wait_of(answer) if status == 429 else retry_after(answer))


def part_of_path(external_id: str) -> str:
    """An id that may stand in an address. Raises NetworkError for what can be none of a server's."""
    if re.fullmatch(r"[\w-]{1,100}", external_id, re.ASCII):
        return external_id
    raise NetworkError("There is no post or account with such an id.", permanent=True, code="not_found")


def bucket_of(method: str, url: str) -> str:
    """Which of the server's limits a call falls under (Mastodon, "Rate limits")."""
    path = urlsplit(url).path
    if method == "DELETE" or path.endswith("/unreblog"):
        return "delete"
    if method == "POST":
        return "media" if path.endswith("/media") else "post"
    return "read"


def limits_of(response: requests.Response, bucket: str) -> Iterable[Limit]:
    """What the headers of an answer say of the limit that it fell under."""
    limit, remaining = _count(response, "X-RateLimit-Limit"), _count(response, "X-RateLimit-Remaining")
    resets_at = _resets_at(response)
    if limit is None or remaining is None or resets_at is None:
        return []
    return [Limit(bucket, limit, remaining, resets_at)]


def wait_of(response: requests.Response) -> float:
    """The seconds to wait after a 429."""
    asked = retry_after(response)
    if asked:
        return asked
    resets_at = _resets_at(response)
    return 60.0 if resets_at is None else max(1.0, resets_at - time.time())


def _count(response: requests.Response, header: str) -> int | None:
    given = response.headers.get(header, "").strip()
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


def _resets_at(response: requests.Response) -> float | None:
    """By our clock. The server says it by its own: an ISO time, or seconds since the epoch where it is not Mastodon itself."""
    given = response.headers.get("X-RateLimit-Reset", "").strip()
    try:
        if given.isascii() and given.isdigit():
            at = float(given[:12])
        else:
            moment = datetime.fromisoformat(given)
            at = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return at - ahead_of(response)


def _cause(error: Exception | None) -> Exception:
    """What really happened: the library puts its own error in its place, with the whole address in its text."""
    while error is not None:
        if isinstance(error, NetworkError | requests.RequestException) or getattr(error, "code", "") == "not_public":
            return error
        inner = error.__context__
        error = inner if isinstance(inner, Exception) else None
    return RuntimeError("no request was answered")


def _message(said: Any) -> str:
    if isinstance(said, Mapping):
        for key in ("error_description", "error"):
            if isinstance(value := said.get(key), str) and value.strip():
                return value.strip()[:300]
    return "The server refused it."
