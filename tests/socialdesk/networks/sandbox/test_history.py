"""The sandbox's past, walked backward."""

from __future__ import annotations

from pathlib import Path

import pytest

from socialdesk.networks.base import NetworkError
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.history import SandboxHistory
from socialdesk.networks.sandbox.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "world.sqlite3")


def test_all_of_it_comes_once_newest_first_and_then_no_more(world: World) -> None:
    written = [world.publish(f"person{number % 3}", f"post {number}").id for number in range(23)]
    history = SandboxHistory(Client(world, "tidewheel"))
    found: list[str] = []
    cursor, more = "", True
    while more:
        batch = history.backfill(cursor, limit=5)
        found += [post.external_id for post in batch.posts]
        cursor, more = batch.cursor, batch.more
    assert found == written[::-1]


def test_an_empty_world_has_no_past(world: World) -> None:
    batch = SandboxHistory(Client(world, "tidewheel")).backfill("")
    assert (batch.posts, batch.more) == ((), False)


@pytest.mark.parametrize("cursor", ["x", "-1", "²", "9" * 30])
def test_a_place_that_is_none_is_an_error(world: World, cursor: str) -> None:
    with pytest.raises(NetworkError):
        SandboxHistory(Client(world, "tidewheel")).backfill(cursor)
