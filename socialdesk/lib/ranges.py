"""Films and sounds, served whole or in the part that a player asks for: players need to jump."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from socialdesk.lib.pictures import picture_response

PIECE = 2_000_000  # bytes at most that one request for a part gets; players ask for the next
_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


def ranged_response(request: HttpRequest, size: int, read: Callable[[int, int], bytes], media_type: str, *, seconds: int) -> HttpResponse:
    """All of it, or from where the Range header (RFC 9110, section 14) says, at most PIECE bytes.

    `read` gives the bytes from the first number up to, and without, the second; a browser keeps what it got for `seconds`.
    """
    found = _RANGE.fullmatch(request.headers.get("Range", "").strip())
    if found is None or not any(found.groups()):
        response = picture_response(read(0, size), media_type, seconds=seconds)
    else:
        first, last = found.groups()
        start = int(first) if first else max(0, size - int(last))
        end = min(int(last) if first and last else size - 1, size - 1, start + PIECE - 1)
        if start > end:
            response = picture_response(b"", media_type, seconds=0)
            response.status_code = 416
            response["Content-Range"] = f"bytes */{size}"
        else:
            response = picture_response(read(start, end + 1), media_type, seconds=seconds)
            response.status_code = 206
            response["Content-Range"] = f"bytes {start}-{end}/{size}"
    response["Accept-Ranges"] = "bytes"
    return response
