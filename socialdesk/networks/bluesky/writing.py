"""What a post of ours is made of: its text with links and names marked, pictures or a film, as the network keeps them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from socialdesk.lib import text as texts
from socialdesk.networks.base import Film, NetworkError, Picture
from socialdesk.networks.bluesky.client import Client
from socialdesk.networks.bluesky.values import is_did, part, words

POST_LENGTH, POST_BYTES = 300, 3000
MESSAGE_LENGTH, MESSAGE_BYTES = 1000, 10_000
PICTURES, PICTURE_BYTES = 4, 1_000_000
FILM_TYPE = "video/mp4"
FILM_BYTES, FILM_SECONDS = 100_000_000, 180  # 300 MB by now, but not for servers that know only earlier lexicons
FILM_ALT_LENGTH, FILM_ALT_BYTES = 1000, 10_000
MOST_NAMES = 10  # of one text; each may have to be looked up


def check_length(text: str, *, most: int, most_bytes: int, what: str = "The text") -> None:
    """Raises NetworkError. The network counts both: an emoji may be one character of 25 bytes."""
    size, in_bytes = texts.length(text, "graphemes"), len(text.encode("utf-8", "surrogatepass"))
    if size > most:
        raise NetworkError(f"{what} has {size} characters; {most} are allowed.", permanent=True, code="too_long")
    if in_bytes > most_bytes:
        reason = f"{what} takes {in_bytes} bytes; {most_bytes} are allowed. Emoji and many scripts take several each."
        raise NetworkError(reason, permanent=True, code="too_long")


def mark(client: Client, text: str, known: Mapping[str, str], *, most_names: int = MOST_NAMES) -> list[dict[str, Any]]:
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
        image = {"alt": picture.alt, "image": _upload(client, picture.content, picture.media_type, what="a picture")}
        if (size := _size(picture)) is not None:
            image["aspectRatio"] = {"width": size[0], "height": size[1]}
        images.append(image)
    return {"$type": "app.bsky.embed.images", "images": images}


def embed_film(client: Client, film: Film) -> dict[str, Any]:
    """The film, handed over as a picture is. The network begins to work on it once a post names it, so there is nothing to wait for."""
    if len(film.content) > FILM_BYTES:
        reason = f"The film has more than {FILM_BYTES // 1_000_000} MB, which Bluesky does not take."
        raise NetworkError(reason, permanent=True, code="film_too_large")
    if film.seconds > FILM_SECONDS:
        reason = f"The film lasts more than {FILM_SECONDS} seconds, which Bluesky does not take."
        raise NetworkError(reason, permanent=True, code="film_too_long")
    check_length(film.alt, most=FILM_ALT_LENGTH, most_bytes=FILM_ALT_BYTES, what="The description of the film")
    blob = _upload(client, film.content, film.media_type, what="the film")
    if (taken_for := words(blob.get("mimeType"))) != FILM_TYPE:  # servers look into the file, whatever we call it
        reason = f"The server takes the film for {taken_for or 'no film'}; Bluesky shows MP4 only. Save it as MP4 and send it again."
        raise NetworkError(reason, permanent=True, code="film_of_another_kind")
    shape = {"width": film.width, "height": film.height}
    return {"$type": "app.bsky.embed.video", "video": blob, "alt": film.alt, "aspectRatio": shape}


def _upload(client: Client, content: bytes, media_type: str, *, what: str) -> dict[str, Any]:
    """The blob, as a record names it. Nothing that fails here was seen by anybody."""
    blob = part(client.upload(content, media_type).get("blob"))
    if not words(part(blob.get("ref")).get("$link")):
        raise NetworkError(f"The server did not say what it made of {what}.", retryable=True, code="unreadable_answer")
    return dict(blob)


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
