"""Failures on demand: what each one does to reads, writes and lookups, how often, and that a careful sender survives them."""

from __future__ import annotations

import time

import pytest

from socialdesk.networks.base import NetworkError, Sent
from socialdesk.networks.sandbox.faults import FAULTS
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from socialdesk.networks.sandbox.reader import SandboxReader
from socialdesk.networks.sandbox.world import World
from tests.socialdesk.networks.harnesses import an_hour_ago, read_all


@pytest.mark.parametrize(
    ("fault", "kind", "written"),
    [
        ("rate_limit", "retryable", 0),
        ("revoked", "permanent", 0),
        ("dropped", "unknown", 0),
        ("server_error", "unknown", 0),
        ("error_after_accept", "unknown", 1),
        ("timeout_after_accept", "unknown", 1),
        ("lookup_down", "", 1),
        ("duplicate_delivery", "", 1),
        ("out_of_order_delivery", "", 1),
    ],
)
def test_what_a_fault_does_to_a_reply(world: World, publisher: SandboxPublisher, fault: str, kind: str, written: int) -> None:
    post = world.publish("ana", "it broke")
    world.faults.set(fault, 1)
    outcome = ("", "")
    try:
        publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    except NetworkError as error:
        outcome = ("retryable" if error.retryable else "permanent" if error.permanent else "unknown", error.code)
    assert outcome == ((kind, fault) if kind else ("", ""))
    assert len(world.replies_to(post.id)) == written
    assert world.faults.counts()[fault] == (1 if kind else 0)


@pytest.mark.parametrize("fault", ["rate_limit", "dropped", "server_error"])
def test_a_read_that_fails_is_retryable(world: World, reader: SandboxReader, publisher: SandboxPublisher, fault: str) -> None:
    post = world.publish("ana", "it broke")
    world.faults.set(fault, 1)
    for call in (lambda: reader.fetch(""), lambda: publisher.follows_us(post.author.id)):
        with pytest.raises(NetworkError) as caught:
            call()
        assert caught.value.retryable


@pytest.mark.parametrize("fault", ["error_after_accept", "timeout_after_accept"])
def test_what_befalls_writes_only_leaves_reading_alone(world: World, reader: SandboxReader, fault: str) -> None:
    world.publish("ana", "it broke")
    world.faults.set(fault, 1)
    assert len(reader.fetch("").posts) == 1


def test_finding_itself_can_fail(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")
    publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    world.faults.set("lookup_down", 1)
    with pytest.raises(NetworkError) as caught:
        publisher.find(token="t1", text="Sorry.", in_reply_to=post.id, since=an_hour_ago())
    assert caught.value.retryable


def test_a_slow_network_answers_late_and_does_the_work(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")
    world.faults.set("slow", 1, seconds=0.2)
    before = time.monotonic()
    publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    assert time.monotonic() - before >= 0.2
    assert len(world.replies_to(post.id)) == 1


def test_a_rate_limit_asks_to_wait_as_long_as_it_was_told(world: World, reader: SandboxReader) -> None:
    world.faults.set("rate_limit", 1, seconds=7)
    with pytest.raises(NetworkError) as caught:
        reader.fetch("")
    assert caught.value.retry_after == 7


def test_another_process_sees_the_faults_at_once(world: World) -> None:
    world.faults.set("dropped", 0.25)
    assert World(world.store.path).faults.rates() == {"dropped": 0.25}
    World(world.store.path).faults.heal()
    assert world.faults.rates() == {}


@pytest.mark.parametrize(
    ("name", "rate", "seconds"), [("gremlins", 0.5, None), ("slow", 1.5, None), ("slow", 0.5, -1), ("dropped", 0.5, 3)]
)
def test_a_fault_that_makes_no_sense_is_refused(world: World, name: str, rate: float, seconds: float | None) -> None:
    with pytest.raises(ValueError, match=r"unknown fault|must be from|seconds"):
        world.faults.set(name, rate, seconds=seconds)


def test_a_rate_is_kept_and_the_same_seed_gives_the_same_run(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")
    world.faults.set("rate_limit", 0.3)

    def run(seed: int) -> list[bool]:
        world.faults.seed(seed)
        failed = []
        for i in range(400):
            try:
                publisher.reply(in_reply_to=post.id, text="Sorry.", token=f"t{i}")
                failed.append(False)
            except NetworkError:
                failed.append(True)
        return failed

    first = run(1)
    assert 80 < sum(first) < 160
    assert run(1) == first
    assert run(2) != first
    assert world.faults.counts()["rate_limit"] >= 2 * sum(first)


def test_a_careful_sender_posts_everything_once_under_all_faults(world: World, publisher: SandboxPublisher) -> None:
    rates = {
        "rate_limit": 0.1,
        "dropped": 0.1,
        "server_error": 0.1,
        "error_after_accept": 0.1,
        "timeout_after_accept": 0.1,
        "lookup_down": 0.2,
    }
    for name, rate in rates.items():
        world.faults.set(name, rate)
    posts = [world.publish(f"person{i}", "it broke").id for i in range(50)]

    def look(post: str, token: str) -> Sent | None:
        while True:
            try:
                return publisher.find(token=token, text="Sorry.", in_reply_to=post, since=an_hour_ago())
            except NetworkError as error:
                if not error.retryable:
                    raise

    def send(post: str, token: str) -> Sent:
        while True:
            try:
                return publisher.reply(in_reply_to=post, text="Sorry.", token=token)
            except NetworkError as error:
                found = look(post, token) if error.outcome_unknown else None
                if found:
                    return found

    receipts = [send(posts[i % 50], f"t{i}").external_id for i in range(1000)]
    assert sorted(receipts) == sorted(post.id for post in world.posts_by("tidewheel"))
    counts = world.faults.counts()
    assert all(counts[name] > 0 for name in rates)


def test_a_careless_sender_posts_twice(world: World, publisher: SandboxPublisher) -> None:
    post = world.publish("ana", "it broke")
    world.faults.set("timeout_after_accept", 1)
    for _ in range(2):
        with pytest.raises(NetworkError):
            publisher.reply(in_reply_to=post.id, text="Sorry.", token="t1")
    assert len(world.replies_to(post.id)) == 2


def test_repeats_are_delivered_even_when_nothing_is_new(world: World, reader: SandboxReader) -> None:
    for i in range(10):
        world.publish("ana", f"post {i}")
    world.faults.set("duplicate_delivery", 1)
    batch = read_all(reader)
    assert len(batch.posts) > len({post.external_id for post in batch.posts}) == 10
    assert len(reader.fetch(batch.cursor).posts) == 10


def test_disorder_reaches_over_the_end_of_a_batch_and_loses_nothing(world: World, reader: SandboxReader) -> None:
    written = [world.publish("ana", f"post {i}").id for i in range(30)]
    world.faults.set("out_of_order_delivery", 1)
    first = reader.fetch("", limit=20)
    second = reader.fetch(first.cursor, limit=20)
    read = [post.external_id for post in (*first.posts, *second.posts, *read_all(reader, second.cursor).posts)]
    assert read != written
    assert sorted(read) == written
    assert any(post.external_id < max(p.external_id for p in first.posts) for post in second.posts)


def test_every_fault_says_what_it_does() -> None:
    assert all(FAULTS.values())
