"""What was posted before the account was connected: the same feeds as the reader's, a page of each at a time, newest first."""

from __future__ import annotations

import json

from socialdesk.networks.base import AccountConfig, Batch, NetworkError
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.feeds import Found, Pages
from socialdesk.networks.bluesky.reader import make_batch, read_found

ENDED = "end"  # in place of a mark: nothing older is given


class BlueskyHistory:
    """See History. `cursor` has the mark of each feed's next page."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config)

    def backfill(self, cursor: str, *, limit: int = 200) -> Batch:
        marks = _parse(cursor)
        pages = Pages(self._client)
        open_feeds = [feed for feed in pages.feeds if marks.get(feed.key) != ENDED]
        found: dict[str, Found] = {}
        room = limit
        for feed in open_feeds:
            if room < 1:
                break
            page = pages.read(feed, marks.get(feed.key, ""), limit=max(1, min(room, limit // len(open_feeds))))
            fresh = page.found[:room]
            found |= {each.name: each for each in fresh}
            room -= len(fresh)
            marks[feed.key] = page.goes_on or ENDED
        given = sorted(found.values(), key=lambda each: each.at, reverse=True)
        more = any(marks.get(feed.key) != ENDED for feed in pages.feeds)
        return make_batch(read_found(self._client, given), json.dumps(marks, separators=(",", ":"), ensure_ascii=False), more=more)


def _parse(cursor: str) -> dict[str, str]:
    if not cursor:
        return {}
    try:
        return {str(key): str(mark) for key, mark in json.loads(cursor).items()}
    except (ValueError, AttributeError, RecursionError):
        raise NetworkError(f"{cursor[:60]!r} is no place in Bluesky's past.", permanent=True, code="bad_cursor") from None
