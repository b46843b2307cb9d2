"""The wire to a network: guarded requests with one budget an account, and what an answer or a failure means for the outbox.

Every client library speaks through one of these sessions, so that addresses are judged, sizes and times have an end, redirects are not
followed, and nothing is ever written twice below the outbox, whatever the library does by itself.
"""

from __future__ import annotations

import email.utils
import time
from collections.abc import Callable, Iterable
from typing import Any

import httpx
import requests
from urllib3.exceptions import ConnectTimeoutError, MaxRetryError, NewConnectionError, ProtocolError

from socialdesk.lib.outbound import CONNECT, GuardedSession, NotPublic, TooLong, Unfindable
from socialdesk.networks.base import NetworkError
from socialdesk.networks.budget import Budget, Limit

MOST = 8_000_000  # bytes of one answer
QUIET = 60.0  # seconds without a byte after which a stream is taken for dead
READS = ("GET", "HEAD", "OPTIONS")

Named = Callable[[str, str], str]  # method and address -> the bucket that the call is counted in


class NetworkSession(GuardedSession):
    """Requests of one account. `bucket_of` names the limit that a call falls under, `limits_of` reads an answer's headers.

    Raises NetworkError of the budget, and what GuardedSession raises: see `unreachable`.
    """

    def __init__(
        self,
        budget: Budget,
        *,
        bucket_of: Named = lambda method, url: "all",
        limits_of: Callable[[requests.Response, str], Iterable[Limit]] = lambda response, bucket: (),
        is_shared: bool = True,
    ) -> None:
        super().__init__(most=MOST)
        self._budget = budget
        self._bucket_of = bucket_of
        self._limits_of = limits_of
        self._is_shared = is_shared

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        method = str(method).upper()
        bucket = self._bucket_of(method, str(url))
        self._budget.spend(bucket, is_write=method not in READS, is_shared=self._is_shared)
        response = super().request(method, url, *args, **options)
        limits = list(self._limits_of(response, bucket))
        self._budget.note(*limits)
        wait = retry_after(response)
        if response.status_code == 429 and (wait or not any(limit.bucket == bucket and limit.remaining <= 0 for limit in limits)):
            self._budget.close(bucket, seconds=wait or 60)
        return response


class StreamSession(GuardedSession):
    """For a connection that stays open: its answer is not read here, and only silence ends it."""

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        return self.open(method, url, *args, **(options | {"timeout": (CONNECT, QUIET)}))


class SessionTransport(httpx.BaseTransport):
    """Lets a library that speaks httpx go through one of these sessions."""

    def __init__(self, session: GuardedSession) -> None:
        self._session = session

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        headers = {name: value for name, value in request.headers.items() if name not in ("host", "connection", "content-length")}
        response = self._session.request(request.method, str(request.url), data=request.read() or None, headers=headers)
        kept = [(name, value) for name, value in response.headers.items() if name.lower() not in ("content-encoding", "content-length")]
        return httpx.Response(response.status_code, headers=kept, content=response.content, request=request)


def retry_after(response: requests.Response) -> float | None:
    """The seconds that a Retry-After header asks for; None where there is none (RFC 9110, 10.2.3: seconds or a date).

    A date is meant by the network's own clock, so its own clock is asked what time it was.
    """
    given = response.headers.get("Retry-After", "").strip()
    if given.isascii() and given.isdigit():
        return float(given)
    moment = _moment(given)
    return None if moment is None else max(1.0, moment - clock_of(response))


def clock_of(response: requests.Response) -> float:
    """What time it was at the network when it answered, in seconds since 1970; ours where it does not say."""
    return _moment(response.headers.get("Date", "")) or time.time()


def ahead_of(response: requests.Response) -> float:
    """The seconds by which the network's clock is before ours; below 0 where it is behind, and 0 where the two agree but for seconds."""
    ahead = clock_of(response) - time.time()
    return ahead if abs(ahead) > 2 else 0.0


def _moment(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, OSError):
        return None


def refusal(status: int, message: str, *, is_write: bool, wait: float | None = None, code: str = "") -> NetworkError:
    """What a network's answer with a failing status means. `message` is the network's own, for people.

    What is to be done about it is not said here: it is read by agents, who connect nothing, and by admins, whose pages tell them.
    """
    said = _sentence(f"HTTP {status}: {message}"[:400])
    if status == 401:
        return NetworkError(said, permanent=True, account_revoked=True, code=code or "revoked")
    if status == 429:
        return NetworkError(said, retryable=True, retry_after=wait or 60, code=code or "rate_limit")
    if status in (404, 410):
        return NetworkError(said, permanent=True, code=code or "not_found")
    if status >= 500 or status in (408, 425) or status < 400:
        # A server that failed may have done it all the same.
        return NetworkError(said, retryable=not is_write, retry_after=wait, code=code or "server_error")
    return NetworkError(said, permanent=True, code=code or "refused")


def unreachable(error: Exception, *, is_write: bool) -> NetworkError:
    """What a call without an answer means. Only what failed before anything was sent may be made again."""
    if isinstance(error, NetworkError):
        return error
    if isinstance(error, NotPublic):
        return NetworkError(error.message, permanent=True, code=error.code)
    if isinstance(error, TooLong):  # whatever was written, was
        said, code = "The network's answer is longer than the desk reads.", "no_answer" if is_write else "unreachable"
        return NetworkError(said, retryable=not is_write, code=code)
    if not is_write or _never_connected(error):
        return NetworkError("The network cannot be reached.", retryable=True, code="unreachable")
    return NetworkError("The network did not answer.", code="no_answer")


def _sentence(words: str) -> str:
    words = words.rstrip()
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."


def _never_connected(error: Exception) -> bool:
    if isinstance(error, requests.ConnectTimeout):
        return True
    inner = error.args[0] if error.args else None
    reason = inner.reason if isinstance(inner, MaxRetryError) else inner
    if isinstance(reason, ProtocolError):
        reason = reason.args[-1]
    return isinstance(reason, NewConnectionError | ConnectTimeoutError) or isinstance(error, Unfindable) or isinstance(reason, Unfindable)
