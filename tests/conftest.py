"""What holds for every test: no network but this machine, and a clean slate in what processes keep."""

from __future__ import annotations

import gc
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import hypothesis
import pytest
from django.core.cache import caches
from django.db import connection

# How long an example takes says something of the machine, not of the desk.
hypothesis.settings.register_profile("desk", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("desk")

_connect = socket.socket.connect


gc.disable()  # until all is imported and collected, which stays: looking through it again and again took a quarter of the time


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first: begun last, one of them would keep the others' cores waiting."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def _guarded_connect(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6):
        host = address[0]
        if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
            raise PermissionError(f"a test tried to reach {host}: tests speak to this machine only")
    _connect(self, address)


@pytest.fixture(autouse=True, scope="session")
def _only_this_machine() -> Iterator[None]:
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign,assignment]
    yield
    socket.socket.connect = _connect  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def _clean_slate(settings: Any, tmp_path: Any) -> Iterator[None]:
    """Throttles, lock-outs and kept matchers of one test say nothing in the next; each has a sandbox of its own."""
    settings.SANDBOX_PATH = tmp_path / "sandbox.sqlite3"
    _clear_caches()
    yield
    _clear_caches()


_leftovers = ""


@pytest.fixture(autouse=True)
def _no_leftovers(request: Any, django_db_blocker: Any) -> None:
    """What tests rolled back still lies in PostgreSQL's tables, and each query walks past it: a large test that commits took ten times as
    long after a few that try many examples. So it is tidied up after those, and before whatever commits. Nothing is to do where a test
    commits: its tables are truncated.
    """
    global _leftovers
    database = request.node.get_closest_marker("django_db")
    if database is None or connection.vendor != "postgresql":
        return
    commits = bool(database.kwargs.get("transaction"))
    if _leftovers == "many" or (_leftovers and commits):
        with django_db_blocker.unblock(), closing(connection.copy()) as another, another.cursor() as cursor:
            cursor.execute("VACUUM")
    _leftovers = "" if commits else "many" if request.node.get_closest_marker("slow") else "few"


def _clear_caches() -> None:
    for cache in caches.all():  # also those that an async test began with: which are known is remembered by context
        cache.clear()
