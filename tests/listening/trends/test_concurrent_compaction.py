"""Compactions at once, among appends: the sum is right at every moment. On threads with connections of their own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from typing import Any

import pytest
from django.db import connection, transaction

from listening.models import Rollup
from listening.trends.rollups import Key, append_deltas, compact, count_deltas, read_counts

HOUR = datetime(2026, 3, 4, 14, tzinfo=UTC)
LATER = HOUR + timedelta(hours=1)
KEY = Key(HOUR, "x", None, "negative")


def append_one() -> None:
    with transaction.atomic():
        append_deltas(count_deltas([(HOUR, "x", "negative", [])]))


def in_thread(work: Callable[[], Any]) -> Any:
    try:
        return work()
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_two_compactions_and_appends_at_once_lose_and_double_nothing() -> None:
    writers, rounds = 3, 30
    barrier, done = Barrier(writers + 3), Event()

    def write() -> None:
        barrier.wait()
        for _ in range(rounds):
            append_one()

    def fold() -> int:
        barrier.wait()
        saved = 0
        while not done.is_set():
            saved += compact(before=LATER)
        return saved

    def watch() -> list[int]:
        barrier.wait()
        seen = []
        while not done.is_set():
            seen.append(read_counts(HOUR, LATER).get(KEY, 0))
        return seen

    with ThreadPoolExecutor(writers + 3) as pool:
        folds = [pool.submit(in_thread, fold) for _ in range(2)]
        watched = pool.submit(in_thread, watch)
        for written in [pool.submit(in_thread, write) for _ in range(writers)]:
            written.result()
        done.set()
        saved = sum(future.result() for future in folds)
        seen = watched.result()
    compact(before=LATER)
    assert read_counts(HOUR, LATER) == {KEY: writers * rounds}
    assert Rollup.objects.count() == 1
    assert saved > 0
    assert seen == sorted(seen), "a reader saw a sum that went down"


@pytest.mark.django_db(transaction=True)
def test_rows_appended_but_not_committed_yet_are_left_for_the_next_compaction() -> None:
    for _ in range(3):
        append_one()
    if connection.vendor == "sqlite":  # one writer at a time: there is nothing uncommitted beside a compaction
        append_one()
        assert compact(before=LATER) == 3
        return
    appended, may_commit = Event(), Event()

    def append_slowly() -> None:
        with transaction.atomic():
            append_deltas(count_deltas([(HOUR, "x", "negative", [])]))
            appended.set()
            assert may_commit.wait(30)

    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(in_thread, append_slowly)
        assert appended.wait(30)
        assert compact(before=LATER) == 2
        may_commit.set()
        slow.result()
    assert read_counts(HOUR, LATER) == {KEY: 4}
    assert compact(before=LATER) == 1
