"""Reading Bluesky: every feed from where it was left, whatever its length and order, and nothing lost where one of them fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, NetworkError, Reader
from socialdesk.networks.bluesky import feeds, people
from tests.socialdesk.networks.bluesky.harness import BlueskyHarness
from tests.socialdesk.networks.bluesky.world import LIKE, stamp
from tests.socialdesk.networks.harnesses import read_all


def reader_with(bluesky: BlueskyHarness, *terms: str) -> Reader:
    return registry.reader_for(bluesky.config_with(terms=terms))


def test_a_long_absence_is_made_up_for_page_by_page(bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PAGE", 10)
    monkeypatch.setattr(feeds, "DEPTH", 3)
    bluesky.customer_posts("ana", "before")
    cursor = read_all(bluesky.reader).cursor
    written = [bluesky.customer_posts(f"person{number % 5}", f"post {number}") for number in range(137)]
    read = [post.external_id for post in read_all(bluesky.reader, cursor, limit=15).posts]
    assert [uri for uri in dict.fromkeys(read) if uri in written] == written


def test_what_comes_while_an_absence_is_made_up_for_is_not_lost(bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "PAGE", 10)
    monkeypatch.setattr(feeds, "DEPTH", 3)
    bluesky.customer_posts("ana", "before")
    cursor = read_all(bluesky.reader).cursor
    written = [bluesky.customer_posts("ana", f"post {number}") for number in range(60)]
    read: list[str] = []
    for number in range(40):
        batch = bluesky.reader.fetch(cursor, limit=7)
        read += [post.external_id for post in batch.posts]
        cursor = batch.cursor
        if number < 25:
            written.append(bluesky.customer_posts("ben", f"meanwhile {number}"))
        elif not batch.more:
            break
    assert set(written) <= set(read)


def test_an_account_that_was_never_named_begins_with_nothing_and_then_misses_nothing(
    bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "PAGE", 10)
    cursor = read_all(bluesky.reader).cursor
    written = [bluesky.customer_posts("ana", f"post {number}") for number in range(35)]
    assert [post.external_id for post in read_all(bluesky.reader, cursor).posts] == written


def test_a_post_that_the_app_view_comes_to_late_is_read_all_the_same(bluesky: BlueskyHarness) -> None:
    late = bluesky.customer_posts("ana", "late")
    bluesky.world.lag.add(late)
    early = bluesky.customer_posts("ben", "early")
    batch = read_all(bluesky.reader)
    assert [post.external_id for post in batch.posts] == [early]
    bluesky.world.lag.clear()
    assert [post.external_id for post in read_all(bluesky.reader, batch.cursor).posts] == [late]


def test_a_clock_that_is_ahead_puts_nothing_into_the_future_and_one_that_is_behind_loses_nothing(bluesky: BlueskyHarness) -> None:
    now = datetime.now(UTC)
    bluesky.customer_posts("ana", "right")
    cursor = read_all(bluesky.reader).cursor
    for minutes in (90, -5):
        at = stamp(now + timedelta(minutes=minutes))
        bluesky.world.publish(bluesky.world.person("ben"), f"{minutes}", names=bluesky.world.us, createdAt=at)
    read = {post.text: post.posted_at for post in read_all(bluesky.reader, cursor).posts}
    assert set(read) == {"90", "-5"}
    assert read["90"] - now < timedelta(minutes=1)


def test_a_server_that_tells_of_every_like_hides_no_mention_behind_them(bluesky: BlueskyHarness) -> None:
    """An app view that does not know how to leave reasons out."""
    bluesky.simulator.knows_reasons = False
    bluesky.customer_posts("ana", "one")
    cursor = read_all(bluesky.reader).cursor
    two = bluesky.customer_posts("ana", "two")
    ours = bluesky.world.publish(bluesky.world.us, "We are open.")
    for i in range(150):
        like = {"$type": LIKE, "subject": {"uri": ours.uri, "cid": ours.cid}, "createdAt": stamp(bluesky.world.new_time())}
        bluesky.world.put(bluesky.world.person(f"fan{i % 9}").did, LIKE, bluesky.world.new_tid(), like)
    batch = read_all(bluesky.reader, cursor)
    assert [post.external_id for post in batch.posts] == [two, ours.uri]
    three = bluesky.customer_posts("ana", "three")
    assert [post.external_id for post in read_all(bluesky.reader, batch.cursor).posts] == [three]


def test_words_of_topics_are_searched_for_and_each_post_comes_once(bluesky: BlueskyHarness) -> None:
    reader, world = reader_with(bluesky, "cargo trailer", "bell"), bluesky.world
    both = world.publish(world.person("zoe"), "The bell of my cargo trailer").uri
    named = bluesky.customer_posts("ana", "my bell")
    world.publish(world.person("zoe"), "nothing of yours")
    assert [post.external_id for post in read_all(reader).posts] == [both, named]
    assert {call.query["q"][0] for call in bluesky.simulator.calls("app.bsky.feed.searchPosts")} == {'"cargo trailer"', "bell"}


def test_a_server_that_refuses_a_search_is_read_all_the_same(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "my bell")
    reader = reader_with(bluesky, "bell")
    bluesky.simulator.refused.add("app.bsky.feed.searchPosts")
    assert [each.external_id for each in read_all(reader).posts] == [post]


def test_a_reply_and_a_quote_are_heard_though_nobody_is_named(bluesky: BlueskyHarness) -> None:
    world = bluesky.world
    ours = world.publish(world.us, "News")
    embed = {"$type": "app.bsky.embed.record", "record": {"uri": ours.uri, "cid": ours.cid}}
    below = world.publish(world.person("ana"), "how nice", in_reply_to=ours.uri).uri
    quote = world.publish(world.person("ben"), "look at that", embed=embed).uri
    assert [post.external_id for post in read_all(bluesky.reader).posts] == [ours.uri, below, quote]


@pytest.mark.parametrize(
    ("allows", "follows", "said"), [("following", False, False), ("following", True, True), ("all", False, None), ("all", True, True)]
)
def test_who_follows_us_is_said_and_who_takes_messages_of_all_need_not(
    bluesky: BlueskyHarness, allows: str, follows: bool, said: bool | None
) -> None:
    bluesky.world.person("ana").takes_messages_of = allows
    if follows:
        bluesky.customer_follows("ana")
    bluesky.customer_posts("ana", "it broke")
    (post,) = read_all(bluesky.reader).posts
    assert post.author.follows_us is said


def test_many_authors_are_looked_up_together_and_once(bluesky: BlueskyHarness) -> None:
    for number in range(30):
        bluesky.customer_posts(f"person{number}", "it broke")
    cursor = read_all(bluesky.reader).cursor
    assert len(bluesky.simulator.calls("app.bsky.actor.getProfiles")) == 2
    bluesky.customer_posts("person3", "still broken")
    assert len(read_all(bluesky.reader, cursor).posts) == 1
    assert len(bluesky.simulator.calls("app.bsky.actor.getProfiles")) == 2


# Deletions


def test_only_what_the_network_says_is_gone_is_told_as_deleted(bluesky: BlueskyHarness) -> None:
    """A post that is left out of many may be one that we may not see."""
    post = bluesky.customer_posts("ana", "it broke")
    cursor = read_all(bluesky.reader).cursor
    bluesky.world.hidden.add(post)
    batch = read_all(bluesky.reader, cursor)
    assert batch.posts == ()
    bluesky.customer_deletes(post)
    (told,) = read_all(bluesky.reader, batch.cursor).posts
    assert (told.external_id, told.deleted, told.author.external_id) == (post, True, bluesky.customer_id("ana"))


def test_a_second_look_that_fails_costs_nothing_and_is_made_up_for(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    cursor = read_all(bluesky.reader).cursor
    bluesky.customer_deletes(post)
    with bluesky.simulator.failing("unavailable", only=lambda call: call.nsid == "app.bsky.feed.getPosts"):
        batch = read_all(bluesky.reader, cursor)
    assert batch.posts == ()
    assert [each.deleted for each in read_all(bluesky.reader, batch.cursor).posts] == [True]


# Private messages


@pytest.mark.parametrize("limit", [20, 200])
def test_messages_are_read_on_in_order_however_many_there_are(bluesky: BlueskyHarness, limit: int) -> None:
    cursor = read_all(bluesky.reader).cursor
    written = [bluesky.customer_messages(f"person{number % 3}", f"message {number}") for number in range(250)]
    bluesky.simulator.is_strict = False
    bluesky.world.log_event("logLeaveConvo", "c1")
    bluesky.world.log_event("logSomethingNew", "c1")
    assert [message.external_id for message in read_all(bluesky.reader, cursor, limit=limit).messages] == written


def test_what_is_said_among_more_than_two_and_what_was_taken_back_is_no_private_message(bluesky: BlueskyHarness) -> None:
    world = bluesky.world
    cursor = read_all(bluesky.reader).cursor
    ana, ben = world.person("ana").did, world.person("ben").did
    world.convos["group"] = (world.us.did, ana, ben)
    world.message(ana, "group", "hello all")
    alone = bluesky.customer_messages("ana", "hello you")
    taken_back = world.message(ana, world.convo_of(ana, world.us.did), "oops")
    taken_back.is_deleted = True
    assert [message.external_id for message in read_all(bluesky.reader, cursor).messages] == [alone]
    assert [message.external_id for message in read_all(bluesky.reader).messages] == [alone]


def test_an_account_begins_with_its_last_messages(bluesky: BlueskyHarness) -> None:
    written = [bluesky.customer_messages("ana", f"message {number}") for number in range(30)]
    messages = read_all(bluesky.reader).messages
    assert [message.external_id for message in messages] == written[-20:]


def test_messages_that_do_not_answer_hold_back_no_posts_and_are_told_once_there_are_none(bluesky: BlueskyHarness) -> None:
    cursor = read_all(bluesky.reader).cursor
    post = bluesky.customer_posts("ana", "it broke")
    message = bluesky.customer_messages("ana", "hello")
    with bluesky.simulator.failing("unavailable", only=lambda call: call.nsid.startswith("chat.")):
        batch = bluesky.reader.fetch(cursor)
        assert [each.external_id for each in batch.posts] == [post]
        with pytest.raises(NetworkError) as caught:
            bluesky.reader.fetch(batch.cursor)
    assert caught.value.retryable
    assert [each.external_id for each in bluesky.reader.fetch(batch.cursor).messages] == [message]


# Failing


@pytest.mark.parametrize(
    ("mode", "code"),
    [("expired", EXPIRED), ("unavailable", "server_error"), ("no_json", "unreadable_answer"), ("huge", "unreachable")],
)
def test_reading_that_fails_may_be_tried_again(bluesky: BlueskyHarness, mode: str, code: str) -> None:
    with bluesky.simulator.failing(mode), pytest.raises(NetworkError) as caught:
        bluesky.reader.fetch("")
    assert (caught.value.retryable, caught.value.code) == (True, code)


def test_a_server_that_sends_us_on_is_not_followed(bluesky: BlueskyHarness) -> None:
    with bluesky.simulator.failing("moved"), pytest.raises(NetworkError) as caught:
        bluesky.reader.fetch("")
    assert (caught.value.permanent, caught.value.code) == (True, "moved")
    assert "elsewhere.example" in str(caught.value)


def test_reading_stops_while_a_reserve_is_left_for_answers(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    bluesky.simulator.left["read"] = 601
    caught: NetworkError | None = None
    for _ in range(5):
        try:
            bluesky.reader.fetch("")
        except NetworkError as error:
            caught = error
    assert caught is not None
    assert (caught.retryable, caught.code) == (True, "budget")
    assert bluesky.simulator.left["read"] > 500
    assert bluesky.publisher.reply(in_reply_to=post, text="We are sorry.", token="t1").external_id


@pytest.mark.parametrize("ahead", [0, 3600, -3600])
def test_the_wait_is_that_of_the_network_whatever_its_clock_says(bluesky: BlueskyHarness, ahead: int) -> None:
    bluesky.simulator.ahead = ahead
    with bluesky.simulator.failing("rate_limit"), pytest.raises(NetworkError) as caught:
        bluesky.reader.fetch("")
    assert 290 < (caught.value.retry_after or 0) <= 303


def test_a_cursor_stays_short_however_much_was_read(bluesky: BlueskyHarness) -> None:
    earlier = datetime.now(UTC) - timedelta(days=3)
    for number in range(90):
        at = stamp(earlier + timedelta(minutes=number))
        bluesky.world.publish(bluesky.world.person("ana"), f"post {number}", names=bluesky.world.us, createdAt=at)
    assert len(read_all(bluesky.reader).cursor) < 7000  # of which the watched posts take most


def test_neither_a_cursor_nor_what_is_kept_for_long_names_anybody(bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is erased from the desk would stay in it."""
    kept: list[object] = []
    monkeypatch.setattr(cache, "set_many", lambda given, timeout: kept.append(given) if timeout > people.KNOWN_FOR else None)
    post = bluesky.customer_posts("philippa", "my phone is 0123")
    cursor = read_all(bluesky.reader).cursor
    assert post in cursor
    assert kept
    assert "philippa" not in f"{cursor} {kept}"


def test_a_cursor_that_was_kept_with_names_goes_on(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    cursor = read_all(bluesky.reader).cursor.replace(f'["{post}"]', f'[["{post}","ana.test"]]')
    assert "ana.test" in cursor
    bluesky.customer_deletes(post)
    assert [(gone.external_id, gone.deleted) for gone in read_all(bluesky.reader, cursor).posts] == [(post, True)]


def test_a_cursor_of_another_account_begins_anew(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    cursor = read_all(bluesky.reader).cursor.replace(bluesky.world.us.did, "did:plc:another")
    assert [each.external_id for each in read_all(bluesky.reader, cursor).posts] == [post]


# The past and the thread


def test_the_past_is_fetched_backward_to_its_end_and_each_post_once(bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    make = registry.get("bluesky").history
    assert make is not None
    written = [bluesky.customer_posts("ana", f"post {number}") for number in range(40)]
    ours = [bluesky.world.publish(bluesky.world.us, f"ours {number}").uri for number in range(15)]
    history, cursor, read = make(bluesky.config), "", list[str]()
    for _ in range(20):
        batch = history.backfill(cursor, limit=10)
        assert len(batch.posts) <= 10
        times = [post.posted_at for post in batch.posts]
        assert times == sorted(times, reverse=True)
        read += [post.external_id for post in batch.posts]
        cursor = batch.cursor
        if not batch.more:
            break
    assert sorted(read) == sorted(written + ours)
    assert [uri for uri in read if uri in written] == written[::-1]
    with pytest.raises(NetworkError):
        history.backfill("certainly no cursor")


def test_the_thread_above_a_post_is_read_from_its_beginning(bluesky: BlueskyHarness) -> None:
    make = registry.get("bluesky").context
    assert make is not None
    first = bluesky.customer_posts("ana", "it broke")
    second = bluesky.customer_posts("ben", "mine too", in_reply_to=first)
    third = bluesky.customer_posts("ana", "you see", in_reply_to=second)
    assert [post.external_id for post in make(bluesky.config).above(third)] == [first, second]
    bluesky.customer_deletes(first)
    assert [post.external_id for post in make(bluesky.config).above(third)] == [second]
    for unknown in (first, "nonsense"):
        with pytest.raises(NetworkError) as caught:
            make(bluesky.config).above(unknown)
        assert caught.value.permanent


STEP = st.one_of(st.tuples(st.just("write"), st.integers(1, 25)), st.tuples(st.just("fetch"), st.integers(1, 12)))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, min_size=3, max_size=12), terms=st.sampled_from([(), ("bell",)]))
def test_however_writing_and_reading_alternate_nothing_is_lost(
    bluesky: BlueskyHarness, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int]], terms: tuple[str, ...]
) -> None:
    """What stands in two feeds may come from each where one of them is behind; intake takes it once."""
    monkeypatch.setattr(feeds, "PAGE", 4)
    monkeypatch.setattr(feeds, "DEPTH", 3)
    bluesky.simulator.left = dict.fromkeys(bluesky.simulator.left, 10**6)
    cache.clear()
    bluesky.world.records.clear()
    reader, written, read = reader_with(bluesky, *terms), list[str](), list[str]()
    cursor = reader.fetch("").cursor
    for step, number in [*steps, ("fetch", 9)]:
        if step == "write":
            # Some are told of, some found by their words, some both.
            for each in range(number):
                names = bluesky.world.us if each % 3 or not terms else None
                text = "hello" if each % 3 == 1 else "ring the bell"
                written.append(bluesky.world.publish(bluesky.world.person("ana"), text, names=names).uri)
        else:
            batch = reader.fetch(cursor, limit=number)
            read += [post.external_id for post in batch.posts]
            cursor = batch.cursor
    read += [post.external_id for post in read_all(reader, cursor, limit=50).posts]
    assert set(read) == set(written)
    assert terms or read == written
