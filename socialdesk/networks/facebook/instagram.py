"""The listening side of an Instagram account: comments below its posts, where it is tagged or named, and its private messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from socialdesk.networks.base import AccountConfig, Batch, NetworkError, PostData
from socialdesk.networks.facebook import media
from socialdesk.networks.facebook.client import Client, at, next_page
from socialdesk.networks.facebook.errors import NOT_PERMITTED
from socialdesk.networks.facebook.mentioned import told_mentions
from socialdesk.networks.facebook.messages import Inbox
from socialdesk.networks.facebook.reader import goes_on
from socialdesk.networks.facebook.timeline import Cursor, Entry, Found, cut
from socialdesk.networks.facebook.values import attempt, collect, data_of, id_of, link_of, list_of, number_of, object_of, text_of

WATCHED = 50  # posts, the newest, below which new comments are looked for
ALWAYS = 3  # of them are looked at even where their number of comments stands: one may have come and one gone
_COMMENT_PAGES = 20  # of 50 comments: how deep below a post is looked for new answers to old comments
_MENTIONED_COMMENT = "id,text,timestamp,username,from,media{id,permalink}"


class InstagramReader:
    """See Reader."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client.of(config)
        self._config = config
        self._inbox = Inbox(self._client, config)

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        where = Cursor.parse(cursor)
        found = Found()
        counts: dict[str, int] = {}
        for place, raw in enumerate(self._media(found, where.since)):
            media_id, count = id_of(raw.get("id")), number_of(raw.get("comments_count"))
            if not media_id:
                continue
            if count and (place < ALWAYS or where.counts.get(media_id) != count):
                self._comments(found, media_id, link_of(raw.get("permalink")), where.since)
            if place < WATCHED:
                counts[media_id] = count
        self._tags(found, where.since)
        done = []
        for media_id, comment_id in told_mentions(self._config.external_id):
            told = f"{media_id}/{comment_id}"
            if told in where.done or self._mention(found, media_id, comment_id, where.since):
                done.append(told)
        self._inbox.look(found, where.since)
        return cut(found, where, limit=limit, counts=counts, done=done)

    def _media(self, found: Found, since: datetime) -> list[dict[str, Any]]:
        raws: list[Any] = []
        for page in self._client.pages(at(self._config.external_id, "media"), fields=media.MEDIA_FIELDS, limit=WATCHED):
            raws.extend(page)
            if len(raws) >= WATCHED and not goes_on(page, "timestamp", since):
                break
        collect(found, raws, self._read_media, since=since, written="timestamp")
        return [object_of(raw) for raw in raws]

    def _comments(self, found: Found, media_id: str, url: str, since: datetime) -> None:
        raws: list[Any] = []
        try:
            for number, page in enumerate(comment_pages(self._client, media_id)):
                raws.extend(with_replies(self._client, page))
                if number + 1 == _COMMENT_PAGES:
                    break
        except NetworkError as error:
            if error.code != "not_found":
                raise
            return  # it was deleted between the two looks

        def read(raw: dict[str, Any]) -> Entry:
            return media.read_comment(raw, media_id=media_id, url=url, config=self._config)

        # Answers stand below what they answer, however old that is: put in the order of the whole, and never before that.
        raws.sort(key=lambda raw: (text_of(object_of(raw).get("timestamp")), bool(object_of(raw).get("parent_id"))), reverse=True)
        collect(found, raws, read, since=since, written="timestamp")

    def _tags(self, found: Found, since: datetime) -> None:
        raws: list[Any] = []
        try:
            for page in self._client.pages(at(self._config.external_id, "tags"), fields=media.OTHERS_FIELDS, limit=50):
                raws.extend(page)
                if not goes_on(page, "timestamp", since):
                    break
        except NetworkError as error:
            if error.code != NOT_PERMITTED:
                raise
        collect(found, raws, self._read_media, since=since, written="timestamp")

    def _mention(self, found: Found, media_id: str, comment_id: str, since: datetime) -> bool:
        """What a webhook told of by its ids. What cannot be seen any more, or never could, is passed over; False where it is to be asked
        about again, which holds up nothing else: over one thing or the other Instagram stumbles each time.
        """
        mentioned = Mentioned(self._client, self._config)
        try:
            raw = mentioned.comment(comment_id) if comment_id else mentioned.media(media_id)
        except NetworkError as error:
            if error.code == "server_error":
                return False
            if not error.permanent or error.account_revoked:
                raise
            return True
        entry = attempt(found, raw, lambda raw: mentioned.read(raw, media_id) if comment_id else self._read_media(raw))
        if entry is not None:
            # It may have been told long after it was written, when what is newer had been read.
            found.entries.append(replace(entry, at=max(entry.at, since)))
        return True

    def _read_media(self, raw: dict[str, Any]) -> Entry:
        return media.read_media(raw, config=self._config)


@dataclass(frozen=True, slots=True)
class Mentioned:
    """What somebody wrote about us at a place of their own: it can be asked for only through our account."""

    client: Client
    config: AccountConfig

    def comment(self, comment_id: str) -> dict[str, Any]:
        fields = f"mentioned_comment.comment_id({_plain(comment_id)}){{{_MENTIONED_COMMENT}}}"
        return object_of(self.client.get(at(self.config.external_id), fields=fields).get("mentioned_comment"))

    def media(self, media_id: str) -> dict[str, Any]:
        fields = f"mentioned_media.media_id({_plain(media_id)}){{{media.OTHERS_FIELDS}}}"
        return object_of(self.client.get(at(self.config.external_id), fields=fields).get("mentioned_media"))

    def read(self, raw: dict[str, Any], media_id: str) -> Entry:
        where = object_of(raw.get("media"))
        url = link_of(where.get("permalink"))
        return media.read_comment(raw, media_id=id_of(where.get("id")) or media_id, url=url, config=self.config)


class InstagramContext:
    """See Context: an answer stands below a comment, a comment below a post."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client.of(config)
        self._config = config

    def above(self, external_id: str) -> tuple[PostData, ...]:
        fields = f"{media.REPLY_FIELDS},media{{{media.MEDIA_FIELDS}}}"
        found = Found()
        try:
            raw = self._client.get(at(external_id), fields=fields)
        except NetworkError as error:
            if error.code != "refused":
                raise
            return ()  # a post, which has none of a comment's fields
        place = object_of(raw.get("media"))
        if not place:
            return ()
        chain = [attempt(found, place, lambda raw: media.read_media(raw, config=self._config))]
        parent_id = id_of(raw.get("parent_id"))
        if parent_id:
            parent = self._client.get(at(parent_id), fields=media.REPLY_FIELDS)
            where = {"media_id": id_of(place.get("id")), "url": link_of(place.get("permalink"))}
            chain.append(attempt(found, parent, lambda raw: media.read_comment(raw, **where, config=self._config)))
        return tuple(entry.item for entry in chain if entry is not None and isinstance(entry.item, PostData))


def _plain(external_id: str) -> str:
    """An id that may stand within the names of fields. Raises NetworkError."""
    if not (external_id.isascii() and external_id.isdigit()):
        raise NetworkError("There is no such thing on the network.", permanent=True, code="not_found")
    return external_id


def comment_pages(client: Client, media_id: str) -> Iterator[list[Any]]:
    """The comments below a post, each with the first answers to it."""
    return client.pages(at(media_id, "comments"), fields=media.COMMENT_FIELDS, limit=50)


def with_replies(client: Client, comments: list[Any]) -> Iterator[Any]:
    """The comments and all answers to them."""
    for comment in comments:
        yield comment
        within = object_of(object_of(comment).get("replies"))
        replies = data_of(within)
        parent_id = id_of(object_of(comment).get("id"))
        if next_page(within) and parent_id:
            replies = [raw for page in client.pages(at(parent_id, "replies"), fields=media.REPLY_FIELDS, limit=50) for raw in page]
        for reply in list_of(replies):
            yield {"parent_id": parent_id, **reply} if isinstance(reply, dict) else reply
