"""The past of the sandbox as one account may see it: its change log walked backward."""

from __future__ import annotations

from socialdesk.networks.base import Batch
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.reader import PAGE, changed_post, message_data
from socialdesk.networks.sandbox.records import Refused

_NEWEST = 2**62


class SandboxHistory:
    """See History. What was edited or deleted since comes as it is now; the cursor is the last entry that was given."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def backfill(self, cursor: str, *, limit: int = 200) -> Batch:
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        return self._client.read(lambda _draw: self._page(cursor, min(limit, PAGE)))

    def _page(self, cursor: str, limit: int) -> Batch:
        if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
            raise Refused("bad_cursor", f"{cursor[:80]!r} is no place in the sandbox's past")
        world, us = self._client.world, self._client.account
        upto = int(cursor) - 1 if cursor else _NEWEST
        changes = world.changes_before(self._client.network, viewer_id=us.id, upto=upto, limit=limit)[::-1]
        return Batch(
            posts=tuple(changed_post(change.post, change, us) for change in changes if change.post is not None),
            messages=tuple(message_data(change.message, change, us) for change in changes if change.message is not None),
            cursor=str(changes[-1].seq) if changes else cursor,
            more=len(changes) == limit,
        )
