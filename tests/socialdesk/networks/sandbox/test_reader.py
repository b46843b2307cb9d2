"""The reader under every mixture of limits and delivery faults: nothing written is ever missed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from socialdesk.networks.base import NetworkError, PostData
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.reader import SandboxReader
from socialdesk.networks.sandbox.world import World
from tests.socialdesk.networks.harnesses import read_all

WRITE = st.sampled_from(["post", "message", "edit", "delete", "elsewhere"])
FETCH = st.tuples(st.integers(1, 12), st.booleans(), st.booleans(), st.booleans())


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.one_of(WRITE, FETCH), max_size=60), seed=st.integers(0, 1000), last_limit=st.integers(1, 12))
def test_any_interleaving_of_writes_and_fetches_sees_every_entry(
    steps: list[str | tuple[int, bool, bool, bool]], seed: int, last_limit: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world = World(Path(folder) / "world.sqlite3")
        world.faults.seed(seed)
        reader = SandboxReader(Client(world, "tidewheel"))
        cursor, seen = "", Seen()
        posts: list[str] = []
        messages: set[str] = set()
        for step in steps:
            if isinstance(step, tuple):
                cursor = _fetch(world, reader, cursor, seen, *step)
            elif step == "post":
                posts.append(world.publish("ana", f"post {len(posts)}").id)
            elif step == "message":
                messages.add(world.message_as("ana", "hello").id)
            elif step == "elsewhere":
                world.message_as("ana", "not ours", to="ben")
                world.publish("ana", "a review", network="web")
            elif step == "edit" and posts:
                world.delete(world.publish("ana", "gone").id)
                posts.append(world.publish("ben", "other").id)
                world.edit(posts[-1], "changed")
            elif step == "delete" and posts:
                world.delete(posts[0])
        for _ in range(1000):
            cursor = _fetch(world, reader, cursor, seen, last_limit, True, True, False)
            if not seen.more:
                break
        assert not seen.more
        assert set(posts) <= set(seen.posts)
        assert set(seen.messages) == messages
        for post_id, read in seen.posts.items():
            now = world.post(post_id)
            assert now is not None
            assert (read.text, read.deleted, read.edited_at) == (now.text, now.deleted, now.edited_at)
        world.store.close()


class Seen:
    """What a reader of the sandbox has brought: each post as it was delivered last."""

    def __init__(self) -> None:
        self.posts: dict[str, PostData] = {}
        self.messages: list[str] = []
        self.more = False


def _fetch(world: World, reader: SandboxReader, cursor: str, seen: Seen, limit: int, repeats: bool, disorder: bool, failure: bool) -> str:
    world.faults.heal()
    world.faults.set("duplicate_delivery", float(repeats))
    world.faults.set("out_of_order_delivery", float(disorder))
    world.faults.set("server_error", float(failure))
    try:
        batch = reader.fetch(cursor, limit=limit)
    except NetworkError:
        return cursor
    assert len(batch.posts) + len(batch.messages) <= limit
    seen.posts.update({post.external_id: post for post in batch.posts})
    seen.messages.extend(message.external_id for message in batch.messages)
    seen.more = batch.more
    return batch.cursor


def test_what_was_held_back_comes_though_the_next_fetches_are_small(world: World, reader: SandboxReader) -> None:
    written = [world.publish("ana", f"post {i}").id for i in range(12)]
    world.faults.set("out_of_order_delivery", 1)
    first = reader.fetch("", limit=12)
    assert first.more
    held = set(written) - {post.external_id for post in first.posts}
    assert len(held) > 1
    assert {post.external_id for post in read_all(reader, first.cursor, limit=1).posts} == held


@pytest.mark.parametrize("cursor", ["x", "abc-", "abc-1-x", "abc-1-2-3", "-", "a-٣", "a-" + "9" * 30])
def test_a_broken_cursor_is_refused_for_good(reader: SandboxReader, cursor: str) -> None:
    with pytest.raises(NetworkError) as caught:
        reader.fetch(cursor)
    assert (caught.value.permanent, caught.value.code) == (True, "bad_cursor")


def test_a_limit_below_one_is_a_mistake_of_the_caller(reader: SandboxReader) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        reader.fetch("", limit=0)
