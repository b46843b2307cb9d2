"""Reads a post from what a program or a file gave: a dictionary of anything, turned into a PostData or refused with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from listening.services.acceptance import Refused
from listening.services.parts import MOST_MEDIA, MOST_OPTIONS
from socialdesk.networks.base import AuthorData, MediaData, PostData, QuoteData

FIELDS = (
    *("network", "external_id", "text", "author", "posted_at", "url", "in_reply_to", "language"),
    *("repost_of", "edited_at", "deleted", "media", "quote", "poll", "warning"),
)


def read_post(raw: Any, *, network: str = "") -> PostData:
    """One post from `raw`, whose fields are those of `POST /api/mentions/`. `network` stands in where it names none. Raises Refused."""
    if not isinstance(raw, Mapping):
        raise Refused(f"a post must be an object with fields, not {_kind(raw)}")
    return PostData(
        network=_text(raw, "network") or network,
        external_id=_text(raw, "external_id"),
        text=_text(raw, "text"),
        author=_author(raw.get("author")),
        posted_at=_time(raw, "posted_at"),
        url=_text(raw, "url"),
        in_reply_to=_text(raw, "in_reply_to"),
        language=_text(raw, "language"),
        repost_of=_text(raw, "repost_of"),
        edited_at=_time(raw, "edited_at") if raw.get("edited_at") else None,
        deleted=bool(raw.get("deleted", False)),
        media=_media(raw.get("media")),
        quote=_quote(raw.get("quote")),
        poll=_poll(raw.get("poll")),
        warning=_text(raw, "warning"),
    )


def _author(raw: Any) -> AuthorData:
    if isinstance(raw, str):
        raw = {"username": raw}
    if not isinstance(raw, Mapping):
        raise Refused(f"author must be an object with external_id and username, not {_kind(raw)}")
    username = _text(raw, "username", "author.username") or _text(raw, "external_id", "author.external_id")
    # A network that tells no ids: the name in small letters is the identity, as it is for its users.
    external_id = _text(raw, "external_id", "author.external_id") or username.removeprefix("@").casefold()
    followers = raw.get("followers")
    if followers in (None, ""):
        followers = 0
    try:
        followers = int(followers)
    except (ValueError, TypeError, OverflowError):
        raise Refused(f"author.followers must be a whole number, not {str(followers)[:40]!r}") from None
    return AuthorData(
        external_id=external_id,
        username=username,
        display_name=_text(raw, "display_name", "author.display_name"),
        followers=followers,
        url=_text(raw, "url", "author.url"),
        bio=_text(raw, "bio", "author.bio"),
    )


def _text(raw: Mapping[str, Any], name: str, label: str = "") -> str:
    value = raw.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Refused(f"{label or name} must be text, not {_kind(value)}")
    try:
        return str(value)
    except ValueError:  # a number of more digits than Python turns into text
        raise Refused(f"{label or name} is a number that is far too long") from None


def _time(raw: Mapping[str, Any], name: str) -> datetime:
    value = raw.get(name)
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, date) or value in (None, ""):
        raise Refused(f"{name} is missing: give the time with its zone, as 2026-05-04T10:00:00Z")
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value.strip())
        except ValueError:
            raise Refused(f"{name} {value[:40]!r} is not a time: write it as 2026-05-04T10:00:00Z") from None
    else:
        raise Refused(f"{name} must be a time as text, as 2026-05-04T10:00:00Z, not {_kind(value)}")
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise Refused(f"{name} {value!s:.40} is outside of what a calendar holds") from None


def _media(raw: Any) -> tuple[MediaData, ...]:
    if raw in (None, ""):
        return ()
    if not isinstance(raw, list) or not all(isinstance(item, Mapping) for item in raw):
        raise Refused("media must be a list of objects with kind, url, alt and preview")
    return tuple(
        MediaData(
            _text(item, "kind", "media.kind") or "image",
            *(_text(item, name, f"media.{name}") for name in ("url", "alt", "preview")),
        )
        for item in raw[:MOST_MEDIA]
    )


def _quote(raw: Any) -> QuoteData | None:
    if raw in (None, ""):
        return None
    if not isinstance(raw, Mapping):
        raise Refused(f"quote must be an object with external_id, author, text and url, not {_kind(raw)}")
    return QuoteData(*(_text(raw, name, f"quote.{name}") for name in ("external_id", "author", "text", "url")))


def _poll(raw: Any) -> tuple[str, ...]:
    if raw in (None, ""):
        return ()
    if not isinstance(raw, list) or not all(isinstance(option, str) for option in raw):
        raise Refused("poll must be a list of texts: what can be voted for")
    return tuple(raw[:MOST_OPTIONS])


def _kind(value: Any) -> str:
    names = {"dict": "an object", "list": "a list", "str": "text", "NoneType": "nothing", "bool": "true or false", "float": "a number"}
    return names.get(type(value).__name__, type(value).__name__)
