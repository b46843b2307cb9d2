"""A simulated X with our account and two customers, and the connector's parts for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from socialdesk.networks.base import AccountConfig
from socialdesk.networks.x.client import Client
from socialdesk.networks.x.past import XContext, XHistory
from socialdesk.networks.x.publisher import XPublisher
from socialdesk.networks.x.reader import XReader
from socialdesk.networks.x.stream import XStream
from tests.socialdesk.networks.x.harness import point_at
from tests.socialdesk.networks.x.simulator import APP_TOKEN, CLIENT_ID, CLIENT_SECRET, fresh_simulator
from tests.socialdesk.networks.x.world import Post


class Stage:
    """What the tests of this folder act with."""

    def __init__(self, settings: Settings) -> None:
        self.simulator = fresh_simulator()
        point_at(self.simulator, settings)
        settings.X_CLIENT_ID, settings.X_CLIENT_SECRET, settings.X_BEARER = CLIENT_ID, CLIENT_SECRET, APP_TOKEN
        self.world = self.simulator.world
        self.us, self.ana, self.ben = (self.world.user(name) for name in ("tidewheel", "ana", "ben"))
        self.config = AccountConfig(
            "x", "tidewheel", self.us.id, {"access_token": self.simulator.sign_in(self.us)}, terms=("tide wheel", "e-bike")
        )

    def with_config(self, **changes: Any) -> None:
        self.config = replace(self.config, **changes)

    @property
    def client(self) -> Client:
        return Client(self.config)

    @property
    def reader(self) -> XReader:
        return XReader(self.client)

    @property
    def publisher(self) -> XPublisher:
        return XPublisher(self.client)

    @property
    def history(self) -> XHistory:
        return XHistory(self.client)

    @property
    def context(self) -> XContext:
        return XContext(self.client)

    @property
    def stream(self) -> XStream:
        return XStream(self.config)

    def ana_posts(self, text: str = "@tidewheel it broke", **details: Any) -> Post:
        return self.world.publish(self.ana, text, **details)


@pytest.fixture
def x(settings: Settings) -> Stage:
    return Stage(settings)
