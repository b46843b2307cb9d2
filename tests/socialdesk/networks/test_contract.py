"""The connector contract, over every connector there is: what is heard, what is read, what is written to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Publisher
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from tests.socialdesk.networks.bluesky.harness import BlueskyHarness
from tests.socialdesk.networks.contract import ConnectorContract, HearingContract, ReadingContract
from tests.socialdesk.networks.facebook.harness import FacebookHarness, InstagramHarness
from tests.socialdesk.networks.harnesses import Failure, Harness, HearingHarness, ReadingHarness
from tests.socialdesk.networks.json_hook.harness import JsonHarness
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.rss.harness import FeedHarness
from tests.socialdesk.networks.x.harness import XHarness


class SandboxHarness:
    """The sandbox, with a world of its own."""

    FAULTS: dict[Failure, str] = {
        "revoked": "revoked",
        "rate_limit": "rate_limit",
        "lost_before_writing": "dropped",
        "error_after_writing": "error_after_accept",
        "no_answer_after_writing": "timeout_after_accept",
    }

    def __init__(self, folder: Path, settings: Settings) -> None:
        settings.SANDBOX_PATH = folder / "world.sqlite3"
        self.config = AccountConfig("sandbox", "tidewheel")
        self.capabilities = registry.get("sandbox").capabilities
        self.reader = registry.reader_for(self.config)
        # As the network itself would have it; on a desk it also lets posts be answered that were only pushed to the desk.
        self.publisher: Publisher = SandboxPublisher(Client(registry.sandbox_world(), self.config.username))
        self._world = registry.sandbox_world()

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        return self._world.publish(username, text, in_reply_to=in_reply_to).id

    def customer_deletes(self, external_id: str) -> None:
        self._world.delete(external_id)

    def customer_id(self, username: str) -> str:
        return (self._world.account(username) or self._world.add_account(username)).id

    def customer_follows(self, username: str) -> None:
        self._world.follow(username)

    def customer_messages(self, username: str, text: str) -> str:
        return self._world.message_as(username, text).id

    def likes(self, post_id: str) -> int:
        return self._world.likes(post_id)

    def is_hidden(self, post_id: str) -> bool:
        post = self._world.post(post_id)
        return post is not None and post.hidden

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        return self._world.reply_as("tidewheel", in_reply_to, text).id

    @contextmanager
    def failing(self, failure: Failure) -> Iterator[None]:
        self._world.faults.set(self.FAULTS[failure], 1)
        yield
        self._world.faults.heal()


# A new connector adds its harness here, and keeps the contract.
CONNECTORS: dict[str, Callable[[Path, Settings], Harness]] = {
    "bluesky": BlueskyHarness,
    "facebook": FacebookHarness,
    "instagram": InstagramHarness,
    "mastodon": MastodonHarness,
    "sandbox": SandboxHarness,
    "x": XHarness,
}
# Those that are read and never written to, and those that nobody asks: they call the desk.
READ: dict[str, Callable[[Path, Settings], ReadingHarness]] = {"rss": FeedHarness}
HEARD: dict[str, Callable[[Path, Settings], HearingHarness]] = {"json": JsonHarness}
PARTS_OF_THE_SANDBOX = {"web"}


@pytest.fixture
def harness(key: str, tmp_path: Path, settings: Settings) -> Iterator[HearingHarness]:
    harness = {**HEARD, **READ, **CONNECTORS}[key](tmp_path, settings)
    yield harness
    if close := getattr(harness, "close", None):
        close()


@pytest.mark.parametrize("key", sorted(CONNECTORS))
class TestConnector(ConnectorContract):
    """Collected here once for each connector that writes."""


@pytest.mark.parametrize("key", sorted(READ))
class TestReader(ReadingContract):
    """Once for each that only reads."""


@pytest.mark.parametrize("key", sorted(HEARD))
class TestHearing(HearingContract):
    """Once for each that only calls the desk."""


def test_every_connector_of_the_registry_keeps_the_contract() -> None:
    networks = registry.NETWORKS.items()
    assert {key for key, network in networks if network.publisher} == set(CONNECTORS)
    assert {key for key, network in networks if network.reader and not network.publisher} == {*READ, *PARTS_OF_THE_SANDBOX}
    assert {key for key, network in networks if network.webhook and not network.reader} == set(HEARD)
