"""One account's way to X: the client library on a guarded session, one budget for each endpoint, and what a refusal means.

The library has X's address built in, knows no time-outs and stumbles over answers that are not as it expects. So the session sends its
requests where the settings say, and turns every failure into a NetworkError before the library sees it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from django.core.cache import cache

from socialdesk.lib.outbound import NotPublic
from socialdesk.networks.base import EXPIRED, AccountConfig, NetworkError
from socialdesk.networks.budget import Budget, Limit
from socialdesk.networks.wire import READS, NetworkSession, clock_of, refusal, retry_after, unreachable
from socialdesk.networks.x import fields, payloads

if TYPE_CHECKING:
    import tweepy

FRESH = timedelta(minutes=1)  # credentials so young have not ended: whoever refuses them has revoked them
# What X says, and what the desk calls it; X has no codes of its own for these.
_REFUSALS = (
    ("too long", "too_long"),
    ("deleted or not visible", "not_found"),
    ("permission to dm", "not_following"),
    ("cannot send messages to this user", "not_following"),
    ("scope", "not_permitted"),
    ("not permitted to perform", "not_permitted"),
    ("app permissions", "not_permitted"),
)
# By most plans an app may answer and quote only who names it; X has said it in these ways.
_UNINVITED = ("where you are mentioned or are the author", "you have not been mentioned or otherwise engaged by the author")
NO_CREDITS = 3600.0  # seconds until it is tried again where a plan or a credit is used up
_ID = re.compile(r"(?<=.)/\d+(?=/|$)")
_WHOLE = re.compile(r"\d{1,19}")


class XSession(NetworkSession):
    """Requests of one account to X, wherever its API is. Raises NetworkError, and nothing else."""

    def __init__(self, budget: Budget, *, credentials: Mapping[str, str] | None) -> None:
        """`credentials` are those of an account; None where the app speaks for itself."""
        super().__init__(budget, bucket_of=bucket_of, limits_of=limits_of, is_shared=False)
        self._purse = budget
        self._credentials = credentials

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        method, url = str(method).upper(), settings.X_API + urlsplit(str(url)).path
        bucket, is_write = bucket_of(method, url), method not in READS
        self._purse.spend(_day(bucket), is_write=is_write, is_shared=False)
        try:
            response = super().request(method, url, *args, **options)
        except (requests.RequestException, NotPublic) as error:
            raise unreachable(error, is_write=is_write) from error
        if 200 <= response.status_code < 300:
            return response
        failure = refused(response, is_write=is_write, credentials=self._credentials)
        if response.status_code == 429:
            self._purse.close(bucket, seconds=failure.retry_after or 60)
        raise failure


def bucket_of(method: str, url: str) -> str:
    """X counts the calls of each endpoint by itself."""
    return f"{method}:{_ID.sub('/:id', urlsplit(url).path)}"


def _day(bucket: str) -> str:
    return f"{bucket}:24h"


def limits_of(response: requests.Response, bucket: str) -> Iterator[Limit]:
    """What X's headers say: of the endpoint, and of all that this account may do there within 24 hours."""
    for name, where in (("x-rate-limit-{}", bucket), ("x-user-limit-24hour-{}", _day(bucket)), ("x-app-limit-24hour-{}", _day(bucket))):
        limit, remaining = (_whole(response.headers.get(name.format(what))) for what in ("limit", "remaining"))
        wait = _wait_until_reset(response, name.format("reset"))
        if limit is not None and remaining is not None and wait is not None:
            yield Limit(where, limit, remaining, time.time() + wait)


def _wait_until_reset(response: requests.Response, header: str) -> float | None:
    """Seconds until a limit begins anew. X says it by its own clock, so its own clock is asked what time it was."""
    resets_at = _whole(response.headers.get(header))
    return None if resets_at is None else max(1.0, resets_at - clock_of(response))


def _whole(text: str | None) -> int | None:
    return int(text) if text and _WHOLE.fullmatch(text) else None


def refused(response: requests.Response, *, is_write: bool, credentials: Mapping[str, str] | None) -> NetworkError:
    """What an answer with a failing status means. X describes it in a body that may be anything."""
    said, kind = problem_of(response)
    if response.status_code == 401 and credentials is None:
        return NetworkError("X refuses the app's bearer token (SOCIALDESK_X_BEARER).", permanent=True, code="app_refused")
    if response.status_code == 401 and credentials and _may_be_renewed(credentials):
        return NetworkError("X says that our sign-in has ended.", retryable=True, code=EXPIRED)
    if response.status_code == 402 or kind in ("usage-capped", "credits"):
        # Nothing was done, and it can be done once the plan begins anew or somebody pays for more.
        message = f"X has counted all that your plan pays for: {said}"[:400]
        return NetworkError(message, retryable=True, retry_after=NO_CREDITS, code="used_up")
    if response.status_code == 429:
        waits = [limit.resets_at - time.time() for limit in limits_of(response, "") if limit.remaining <= 0]
        return refusal(429, said, is_write=is_write, wait=max(waits, default=None) or retry_after(response))
    if response.status_code == 403 and "duplicate content" in said.lower():
        # It was not written now, but perhaps by an earlier try that never got its answer: that is to be looked for.
        return NetworkError(f"X has this text from us already: {said}"[:400], code="duplicate")
    if response.status_code == 403 and any(words in said.lower() for words in _UNINVITED):
        message = f"X lets an app answer only who names us. Like the post, or answer where they name us. X says: {said}"
        return NetworkError(message[:400], permanent=True, code="uninvited")
    code = next((code for words, code in _REFUSALS if words in said.lower()), "") if response.status_code in (400, 403) else ""
    return refusal(response.status_code, said, is_write=is_write, wait=retry_after(response), code=code)


def problem_of(response: requests.Response) -> tuple[str, str]:
    """What X says is wrong, for people, and the last part of its kind."""
    try:
        body = response.json()
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    spoken = [first.get("message"), *(body.get(name) for name in ("detail", "error_description", "title", "error"))]
    said = next((text for text in spoken if isinstance(text, str) and text), response.reason or "no reason given")
    kind = body.get("type")
    return said[:300], kind.rstrip("/").rpartition("/")[2] if isinstance(kind, str) else ""


def _may_be_renewed(credentials: Mapping[str, str]) -> bool:
    if not credentials.get("refresh_token"):
        return False
    try:
        issued_at = datetime.fromisoformat(str(credentials.get("issued_at") or ""))
        return datetime.now(UTC) - issued_at > FRESH
    except (ValueError, TypeError):
        return True


def read_json(response: requests.Response, *, is_write: bool) -> dict[str, Any]:
    """The answer to a call that succeeded. One that cannot be read says nothing of what became of a write."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise NetworkError("X's answer cannot be read.", retryable=not is_write, code="unreadable_answer")
    return body


class Client:
    """Asks and writes as one account, or as the app itself (`as_app`). Raises NetworkError, and nothing else."""

    def __init__(self, config: AccountConfig, *, as_app: bool = False) -> None:
        self.config = config
        self.username = config.username.removeprefix("@")
        token = (config.credentials.get("app_token") or settings.X_BEARER) if as_app else config.credentials.get("access_token", "")
        if not token:
            what = "the app's bearer token (SOCIALDESK_X_BEARER)" if as_app else "its sign-in: connect the account"
            raise NetworkError(f"X cannot be asked without {what}.", permanent=True, account_revoked=not as_app, code="no_credentials")
        owner = "app" if as_app else config.external_id or self.username.lower()
        session = XSession(Budget(f"x:{owner}"), credentials=None if as_app else config.credentials)
        self.library = _library(token, session)

    @property
    def us(self) -> str:
        """Our own id there."""
        if not self.config.external_id:
            raise NetworkError("Our id at X is not known: connect the account.", permanent=True, code="no_credentials")
        return self.config.external_id

    def may(self, scope: str) -> bool:
        """Whether the sign-in holds that scope, as far as X said when it was given."""
        scopes = str(self.config.credentials.get("scope") or "").split()
        return not scopes or scope in scopes

    def get(self, route: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return read_json(self.library.request("GET", route, params=dict(params or {})), is_write=False)

    def get_posts(self, route: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """As `get`, with all that posts are made of. X is renaming tweets to posts, and where it does not know the new names yet, it is
        asked by the old ones."""
        if not cache.get(_OLD_NAMES):
            try:
                return self.get(route, {**params, **fields.POSTS})
            except NetworkError as error:
                if not (error.permanent and any(name in str(error) for name in ("post.fields", "referenced_posts"))):
                    raise
            cache.set(_OLD_NAMES, True, timeout=24 * 3600)
        return self.get(route, {**params, **fields.TWEETS})

    def write(self, method: str, route: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """One request, whatever becomes of it; gives what the answer holds as `data`."""
        return written(self.library.request(method, route, json=None if body is None else dict(body)))


_OLD_NAMES = "x:old-names"


def written(response: requests.Response) -> dict[str, Any]:
    """What a write's answer says was written."""
    data = read_json(response, is_write=True).get("data")
    if not isinstance(data, dict):
        raise NetworkError("X's answer does not say what was written.", code="unreadable_answer")
    return data


def id_in(data: Mapping[str, Any], name: str) -> str:
    """The id that a write's answer gives to what was written."""
    external_id = payloads.id_of(data.get(name))
    if not external_id:
        raise NetworkError("X's answer does not say what was written.", code="unreadable_answer")
    return external_id


def _library(token: str, session: XSession) -> tweepy.Client:
    import logging

    import tweepy

    # It logs each request with its headers, and so our token.
    logging.getLogger("tweepy").setLevel(logging.WARNING)
    library = tweepy.Client(token, return_type=requests.Response, wait_on_rate_limit=False)
    library.session = session
    return library


def usage(config: AccountConfig) -> str:
    """What X has counted of the plan that pays for reading, in words; "" where it says nothing. Asked as the app."""
    wanted = {"days": 1, "usage.fields": "cap_reset_day,project_cap,project_usage"}
    data = Client(config, as_app=True).get("/2/usage/tweets", wanted).get("data")
    data = data if isinstance(data, dict) else {}
    used, cap, day = (_whole(str(data.get(name))) for name in ("project_usage", "project_cap", "cap_reset_day"))
    if used is None:
        return ""
    counted = f"X has counted {used:,} posts that were read" + (f", of {cap:,} in this period" if cap else "")
    return f"{counted}. It counts anew on day {day} of the month." if day else f"{counted}."
