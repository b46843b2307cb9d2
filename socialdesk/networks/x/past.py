"""What was on X before: the back-fill of an account, and the thread above a post."""

from __future__ import annotations

from typing import Any

from socialdesk.networks.base import Batch, NetworkError, PostData
from socialdesk.networks.x import payloads
from socialdesk.networks.x.client import Client
from socialdesk.networks.x.lists import PAGE, next_page
from socialdesk.networks.x.query import search_queries

LEAST = 10  # entries; X gives no fewer at once
HIGHEST = 25  # posts above one; each is asked for by itself


class XHistory:
    """The mentions that X still has (800), then our own posts (3,200), then a week of posts with a topic's words. See History."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def backfill(self, cursor: str, *, limit: int = 200) -> Batch:
        """One page of one list; the cursor is the place of the list, and what names the page."""
        lists = self._lists()
        place, _, token = (cursor or "0:").partition(":")
        if not place.isascii() or not place.isdigit():
            raise NetworkError("The place where the back-fill stopped is none of X's.", permanent=True, code="bad_cursor")
        if int(place) >= len(lists):
            return Batch(cursor=cursor)
        route, params = lists[int(place)]
        more = {"pagination_token": token} if token else {}
        body = self._client.get_posts(route, {**params, **more, "max_results": max(LEAST, min(PAGE, limit))})
        found, odd = payloads.read_found(body, us=self._client.us)
        following = next_page(body)
        after = f"{place}:{following}" if following and following != token else f"{int(place) + 1}:"
        is_last = after == f"{len(lists)}:"
        return Batch(tuple(one.post for one in found), cursor=after, more=not is_last, unreadable=tuple(odd))

    def _lists(self) -> list[tuple[str, dict[str, Any]]]:
        us = self._client.us
        searched = search_queries(self._client.config.terms, us=self._client.username)
        timelines: list[tuple[str, dict[str, Any]]] = [(f"/2/users/{us}/mentions", {}), (f"/2/users/{us}/tweets", {})]
        return timelines + [("/2/tweets/search/recent", {"query": query}) for query in searched]


class XContext:
    """See Context."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def above(self, external_id: str) -> tuple[PostData, ...]:
        """As far as it can be seen: a post that was deleted or is private hides what is above it."""
        posts: list[PostData] = []
        known = {external_id}
        post = self._post(external_id)
        while post is not None and post.in_reply_to and post.in_reply_to not in known and len(posts) < HIGHEST:
            known.add(post.in_reply_to)
            post = self._post(post.in_reply_to)
            if post is not None:
                posts.append(post)
        return tuple(reversed(posts))

    def _post(self, external_id: str) -> PostData | None:
        if payloads.id_of(external_id) != external_id:
            return None
        try:
            body = self._client.get_posts(f"/2/tweets/{external_id}", {})
        except NetworkError as error:
            if error.code != "not_found":
                raise
            return None
        found, _ = payloads.read_found(body, us=self._client.us)
        return found[0].post if found else None
