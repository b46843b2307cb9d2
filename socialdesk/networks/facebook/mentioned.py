"""Where Instagram says that we were named: its webhooks tell ids only, which wait here for the reader to ask about them."""

from __future__ import annotations

import threading

from django.core.cache import caches

KEPT = 24 * 3600  # seconds
MOST = 300  # of an account, the newest

Place = tuple[str, str]  # a post's id, and that of a comment below it or ""
_lock = threading.Lock()  # files count no further by themselves where two threads write; Redis does


def note_mention(account_id: str, media_id: str, comment_id: str) -> None:
    """Told by a signed call, and again by nobody: it is kept where every process sees it and a restart leaves it."""
    if (media_id, comment_id) in told_mentions(account_id):
        return
    # Each has a key of its own: of a list that two calls wrote at the same time, one would be lost.
    kept, counter = caches["kept"], _key(account_id, "count")
    with _lock:
        kept.add(counter, 0, timeout=None)
        number = kept.incr(counter)
    kept.set(_key(account_id, number), (media_id, comment_id), timeout=KEPT)


def told_mentions(account_id: str) -> list[Place]:
    """Those that are kept, in the order in which they were told."""
    last: int = caches["kept"].get(_key(account_id, "count")) or 0
    keys = [_key(account_id, number) for number in range(max(0, last - MOST) + 1, last + 1)]
    kept: dict[str, Place] = caches["kept"].get_many(keys)
    return list(dict.fromkeys(kept[key] for key in keys if key in kept))


def _key(account_id: str, which: int | str) -> str:
    return f"instagram:mentions:{account_id}:{which}"
