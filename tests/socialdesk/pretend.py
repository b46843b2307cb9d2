"""A network that is only pretended, for tests of what reads it: it can be read, listened to and walked backward, and fail in every way."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pytest

from listening.models import NetworkAccount, Source
from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Batch, Capabilities, Network, NetworkError, PostData
from tests.factories import make_account

NETWORK = "pretend"


class Pretend:
    """Its `posts` are read by their number; what is `push`ed comes over every open stream. `failing` is raised by the next calls."""

    def __init__(self) -> None:
        self.posts: list[PostData] = []
        self.past: list[PostData] = []  # oldest first
        self.failing: list[Exception] = []
        self.refuses_stream: list[Exception] = []
        self.configs: list[AccountConfig] = []
        self.streams: list[PretendStream] = []
        self.calls = 0
        self.most_open = 0
        self.expired: str = ""  # credentials that have ended
        self.on_page: Callable[[], None] = lambda: None

    def network(self, **fields: Any) -> Network:
        given: dict[str, Any] = {
            "reader": lambda config: PretendReader(self, config),
            "stream": lambda config: PretendStream(self, config),
            "history": lambda config: PretendHistory(self, config),
            "connecting": Renewing(),
        }
        return Network(NETWORK, "Pretend", Capabilities(streams=True, backfill=True), **{**given, **fields})

    def called(self, config: AccountConfig) -> None:
        self.calls += 1
        self.configs.append(config)
        if self.expired and config.credentials.get("token") == self.expired:
            raise NetworkError("The sign-in has ended.", retryable=True, code="expired")
        if self.failing:
            raise self.failing.pop(0)

    @property
    def open_streams(self) -> list[PretendStream]:
        return [stream for stream in self.streams if stream.is_open]

    def push(self, *posts: PostData, **fields: Any) -> None:
        """Over every open connection, and there to be read."""
        self.posts.extend(posts)
        for stream in self.open_streams:
            stream.send(Batch(posts, **fields))


class PretendReader:
    def __init__(self, network: Pretend, config: AccountConfig) -> None:
        self._network, self._config = network, config

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        self._network.called(self._config)
        start = int(cursor or 0)
        page = self._network.posts[start : start + limit]
        return Batch(tuple(page), cursor=str(start + len(page)), more=start + len(page) < len(self._network.posts))


class PretendHistory:
    """Three posts a page, newest first; the cursor counts from the end."""

    def __init__(self, network: Pretend, config: AccountConfig) -> None:
        self._network, self._config = network, config

    def backfill(self, cursor: str, *, limit: int = 200) -> Batch:
        self._network.called(self._config)
        self._network.on_page()
        gone = int(cursor or 0)
        page = self._network.past[::-1][gone : gone + 3]
        return Batch(tuple(page), cursor=str(gone + len(page)), more=gone + len(page) < len(self._network.past))


class PretendStream:
    """Says at once that it holds, then what it is sent. `drop` ends it as a network does, `close` as the desk."""

    def __init__(self, network: Pretend, config: AccountConfig) -> None:
        self._network, self.config = network, config
        self._queue: queue.Queue[Batch | Exception | None] = queue.Queue()
        self.is_open = False
        self.cursor = ""
        self.ignores_close = False
        network.streams.append(self)

    def listen(self, cursor: str) -> Iterator[Batch]:
        self.cursor = cursor
        if self._network.refuses_stream:
            raise self._network.refuses_stream.pop(0)
        if self._network.expired and self.config.credentials.get("token") == self._network.expired:
            raise NetworkError("The sign-in has ended.", retryable=True, code="expired")
        self.is_open = True
        self._network.most_open = max(self._network.most_open, len(self._network.open_streams))
        try:
            yield Batch()
            while True:
                item = self._queue.get(timeout=30)
                if item is None:
                    return
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            self.is_open = False

    def send(self, batch: Batch) -> None:
        self._queue.put(batch)

    def drop(self, error: Exception | None = None) -> None:
        self._queue.put(error or NetworkError("The connection was lost.", retryable=True, code="unreachable"))

    def close(self) -> None:
        if not self.ignores_close:
            self._queue.put(None)


class Renewing:
    """Gives the credentials the token `fresh`."""

    steps: Sequence[str] = ()
    fields: Sequence[Any] = ()
    by_redirect = False

    def missing(self) -> str:
        return ""

    def renew(self, config: AccountConfig) -> Mapping[str, str]:
        return {"token": "fresh"}


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    network = Pretend()
    monkeypatch.setitem(registry.NETWORKS, NETWORK, network.network())
    return network


def make_sources(**fields: Any) -> tuple[NetworkAccount, Source, Source]:
    """An account of that network, its source that is read and the one that pushes."""
    account = make_account(NETWORK, connected_at=now(), **{"external_id": "us", "credentials": {"token": "first"}, **fields})
    name = f"@{account.username}"
    common: dict[str, Any] = {"account": account, "network": NETWORK, "name": name, "interval": 60}
    return (
        account,
        Source.objects.create(kind=Source.Kind.POLL, **common),
        Source.objects.create(kind=Source.Kind.STREAM, **common),
    )


def eventually(what: Callable[[], Any], *, seconds: float = 30) -> Any:
    """The first true answer, asked again and again."""
    end = time.monotonic() + seconds
    while not (answer := what()):
        assert time.monotonic() < end, f"waited {seconds:g} s in vain"
        time.sleep(0.02)
    return answer
