"""The active topics as one matcher, kept by each process for as long as no topic changes."""

from __future__ import annotations

from threading import Lock
from typing import Any

from django.db import connection

from listening.models import Topic
from listening.query import TopicMatcher

_lock = Lock()
_kept: tuple[tuple[Any, ...], TopicMatcher] | None = None


def get_matcher() -> TopicMatcher:
    """The matcher of the topics that are active now: one small query, and a compilation only after a change."""
    global _kept
    stamp = read_stamp()
    kept = _kept
    if kept is not None and kept[0] == stamp:
        return kept[1]
    with _lock:
        queries = dict(Topic.objects.filter(is_active=True).values_list("id", "query"))
        matcher = TopicMatcher(queries)
        _kept = (stamp, matcher)
    return matcher


def read_stamp() -> tuple[Any, ...]:
    """Changes whenever an active topic does, also where of two that are edited at once the later edit is stored first."""
    with connection.cursor() as cursor:  # by hand: building this query in the ORM costs more than running it
        cursor.execute(f"SELECT id, changed_at FROM {Topic._meta.db_table} WHERE is_active ORDER BY id")  # noqa: S608
        return tuple(cursor.fetchall())
