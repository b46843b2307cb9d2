"""What is read of a server: notifications, our own statuses, hashtags and a list, each from where it was left, as one stream of entries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any

from socialdesk.networks.base import AccountConfig, NetworkError, PostData, Unreadable
from socialdesk.networks.mastodon.client import Client, part_of_path
from socialdesk.networks.mastodon.entities import Entry, Us, identity, read_status

TAGS = 20  # that are heard: each is a request of its own, and a connection of its own; a server answers 300 in five minutes
LATE = timedelta(days=7)  # what is older is for a back-fill
START = "0"  # an id before all others
# A server gives what reaches it late an id of the time at which it was written, below others that were read by then. So the latest of a
# hashtag or a list are remembered, and what comes to stand among them is read too.
REMEMBERED = 20
# Of what they tell, these bring a status that is new to us: somebody named us, quoted us, or changed what we boosted.
HEARD = ("mention", "quote", "update")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_TAG = re.compile(r"\w*[^\W\d]\w*")


@dataclass(frozen=True, slots=True)
class Feed:
    """`key` names it in a cursor; `most` is how many entries the server gives at once.

    `is_ordered`: nothing comes to stand before what was there already.
    """

    key: str
    path: str
    most: int = 40
    params: Mapping[str, Any] = field(default_factory=dict)
    is_ordered: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of a feed: its id there, and what it holds. `at` orders it among those of other feeds, where it says a time.

    `entry` is empty where it is of a kind that is passed over, on servers that tell of every kind.
    """

    feed: str
    id: str
    entry: Entry | None
    at: datetime | None


def list_feeds(config: AccountConfig, our_id: str) -> list[Feed]:
    feeds = [
        # Without include_filtered a server keeps back what strangers write privately.
        Feed("n", "/api/v1/notifications", 80, {"types[]": list(HEARD), "include_filtered": "true"}),
        Feed("o", f"/api/v1/accounts/{part_of_path(our_id)}/statuses"),
    ]
    if named := config.credentials.get("list", ""):
        feeds.append(Feed(f"l:{named}", f"/api/v1/timelines/list/{part_of_path(named)}", is_ordered=False))
    return feeds + [Feed(f"t:{tag}", f"/api/v1/timelines/tag/{tag}", is_ordered=False) for tag in tags_of(config.terms)[:TAGS]]


def tags_of(terms: Iterable[str]) -> list[str]:
    """The terms that can be hashtags: one word, with a letter in it."""
    tags = (term.strip().removeprefix("#").lower() for term in terms)
    return list(dict.fromkeys(tag for tag in tags if _TAG.fullmatch(tag) and len(tag) <= 100))


class Pages:
    """Reads feeds page by page."""

    def __init__(self, client: Client) -> None:
        self._client = client
        config = client.config
        self.us = Us(client.our_id, config.username, client.domain)
        self.feeds = list_feeds(config, self.us.id)

    def after(self, feed: Feed, place: Place, *, limit: int) -> tuple[list[Found], bool, Place]:
        """What follows that place, oldest first, whether there may be more, and the place, moved on where nothing there is for us."""
        asked = min(feed.most, limit + len(place.seen))
        # A server that knows no such bound gives the same page again and again.
        page = [found for found in self._page(feed, min_id=place.last, limit=asked) if order(found.id) > order(place.last)]
        fresh = [found for found in page if found.entry is not None and found.id not in place.seen]
        passed_over = page if not fresh else []
        return fresh, len(page) >= asked, place.behind(passed_over, is_ordered=True) if feed.is_ordered else place

    def before(self, feed: Feed, first: str, *, limit: int) -> tuple[list[Found], bool]:
        """What came before `first` ("" is now), newest first, and whether there may be more. With what is passed over."""
        asked = min(feed.most, limit)
        page = self._page(feed, **({"max_id": first} if first else {}), limit=asked)
        page = [found for found in page if not first or order(found.id) < order(first)]
        return page[::-1], len(page) >= asked and bool(page[0].id)

    def newest(self, feed: Feed) -> tuple[list[Found], str]:
        """What a feed that was never read begins with, oldest first, and the id to begin behind: its last two pages, as far as they are
        of late. In a quiet place two pages are years."""
        page, goes_on = self.before(feed, "", limit=feed.most)
        if goes_on and page:
            earlier, goes_on = self.before(feed, page[-1].id, limit=feed.most)
            page += earlier
        bound = datetime.now(UTC) - LATE
        late = list(takewhile(lambda found: found.at is None or found.at >= bound, page))
        if len(late) < len(page):
            begin = page[len(late)].id
        elif goes_on:
            begin = late.pop().id
        else:
            begin = START
        return [found for found in late[::-1] if found.entry is not None], begin or START

    def _page(self, feed: Feed, **where: Any) -> list[Found]:
        try:
            said = self._client.get_list(feed.path, {**feed.params, **where})
        except NetworkError as error:
            if feed.key[0] in "lt" and error.permanent and not error.account_revoked:
                return []  # the list was deleted, or the server shows no hashtags: the others are read all the same
            raise
        page: list[Found] = []
        for item in said[: 2 * feed.most]:
            given = item if isinstance(item, Mapping) else {}
            status = given.get("status") if feed.key == "n" else item
            # A server that knows no such filter.
            is_other = feed.key == "n" and status is None and given.get("type") not in HEARD
            entry = None if is_other else read_status(status, self.us)
            page.append(Found(feed.key, identity(given.get("id")), entry, _time_of(entry)))
        return sorted(page, key=lambda found: order(found.id))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a feed was left: all up to the id `last` was handed on, and of what is behind it those that were `seen`."""

    last: str
    seen: tuple[str, ...] = ()

    def behind(self, passed: Iterable[Found], *, is_ordered: bool) -> Place:
        """The place once these were handed on, in their order."""
        seen = sorted({*self.seen, *(found.id for found in passed if found.id)}, key=order)
        kept = 0 if is_ordered else REMEMBERED
        gone = seen[: max(0, len(seen) - kept)]
        return Place(max([self.last, *gone], key=order), tuple(seen[len(gone) :]))


@dataclass(frozen=True, slots=True)
class Watched:
    """A post that is asked for again for a while: whether it was edited, or is gone. It has no name: whoever is erased from the desk
    would stay in it."""

    id: str
    edited: str
    author: str


@dataclass(slots=True)
class Cursor:
    """Where each feed was left, and what is watched. One of another server begins anew, so that nothing there is missed."""

    host: str
    ids: dict[str, str] = field(default_factory=dict)
    seen: dict[str, tuple[str, ...]] = field(default_factory=dict)
    watched: list[Watched] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str, host: str) -> Cursor:
        if not text:
            return cls(host)
        try:
            given = json.loads(text)
            ids = {str(key): str(value) for key, value in given["ids"].items()}
            seen = {str(key): tuple(str(value) for value in values) for key, values in given.get("seen", {}).items()}
            watched = [Watched(*(str(part) for part in row[:3])) for row in given.get("watched", [])]  # older ones: with a name
            at = str(given["at"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise NetworkError(
                f"{text[:60]!r} is no cursor of Mastodon; read again from the beginning.", permanent=True, code="bad_cursor"
            ) from None
        return cls(host, ids, seen, watched) if at == host else cls(host)

    def __str__(self) -> str:
        watched = [[post.id, post.edited, post.author] for post in self.watched]
        given = {"at": self.host, "ids": self.ids, "seen": self.seen, "watched": watched}
        return json.dumps(given, separators=(",", ":"), ensure_ascii=False)

    def place_of(self, feed: Feed) -> Place | None:
        """None where it was never read."""
        last = self.ids.get(feed.key)
        return Place(last, self.seen.get(feed.key, ())) if last else None


def order(external_id: str) -> tuple[int, str]:
    """Ids grow with time on every such server, and a longer one is a greater one."""
    return len(external_id), external_id


def interleave(pages: Sequence[Sequence[Found]], *, is_newest_first: bool = False) -> list[Found]:
    """All entries by their time, while those of one feed keep their order."""
    ranked: list[tuple[datetime, int, Found]] = []
    for place, page in enumerate(pages):
        bound = LAST if is_newest_first else FIRST
        for found in page:
            if found.at is not None:
                bound = min(bound, found.at) if is_newest_first else max(bound, found.at)
            ranked.append((bound, place, found))
    ranked.sort(key=lambda each: each[0], reverse=is_newest_first)  # stable: the order within a feed stays
    return [found for _, _, found in ranked]


def take(found: Iterable[Found], *, limit: int) -> tuple[list[Found], list[Found]]:
    """Those that are passed when at most `limit` entries are handed on, and those to hand on: each id once."""
    passed: list[Found] = []
    given: dict[str, Found] = {}
    for each in found:
        key = (each.entry and each.entry.external_id) or f"{each.feed} {each.id} {len(passed)}"
        if key not in given:
            if len(given) == limit:
                break
            given[key] = each
        passed.append(each)
    return passed, list(given.values())


def _time_of(entry: Entry | None) -> datetime | None:
    if entry is None or isinstance(entry, Unreadable):
        return None
    return entry.posted_at if isinstance(entry, PostData) else entry.sent_at
