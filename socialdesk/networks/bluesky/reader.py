"""The listening side: all feeds from one cursor on, oldest first, and a second look at the latest posts for those that are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from socialdesk.networks.base import EXPIRED, AccountConfig, Batch, MessageData, NetworkError, PostData
from socialdesk.networks.bluesky.chat import Chat
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.cursor import Cursor, Place
from socialdesk.networks.bluesky.feeds import Found, Pages
from socialdesk.networks.bluesky.people import look_up, remember
from socialdesk.networks.bluesky.posts import Entry, deleted_post, read_repost, read_view
from socialdesk.networks.bluesky.values import items, part, split_uri, words

TOGETHER = 25  # posts that are looked up at once
WATCHED = 50  # posts that are looked at again
CONFIRMED = 10  # posts whose absence is looked into in one fetch
MOST_ABOVE = 80  # posts of a thread


class BlueskyReader:
    """Reads what one account is told, wrote itself, what searches bring, and its private messages. See Reader."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config)
        self._chat = Chat(self._client)

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        place = Cursor.parse(cursor, self._client.our_did)
        messages, log, has_more, silent = self._messages(place.log, limit)
        entries, places, goes_on = self._posts(place, limit - len(messages))
        has_more |= goes_on
        watched = place.watched
        if not has_more:
            gone, watched = self._look_again(watched, entries, room=limit - len(messages) - len(entries))
            entries += gone
        if silent is not None and not entries:  # told once nothing else would be lost by it
            raise silent
        remember(entry.author for entry in entries if isinstance(entry, PostData) and not entry.deleted)
        after = Cursor(place.did, places, log, _watch(watched, entries))
        return make_batch([*entries, *messages], str(after), more=has_more)

    def _messages(self, log: str, limit: int) -> tuple[list[Entry], str, bool, NetworkError | None]:
        """Private messages, where the log stands behind them, whether there are more, and why there are none now."""
        if self._client.config.credentials.get("chat") == "no":
            return [], log, False, None
        try:
            if not log:
                begun, log = self._chat.begin(limit=limit)
                return list(begun), log, False, None
            found, log, has_more = self._chat.after(log, limit=limit)
            return list(found), log, has_more, None
        except NetworkError as error:
            if error.account_revoked or error.code == EXPIRED:
                raise
            # An app password without private messages, or a network without them: the posts are read all the same.
            return [], log, False, None if error.permanent else error

    def _posts(self, place: Cursor, limit: int) -> tuple[list[Entry], dict[str, Place], bool]:
        if limit < 1:
            return [], place.places, True
        pages = Pages(self._client)
        readings = [pages.after(feed, place.places.get(feed.key, Place()), limit=limit) for feed in pages.feeds]
        # Stable: those of one feed keep their order.
        fresh = sorted((found for reading in readings for found in reading.fresh), key=lambda each: each.at)
        passed, given = _take(fresh, limit)
        places: dict[str, Place] = {}
        has_more = False
        for reading in readings:
            places[reading.feed.key], goes_on = reading.leave(passed)
            has_more |= goes_on
        return read_found(self._client, given), places, has_more

    def _look_again(self, watched: Sequence[str], fresh: Sequence[Entry], *, room: int) -> tuple[list[Entry], list[str]]:
        """Which of the watched posts are gone, at most `room` of them, and which to go on watching."""
        new = {entry.external_id for entry in fresh}
        asked = [uri for uri in watched if uri not in new]
        gone: list[Entry] = []
        kept: list[str] = []
        to_confirm = CONFIRMED
        try:
            there = look_up_posts(self._client, asked)
            for uri in asked:
                if uri in there or len(gone) >= room or not to_confirm:
                    kept.append(uri)
                    continue
                to_confirm -= 1
                if is_gone(self._client, uri):
                    gone.append(deleted_post(uri))
                else:
                    kept.append(uri)
        except NetworkError as error:
            if error.account_revoked:
                raise
            return [], list(watched)  # none of its time left: another time
        return gone, kept


class BlueskyContext:
    """The thread above a post. See Context."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config)

    def above(self, external_id: str) -> tuple[PostData, ...]:
        if split_uri(external_id) is None:
            raise NetworkError("There is no post with such an address.", permanent=True, code="not_found")
        said = self._client.query("app.bsky.feed.getPostThread", uri=external_id, depth=0, parentHeight=MOST_ABOVE)
        views: list[Any] = []
        above = part(part(said.get("thread")).get("parent"))
        while above.get("post") and len(views) < MOST_ABOVE:  # what was deleted or blocked has none: nothing is said of what is above it
            views.append(above["post"])
            above = part(above.get("parent"))
        people = look_up(self._client, (words(part(part(view).get("author")).get("did")) for view in views))
        posts = [read_view(view, people) for view in reversed(views)]
        return tuple(post for post in posts if isinstance(post, PostData))


def read_found(client: Client, found: Sequence[Found]) -> list[Entry]:
    """The entries of feeds as posts. A notification has no more than the record; its post is looked up for what stands in it."""
    views = look_up_posts(client, [each.uri for each in found if each.feed.key == "n"])
    people = look_up(client, (_author_of(each) for each in found))
    entries: list[Entry] = []
    for each in found:
        given = part(each.given.get("post")) if each.feed.key == "o" else each.given
        if each.feed.key == "n" and each.uri not in views:
            given = {**given, "embed": part(given.get("record")).get("embed")}
            entries.append(read_view(given, people))
        elif part(each.given.get("reason")) and each.feed.key == "o":
            entries.append(read_repost(each.given, people))
        else:
            entries.append(read_view(views.get(each.uri, given), people))
    return entries


def look_up_posts(client: Client, uris: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The posts among these that are there and that we may see, as the app view shows them."""
    found: dict[str, Mapping[str, Any]] = {}
    asked = [uri for uri in dict.fromkeys(uris) if split_uri(uri)]
    for start in range(0, len(asked), TOGETHER):
        said = client.query("app.bsky.feed.getPosts", uris=asked[start : start + TOGETHER])
        for view in items(said.get("posts")):
            found[words(part(view).get("uri"))] = part(view)
    return found


def is_gone(client: Client, uri: str) -> bool:
    """Whether the network says so of this very post: one whose author blocks us is left out too."""
    try:
        client.query("app.bsky.feed.getPostThread", uri=uri, depth=0, parentHeight=0)
    except NetworkError as error:
        if error.code in ("NotFound", "not_found"):
            return True
        if error.permanent and not error.account_revoked:
            return False
        raise
    return False


def make_batch(entries: Sequence[Entry], cursor: str, *, more: bool) -> Batch:
    return Batch(
        posts=tuple(entry for entry in entries if isinstance(entry, PostData)),
        messages=tuple(entry for entry in entries if isinstance(entry, MessageData)),
        cursor=cursor,
        more=more,
        unreadable=tuple(entry for entry in entries if not isinstance(entry, PostData | MessageData)),
    )


def _author_of(found: Found) -> str:
    given = part(found.given.get("post")) if found.feed.key == "o" else found.given
    reason = part(found.given.get("reason"))
    return words(part(reason.get("by") if reason else given.get("author")).get("did"))


def _take(fresh: Sequence[Found], limit: int) -> tuple[list[Found], list[Found]]:
    """Those that are passed when at most `limit` are handed on, and those to hand on: each once, whichever feeds it stands in."""
    passed: list[Found] = []
    given: dict[str, Found] = {}
    for found in fresh:
        if found.name not in given:
            if len(given) == limit:
                break
            given[found.name] = found
        passed.append(found)
    return passed, list(given.values())


def _watch(watched: Sequence[str], entries: Sequence[Entry]) -> list[str]:
    """The latest posts."""
    known = dict.fromkeys(watched)
    for entry in entries:
        if isinstance(entry, PostData) and not entry.repost_of and not entry.deleted:
            known.pop(entry.external_id, None)
            known[entry.external_id] = None
    return list(known)[-WATCHED:]
