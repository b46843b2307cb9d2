"""The speaking side: answers that name whom they answer, private messages that only those see whom they name, boosts and likes.

Mastodon remembers an Idempotency-Key for an hour; afterwards what we wrote is found among our own statuses, so no retry posts twice.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from django.core.cache import caches

from socialdesk.networks.base import AccountConfig, Film, NetworkError, Picture, Sent
from socialdesk.networks.mastodon.client import Client, part_of_path
from socialdesk.networks.mastodon.entities import Us, full_text, identity, is_direct, mentioned, moment, said_text, without_names, words
from socialdesk.networks.mastodon.media import hand_over
from socialdesk.networks.mastodon.server import MENTION, length, names

PAGES = 25  # of our own statuses that are looked through, 40 on each
CLAIMED = 7 * 24 * 3600  # seconds


class MastodonPublisher:
    """Writes as one account. See Publisher."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config, is_for_answers=True)

    def reply(self, *, in_reply_to: str, text: str, token: str, pictures: Sequence[Picture] = (), film: Film | None = None) -> Sent:
        if pictures and film:
            raise NetworkError("An answer carries pictures or a film, not both.", permanent=True, code="film_and_pictures")
        parent = self._client.read(lambda api: api.status(part_of_path(in_reply_to)))
        if identity(parent.get("id")) != in_reply_to:
            raise NetworkError(f"{self._client.host} did not show what is answered.", retryable=True, code="unreadable_answer")
        visibility = words(parent.get("visibility"))
        if visibility == "direct":
            raise NetworkError("What it answers was written privately. Answer it privately.", permanent=True, code="private")
        account = parent.get("account")
        author = account if isinstance(account, Mapping) else {}
        named = "" if identity(author.get("id")) == self._client.our_id else words(author.get("acct"))
        full = self._naming(named, text)
        media_ids = hand_over(self._client, [film] if film else pictures, token)
        # As narrow as what it answers: a public answer would show to all what somebody said to their followers, or to their server, or
        # to whom it does not say.
        seen_by = visibility if visibility in ("public", "unlisted") else "private"
        return self._receipt(self._post(full, token, visibility=seen_by, in_reply_to_id=in_reply_to, media_ids=media_ids or None))

    def direct_message(self, *, to: str, text: str, token: str, about: str = "") -> Sent:
        """Refused where the text names anybody else: the server would show it to them too."""
        there = self._client.id_of_person(to)
        account = self._client.read(lambda api: api.account(there))
        acct = words(account.get("acct"))
        if not acct:
            raise NetworkError("The server does not say what this account is called.", permanent=True, code="nameless")
        others = [name for name in names(text) if not self._is_name_of(acct, name)]
        if others:
            name = "@".join(part for part in others[0] if part)
            raise NetworkError(
                f"A private message on Mastodon is shown to everybody whom it names. Leave out the @ before {name}.",
                permanent=True,
                code="names_others",
            )
        if account.get("suspended") is True:
            raise NetworkError("The server has shut this account and shows it nothing.", permanent=True, code="suspended")
        under = about if about and self._is_there(about) else None
        status = self._post(self._naming(acct, text), token, visibility="direct", in_reply_to_id=under)
        sent = self._receipt(status)
        if isinstance(status.get("mentions"), list) and all(identity(person.get("id")) != there for person in mentioned(status)):
            with suppress(NetworkError):  # nobody sees it but us
                self.delete(external_id=sent.external_id)
            raise NetworkError(f"The server does not know whom @{acct[:100]} means, so they got nothing.", permanent=True, code="not_told")
        return sent

    def find(self, *, token: str, text: str, in_reply_to: str = "", to: str = "", repost_of: str = "", since: datetime) -> Sent | None:
        if len([place for place in (in_reply_to, to, repost_of) if place]) > 1:
            raise ValueError("find needs at most one of in_reply_to, to and repost_of")
        there = self._client.id_of_person(to) if to else ""
        for status in self._own(since):
            if self._is_it(status, text=text, in_reply_to=in_reply_to, to=there, repost_of=repost_of):
                found = self._receipt(status)
                # The same words may have been sent twice, each time on purpose.
                if repost_of or caches["kept"].get_or_set(self._claim(found), token, timeout=CLAIMED) == token:
                    return found
        return None

    def follows_us(self, external_id: str) -> bool:
        there = self._client.id_of_person(external_id)
        said = self._client.read_list(lambda api: api.account_relationships([there]))
        ours = [each for each in said if isinstance(each, Mapping) and identity(each.get("id")) == there]
        return any(relation.get("followed_by") is True for relation in ours)

    def repost(self, *, external_id: str, token: str) -> Sent:
        """A second boost of the same status gives the first one: the server makes one only."""
        return self._receipt(self._client.write(lambda api: api.status_reblog(part_of_path(external_id))))

    def post(self, *, text: str, token: str) -> Sent:
        return self._receipt(self._post(self._naming("", text), token, visibility="public"))

    def like(self, *, external_id: str, token: str) -> None:
        self._client.write(lambda api: api.status_favourite(part_of_path(external_id)))

    def unlike(self, *, external_id: str) -> None:
        liked = part_of_path(external_id)
        try:
            self._client.write(lambda api: api.status_unfavourite(liked))
        except NetworkError as error:
            if error.code != "not_found":  # what is gone took our like with it
                raise

    def hide(self, *, external_id: str) -> None:
        raise _no_hiding()

    def unhide(self, *, external_id: str) -> None:
        raise _no_hiding()

    def delete(self, *, external_id: str) -> None:
        """Only what is ours. Deleting again is no error."""
        ours = part_of_path(external_id)
        try:
            self._client.write(lambda api: api.status_delete(ours))
        except NetworkError as error:
            if error.code != "not_found":
                raise
            if self._is_there(external_id):  # the server says of what others wrote that it is not there
                raise NetworkError("That is not ours, so it cannot be deleted.", permanent=True, code="forbidden") from error

    def _post(self, text: str, token: str, **given: Any) -> Mapping[str, Any]:
        status = self._client.write(lambda api: api.status_post(text, idempotency_key=token, **given))
        caches["kept"].set(self._claim(self._receipt(status)), token, timeout=CLAIMED)
        return status

    def _claim(self, sent: Sent) -> str:
        """Where is kept with which token something was sent: the server does not tell."""
        return f"mastodon:sent:{self._client.host}:{sent.external_id}"

    def _naming(self, acct: str, text: str) -> str:
        """`text` with the name of whom it is for, who would not be told of it otherwise. Refuses what is too long with it."""
        is_named = not acct or any(self._is_name_of(acct, name) for name in names(text))
        full = text if is_named else f"@{acct} {text}"
        limits = self._client.limits()
        if limits is not None:
            bound = limits.characters if acct and is_named else limits.of_text
            size = length(text, limits)
            if size > bound or length(full, limits) > limits.characters:
                raise NetworkError(
                    f"The text has {size} characters as this server counts them; {bound} are allowed.", permanent=True, code="too_long"
                )
        return full

    def _is_name_of(self, acct: str, name: tuple[str, str]) -> bool:
        user, _, domain = acct.lower().partition("@")
        ours = self._client.domain
        return (user, domain or ours) == (name[0], name[1] or ours)

    def _own(self, since: datetime) -> Iterator[Mapping[str, Any]]:
        """Our own statuses since then, newest first. Raises NetworkError where there are more than can be looked through."""
        oldest: str | None = None
        asked = since
        for _ in range(PAGES):
            said = self._page_before(oldest)
            since = self._client.by_their_clock(asked)
            page = [status for status in said if isinstance(status, Mapping) and identity(status.get("id"))]
            times = [at for status in page if (at := moment(status.get("created_at"))) is not None]
            yield from (status for status in page if (moment(status.get("created_at")) or since) >= since)
            if not said or (times and min(times) < since):
                return
            last = identity(page[-1].get("id")) if page else oldest
            if last == oldest:
                break
            oldest = last
        raise NetworkError("We wrote more than the desk can look through since then.", code="too_many")

    def _page_before(self, oldest: str | None) -> list[Any]:
        path = f"/api/v1/accounts/{part_of_path(self._client.our_id)}/statuses"
        return self._client.get_list(path, {"limit": 40} | ({"max_id": oldest} if oldest else {}))

    def _is_it(self, status: Mapping[str, Any], *, text: str, in_reply_to: str, to: str, repost_of: str) -> bool:
        original = status.get("reblog")
        if repost_of or isinstance(original, Mapping):
            return bool(repost_of) and isinstance(original, Mapping) and identity(original.get("id")) == repost_of
        if is_direct(status) != bool(to):
            return False
        people = mentioned(status)
        if to and not any(identity(person.get("id")) == to for person in people):
            return False
        if not to and identity(status.get("in_reply_to_id")) != in_reply_to:
            return False
        # What is named in front was put there by us, or by whoever wrote it by hand; either way it is the same answer.
        known = {name if "@" in name else f"{name}@{self._us.domain}" for person in people if (name := words(person.get("acct")))}
        seen, sent = without_names(full_text(status, self._us), known, self._us), without_names(text, known, self._us)
        return _same(said_text(status, self._us), text) or _same(seen, sent)

    @cached_property
    def _us(self) -> Us:
        return Us(self._client.our_id, self._client.config.username, self._client.domain)

    def _is_there(self, external_id: str) -> bool:
        try:
            self._client.read(lambda api: api.status(part_of_path(external_id)))
        except NetworkError as error:
            if error.code == "not_found":
                return False
            raise
        return True

    def _receipt(self, status: Mapping[str, Any]) -> Sent:
        external_id = identity(status.get("id"))
        if not external_id:
            raise NetworkError(f"{self._client.host} did not say what it made of it.", code="unreadable_answer")
        url = words(status.get("url")) or words(status.get("uri"))
        return Sent(external_id, url, moment(status.get("created_at")) or datetime.now(UTC))


def _no_hiding() -> NetworkError:
    return NetworkError("Mastodon has no hiding of what others wrote.", permanent=True, code="cannot_hide")


def _same(seen: str, sent: str) -> bool:
    """Whether the server shows this text for that one: it changes spaces, empty lines and how people are named."""
    return _bare(seen) == _bare(sent)


def _bare(text: str) -> str:
    named = MENTION.sub(lambda found: f"@{found[1].lower()}", unicodedata.normalize("NFC", text))
    return re.sub(r"\s+", " ", named).strip()
