"""Facebook and Instagram for the contract tests: the connectors as they are, over HTTP, and a hand in the simulated Graph API."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.core.cache import cache
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, PostData
from tests.socialdesk.networks.facebook.graph import ALL_SCOPES, DAY, INSTAGRAM, PAGE
from tests.socialdesk.networks.facebook.simulator import APP_ID, APP_SECRET, VERIFY_TOKEN, Simulator, sign
from tests.socialdesk.networks.harnesses import Failure


class MetaHarness:
    """What both networks share."""

    NETWORK = "facebook"
    ACCOUNT = PAGE
    stands_below = ""  # what a post of a customer's that answers nobody is below

    def __init__(self, folder: Path, settings: Settings) -> None:
        cache.clear()
        self.simulator = Simulator()
        self.world = self.simulator.world
        settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
        settings.FACEBOOK_GRAPH, settings.FACEBOOK_WEB = self.simulator.base, "https://www.facebook.com"
        settings.FACEBOOK_APP_ID, settings.FACEBOOK_APP_SECRET = APP_ID, APP_SECRET
        settings.FACEBOOK_VERIFY_TOKEN = VERIFY_TOKEN
        self.config = self.config_with()
        self.capabilities = registry.get(self.NETWORK).capabilities
        self.reader = registry.reader_for(self.config)
        self.publisher = registry.publisher_for(self.config)
        self._told = 0

    def config_with(self, *, scopes: tuple[str, ...] = ALL_SCOPES) -> AccountConfig:
        token = self.world.token(scopes=scopes)
        credentials = {"access_token": token.value, "page_id": PAGE, "tasks": "MODERATE,MESSAGING,CREATE_CONTENT"}
        return AccountConfig(self.NETWORK, "tidewheel", self.ACCOUNT, credentials)

    def close(self) -> None:
        self.simulator.stop()

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        raise NotImplementedError

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        raise NotImplementedError

    def customer_deletes(self, external_id: str) -> None:
        self.world.delete(external_id)

    def customer_id(self, username: str) -> str:
        return self.world.person(self.NETWORK, username).id

    def customer_follows(self, username: str) -> None:
        """Nobody need follow: they begin a conversation, with the button that is there for it."""
        self.world.opened[self.customer_id(username)] = self.world.now()

    def customer_messages(self, username: str, text: str) -> str:
        person = self.world.person(self.NETWORK, username)
        return self.world.letter(person, self.world.us(self.NETWORK), text, network=self.NETWORK).id

    def likes(self, post_id: str) -> int:
        """Ours alone; nobody else likes anything there."""
        return int(post_id in self.world.liked)

    def is_hidden(self, post_id: str) -> bool:
        return self.world.things[post_id].is_hidden

    def deletions_told(self) -> Sequence[PostData]:
        """What the network told of by its signed calls, since the last time this was asked."""
        fresh, self._told = self.world.events[self._told :], len(self.world.events)
        return [post for payload in fresh for post in self.read_call(payload) if post.deleted]

    def read_call(self, payload: object) -> Sequence[PostData]:
        webhook = registry.get(self.NETWORK).webhook
        assert webhook is not None
        body = json.dumps(payload).encode()
        return [post for hook in webhook.read(headers=sign(body), body=body) for post in hook.batch.posts]

    @contextmanager
    def failing(self, failure: Failure) -> Iterator[None]:
        """What is answered is looked up before anything is written; that look succeeds where the failure is about writing."""
        is_about_writing = failure not in ("revoked", "rate_limit")
        with self.simulator.failing(failure, only=lambda method, path: not (is_about_writing and method == "GET" and _is_node(path))):
            yield
        cache.clear()  # the time of the limit is over


def _is_node(path: str) -> bool:
    return re.fullmatch(r"v23\.0/[\d_]+", path) is not None and not path.endswith((PAGE, INSTAGRAM))


class FacebookHarness(MetaHarness):
    """Customers post on the page."""

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        person = self.world.person("facebook", username)
        return (self.world.comment(person, in_reply_to, text) if in_reply_to else self.world.post(person, text)).id

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        return self.world.comment(self.world.page, in_reply_to, text).id


class InstagramHarness(MetaHarness):
    """Customers comment below a post of ours, which is older than what is read first."""

    NETWORK = "instagram"
    ACCOUNT = INSTAGRAM

    def __init__(self, folder: Path, settings: Settings) -> None:
        super().__init__(folder, settings)
        self.stands_below = self.world.media(self.world.account, "Autumn rides", at=self.world.now() - 9 * DAY).id

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        return self.world.ig_comment(self.world.person("instagram", username), in_reply_to or self.stands_below, text).id

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        return self.world.ig_comment(self.world.account, in_reply_to, text).id
