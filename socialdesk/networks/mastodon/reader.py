"""The listening side: all feeds from one cursor on, oldest first, and a second look at the latest posts for edits and deletions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from socialdesk.networks.base import AccountConfig, AuthorData, Batch, MessageData, NetworkError, PostData, Unreadable
from socialdesk.networks.mastodon.client import Client, part_of_path
from socialdesk.networks.mastodon.entities import NETWORK, Entry, Us, identity, read_status
from socialdesk.networks.mastodon.feeds import Cursor, Found, Pages, Place, Watched, interleave, take

MOST_ABOVE = 100  # posts of a thread
WATCHED = 40  # posts that are looked at again
TOGETHER = 20  # ids that a server looks up at once
CONFIRMED = 10  # posts whose absence is looked into in one fetch


class MastodonReader:
    """Reads what one account is told, wrote itself, and what hashtags and a list bring. See Reader."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config)

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        place = Cursor.parse(cursor, self._client.host)
        pages = Pages(self._client)
        read: list[list[Found]] = []
        places: dict[str, Place] = {}
        has_more = False
        for feed in pages.feeds:
            if known := place.place_of(feed):
                # One more than is handed on, so that "more" is said only where there is more.
                page, goes_on, known = pages.after(feed, known, limit=limit + 1)
                has_more |= goes_on
            else:
                page, begin = pages.newest(feed)
                known = Place(begin)
            places[feed.key] = known
            read.append(page)
        passed, given = take(interleave(read), limit=limit)
        for feed in pages.feeds:
            mine = [found for found in passed if found.feed == feed.key]
            places[feed.key] = places[feed.key].behind(mine, is_ordered=feed.is_ordered)
        has_more |= len(passed) < sum(len(page) for page in read)
        entries = [found.entry for found in given if found.entry is not None]
        watched = place.watched
        if not has_more:
            changed, watched = self._look_again(watched, entries, pages.us, room=limit - len(entries))
            entries += changed
        ids = {key: known.last for key, known in places.items()}
        seen = {key: known.seen for key, known in places.items() if known.seen}
        return make_batch(entries, str(Cursor(place.host, ids, seen, _watch(watched, entries))), more=has_more)

    def _look_again(self, watched: Sequence[Watched], fresh: Sequence[Entry], us: Us, *, room: int) -> tuple[list[PostData], list[Watched]]:
        """What became of the posts that are watched, at most `room` of them, and which to go on watching as they are."""
        new = {entry.external_id for entry in fresh}
        asked = [post for post in watched if post.id not in new]
        changed: list[PostData] = []
        kept: list[Watched] = []
        to_confirm = CONFIRMED
        for start in range(0, len(asked), TOGETHER):
            some = asked[start : start + TOGETHER]
            try:
                there = self._look_up([post.id for post in some])
            except NetworkError as error:
                if error.account_revoked:
                    raise
                return changed, kept + asked[start:]  # an older server, or none of its time left: another time
            for post in some:
                entry = read_status(there[post.id], us) if post.id in there else None
                if len(changed) >= room or (entry is None and not to_confirm):
                    kept.append(post)
                elif entry is None:
                    to_confirm -= 1
                    if self._is_gone(post.id):
                        changed.append(_deleted(post))
                    else:
                        kept.append(post)
                elif isinstance(entry, PostData) and entry.edited_at and entry.edited_at.isoformat() != post.edited:
                    changed.append(entry)
                else:
                    kept.append(post)
        return changed, kept

    def _look_up(self, ids: list[str]) -> dict[str, Any]:
        said = self._client.get_list("/api/v1/statuses", {"id[]": ids})
        return {identity(status.get("id")): status for status in said if isinstance(status, Mapping)}

    def _is_gone(self, external_id: str) -> bool:
        """Whether the server says so of this very post: leaving it out of many may mean that it does not know the question."""
        try:
            self._client.read(lambda api: api.status(external_id))
        except NetworkError as error:
            return error.code == "not_found"
        return False


class MastodonContext:
    """The thread above a post. See Context."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config)

    def above(self, external_id: str) -> tuple[PostData, ...]:
        ancestors = self._client.read(lambda api: api.status_context(part_of_path(external_id))).get("ancestors")
        us = Us(self._client.our_id, self._client.config.username, self._client.domain)
        entries = [read_status(status, us) for status in (ancestors if isinstance(ancestors, list) else [])[-MOST_ABOVE:]]
        return tuple(entry for entry in entries if isinstance(entry, PostData))


def make_batch(entries: Sequence[Entry], cursor: str, *, more: bool) -> Batch:
    return Batch(
        posts=tuple(entry for entry in entries if isinstance(entry, PostData)),
        messages=tuple(entry for entry in entries if isinstance(entry, MessageData)),
        cursor=cursor,
        more=more,
        unreadable=tuple(entry for entry in entries if isinstance(entry, Unreadable)),
    )


def _watch(watched: Sequence[Watched], entries: Sequence[Entry]) -> list[Watched]:
    """The latest posts, as they were handed on last."""
    known = {post.id: post for post in watched}
    for entry in entries:
        if isinstance(entry, PostData) and not entry.repost_of and not entry.deleted:
            edited = entry.edited_at.isoformat() if entry.edited_at else ""
            known.pop(entry.external_id, None)
            known[entry.external_id] = Watched(entry.external_id, edited, entry.author.external_id)
    return list(known.values())[-WATCHED:]


def _deleted(post: Watched) -> PostData:
    return PostData(NETWORK, post.id, "", AuthorData(post.author, post.author), datetime.now(UTC), deleted=True)
