"""What is read of the network: notifications, our own posts and searches, each from where it was left, as one stream of entries."""

from __future__ import annotations

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
FIRST = datetime.min.replace(tzinfo=UTC)


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


def list_feeds(config: AccountConfig, our_did: str) -> list[Feed]:
    feeds = [
        Feed("n", "app.bsky.notification.listNotifications", "notifications", {"reasons": list(HEARD)}),
        Feed("o", "app.bsky.feed.getAuthorFeed", "feed", {"actor": our_did, "filter": "posts_with_replies", "includePins": False}),
    ]
    return feeds + [
        Feed(f"t:{term}", "app.bsky.feed.searchPosts", "posts", {"q": f'"{term}"' if " " in term else term, "sort": "latest"})
        for term in terms_of(config.terms)[:TERMS_READ]
    ]


def terms_of(terms: Iterable[str]) -> list[str]:
    given = (" ".join(term.replace('"', " ").split()).casefold()[:100] for term in terms)
    return list(dict.fromkeys(term for term in given if term))


class Pages:
    """Reads feeds page by page."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.feeds = list_feeds(client.config, client.our_did)

    def after(self, feed: Feed, place: Place, *, limit: int) -> tuple[list[Found], list[str], bool]:
        """What came since `place`, oldest first and only its deepest pages if it is more than `limit`; the marks of the pages above them;
        and whether there is more."""
        depth, goal = (1, FIRST) if not place.mark else (DEPTH, (place.at or FIRST + LATE) - LATE)
        marks = list(place.pages) or [""]
        read: dict[str, Page] = {}
        while True:
            page = read[marks[-1]] = self.read(feed, marks[-1])
            if not page.goes_on or page.goes_on in marks or (page.found and page.found[-1].at < goal):
                break
            if len(read) >= depth:
                if place.mark:  # goes down further another time
                    return [], [mark for mark in [*marks, page.goes_on] if mark], True
                break
            marks.append(page.goes_on)
        fresh: list[Found] = []
        while marks:
            page = read.get(marks[-1]) or self.read(feed, marks[-1])
            fresh += [found for found in reversed(page.found) if found.at >= goal and found.name not in place.seen]
            if len(fresh) > limit:
                break
            marks.pop()
        # The newest page is read anew, and so are all where one was left in the middle.
        return fresh, [mark for mark in marks if mark], bool(marks) or bool(place.pages)

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
        return Page(sorted(heard, key=lambda each: each.at, reverse=True), goes_on if goes_on != mark else "")


def move(place: Place, passed: Iterable[Found], pages: list[str]) -> Place:
    """The place behind what was passed. What may still be joined by something dated before it is named."""
    given = list(passed)
    latest = max((found.at for found in given), default=FIRST)
    latest = max(latest, place.at or FIRST)
    mark = stamp(latest) if latest > FIRST else (place.mark or START)
    seen = [*place.seen, *(found.name for found in given)]
    return Place(mark, list(dict.fromkeys(seen))[-MOST_SEEN:], pages)


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
