"""Hearing Bluesky over Jetstream: what is for us within seconds, resumed where it was lost, whatever else comes over the line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import Batch, NetworkError, PostData, Stream
from socialdesk.networks.bluesky import stream as streaming
from tests.socialdesk.networks.bluesky.harness import BlueskyHarness
from tests.socialdesk.networks.bluesky.jetstream import Jetstream
from tests.socialdesk.networks.bluesky.world import POST
from tests.socialdesk.networks.harnesses import read_all


class Listening:
    """A stream that is listened to in a thread, as the desk does."""

    def __init__(self, jetstream: Jetstream, stream: Stream, cursor: str = "") -> None:
        self.stream, self.batches, self.lost = stream, list[Batch](), list[NetworkError]()
        self._thread = threading.Thread(target=self._listen, args=(cursor,), daemon=True)
        self._thread.start()
        self.until(lambda: jetstream.is_heard and bool(self.batches))

    def _listen(self, cursor: str) -> None:
        try:
            for batch in self.stream.listen(cursor):
                self.batches.append(batch)
        except NetworkError as error:
            self.lost.append(error)

    @property
    def posts(self) -> list[PostData]:
        return [post for batch in list(self.batches) for post in batch.posts]

    @property
    def cursor(self) -> str:
        return self.batches[-1].cursor

    def until(self, is_so: Callable[[], bool]) -> None:
        end = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < end, "it did not come"
            time.sleep(0.01)

    def hear(self, *uris: str) -> list[PostData]:
        self.until(lambda: set(uris) <= {post.external_id for post in self.posts})
        return [next(post for post in self.posts if post.external_id == uri) for uri in uris]

    def stop(self) -> None:
        self.stream.close()
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def jetstream(bluesky: BlueskyHarness, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jetstream]:
    monkeypatch.setattr(streaming, "PULSE", 0.3)
    monkeypatch.setattr(streaming, "SOON", 0.02)
    jetstream = Jetstream(bluesky.world)
    settings.BLUESKY_JETSTREAM = jetstream.address
    yield jetstream
    jetstream.stop()


@pytest.fixture
def listening(bluesky: BlueskyHarness, jetstream: Jetstream) -> Iterator[Listening]:
    listening = Listening(jetstream, make_stream(bluesky, terms=("Cargo Trailer", "glocke", "電動自転車", "🔋")))
    yield listening
    listening.stop()


def make_stream(bluesky: BlueskyHarness, *, terms: tuple[str, ...] = ()) -> Stream:
    make = registry.get("bluesky").stream
    assert make is not None
    return make(bluesky.config_with(terms=terms))


def test_a_mention_is_heard_with_its_author_as_the_network_describes_them(bluesky: BlueskyHarness, listening: Listening) -> None:
    (heard,) = listening.hear(bluesky.customer_posts("ana", "it broke"))
    assert (heard.text, heard.author.username, heard.author.followers, heard.author.bio) == ("it broke", "ana.test", 12, "I am Ana.")


def test_what_is_streamed_and_what_is_read_is_the_same(bluesky: BlueskyHarness, listening: Listening) -> None:
    first = bluesky.customer_posts("ana", "it broke")
    ours = bluesky.publisher.reply(in_reply_to=first, text="See https://tidewheel.example", token="t1").external_id
    below = bluesky.customer_posts("ben", "and mine", in_reply_to=ours)
    streamed = listening.hear(first, ours, below)
    assert streamed == list(read_all(bluesky.reader).posts)


def test_of_the_whole_network_only_what_concerns_us_is_handed_on(bluesky: BlueskyHarness, listening: Listening) -> None:
    world = bluesky.world
    ana, ours = world.person("ana"), world.publish(world.us, "News")
    quote = {"$type": "app.bsky.embed.record", "record": {"uri": ours.uri, "cid": ours.cid}}
    for number in range(20):
        world.publish(ana, f"Nothing {number} about trailers, cargos or Glockenspiel")
    wanted = [
        ours,
        world.publish(ana, "My CÁRGO trailer!"),  # folded, as search does
        world.publish(ana, "Cargo\n trailer"),
        world.publish(ana, "Die Glocke ist ab"),
        world.publish(ana, "私の電動自転車が動かない"),
        world.publish(ana, "meh🔋🔋"),
        world.publish(ana, "how nice", in_reply_to=ours.uri),
        world.publish(ana, "look", embed=quote),
    ]
    heard = listening.hear(*[post.uri for post in wanted])
    assert len(listening.posts) == len(wanted)
    assert heard[-1].quote is not None
    assert (heard[-1].quote.external_id, heard[-1].quote.text, heard[-1].quote.author) == (ours.uri, "News", "tidewheel.test")


def test_a_deletion_is_told_of_those_whose_posts_were_taken_in_and_of_no_others(bluesky: BlueskyHarness, listening: Listening) -> None:
    stranger = bluesky.world.publish(bluesky.world.person("zoe"), "nothing of ours").uri
    post = bluesky.customer_posts("ana", "my phone is 0123")
    listening.hear(post)
    bluesky.customer_deletes(stranger)
    bluesky.customer_deletes(post)
    listening.until(lambda: any(each.deleted for each in listening.posts))
    (gone,) = [each for each in listening.posts if each.deleted]
    assert (gone.external_id, gone.author.external_id, gone.text) == (post, bluesky.customer_id("ana"), "")


def test_a_lost_connection_is_told_and_resumed_where_it_stood_and_misses_nothing(bluesky: BlueskyHarness, jetstream: Jetstream) -> None:
    first = Listening(jetstream, make_stream(bluesky))
    before = [bluesky.customer_posts("ana", f"before {number}") for number in range(3)]
    first.hear(*before)
    cursor = first.cursor
    jetstream.drop()
    first.until(lambda: bool(first.lost))
    assert (first.lost[0].retryable, first.lost[0].code) == (True, "stream_ended")
    meanwhile = [bluesky.customer_posts("ben", f"meanwhile {number}") for number in range(3)]
    second = Listening(jetstream, make_stream(bluesky), cursor)
    after = bluesky.customer_posts("ana", "after")
    second.hear(*meanwhile, after)
    # A little is heard again, as the network's own clients do: its clock and its order are not exact.
    assert int(jetstream.asked[-1]["cursor"][0]) == int(cursor) - streaming.BACK
    second.stop()


def test_silence_is_told_and_the_place_goes_on_though_nothing_was_for_us(bluesky: BlueskyHarness, listening: Listening) -> None:
    bluesky.world.publish(bluesky.world.person("zoe"), "nothing of ours")
    listening.until(lambda: len(listening.batches) > 2 and listening.cursor.isdigit())
    assert not listening.posts


def test_closing_ends_it_soon_and_is_no_error(bluesky: BlueskyHarness, listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "PULSE", 120)
    heard = len(listening.batches)
    listening.until(lambda: len(listening.batches) > heard)  # from now on it would wait so long
    listening.stop()
    assert listening.lost == []


def test_doubled_and_reordered_events_are_handed_on_and_put_no_cursor_back(
    bluesky: BlueskyHarness, jetstream: Jetstream, listening: Listening
) -> None:
    posts = [bluesky.customer_posts("ana", f"post {number}") for number in range(5)]
    listening.hear(*posts)
    place = int(listening.cursor)
    jetstream.push_again(5)
    listening.until(lambda: len(listening.posts) == 10)
    assert int(listening.cursor) >= place


@pytest.mark.parametrize(
    "event",
    [
        "no JSON {",
        "[" * 5000,
        "[]",
        "null",
        b"\xff\xfe",
        {"kind": "commit"},
        {"kind": "party", "did": "did:plc:x"},
        {"kind": "identity", "did": "did:plc:x", "identity": {"handle": "new.test"}},
        {"kind": "account", "did": "did:plc:x", "account": {"active": False, "status": "deleted"}},
        {"did": None, "kind": "commit", "commit": None},
        {
            "did": "did:plc:x",
            "kind": "commit",
            "commit": {"operation": "create", "collection": POST, "rkey": 7, "record": []},
        },
        {"did": "did:plc:x", "kind": "commit", "commit": {"operation": "delete", "collection": "app.bsky.feed.post", "rkey": "3kabc"}},
        {"time_us": "soon", "did": "did:plc:x", "kind": "commit", "commit": {"operation": "burn", "collection": POST}},
        {"time_us": 10**17, "did": "did:plc:x", "kind": "identity"},
    ],
)
def test_events_of_any_kind_end_nothing(bluesky: BlueskyHarness, jetstream: Jetstream, listening: Listening, event: Any) -> None:
    jetstream.push(event)
    heard = bluesky.customer_posts("ana", "still there?")
    listening.hear(heard)
    assert listening.lost == []


def test_our_own_post_with_fields_of_any_type_is_read_or_counted_as_unreadable(
    bluesky: BlueskyHarness, jetstream: Jetstream, listening: Listening
) -> None:
    record = {"text": 7, "createdAt": [], "facets": {}, "embed": "x", "langs": None, "reply": [1]}
    commit = {"operation": "create", "collection": POST, "rkey": "3kabc", "record": record}
    jetstream.push({"did": bluesky.world.us.did, "kind": "commit", "commit": commit})
    listening.until(lambda: any(batch.unreadable for batch in listening.batches))


def test_authors_that_cannot_be_looked_up_now_are_named_by_their_did(bluesky: BlueskyHarness, listening: Listening) -> None:
    with bluesky.simulator.failing("unavailable"):
        (heard,) = listening.hear(bluesky.customer_posts("ana", "it broke"))
    assert heard.author.username == heard.author.external_id == bluesky.customer_id("ana")


def test_a_stream_that_cannot_be_reached_says_so_and_may_be_tried_again(bluesky: BlueskyHarness, settings: Settings) -> None:
    settings.BLUESKY_JETSTREAM = "ws://127.0.0.1:9"
    with pytest.raises(NetworkError) as caught:
        next(iter(make_stream(bluesky).listen("")))
    assert (caught.value.retryable, caught.value.code) == (True, "unreachable")


def test_a_cursor_of_another_make_begins_now(bluesky: BlueskyHarness, jetstream: Jetstream) -> None:
    listening = Listening(jetstream, make_stream(bluesky), "certainly no cursor")
    assert "cursor" not in jetstream.asked[-1]
    listening.stop()
