"""Pictures as people hand them in, made on the spot."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image


def draw(kind: str = "JPEG", size: tuple[int, int] = (40, 30), *, colour: Any = "teal", mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **options)
    return out.getvalue()


def photograph() -> bytes:
    """Taken lying on its side, with the place where it was taken and who took it."""
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it
    exif[0x013B] = "Zyxq Photographer"
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 27.0, 14.0), 3: "W", 4: (2.0, 35.0, 16.0)})
    return draw(exif=exif, comment=b"zyxq comment")


def noise(size: tuple[int, int] = (900, 900), kind: str = "PNG") -> bytes:
    """What no compression makes small."""
    out = io.BytesIO()
    Image.effect_noise(size, 120).convert("RGB").save(out, kind)
    return out.getvalue()
