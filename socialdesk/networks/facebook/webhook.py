"""Meta's signed calls to the desk, for pages and for Instagram accounts: checked over the very bytes, then read.

What they tell is thin, and unknown kinds of it are passed over; reading completes it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from django.conf import settings

from socialdesk.lib.clock import now
from socialdesk.networks.base import AccountConfig, AuthorData, Batch, Hook, HookRefused, MediaData, MessageData, PostData
from socialdesk.networks.facebook import media
from socialdesk.networks.facebook.mentioned import note_mention
from socialdesk.networks.facebook.messages import attachment_kinds, describe
from socialdesk.networks.facebook.posts import read_author
from socialdesk.networks.facebook.timeline import Entry, Found
from socialdesk.networks.facebook.values import (
    Nonsense,
    attempt,
    id_of,
    link_of,
    list_of,
    media_of,
    moment_of,
    need_id,
    object_of,
    text_of,
)

_WRITTEN = ("add", "edit", "edited", "update")
_REMOVED = ("remove", "delete")
_POSTS = ("post", "status", "photo", "video", "share", "link", "album", "note")


@dataclass(frozen=True, slots=True)
class MetaWebhook:
    """See Webhook. `about` is what Meta calls the kind of account that its calls are about."""

    network: Literal["facebook", "instagram"]
    about: Literal["page", "instagram"]

    def challenge(self, query: Mapping[str, str]) -> str:
        token = settings.FACEBOOK_VERIFY_TOKEN
        given = query.get("hub.verify_token", "")
        if not token or query.get("hub.mode") != "subscribe" or not hmac.compare_digest(given.encode(), token.encode()):
            raise HookRefused("The verify token is not the one that this desk was given.")
        challenge = query.get("hub.challenge", "")
        if not (challenge.isascii() and challenge.isalnum()):  # it is shown as it came, so nothing else may be in it
            raise HookRefused("The challenge is none that the network would send.")
        return challenge

    def read(self, *, headers: Mapping[str, str], body: bytes) -> Sequence[Hook]:
        check_signature(headers.get("x-hub-signature-256", ""), body)
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            raise HookRefused("The call is no JSON.") from None
        if not isinstance(told, dict) or told.get("object") != self.about:
            return []
        hooks = []
        for entry in map(object_of, list_of(told.get("entry"))):
            account_id = id_of(entry.get("id"))
            if account_id:
                hooks.append(Hook(account_id, self._read_entry(account_id, entry)))
        return hooks

    def _read_entry(self, account_id: str, entry: dict[str, Any]) -> Batch:
        at = moment_of(entry.get("time")) or now()
        found = Found()
        change = _page_change if self.network == "facebook" else _instagram_change
        for raw in list_of(entry.get("changes")):
            # Read whatever comes: one nonsensical change costs no other.
            _attempt(found, raw, lambda raw: change(raw, account_id, at))
        for raw in [*list_of(entry.get("messaging")), *list_of(entry.get("standby"))]:
            _attempt(found, raw, lambda raw: _message(raw, account_id, self.network))
        items = [one.item for one in found.entries]
        return Batch(
            posts=tuple(item for item in items if isinstance(item, PostData)),
            messages=tuple(item for item in items if isinstance(item, MessageData)),
            unreadable=tuple(bad.said for bad in found.bad),
        )


FACEBOOK_WEBHOOK = MetaWebhook("facebook", "page")
INSTAGRAM_WEBHOOK = MetaWebhook("instagram", "instagram")


def check_signature(given: str, body: bytes) -> None:
    """Raises HookRefused unless Meta, or who else has our app's secret, wrote exactly this."""
    secret = settings.FACEBOOK_APP_SECRET
    if not secret:
        raise HookRefused("This desk has no app secret, so that nobody can sign a call to it.")
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise HookRefused("The signature does not fit the call.")


class _Ignored(Exception):
    """Nothing that a desk needs to know."""


def _attempt(found: Found, raw: Any, read: Callable[[dict[str, Any]], Entry]) -> None:
    try:
        entry = attempt(found, raw, read)
    except _Ignored:
        return
    if entry is not None:
        found.entries.append(entry)


# --- Pages --------------------------------------------------------------------------------------------------------------


def _page_change(raw: dict[str, Any], page_id: str, told_at: datetime) -> Entry:
    value = object_of(raw.get("value"))
    if raw.get("field") == "mention":
        author = {"id": value.get("sender_id"), "name": value.get("sender_name")}
        value = {"from": {name: said for name, said in author.items() if said}, "item": "post", **value}
    elif raw.get("field") != "feed":
        raise _Ignored
    item, verb = value.get("item"), value.get("verb")
    if verb not in _WRITTEN + _REMOVED or (item != "comment" and item not in _POSTS) or value.get("published") in (0, False):
        raise _Ignored
    post_id = id_of(value.get("post_id"))
    external_id = need_id(value.get("comment_id") if item == "comment" else post_id, f"a {item} that a webhook told of")
    posted_at = moment_of(value.get("created_time")) or told_at
    post = PostData(
        network="facebook",
        external_id=external_id,
        text=text_of(value.get("message")),
        # The page's own name is not told with its id; who reads the call knows it.
        author=read_author(value.get("from"), of=external_id, page_id="", username=""),
        posted_at=posted_at,
        url=link_of(value.get("permalink_url")) or link_of(object_of(value.get("post")).get("permalink_url")),
        in_reply_to=(id_of(value.get("parent_id")) or post_id) if item == "comment" else "",
        media=_pictures(value),
    )
    if verb in _REMOVED:
        post = replace(post, text="", media=(), deleted=True)
    elif not post.text.strip() and not post.media:
        raise _Ignored  # a sticker, a shared link: reading brings what there is to see
    elif verb != "add":
        post = replace(post, edited_at=told_at)
    return Entry(posted_at, post)


def _pictures(value: dict[str, Any]) -> tuple[MediaData, ...]:
    links: list[Any] = [*list_of(value.get("photos")), value.get("photo")]
    if value.get("item") == "photo":
        links.append(value.get("link"))
    pictures = [medium for link in links for medium in media_of("image", link)]
    return tuple(dict.fromkeys([*pictures, *media_of("video", value.get("video"))]))


# --- Instagram ----------------------------------------------------------------------------------------------------------


def _instagram_change(raw: dict[str, Any], account_id: str, told_at: datetime) -> Entry:
    value = object_of(raw.get("value"))
    if raw.get("field") == "mentions":
        media_id, comment_id = id_of(value.get("media_id")), id_of(value.get("comment_id"))
        if media_id:
            note_mention(account_id, media_id, comment_id)
        raise _Ignored
    if raw.get("field") not in ("comments", "live_comments"):
        raise _Ignored
    config = AccountConfig("instagram", "", account_id)
    media_id = id_of(object_of(value.get("media")).get("id"))
    # It bears no time of its own: it was written when we are told, or a moment before.
    return media.read_comment({**value, "timestamp": told_at.isoformat()}, media_id=media_id, url="", config=config)


# --- Messages -----------------------------------------------------------------------------------------------------------


def _message(raw: dict[str, Any], account_id: str, network: str) -> Entry:
    message = object_of(raw.get("message"))
    if not message or message.get("is_deleted") is True:
        raise _Ignored  # read, delivered, reacted to
    external_id = need_id(message.get("mid"), "a message that a webhook told of")
    sent_at = moment_of(raw.get("timestamp")) or now()
    sender, recipient = id_of(object_of(raw.get("sender")).get("id")), id_of(object_of(raw.get("recipient")).get("id"))
    outgoing = message.get("is_echo") is True or sender == account_id
    them = recipient if outgoing else sender
    if not them:
        raise Nonsense("a message does not say whom it is from or to")
    text = text_of(message.get("text")) or describe(attachment_kinds(message))
    # Only an id is told. Reading brings the name, and what is known stays.
    return Entry(sent_at, MessageData(network, external_id, text, AuthorData(them, ""), sent_at, outgoing))
