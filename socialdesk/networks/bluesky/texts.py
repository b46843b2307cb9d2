"""The text of a post or message as people read it there: links in full, though their writer's program may have shortened them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from socialdesk.networks.bluesky.values import is_did, items, part, words

MOST_FACETS = 200
LINK, MENTION = "app.bsky.richtext.facet#link", "app.bsky.richtext.facet#mention"


def full_text(record: Mapping[str, Any]) -> str:
    """Its text, with the whole address of each link. Facets count bytes of UTF-8; one that fits nowhere is passed over."""
    content = text_of(record).encode("utf-8", "surrogatepass")
    said, at = bytearray(), 0
    for start, end, uri in sorted(_links(record)):
        if not at <= start < end <= len(content):
            continue
        said += content[at:start] + _spoken(content[start:end], uri)
        at = end
    said += content[at:]
    return said.decode("utf-8", "replace").strip()


def text_of(record: Mapping[str, Any]) -> str:
    given = record.get("text")
    return given if isinstance(given, str) else ""


def links(record: Mapping[str, Any]) -> list[str]:
    return [uri for _, _, uri in _links(record)]


def mentions(record: Mapping[str, Any]) -> set[str]:
    """The DIDs of those whom it names."""
    named = (words(feature.get("did")) for _, feature in _features(record) if feature.get("$type") == MENTION)
    return {did for did in named if is_did(did)}


def _links(record: Mapping[str, Any]) -> Iterator[tuple[int, int, str]]:
    for index, feature in _features(record):
        start, end, uri = index.get("byteStart"), index.get("byteEnd"), words(feature.get("uri"))
        if feature.get("$type") == LINK and type(start) is int and type(end) is int and uri.startswith(("http://", "https://")):
            yield start, end, uri[:2000]


def _features(record: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for facet in items(record.get("facets"))[:MOST_FACETS]:
        for feature in items(part(facet).get("features"))[:5]:
            yield part(part(facet).get("index")), part(feature)


def _spoken(shown: bytes, uri: str) -> bytes:
    """The link in place of what is shown for it; beside it where that is no part of the link."""
    seen = shown.decode("utf-8", "replace").strip().removesuffix("...").removesuffix("…")
    bare = uri.partition("://")[2]
    if seen and (uri.startswith(seen) or bare.startswith(seen) or bare.removeprefix("www.").startswith(seen)):
        return uri.encode()
    return shown + f" ({uri})".encode()
