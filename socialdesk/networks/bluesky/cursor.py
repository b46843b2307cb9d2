"""Where reading stands: how far each feed was read, which of its latest entries were handed on, and which posts are watched.

Bluesky gives every list newest first and cuts it into pages by its own marks. So a feed is read down to where it was left, which may take
several fetches; the marks of the pages that are still to be handed on are kept meanwhile, the deepest last.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from socialdesk.networks.base import NetworkError
from socialdesk.networks.bluesky.values import moment

MOST_SEEN = 500
START = "0"  # a mark before all others, of a feed that was empty


@dataclass(slots=True)
class Place:
    """`mark` is the time up to which a feed was handed on, "" where it was never read; `seen` names its latest entries with the seconds
    of their time, since others may still come between them. `pages` are the marks of pages below the newest one that are still to be
    handed on, and `goes_down` says that there are more of them below."""

    mark: str = ""
    seen: dict[str, int] = field(default_factory=dict)
    pages: list[str] = field(default_factory=list)
    goes_down: bool = False

    @property
    def at(self) -> datetime | None:
        return moment(self.mark)


@dataclass(slots=True)
class Cursor:
    """`log` is how far private messages were read, "" where they never were. `watched` are the addresses of posts that are asked for
    again for a while, whether they are gone. No names stand here: whoever is erased from the desk would stay in it."""

    did: str
    places: dict[str, Place] = field(default_factory=dict)
    log: str = ""
    watched: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str, did: str) -> Cursor:
        """One of another account begins anew, so that nothing there is missed."""
        if not text:
            return cls(did)
        try:
            given = json.loads(text)
            places = {str(key): _read_place(*parts) for key, parts in given["feeds"].items()}
            watched = [str(post[0] if isinstance(post, list) else post) for post in given["watched"]]  # older ones: with a name
            whose, log = str(given["did"]), str(given["log"])
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            reason = f"{text[:60]!r} is no cursor of Bluesky; read again from the beginning."
            raise NetworkError(reason, permanent=True, code="bad_cursor") from None
        return cls(did, places, log, watched) if whose == did else cls(did)

    def __str__(self) -> str:
        feeds = {key: [place.mark, place.seen, place.pages, place.goes_down] for key, place in self.places.items()}
        given = {"did": self.did, "feeds": feeds, "log": self.log, "watched": self.watched}
        return json.dumps(given, separators=(",", ":"), ensure_ascii=False)


def _read_place(mark: object, seen: Mapping[str, int], pages: list[object], goes_down: object) -> Place:
    return Place(str(mark), {str(name): int(at) for name, at in seen.items()}, [str(page) for page in pages], bool(goes_down))


def short(uri: str) -> str:
    """A name for an entry that takes little room."""
    return hashlib.sha256(uri.encode("utf-8", "surrogatepass")).hexdigest()[:10]
