"""The contract's harness for X: the production connector over HTTP, and a simulated X at the other end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.cache import cache
from pytest_django import Settings

from socialdesk.networks.base import AccountConfig
from socialdesk.networks.x import NETWORK
from tests.socialdesk.networks.harnesses import Failure
from tests.socialdesk.networks.x.simulator import Simulator, fresh_simulator


def point_at(simulator: Simulator, settings: Settings) -> None:
    settings.X_API = simulator.address
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]


class XHarness:
    """See Harness."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.simulator = fresh_simulator()
        point_at(self.simulator, settings)
        world = self.simulator.world
        self._us = world.user("tidewheel", name="Tidewheel")
        credentials = {"access_token": self.simulator.sign_in(self._us)}
        self.config = AccountConfig("x", "tidewheel", self._us.id, credentials, terms=("tidewheel",))
        self.capabilities = NETWORK.capabilities
        assert NETWORK.reader is not None
        assert NETWORK.publisher is not None
        self.reader, self.publisher = NETWORK.reader(self.config), NETWORK.publisher(self.config)
        # The contract's customers write of anything, so every search finds what they write.
        self.simulator.finds = lambda query, post: post.author is self._us if query.startswith("from:") else post.author is not self._us

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        world = self.simulator.world
        return world.publish(world.user(username), text, in_reply_to=in_reply_to).id

    def customer_deletes(self, external_id: str) -> None:
        del self.simulator.world.posts[external_id]

    def customer_id(self, username: str) -> str:
        return self.simulator.world.user(username).id

    def customer_follows(self, username: str) -> None:
        self.simulator.world.user(username).follows.add(self._us.id)

    def customer_messages(self, username: str, text: str) -> str:
        world = self.simulator.world
        return world.send(world.user(username), self._us, text).id

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        return self.simulator.world.publish(self._us, text, in_reply_to=in_reply_to).id

    def likes(self, post_id: str) -> int:
        return len([liked for _, liked in self.simulator.world.likes if liked == post_id])

    def is_hidden(self, post_id: str) -> bool:
        return self.simulator.world.posts[post_id].hidden

    @contextmanager
    def failing(self, failure: Failure) -> Iterator[None]:
        with self.simulator.failing(failure):
            yield
        cache.clear()  # as if the time that X asked for had passed
