"""What is embedded in a post: pictures, films, a link's card, another post. As the app view shows it, or as it stands in the record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from django.conf import settings

from socialdesk.networks.base import MediaData, QuoteData
from socialdesk.networks.bluesky.texts import full_text
from socialdesk.networks.bluesky.values import POST, items, part, split_uri, words

MOST_MEDIA = 20
_KIND = "app.bsky.embed."


def web_address(uri: str) -> str:
    """Where people see a post. By its author's DID, which stays when they change their name."""
    whose, collection, key = split_uri(uri) or ("", "", "")
    return f"{settings.BLUESKY_WEB}/profile/{whose}/post/{key}" if collection == POST else ""


def read_media(embed: Any, did: str) -> tuple[MediaData, ...]:
    """`did` is whose post it is: in a record stand only marks of pictures, which the network serves by their owner."""
    return tuple(_media(embed, did))[:MOST_MEDIA]


def read_quote(embed: Any) -> QuoteData | None:
    kind = _kind(embed)
    if kind.startswith("recordWithMedia"):
        return read_quote(part(embed).get("record"))
    if not kind.startswith("record"):
        return None
    quoted = part(part(embed).get("record"))
    uri = words(quoted.get("uri"))
    whose = split_uri(uri)
    if whose is None or whose[1] != POST:  # a list, a feed, a starter pack
        return None
    return QuoteData(uri, author=handle_of(quoted.get("author")), text=full_text(part(quoted.get("value"))), url=web_address(uri))


def read_card(embed: Any) -> str:
    """The address of the page that a post shows a card of."""
    kind = _kind(embed)
    if kind.startswith("recordWithMedia"):
        return read_card(part(embed).get("media"))
    uri = words(part(part(embed).get("external")).get("uri")) if kind.startswith("external") else ""
    return uri[:2000] if uri.startswith(("http://", "https://")) else ""


def handle_of(author: Any) -> str:
    """A name that is no longer theirs is given as handle.invalid."""
    handle = words(part(author).get("handle")).removeprefix("@")
    return "" if handle == "handle.invalid" else handle[:253]


def _kind(embed: Any) -> str:
    return words(part(embed).get("$type")).removeprefix(_KIND)


def _media(embed: Any, did: str) -> Iterator[MediaData]:
    kind, given = _kind(embed), part(embed)
    if kind.startswith("recordWithMedia"):
        yield from _media(given.get("media"), did)
    elif kind.startswith("images"):
        for image in items(given.get("images"))[:MOST_MEDIA]:
            url = words(part(image).get("fullsize")) or _served(part(image).get("image"), did)
            if url:
                yield MediaData("image", url, words(part(image).get("alt")))
    elif kind.startswith("video"):
        url, still = words(given.get("playlist")), words(given.get("thumbnail"))
        if not url and (cid := _cid(given.get("video"))):
            folder = f"{settings.BLUESKY_VIDEO}/watch/{quote(did, safe='')}/{cid}"
            url, still = f"{folder}/playlist.m3u8", f"{folder}/thumbnail.jpg"
        if url:
            yield MediaData("video", url, words(given.get("alt")), still)


def _served(blob: Any, did: str) -> str:
    cid = _cid(blob)
    return f"{settings.BLUESKY_CDN}/img/feed_fullsize/plain/{did}/{cid}@jpeg" if cid else ""


def _cid(blob: Any) -> str:
    given = words(part(part(blob).get("ref")).get("$link")) or words(part(blob).get("cid"))
    return given if given.isascii() and given.isalnum() and len(given) < 200 else ""
