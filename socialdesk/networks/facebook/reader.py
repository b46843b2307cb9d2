"""The listening side of a Facebook page: its posts, what visitors post, comments below, where it was tagged, and Messenger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from socialdesk.networks.base import AccountConfig, Batch, NetworkError, PostData
from socialdesk.networks.facebook.client import Client, at
from socialdesk.networks.facebook.errors import NOT_PERMITTED
from socialdesk.networks.facebook.messages import Inbox
from socialdesk.networks.facebook.posts import COMMENT_FIELDS, POST_FIELDS, read_comment, read_post
from socialdesk.networks.facebook.timeline import Cursor, Entry, Found, cut
from socialdesk.networks.facebook.values import collect, id_of, moment_of, object_of

WATCHED = 200  # posts, the newest, below which new comments are looked for
PAGE = 100  # entries of a list at once; no more are given
NEW = 25  # posts at once with all that they are made of
_TOUCHED = "id,created_time,updated_time"
_DEEPEST = 20  # comments above a comment; Facebook shows two


class FacebookReader:
    """See Reader."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client.of(config)
        self._config = config
        self._us = {"page_id": config.external_id, "username": config.username}
        self._inbox = Inbox(self._client, config)

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        where = Cursor.parse(cursor)
        found = Found()
        for post in self._posts(found, where.since):
            self._comments(found, post, where.since)
        self._tagged(found, where.since)
        self._inbox.look(found, where.since)
        return cut(found, where, limit=limit)

    def _posts(self, found: Found, since: datetime) -> Iterator[str]:
        """The page's new posts into `found`; gives the ids of all those below which something was written since then.

        The list goes by when they were posted, not by when they were answered: so many older ones are looked at each time, of which
        no more is asked for than that.
        """
        raws: list[Any] = []
        for page in self._client.pages(at(self._config.external_id, "feed"), fields=POST_FIELDS, limit=NEW):
            raws.extend(page)
            if not goes_on(page, "created_time", since):
                break
        collect(found, raws, self._read_post, since=since, written="created_time")
        looked_at = 0
        for page in self._client.pages(at(self._config.external_id, "feed"), fields=_TOUCHED, limit=PAGE):
            for raw in map(object_of, page):
                touched = moment_of(raw.get("updated_time"))
                if id_of(raw.get("id")) and (touched is None or touched >= since):
                    yield id_of(raw.get("id"))
            looked_at += len(page)
            if looked_at >= WATCHED and not goes_on(page, "created_time", since):
                return

    def _comments(self, found: Found, post_id: str, since: datetime) -> None:
        def read(raw: dict[str, Any]) -> Entry:
            return read_comment(raw, post_id=post_id, **self._us)

        collected: list[Any] = []
        try:
            for page in comment_pages(self._client, post_id):
                collected.extend(page)
                if not goes_on(page, "created_time", since):
                    break
        except NetworkError as error:
            if error.code != "not_found":
                raise
            return  # it was deleted between the two looks
        collect(found, collected, read, since=since, written="created_time")

    def _tagged(self, found: Found, since: datetime) -> None:
        """Posts elsewhere that name the page. An app that was not reviewed for it may not see them."""
        raws: list[Any] = []
        try:
            for page in self._client.pages(at(self._config.external_id, "tagged"), fields=POST_FIELDS, limit=PAGE):
                raws.extend(page)
                if not goes_on(page, "created_time", since):
                    break
        except NetworkError as error:
            if error.code != NOT_PERMITTED:
                raise
        collect(found, raws, self._read_post, since=since, written="created_time")

    def _read_post(self, raw: dict[str, Any]) -> Entry:
        return read_post(raw, **self._us)


class FacebookContext:
    """See Context: a comment stands below a comment or a post."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client.of(config)
        self._config = config
        self._us = {"page_id": config.external_id, "username": config.username}

    def above(self, external_id: str) -> tuple[PostData, ...]:
        chain: list[PostData] = []
        post_id = self._post_of(external_id)
        if not post_id:
            return ()
        try:
            above = self._comment(external_id, post_id).in_reply_to
        except NetworkError as error:
            if error.code != "refused":
                raise
            return ()  # a post at a place of somebody's own: it has none of a comment's fields
        while above != post_id and len(chain) < _DEEPEST:
            comment = self._comment(above, post_id)
            chain.append(comment)
            above = comment.in_reply_to
        raw = self._client.get(at(post_id), fields=POST_FIELDS)
        chain.append(_as_post(lambda: read_post(raw, **self._us)))
        return tuple(reversed(chain))

    def _comment(self, external_id: str, post_id: str) -> PostData:
        raw = self._client.get(at(external_id), fields=COMMENT_FIELDS)
        return _as_post(lambda: read_comment(raw, post_id=post_id, **self._us))

    def _post_of(self, external_id: str) -> str:
        """The post that a comment is below; "" for what is a post itself. Ids say it: page_post, and post_comment."""
        first, _, second = external_id.partition("_")
        return f"{self._config.external_id}_{first}" if second and first != self._config.external_id else ""


def comment_pages(client: Client, post_id: str) -> Iterator[list[Any]]:
    """All comments below a post, of all levels, newest first."""
    return client.pages(at(post_id, "comments"), fields=COMMENT_FIELDS, filter="stream", order="reverse_chronological", limit=PAGE)


def goes_on(page: list[Any], written: str, since: datetime) -> bool:
    """Whether a list that comes newest first may hold more from that time on. What we may not see is taken out of its pages, so that an
    empty one is not its end."""
    last = moment_of(object_of(page[-1]).get(written)) if page else None
    return last is None or last >= since


def _as_post(read: Any) -> PostData:
    try:
        item: PostData = read().item
    except ValueError as error:
        raise NetworkError(f"The thread cannot be read: {error}.", permanent=True, code="unreadable_answer") from None
    return item
