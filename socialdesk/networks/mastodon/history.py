"""The past of an account: the same feeds, newest first."""

from __future__ import annotations

from collections import Counter

from socialdesk.networks.base import AccountConfig, Batch
from socialdesk.networks.mastodon.client import Client
from socialdesk.networks.mastodon.feeds import Cursor, Found, Pages, interleave, take
from socialdesk.networks.mastodon.reader import make_batch

END = "end"  # stands in a cursor for a feed of which no more is given


class MastodonHistory:
    """See History."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config)

    def backfill(self, cursor: str, *, limit: int = 200) -> Batch:
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        place = Cursor.parse(cursor, self._client.host)
        pages = Pages(self._client)
        ids = {feed.key: place.ids.get(feed.key, "") for feed in pages.feeds}
        read: list[list[Found]] = []
        goes_on: dict[str, bool] = {}
        for feed in pages.feeds:
            if ids[feed.key] != END:
                page, goes_on[feed.key] = pages.before(feed, ids[feed.key], limit=limit)
                heard = [found for found in page if found.entry is not None]
                if page and not heard:
                    ids[feed.key] = page[-1].id
                read.append(heard)
        passed, given = take(interleave(read, is_newest_first=True), limit=limit)
        for found in passed:
            ids[found.feed] = found.id or ids[found.feed]
        handed_on = Counter(found.feed for found in passed)
        left = {page[0].feed for page in read if page and handed_on[page[0].feed] < len(page)}
        for key, more in goes_on.items():
            if not more and key not in left:
                ids[key] = END
        entries = [found.entry for found in given if found.entry is not None]
        return make_batch(entries, str(Cursor(place.host, ids)), more=any(last != END for last in ids.values()))
