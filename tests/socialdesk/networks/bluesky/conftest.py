"""What the tests of Bluesky share: the simulated network with the connector on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.socialdesk.networks.bluesky.harness import BlueskyHarness


@pytest.fixture
def bluesky(tmp_path: Path, settings: Settings) -> Iterator[BlueskyHarness]:
    harness = BlueskyHarness(tmp_path, settings)
    yield harness
    harness.close()
