"""Threads as a desk's workers and requests are: each with a database connection of its own, closed at its end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar
from unittest.mock import patch

from django.db import connection

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> Future[T]:
    """Start `work` on a thread of its own."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            result = work()
        except BaseException as error:
            connection.close()
            future.set_exception(error)
        else:
            connection.close()  # before anybody hears of it: the test's database may be gone then
            future.set_result(result)

    threading.Thread(target=run, daemon=True).start()
    return future


def at_once(works: Sequence[Callable[[], Any]], *, timeout: float = 60) -> list[Any]:
    """Do all of `works` at the same moment, each on its own thread. What one raised stands in the place of its result."""
    barrier = threading.Barrier(len(works))

    def released(work: Callable[[], T]) -> Callable[[], T]:
        def run() -> T:
            connection.ensure_connection()
            barrier.wait(timeout)
            return work()

        return run

    futures = [in_thread(released(work)) for work in works]
    results = []
    for future in futures:
        error = future.exception(timeout)
        if error is not None and not isinstance(error, Exception):
            raise error
        results.append(error if error is not None else future.result())
    return results


def while_held(place: str, first: Callable[[], Any], second: Callable[[], Any], *, timeout: float = 60) -> tuple[Any, Any]:
    """What both come to if `second` begins when `first` has just done `place` (a function's full name) inside its transaction.

    `first` goes on a moment later: time enough for `second` to do its worst if nothing keeps it waiting.
    """
    module, name = place.rsplit(".", 1)
    real = getattr(sys.modules[module], name)
    reached, begun = threading.Event(), threading.Event()
    owner: list[int] = []

    def hold(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        if threading.get_ident() in owner and not reached.is_set():
            reached.set()
            begun.wait(timeout)
            time.sleep(0.3)
        return result

    def run_first() -> Any:
        owner.append(threading.get_ident())
        return first()

    def run_second() -> Any:
        connection.ensure_connection()
        begun.set()
        return second()

    with patch(place, hold):
        one = in_thread(run_first)
        assert reached.wait(timeout)
        other = in_thread(run_second)
        return one.result(timeout), other.exception(timeout) or other.result(timeout)
