"""X's lists, page by page, newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from socialdesk.networks.x.payloads import id_of

PAGE = 100  # entries; the most that X gives at once
PAGES = 100  # of one list in one go; X's own timelines end after 32


def pages(ask: Callable[[dict[str, str]], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The answers of a list. `ask` is given what names the next page."""
    more: dict[str, str] = {}
    for _ in range(PAGES):
        body = ask(more)
        yield body
        token = next_page(body)
        if not token or token == more.get("pagination_token"):
            return
        more = {"pagination_token": token}


def newest_of(body: dict[str, Any]) -> int:
    """The newest id of a page, as X says it; 0 where it does not."""
    meta = body.get("meta")
    return int(id_of(meta.get("newest_id")) or 0) if isinstance(meta, dict) else 0


def next_page(body: dict[str, Any]) -> str:
    """What names the page after this one, or ""."""
    meta = body.get("meta")
    token = meta.get("next_token") if isinstance(meta, dict) else None
    return token if isinstance(token, str) else ""
