"""What stands in an answer, whatever it is: words, numbers and times read from JSON that may hold anything."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NETWORK = "bluesky"
POST, REPOST, LIKE = "app.bsky.feed.post", "app.bsky.feed.repost", "app.bsky.feed.like"

_URI = re.compile(r"at://(did:[a-z]+:[\w.:%-]{1,200})/([a-zA-Z0-9.-]{1,200})/([\w.~:-]{1,512})", re.ASCII)
_LONGEST_URI = 900


def part(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def words(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def count(value: Any) -> int:
    return min(value, 2**31 - 1) if type(value) is int and value > 0 else 0


def moment(value: Any) -> datetime | None:
    """A time with its zone; UTC where none is said."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value.strip())
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stamp(at: datetime) -> str:
    """A time as Bluesky's own clients write it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def split_uri(uri: Any) -> tuple[str, str, str] | None:
    """(whose, collection, key) of a record's address; None for what is none."""
    found = _URI.fullmatch(uri) if isinstance(uri, str) and len(uri) <= _LONGEST_URI else None
    return (found[1], found[2], found[3]) if found else None


def is_did(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"did:[a-z]+:[\w.:%-]{1,200}", value, re.ASCII) is not None
