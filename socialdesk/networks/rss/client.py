"""Asks for a feed: only if it has changed, from public addresses only, and with an end in time and size."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from socialdesk.lib.outbound import GuardedSession, NotPublic, TooLong
from socialdesk.networks.base import NetworkError
from socialdesk.networks.wire import refusal, retry_after, unreachable

MOST = 5_000_000  # bytes of a feed, unpacked
ACCEPT = "application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, application/json;q=0.8, */*;q=0.1"
_LONGEST_STAMP = 500  # characters of an ETag


@dataclass(frozen=True, slots=True)
class Answer:
    """A feed as it came; `content` is None where it has not changed since `etag` and `modified`."""

    content: bytes = field(repr=False)
    media_type: str = ""
    etag: str = ""
    modified: str = ""
    is_unchanged: bool = False


def ask(url: str, *, etag: str = "", modified: str = "") -> Answer:
    """Raises NetworkError, whose text may be shown: it holds no part of the address but its host."""
    headers = {"Accept": ACCEPT, "User-Agent": "SocialDesk (feed reader)"}
    headers |= {name: stamp for name, stamp in (("If-None-Match", etag), ("If-Modified-Since", modified)) if stamp}
    session = GuardedSession(most=MOST)
    session.headers.update(headers)
    try:
        response = session.follow(url)
    except TooLong:
        said = f"The feed is longer than {MOST // 1_000_000} MB, and longer ones are not read."
        raise NetworkError(said, retryable=True, code="too_large") from None  # it may be cut some day
    except (NotPublic, requests.RequestException, OSError, ValueError) as error:
        raise unreachable(error, is_write=False) from None
    if response.status_code == 304:
        return Answer(b"", etag=etag, modified=modified, is_unchanged=True)
    if 300 <= response.status_code < 400:
        raise NetworkError(f"The feed has moved{_where(response)}. Connect its new address.", permanent=True, code="moved")
    if response.status_code in (401, 403):
        raise NetworkError(f"The feed's server refused with HTTP {response.status_code}. Only public feeds are read.", permanent=True)
    if response.status_code != 200:
        raise refusal(response.status_code, "the feed's server did not give it.", is_write=False, wait=retry_after(response))
    return Answer(
        response.content,
        media_type=response.headers.get("Content-Type", "")[:200],
        etag=_stamp(response.headers.get("ETag", "")),
        modified=_stamp(response.headers.get("Last-Modified", "")),
    )


def _stamp(given: str) -> str:
    return given if len(given) <= _LONGEST_STAMP and given.isprintable() and given.isascii() else ""


def _where(response: requests.Response) -> str:
    try:
        host = urlsplit(response.headers.get("Location", "")).hostname
    except ValueError:
        host = None
    return f" to {host[:100]}" if host else ""
