"""Pictures for the posts of the play that have one: a bicycle each, in colours that are the post's own."""

from __future__ import annotations

import io
from colorsys import hls_to_rgb

from socialdesk.networks.sandbox.stage import between

SIZE = (480, 320)
MEDIA_TYPE = "image/png"


def draw_bicycle(key: str) -> bytes:
    """The same picture for the same key, always."""
    from PIL import Image, ImageDraw  # only where a picture is looked at

    image = Image.new("RGB", SIZE, _colour(f"{key} sky", 0.88))
    draw = ImageDraw.Draw(image)
    ground, frame = _colour(f"{key} ground", 0.6), _colour(f"{key} frame", 0.35)
    draw.rectangle((0, 250, *SIZE), fill=ground)
    back, front, pedals, seat, bar = (150, 210), (330, 210), (230, 212), (205, 125), (310, 120)
    for x, y in (back, front):
        draw.ellipse((x - 60, y - 60, x + 60, y + 60), outline="#222", width=7)
        draw.ellipse((x - 5, y - 5, x + 5, y + 5), fill="#222")
    for one, other in ((back, pedals), (back, seat), (pedals, seat), (pedals, bar), (seat, bar), (bar, front)):
        draw.line((one, other), fill=frame, width=9)
    draw.line(((180, 120), (232, 120)), fill="#222", width=10)
    draw.line(((310, 120), (304, 96), (338, 92)), fill="#222", width=8)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _colour(key: str, lightness: float) -> tuple[int, int, int]:
    red, green, blue = hls_to_rgb(between(0, 1, key=key), lightness, 0.5)
    return round(red * 255), round(green * 255), round(blue * 255)
