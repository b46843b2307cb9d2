"""What holds for every test: no network but this machine, and a clean slate in what processes keep."""

from __future__ import annotations

import gc
import ipaddress
import socket
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.core.cache import caches

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


def _clear_caches() -> None:
    for cache in caches.all(initialized_only=True):
        cache.clear()
