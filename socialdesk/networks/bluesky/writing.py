"""What a post of ours is made of: its text with links and names marked, and pictures, as the network keeps them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from socialdesk.lib import text as texts
from socialdesk.networks.base import NetworkError, Picture
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.values import is_did, part, words

POST_LENGTH, POST_BYTES = 300, 3000
MESSAGE_LENGTH, MESSAGE_BYTES = 1000, 10_000
PICTURES, PICTURE_BYTES = 4, 1_000_000
MOST_NAMES = 10  # of one text; each may have to be looked up


def check_length(text: str, *, most: int, most_bytes: int) -> None:
    """Raises NetworkError. The network counts both: an emoji may be one character of 25 bytes."""
    size, in_bytes = texts.length(text, "graphemes"), len(text.encode("utf-8", "surrogatepass"))
    if size > most:
        raise NetworkError(f"The text has {size} characters; {most} are allowed.", permanent=True, code="too_long")
    if in_bytes > most_bytes:
        reason = f"The text takes {in_bytes} bytes; {most_bytes} are allowed. Emoji and many scripts take several each."
        raise NetworkError(reason, permanent=True, code="too_long")


def mark(client: Client, text: str, known: dict[str, str], *, most_names: int = MOST_NAMES) -> list[dict[str, Any]]:
    """The facets of a text: its links, tags, and the names of people, at most so many. `known` are DIDs by handle that need no look-up."""
    from atproto_client.utils import facet_detection  # heavy

    facets = [facet.model_dump(by_alias=True, exclude_none=True) for facet in facet_detection.detect_facets(text)]
    for name in facet_detection.detect_mentions(text)[:most_names]:
        did = known.get(name.handle.lower()) or _resolve(client, name.handle)
        if did:
            index = {"byteStart": name.byte_start, "byteEnd": name.byte_end}
            facets.append({"index": index, "features": [{"$type": "app.bsky.richtext.facet#mention", "did": did}]})
    return sorted(facets, key=lambda facet: int(facet["index"]["byteStart"]))


def embed_pictures(client: Client, pictures: Sequence[Picture]) -> dict[str, Any]:
    """The pictures, handed over. Nothing is seen of them before a post names them."""
    if len(pictures) > PICTURES:
        raise NetworkError(f"Bluesky takes {PICTURES} pictures with a post.", permanent=True, code="too_many_pictures")
    for picture in pictures:
        if len(picture.content) > PICTURE_BYTES:
            raise NetworkError("A picture has more than a megabyte, which Bluesky does not take.", permanent=True, code="picture_too_large")
    images: list[dict[str, Any]] = []
    for picture in pictures:
        blob = part(client.upload(picture.content, picture.media_type).get("blob"))
        if not words(part(blob.get("ref")).get("$link")):
            raise NetworkError("The server did not say what it made of a picture.", retryable=True, code="unreadable_answer")
        image = {"alt": picture.alt, "image": dict(blob)}
        if (size := _size(picture)) is not None:
            image["aspectRatio"] = {"width": size[0], "height": size[1]}
        images.append(image)
    return {"$type": "app.bsky.embed.images", "images": images}


def _resolve(client: Client, handle: str) -> str:
    """Whose name it is; "" where it is nobody's, which leaves it plain text."""
    try:
        did = words(client.query("com.atproto.identity.resolveHandle", handle=handle).get("did"))
    except NetworkError as error:
        if error.permanent and not error.account_revoked:
            return ""
        raise
    return did if is_did(did) else ""


def _size(picture: Picture) -> tuple[int, int] | None:
    """As it is looked at: a camera may have noted that it lies on its side."""
    from PIL import Image

    with suppress(Exception), Image.open(io.BytesIO(picture.content)) as image:
        turned = image.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        return (image.height, image.width) if turned else (image.width, image.height)
    return None
