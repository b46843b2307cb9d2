"""The way to the Graph API: the client library on a guarded session, one budget an account, and what its errors mean."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import requests
from django.conf import settings

from socialdesk.networks.base import AccountConfig, NetworkError
from socialdesk.networks.budget import Budget, Limit
from socialdesk.networks.facebook.errors import RATE_LIMITS, error_for, read_error
from socialdesk.networks.wire import NetworkSession, ahead_of, retry_after, unreachable

MOST_PAGES = 200  # of one list that are walked; a list that goes on is not believed
_HOME = "https://graph.facebook.com/"  # where the library sends everything
_SHORT_PAUSE, _LONG_PAUSE = 60, 300  # seconds: until usage is asked again, and where it is used up and the network does not say how long
_DAY = 24 * 3600
_TOKEN = re.compile(r"\bEAA\w{20,}|\bIGQ\w{20,}")


class GraphSession(NetworkSession):
    """Takes the library's calls to the address that the settings name, and raises for an answer that is an error."""

    def __init__(self, account: str, *, secrets: Iterable[str] = ()) -> None:
        self._purse = Budget(account)
        super().__init__(self._purse, limits_of=read_usage)
        self._secrets = [secret for secret in secrets if secret]
        self.behind: float | None = None  # seconds by which the network's clock is behind ours; None until it answered

    def request(self, method: Any, url: Any, *args: Any, **options: Any) -> requests.Response:
        place = str(url).removeprefix(_HOME)
        is_write = str(method).upper() != "GET"
        try:
            response = super().request(method, f"{settings.FACEBOOK_GRAPH}/{place}", *args, **options)
        except Exception as error:
            # Not from it: what requests says of a failed call holds the address with its parameters.
            raise unreachable(error, is_write=is_write) from None
        self.behind = seconds_behind(response)
        said = read_error(response)
        if said is not None or not 200 <= response.status_code < 300:
            wait = regain_seconds(response) or retry_after(response)
            if said is not None and said.code in RATE_LIMITS:
                wait = wait or _LONG_PAUSE
                self._purse.close("all", seconds=wait)
            raise error_for(response.status_code, said, is_write=is_write, wait=wait, hide=self.hide)
        return response

    def hide(self, text: str) -> str:
        """`text` without our tokens: Facebook repeats a malformed one in its message."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return _TOKEN.sub("…", text)


class Client:
    """Asks and writes with one token. Raises NetworkError, and nothing else."""

    def __init__(self, token: str, *, account: str) -> None:
        self.token = token
        self._session = GraphSession(account, secrets=(token, settings.FACEBOOK_APP_SECRET))
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"  # never in an address

    @classmethod
    def of(cls, config: AccountConfig) -> Client:
        return cls(config.credentials.get("access_token", ""), account=f"{config.network}:{config.external_id or config.username}")

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        return self._ask("GET", path, {**params, **self._proof})

    def post(self, path: str, data: Mapping[str, str] | None = None, files: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._ask("POST", path, {}, {**(data or {}), **self._proof}, files)

    def delete(self, path: str) -> dict[str, Any]:
        return self._ask("DELETE", path, dict(self._proof))

    def hide(self, text: str) -> str:
        return self._session.hide(text)

    def by_their_clock(self, moment: datetime, *, asking: str) -> datetime:
        """That moment by the network's clock where that is behind ours; never later. Asks for `asking` if nothing was asked yet."""
        if self._session.behind is None:
            self.get(asking, fields="id")
        return moment - timedelta(seconds=self._session.behind or 0)

    def pages(self, path: str, **params: str | int) -> Iterator[list[Any]]:
        """The entries of a list, page by page, as far as the caller goes. Raises NetworkError at a list without an end."""
        for _ in range(MOST_PAGES):
            answer = self.get(path, **params)
            data = answer.get("data")
            yield data if isinstance(data, list) else []
            onward = next_page(answer)
            if not onward or all(str(params.get(name)) == value for name, value in onward.items()):
                return
            params = {**params, **onward}
        raise NetworkError("The network's list has no end.", permanent=True, code="too_much")

    @property
    def _proof(self) -> dict[str, str]:
        return {"appsecret_proof": proof_of(self.token)} if self.token and settings.FACEBOOK_APP_SECRET else {}

    @cached_property
    def _library(self) -> Any:
        import facebook

        graph = facebook.GraphAPI(session=self._session)
        graph.version = f"v{settings.FACEBOOK_VERSION}"  # it would refuse this one if it were asked
        return graph

    def _ask(
        self,
        method: str,
        path: str,
        params: dict[str, Any],
        data: dict[str, str] | None = None,
        files: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        is_write = method != "GET"
        graph = self._library
        try:
            answer = graph.request(f"{graph.version}/{path}", params, data, files, method)
        except NetworkError:
            raise
        except Exception:
            # The library reads what is no JSON with a KeyError, a ValueError or an error of its own that holds the answer.
            raise NetworkError("The network answered what cannot be read.", retryable=not is_write, code="unreadable_answer") from None
        if isinstance(answer, dict):
            return answer
        if answer is True:
            return {"success": True}
        raise NetworkError("The network answered what cannot be read.", retryable=not is_write, code="unreadable_answer")


def at(*parts: str) -> str:
    """A path of ids and names. What a stranger wrote into an id cannot lead to another place. Raises NetworkError."""
    if any(part.strip(".") == "" or len(part) > 300 for part in parts):
        raise NetworkError("There is no such thing on the network.", permanent=True, code="not_found")
    return "/".join(quote(part, safe="") for part in parts)


def proof_of(token: str) -> str:
    """Shows that whoever has the token has the app's secret too (Graph API, "Securing requests")."""
    return hmac.new(settings.FACEBOOK_APP_SECRET.encode(), token.encode(), hashlib.sha256).hexdigest()


def next_page(answer: Mapping[str, Any]) -> dict[str, str]:
    """What to ask for with the same path to get the following page; empty at the end. The address itself holds the token."""
    paging = answer.get("paging")
    onward = paging.get("next") if isinstance(paging, dict) else None
    if not isinstance(onward, str):
        return {}
    try:
        query = parse_qsl(urlsplit(onward).query)
    except ValueError:
        return {}
    # How to go on, and nothing else of what an address from outside may say.
    return {name: value for name, value in query if name in ("after", "until", "__paging_token", "offset", "__before_id")}


def read_usage(response: requests.Response, bucket: str) -> Iterator[Limit]:
    """Facebook says how many per cent of a limit are used: of the app's, the page's and the business's, the fullest counts."""
    used = max((share for share, _ in _usages(response)), default=None)
    if used is None:
        return
    pause = regain_seconds(response) or (_LONG_PAUSE if used >= 100 else _SHORT_PAUSE)
    yield Limit(bucket, 100, max(0, 100 - used), time.time() + pause)


def regain_seconds(response: requests.Response) -> float | None:
    """How long the network says that we are shut out; None where it does not."""
    return max((minutes for _, minutes in _usages(response)), default=0) * 60 or None


def seconds_behind(response: requests.Response) -> float:
    """By how much the network's clock is behind ours, as its answer says; 0 where it does not say, and at most a day is believed."""
    behind = -ahead_of(response)
    return behind if 0 < behind < _DAY else 0.0


def _usages(response: requests.Response) -> Iterator[tuple[int, int]]:
    """Per cent used and minutes shut out, of each limit that the headers speak of."""
    for name in ("X-App-Usage", "X-Page-Usage"):
        yield from _usage(_read(response, name))
    business = _read(response, "X-Business-Use-Case-Usage")
    for entries in business.values() if isinstance(business, dict) else ():
        for entry in entries if isinstance(entries, list) else ():
            yield from _usage(entry)


def _usage(entry: Any) -> Iterator[tuple[int, int]]:
    if not isinstance(entry, dict):
        return
    shares = [_number(entry.get(name)) for name in ("call_count", "total_time", "total_cputime")]
    yield max(shares), _number(entry.get("estimated_time_to_regain_access"))


def _number(value: Any) -> int:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 100_000 else 0


def _read(response: requests.Response, header: str) -> Any:
    try:
        return json.loads(response.headers.get(header, "null"))
    except (ValueError, RecursionError):
        return None
