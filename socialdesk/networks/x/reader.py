"""The listening side of X: what mentions us, what we posted, what has a topic's words, and private messages, merged in the order of time.

X's lists begin with the newest. Each is walked back to what was read last, and the oldest is handed out first; what is left over is kept
for the next call, as each post that is asked for is paid for.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache

from socialdesk.networks.base import EXPIRED, Batch, MessageData, NetworkError, PostData, Unreadable
from socialdesk.networks.x import fields, payloads
from socialdesk.networks.x.client import Client
from socialdesk.networks.x.lists import PAGE, PAGES, newest_of, next_page, pages
from socialdesk.networks.x.query import search_queries

logger = logging.getLogger(__name__)
FEEDS = ("mentions", "own", "search", "messages")
BEGINNING = timedelta(days=1)  # so far back is read where nothing was read before
SEARCHED = timedelta(days=6, hours=23)  # X searches seven days, and refuses to be asked for more
TOO_MANY = Unreadable(f"X had more than {PAGES * PAGE:,} new entries in one list; the oldest of them were not read")
SHOWN = {"mentions": 800, "own": 3200}  # entries; the most that X shows of these lists, however many there were
_CURSOR = re.compile(r"mentions:(\d{1,19}) own:(\d{1,19}) search:(\d{1,19}) messages:(\d{1,19})")


@dataclass(slots=True)
class _Item:
    """One entry, and in which lists it stood."""

    id: int
    what: PostData | MessageData | Unreadable
    feeds: set[str] = field(default_factory=set)


class XReader:
    """Reads as one account. See Reader."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._kept: tuple[str, list[_Item], dict[str, int]] = ("", [], {})
        self._newest: dict[str, int] = {}  # what X says is the newest of a list, also where that could not be read

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        marks = _read_cursor(cursor)
        known, items, ends = self._kept
        if cursor != known or not items:
            items, ends = self._ask(marks)
        taken, left = items[:limit], items[limit:]
        for item in taken:
            for feed in item.feeds:
                marks[feed] = max(marks[feed], item.id)
        if not left:
            marks = {feed: max(mark, ends.get(feed, 0)) for feed, mark in marks.items()}
        after = " ".join(f"{feed}:{marks[feed]}" for feed in FEEDS)
        self._kept = (after, left, ends)
        return Batch(
            posts=tuple(item.what for item in taken if isinstance(item.what, PostData)),
            messages=tuple(item.what for item in taken if isinstance(item.what, MessageData)),
            cursor=after,
            more=bool(left),
            unreadable=tuple(item.what for item in taken if isinstance(item.what, Unreadable)),
        )

    def _ask(self, marks: Mapping[str, int]) -> tuple[list[_Item], dict[str, int]]:
        """Everything after the marks, oldest first, and how far each list was seen.

        A list that cannot be read now is read the next time, from its own mark; it keeps nobody from hearing the others. That it failed
        is said once they bring nothing more; that its limit is used up only where nothing at all could be read.
        """
        items: dict[Any, _Item] = {}
        ends: dict[str, int] = {}
        limited: list[NetworkError] = []
        failed: list[NetworkError] = []
        for feed in filter(self._is_asked, FEEDS):
            try:
                read = list(self._read(feed, marks[feed]))
            except NetworkError as error:
                if feed == "messages" and _is_refusal(error):
                    self._say_refused(feed, error)
                    continue
                if not error.retryable or error.code == EXPIRED:
                    raise
                (limited if error.code in ("budget", "rate_limit") else failed).append(error)
                continue
            for item in read:
                # What has no id cannot be the same as anything else.
                key = (feed == "messages", item.id) if item.id else object()
                items.setdefault(key, item).feeds.add(feed)
            ends[feed] = max([self._newest.pop(feed, 0), *(item.id for item in read)])
        if not items and (failed or (limited and not ends)):
            raise [*failed, *limited][0]
        return sorted(items.values(), key=lambda item: item.id), ends

    def _say_refused(self, feed: str, error: NetworkError) -> None:
        """Some plans read no messages, and some words X does not search for. That is no reason to hear nobody."""
        if cache.add(f"x:refused:{self._client.us}:{feed}", True, timeout=3600):
            logger.warning("X does not let account %s read its %s: %s", self._client.us, feed, error)

    def _is_asked(self, feed: str) -> bool:
        if feed == "messages":
            return self._client.may("dm.read")
        return feed != "search" or bool(self._client.config.terms)

    def _read(self, feed: str, mark: int) -> Iterator[_Item]:
        us = self._client.us
        if feed == "messages":
            yield from self._messages(mark)
        elif feed == "mentions":
            yield from self._posts(feed, f"/2/users/{us}/mentions", {"since_id": str(mark)})
        elif feed == "own":
            yield from self._posts(feed, f"/2/users/{us}/tweets", {"since_id": str(mark)})
        else:
            since = max(mark, int(payloads.first_id_at(datetime.now(UTC) - SEARCHED)))
            for query in search_queries(self._client.config.terms, us=self._client.username):
                try:
                    yield from self._posts(feed, "/2/tweets/search/recent", {"query": query, "since_id": str(since)})
                except NetworkError as error:
                    if not _is_refusal(error):
                        raise
                    self._say_refused(feed, error)

    def _posts(self, feed: str, route: str, params: Mapping[str, Any]) -> Iterator[_Item]:
        seen = 0
        for number, body in enumerate(pages(lambda more: self._client.get_posts(route, {**params, **more, "max_results": PAGE})), 1):
            found, odd = payloads.read_found(body, us=self._client.us)
            seen += len(found) + len(odd)
            self._newest[feed] = max(self._newest.get(feed, 0), newest_of(body))
            yield from (_Item(int(one.id), one.post) for one in found)
            yield from (_Item(int(one.external_id or 0), one) for one in odd)
            if number == PAGES and next_page(body):
                yield _Item(0, TOO_MANY)
        if seen >= SHOWN.get(feed, PAGES * PAGE + 1):
            yield _Item(0, Unreadable(f"X shows the newest {SHOWN[feed]:,} entries of this list only; what was before them may be missing"))

    def _messages(self, mark: int) -> Iterator[_Item]:
        """X cannot be asked for messages since one that is known, so its list is left where that one stands."""
        asked = {**fields.MESSAGES, "event_types": payloads.MESSAGE, "max_results": PAGE}
        for number, body in enumerate(pages(lambda more: self._client.get("/2/dm_events", {**asked, **more})), 1):
            messages, odd = payloads.read_messages(body, us=self._client.us)
            fresh = [message for message in messages if int(message.external_id) > mark]
            yield from (_Item(int(message.external_id), message) for message in fresh)
            yield from (_Item(int(one.external_id or 0), one) for one in odd if int(one.external_id or mark + 1) > mark)
            if len(fresh) < len(messages):
                return
            if number == PAGES and next_page(body):
                yield _Item(0, TOO_MANY)


def _is_refusal(error: NetworkError) -> bool:
    return error.permanent and not error.account_revoked


def _read_cursor(cursor: str) -> dict[str, int]:
    if not cursor:
        return dict.fromkeys(FEEDS, int(payloads.first_id_at(datetime.now(UTC) - BEGINNING)))
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise NetworkError("The place where reading stopped is none of X's.", permanent=True, code="bad_cursor")
    return dict(zip(FEEDS, map(int, match.groups()), strict=True))
