"""The speaking side of the sandbox. It knows no idempotency: what is sent twice is posted twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from socialdesk.lib import text as texts
from socialdesk.networks.base import Capabilities, Film, Picture, Sent
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.pictures import keep_pictures
from socialdesk.networks.sandbox.records import Account, Message, Post, Refused

CAPABILITIES = Capabilities(
    reads=("posts that name the account", "answers to it", "private messages to it"),
    backfill=True,
    reads_direct_messages=True,
    reply=True,
    direct_message=True,
    follow_first=True,
    repost=True,
    post=True,
    like=True,
    hide=True,
    delete=True,
    max_length=500,
    max_message_length=2000,
    length_unit="codepoints",
    context=True,
    tells_threads=True,
    max_pictures=4,
    max_picture_bytes=1_000_000,
    max_film_bytes=20_000_000,
    max_film_seconds=140,
    max_picture_alt=1000,
    max_film_alt=1000,
    idempotency="lookup",
    cost="Nothing: it is a network of this machine, with people who play along.",
    finds_deleted=True,
    tells_deletions=True,
    tells_edits=True,
)

PICTURE_TYPES = ("image/jpeg", "image/png", "image/webp")


class SandboxPublisher:
    """Writes as one account of the sandbox. See Publisher."""

    def __init__(self, client: Client, *, admits_strangers: bool = False) -> None:
        """`admits_strangers`: posts that were never written here, but pushed or imported as ours, can be answered and reposted too."""
        self._client = client
        self._admits_strangers = admits_strangers
        self._world = client.world

    def reply(self, *, in_reply_to: str, text: str, token: str, pictures: Sequence[Picture] = (), film: Film | None = None) -> Sent:
        def write() -> Post:
            _check_length(text, CAPABILITIES.max_length)
            if len(pictures) > CAPABILITIES.max_pictures:
                raise Refused("too_many_pictures", f"at most {CAPABILITIES.max_pictures} pictures are taken")
            if not in_reply_to:
                raise Refused("not_found", "a reply needs the id of the post that it answers")
            if self._admits_strangers:
                self._world.admit(in_reply_to)
            for picture in pictures:
                _check_picture(picture)
            if film is not None:
                _check_film(film, pictures)
            carried = [film] if film else pictures
            with self._world.store.transaction():
                post = self._world.publish(self._us.username, text, in_reply_to=in_reply_to, token=token, media=bool(carried))
                keep_pictures(self._world, post, carried)
            return post

        return _receipt(self._client.write(write))

    def direct_message(self, *, to: str, text: str, token: str, about: str = "") -> Sent:
        """Refused as `not_following` unless the person follows us or has written to us privately."""

        def write() -> Message:
            _check_length(text, CAPABILITIES.max_message_length)
            us, recipient = self._us, self._account(to)
            if not (self._world.follows_by_id(to, us.id) or self._world.wrote_to(to, us.id)):
                raise Refused("not_following", f"@{recipient.username} must follow @{us.username} before a private message can be sent")
            return self._world.send_message(us, recipient, text, token=token)

        return _receipt(self._client.write(write))

    def find(self, *, token: str, text: str, in_reply_to: str = "", to: str = "", repost_of: str = "", since: datetime) -> Sent | None:
        """By token, and among what was written by hand (which bears no token) by text. A deleted reply was sent all the same."""
        if len([place for place in (in_reply_to, to, repost_of) if place]) > 1:
            raise ValueError("find needs at most one of in_reply_to, to and repost_of")

        def look() -> Post | Message | None:
            if to:
                return self._world.find_message(self._us, token=token, text=text, to=to, since=since)
            if repost_of:
                return self._world.find_repost(self._us, repost_of, token=token)
            return self._world.find_reply(self._us, token=token, text=text, in_reply_to=in_reply_to, since=since)

        found = self._client.look_up(look)
        return None if found is None else _receipt(found)

    def follows_us(self, external_id: str) -> bool:
        return self._client.look_up(lambda: self._world.follows_by_id(external_id, self._us.id))

    def repost(self, *, external_id: str, token: str) -> Sent:
        """Reposting what we have reposted gives the receipt of the first time."""

        def write() -> Post:
            with self._world.store.transaction():
                if self._admits_strangers:
                    self._world.admit(external_id)
                done = self._world.find_repost(self._us, external_id)
                return done or self._world.publish(self._us.username, "", repost_of=external_id, token=token)

        return _receipt(self._client.write(write))

    def post(self, *, text: str, token: str) -> Sent:
        def write() -> Post:
            _check_length(text, CAPABILITIES.max_length)
            return self._world.publish(self._us.username, text, token=token)

        return _receipt(self._client.write(write))

    def like(self, *, external_id: str, token: str) -> None:
        self._client.write(lambda: self._world.like(self._us.username, external_id))

    def unlike(self, *, external_id: str) -> None:
        self._client.write(lambda: self._world.unlike(self._us.username, external_id))

    def hide(self, *, external_id: str) -> None:
        self._client.write(lambda: self._world.hide(external_id))

    def unhide(self, *, external_id: str) -> None:
        self._client.write(lambda: self._world.unhide(external_id))

    def delete(self, *, external_id: str) -> None:
        """Only what is ours; refused as `forbidden` otherwise. Deleting again is no error."""

        def write() -> None:
            post = self._world.post(external_id)
            if post is None:
                raise Refused("not_found", f"there is no post {external_id}")
            if post.author.id != self._us.id:
                raise Refused("forbidden", f"post {external_id} is not ours")
            self._world.delete(external_id)

        self._client.write(write)

    @property
    def _us(self) -> Account:
        return self._client.account

    def _account(self, account_id: str) -> Account:
        account = self._world.account_by_id(account_id)
        if account is None:
            raise Refused("not_found", f"there is no account {account_id}")
        return account


def _check_length(text: str, limit: int) -> None:
    length = texts.length(text, CAPABILITIES.length_unit)
    if length > limit:
        raise Refused("too_long", f"the text has {length} characters, {limit} are allowed")


def _check_film(film: Film, pictures: Sequence[Picture]) -> None:
    if pictures:
        raise Refused("bad_film", "a film is taken alone, without pictures")
    if film.media_type != "video/mp4" or not 0 < len(film.content) <= CAPABILITIES.max_film_bytes:
        raise Refused("bad_film", f"a film is an MP4 of 1 to {CAPABILITIES.max_film_bytes:,} bytes, not {len(film.content):,}")
    if film.seconds > CAPABILITIES.max_film_seconds:
        raise Refused("bad_film", f"a film has at most {CAPABILITIES.max_film_seconds} seconds")
    _check_alt(film.alt, CAPABILITIES.max_film_alt)


def _check_picture(picture: Picture) -> None:
    if picture.media_type not in PICTURE_TYPES:
        raise Refused("bad_picture", f"pictures of type {picture.media_type} are not taken")
    if not 0 < len(picture.content) <= CAPABILITIES.max_picture_bytes:
        raise Refused("bad_picture", f"a picture has 1 to {CAPABILITIES.max_picture_bytes:,} bytes, not {len(picture.content):,}")
    _check_alt(picture.alt, CAPABILITIES.max_picture_alt)


def _check_alt(words: str, limit: int) -> None:
    if len(words) > limit:
        raise Refused("too_long", f"the description has {len(words)} characters, {limit} are allowed")


def _receipt(written: Post | Message) -> Sent:
    at = written.posted_at if isinstance(written, Post) else written.sent_at
    return Sent(written.id, written.url, at)
