"""What stands in the networks' JSON, read sanely: everything may be missing, null, of another type or huge."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from socialdesk.networks.base import MediaData, PostData, Unreadable
from socialdesk.networks.facebook.timeline import Bad, Entry, Found

T = TypeVar("T", bound=PostData)
_LONGEST_ID = 200
_UNNAMED = "unnamed:"


class Nonsense(ValueError):
    """An entry is none of what the network describes. The message is for people."""


def text_of(value: Any) -> str:
    """A text, "" for anything else."""
    return value if isinstance(value, str) else ""


def id_of(value: Any) -> str:
    """An id, which may come as a number; "" for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < 10**60 else ""
    return value if isinstance(value, str) and 0 < len(value) <= _LONGEST_ID else ""


def stand_in(of: str) -> str:
    """The id of whoever wrote that, of whom the network does not say who it is: somebody of their own for each post, because two of them
    must never become one person."""
    return f"{_UNNAMED}{of}"[:_LONGEST_ID]


def is_stand_in(author_id: str) -> bool:
    """Whether the network did not give that id, and so cannot be asked by it: see stand_in; Instagram's user names are no ids either."""
    return author_id.startswith((_UNNAMED, "@"))


def object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def data_of(value: Any) -> list[Any]:
    """The entries of a list that stands within an object, as {"data": [...]}."""
    return list_of(object_of(value).get("data"))


def number_of(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def link_of(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else ""


def moment_of(value: Any) -> datetime | None:
    """A time: ISO 8601 with an offset, or seconds or milliseconds since the epoch."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
            return datetime.fromtimestamp(value / 1000 if value > 10**11 else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def need_id(value: Any, what: str) -> str:
    """Raises Nonsense."""
    found = id_of(value)
    if not found:
        raise Nonsense(f"{what} has no id")
    return found


def need_moment(value: Any, what: str) -> datetime:
    """Raises Nonsense."""
    found = moment_of(value)
    if found is None:
        raise Nonsense(f"{what} does not say when it was written")
    return found


def collect(found: Found, raws: Iterable[Any], read: Callable[[dict[str, Any]], Entry], *, since: datetime, written: str) -> None:
    """Read a list that comes newest first into `found`, oldest first. `written` names the field that says when."""
    entries = []
    for raw in raws:
        at = moment_of(object_of(raw).get(written))
        if at is not None and at < since:
            continue
        entry = attempt(found, raw, read, at=at)
        if entry is not None:
            entries.append(entry)
    found.entries.extend(reversed(entries))


def attempt(found: Found, raw: Any, read: Callable[[dict[str, Any]], Entry], *, at: datetime | None = None) -> Entry | None:
    """One entry read, or noted as one that cannot be."""
    try:
        if not isinstance(raw, dict):
            raise Nonsense(f"an entry is a {type(raw).__name__}, not an object")
        return read(raw)
    except Nonsense as error:
        external_id = id_of(object_of(raw).get("id"))
        found.bad.append(Bad(Unreadable(str(error), external_id), external_id or json.dumps(raw, sort_keys=True)[:2000], at))
        return None


def media_of(kind: str, url: Any, alt: Any = "", preview: Any = "") -> tuple[MediaData, ...]:
    link = link_of(url)
    return (MediaData(kind, link, text_of(alt), link_of(preview)),) if link else ()
