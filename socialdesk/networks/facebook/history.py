"""What was posted before an account was connected: from the newest backward, each post with all that stands below it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from socialdesk.networks.base import AccountConfig, Batch, NetworkError, PostData
from socialdesk.networks.facebook import media
from socialdesk.networks.facebook.client import Client, at, next_page
from socialdesk.networks.facebook.instagram import with_replies
from socialdesk.networks.facebook.posts import COMMENT_FIELDS, POST_FIELDS, read_comment, read_post
from socialdesk.networks.facebook.timeline import Bad, Entry, Found
from socialdesk.networks.facebook.values import attempt, data_of, id_of, link_of, object_of

_POSTS = 20  # at once
_COMMENTS = 100


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a back-fill stands: the page of posts that comes next, and posts whose comments are still owed, each with its page of them."""

    posts: dict[str, str] | None = None  # None: there are no more
    owed: tuple[tuple[str, str, dict[str, str]], ...] = ()  # id, address, page

    @classmethod
    def parse(cls, text: str) -> _Place:
        """Raises NetworkError."""
        if not text:
            return cls({})
        try:
            posts, owed = json.loads(text)
            return cls(None if posts is None else dict(posts), tuple((str(one), str(url), dict(page)) for one, url, page in owed))
        except (ValueError, TypeError, RecursionError):
            raise NetworkError("The place where the back-fill stopped cannot be read.", permanent=True, code="bad_cursor") from None

    def __str__(self) -> str:
        return json.dumps([self.posts, self.owed], separators=(",", ":"))


class FacebookHistory:
    """See History."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client.of(config)
        self._us = {"page_id": config.external_id, "username": config.username}
        self._path = at(config.external_id, "feed")

    def backfill(self, cursor: str, *, limit: int = 200) -> Batch:
        return _walk(self._posts, self._comments, cursor, limit)

    def _posts(self, page: dict[str, str], limit: int) -> _Page:
        answer = self._client.get(self._path, fields=POST_FIELDS, limit=limit, **page)
        raws = data_of(answer)
        owed = [(id_of(raw.get("id")), "") for raw in map(object_of, raws) if _is_talked_about(raw)]
        return _read(raws, lambda raw: read_post(raw, **self._us), next_page(answer), owed)

    def _comments(self, post_id: str, url: str, page: dict[str, str], limit: int) -> _Page:
        order: dict[str, str | int] = {"filter": "stream", "order": "reverse_chronological", "limit": limit}
        answer = self._client.get(at(post_id, "comments"), fields=COMMENT_FIELDS, **order, **page)
        return _read(data_of(answer), lambda raw: read_comment(raw, post_id=post_id, **self._us), next_page(answer))


class InstagramHistory:
    """See History."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client.of(config)
        self._config = config

    def backfill(self, cursor: str, *, limit: int = 200) -> Batch:
        return _walk(self._media, self._comments, cursor, limit)

    def _media(self, page: dict[str, str], limit: int) -> _Page:
        answer = self._client.get(at(self._config.external_id, "media"), fields=media.MEDIA_FIELDS, limit=limit, **page)
        raws = data_of(answer)
        owed = [(id_of(raw.get("id")), link_of(raw.get("permalink"))) for raw in map(object_of, raws) if raw.get("comments_count") != 0]
        return _read(raws, lambda raw: media.read_media(raw, config=self._config), next_page(answer), owed)

    def _comments(self, media_id: str, url: str, page: dict[str, str], limit: int) -> _Page:
        # Each comes with the answers to it, which are given with it: they are few.
        answer = self._client.get(at(media_id, "comments"), fields=media.COMMENT_FIELDS, limit=max(1, limit // 4), **page)
        raws = list(with_replies(self._client, data_of(answer)))
        where = {"media_id": media_id, "url": url}
        return _read(raws, lambda raw: media.read_comment(raw, **where, config=self._config), next_page(answer))


@dataclass(frozen=True, slots=True)
class _Page:
    posts: tuple[PostData, ...]
    bad: tuple[Bad, ...]
    onward: dict[str, str]
    owed: tuple[tuple[str, str, dict[str, str]], ...]


def _is_talked_about(raw: dict[str, Any]) -> bool:
    """Whether something may stand below a post: a comment moves the time at which it was touched last."""
    return "updated_time" not in raw or raw["updated_time"] != raw.get("created_time")


def _read(raws: Iterable[Any], read: Callable[[Any], Entry], onward: dict[str, str], owed: Iterable[tuple[str, str]] = ()) -> _Page:
    found = Found()
    entries = [entry for raw in raws if (entry := attempt(found, raw, read)) is not None]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    posts = tuple(entry.item for entry in entries if isinstance(entry.item, PostData))
    return _Page(posts, tuple(found.bad), onward, tuple((one, url, {}) for one, url in owed if one))


def _walk(posts: Callable[..., _Page], comments: Callable[..., _Page], cursor: str, limit: int) -> Batch:
    """One step back: a page of what stands below a post, while that is owed; else the next page of posts."""
    place = _Place.parse(cursor)
    if place.owed:
        (post_id, url, page), rest = place.owed[0], place.owed[1:]
        try:
            step = comments(post_id, url, page, min(limit, _COMMENTS))
        except NetworkError as error:
            if error.code != "not_found":
                raise
            step = _Page((), (), {}, ())  # deleted meanwhile
        following = _Place(place.posts, (((post_id, url, step.onward), *rest) if step.onward else rest))
    else:
        step = posts(place.posts or {}, min(limit, _POSTS))
        following = _Place(step.onward or None, step.owed)
    return Batch(
        posts=step.posts,
        cursor=str(following),
        more=following.posts is not None or bool(following.owed),
        unreadable=tuple(bad.said for bad in step.bad),
    )
