"""Lists that come newest first and in parts, made into one line that is read oldest first from a cursor on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

from socialdesk.lib.clock import now
from socialdesk.networks.base import Batch, MessageData, NetworkError, PostData, Unreadable

BEGINNING = timedelta(hours=24)  # so far back the first read goes; what is older is for the back-fill
OVERLAP = timedelta(minutes=3)  # what the network shows late is still found so long after
_KEPT_BAD = 200  # entries that could not be read and are not told again


@dataclass(frozen=True, slots=True)
class Entry:
    """One post or message, and when it was written."""

    at: datetime
    item: PostData | MessageData


@dataclass(frozen=True, slots=True)
class Bad:
    """One entry that could not be read. `at`: when it was written, if that could be read."""

    said: Unreadable
    key: str
    at: datetime | None = None


@dataclass(slots=True)
class Found:
    """What one look at the network brought. Entries of one list are in the order in which they were written."""

    entries: list[Entry] = field(default_factory=list)
    bad: list[Bad] = field(default_factory=list)
    began: datetime = field(default_factory=now)  # the look: what is written during it may be behind where it has been


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where reading stands: everything older than `since` is taken in, and of what is newer that in `seen`.

    `seen` maps digests to when it was written, in seconds; `counts` says how many comments there were below a post; `done` are ids
    that somebody told us of and that were looked at.
    """

    since: datetime
    seen: dict[str, int] = field(default_factory=dict)
    bad: tuple[str, ...] = ()
    counts: dict[str, int] = field(default_factory=dict)
    done: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises NetworkError for what is no cursor of these networks."""
        if not text:
            return cls((now() - BEGINNING).replace(microsecond=0))
        try:
            kept: Any = json.loads(text)
            return cls(
                datetime.fromtimestamp(kept["since"], UTC),
                {str(key): int(at) for key, at in kept["seen"].items()},
                tuple(map(str, kept["bad"])),
                {str(key): int(count) for key, count in kept.get("counts", {}).items()},
                tuple(map(str, kept.get("done", []))),
            )
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, OSError, RecursionError):
            raise NetworkError("The place where reading stopped cannot be read.", permanent=True, code="bad_cursor") from None

    def __str__(self) -> str:
        kept = {"since": int(self.since.timestamp()), "seen": self.seen, "bad": self.bad}
        if self.counts:
            kept["counts"] = self.counts
        if self.done:
            kept["done"] = self.done
        return json.dumps(kept, separators=(",", ":"))


def cut(found: Found, cursor: Cursor, *, limit: int, counts: dict[str, int] | None = None, done: Iterable[str] = ()) -> Batch:
    """The oldest `limit` entries after the cursor. `counts` and `done` are what the cursor keeps once all of them are given."""
    waiting: list[tuple[str, Entry]] = []
    known = dict(cursor.seen)
    for entry in sorted(found.entries, key=lambda entry: entry.at):
        key = digest(entry.item.external_id)
        if key not in known and entry.at >= cursor.since:
            known[key] = int(entry.at.timestamp())
            waiting.append((key, entry))
    taken, is_more = waiting[:limit], len(waiting) > limit
    since = cursor.since
    if taken:
        # Neither a clock that runs ahead nor a look that took long must carry us past what was not yet there to be seen.
        since = max(since, min(taken[-1][1].at, found.began) - OVERLAP)
    seen = {**cursor.seen, **{key: int(entry.at.timestamp()) for key, entry in taken}}
    bad, kept_bad = _fresh_bad(found.bad, cursor)
    items = [entry.item for _, entry in taken]
    following = Cursor(
        since=since.replace(microsecond=0),
        seen={key: at for key, at in seen.items() if at >= int(since.timestamp())},
        bad=kept_bad,
        counts=cursor.counts if is_more or counts is None else counts,
        done=cursor.done if is_more else tuple(done),
    )
    return Batch(
        posts=tuple(item for item in items if isinstance(item, PostData)),
        messages=tuple(item for item in items if isinstance(item, MessageData)),
        cursor=str(following),
        more=is_more,
        unreadable=bad,
    )


def _fresh_bad(found: Sequence[Bad], cursor: Cursor) -> tuple[tuple[Unreadable, ...], tuple[str, ...]]:
    fresh: dict[str, Unreadable] = {}
    for bad in found:
        key = digest(bad.key)
        if key not in cursor.bad and key not in fresh and (bad.at is None or bad.at >= cursor.since):
            fresh[key] = bad.said
    return tuple(fresh.values()), (*cursor.bad, *fresh)[-_KEPT_BAD:]


def digest(external_id: str) -> str:
    """An id in few characters: a cursor holds many."""
    return blake2b(external_id.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
