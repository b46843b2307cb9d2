"""Reads a feed's bytes: RSS and Atom by feedparser, JSON Feed by hand; entries become posts, whatever stands in them.

Nothing is fetched from here, and no entity that a document declares is followed or unfolded: such documents are refused.
"""

from __future__ import annotations

import calendar
import hashlib
import io
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urljoin

import feedparser

from socialdesk.lib.clock import EARLIEST, now
from socialdesk.lib.html import pieces
from socialdesk.networks.base import AuthorData, MediaData, NetworkError, PostData, Unreadable

KEY = "rss"
MOST = 1000  # entries of a feed that are looked at
_LONGEST_ID = 120
_LONGEST_TEXT = 20_000
_BLOCKS = {"p", "br", "div", "li", "ul", "ol", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr", "section", "article"}
_UNSEEN = {"script", "style", "template", "head", "noscript", "iframe", "object", "svg"}


@dataclass(frozen=True, slots=True)
class Feed:
    """`entries` are in the feed's order, usually the newest first."""

    title: str
    entries: tuple[PostData | Unreadable, ...]


def feed_key(url: str) -> str:
    """What the feed's ids begin with: two feeds may number their entries alike."""
    return hashlib.sha256(url.encode("utf-8", "replace")).hexdigest()[:16]


def read_feed(content: bytes, *, url: str, media_type: str = "") -> Feed:
    """Raises NetworkError for what is no feed."""
    start = content[:200].lstrip(b"\xef\xbb\xbf \t\r\n")
    if "json" in media_type.lower() or start.startswith(b"{"):
        return _read_json(content, url)
    if b"<!ENTITY" in content.replace(b"\0", b"").upper():
        raise NetworkError("The feed declares entities of its own, which are not read.", permanent=True, code="entities")
    # As a file: a text of bytes could be taken for the name of one on this machine.
    headers = {"content-type": media_type or "application/xml", "content-location": url}
    try:
        found = feedparser.parse(io.BytesIO(content), response_headers=headers, sanitize_html=True, resolve_relative_uris=True)
    except Exception as error:  # it stumbles over addresses and encodings that are none
        raise NetworkError(f"The feed cannot be read ({type(error).__name__}).", permanent=True, code="no_feed") from None
    if not found.get("version") and not found.get("entries"):
        raise NetworkError("What stands at this address is no feed.", permanent=True, code="no_feed")
    about = found.get("feed") or {}
    title = _one_line(about.get("title"))
    language = str(about.get("language") or "")[:12]
    entries = [_guarded(_read_entry, entry, url, title, language) for entry in found.get("entries", [])[:MOST]]
    return Feed(title, tuple(entries))


def _guarded(read: Any, entry: Any, url: str, title: str, language: str) -> PostData | Unreadable:
    try:
        read_one: PostData | Unreadable = read(entry, url, title, language)
        return read_one
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        return Unreadable(f"the entry cannot be read ({type(error).__name__})")


def _read_entry(entry: Mapping[str, Any], url: str, title: str, language: str) -> PostData | Unreadable:
    bodies = [_html_of(part) for part in entry.get("content") or ()]
    link = _link(entry.get("link"), url)
    published, updated = _moment(_raw(entry, "published_parsed")), _moment(_raw(entry, "updated_parsed"))
    author = entry.get("author_detail") or {}
    pictures = [
        MediaData(str(item.get("type", "")).partition("/")[0], _link(item.get("href"), url))
        for item in entry.get("enclosures") or ()
        if isinstance(item, Mapping) and str(item.get("type", "")).startswith(("image/", "video/", "audio/"))
    ]
    return _post(
        url=url,
        given_id=str(entry.get("id") or "") or link,
        heading=_one_line(_html_of(entry.get("title_detail")) or entry.get("title")),
        body=max([*bodies, _html_of(entry.get("summary_detail")) or str(entry.get("summary") or "")], key=len),
        author=_one_line(author.get("name") or entry.get("author")) or title,
        author_url=_link(author.get("href"), url),
        link=link,
        posted_at=published or updated,
        edited_at=updated if published and updated and updated > published else None,
        language=str(entry.get("language") or language)[:12],
        media=pictures,
    )


def _read_json(content: bytes, url: str) -> Feed:
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        raise NetworkError("What stands at this address is no feed.", permanent=True, code="no_feed") from None
    version = told.get("version") if isinstance(told, dict) else None
    if not isinstance(version, str) or "jsonfeed.org/version/" not in version or not isinstance(told.get("items"), list):
        raise NetworkError("What stands at this address is no feed.", permanent=True, code="no_feed")
    title, language = _one_line(told.get("title")), str(told.get("language") or "")[:12]
    authors = told.get("authors") or [told.get("author")]
    entries = [_guarded(_read_item, {"authors": authors, **_object(item)}, url, title, language) for item in told["items"][:MOST]]
    return Feed(title, tuple(entries))


def _read_item(item: Mapping[str, Any], url: str, title: str, language: str) -> PostData | Unreadable:
    authors = [_object(author) for author in [*_list(item.get("author")), *_list(item.get("authors"))]]
    author: Mapping[str, Any] = next((author for author in authors if author.get("name")), {})
    link = _link(item.get("url") or item.get("external_url"), url)
    published, updated = _iso(item.get("date_published")), _iso(item.get("date_modified"))
    image, given = _link(item.get("image"), url), item.get("id")
    return _post(
        url=url,
        given_id=str(given) if isinstance(given, str | int) and given != "" else link,
        heading=_one_line(item.get("title")),
        body=item.get("content_html") or _escaped(item.get("content_text") or item.get("summary")),
        author=_one_line(author.get("name")) or title,
        author_url=_link(author.get("url"), url),
        link=link,
        posted_at=published or updated,
        edited_at=updated if published and updated and updated > published else None,
        language=str(item.get("language") or language)[:12],
        media=[MediaData("image", image)] if image else [],
    )


def _post(
    *,
    url: str,
    given_id: str,
    heading: str,
    body: Any,
    author: str,
    author_url: str,
    link: str,
    posted_at: datetime | None,
    edited_at: datetime | None,
    language: str,
    media: list[MediaData],
) -> PostData | Unreadable:
    moment, key = now(), feed_key(url)
    said = text_of(body) if isinstance(body, str) else ""
    text = heading if said.startswith(heading) and said == heading else "\n\n".join(part for part in (heading, said) if part)
    known = given_id or (hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() if text else "")
    if not text:
        return Unreadable("the entry has neither a title nor a text", known[:_LONGEST_ID])
    name = author or "feed"
    return PostData(
        network=KEY,
        external_id=f"{key}:{_short(known)}",
        text=text[:_LONGEST_TEXT],
        author=AuthorData(f"{key}:{_short(name.casefold())}", name[:200], name[:200], url=author_url),
        # An entry without a date is as old as it is known here; nobody writes in the future.
        posted_at=min(posted_at or moment, moment),
        url=link,
        language=language,
        media=tuple(item for item in media if item.url),
        edited_at=min(edited_at, moment) if edited_at else None,
    )


def text_of(html: str) -> str:
    """HTML as the text that a reader would see."""
    parts: list[str] = []
    unseen: list[str] = []
    for piece in pieces(html[: 10 * _LONGEST_TEXT]):
        if isinstance(piece, str):
            if not unseen:
                parts.append(piece)
        elif not piece.is_end and piece.name in _UNSEEN:
            unseen.append(piece.name)
        elif piece.is_end and piece.name in unseen:
            while unseen.pop() != piece.name:
                pass
        elif piece.name in _BLOCKS and not (piece.is_end and piece.name in ("br", "hr")):
            parts.append("\n\n" if piece.name == "p" and not piece.is_end else "\n")
    lines = [" ".join(line.split()) for line in "".join(parts).splitlines()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def _one_line(value: Any) -> str:
    return " ".join(text_of(value).split())[:500] if isinstance(value, str) else ""


def _html_of(part: Any) -> str:
    """A part of an entry, which says whether what looks like a tag in it is one."""
    detail = _object(part)
    value = str(detail.get("value") or "")
    return _escaped(value) if detail.get("type") == "text/plain" else value


def _escaped(value: Any) -> str:
    """Plain text as HTML, so that it is read the same way."""
    text = value if isinstance(value, str) else ""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", "<br>")


def _link(value: Any, base: str) -> str:
    if not isinstance(value, str) or not value.strip():
        return ""
    try:
        whole = urljoin(base, value.strip())
    except ValueError:
        return ""
    return whole if whole.startswith(("https://", "http://")) and len(whole) <= 1000 else ""


def _raw(entry: Mapping[str, Any], name: str) -> Any:
    """What stands there; feedparser would give one time for the other where it is missing."""
    return dict.get(entry, name) if isinstance(entry, dict) else None


def _moment(parsed: Any) -> datetime | None:
    """feedparser's time, which is in UTC. None for what no entry can be from."""
    try:
        moment = datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return None
    return moment if EARLIEST <= moment <= now() + timedelta(days=3660) else None


def _iso(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment if moment >= EARLIEST else None
    except (TypeError, ValueError, OverflowError):
        return None


def _short(given: str) -> str:
    if len(given) <= _LONGEST_ID and given.isprintable():
        return given
    return hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [value]
