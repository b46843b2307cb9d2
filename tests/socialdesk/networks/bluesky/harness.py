"""Bluesky for the contract tests: the connector as it is, over HTTP, and a hand in the simulated network."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.core.cache import cache
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig
from tests.socialdesk.networks.bluesky.simulator import Call, Simulator
from tests.socialdesk.networks.harnesses import Failure


class BlueskyHarness:
    """Customers name our account in all that they post, so that it is heard."""

    domain = ".test"  # handles on Bluesky are names of hosts

    def __init__(self, folder: Path, settings: Settings) -> None:
        settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
        cache.clear()
        self.simulator = Simulator()
        settings.BLUESKY_SERVICE = settings.BLUESKY_DIRECTORY = self.simulator.base
        self.world = self.simulator.world
        self.world.us.takes_messages_of = "all"
        self.config = self.config_with()
        self.capabilities = registry.get("bluesky").capabilities
        self.reader = registry.reader_for(self.config)
        self.publisher = registry.publisher_for(self.config)

    def config_with(self, *, scope: str = "com.atproto.appPassPrivileged", terms: tuple[str, ...] = ()) -> AccountConfig:
        us = self.world.us
        self.simulator.add_password("abcd-efgh-ijkl-mnop", scope=scope)
        opened = self.simulator.open_session(us.did, scope, "abcd-efgh-ijkl-mnop")
        credentials = {"identifier": us.handle, "password": "abcd-efgh-ijkl-mnop", "service": self.simulator.base, "did": us.did}
        credentials |= {"access": opened["accessJwt"], "refresh": opened["refreshJwt"]}
        return AccountConfig("bluesky", us.handle, us.did, credentials, terms)

    def close(self) -> None:
        self.simulator.stop()
        assert self.simulator.faults == []

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        return self.world.publish(self.world.person(username), text, in_reply_to=in_reply_to, names=self.world.us).uri

    def customer_deletes(self, external_id: str) -> None:
        self.world.delete(external_id)

    def customer_id(self, username: str) -> str:
        return self.world.person(username).did

    def customer_follows(self, username: str) -> None:
        self.world.person(username).follows.add(self.world.us.did)
        cache.clear()  # what was known of people is forgotten after a while

    def customer_messages(self, username: str, text: str) -> str:
        them = self.world.person(username).did
        return self.world.message(them, self.world.convo_of(them, self.world.us.did), text).id

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        return self.world.publish(self.world.us, text, in_reply_to=in_reply_to).uri

    def likes(self, post_id: str) -> int:
        return len(self.world.likes_of(post_id))

    @contextmanager
    def failing(self, failure: Failure) -> Iterator[None]:
        """What is answered is looked up before anything is written; that look succeeds where the failure is about writing."""
        is_about_writing = failure not in ("revoked", "rate_limit")
        with self.simulator.failing(failure, only=lambda call: not (is_about_writing and _is_look(call))):
            yield
        if failure == "rate_limit":  # the time of the limit is over
            self.simulator.left = dict.fromkeys(self.simulator.left, 3000)
            cache.clear()


def _is_look(call: Call) -> bool:
    return call.nsid == "app.bsky.feed.getPosts"
