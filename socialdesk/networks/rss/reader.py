"""The listening side of a feed: what is new or changed in it since the cursor, which remembers what the feed held."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from socialdesk.lib.clock import now
from socialdesk.networks.base import AccountConfig, Batch, NetworkError, PostData, Unreadable
from socialdesk.networks.rss.client import ask
from socialdesk.networks.rss.parsing import read_feed


@dataclass(frozen=True, slots=True)
class _Cursor:
    """The stamps that the server gave, and what the feed held: short sums of ids and of what stood under them."""

    etag: str = ""
    modified: str = ""
    held: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> _Cursor:
        if not text:
            return cls()
        try:
            raw = json.loads(text)
            held = tuple((str(key), str(value)) for key, value in raw["held"].items())
            return cls(str(raw["etag"]), str(raw["modified"]), held)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            said = "This is no cursor of a feed; read it again from its beginning."
            raise NetworkError(said, permanent=True, code="bad_cursor") from None

    def __str__(self) -> str:
        return json.dumps({"etag": self.etag, "modified": self.modified, "held": dict(self.held)}, separators=(",", ":"))


class FeedReader:
    """See Reader."""

    def __init__(self, config: AccountConfig) -> None:
        self._url = config.credentials.get("url", "")

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        before = _Cursor.parse(cursor)
        answer = ask(self._url, etag=before.etag, modified=before.modified)
        if answer.is_unchanged:
            return Batch(cursor=cursor)
        known = dict(before.held)
        fresh: dict[str, PostData | Unreadable] = {}
        sums = {}
        for entry in read_feed(answer.content, url=self._url, media_type=answer.media_type).entries:
            key, content = _sums(entry)
            if key in sums:  # the same entry twice: the first is the newest
                continue
            sums[key] = content
            if known.get(key) != content:
                changed = key in known and isinstance(entry, PostData) and entry.edited_at is None
                fresh[key] = replace(entry, edited_at=now()) if changed and isinstance(entry, PostData) else entry
        posts = sorted((key for key in fresh if isinstance(fresh[key], PostData)), key=lambda key: _posted(fresh[key]))
        left = set(posts[limit:])
        after = {key: known.get(key, "") if key in left else content for key, content in sums.items()}
        held = tuple((key, content) for key, content in after.items() if content)
        stamps = ("", "") if left else (answer.etag, answer.modified)  # what is left is asked for again, changed or not
        return Batch(
            posts=tuple(post for key in posts[:limit] if isinstance(post := fresh[key], PostData)),
            cursor=str(_Cursor(*stamps, held)),
            more=bool(left),
            unreadable=tuple(entry for entry in fresh.values() if isinstance(entry, Unreadable)),
        )


def _posted(entry: PostData | Unreadable) -> float:
    return entry.posted_at.timestamp() if isinstance(entry, PostData) else 0.0


def _sums(entry: PostData | Unreadable) -> tuple[str, str]:
    if isinstance(entry, Unreadable):
        return _sum(f"unreadable {entry.external_id} {entry.reason}"), "1"
    return _sum(entry.external_id), _sum(f"{entry.text}\n{entry.edited_at}")[:8]


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
