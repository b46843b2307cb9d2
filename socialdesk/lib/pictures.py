"""Pictures that people hand in, made safe to send on; and how the desk serves any picture."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpResponse

from socialdesk.lib.errors import DeskError

MOST_BYTES = 20_000_000  # of what is handed in
MOST_PIXELS = 40_000_000
LONGEST_SIDE = 2560  # pixels; no network shows more
_TAKEN = ("JPEG", "PNG", "WEBP", "GIF")
TAKEN = "JPEG, PNG, WebP or still GIF"  # the same, for people
_QUALITIES = (88, 75, 60)
_SMALLER = 0.7  # each side, where no quality is enough
_SMALLEST = 64


class BadPicture(DeskError):
    """It cannot be sent as a picture. The message says why and what to do."""

    code = "bad_picture"


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture of this desk's own making: the pixels of what was handed in, and nothing else of it."""

    content: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


def encode_anew(content: bytes, *, most_bytes: int = 0) -> Encoded:
    """The picture, upright, without what its file says of place, time and camera, in at most `most_bytes` (0: no limit of the network's).

    Raises BadPicture.
    """
    from PIL import Image, ImageOps  # takes a while to load, and few processes need it

    if len(content) > MOST_BYTES:
        raise BadPicture(f"The file has {len(content) / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} are taken. Make the picture smaller.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image: Any = Image.open(io.BytesIO(content), formats=_TAKEN)
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except Exception as error:  # whatever a reader of other people's bytes trips over
        raise BadPicture("This is no picture that can be sent. Choose a JPEG, PNG, WebP or GIF file.") from error
    if image.width * image.height > MOST_PIXELS:  # before a single pixel is unpacked
        raise _too_large()
    try:
        # Many phones put a second picture behind a photograph (MPO): the first is what people see, and nothing moves.
        is_moving = image.format != "MPO" and getattr(image, "is_animated", False)
    except Exception as error:
        raise _broken() from error
    if is_moving:
        raise BadPicture("Moving pictures are not sent from here. Choose one that stands still.")
    try:
        kind = image.format
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I"):  # greys of 16 bits, which a conversion would cut off and not scale
            image = image.convert("I").point(lambda grey: grey * (1 / 256)).convert("L")
        has_alpha = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    except Exception as error:
        raise _broken() from error
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return _fit(image, is_drawn=kind in ("PNG", "GIF") or has_alpha, most_bytes=most_bytes)


def _broken() -> BadPicture:
    return BadPicture("The file is broken: its picture cannot be read to the end. Save it anew and try again.")


def _too_large() -> BadPicture:
    return BadPicture(f"The picture has more than {MOST_PIXELS // 1_000_000} million pixels. Make it smaller.")


def _fit(image: Any, *, is_drawn: bool, most_bytes: int) -> Encoded:
    """As PNG where it was drawn and is small enough, else as JPEG, worse and smaller until it fits."""
    from PIL import Image

    if is_drawn:
        content = _save(image, "PNG", optimize=True)
        if not most_bytes or len(content) <= most_bytes:
            return Encoded(content, "image/png", *image.size)
    if image.mode == "RGBA":
        ground = Image.new("RGB", image.size, "white")
        ground.paste(image, mask=image.getchannel("A"))
        image = ground
    while True:
        for quality in _QUALITIES:
            content = _save(image, "JPEG", quality=quality, optimize=True)
            if not most_bytes or len(content) <= most_bytes:
                return Encoded(content, "image/jpeg", *image.size)
        if max(image.size) <= _SMALLEST:
            raise BadPicture("The picture cannot be made small enough for this network. Choose another one.")
        image = image.resize((max(1, int(image.width * _SMALLER)), max(1, int(image.height * _SMALLER))))


def _save(image: Any, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.info = {}  # nothing that was read goes along, as a comment or a profile
    image.save(out, kind, **options)
    return out.getvalue()


def picture_response(content: bytes, media_type: str, *, seconds: int) -> HttpResponse:
    """A picture that a browser takes for nothing else, and keeps for so long for this person only."""
    response = HttpResponse(content, content_type=media_type)
    response["Cache-Control"] = f"private, max-age={seconds}"
    return guard_response(response)


def guard_response(response: HttpResponse) -> HttpResponse:
    """Whatever somebody else's bytes turn out to be: they run nothing, load nothing and are embedded nowhere else."""
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    return response
