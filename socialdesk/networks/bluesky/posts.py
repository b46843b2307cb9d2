"""Posts and messages as the desk's data classes: any of their fields may be missing, empty or of another type."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from socialdesk.networks.base import AuthorData, MessageData, PostData, Unreadable
from socialdesk.networks.bluesky.embeds import handle_of, read_card, read_media, read_quote, web_address
from socialdesk.networks.bluesky.texts import full_text
from socialdesk.networks.bluesky.values import NETWORK, POST, count, is_did, items, moment, part, split_uri, words

Entry = PostData | MessageData | Unreadable
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
_WARNINGS = {
    "porn": "Adult content",
    "sexual": "Suggestive content",
    "nudity": "Nudity",
    "graphic-media": "Graphic content",
    "gore": "Graphic content",
    "!warn": "The network's moderators warn of this post",
}


class _Unfit(Exception):
    """The entry is none as the network describes it."""


def read_view(view: Any, people: Mapping[str, AuthorData] | None = None) -> PostData | Unreadable:
    """A post as an app view shows it. `people` are authors of whom more is known, by DID."""
    given = part(view)
    record, uri = part(given.get("record")), words(given.get("uri"))
    # The view shows what the record only names.
    embed = given.get("embed") or record.get("embed")
    return read_post(
        uri, record, given.get("author"), indexed_at=given.get("indexedAt"), embed=embed, labels=given.get("labels"), people=people
    )


def read_post(
    uri: str,
    record: Mapping[str, Any],
    author: Any,
    *,
    indexed_at: Any,
    embed: Any = None,
    labels: Any = None,
    people: Mapping[str, AuthorData] | None = None,
) -> PostData | Unreadable:
    try:
        return _read(uri, record, author, indexed_at, embed, labels, people or {})
    except _Unfit as unfit:
        return Unreadable(f"Bluesky sent {unfit}.", uri[:200])
    except Exception as error:  # whatever a stranger's program makes of a field: one entry never costs the others
        return Unreadable(f"A post could not be read ({type(error).__name__}).", uri[:200])


def read_repost(item: Any, people: Mapping[str, AuthorData]) -> PostData | Unreadable:
    """An entry of a feed that stands there because somebody reposted it."""
    reason, original = part(part(item).get("reason")), words(part(part(item).get("post")).get("uri"))
    uri, at = words(reason.get("uri")), moment(reason.get("indexedAt"))
    try:
        author = read_author(reason.get("by"), people)
    except _Unfit as unfit:
        return Unreadable(f"Bluesky sent {unfit}.", uri[:200])
    if at is None or split_uri(uri) is None or split_uri(original) is None:
        return Unreadable("Bluesky sent a repost without an address or a time.", uri[:200])
    return PostData(NETWORK, uri, "", author, at, url=web_address(original), repost_of=original)


def read_author(author: Any, people: Mapping[str, AuthorData] | None = None) -> AuthorData:
    """Raises _Unfit, inside this module. What was looked up says more than what stands beside a post."""
    given = part(author)
    did = words(given.get("did"))
    if not is_did(did):
        raise _Unfit("a post whose author has no DID")
    if people and did in people:
        return people[did]
    return read_profile(given, did)


def read_profile(given: Mapping[str, Any], did: str) -> AuthorData:
    handle = handle_of(given)
    viewer, allows = part(given.get("viewer")), words(part(part(given.get("associated")).get("chat")).get("allowIncoming"))
    follows_us: bool | None = True if words(viewer.get("followedBy")) else None
    if viewer and follows_us is None and allows != "all":  # whoever takes messages of all need not follow us
        follows_us = False
    return AuthorData(
        external_id=did,
        username=handle or did,
        display_name=words(given.get("displayName"))[:200],
        followers=count(given.get("followersCount")),
        url=f"{settings.BLUESKY_WEB}/profile/{did}",
        follows_us=follows_us,
        bio=words(given.get("description"))[:1000],
    )


def read_message(given: Any, them: AuthorData, our_did: str) -> MessageData | Unreadable:
    """`them` is the other side of the conversation, whoever wrote it."""
    message = part(given)
    external_id, at = words(message.get("id"))[:200], moment(message.get("sentAt"))
    sender = words(part(message.get("sender")).get("did"))
    try:
        if not external_id or at is None or not isinstance(message.get("text"), str):
            raise _Unfit("a message without an id, a text or a time")
        if sender not in (our_did, them.external_id):
            raise _Unfit("a message of somebody else")
        text = full_text(message)
        quoted = read_quote(message.get("embed"))
        if quoted and quoted.url:
            text = f"{text}\n{quoted.url}".strip()
    except _Unfit as unfit:
        return Unreadable(f"Bluesky sent {unfit}.", external_id)
    except Exception as error:
        return Unreadable(f"A message could not be read ({type(error).__name__}).", external_id)
    return MessageData(NETWORK, external_id, text, them, at, outgoing=sender == our_did)


def deleted_post(uri: str) -> PostData:
    """Whose it was says its address; their name is not kept for this."""
    did = (split_uri(uri) or ("",))[0]
    return PostData(NETWORK, uri, "", AuthorData(did, did), datetime.now(UTC), deleted=True)


def _read(
    uri: str, record: Mapping[str, Any], author: Any, indexed_at: Any, embed: Any, labels: Any, people: Mapping[str, AuthorData]
) -> PostData:
    address = split_uri(uri)
    if address is None or address[1] != POST:
        raise _Unfit("a post without an address")
    if not isinstance(record.get("text"), str | None):
        raise _Unfit("a post whose text is none")
    written, seen = moment(record.get("createdAt")), moment(indexed_at)
    times = [at for at in (written, seen) if at is not None]
    if not times:
        raise _Unfit("a post without a time")
    writer = read_author(author, people)
    if writer.external_id != address[0]:
        raise _Unfit("a post whose author is not whose it is")
    text, card = full_text(record), read_card(embed)
    if card and card not in text:
        text = f"{text}\n{card}".strip()
    parent = words(part(part(record.get("reply")).get("parent")).get("uri"))
    return PostData(
        network=NETWORK,
        external_id=uri,
        text=text,
        author=writer,
        posted_at=min(times),  # as the network itself orders them: a clock that is ahead puts nothing into the future
        url=web_address(uri),
        in_reply_to=parent if split_uri(parent) else "",
        language=_language(record.get("langs")),
        media=read_media(embed, address[0]),
        quote=read_quote(embed),
        warning=_warning([*items(part(record.get("labels")).get("values")), *items(labels)]),
    )


def _language(given: Any) -> str:
    first = words(items(given)[0]) if items(given) else ""
    return first if _LANGUAGE.fullmatch(first) and len(first) <= 35 else ""


def _warning(labels: list[Any]) -> str:
    named = (_WARNINGS.get(words(part(label).get("val")), "") for label in labels if not part(label).get("neg"))
    return ", ".join(dict.fromkeys(word for word in named if word))
