"""What the simulated app view makes of records: posts as they are shown, feeds in pages, people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tests.socialdesk.networks.bluesky.simulator import Refused, Session, Simulator
from tests.socialdesk.networks.bluesky.world import LIKE, POST, REPOST, Person, Record, World, fine_stamp


class Views:
    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.world: World = sim.world

    # app.bsky.feed and notification

    def getPosts(self, session: Session, given: Any) -> Any:
        if len(given["uris"]) > 25:
            raise Refused(400, "InvalidRequest", "Error: Params must not have more than 25 elements")
        found = [self.world.post_at(uri) for uri in given["uris"]]
        return {"posts": [self.post(post) for post in found if post is not None and post.uri not in self.world.hidden]}

    def getPostThread(self, session: Session, given: Any) -> Any:
        if (post := self.world.post_at(given["uri"])) is None:
            raise Refused(400, "NotFound", f"Post not found: {given['uri']}")
        if post.uri in self.world.hidden:
            blocked = {"uri": post.uri, "blocked": True, "author": {"did": post.did}}
            return {"thread": {"$type": "app.bsky.feed.defs#blockedPost", **blocked}}
        return {"thread": self._thread(post, given.get("parentHeight", 80))}

    def _thread(self, post: Record, height: int) -> Any:
        view: dict[str, Any] = {"$type": "app.bsky.feed.defs#threadViewPost", "post": self.post(post)}
        above = post.value.get("reply", {}).get("parent", {}).get("uri")
        parent = self.world.post_at(above) if above else None
        if above and height:
            gone = {"$type": "app.bsky.feed.defs#notFoundPost", "uri": above, "notFound": True}
            view["parent"] = self._thread(parent, height - 1) if parent else gone
        return view

    def getAuthorFeed(self, session: Session, given: Any) -> Any:
        whose = [each for each in self.world.records.values() if each.did == given["actor"] and each.collection in (POST, REPOST)]
        there = {post.uri for post in self.world.posts()}
        shown = [each for each in whose if (each.uri if each.collection == POST else each.value["subject"]["uri"]) in there]
        page, more = self._page(sorted(shown, key=lambda each: each.sort_at, reverse=True), given)
        return {**more, "feed": [self._feed_item(each) for each in page]}

    def _feed_item(self, record: Record) -> Any:
        if record.collection == POST:
            return {"post": self.post(record)}
        reason = {
            "$type": "app.bsky.feed.defs#reasonRepost",
            "by": self.basic(self.world.people[record.did]),
            "uri": record.uri,
            "cid": record.cid,
            "indexedAt": fine_stamp(record.sort_at),
        }
        return {"post": self.post(self.world.records[record.value["subject"]["uri"]]), "reason": reason}

    def searchPosts(self, session: Session, given: Any) -> Any:
        asked = given["q"].strip('"').casefold()
        found = [post for post in self.world.posts() if asked in post.value["text"].casefold()]
        page, more = self._page(found, given, default=25)
        return {**more, "posts": [self.post(post) for post in page]}

    def listNotifications(self, session: Session, given: Any) -> Any:
        found = [(why, post) for why, post in self.world.notices() if why in given.get("reasons", [why])]
        if not self.sim.knows_reasons:
            found = sorted([*found, *self.world.likes()], key=lambda each: each[1].sort_at, reverse=True)
        reasons = {post.uri: why for why, post in found}
        page, more = self._page([post for _, post in found], given)
        notices = [
            {
                "uri": post.uri,
                "cid": post.cid,
                "author": self.profile(self.world.people[post.did]),
                "reason": reasons[post.uri],
                "record": post.value,
                "isRead": False,
                "indexedAt": fine_stamp(post.sort_at),
            }
            for post in page
        ]
        return {**more, "notifications": notices, "priority": False}

    def _page(self, found: Sequence[Record], given: Any, *, default: int = 50) -> tuple[list[Record], dict[str, str]]:
        """By key: what was written since the last page moves nothing."""
        limit = given.get("limit", default)
        if not 1 <= limit <= 100:
            raise Refused(400, "InvalidRequest", "Error: Params limit can not be greater than 100")
        left = [each for each in found if not given.get("cursor") or _key(each) < given["cursor"]]
        page = left[:limit]
        return page, {"cursor": _key(page[-1])} if len(left) > limit else {}

    # app.bsky.actor and graph

    def getProfiles(self, session: Session, given: Any) -> Any:
        if len(given["actors"]) > 25:
            raise Refused(400, "InvalidRequest", "Error: Params must not have more than 25 elements")
        return {"profiles": [self.detailed(self.world.people[did]) for did in given["actors"] if did in self.world.people]}

    def getProfile(self, session: Session, given: Any) -> Any:
        if given["actor"] not in self.world.people:
            raise Refused(400, "InvalidRequest", "Profile not found")
        return self.detailed(self.world.people[given["actor"]])

    def getRelationships(self, session: Session, given: Any) -> Any:
        found: list[Any] = []
        for did in given["others"]:
            view: dict[str, Any] = {"$type": "app.bsky.graph.defs#relationship", "did": did}
            if did in self.world.people and given["actor"] in self.world.people[did].follows:
                view["followedBy"] = f"at://{did}/app.bsky.graph.follow/3kabcdefghijk"
            found.append(view)
        return {"actor": given["actor"], "relationships": found}

    # How things are shown

    def post(self, post: Record) -> dict[str, Any]:
        viewer: dict[str, Any] = {"threadMuted": False, "replyDisabled": post.uri in self.world.closed, "embeddingDisabled": False}
        for name, collection in (("repost", REPOST), ("like", LIKE)):
            if ours := self.world.of_ours(collection, post.uri):
                viewer[name] = ours
        view = {
            "uri": post.uri,
            "cid": post.cid,
            "author": self.basic(self.world.people[post.did]),
            "record": post.value,
            "indexedAt": fine_stamp(post.indexed_at),
            "viewer": viewer,
            "labels": [],
        }
        if embed := self._embed(post):
            view["embed"] = embed
        return view

    def _embed(self, post: Record) -> dict[str, Any] | None:
        embed = post.value.get("embed", {})
        if embed.get("$type") == "app.bsky.embed.video":
            return self._film(post.did, embed)
        if embed.get("$type") != "app.bsky.embed.images":
            return None
        place = f"https://cdn.bsky.app/img/feed_fullsize/plain/{post.did}"
        urls = [f"{place}/{each['image']['ref']['$link']}@jpeg" for each in embed["images"]]
        images = [{"thumb": url, "fullsize": url, "alt": each["alt"]} for url, each in zip(urls, embed["images"], strict=True)]
        return {"$type": "app.bsky.embed.images#view", "images": images}

    def _film(self, did: str, embed: dict[str, Any]) -> dict[str, Any]:
        """At once, though it plays only when the network has worked on it."""
        cid = embed["video"]["ref"]["$link"]
        place = f"https://video.bsky.app/watch/{quote(did, safe='')}/{cid}"
        more: dict[str, Any] = {name: embed[name] for name in ("alt", "aspectRatio") if name in embed}
        where = {"playlist": f"{place}/playlist.m3u8", "thumbnail": f"{place}/thumbnail.jpg"}
        return {"$type": "app.bsky.embed.video#view", "cid": cid, **where, **more}

    def basic(self, person: Person) -> dict[str, Any]:
        return {"did": person.did, "handle": person.handle, "displayName": person.name, "viewer": self._viewer(person)}

    def profile(self, person: Person) -> dict[str, Any]:
        return {**self.basic(person), "description": f"I am {person.name}."}

    def detailed(self, person: Person) -> dict[str, Any]:
        chat = {"allowIncoming": person.takes_messages_of}
        return {**self.profile(person), "followersCount": 12, "followsCount": 3, "postsCount": 7, "associated": {"chat": chat}}

    def _viewer(self, person: Person) -> dict[str, Any]:
        viewer: dict[str, Any] = {"muted": False, "blockedBy": False}
        if self.world.us.did in person.follows:
            viewer["followedBy"] = f"at://{person.did}/app.bsky.graph.follow/3kabcdefghijk"
        return viewer


def _key(record: Record) -> str:
    return f"{fine_stamp(record.sort_at)}::{record.cid}"
