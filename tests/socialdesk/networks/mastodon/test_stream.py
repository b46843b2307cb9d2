"""Streaming from Mastodon: what is pushed is heard at once, what is not understood is passed over, and an end is noticed."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from socialdesk.networks.base import AccountConfig, Batch, MessageData, NetworkError, PostData, Unreadable
from socialdesk.networks.mastodon import stream as module
from socialdesk.networks.mastodon.stream import MastodonStream
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.mastodon.harness import MastodonHarness


class Ear:
    """Listens in a thread of its own and keeps what it heard."""

    def __init__(self, config: AccountConfig) -> None:
        self.stream = MastodonStream(config)
        self.batches: list[Batch] = []
        self.error: NetworkError | None = None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            for batch in self.stream.listen("where we were"):
                self.batches.append(batch)
        except NetworkError as error:
            self.error = error

    @property
    def posts(self) -> list[PostData]:
        return [post for batch in self.batches for post in batch.posts]

    @property
    def messages(self) -> list[MessageData]:
        return [message for batch in self.batches for message in batch.messages]

    @property
    def unreadable(self) -> list[Unreadable]:
        return [entry for batch in self.batches for entry in batch.unreadable]


def until(condition: Callable[[], Any], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.005)


@pytest.fixture(autouse=True)
def _long_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PULSE", 60.0)


@contextmanager
def listening(there: MastodonHarness, *, terms: tuple[str, ...] = (), connections: int = 2) -> Iterator[Ear]:
    ear = Ear(there.config_with(terms=terms))
    until(lambda: len(there.simulator.streaming) == connections and ear.batches)
    yield ear
    ear.stream.close()
    ear.thread.join(30)  # less than the silence after which it would look by itself
    assert not ear.thread.is_alive()


def test_a_mention_a_hashtag_and_a_post_of_the_list_are_heard_at_once(there: MastodonHarness) -> None:
    with listening(there, terms=("leeds", "two words"), connections=3) as ear:
        assert there.simulator.streaming == ["hashtag:leeds", "list:7", "user"]
        stranger = there.world.person("marlowbikes@hub.example")
        there.world.lists["7"][1].discard(stranger.id)
        there.world.publish(stranger, "@tidewheel it broke")
        there.world.publish(stranger, "Riding in #Leeds")
        there.customer_posts("ana", "hello")
        until(lambda: len(ear.posts) >= 3)  # less than the silence after which it would look by itself
    assert sorted(post.text for post in ear.posts) == ["@tidewheel@" + there.world.domain + " it broke", "Riding in #Leeds", "hello"]
    assert {batch.cursor for batch in ear.batches} == {"where we were"}


def test_a_private_message_is_heard(there: MastodonHarness) -> None:
    with listening(there) as ear:
        there.customer_messages("ana", "my number is 0123")
        until(lambda: ear.messages)
    assert [message.text for message in ear.messages] == ["my number is 0123"]


def test_an_edit_and_a_deletion_are_heard_with_their_author(there: MastodonHarness) -> None:
    with listening(there) as ear:
        post = there.customer_posts("ana", "it borke")
        until(lambda: len(ear.posts) == 1)
        there.world.edit(post, "it broke")
        until(lambda: len(ear.posts) == 2)
        there.customer_deletes(post)
        until(lambda: len(ear.posts) == 3)
    first, edited, deleted = ear.posts
    assert (edited.text, edited.external_id, edited.edited_at is not None) == ("it broke", post, True)
    assert (deleted.deleted, deleted.external_id, deleted.author) == (True, post, first.author)


def test_what_those_write_whom_we_follow_is_not_for_us_unless_it_names_us(there: MastodonHarness) -> None:
    friend = there.world.person("newspaper@press.example")
    there.world.lists["7"][1].discard(friend.id)
    friend.followers.add(there.world.us.id)
    with listening(there) as ear:
        there.world.publish(friend, "Rain in Leeds")
        there.publisher.post(text="Good morning.", token="t1")
        until(lambda: ear.posts)
    assert [post.text for post in ear.posts] == ["Good morning."]


def test_kinds_of_events_that_nobody_knows_are_counted_and_cost_nothing(there: MastodonHarness) -> None:
    with listening(there) as ear:
        there.simulator.push("announcement.reaction", '{"name": "x"}')
        there.simulator.push("something_of_2031", "\x00 no json")
        there.simulator.push("something_of_2031", "")
        there.simulator.push("notification", json.dumps({"type": "severed_relationships"}))
        there.simulator.push_raw(b"data: no event\n\nevent: update\n\nfoo\n\n: a comment\n\n")
        there.simulator.push("filters_changed", "undefined")
        there.customer_posts("ana", "hello")
        until(lambda: ear.posts and ear.stream.unknown["filters_changed"])  # they come over two connections
    assert ear.stream.unknown["something_of_2031"] == 2
    assert ear.stream.unknown["announcement.reaction"] == 1
    assert [post.text for post in ear.posts] == ["hello"]


@pytest.mark.parametrize("data", ["{", "[" * 10**5, "null", "7", '"x"', '{"id": "1"}', '{"id": 1, "account": []}'])
def test_an_event_that_cannot_be_read_is_told_and_the_next_one_is_heard(there: MastodonHarness, data: str) -> None:
    with listening(there) as ear:
        there.simulator.push("update", data, stream="list:7")
        there.customer_posts("ana", "hello")
        until(lambda: ear.posts)
    assert len(ear.unreadable) == 1


def test_duplicates_and_disorder_are_handed_on_as_they_come(there: MastodonHarness) -> None:
    """Which of them is new is intake's to know."""
    first, second = (there.world.publish(there.world.person("ana"), text, tell=False) for text in ("one", "two"))
    with listening(there) as ear:
        for status in (second, first, second):
            there.simulator.push("update", json.dumps(there.world.status_entity(status)), stream="list:7")
        until(lambda: len(ear.posts) == 3)
    assert [post.text for post in ear.posts] == ["two", "one", "two"]


def test_a_server_that_is_faster_than_the_desk_has_to_wait_and_nothing_is_lost(
    there: MastodonHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAITING", 2)
    monkeypatch.setattr(module, "TOGETHER", 1)
    with listening(there) as ear:
        for i in range(60):
            there.customer_posts("ana", f"post {i}")
        until(lambda: len(ear.posts) == 60)
    assert [post.text for post in ear.posts] == [f"post {i}" for i in range(60)]


def test_a_sign_of_life_is_told_as_an_empty_batch(there: MastodonHarness) -> None:
    there.simulator.heartbeat = 0.05
    with listening(there) as ear:
        heard = len(ear.batches)
        until(lambda: len(ear.batches) > heard)
    assert ear.posts == []


def test_silence_is_told_as_an_empty_batch_too(there: MastodonHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PULSE", 0.05)
    there.simulator.heartbeat = 60
    with listening(there) as ear:
        until(lambda: len(ear.batches) > 3)


def test_a_connection_that_ends_is_told_and_what_was_missed_is_read(there: MastodonHarness) -> None:
    there.customer_posts("ana", "before")
    cursor = read_all(there.reader).cursor
    with listening(there) as ear:
        there.customer_posts("ana", "while it held")
        until(lambda: ear.posts)
        there.simulator.drop_streams()
        until(lambda: ear.error)
    assert ear.error is not None
    assert ear.error.retryable
    there.customer_posts("ana", "in between")
    with listening(there) as again:
        there.customer_posts("ana", "afterwards")
        until(lambda: again.posts)
    assert [post.text for post in again.posts] == ["afterwards"]
    assert [post.text for post in read_all(there.reader, cursor).posts] == ["while it held", "in between", "afterwards"]


def test_closing_ends_it_soon_though_nothing_comes(there: MastodonHarness) -> None:
    there.simulator.heartbeat = 60
    with listening(there) as ear:
        ear.stream.close()
        ear.thread.join(30)  # less than the silence after which it would look by itself
        assert not ear.thread.is_alive()
    assert ear.error is None
    until(lambda: not [thread for thread in threading.enumerate() if thread.name.startswith("mastodon ")])


@pytest.mark.parametrize("failure", ["revoked", "rate_limit", "unavailable", "lost_before_writing"])
def test_what_cannot_be_opened_says_why(there: MastodonHarness, failure: str) -> None:
    stream = MastodonStream(there.config_with())
    with there.simulator.failing(failure, only=lambda call: "/streaming/" in call.path), pytest.raises(NetworkError) as caught:
        list(stream.listen(""))
    assert caught.value.account_revoked == (failure == "revoked")
    assert caught.value.retryable == (failure != "revoked")


def test_a_token_that_may_not_hear_is_told_so(there: MastodonHarness) -> None:
    with pytest.raises(NetworkError) as caught:
        list(MastodonStream(there.config_with(scopes="read:accounts")).listen(""))
    assert caught.value.permanent


def test_an_event_without_end_is_left_out_and_the_next_one_is_heard(there: MastodonHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST_EVENT", 10_000)
    with listening(there) as ear:
        there.simulator.push_raw(b"event: update\ndata: " + b"x" * 100_000, stream="list:7")
        there.simulator.push_raw(b"x" * 100_000 + b"\n\n", stream="list:7")
        there.simulator.push_raw(b"event: update\n" + b"data: xxxxxxxxxx\n" * 5_000 + b"\n", stream="list:7")
        there.simulator.push_raw(b"event: update\n" + b"data:\n" * 20_000 + b"\n", stream="list:7")
        there.customer_posts("ana", "hello")
        until(lambda: ear.posts)
    assert (len(ear.posts), ear.unreadable) == (1, [])
