"""Pictures and films in the sandbox's world: kept with the replies that they were sent with, drawn for the posts of the play."""

from __future__ import annotations

import re
from collections.abc import Sequence

from socialdesk.networks.base import Film, MediaData, Picture
from socialdesk.networks.sandbox.drawing import draw_bicycle
from socialdesk.networks.sandbox.records import Post
from socialdesk.networks.sandbox.world import World

_PLACE = re.compile(r"https://(?:sandbox|reviews)\.example/@[^/]+/(\d{1,18})/(\d{1,2})\.(?:png|jpg|mp4)\Z")


def keep_pictures(world: World, post: Post, pictures: Sequence[Picture | Film]) -> None:
    """Inside the transaction that writes the post."""
    with world.store.transaction() as connection:
        for place, picture in enumerate(pictures):
            values = (int(post.id), place, picture.content, picture.media_type, picture.alt)
            connection.execute("INSERT INTO picture VALUES (?, ?, ?, ?, ?)", values)


def media_of(post: Post) -> tuple[MediaData, ...]:
    """The post's pictures, or its film, as readers are told of them."""
    if post.deleted:
        return ()
    if post.film:
        return tuple(MediaData("video", f"{post.url}/{place}.mp4", alt) for place, alt in enumerate(post.pictures))
    if post.pictures:
        return tuple(MediaData("image", f"{post.url}/{place}.png", alt) for place, alt in enumerate(post.pictures))
    return (MediaData("image", f"{post.url}/0.png"),) if post.media else ()


def picture_at(world: World, url: str) -> bytes | None:
    """What stands at an address that `media_of` gave, None where nothing does (any more)."""
    found = _PLACE.match(url)
    post = world.post(found[1]) if found else None
    if found is None or post is None or post.deleted:
        return None
    row = world.store.row("SELECT content FROM picture WHERE post = ? AND place = ?", (int(post.id), int(found[2])))
    if row is not None:
        return bytes(row["content"])
    return draw_bicycle(post.id) if post.media and not post.pictures else None
