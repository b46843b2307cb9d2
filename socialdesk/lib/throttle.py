"""How often something may be done: counted in the cache, by windows of time."""

from __future__ import annotations

import time

from django.core.cache import cache


def allow(what: str, *, most: int, seconds: int) -> bool:
    """Count one more of `what` in the present window of `seconds`; False once there were `most`."""
    key = f"throttle:{what}:{int(time.time()) // seconds}"
    cache.add(key, 0, timeout=seconds)
    try:
        return cache.incr(key) <= most
    except ValueError:  # it ran out in between: another window has begun
        return True
