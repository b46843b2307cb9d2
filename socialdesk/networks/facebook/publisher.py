"""The speaking side of a Facebook page: comments, Messenger, posts, likes, hiding and deleting."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from socialdesk.networks.base import AccountConfig, Film, NetworkError, Picture, Sent
from socialdesk.networks.facebook.abilities import FACEBOOK
from socialdesk.networks.facebook.client import Client, at
from socialdesk.networks.facebook.posts import COMMENT_FIELDS
from socialdesk.networks.facebook.reader import PAGE, comment_pages, goes_on
from socialdesk.networks.facebook.values import id_of, object_of
from socialdesk.networks.facebook.writing import (
    Correspondence,
    check_film,
    check_length,
    check_pictures,
    first_of_ours,
    not_ours,
    not_there,
    receipt,
    unless_gone,
)


class FacebookPublisher:
    """See Publisher. The network knows no token: what an unanswered call wrote is looked for by its text."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client.of(config)
        self._page_id = config.external_id
        self._letters = Correspondence(self._client, config)

    def reply(self, *, in_reply_to: str, text: str, token: str, pictures: Sequence[Picture] = (), film: Film | None = None) -> Sent:
        check_length(text, FACEBOOK.max_length)
        given = check_pictures(pictures, FACEBOOK.max_pictures)
        check_film(film)
        where = at(in_reply_to, "comments")
        beside = {"attachment_id": self._upload(given[0])} if given else {}
        answer = self._client.post(where, {"message": text, **beside})
        return receipt(self._client, answer, url_field="permalink_url")

    def direct_message(self, *, to: str, text: str, token: str, about: str = "") -> Sent:
        check_length(text, FACEBOOK.max_message_length)
        kind = "post_id" if about.startswith(f"{self._page_id}_") else "comment_id"
        return self._letters.send(to=to, about=about, about_kind=kind, text=text)

    def find(self, *, token: str, text: str, in_reply_to: str = "", to: str = "", repost_of: str = "", since: datetime) -> Sent | None:
        if to:
            return self._letters.find(to=to, text=text, since=since)
        if repost_of:
            raise not_there("repost", "Facebook")
        since = self._client.by_their_clock(since, asking=at(self._page_id))
        raws = self._answers(in_reply_to, since) if in_reply_to else self._own_posts(since)
        return first_of_ours(
            raws, is_ours=self._is_ours, text=text, since=since, url_field="permalink_url", text_field="message", written="created_time"
        )

    def follows_us(self, external_id: str) -> bool:
        raise NetworkError("Facebook does not say who follows a page.", permanent=True, code="cannot")

    def repost(self, *, external_id: str, token: str) -> Sent:
        raise not_there("repost", "Facebook")

    def post(self, *, text: str, token: str) -> Sent:
        check_length(text, FACEBOOK.max_length)
        answer = self._client.post(at(self._page_id, "feed"), {"message": text})
        return receipt(self._client, answer, url_field="permalink_url")

    def like(self, *, external_id: str, token: str) -> None:
        self._client.post(at(external_id, "likes"))

    def unlike(self, *, external_id: str) -> None:
        path = at(external_id, "likes")
        with unless_gone(self._client, external_id):
            self._client.delete(path)

    def hide(self, *, external_id: str) -> None:
        self._client.post(at(external_id), {"is_hidden": "true"})

    def unhide(self, *, external_id: str) -> None:
        path = at(external_id)
        with unless_gone(self._client, external_id):
            self._client.post(path, {"is_hidden": "false"})

    def delete(self, *, external_id: str) -> None:
        """Only what is ours: a page may delete what others write below its posts, but to them that is no answer."""
        raw = self._client.get(at(external_id), fields="id,from")
        if not self._is_ours(raw):
            raise not_ours("post")
        self._client.delete(at(external_id))

    def _upload(self, picture: Picture) -> str:
        """A picture that nobody sees yet. Whatever becomes of it, nothing was said in public."""
        try:
            answer = self._client.post(
                at(self._page_id, "photos"),
                {"published": "false", "alt_text_custom": picture.alt},
                {"source": (f"picture.{picture.media_type.partition('/')[2]}", picture.content, picture.media_type)},
            )
        except NetworkError as error:
            if not error.outcome_unknown:
                raise
            raise NetworkError(str(error), retryable=True, code=error.code) from None
        photo_id = id_of(answer.get("id"))
        if not photo_id:
            raise NetworkError("The network did not keep the picture.", retryable=True, code="unreadable_answer")
        return photo_id

    def _answers(self, external_id: str, since: datetime) -> Iterator[Any]:
        """What stands below a post or comment. What answers an answer may be put below the same comment as that."""
        raws: list[Any] = []
        for page in comment_pages(self._client, external_id):
            raws.extend(page)
            if not goes_on(page, "created_time", since.replace(microsecond=0)):
                break
        yield from raws
        if self._is_post(external_id):
            return
        try:
            raw = self._client.get(at(external_id), fields=COMMENT_FIELDS)
        except NetworkError as error:
            if error.code != "refused":
                raise
            return  # a post at a place of somebody's own: it has none of a comment's fields
        parent_id = id_of(object_of(raw.get("parent")).get("id"))
        if parent_id and parent_id != external_id:
            yield from self._answers(parent_id, since)

    def _own_posts(self, since: datetime) -> Iterator[Any]:
        fields = "id,message,from,created_time,permalink_url"
        for page in self._client.pages(at(self._page_id, "feed"), fields=fields, limit=PAGE):
            yield from page
            if not goes_on(page, "created_time", since.replace(microsecond=0)):
                return

    def _is_post(self, external_id: str) -> bool:
        return external_id.startswith(f"{self._page_id}_")

    def _is_ours(self, raw: dict[str, Any]) -> bool:
        return id_of(object_of(raw.get("from")).get("id")) == self._page_id
