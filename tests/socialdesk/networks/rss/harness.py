"""The contract's harness for feeds: the production reader over HTTP, and a server of feeds at the other end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from html import escape
from pathlib import Path

from pytest_django import Settings

from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig
from socialdesk.networks.rss.parsing import feed_key
from tests.socialdesk.networks.harnesses import Failure
from tests.socialdesk.networks.rss.feeds import serving


class FeedHarness:
    """See ReadingHarness."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
        self._stack = ExitStack()
        self._feeds = self._stack.enter_context(serving())
        self._feeds.media_type = "application/atom+xml"
        self.config = AccountConfig("rss", "T", credentials={"url": self._feeds.url})
        self.capabilities = registry.get("rss").capabilities
        self.reader = registry.reader_for(self.config)
        self._entries: list[str] = []
        self._began = now() - timedelta(minutes=2)
        self._write()

    def close(self) -> None:
        self._stack.close()

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        number = len(self._entries) + 1
        moment = (self._began + timedelta(seconds=number)).isoformat()
        said = f"<id>tag:forum.example.com,2026:{number}</id><author><name>{username}</name></author><content>{escape(text)}</content>"
        self._entries.insert(0, f"<entry>{said}<published>{moment}</published></entry>")
        self._write()
        return f"{feed_key(self._feeds.url)}:tag:forum.example.com,2026:{number}"

    def customer_deletes(self, external_id: str) -> None:
        raise AssertionError("a feed does not tell that")

    def customer_id(self, username: str) -> str:
        return f"{feed_key(self._feeds.url)}:{username}"

    @contextmanager
    def failing(self, failure: Failure) -> Iterator[None]:
        self._feeds.hangs_up = failure == "lost_before_writing"
        self._feeds.answers = [(429, {"Retry-After": "30"}, b"")] * 3 if failure == "rate_limit" else []
        yield
        self._feeds.hangs_up = False
        self._feeds.answers = []

    def _write(self) -> None:
        feed = f'<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>{"".join(self._entries)}</feed>'
        self._feeds.content = feed.encode()
