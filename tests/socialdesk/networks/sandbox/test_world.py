"""The world: what can be done there, what is refused, and what many writers at once do to it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from socialdesk.networks.base import NetworkError
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from socialdesk.networks.sandbox.reader import SandboxReader
from socialdesk.networks.sandbox.records import Refused
from socialdesk.networks.sandbox.world import World
from tests.socialdesk.networks.harnesses import an_hour_ago, read_all


def test_a_post_keeps_everything_that_it_was_given(world: World) -> None:
    at = datetime(2025, 3, 4, 5, 6, 7, 891011, tzinfo=UTC)
    post = world.publish("@Ana", "hello 🚲", posted_at=at, language="es", media=True)
    assert world.post(post.id) == post
    assert (post.text, post.posted_at, post.language, post.media, post.author.username) == ("hello 🚲", at, "es", True, "Ana")


def test_usernames_are_the_same_in_any_case_and_with_or_without_at(world: World) -> None:
    first = world.publish("Ana", "one")
    assert world.publish("@ana", "two").author.id == first.author.id
    assert [post.text for post in world.posts_by("ANA")] == ["one", "two"]


def test_a_person_has_the_same_id_in_another_world(world: World, tmp_path: Path) -> None:
    assert World(tmp_path / "other.sqlite3").add_account("ana").id == world.add_account("ana").id
    assert world.add_account("ana", network="web").id != world.add_account("ana").id


def test_replies_know_their_thread(world: World) -> None:
    root = world.publish("ana", "it broke")
    reply = world.reply_as("tidewheel", root.id, "sorry")
    answer = world.reply_as("ana", reply.id, "thanks")
    assert (answer.thread, answer.in_reply_to) == (root.id, reply.id)
    assert world.replies_to(root.id) == [reply]


def test_a_repost_without_words_carries_those_of_the_original(world: World) -> None:
    original = world.publish("ana", "it broke")
    repost = world.publish("ben", "", repost_of=original.id)
    assert (repost.text, repost.repost_of) == ("it broke", original.id)


def test_an_edit_and_a_deletion_are_read_as_the_post_is_now(world: World, reader: SandboxReader) -> None:
    post = world.publish("ana", "teh bike")
    cursor = read_all(reader).cursor
    world.edit(post.id, "the bike")
    batch = read_all(reader, cursor)
    assert [(p.text, p.edited_at is not None) for p in batch.posts] == [("the bike", True)]
    world.delete(post.id)
    world.delete(post.id)
    assert [(p.text, p.deleted) for p in read_all(reader, batch.cursor).posts] == [("", True)]


def test_messages_of_other_people_are_not_read(world: World, reader: SandboxReader) -> None:
    world.message_as("ana", "psst", to="ben")
    world.message_as("ana", "hello")
    assert [message.text for message in read_all(reader).messages] == ["hello"]
    assert [message.text for message in world.messages_between("ana", "ben")] == ["psst"]


def test_the_reader_says_who_follows_us(world: World, reader: SandboxReader) -> None:
    world.publish("ana", "one")
    world.publish("ben", "two")
    world.publish("tidewheel", "three")
    world.follow("ana")
    world.follow("ben")
    world.unfollow("ben")
    assert [post.author.follows_us for post in read_all(reader).posts] == [True, False, None]


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty"), ("  \n", "empty"), ("half \ud83d", "bad_text")], ids=["empty", "blank", "lone surrogate"]
)
def test_a_text_that_no_network_takes_is_refused(world: World, publisher: SandboxPublisher, text: str, code: str) -> None:
    post = world.publish("ana", "it broke")
    with pytest.raises(NetworkError) as caught:
        publisher.reply(in_reply_to=post.id, text=text, token="t1")
    assert (caught.value.permanent, caught.value.code) == (True, code)


@pytest.mark.parametrize("post_id", ["", "0", "-1", "abc", "٣", "9" * 40, "1'; DROP TABLE post"])
def test_an_id_that_cannot_be_is_not_found(world: World, post_id: str) -> None:
    assert world.post(post_id) is None
    with pytest.raises(Refused):
        world.edit(post_id, "text")


def test_a_reply_does_not_cross_networks(world: World, publisher: SandboxPublisher) -> None:
    review = world.publish("ana", "Four stars.", network="web")
    with pytest.raises(NetworkError) as caught:
        publisher.reply(in_reply_to=review.id, text="Thank you!", token="t1")
    assert caught.value.code == "not_found"


def test_sending_twice_posts_twice(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")
    for _ in range(2):
        publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    assert len(world.replies_to(post.id)) == 2


def test_a_reply_with_another_token_is_another_reply_though_it_says_the_same(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")
    first = publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    assert publisher.find(token="t2", text="Sorry.", in_reply_to=post.id, since=an_hour_ago()) is None
    assert publisher.find(token="t1", text="Sorry.", in_reply_to=post.id, since=an_hour_ago()) == first


def test_a_reply_that_we_deleted_was_sent_all_the_same(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")
    sent = publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    publisher.delete(external_id=sent.external_id)
    assert publisher.find(token="t1", text="Sorry.", in_reply_to=post.id, since=an_hour_ago()) == sent


def test_a_private_message_may_be_answered_without_following(world: World, publisher: SandboxPublisher) -> None:
    ana = world.message_as("ana", "hello").sender
    assert not publisher.follows_us(ana.id)
    publisher.direct_message(to=ana.id, text="hello", token="t1")
    assert [message.text for message in world.messages_between("ana")] == ["hello", "hello"]


def test_likes_and_hidden_replies_are_kept(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "I love it")
    rude = world.reply_as("ben", post.id, "you would")
    publisher.like(external_id=post.id, token="t1")
    publisher.hide(external_id=rude.id)
    hidden = world.post(rude.id)
    assert world.likes(post.id) == 1
    assert hidden is not None
    assert hidden.hidden
    with pytest.raises(NetworkError) as caught:
        publisher.hide(external_id=post.id)
    assert caught.value.code == "not_a_reply"


def test_a_reset_world_gives_no_number_twice_and_readers_go_on(world: World, reader: SandboxReader) -> None:
    old = world.publish("ana", "old")
    cursor = read_all(reader).cursor
    world.reset()
    assert world.counts()["posts"] == 0
    new = world.publish("ana", "new")
    assert int(new.id) > int(old.id)
    assert [post.external_id for post in read_all(reader, cursor).posts] == [new.id]


def test_a_cursor_of_another_world_starts_from_the_beginning(world: World, reader: SandboxReader, tmp_path: Path) -> None:
    other = World(tmp_path / "other.sqlite3")
    world.publish("ana", "one")
    assert len(read_all(reader, f"{other.id}-500").posts) == 1


def test_a_transaction_that_fails_leaves_nothing(world: World) -> None:
    def fail_after_writing() -> None:
        with world.store.transaction():
            world.publish("ana", "never")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_after_writing()
    assert world.counts()["posts"] == 0
    world.publish("ana", "after")


def test_a_locked_file_is_retryable_and_nothing_was_written(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")
    world.store.connection().execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(world.store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(NetworkError) as caught:
        publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    other.execute("ROLLBACK")
    other.close()
    assert caught.value.retryable
    assert world.replies_to(post.id) == []
    publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")


def test_many_threads_write_and_read_at_once(world: World, reader: SandboxReader, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")

    def work(number: int) -> int:
        for i in range(25):
            publisher.reply(in_reply_to=post.id, text=f"{number} {i}", token=f"{number}-{i}")
        return len(read_all(reader).posts)

    with ThreadPoolExecutor(16) as pool:
        seen = list(pool.map(work, range(16)))
    assert max(seen) <= 401
    assert {reply.text for reply in world.replies_to(post.id)} == {f"{n} {i}" for n in range(16) for i in range(25)}
    ids = [p.external_id for p in read_all(reader).posts]
    assert len(ids) == len(set(ids)) == 401


_WRITER = """
import sys
from pathlib import Path
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from socialdesk.networks.sandbox.world import World

path, name = Path(sys.argv[1]), sys.argv[2]
world = World(path)
post = world.publish(f"person{name}", "it broke")
publisher = SandboxPublisher(Client(world, "tidewheel"))
for i in range(100):
    publisher.reply(in_reply_to=post.id, text=f"{name} {i}", token=f"{name}-{i}")
"""


def test_four_processes_write_at_once_into_a_world_that_none_has_made_yet(tmp_path: Path) -> None:
    path = tmp_path / "world.sqlite3"
    root = Path(__file__).resolve().parents[4]
    commands = [[sys.executable, "-c", _WRITER, str(path), str(n)] for n in range(4)]
    writers = [subprocess.Popen(c, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, stderr=subprocess.PIPE) for c in commands]
    errors = [writer.communicate(timeout=100)[1].decode() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0, 0, 0], errors
    world = World(path)
    assert {post.text for post in world.posts_by("tidewheel")} == {f"{n} {i}" for n in range(4) for i in range(100)}
    assert world.counts()["posts"] == world.counts()["changes"] == 404


_FORKER = """
import os, sys
from pathlib import Path
from socialdesk.networks.sandbox.world import World

world = World(Path(sys.argv[1]))
world.publish("ana", "before")
child = os.fork()
if child == 0:
    try:
        world.publish("ben", "from the child")
    finally:
        os._exit(0)
os.waitpid(child, 0)
world.publish("ana", "after")
"""


def test_a_forked_child_writes_on_a_connection_of_its_own(tmp_path: Path) -> None:
    path, root = tmp_path / "world.sqlite3", Path(__file__).resolve().parents[4]
    # In a process without other threads: forked here, the child could wait for a lock that one of them holds.
    command = [sys.executable, "-c", _FORKER, str(path)]
    subprocess.run(command, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, check=True, timeout=100)
    assert [post.text for name in ("ana", "ben") for post in World(path).posts_by(name)] == ["before", "after", "from the child"]


def test_a_post_that_was_never_written_here_can_be_answered_and_the_answer_found(world: World) -> None:
    world.add_account("tidewheel")
    us = SandboxPublisher(Client(world, "tidewheel"), admits_strangers=True)
    since = datetime.now(UTC) - timedelta(minutes=1)
    sent = us.reply(in_reply_to="pushed-1", text="We are on it", token="t1")
    assert us.reply(in_reply_to="pushed-1", text="And again", token="t2").external_id != sent.external_id
    assert us.find(token="t1", text="We are on it", in_reply_to="pushed-1", since=since) == sent
    assert us.find(token="t3", text="Never sent", in_reply_to="pushed-1", since=since) is None
    read = SandboxReader(Client(world, "tidewheel")).fetch("").posts
    assert [(post.text, post.in_reply_to) for post in read] == [("We are on it", "pushed-1"), ("And again", "pushed-1")]
