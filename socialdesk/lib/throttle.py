"""How often something may be done: counted in the cache, which all processes share where there are several."""

from __future__ import annotations

from django.core.cache import cache


def take(key: str, *, limit: int, seconds: int) -> bool:
    """Count one more of `key`. False once there were more than `limit` within `seconds` of the first."""
    name = f"throttle:{key}"
    cache.add(name, 0, seconds)
    try:
        return bool(cache.incr(name) <= limit)
    except ValueError:  # it ran out between the two
        return True
