"""How many calls an account has left at its network: one budget for all workers, in which answers go before reading.

What a network says in its headers is kept where every worker sees it (the cache: Redis where there are several processes). Reading stops
while there is still something left for answers; writing stops only where nothing is left. Both are told when to come again, so nobody
sleeps in a worker.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from dataclasses import dataclass

from django.core.cache import cache

from socialdesk.networks.base import LONGEST_WAIT, NetworkError

RESERVE = 0.2  # of a limit that reading and writing share: left to answers
MOST = 10**9  # calls; a cache shared by processes counts no further than 64 bits


@dataclass(frozen=True, slots=True)
class Limit:
    """What a network said of one of its limits: `remaining` calls of `limit` until `resets_at` (seconds since the epoch, UTC)."""

    bucket: str
    limit: int
    remaining: int
    resets_at: float


class Budget:
    """The limits of one account. `account` is any key that no other account has."""

    def __init__(self, account: str) -> None:
        self._account = account

    def spend(self, bucket: str, *, is_write: bool, is_shared: bool = True) -> None:
        """Take one call out of a bucket. `is_shared`: writes are counted in it too, so reading leaves them a reserve.

        Raises NetworkError (retryable, with the seconds to wait) where nothing is left. A bucket of which nothing is known yet is open.
        """
        known: tuple[int, float] | None = cache.get(self._key(bucket))
        if known is None:
            return
        limit, resets_at = known
        wait = resets_at - time.time()
        if wait <= 0:
            return
        try:
            left = cache.decr(self._key(bucket, "left"))  # first, so that of two workers only one has the last
        except ValueError:
            return  # a cache that is full lets go of what it likes: that is no reason to be silent for hours
        kept = 0 if is_write or not is_shared else math.ceil(limit * RESERVE)
        if left < kept:
            with suppress(ValueError):
                cache.incr(self._key(bucket, "left"))
            kind = "answers" if is_write else "reading"
            raise NetworkError(
                f"The network's limit for {kind} is used up; the desk goes on in {_spoken(wait)}.",
                retryable=True,
                retry_after=math.ceil(wait),
                code="budget",
            )

    def note(self, *limits: Limit) -> None:
        """Remember what the network said last. It knows better than our own counting."""
        for limit in limits:
            seconds = math.ceil(min(LONGEST_WAIT, limit.resets_at - time.time()))
            if seconds <= 0 or limit.limit <= 0:
                continue
            cache.set(self._key(limit.bucket, "left"), max(0, min(limit.remaining, MOST)), timeout=seconds)
            cache.set(self._key(limit.bucket), (limit.limit, time.time() + seconds), timeout=seconds)

    def close(self, bucket: str, *, seconds: float) -> None:
        """Nothing more for so long: the network refused a call."""
        self.note(Limit(bucket, 1, 0, time.time() + max(1, seconds)))

    def _key(self, bucket: str, what: str = "limit") -> str:
        return f"budget:{self._account}:{bucket}:{what}"


def _spoken(seconds: float) -> str:
    return f"{math.ceil(seconds)} s" if seconds < 90 else f"{math.ceil(seconds / 60)} min"
