"""A simulated Mastodon server for each test, with our account on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.socialdesk.networks.mastodon.harness import MastodonHarness


@pytest.fixture
def there(tmp_path: Path, settings: Settings) -> Iterator[MastodonHarness]:
    harness = MastodonHarness(tmp_path, settings)
    yield harness
    harness.close()
