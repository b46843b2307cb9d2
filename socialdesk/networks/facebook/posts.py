"""Facebook's posts and comments as data."""

from __future__ import annotations

from typing import Any

from socialdesk.networks.base import AuthorData, MediaData, PostData
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

_ATTACHMENT = "media_type,type,title,description,url,unshimmed_url,media"
POST_FIELDS = (
    f"id,message,story,from,created_time,updated_time,permalink_url,is_hidden,attachments{{{_ATTACHMENT},subattachments{{{_ATTACHMENT}}}}}"
)
COMMENT_FIELDS = "id,message,from,created_time,permalink_url,is_hidden,parent{id},attachment"
_MOST_MEDIA = 20
_VIDEO = ("video", "live")


def read_post(raw: dict[str, Any], *, page_id: str, username: str) -> Entry:
    """A post on the page, or one in which it was tagged. Raises Nonsense."""
    external_id = need_id(raw.get("id"), "a post")
    at = need_moment(raw.get("created_time"), "a post")
    attachments = data_of(raw.get("attachments"))
    return _entry(
        PostData(
            network="facebook",
            external_id=external_id,
            text=text_of(raw.get("message")) or _shared(attachments) or text_of(raw.get("story")),
            author=read_author(raw.get("from"), of=external_id, page_id=page_id, username=username),
            posted_at=at,
            url=link_of(raw.get("permalink_url")),
            media=read_media(attachments),
        )
    )


def read_comment(raw: dict[str, Any], *, post_id: str, page_id: str, username: str) -> Entry:
    """A comment below a post, or below another comment of it. Raises Nonsense."""
    external_id = need_id(raw.get("id"), "a comment")
    at = need_moment(raw.get("created_time"), "a comment")
    attachments = [raw.get("attachment")]
    return _entry(
        PostData(
            network="facebook",
            external_id=external_id,
            text=text_of(raw.get("message")) or _shared(attachments),
            author=read_author(raw.get("from"), of=external_id, page_id=page_id, username=username),
            posted_at=at,
            url=link_of(raw.get("permalink_url")),
            in_reply_to=id_of(object_of(raw.get("parent")).get("id")) or post_id,
            media=read_media(attachments),
        )
    )


def read_author(value: Any, *, of: str, page_id: str, username: str) -> AuthorData:
    """Who wrote it. Facebook has names and no user names, and does not name everybody: that needs their consent, or the app's review."""
    author = object_of(value)
    external_id, name = id_of(author.get("id")), text_of(author.get("name")).strip()
    if external_id and external_id == page_id:
        return AuthorData(external_id, username, name)
    if not external_id:
        return AuthorData(stand_in(of), name or "somebody on Facebook", name)
    return AuthorData(external_id, name or external_id, name)


def read_media(attachments: list[Any]) -> tuple[MediaData, ...]:
    media: list[MediaData] = []
    for attachment in attachments:
        outer = object_of(attachment)
        parts = data_of(outer.get("subattachments")) or [outer]
        for part in map(object_of, parts):
            media.extend(_read_one(part))
    return tuple(media[:_MOST_MEDIA])


def _read_one(part: dict[str, Any]) -> tuple[MediaData, ...]:
    kind = text_of(part.get("media_type")) or text_of(part.get("type"))
    shown = object_of(part.get("media"))
    if kind == "share" or kind == "link":
        return ()  # the picture belongs to the page that is linked to
    if kind.startswith(_VIDEO) and link_of(shown.get("source")):
        return media_of("video", shown.get("source"), part.get("description"), preview=object_of(shown.get("image")).get("src"))
    return media_of("image", object_of(shown.get("image")).get("src"), part.get("description"))


def _shared(attachments: list[Any]) -> str:
    """What stands for the text of a post that only shares something: the title and the address."""
    for attachment in map(object_of, attachments):
        if (text_of(attachment.get("media_type")) or text_of(attachment.get("type"))) not in ("share", "link"):
            continue
        parts = (text_of(attachment.get("title")), link_of(attachment.get("unshimmed_url")) or link_of(attachment.get("url")))
        if any(parts):
            return "\n".join(part for part in parts if part)
    return ""


def _entry(post: PostData) -> Entry:
    if not post.text.strip() and not post.media:
        raise Nonsense("it has neither a text nor a picture")
    return Entry(post.posted_at, post)
