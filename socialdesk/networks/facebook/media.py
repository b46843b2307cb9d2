"""Instagram's posts (media) and comments as data."""

from __future__ import annotations

from typing import Any

from socialdesk.networks.base import AccountConfig, AuthorData, MediaData, PostData
from socialdesk.networks.facebook.timeline import Entry
from socialdesk.networks.facebook.values import (
    Nonsense,
    data_of,
    id_of,
    link_of,
    media_of,
    need_id,
    need_moment,
    object_of,
    stand_in,
    text_of,
)

MEDIA_FIELDS = (
    "id,caption,media_type,media_url,thumbnail_url,permalink,timestamp,username,comments_count,alt_text,"
    "children{media_type,media_url,thumbnail_url}"
)
# Of what is not ours less is given.
OTHERS_FIELDS = "id,caption,media_type,media_url,permalink,timestamp,username"
_COMMENT = "id,text,timestamp,username,from,parent_id,hidden,like_count"
REPLIES = 50
COMMENT_FIELDS = f"{_COMMENT},replies.limit({REPLIES}){{{_COMMENT}}}"
REPLY_FIELDS = _COMMENT


def read_media(raw: dict[str, Any], *, config: AccountConfig) -> Entry:
    """A picture or film, ours or one in which we are tagged or named. Raises Nonsense."""
    external_id = need_id(raw.get("id"), "a post")
    at = need_moment(raw.get("timestamp"), "a post")
    parts = data_of(raw.get("children")) or [raw]
    post = PostData(
        network="instagram",
        external_id=external_id,
        text=text_of(raw.get("caption")),
        author=read_author(raw, of=external_id, config=config),
        posted_at=at,
        url=link_of(raw.get("permalink")),
        media=tuple(medium for part in map(object_of, parts) for medium in _read_part(part, text_of(raw.get("alt_text")))),
    )
    return _entry(post)


def read_comment(raw: dict[str, Any], *, media_id: str, url: str, config: AccountConfig, parent_id: str = "") -> Entry:
    """A comment below a post, or below another comment. It has no address of its own: its post's stands for it. Raises Nonsense."""
    external_id = need_id(raw.get("id"), "a comment")
    at = need_moment(raw.get("timestamp"), "a comment")
    return _entry(
        PostData(
            network="instagram",
            external_id=external_id,
            text=text_of(raw.get("text")),
            author=read_author(raw, of=external_id, config=config),
            posted_at=at,
            url=url,
            in_reply_to=id_of(raw.get("parent_id")) or parent_id or media_id,
        )
    )


def read_author(raw: dict[str, Any], *, of: str, config: AccountConfig) -> AuthorData:
    """Who wrote it. An id is given with comments only; elsewhere the user name stands for it, and can be written to by nobody."""
    author = object_of(raw.get("from"))
    external_id = id_of(author.get("id"))
    username = text_of(author.get("username")) or text_of(raw.get("username"))
    if (external_id and external_id == config.external_id) or (username and username == config.username):
        return AuthorData(config.external_id or external_id, config.username, url=_home(config.username))
    if external_id:
        return AuthorData(external_id, username or external_id, url=_home(username))
    if username:
        return AuthorData(f"@{username}"[:200], username, url=_home(username))
    return AuthorData(stand_in(of), "somebody on Instagram")


def _home(username: str) -> str:
    return f"https://www.instagram.com/{username}/" if username else ""


def _read_part(part: dict[str, Any], alt: str) -> tuple[MediaData, ...]:
    if part.get("media_type") == "VIDEO":
        return media_of("video", part.get("media_url"), alt, preview=part.get("thumbnail_url"))
    return media_of("image", part.get("media_url"), alt)


def _entry(post: PostData) -> Entry:
    if not post.text.strip() and not post.media:
        raise Nonsense("it has neither a text nor a picture")
    return Entry(post.posted_at, post)
