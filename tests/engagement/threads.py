"""Threads as a desk's workers and requests are: each with a database connection of its own, closed at its end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from django.db import connection

T = TypeVar("T")


def in_thread(work: Callable[[], T]) -> Future[T]:
    """Start `work` on a thread of its own."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
        finally:
            connection.close()

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
