"""A fresh world, and the company's client, reader and publisher on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from socialdesk.networks.sandbox.reader import SandboxReader
from socialdesk.networks.sandbox.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world.sqlite3")


@pytest.fixture
def reader(world: World) -> SandboxReader:
    return SandboxReader(Client(world, "tidewheel"))


@pytest.fixture
def publisher(world: World) -> SandboxPublisher:
    return SandboxPublisher(Client(world, "tidewheel"))
