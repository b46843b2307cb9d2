"""Pictures of posts as the desk's staff see them: fetched by the desk, so that no network learns who looks at what, and looked at first.

Only what stands in a post can be asked for, by a name that the desk signed. Only raster pictures are passed on, told by their bytes.
Films and sounds go the same way: see films.py.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import requests
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from listening.models import Mention
from listening.services import pictures
from listening.services.parts import MediumKind, find_medium, read_picture_name
from socialdesk.lib.errors import DeskError
from socialdesk.lib.outbound import GuardedSession
from socialdesk.lib.pictures import guard_response, picture_response
from socialdesk.networks import registry

MOST_BYTES = 10_000_000
MOST_PIXELS = 50_000_000  # a small file may say that it is a picture of more than a browser can hold
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
    """There is none, or none that can be shown: no picture, film or sound. The message says why."""

    code = "no_picture"


class Busy(NoPicture):
    """Nobody asked for it yet, as too many others are being fetched."""


@require_GET
def picture(request: HttpRequest, name: str) -> HttpResponse:
    """One picture of a post, or 404 with the reason: the page shows its description and a link in its place."""
    try:
        content, media_type = read_picture(name)
    except NoPicture as error:
        return not_there(error)
    return picture_response(content, media_type, seconds=SEEN_FOR)


def read_picture(name: str) -> tuple[bytes, str]:
    """The picture of that name and its type, from the desk's disk or from where it stands. Raises NoPicture."""
    there = find_named(name, ("image",))
    content = pictures.find_kept(there.mention_id, there.digest)
    if content is None:
        content = have(there, lambda: _picture(there.network, there.url), check_picture)
    return content, check_picture(content)


@dataclass(frozen=True, slots=True)
class Named:
    """What a signed name stands for, as it stands in its post now."""

    mention_id: int
    place: int
    digest: str
    network: str
    url: str
    kind: MediumKind


def find_named(name: str, kinds: Sequence[MediumKind]) -> Named:
    """Raises NoPicture where the desk did not sign that, its post changed, or it is none of these kinds."""
    named = read_picture_name(name)
    if named is None:
        raise NoPicture("There is no such picture.")
    mention_id, place, digest = named
    found = Mention.objects.filter(pk=mention_id).values_list("network", "media").first() if mention_id < 2**63 else None
    url, kind = find_medium(found[1], place=place, digest=digest) if found else ("", "file")
    if not found or kind not in kinds:
        raise NoPicture("There is no such picture. Its post was edited or deleted.")
    return Named(mention_id, place, digest, found[0], url, kind)


def have(there: Named, get: Callable[[], bytes], check: Callable[[bytes], str]) -> bytes:
    """What `get` brings, kept if `check` lets it pass. What could not be had is not tried again for a while. Raises NoPicture."""
    failed = f"no_picture:{there.mention_id}:{there.digest}"
    if reason := cache.get(failed):
        raise NoPicture(reason)
    try:
        content = get()
        check(content)
    except Busy:
        raise
    except NoPicture as error:
        cache.set(failed, error.message, timeout=_FAILED_FOR)
        raise
    found = Mention.objects.filter(pk=there.mention_id).values_list("media", flat=True).first()
    if find_medium(found, place=there.place, digest=there.digest)[0] != there.url:  # it may have been deleted while it was fetched
        raise NoPicture("There is no such picture. Its post was edited or deleted.")
    pictures.keep(there.mention_id, there.digest, content)
    return content


def not_there(error: NoPicture) -> HttpResponse:
    return guard_response(HttpResponse(f"{error.message}\n", content_type="text/plain; charset=utf-8", status=404))


def _picture(network: str, url: str) -> bytes:
    known = registry.NETWORKS.get(network)
    if known is not None and known.picture is not None:
        drawn = known.picture(url)
        if drawn is not None:
            return drawn
    if not _AT_ONCE.acquire(timeout=_WAITS):
        raise Busy("Too many pictures are being fetched at this moment.")
    try:
        return fetch(url, what="picture", accept="image/avif,image/webp,image/*", most=MOST_BYTES)
    finally:
        _AT_ONCE.release()


def fetch(url: str, *, what: str, accept: str, most: int) -> bytes:
    """What stands at a public address, or where that leads. `what` it is, for people. Raises NoPicture."""
    session = GuardedSession(most=most)
    session.headers.update({"User-Agent": "SocialDesk", "Accept": accept, "Accept-Encoding": "identity"})
    try:
        answer = session.follow(url)
    except (DeskError, requests.RequestException, ValueError) as error:
        raise NoPicture(f"The {what} could not be fetched.") from error
    if answer.is_redirect:
        raise NoPicture(f"The {what} could not be fetched: its server sends on to where the desk does not follow.")
    if answer.status_code != 200:
        raise NoPicture(f"The {what} could not be fetched: its server answered {answer.status_code}.")
    return answer.content


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
