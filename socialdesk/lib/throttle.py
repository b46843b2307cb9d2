"""How often something is done: counted in the cache, which all processes share where there are several.

A cache that is away counts nothing and refuses nobody: a customer's page must not fail for that.
"""

from __future__ import annotations

import logging

from django.core.cache import cache
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)
_is_away = False  # the log says it once, not for each request


def take(key: str, *, limit: int, seconds: int) -> bool:
    """Count one more of `key`. False once there were more than `limit` within `seconds` of the first."""
    return count(f"throttle:{key}", seconds=seconds) <= limit


def count(name: str, *, seconds: int) -> int:
    """Count one more of `name`: how many that makes within `seconds` of the first; 0 while the cache is away."""
    try:
        cache.add(name, 0, seconds)
        try:
            counted = cache.incr(name)
        except ValueError:  # its time ended between the two
            cache.set(name, 1, seconds)
            counted = 1
    except (RedisError, OSError) as error:
        _say_away(error)
        return 0
    _say_back()
    return counted


def read_count(name: str) -> int:
    """How many there are now; 0 while the cache is away."""
    try:
        counted = int(cache.get(name, 0))
    except (RedisError, OSError) as error:
        _say_away(error)
        return 0
    _say_back()
    return counted


def _say_away(error: Exception) -> None:
    global _is_away
    if not _is_away:
        logger.warning("the cache cannot be reached: nothing is counted and nobody is held off meanwhile (%s)", type(error).__name__)
    _is_away = True


def _say_back() -> None:
    global _is_away
    if _is_away:
        logger.warning("the cache is back")
    _is_away = False
