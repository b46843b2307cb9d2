"""A network on which only signing in exists, as a line of the registry: by a redirect, and by what is typed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from socialdesk.networks import registry
from tests.listening.practice import Connector, Server, practice, serving


@pytest.fixture
def there() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def oauth(there: Server, monkeypatch: pytest.MonkeyPatch) -> Connector:
    connector = Connector(there)
    monkeypatch.setitem(registry.NETWORKS, "practice", practice(connector))
    return connector


@pytest.fixture
def typed(there: Server, monkeypatch: pytest.MonkeyPatch) -> Connector:
    connector = Connector(there, by_redirect=False)
    monkeypatch.setitem(registry.NETWORKS, "practice", practice(connector))
    return connector
