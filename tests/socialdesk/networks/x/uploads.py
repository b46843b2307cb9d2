"""What the simulated X does with files: pictures at once, films in pieces and with some work afterwards."""

from __future__ import annotations

import base64
import binascii
import struct
from typing import TYPE_CHECKING, Any

from tests.socialdesk.networks.x.asked import Refused, invalid
from tests.socialdesk.networks.x.world import Upload

if TYPE_CHECKING:
    from tests.socialdesk.networks.x.calls import Answer, Asked

MOST_OF_PICTURE, MOST_OF_FILM, MOST_OF_PIECE = 5_000_000, 512_000_000, 5_000_000  # bytes; the last of what comes as base64
LONGEST = 140  # seconds


def upload(asked: Asked) -> Answer:
    content = _decoded(asked.body["media"])
    if asked.body["media_category"] != "tweet_image" or not content or len(content) > MOST_OF_PICTURE:
        raise invalid("media type unrecognized, or too large", media_category=[asked.body["media_category"]])
    media_id = asked.world.new_id()
    shown = {"media_key": f"3_{media_id}", "type": "photo", "url": f"https://pbs.example/{media_id}.jpg"}
    asked.world.media[media_id] = {"content": content, "shown": shown}
    return 200, {"data": {"id": media_id, "media_key": f"3_{media_id}", "size": len(content), "expires_after_secs": 86400}}


def initialize(asked: Asked) -> Answer:
    total = asked.body["total_bytes"]
    if asked.body["media_category"] != "tweet_video" or asked.body["media_type"] != "video/mp4":
        raise invalid("media type unrecognized", media_type=[asked.body["media_type"]])
    if not 0 < total <= MOST_OF_FILM:
        raise invalid(f"File size exceeds {MOST_OF_FILM} bytes.", total_bytes=[str(total)])
    media_id = asked.world.new_id()
    asked.world.uploads[media_id] = Upload(total, questions=asked.world.film_questions, fault=asked.world.film_fault)
    return 200, {"data": {"id": media_id, "media_key": f"7_{media_id}", "expires_after_secs": 86400}}


def append(asked: Asked) -> Answer:
    there, number = _known(asked, asked.path["id"]), asked.body["segment_index"]
    piece = _decoded(asked.body["media"])
    if there.is_whole or number != len(there.pieces):
        raise invalid("Segments must be appended in their order.", segment_index=[str(number)])
    if not piece or len(asked.body["media"]) > MOST_OF_PIECE or sum(map(len, there.pieces)) + len(piece) > there.total:
        raise invalid("The segment is empty or too large.", segment_index=[str(number)])
    there.pieces.append(piece)
    return 200, {"data": {"expires_at": 1_900_000_000}}


def finalize(asked: Asked) -> Answer:
    media_id = asked.path["id"]
    there = _known(asked, media_id)
    content = b"".join(there.pieces)
    if there.is_whole or len(content) != there.total:
        raise invalid("Segments do not add up to provided total file size.", id=[media_id])
    if content[4:8] != b"ftyp":
        raise invalid("media type unrecognized", id=[media_id])
    there.is_whole = True
    if not there.fault and _seconds(content) > LONGEST:
        there.fault = f"Duration {_seconds(content):.0f}.seconds exceeds max duration of 2.minutes+20.seconds"
    if there.questions:
        return 200, _shown(asked, media_id, "pending")
    _work(asked, media_id, there)
    return 200, _shown(asked, media_id, "failed" if there.fault else "")


def status(asked: Asked) -> Answer:
    media_id = asked.query["media_id"]
    there = _known(asked, media_id)
    if not there.is_whole:
        raise _not_found(media_id)
    if there.questions > 1:
        there.questions -= 1
        return 200, _shown(asked, media_id, "in_progress")
    _work(asked, media_id, there)
    return 200, _shown(asked, media_id, "failed" if there.fault else "succeeded")


def describe(asked: Asked) -> Answer:
    media = asked.world.media.get(str(asked.body.get("id")))
    alt = asked.body.get("metadata", {}).get("alt_text", {}).get("text", "")
    if media is None or not alt or len(alt) > 1000 or (media["shown"]["type"] == "video" and not asked.world.describes_films):
        raise invalid("The media cannot be described so.", id=[str(asked.body.get("id"))])
    media["shown"]["alt_text"] = alt
    return 200, {"data": {"id": asked.body["id"], "associated_metadata": {"alt_text": {"text": alt}}}}


def _decoded(given: Any) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise invalid("media is not base64", media=[""]) from None


def _known(asked: Asked, media_id: str) -> Upload:
    there = asked.world.uploads.get(media_id)
    if there is None:
        raise _not_found(media_id)
    return there


def _not_found(media_id: str) -> Refused:
    return invalid("BadRequest: Not found", id=[media_id])


def _work(asked: Asked, media_id: str, there: Upload) -> None:
    """X has finished: a post can name the film, if it is good for anything."""
    if there.fault or media_id in asked.world.media:
        return
    address = f"https://video.example/{media_id}"
    variants = [{"content_type": "video/mp4", "bit_rate": 832_000, "url": f"{address}.mp4"}]
    shown = {"media_key": f"7_{media_id}", "type": "video", "preview_image_url": f"{address}.jpg", "variants": variants}
    asked.world.media[media_id] = {"content": b"".join(there.pieces), "shown": shown}


def _shown(asked: Asked, media_id: str, state: str) -> dict[str, Any]:
    """`state` is empty where nothing has to be waited for."""
    there = asked.world.uploads[media_id]
    data: dict[str, Any] = {"id": media_id, "media_key": f"7_{media_id}", "size": there.total, "expires_after_secs": 86400}
    if state:
        waits = {"check_after_secs": asked.world.film_pause} if state in ("pending", "in_progress") else {"progress_percent": 100}
        data["processing_info"] = {"state": state, **waits}
    if state != "failed":
        return {"data": data}
    fault = Refused(400, "InvalidMedia", there.fault, "invalid-request")
    return {"data": data, "errors": [fault.body]}


def _seconds(content: bytes) -> float:
    """What the film says of its length (ISO/IEC 14496-12, 8.2.2); 0 where it says nothing."""
    at = content.find(b"mvhd")
    if at < 0:
        return 0.0
    scale, length = struct.unpack_from(">II", content, at + 16)
    return float(length / scale) if scale else 0.0
