"""What is read of the network: notifications, our own posts and searches, each from where it was left, as one stream of entries."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from socialdesk.networks.base import AccountConfig, NetworkError
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.cursor import MOST_SEEN, START, Place, short
from socialdesk.networks.bluesky.values import items, moment, part, stamp, words

HEARD = ("mention", "reply", "quote")
TERMS_READ = 20  # each is a request of its own
PAGE = 100
DEPTH = 20  # pages that one fetch goes down in one feed
LATE = timedelta(minutes=10)  # so much earlier something may be dated than what was handed on before it
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST = datetime.min.replace(tzinfo=UTC)
_PLAIN = re.compile(r"#?\w+")  # what a search takes as it is; other signs mean something there


@dataclass(frozen=True, slots=True)
class Feed:
    """`key` names it in a cursor; `entries` is where its entries stand in an answer."""

    key: str
    nsid: str
    entries: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """One entry of a feed as it came. `uri` is "" where it has none."""

    feed: Feed
    uri: str
    at: datetime
    given: Mapping[str, Any]

    @property
    def name(self) -> str:
        return short(self.uri or repr(self.given))


@dataclass(frozen=True, slots=True)
class Page:
    found: list[Found]  # newest first
    goes_on: str  # the mark of the next one, "" where there is none
    oldest: datetime = FIRST  # of all that stood on it; a server that knows no reasons tells of likes and followers too


def list_feeds(config: AccountConfig, our_did: str) -> list[Feed]:
    feeds = [
        Feed("n", "app.bsky.notification.listNotifications", "notifications", {"reasons": list(HEARD)}),
        Feed("o", "app.bsky.feed.getAuthorFeed", "feed", {"actor": our_did, "filter": "posts_with_replies", "includePins": False}),
    ]
    return feeds + [
        Feed(f"t:{term}", "app.bsky.feed.searchPosts", "posts", {"q": term if _PLAIN.fullmatch(term) else f'"{term}"', "sort": "latest"})
        for term in terms_of(config.terms)[:TERMS_READ]
    ]


def terms_of(terms: Iterable[str]) -> list[str]:
    given = (" ".join(term.replace('"', " ").split()).casefold()[:100] for term in terms)
    return list(dict.fromkeys(term for term in given if term))


@dataclass(slots=True)
class Reading:
    """What was found in a feed, oldest first: `steps` are the pages that were read for it, `left` those above them that were not."""

    feed: Feed
    place: Place
    left: list[str]
    fresh: list[Found] = field(default_factory=list)
    steps: list[tuple[str, set[str]]] = field(default_factory=list)
    goes_down: bool = False

    def leave(self, passed: Iterable[Found]) -> tuple[Place, bool]:
        """Where the feed is left once these were handed on, and whether there is more. What may still be joined by something that is
        dated before it is named."""
        given = {found.name: found for found in passed if found.feed is self.feed}
        done = next((number for number, (_, names) in enumerate(self.steps) if not names <= set(given)), len(self.steps))
        pages = self.left + [mark for mark, _ in self.steps[done:]][::-1]
        latest = max([self.place.at or FIRST, *(found.at for found in given.values())])
        mark = stamp(latest) if latest > FIRST else (self.place.mark or START)
        seen = self.place.seen | {name: seconds(found.at) for name, found in given.items()}
        kept = [(name, at) for name, at in seen.items() if at >= seconds(latest) - LATE.total_seconds() - 1]
        # The newest page is read anew, since others have come above it.
        return Place(mark, dict(kept[-MOST_SEEN:]), [mark for mark in pages if mark], self.goes_down), bool(pages or self.place.pages)


class Pages:
    """Reads feeds page by page."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.feeds = list_feeds(client.config, client.our_did)

    def after(self, feed: Feed, place: Place, *, limit: int) -> Reading:
        """What came since `place`, of the deepest pages only if it is more than `limit`."""
        goal = (place.at or FIRST + LATE) - LATE
        marks, read, goes_down = list(place.pages), dict[str, Page](), place.goes_down or not place.pages
        if goes_down:
            marks, read, goes_down = self._go_down(feed, place, goal)
        if goes_down:  # further another time
            return Reading(feed, place, left=marks, goes_down=True)
        reading = Reading(feed, place, left=marks)
        while reading.left and len(reading.fresh) <= limit:
            mark = reading.left.pop()
            page = read.get(mark) or self.read(feed, mark)
            fresh = [found for found in reversed(page.found) if found.at >= goal and found.name not in place.seen]
            reading.steps.append((mark, {found.name for found in fresh}))
            reading.fresh += fresh
        return reading

    def _go_down(self, feed: Feed, place: Place, goal: datetime) -> tuple[list[str], dict[str, Page], bool]:
        """The marks of pages down to where the feed was left, those that were read, and whether it was left still further down."""
        marks = list(place.pages) or [""]
        read: dict[str, Page] = {}
        for _ in range(DEPTH if place.mark else 1):
            page = read[marks[-1]] = self.read(feed, marks[-1])
            is_known = all(found.name in place.seen for found in page.found) and (bool(page.found) or place.at is None)
            if is_known or not page.goes_on or page.goes_on in marks or page.oldest < goal:
                return marks, read, False
            marks.append(page.goes_on)
        if not place.mark:  # the beginning is what stands on the first page
            return marks[:1], read, False
        return marks, read, True

    def read(self, feed: Feed, mark: str, *, limit: int = PAGE) -> Page:
        """One page, newest first. Raises NetworkError."""
        try:
            said = self._client.query(feed.nsid, cursor=mark, limit=min(limit, PAGE), **feed.params)
        except NetworkError as error:
            if feed.key.startswith("t:") and error.permanent and not error.account_revoked:
                return Page([], "")  # a server without search: the others are read all the same
            raise
        found = _dated(feed, [part(entry) for entry in items(said.get(feed.entries))[: 2 * PAGE]])
        heard = [each for each in found if feed.key != "n" or each.given.get("reason") in HEARD]
        goes_on = words(said.get("cursor"))[:1000] if found else ""
        oldest = min((each.at for each in found), default=FIRST)
        return Page(sorted(heard, key=lambda each: each.at, reverse=True), goes_on if goes_on != mark else "", oldest)


def seconds(at: datetime) -> int:
    return int((at - EPOCH).total_seconds())


def _dated(feed: Feed, entries: list[Mapping[str, Any]]) -> list[Found]:
    """Those without a time get that of their neighbour: they are told of as unreadable, and move no mark."""
    times = [_time_of(feed, entry) for entry in entries]
    before = next((at for at in times if at is not None), FIRST)
    found: list[Found] = []
    for entry, at in zip(entries, times, strict=True):
        before = at or before
        post, reason = _parts(feed, entry)
        found.append(Found(feed, words((reason or post).get("uri")), before, entry))
    return found


def _time_of(feed: Feed, entry: Mapping[str, Any]) -> datetime | None:
    """The time that the network orders by: of a repost its own, of a post when it was written, unless that is in the future."""
    post, reason = _parts(feed, entry)
    seen = moment((reason or post).get("indexedAt"))
    written = None if reason or feed.key == "n" else moment(part(post.get("record")).get("createdAt"))
    return min((at for at in (written, seen) if at is not None), default=None)


def _parts(feed: Feed, entry: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    return (part(entry.get("post")), part(entry.get("reason"))) if feed.key == "o" else (entry, {})
