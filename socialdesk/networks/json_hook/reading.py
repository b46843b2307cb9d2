"""Reads what a program pushed: one object or a list of them, its fields found by the paths that were given or by their usual names."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from socialdesk.lib.clock import now
from socialdesk.networks.base import AuthorData, Batch, HookRefused, PostData, Unreadable

KEY = "json"
MOST = 1000  # posts of one call
FIELDS = (
    *("external_id", "text", "posted_at", "author.username", "author.external_id", "author.display_name", "author.followers"),
    *("author.url", "url", "in_reply_to", "language", "edited_at", "deleted"),
)
# What a field may be called where the mapping does not say.
USUAL: Mapping[str, Sequence[str]] = {
    "entries": ("posts", "items", "entries", "data", "results"),
    "external_id": ("external_id", "id", "guid", "uuid"),
    "text": ("text", "content", "body", "message", "comment"),
    "posted_at": ("posted_at", "created_at", "date", "timestamp", "time"),
    "author.username": ("author.username", "author.name", "author", "username", "user.username", "user.name", "user"),
    "author.external_id": ("author.external_id", "author.id", "author_id", "user.id", "user_id"),
    "author.display_name": ("author.display_name", "author.name", "user.name"),
    "author.followers": ("author.followers",),
    "author.url": ("author.url", "user.url"),
    "url": ("url", "link", "permalink"),
    "in_reply_to": ("in_reply_to", "parent_id", "reply_to"),
    "language": ("language", "lang"),
    "edited_at": ("edited_at", "updated_at"),
    "deleted": ("deleted",),
}
_DEEPEST = 20  # steps of one path
_LONGEST_ID = 120


class BadMapping(ValueError):
    """The text is no mapping. The message says what to write."""


class _Nothing(ValueError):
    """This entry is no post. The message is the reason."""


def read_mapping(text: str) -> dict[str, str]:
    """`FIELD=path` pairs, apart by blanks or commas. Raises BadMapping."""
    mapping = {}
    for pair in text.replace(",", " ").split():
        name, sign, path = pair.partition("=")
        if name not in USUAL or not sign or not all(path.split(".")) or path.count(".") > _DEEPEST:
            raise BadMapping(f"“{pair[:60]}” is none of the fields: write FIELD=path with a field of {', '.join(USUAL)}.")
        mapping[name] = path
    return mapping


def read_call(body: bytes, *, name: str, mapping: str = "") -> Batch:
    """The posts of one call to the hook of that name. Raises HookRefused for what is no JSON, or no posts at all."""
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise HookRefused("The call is no JSON.") from None
    paths = read_mapping(mapping)
    entries = _entries(told, paths)
    if len(entries) > MOST:
        raise HookRefused(f"A call has at most {MOST:,} posts; this one has {len(entries):,}.")
    posts, unreadable = [], []
    for entry in entries:
        try:
            posts.append(_read(entry, name, paths))
        except _Nothing as reason:
            unreadable.append(Unreadable(str(reason), _word(_find(entry, "external_id", paths))[:_LONGEST_ID]))
    return Batch(tuple(posts), unreadable=tuple(unreadable))


def _entries(told: Any, paths: Mapping[str, str]) -> list[Any]:
    if isinstance(told, list):
        return told
    if not isinstance(told, dict):
        raise HookRefused("The call is neither an object nor a list of them.")
    found = _find(told, "entries", paths)
    if isinstance(found, list):
        return found
    if "entries" in paths:
        raise HookRefused(f"The call has no list at {paths['entries']}.")
    return [told]


def _read(entry: Any, name: str, paths: Mapping[str, str]) -> PostData:
    if not isinstance(entry, dict):
        raise _Nothing("it is no object")
    external_id = _word(_find(entry, "external_id", paths))
    if not external_id:
        raise _Nothing("it has no id: say where it stands with external_id=path")
    text = _find(entry, "text", paths)
    deleted = _find(entry, "deleted", paths) is True
    if not isinstance(text, str) and not deleted:
        raise _Nothing("it has no text: say where it stands with text=path")
    username = _word(_find(entry, "author.username", paths))
    author_id = _word(_find(entry, "author.external_id", paths)) or username or ("unknown" if deleted else "")
    if not author_id:
        raise _Nothing("it has no author: say where the name stands with author.username=path")
    followers = _find(entry, "author.followers", paths)
    reply_to = _word(_find(entry, "in_reply_to", paths))
    return PostData(
        network=KEY,
        external_id=_own_id(name, external_id),
        text=text if isinstance(text, str) else "",
        author=AuthorData(
            external_id=_own_id(name, author_id),
            username=username or author_id,
            display_name=_word(_find(entry, "author.display_name", paths)),
            followers=followers if type(followers) is int and 0 <= followers < 10**12 else 0,
            url=_link(_find(entry, "author.url", paths)),
        ),
        posted_at=_time(_find(entry, "posted_at", paths), "posted_at") or now(),
        url=_link(_find(entry, "url", paths)),
        in_reply_to=_own_id(name, reply_to) if reply_to else "",
        language=_word(_find(entry, "language", paths))[:12],
        edited_at=_time(_find(entry, "edited_at", paths), "edited_at"),
        deleted=deleted,
    )


def _find(entry: Any, field: str, paths: Mapping[str, str]) -> Any:
    """What stands where the mapping says, else under the first of the usual names that holds something usable."""
    for path in (paths[field],) if field in paths else USUAL[field]:
        value = entry
        for step in path.split("."):
            if isinstance(value, list) and step.isdecimal() and len(step) < 6 and int(step) < len(value):
                value = value[int(step)]
            else:
                value = value.get(step) if isinstance(value, dict) else None
        if value is not None and (not isinstance(value, dict) or field in paths):
            return value
    return None


def _word(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return str(value) if type(value) is int and abs(value) < 10**40 else ""


def _link(value: Any) -> str:
    return value if isinstance(value, str) and value.startswith(("https://", "http://")) else ""


def _own_id(name: str, given: str) -> str:
    """Ids of two programs may be the same, and any length."""
    ready = given if len(given) <= _LONGEST_ID and given.isprintable() else hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
    return f"{name}:{ready}"


def _time(value: Any, field: str) -> datetime | None:
    """A moment as ISO text, or as seconds or milliseconds since 1970."""
    if value in (None, ""):
        return None
    try:
        if isinstance(value, str) and not value.strip().isdecimal():
            moment = datetime.fromisoformat(value.strip())
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise ValueError
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise _Nothing(f"{field} is no time: write it as 2026-11-29T10:00:00Z") from None
