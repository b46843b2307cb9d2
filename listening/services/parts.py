"""What a post carries beside its text: made safe to store, and read again from what is stored, whatever that is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal
from urllib.parse import urlsplit

from django.core import signing

from socialdesk.lib.text import clean
from socialdesk.networks.base import MediaData, PostData, QuoteData

MOST_MEDIA = 20
MOST_OPTIONS = 20
MAX_URL = 2000  # addresses of pictures are longer than those of posts: they carry signatures
MAX_ALT = 2000
MAX_WARNING = 500
MAX_OPTION = 200
MAX_QUOTE = 5000
MAX_NAME = 200
_WORDS = {"image": "picture", "video": "film", "audio": "sound", "file": "file"}
_SALT = "listening.picture"
_PLAYLISTS = (".m3u8", ".mpd")  # lists of many small files, which most browsers do not play by themselves

MediumKind = Literal["image", "video", "audio", "file"]


@dataclass(frozen=True, slots=True)
class Medium:
    """A picture, film or sound. `name` is what it is fetched by from this desk, "" where it is none that can be shown here; `still` is
    what a picture of a film is fetched by."""

    kind: MediumKind
    url: str
    alt: str
    name: str = ""
    still: str = ""

    @property
    def word(self) -> str:
        return _WORDS[self.kind]

    @property
    def host(self) -> str:
        return host_of(self.url)


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands in the thread with a post's text: the warning before it, the rest below."""

    warning: str = ""
    media: tuple[Medium, ...] = ()
    poll: tuple[str, ...] = ()
    quote: QuoteData | None = None

    @property
    def marks(self) -> list[str]:
        """What a card says that there is: picture, 2 pictures, film, poll, quote."""
        counts: dict[str, int] = {}
        for medium in self.media:
            counts[medium.word] = counts.get(medium.word, 0) + 1
        marks = [word if count == 1 else f"{count} {word}s" for word, count in counts.items()]
        return marks + ["poll"] * bool(self.poll) + ["quote"] * (self.quote is not None)

    def __bool__(self) -> bool:
        return bool(self.warning or self.media or self.poll or self.quote)


NOTHING = Parts()


# --- What may come in ---------------------------------------------------------------------------------------------------


def accept_parts(post: PostData) -> PostData:
    """`post` with parts that are safe to store; what cannot be shown is left out, for it is not worth losing a post."""
    if not (post.media or post.poll or post.quote or post.warning):
        return post  # as nearly always
    media = tuple(medium for medium in map(_accept_medium, post.media[:MOST_MEDIA]) if medium is not None)
    options = tuple(option for option in (clean(option, limit=MAX_OPTION).strip() for option in post.poll[:MOST_OPTIONS]) if option)
    quote = _accept_quote(post.quote) if post.quote is not None else None
    return replace(post, media=media, poll=options, quote=quote, warning=clean(post.warning, limit=MAX_WARNING).strip())


def _accept_medium(medium: MediaData) -> MediaData | None:
    url, alt = accept_url(medium.url, limit=MAX_URL), clean(medium.alt, limit=MAX_ALT).strip()
    preview = accept_url(medium.preview, limit=MAX_URL)
    return MediaData(_kind_of(medium.kind), url, alt, preview) if url or alt or preview else None


def _accept_quote(quote: QuoteData) -> QuoteData | None:
    external_id = quote.external_id if len(quote.external_id) <= MAX_NAME and clean(quote.external_id) == quote.external_id else ""
    author = clean(quote.author, limit=MAX_NAME).strip().removeprefix("@")
    accepted = QuoteData(external_id, author, clean(quote.text, limit=MAX_QUOTE).strip(), accept_url(quote.url, limit=MAX_URL))
    return accepted if any((accepted.external_id, accepted.text, accepted.url)) else None


def accept_url(url: str, *, limit: int) -> str:
    """A link that may stand in a page, or none: anything but http(s) could be run by a browser."""
    if not url.startswith(("https://", "http://")) or len(url) > limit or clean(url) != url:
        return ""
    return url


def excerpt_of(post: PostData) -> str:
    """What stands for a post where lists name its conversation: what its author put before it, where they did, else its text."""
    return warned(post.warning) if post.warning else post.text


def warned(warning: str) -> str:
    return f"Warning by its author: {warning}"


def media_json(post: PostData) -> list[dict[str, Any]]:
    """An accepted post's parts as they are stored, in the order in which they are shown: a warning, pictures, a poll, a quote."""
    parts: list[dict[str, Any]] = [{"kind": "warning", "text": post.warning}] if post.warning else []
    parts += [
        {"kind": item.kind, "url": item.url, "alt": item.alt} | ({"preview": item.preview} if item.preview else {}) for item in post.media
    ]
    if post.poll:
        parts.append({"kind": "poll", "options": list(post.poll)})
    if post.quote is not None:
        quoted = post.quote
        parts.append({"kind": "quote", "external_id": quoted.external_id, "author": quoted.author, "text": quoted.text, "url": quoted.url})
    return parts


# --- What is stored -----------------------------------------------------------------------------------------------------


def read_parts(media: Any, *, mention_id: int | None = None) -> Parts:
    """What `Mention.media` holds. Rows may be older than any rule about them: whatever is not as it should be is left out."""
    warning, quote = "", None
    found: list[Medium] = []
    poll: tuple[str, ...] = ()
    for place, part in enumerate(_listed(media)):
        kind = _text(part, "kind")
        if kind == "warning":
            warning = warning or _text(part, "text", MAX_WARNING)
        elif kind == "poll":
            poll = poll or tuple(option[:MAX_OPTION] for option in _options(part) if option)
        elif kind == "quote":
            quote = quote or _accept_quote(QuoteData(*(_text(part, name) for name in ("external_id", "author", "text", "url"))))
        elif len(found) < MOST_MEDIA:
            medium = _accept_medium(MediaData(kind, _text(part, "url"), _text(part, "alt"), _text(part, "preview")))
            if medium is not None:
                found.append(_shown(medium, mention_id, place))
    return Parts(warning, tuple(found), poll, quote)


def has_media(media: Any) -> bool:
    """Whether pictures, films or sounds are among the stored parts: a poll, a quote or a warning is none."""
    return any(_text(part, "kind") not in ("warning", "poll", "quote") for part in _listed(media))


def host_of(url: str) -> str:
    """Where a link leads, for people; "" where that cannot be said."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _shown(medium: MediaData, mention_id: int | None, place: int) -> Medium:
    kind = _kind_of(medium.kind)
    if mention_id is None:
        return Medium(kind, medium.url, medium.alt)
    name = picture_name(mention_id, place, medium.url) if _can_be_shown(kind, medium.url) else ""
    still = picture_name(mention_id, place, medium.preview) if medium.preview and kind == "video" else ""
    return Medium(kind, medium.url, medium.alt, name, still)


def _can_be_shown(kind: MediumKind, url: str) -> bool:
    return bool(url) and kind != "file" and not url.partition("?")[0].lower().endswith(_PLAYLISTS)


def _kind_of(kind: str) -> MediumKind:
    return kind if kind in ("image", "video", "audio") else "file"  # type: ignore[return-value]  # narrowed by the test


def _listed(media: Any) -> list[dict[str, Any]]:
    return [part for part in media if isinstance(part, dict)] if isinstance(media, list) else []


def _text(part: dict[str, Any], name: str, limit: int = MAX_QUOTE) -> str:
    value = part.get(name)
    return clean(value, limit=limit).strip() if isinstance(value, str) else ""


def _options(part: dict[str, Any]) -> Iterable[str]:
    options = part.get("options")
    return [clean(option).strip() for option in options[:MOST_OPTIONS] if isinstance(option, str)] if isinstance(options, list) else []


# --- Names of pictures and films ----------------------------------------------------------------------------------------


def picture_name(mention_id: int, place: int, url: str) -> str:
    """What a post's picture, film or sound is asked for by: signed, so that only what stands in a post can be asked for."""
    return signing.Signer(salt=_SALT).sign(f"{mention_id}-{place}-{_digest(url)}")


def read_picture_name(name: str) -> tuple[int, int, str] | None:
    """The mention's id, the part's place, and the digest of its address, or None where the desk did not sign that."""
    try:
        mention_id, place, digest = signing.Signer(salt=_SALT).unsign(name).split("-")
        return int(mention_id), int(place), digest
    except (signing.BadSignature, ValueError):
        return None


def find_medium(media: Any, *, place: int, digest: str) -> tuple[str, MediumKind]:
    """The address of what is at that place, and what it is; ("", "file") if another one or none stands there now."""
    parts = _listed(media)
    part = parts[place] if 0 <= place < len(parts) else {}
    kind = _kind_of(_text(part, "kind"))
    shown: tuple[tuple[str, MediumKind], ...] = ((_text(part, "url"), kind), (_text(part, "preview"), "image"))
    for url, what in shown:
        if url and _digest(url) == digest and accept_url(url, limit=MAX_URL) and _can_be_shown(what, url):
            return url, what
    return "", "file"


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode(errors="replace")).hexdigest()[:16]
