"""The contract's harness for JSON webhooks: what a program pushed, read by the production code call by call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_django import Settings

from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Batch, PostData, Reader
from socialdesk.networks.json_hook import read_call

NAME = "forum"


class JsonHarness:
    """See HearingHarness. As nobody is asked, `fetch` gives what was pushed since."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.config = AccountConfig("json", NAME, external_id=NAME)
        self.capabilities = registry.get("json").capabilities
        self.reader: Reader = self
        self._calls: list[bytes] = []

    def fetch(self, cursor: str, *, limit: int = 200) -> Batch:
        posts: list[PostData] = []
        for call in self._calls:
            batch = read_call(call, name=NAME)
            assert not batch.unreadable
            posts.extend(batch.posts)
        start = int(cursor or 0)
        page = tuple(posts[start : start + limit])
        return Batch(page, cursor=str(start + len(page)), more=start + len(page) < len(posts))

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        number = str(len(self._calls) + 1)
        parent = in_reply_to.removeprefix(f"{NAME}:")
        self._push(id=number, text=text, author={"id": username, "name": username}, parent_id=parent, created_at=now().isoformat())
        return f"{NAME}:{number}"

    def customer_deletes(self, external_id: str) -> None:
        self._push(id=external_id.removeprefix(f"{NAME}:"), deleted=True)

    def customer_id(self, username: str) -> str:
        return f"{NAME}:{username}"

    def _push(self, **entry: Any) -> None:
        self._calls.append(json.dumps(entry).encode())
