"""A page and an account on a simulated Graph API, for every test here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.socialdesk.networks.facebook.harness import FacebookHarness, InstagramHarness


@pytest.fixture
def facebook(tmp_path: Path, settings: Settings) -> Iterator[FacebookHarness]:
    harness = FacebookHarness(tmp_path, settings)
    yield harness
    harness.close()


@pytest.fixture
def instagram(tmp_path: Path, settings: Settings) -> Iterator[InstagramHarness]:
    harness = InstagramHarness(tmp_path, settings)
    yield harness
    harness.close()
