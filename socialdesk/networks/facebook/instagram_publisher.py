"""The speaking side of an Instagram account: answers to comments and mentions, private messages, hiding and deleting."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from socialdesk.networks.base import AccountConfig, Film, NetworkError, Picture, Sent
from socialdesk.networks.facebook import media
from socialdesk.networks.facebook.abilities import INSTAGRAM
from socialdesk.networks.facebook.client import Client, at
from socialdesk.networks.facebook.instagram import Mentioned, comment_pages
from socialdesk.networks.facebook.values import id_of, link_of, object_of
from socialdesk.networks.facebook.writing import (
    Correspondence,
    check_film,
    check_length,
    check_pictures,
    check_time,
    first_of_ours,
    not_ours,
    not_there,
    receipt,
    unless_gone,
)

_MOST_BYTES = 1000  # of a private message


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an answer goes: below a comment or post of ours, or where we were named."""

    path: str
    url: str
    media_id: str = ""
    comment_id: str = ""
    parent_id: str = ""

    @property
    def is_elsewhere(self) -> bool:
        return bool(self.media_id)


class InstagramPublisher:
    """See Publisher. The network knows no token: what an unanswered call wrote is looked for by its text."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client.of(config)
        self._config = config
        self._letters = Correspondence(self._client, config)

    def reply(self, *, in_reply_to: str, text: str, token: str, pictures: Sequence[Picture] = (), film: Film | None = None) -> Sent:
        check_length(text, INSTAGRAM.max_length)
        check_pictures(pictures, INSTAGRAM.max_pictures)
        check_film(film)
        begun = time.monotonic()
        place = self._place(in_reply_to)
        check_time(begun)
        if place.is_elsewhere:
            ids = {"media_id": place.media_id} | ({"comment_id": place.comment_id} if place.comment_id else {})
            answer = self._client.post(at(self._config.external_id, "mentions"), {"message": text, **ids})
        else:
            answer = self._client.post(place.path, {"message": text})
        sent = receipt(self._client, answer, written="timestamp")
        return Sent(sent.external_id, place.url, sent.sent_at)

    def direct_message(self, *, to: str, text: str, token: str, about: str = "") -> Sent:
        check_length(text, INSTAGRAM.max_message_length)
        size = len(text.encode("utf-8", "replace"))
        if size > _MOST_BYTES:
            said = f"The text is {size:,} bytes long; {_MOST_BYTES:,} are taken. Letters with accents are two, emoji four."
            raise NetworkError(said, permanent=True, code="too_long")
        return self._letters.send(to=to, about=about, about_kind="comment_id", text=text)

    def find(self, *, token: str, text: str, in_reply_to: str = "", to: str = "", repost_of: str = "", since: datetime) -> Sent | None:
        if to:
            return self._letters.find(to=to, text=text, since=since)
        if not in_reply_to:
            raise not_there("repost or to post without a picture", "Instagram")
        place = self._place(in_reply_to)
        if place.is_elsewhere:
            # What stands below other people's posts is not given to us.
            raise NetworkError("Instagram does not show our answers below other people's posts.", permanent=True, code="cannot_look")
        since = self._client.by_their_clock(since, asking=at(self._config.external_id))
        found = first_of_ours(
            self._answers(place), is_ours=self._is_ours, text=text, since=since, url_field="", text_field="text", written="timestamp"
        )
        return None if found is None else Sent(found.external_id, place.url, found.sent_at)

    def follows_us(self, external_id: str) -> bool:
        raise NetworkError("Instagram does not say here who follows us.", permanent=True, code="cannot")

    def repost(self, *, external_id: str, token: str) -> Sent:
        raise not_there("repost", "Instagram")

    def post(self, *, text: str, token: str) -> Sent:
        raise not_there("post without a picture", "Instagram")

    def like(self, *, external_id: str, token: str) -> None:
        raise not_there("like", "Instagram")

    def unlike(self, *, external_id: str) -> None:
        raise not_there("like", "Instagram")

    def hide(self, *, external_id: str) -> None:
        self._client.post(at(external_id), {"hide": "true"})

    def unhide(self, *, external_id: str) -> None:
        path = at(external_id)
        with unless_gone(self._client, external_id):
            self._client.post(path, {"hide": "false"})

    def delete(self, *, external_id: str) -> None:
        """Only what is ours: an account may delete what others write below its posts, but to them that is no answer."""
        raw = self._client.get(at(external_id), fields="id,username,from")
        if not self._is_ours(raw):
            raise not_ours("comment")
        self._client.delete(at(external_id))

    def _place(self, external_id: str) -> _Place:
        """Where an answer to that goes. Nothing is written."""
        try:
            raw = self._client.get(at(external_id), fields="id,parent_id,media{id,permalink}")
        except NetworkError as error:
            if error.code not in ("not_found", "refused"):
                raise
            return self._place_of_other_kind(external_id)
        where = object_of(raw.get("media"))
        if not where:
            return self._place_of_other_kind(external_id)
        return _Place(at(external_id, "replies"), link_of(where.get("permalink")), parent_id=id_of(raw.get("parent_id")))

    def _place_of_other_kind(self, external_id: str) -> _Place:
        """For what is no comment below a post of ours: the post itself, or what others wrote at a place of their own."""
        mentioned = Mentioned(self._client, self._config)
        try:
            raw = self._client.get(at(external_id), fields="id,permalink,username")
            if raw.get("username") == self._config.username:
                return _Place(at(external_id, "comments"), link_of(raw.get("permalink")))
        except NetworkError as error:
            if error.code not in ("not_found", "refused"):
                raise
        try:
            raw = mentioned.comment(external_id)
            where = object_of(raw.get("media"))
            if id_of(where.get("id")):
                return _Place("", link_of(where.get("permalink")), media_id=id_of(where.get("id")), comment_id=external_id)
        except NetworkError as error:
            if error.code not in ("not_found", "refused"):
                raise
        raw = mentioned.media(external_id)
        return _Place("", link_of(raw.get("permalink")), media_id=external_id)

    def _answers(self, place: _Place) -> Iterator[Any]:
        """All that stands where an answer would: Instagram puts what answers an answer below the same comment."""
        if place.path.endswith("/comments"):
            for page in comment_pages(self._client, place.path.partition("/")[0]):
                yield from page
            return
        parent_path = at(place.parent_id, "replies") if place.parent_id else place.path
        for page in self._client.pages(parent_path, fields=media.REPLY_FIELDS, limit=50):
            yield from page

    def _is_ours(self, raw: dict[str, Any]) -> bool:
        author = object_of(raw.get("from"))
        return id_of(author.get("id")) == self._config.external_id or self._config.username in (author.get("username"), raw.get("username"))
