"""The speaking side. Each record has a key made of the outbox's token, and is written only where none stands: a second try writes nothing.

Private messages have nothing of the kind; the desk looks for its own in the conversation before it sends one again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import caches

from socialdesk.networks.base import AccountConfig, Film, NetworkError, Picture, Sent
from socialdesk.networks.bluesky import keys
from socialdesk.networks.bluesky.chat import Chat
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.cursor import short
from socialdesk.networks.bluesky.embeds import handle_of, web_address
from socialdesk.networks.bluesky.reader import look_up_posts
from socialdesk.networks.bluesky.texts import text_of
from socialdesk.networks.bluesky.values import LIKE, POST, REPOST, is_did, items, moment, part, split_uri, stamp, words
from socialdesk.networks.bluesky.writing import (
    MESSAGE_BYTES,
    MESSAGE_LENGTH,
    POST_BYTES,
    POST_LENGTH,
    check_length,
    embed_film,
    embed_pictures,
    mark,
)

PAGES = 20  # of our own records or messages that are looked through
SKEW = timedelta(minutes=5)  # so far the clocks of our programs may differ
CLAIMED = 7 * 24 * 3600  # seconds


class BlueskyPublisher:
    """Writes as one account. See Publisher."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config, is_reading=False)
        self._chat = Chat(self._client)

    def reply(self, *, in_reply_to: str, text: str, token: str, pictures: Sequence[Picture] = (), film: Film | None = None) -> Sent:
        if pictures and film:
            raise NetworkError("An answer carries pictures or a film, not both.", permanent=True, code="film_and_pictures")
        check_length(text, most=POST_LENGTH, most_bytes=POST_BYTES)
        parent = self._post_at(in_reply_to)
        if part(parent.get("viewer")).get("replyDisabled") is True:
            raise NetworkError("Its author does not let us answer this post.", permanent=True, code="not_allowed")
        answered, author = part(parent.get("record")), part(parent.get("author"))
        root = part(part(answered.get("reply")).get("root"))
        refers = {"uri": in_reply_to, "cid": words(parent.get("cid"))}
        begun = {"uri": words(root.get("uri")), "cid": words(root.get("cid"))}
        more: dict[str, Any] = {"reply": {"root": begun if all(begun.values()) else refers, "parent": refers}}
        if languages := [each for each in items(answered.get("langs")) if isinstance(each, str)][:3]:
            more["langs"] = languages  # an answer is in the language that it answers
        known = {handle_of(author).lower(): words(author.get("did"))}
        return self._write_post(text, token, more, pictures=pictures, film=film, known=known)

    def post(self, *, text: str, token: str) -> Sent:
        check_length(text, most=POST_LENGTH, most_bytes=POST_BYTES)
        return self._write_post(text, token, {})

    def direct_message(self, *, to: str, text: str, token: str, about: str = "") -> Sent:
        check_length(text, most=MESSAGE_LENGTH, most_bytes=MESSAGE_BYTES)
        able = self._availability(to)
        convo_id = words(part(able.get("convo")).get("id"))
        if able.get("canChat") is not True and not convo_id:
            raise NetworkError("They take private messages only from those whom they follow.", permanent=True, code="not_allowed")
        if not convo_id:
            opened = self._client.query("chat.bsky.convo.getConvoForMembers", to_chat=True, members=[to])
            convo_id = words(part(opened.get("convo")).get("id"))
        if not convo_id:
            raise NetworkError("The server opened no conversation.", retryable=True, code="unreadable_answer")
        message: dict[str, Any] = {"text": text}
        # Names are left as text: to look each of them up could take longer than a worker has, and a message has no key that stops a second.
        if facets := mark(self._client, text, {}, most_names=0):
            message["facets"] = facets
        said = self._client.procedure("chat.bsky.convo.sendMessage", {"convoId": convo_id, "message": message}, to_chat=True)
        sent = _message_receipt(said, convo_id)
        caches["kept"].set(_claim(sent), token, timeout=CLAIMED)
        return sent

    def find(self, *, token: str, text: str, in_reply_to: str = "", to: str = "", repost_of: str = "", since: datetime) -> Sent | None:
        if repost_of:
            sent = self._record(REPOST, keys.key_for("repost", self._us, repost_of), shows=repost_of)
            sent = sent or self._by_hand(self._post_at(repost_of, is_needed=False), "repost", shows=repost_of)
            return sent if sent and sent.sent_at >= since else None
        if to:
            return self._find_message(text, to, since, token)
        sent = self._record(POST, self._key(token))
        if sent is not None:
            return sent if sent.sent_at >= since else None
        return self._find_post(text, in_reply_to, since)

    def follows_us(self, external_id: str) -> bool:
        if not is_did(external_id):
            return False
        said = self._client.query("app.bsky.graph.getRelationships", actor=self._us, others=[external_id])
        return any(
            bool(words(part(each).get("followedBy"))) for each in items(said.get("relationships")) if part(each).get("did") == external_id
        )

    def repost(self, *, external_id: str, token: str) -> Sent:
        view = self._post_at(external_id)
        if (sent := self._by_hand(view, "repost", shows=external_id)) is not None:
            return sent
        return self._write_subject(REPOST, keys.key_for("repost", self._us, external_id), view, external_id)

    def like(self, *, external_id: str, token: str) -> None:
        view = self._post_at(external_id)
        if self._by_hand(view, "like", shows=external_id) is None:  # what the post shows may have been taken back just now
            self._write_subject(LIKE, keys.key_for("like", self._us, external_id), view, external_id)

    def unlike(self, *, external_id: str) -> None:
        """The desk's own like has a known key. The key of one that was made by hand is told by the post, where we are shown it."""
        if split_uri(external_id) is None:
            raise NetworkError("That is no address of a post.", permanent=True, code="not_found")
        ours = keys.key_for("like", self._us, external_id)
        self._remove(LIKE, ours)
        # Only now: of several likes the post shows the first one that there is.
        view = self._post_at(external_id, is_needed=False)
        whose, collection, key = split_uri(part(view.get("viewer")).get("like")) or ("", "", "")
        if (whose, collection) == (self._us, LIKE) and key != ours:
            self._remove(LIKE, key)

    def hide(self, *, external_id: str) -> None:
        raise _no_hiding()

    def unhide(self, *, external_id: str) -> None:
        raise _no_hiding()

    def delete(self, *, external_id: str) -> None:
        """What is gone already is no error there."""
        whose, collection, key = split_uri(external_id) or ("", "", "")
        if whose != self._us or collection not in (POST, REPOST, LIKE):
            raise NetworkError("That is not ours, so it cannot be deleted.", permanent=True, code="forbidden")
        self._remove(collection, key)

    @property
    def _us(self) -> str:
        return self._client.our_did

    def _key(self, token: str) -> str:
        return keys.key_for("post", self._us, token)

    def _post_at(self, uri: str, *, is_needed: bool = True) -> Mapping[str, Any]:
        """The post as we see it. Raises NetworkError where it is not there: the network itself would let us answer nothing."""
        found = look_up_posts(self._client, [uri]).get(uri, {})
        if is_needed and not (words(found.get("cid")) and split_uri(uri)):
            raise NetworkError("That post is not there any more, or its author does not let us see it.", permanent=True, code="not_found")
        return found

    def _write_post(
        self,
        text: str,
        token: str,
        more: Mapping[str, Any],
        *,
        pictures: Sequence[Picture] = (),
        film: Film | None = None,
        known: Mapping[str, str] | None = None,
    ) -> Sent:
        record: dict[str, Any] = {"$type": POST, "text": text, **more}
        if facets := mark(self._client, text, known or {}):
            record["facets"] = facets
        if film:
            record["embed"] = embed_film(self._client, film)
        elif pictures:
            record["embed"] = embed_pictures(self._client, pictures)
        return self._write(POST, self._key(token), record, shows="")

    def _write_subject(self, collection: str, key: str, view: Mapping[str, Any], uri: str) -> Sent:
        record = {"$type": collection, "subject": {"uri": uri, "cid": words(view.get("cid"))}}
        return self._write(collection, key, record, shows=uri)

    def _write(self, collection: str, key: str, record: dict[str, Any], *, shows: str) -> Sent:
        at = datetime.now(UTC)
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        record["createdAt"] = stamp(at)
        # "Only where none stands": what an earlier try wrote stays as it was, and with it what others have answered to it.
        asked = {"repo": self._us, "collection": collection, "rkey": key, "record": record, "swapRecord": None}
        try:
            said = self._client.procedure("com.atproto.repo.putRecord", asked)
        except NetworkError as error:
            if error.code != "InvalidSwap":
                raise
            earlier = self._record(collection, key, shows=shows)
            if earlier is None:
                raise NetworkError("The server says that it has it, and does not show it.", code="unreadable_answer") from error
            return earlier
        uri = words(said.get("uri"))
        if split_uri(uri) is None:
            raise NetworkError("The server did not say what it made of it.", code="unreadable_answer")
        return Sent(uri, web_address(shows or uri), at)

    def _remove(self, collection: str, key: str) -> None:
        """Where there is no such record, the server does nothing."""
        self._client.procedure("com.atproto.repo.deleteRecord", {"repo": self._us, "collection": collection, "rkey": key})

    def _record(self, collection: str, key: str, *, shows: str = "") -> Sent | None:
        """The receipt of a record of ours; None where it is certainly not there: our own server keeps it."""
        try:
            said = self._client.query("com.atproto.repo.getRecord", repo=self._us, collection=collection, rkey=key)
        except NetworkError as error:
            if error.code == "not_found":
                return None
            raise
        return _receipt(said, shows)

    def _by_hand(self, view: Mapping[str, Any], what: str, *, shows: str) -> Sent | None:
        """The receipt of what we did to a post by whichever program."""
        whose, collection, key = split_uri(part(view.get("viewer")).get(what)) or ("", "", "")
        return self._record(collection, key, shows=shows) if whose == self._us else None

    def _find_post(self, text: str, in_reply_to: str, since: datetime) -> Sent | None:
        """What a person wrote with another program. Those give keys whose time is that of writing; the desk's own are found by token."""
        for said in self._own_posts(since - SKEW):
            record = part(said.get("value"))
            key = (split_uri(said.get("uri")) or ("", "", ""))[2]
            answers = words(part(part(record.get("reply")).get("parent")).get("uri"))
            if keys.is_ours(key) or answers != in_reply_to or not _same(text_of(record), text):
                continue
            sent = _receipt(said, "")
            if sent.sent_at >= since:
                return sent
        return None

    def _own_posts(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Our own records with keys since then, newest first. Raises NetworkError where there are more than can be looked through."""
        cursor = ""
        for _ in range(PAGES):
            said = self._client.query("com.atproto.repo.listRecords", repo=self._us, collection=POST, limit=100, cursor=cursor)
            records = [part(record) for record in items(said.get("records"))]
            for record in records:
                at = keys.time_of((split_uri(record.get("uri")) or ("", "", ""))[2])
                if at is not None and at < since:
                    return
                yield record
            cursor = words(said.get("cursor"))
            if not records or not cursor:
                return
        raise NetworkError("We wrote more than the desk can look through since then.", code="too_many")

    def _availability(self, did: str) -> Mapping[str, Any]:
        if not is_did(did):
            raise NetworkError("There is no such account.", permanent=True, code="not_found")
        return self._client.query("chat.bsky.convo.getConvoAvailability", to_chat=True, members=[did])

    def _find_message(self, text: str, to: str, since: datetime, token: str) -> Sent | None:
        convo_id = words(part(self._availability(to).get("convo")).get("id"))
        if not convo_id:
            return None  # we have never spoken
        cursor = ""
        for _ in range(PAGES):
            said = self._client.query("chat.bsky.convo.getMessages", to_chat=True, convoId=convo_id, limit=100, cursor=cursor)
            messages = [part(message) for message in items(said.get("messages"))]
            for message in messages:
                at = moment(message.get("sentAt"))
                if at is not None and at < since:
                    return None
                if part(message.get("sender")).get("did") == self._us and _same(text_of(message), text):
                    found = _message_receipt(message, convo_id)
                    # The same words may have been sent twice, each time on purpose.
                    if caches["kept"].get_or_set(_claim(found), token, timeout=CLAIMED) == token:
                        return found
            cursor = words(said.get("cursor"))
            if not messages or not cursor:
                return None
        raise NetworkError("More was said there than the desk can look through since then.", code="too_many")


def _no_hiding() -> NetworkError:
    return NetworkError("Bluesky hides nothing for us.", permanent=True, code="not_supported")


def _receipt(said: Mapping[str, Any], shows: str) -> Sent:
    uri, at = words(said.get("uri")), moment(part(said.get("value")).get("createdAt"))
    if split_uri(uri) is None or at is None:
        raise NetworkError("The server showed a record that cannot be read.", code="unreadable_answer")
    return Sent(uri, web_address(shows or uri), at)


def _message_receipt(said: Mapping[str, Any], convo_id: str) -> Sent:
    external_id, at = words(said.get("id")), moment(said.get("sentAt"))
    if not external_id or at is None:
        raise NetworkError("The server did not say what it made of the message.", code="unreadable_answer")
    return Sent(external_id, f"{settings.BLUESKY_WEB}/messages/{convo_id}", at)


def _claim(sent: Sent) -> str:
    """Where is kept with which token a message was sent: the network does not tell."""
    return f"bluesky:sent:{short(sent.external_id)}"


def _same(seen: str, sent: str) -> bool:
    return re.sub(r"\s+", " ", seen).strip() == re.sub(r"\s+", " ", sent).strip()
