"""Failures on demand: how often which one happens, kept in the world's file so that every process sees the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

from socialdesk.networks.sandbox.store import Store

# What each failure does, in the order in which they are tried: the first that happens decides the call.
FAULTS: dict[str, str] = {
    "slow": "the answer takes some seconds",
    "revoked": "401: the credentials no longer work, for reads and writes",
    "rate_limit": "429 with a time to wait; nothing is written",
    "dropped": "the connection is lost before anything is written, and the caller cannot know that",
    "server_error": "500 before anything is written, and the caller cannot know that",
    "error_after_accept": "500 although it was written",
    "timeout_after_accept": "it was written, but no answer comes",
    "lookup_down": "looking for what we wrote fails",
    "duplicate_delivery": "reading brings entries that it has brought before",
    "out_of_order_delivery": "reading brings a window of entries in any order",
}
_DEFAULT_SECONDS = {"slow": 1.0, "rate_limit": 2.0}

BEFORE_WRITING = ("revoked", "rate_limit", "dropped", "server_error")
AFTER_WRITING = ("error_after_accept", "timeout_after_accept")
IN_DELIVERY = ("duplicate_delivery", "out_of_order_delivery")


@dataclass(frozen=True, slots=True)
class Draw:
    """What goes wrong in one call: at most one `failure`, and what only changes the answer. `seconds` belong to it."""

    failure: str = ""
    effects: frozenset[str] = frozenset()
    seconds: dict[str, float] = field(default_factory=dict)
    number: str = "0"

    def random(self) -> random.Random:
        """A generator that gives the same numbers whenever the same call of the same seed is made."""
        return random.Random(self.number)  # noqa: S311 - chance, not a secret


class Faults:
    """The switches of one world. Chance is drawn by seed and by a count of calls, so that a run can be repeated."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def set(self, name: str, rate: float, *, seconds: float | None = None) -> None:
        """Lets `name` happen in `rate` (0 to 1) of the calls; `seconds` is how slow, or how long a rate limit asks to wait."""
        if name not in FAULTS:
            raise ValueError(f"unknown fault {name!r}; there are: {', '.join(FAULTS)}")
        if not 0 <= rate <= 1:
            raise ValueError(f"the rate of {name} must be from 0 to 1, not {rate}")
        if seconds is not None and (name not in _DEFAULT_SECONDS or seconds < 0):
            raise ValueError(f"seconds, zero or more, go with {' and '.join(_DEFAULT_SECONDS)} only")
        length = _DEFAULT_SECONDS.get(name, 0.0) if seconds is None else seconds
        with self._store.transaction() as connection:
            connection.execute(
                "INSERT INTO fault VALUES (?, ?, ?, 0) ON CONFLICT (name) DO UPDATE SET rate = excluded.rate, seconds = excluded.seconds",
                (name, rate, length),
            )

    def seed(self, seed: int) -> None:
        """Begins the row of chances anew."""
        with self._store.transaction():
            self._store.keep("fault_seed", seed)
            self._store.keep("fault_calls", 0)

    def heal(self) -> None:
        """Nothing fails any more. What was counted stays."""
        with self._store.transaction() as connection:
            connection.execute("UPDATE fault SET rate = 0")

    def rates(self) -> dict[str, float]:
        """Every fault that may happen, with its rate."""
        return {row["name"]: row["rate"] for row in self._store.rows("SELECT name, rate FROM fault WHERE rate > 0")}

    def counts(self) -> dict[str, int]:
        """How often each fault has happened since the world was made or reset."""
        fired = {row["name"]: row["fired"] for row in self._store.rows("SELECT name, fired FROM fault")}
        return {name: fired.get(name, 0) for name in FAULTS}

    def draw(self, failures: Sequence[str], effects: Sequence[str] = ()) -> Draw:
        """What happens to the call that is about to be made, which these failures and effects could befall."""
        live = {row["name"]: row for row in self._store.rows("SELECT * FROM fault WHERE rate > 0")}
        if not live:
            return Draw()
        with self._store.transaction() as connection:
            calls = int(self._store.setting("fault_calls") or 0) + 1
            self._store.keep("fault_calls", calls)
            number = f"{self._store.setting('fault_seed') or 0}:{calls}"
            happening = {name for name in (*failures, *effects) if name in live and _chance(number, name) < live[name]["rate"]}
            failure = next((name for name in failures if name in happening), "")
            drawn = frozenset(happening.intersection(effects))
            for name in (*drawn, failure):
                connection.execute("UPDATE fault SET fired = fired + 1 WHERE name = ?", (name,))
        return Draw(failure, drawn, {name: row["seconds"] for name, row in live.items()}, number)


def _chance(number: str, name: str) -> float:
    digest = blake2b(f"{number}:{name}".encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2**56
