"""A network as the tests hold it: the connector and a hand in the network itself; and what is often asked of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import pytest

from socialdesk.lib import text as texts
from socialdesk.networks.base import (
    AccountConfig,
    Batch,
    Capabilities,
    Film,
    LengthUnit,
    MessageData,
    Picture,
    PostData,
    Publisher,
    Reader,
)
from tests.engagement.drawn import draw
from tests.mp4 import film

# How a harness can let the next calls fail. The last three leave the caller without an answer.
Failure = Literal["revoked", "rate_limit", "lost_before_writing", "error_after_writing", "no_answer_after_writing"]
PICTURE = Picture(draw("PNG"), "image/png", "A screw")
FILM = Film(film(seconds=2.0, width=640, height=360), "A hand turns the screw", width=640, height=360, seconds=2.0)
FAMILY = "👨‍👩‍👧‍👦"  # one character as people see it, seven code points, 25 bytes
UNKNOWN: tuple[Failure, ...] = ("lost_before_writing", "error_after_writing", "no_answer_after_writing")


class HearingHarness(Protocol):
    """A network that is heard: the connector's listening side for one account, and a hand in the network itself."""

    capabilities: Capabilities
    config: AccountConfig
    reader: Reader

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        """Returns the external id of the new post."""

    def customer_deletes(self, external_id: str) -> None: ...

    def customer_id(self, username: str) -> str:
        """The external id of that account, which may never have written anything."""


class ReadingHarness(HearingHarness, Protocol):
    """A network that is asked for what is new."""

    def failing(self, failure: Failure) -> AbstractContextManager[None]:
        """While this lasts, every call fails in that way."""


class Harness(ReadingHarness, Protocol):
    """A network that is written to as well."""

    publisher: Publisher

    def customer_follows(self, username: str) -> None:
        """From now on follows our account; where nobody need, does whatever lets us write to them in private."""

    def customer_messages(self, username: str, text: str) -> str:
        """Writes to our account privately; returns the external id of the message."""

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        """Our account replies without this connector, as a person with the network's own app does."""

    def likes(self, post_id: str) -> int:
        """How many like it; nobody but our account does."""


class HidingHarness(Harness, Protocol):
    """A network with Capabilities.hide."""

    def is_hidden(self, post_id: str) -> bool: ...


def read_all(reader: Reader, cursor: str = "", *, limit: int = 200) -> Batch:
    """Everything after the cursor as one batch, fetched in as many calls as it takes."""
    posts: list[PostData] = []
    messages: list[MessageData] = []
    for _ in range(1000):
        batch = reader.fetch(cursor, limit=limit)
        assert len(batch.posts) + len(batch.messages) <= limit
        posts.extend(batch.posts)
        messages.extend(batch.messages)
        cursor = batch.cursor
        if not batch.more:
            return Batch(tuple(posts), tuple(messages), cursor)
    raise AssertionError("the reader always says that there is more")


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


def deletions_told(harness: HearingHarness) -> tuple[PostData, ...]:
    """What a network that calls the desk told of by that, where reading does not say what was deleted."""
    told: Callable[[], Sequence[PostData]] | None = getattr(harness, "deletions_told", None)
    return tuple(told()) if told else ()


def text_of_bytes(size: int, *, limit: int, unit: LengthUnit) -> str:
    """A text of so many bytes that its network does not find too long in characters, so that the bytes alone decide."""
    text = FAMILY * (size // 25) + "x" * (size % 25)
    assert len(text.encode()) == size
    assert not limit or texts.length(text, unit) <= limit
    return text


def named(harness: HearingHarness, username: str) -> str:
    """How the network writes a name: on some with the name of a host behind it."""
    return f"{username}{getattr(harness, 'domain', '')}"


def needs(capability: object) -> None:
    """Leaves the test where the network cannot do what it is about."""
    if not capability:
        pytest.skip("this network cannot do that")


def replies_of_ours(harness: Harness, post: str) -> list[PostData]:
    return [p for p in read_all(harness.reader).posts if p.in_reply_to == post and p.author.username == harness.config.username]
