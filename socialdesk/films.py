"""Films and sounds of posts as the desk's staff see and hear them: fetched whole by the desk, kept for a while, played piece by piece.

As with pictures (media.py), the network learns nothing of who looks. What a file is its first bytes say, and not its server.
"""

from __future__ import annotations

import io
import os
import threading
from typing import BinaryIO

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from listening.services import pictures
from listening.services.parts import MediumKind
from socialdesk.lib.mp4 import is_mp4
from socialdesk.lib.ranges import ranged_response
from socialdesk.media import SEEN_FOR, Busy, NoPicture, fetch, find_named, have, not_there

MOST_BYTES = 50_000_000
_ACCEPT = "video/mp4,video/webm,video/*,audio/*"
_AT_ONCE = threading.BoundedSemaphore(2)  # each holds a whole film
_WAITS = 5.0  # seconds for one of them
_BEGINNING = 64  # bytes, of which check_film reads at most 12


@require_GET
def film(request: HttpRequest, name: str) -> HttpResponse:
    """A film or sound of a post, or the part of it that was asked for; 404 with the reason, where the page shows a link in its place."""
    try:
        file, media_type = open_film(name)
    except NoPicture as error:
        return not_there(error)
    with file:

        def read(start: int, end: int) -> bytes:
            file.seek(start)
            return file.read(end - start)

        return ranged_response(request, file.seek(0, os.SEEK_END), read, media_type, seconds=SEEN_FOR)


def open_film(name: str) -> tuple[BinaryIO, str]:
    """The film or sound of that name and its type, from the desk's disk or from where it stands. Raises NoPicture."""
    there = find_named(name, ("video", "audio"))
    file = pictures.open_kept(there.mention_id, there.digest)
    if file is None:
        file = io.BytesIO(have(there, lambda: _fetch(there.url, there.kind), lambda body: check_film(body, there.kind)))
    return file, check_film(file.read(_BEGINNING), there.kind)


def _fetch(url: str, kind: MediumKind) -> bytes:
    if not _AT_ONCE.acquire(timeout=_WAITS):
        raise Busy("Other films are being fetched at this moment. Try it again in a minute.")
    try:
        return fetch(url, what="film" if kind == "video" else "sound", accept=_ACCEPT, most=MOST_BYTES)
    finally:
        _AT_ONCE.release()


def check_film(content: bytes, kind: MediumKind) -> str:
    """The type of a file that browsers play, told by its first bytes. Raises NoPicture for anything else."""
    if is_mp4(content):
        return f"{kind}/mp4"
    if content.startswith(b"\x1aE\xdf\xa3"):
        return f"{kind}/webm"
    if content.startswith(b"OggS"):
        return f"{kind}/ogg"
    if kind == "audio":
        if content.startswith(b"ID3") or (len(content) > 1 and content[0] == 0xFF and content[1] & 0xE0 == 0xE0):
            return "audio/mpeg"
        if content[:4] == b"RIFF" and content[8:12] == b"WAVE":
            return "audio/wav"
        if content.startswith(b"fLaC"):
            return "audio/flac"
    raise NoPicture("What stands there is no film or sound that can be played here.")
