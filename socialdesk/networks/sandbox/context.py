"""The thread above a post of the sandbox, as everybody can read it there."""

from __future__ import annotations

from socialdesk.networks.base import PostData
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.reader import post_data
from socialdesk.networks.sandbox.records import Refused

MOST = 50


class SandboxContext:
    """See Context."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def above(self, external_id: str) -> tuple[PostData, ...]:
        return self._client.look_up(lambda: self._climb(external_id))

    def _climb(self, external_id: str) -> tuple[PostData, ...]:
        world = self._client.world
        post = world.post(external_id)
        if post is None:
            raise Refused("not_found", f"there is no post {external_id}")
        found: list[PostData] = []
        while post is not None and post.in_reply_to and len(found) < MOST:
            post = world.post(post.in_reply_to)
            if post is not None and not world.is_stand_in(post.id):
                found.append(post_data(post, follows_us=None))
        return tuple(reversed(found))
