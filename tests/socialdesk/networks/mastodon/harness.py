"""Mastodon for the contract tests: the connector as it is, over HTTP, and a hand in the simulated server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.cache import cache
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig
from tests.socialdesk.networks.harnesses import Failure
from tests.socialdesk.networks.mastodon.simulator import Simulator
from tests.socialdesk.networks.served import Call


class MastodonHarness:
    """Customers stand on the list that our account reads, so that all that they post is heard."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
        cache.clear()
        self.simulator = Simulator()
        self.world = self.simulator.world
        self.config = self.config_with()
        self.capabilities = registry.get("mastodon").capabilities
        self.reader = registry.reader_for(self.config)
        self.publisher = registry.publisher_for(self.config)

    def config_with(self, *, scopes: str = "read write", terms: tuple[str, ...] = (), **credentials: str) -> AccountConfig:
        given = {"server": self.simulator.base, "access_token": self.simulator.routes.oauth.give_token(scopes), "list": "7"}
        given |= {"domain": self.world.domain} | credentials
        return AccountConfig("mastodon", "tidewheel", self.world.us.id, given, terms)

    def close(self) -> None:
        self.simulator.stop()

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        return self.world.publish(self.world.person(username), text, in_reply_to=in_reply_to).id

    def customer_deletes(self, external_id: str) -> None:
        self.world.delete(external_id)

    def customer_id(self, username: str) -> str:
        return self.world.person(username).id

    def customer_follows(self, username: str) -> None:
        self.world.us.followers.add(self.world.person(username).id)

    def customer_messages(self, username: str, text: str) -> str:
        return self.world.publish(self.world.person(username), f"@tidewheel {text}", visibility="direct").id

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        author = self.world.statuses[in_reply_to].author
        return self.world.publish(self.world.us, f"@{author.acct} {text}", in_reply_to=in_reply_to).id

    def likes(self, post_id: str) -> int:
        return len([liked for _, liked in self.world.liked if liked == post_id])

    @contextmanager
    def failing(self, failure: Failure) -> Iterator[None]:
        """What is answered is looked up before anything is written; that look succeeds where the failure is about writing."""
        is_about_writing = failure not in ("revoked", "rate_limit")
        with self.simulator.failing(failure, only=lambda call: not (is_about_writing and _is_look(call))):
            yield
        if failure == "rate_limit":
            self.heal()

    def heal(self) -> None:
        """The time of every limit is over."""
        self.simulator.remaining = self.simulator.limit
        cache.clear()


def _is_look(call: Call) -> bool:
    return call.method == "GET" and (call.path == "/api/v2/instance" or call.path.startswith("/api/v1/statuses/"))
