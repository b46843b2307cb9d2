"""Pictures of posts as the desk's staff see them: fetched by the desk, so that no network learns who looks at what, and looked at first.

Only what stands in a post can be asked for, by a name that the desk signed. Only raster pictures are passed on, told by their bytes.
"""

from __future__ import annotations

import io
import threading
import time
import warnings
from urllib.parse import urljoin

import requests
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from listening.models import Mention
from listening.services import pictures
from listening.services.parts import find_picture, read_picture_name
from socialdesk.lib.errors import DeskError
from socialdesk.lib.outbound import GuardedSession
from socialdesk.lib.pictures import guard_response, picture_response
from socialdesk.networks import registry

MOST_BYTES = 10_000_000
MOST_PIXELS = 50_000_000  # a small file may say that it is a picture of more than a browser can hold
REDIRECTS = 3
ALTOGETHER = 20.0  # seconds after which no further address is asked
SEEN_FOR = 3600  # seconds for which a browser keeps a picture: not longer than a person who was erased may be seen
_FAILED_FOR = 120  # seconds until what could not be had is asked for again
_AT_ONCE = threading.BoundedSemaphore(8)  # slow servers of others must not hold all of the desk's own threads
_WAITS = 5.0  # seconds for one of them
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/gif": "GIF", "image/webp": "WEBP", "image/avif": "AVIF"}


class NoPicture(DeskError):
    """There is none, or none that can be shown. The message says why."""

    code = "no_picture"


@require_GET
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """One picture of a post, or 404 with the reason: the page shows its description and a link in its place."""
    try:
        content, media_type = read_picture(name)
    except NoPicture as error:
        return guard_response(HttpResponse(f"{error.message}\n", content_type="text/plain; charset=utf-8", status=404))
    return picture_response(content, media_type, seconds=SEEN_FOR)


def read_picture(name: str) -> tuple[bytes, str]:
    """The picture of that name and its type, from the desk's disk or from where it stands. Raises NoPicture."""
    named = read_picture_name(name)
    if named is None:
        raise NoPicture("There is no such picture.")
    mention_id, place, digest = named
    network, url = _find(mention_id, place, digest)
    content = pictures.find_kept(mention_id, digest)
    if content is None:
        failed = f"no_picture:{mention_id}:{digest}"
        if reason := cache.get(failed):
            raise NoPicture(reason)
        try:
            content = _have(network, url)
            check_picture(content)
        except NoPicture as error:
            cache.set(failed, error.message, timeout=_FAILED_FOR)
            raise
        _find(mention_id, place, digest)  # it may have been deleted while it was fetched
        pictures.keep(mention_id, digest, content)
    return content, check_picture(content)


def _find(mention_id: int, place: int, digest: str) -> tuple[str, str]:
    found = Mention.objects.filter(pk=mention_id).values_list("network", "media").first() if mention_id < 2**63 else None
    url = find_picture(found[1], place=place, digest=digest) if found else ""
    if not found or not url:
        raise NoPicture("There is no such picture. Its post was edited or deleted.")
    return found[0], url


def _have(network: str, url: str) -> bytes:
    known = registry.NETWORKS.get(network)
    if known is not None and known.picture is not None:
        drawn = known.picture(url)
        if drawn is not None:
            return drawn
    if not _AT_ONCE.acquire(timeout=_WAITS):
        raise NoPicture("Too many pictures are being fetched at this moment.")
    try:
        return fetch(url)
    finally:
        _AT_ONCE.release()


def fetch(url: str) -> bytes:
    """What stands at a public address, following at most REDIRECTS redirects, each judged as the first was. Raises NoPicture."""
    session = GuardedSession(most=MOST_BYTES)
    session.headers.update({"User-Agent": "SocialDesk", "Accept": "image/avif,image/webp,image/*", "Accept-Encoding": "identity"})
    began = time.monotonic()
    for _ in range(REDIRECTS + 1):
        try:
            answer = session.get(url)
        except (DeskError, requests.RequestException, ValueError) as error:
            raise NoPicture("The picture could not be fetched.") from error
        target = answer.headers.get("Location", "")
        if not (answer.is_redirect and target):
            if answer.status_code != 200:
                raise NoPicture(f"The picture could not be fetched: its server answered {answer.status_code}.")
            return answer.content
        session.cookies.clear()
        url = urljoin(url, target)
        if time.monotonic() - began > ALTOGETHER:
            break
    raise NoPicture("The picture could not be fetched: its server sends on to elsewhere again and again.")


def check_picture(content: bytes) -> str:
    """The type of a raster picture, told by its bytes and not by what its server says. Raises NoPicture for anything else."""
    from PIL import Image  # takes a while to load, and most processes show no pictures

    media_type = _sniff(content)
    if not media_type:
        raise NoPicture("What stands there is no picture that can be shown safely.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            # Reads what the file says of itself and none of its pixels.
            with Image.open(io.BytesIO(content), formats=[_FORMATS[media_type]]) as image:
                width, height = image.size
    except Image.DecompressionBombError as error:
        raise NoPicture("The picture is too large to be shown.") from error
    except Exception as error:  # whatever a reader of other people's bytes trips over
        raise NoPicture("What stands there is no whole picture.") from error
    if width * height > MOST_PIXELS:
        raise NoPicture("The picture is too large to be shown.")
    return media_type


def _sniff(content: bytes) -> str:
    for beginning, media_type in _SIGNATURES:
        if content.startswith(beginning):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp" and content[8:12] in (b"avif", b"avis"):
        return "image/avif"
    return ""
