"""Reading Mastodon: what is heard and from where, that nothing falls between two fetches, and what a strange server cannot do."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialdesk.networks import registry
from socialdesk.networks.base import Batch, NetworkError, PostData
from socialdesk.networks.mastodon.feeds import Cursor, tags_of
from socialdesk.networks.mastodon.history import MastodonHistory
from socialdesk.networks.mastodon.reader import MastodonContext, MastodonReader
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.mastodon.world import Person
from tests.socialdesk.networks.served import Answer, Call


def stranger(there: MastodonHarness, acct: str = "marlowbikes@hub.example") -> Person:
    """Somebody who stands on no list of ours."""
    person = there.world.person(acct)
    there.world.lists["7"][1].discard(person.id)
    return person


def texts(batch: Batch) -> list[str]:
    return [post.text for post in batch.posts]


def answering(there: MastodonHarness, path: str, body: Any) -> None:
    """From now on the server answers that to every GET of the path."""
    known = there.simulator.routes.answer

    def answer(call: Call) -> Answer:
        return Answer(200, body) if call.method == "GET" and call.path == path else known(call)

    there.simulator.routes.answer = answer  # type: ignore[method-assign]


# What is heard


def test_whoever_names_us_is_heard_with_the_name_of_their_server(there: MastodonHarness) -> None:
    person = stranger(there)
    there.world.publish(person, "@tidewheel it broke")
    there.world.publish(person, "it broke")
    (post,) = read_all(there.reader).posts
    assert post.text == f"@tidewheel@{there.world.domain} it broke"
    assert (post.author.username, post.author.external_id) == ("marlowbikes@hub.example", person.id)


def test_a_topics_words_are_heard_as_hashtags(there: MastodonHarness) -> None:
    there.world.publish(stranger(there), "Riding in #Leeds today")
    there.world.publish(stranger(there), "Riding in #Bristol today")
    reader = MastodonReader(there.config_with(terms=("leeds", "two words", "#fahrrad", "")))
    assert texts(read_all(reader)) == ["Riding in #Leeds today"]


def test_terms_that_can_be_no_hashtag_are_left_out() -> None:
    assert tags_of(["Leeds", "#leeds", "two words", "e-bike", "2024", "bike2go", "straße", "自転車", "a/b", "", "#", "x" * 101]) == [
        "leeds",
        "bike2go",
        "straße",
        "自転車",
    ]


def test_what_strangers_write_privately_is_heard_too(there: MastodonHarness) -> None:
    """Servers keep it back unless they are asked for it."""
    there.world.publish(stranger(there), "@tidewheel my number is 0123", visibility="direct")
    (message,) = read_all(there.reader).messages
    assert (message.text, message.outgoing, message.author.username) == ("my number is 0123", False, "marlowbikes@hub.example")


def test_a_post_that_comes_by_several_ways_is_handed_on_once(there: MastodonHarness) -> None:
    there.world.publish(there.world.person("ana"), "@tidewheel look at #leeds")
    reader = MastodonReader(there.config_with(terms=("leeds",)))
    assert len(read_all(reader).posts) == 1


def test_a_boost_is_told_as_one(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "I love it")
    boost = there.world.boost(there.world.person("ben"), post)
    posts = {each.external_id: each for each in read_all(there.reader).posts}
    assert (posts[boost.id].repost_of, posts[boost.id].text, posts[boost.id].author.username) == (post, "", "ben")


def test_our_own_posts_bear_the_name_that_we_are_connected_by(there: MastodonHarness) -> None:
    there.publisher.post(text="Good morning.", token="t1")
    reader = MastodonReader(replace(there.config, username="tidewheel@harbour.example"))
    assert [post.author.username for post in read_all(reader).posts] == ["tidewheel@harbour.example"]


def test_an_account_without_an_id_asks_who_it_is(there: MastodonHarness) -> None:
    there.customer_posts("ana", "hello")
    assert texts(read_all(MastodonReader(replace(there.config, external_id="")))) == ["hello"]


# From where to where


def test_what_is_older_than_two_pages_is_left_to_the_past_and_nothing_after_it_is_lost(there: MastodonHarness) -> None:
    for i in range(130):
        there.customer_posts("ana", f"post {i}")
    first = read_all(there.reader, limit=30)
    assert texts(first) == [f"post {i}" for i in range(51, 130)]
    for i in range(130, 330):
        there.customer_posts("ana", f"post {i}")
    assert texts(read_all(there.reader, first.cursor, limit=200)) == [f"post {i}" for i in range(130, 330)]


def test_ids_of_letters_are_followed_as_those_of_digits(there: MastodonHarness) -> None:
    there.world.has_letters = True
    for i in range(130):
        there.customer_posts("ana", f"post {i}")
    first = read_all(there.reader, limit=30)
    assert texts(first) == [f"post {i}" for i in range(51, 130)]
    post = there.customer_posts("ana", "@tidewheel post 130")
    there.publisher.reply(in_reply_to=post, text="Thank you.", token="t1")
    assert texts(read_all(there.reader, first.cursor)) == [f"@tidewheel@{there.world.domain} post 130", "Thank you."]
    assert there.publisher.find(token="t1", text="Thank you.", in_reply_to=post, since=datetime.now(UTC) - timedelta(hours=1))


def test_in_a_quiet_place_the_beginning_is_not_years_ago(there: MastodonHarness) -> None:
    for i in range(5):
        post = there.world.statuses[there.customer_posts("ana", f"post {i}")]
        post.created_at -= timedelta(days=400 - 100 * i)
    first = read_all(there.reader)
    assert texts(first) == ["post 4"]
    there.customer_posts("ana", "post 5")
    assert texts(read_all(there.reader, first.cursor)) == ["post 5"]
    assert [post.text for post in MastodonHistory(there.config).backfill("").posts] == [f"post {i}" for i in range(5, -1, -1)]


def test_a_word_that_is_listened_for_later_begins_now_and_the_others_go_on(there: MastodonHarness) -> None:
    there.world.publish(stranger(there), "old #leeds")
    there.customer_posts("ana", "one")
    cursor = read_all(there.reader).cursor
    there.customer_posts("ana", "two")
    with_word = MastodonReader(there.config_with(terms=("leeds",)))
    assert sorted(texts(read_all(with_word, cursor))) == ["old #leeds", "two"]


@pytest.mark.parametrize("limit", [1, 3, 200])
def test_what_reaches_the_server_late_is_read_though_others_stand_behind_it(there: MastodonHarness, limit: int) -> None:
    """It has an id of the time at which it was written."""
    reader = MastodonReader(there.config_with(terms=("leeds",)))
    for i in range(30):
        there.world.publish(stranger(there), f"#leeds {i}")
    late = [there.world.new_id() for _ in range(2)]
    for i in range(30, 35):
        there.world.publish(stranger(there), f"#leeds {i}")
        there.customer_posts("ana", f"post {i}")
    cursor = read_all(reader, limit=limit).cursor
    there.world.publish(stranger(there), "#leeds late", under=late[0])
    there.world.publish(there.world.person("ana"), "post late", under=late[1])
    there.world.publish(stranger(there), "#leeds on")
    batch = read_all(reader, cursor, limit=limit)
    assert sorted(texts(batch)) == ["#leeds late", "#leeds on", "post late"]
    assert texts(read_all(reader, batch.cursor, limit=limit)) == []


def test_another_server_is_read_from_its_beginning(there: MastodonHarness) -> None:
    there.customer_posts("ana", "hello")
    elsewhere = str(Cursor("elsewhere.example", {"n": "9" * 30, "o": "9" * 30, "l:7": "9" * 30}))
    assert texts(read_all(there.reader, elsewhere)) == ["hello"]


@pytest.mark.parametrize(
    "cursor", ["{}", "[]", "null", '{"at": "x"}', '{"at": 1, "ids": 3}', '{"at":"x","ids":{},"watched":[[1]]}', "[" * 10**5]
)
def test_a_broken_cursor_is_an_error(there: MastodonHarness, cursor: str) -> None:
    with pytest.raises(NetworkError) as caught:
        there.reader.fetch(cursor)
    assert caught.value.permanent


def test_a_server_that_knows_no_bounds_is_not_read_for_ever(there: MastodonHarness) -> None:
    for i in range(3):
        there.customer_posts("ana", f"post {i}")
    cursor = there.reader.fetch("", limit=2).cursor
    page = [there.world.status_entity(status) for status in there.world.statuses.values()]
    answering(there, "/api/v1/timelines/list/7", page[::-1])
    batch = there.reader.fetch(cursor, limit=2)
    assert texts(batch) == ["post 2"]
    assert not batch.more
    assert texts(there.reader.fetch(batch.cursor, limit=2)) == []


def test_a_server_that_tells_of_every_follower_hides_no_mention_behind_them(there: MastodonHarness) -> None:
    """Those that know no filter of notifications give a page of followers as they give any other."""

    def followers_come(number: int) -> None:
        for _ in range(number):
            note = {"id": there.world.new_id(), "type": "follow", "created_at": datetime.now(UTC), "account": stranger(there), "status": ""}
            there.world.notifications.append(note)

    there.simulator.knows_types = False
    followers_come(200)
    there.world.publish(stranger(there), "@tidewheel one")
    followers_come(200)
    first = read_all(there.reader)
    assert texts(first) == []  # it is in the past, below the latest two pages
    there.world.publish(stranger(there), "@tidewheel two")
    followers_come(200)
    second = read_all(there.reader, first.cursor)
    there.world.publish(stranger(there), "@tidewheel three")
    third = read_all(there.reader, second.cursor)
    assert [text.rpartition(" ")[2] for text in texts(second) + texts(third)] == ["two", "three"]
    history, cursor, past = MastodonHistory(there.config), "", list[str]()
    for _ in range(12):
        batch = history.backfill(cursor)
        past, cursor = past + texts(batch), batch.cursor
    assert not batch.more
    assert [text.rpartition(" ")[2] for text in past] == ["three", "two", "one"]


def test_a_list_that_was_deleted_does_not_stop_the_rest(there: MastodonHarness) -> None:
    there.customer_posts("ana", "@tidewheel hello")
    del there.world.lists["7"]
    assert len(read_all(there.reader).posts) == 1


def test_a_list_that_cannot_be_read_for_a_while_is_not_passed_over(there: MastodonHarness) -> None:
    with there.simulator.failing("unavailable", only=lambda call: "/list/" in call.path), pytest.raises(NetworkError) as caught:
        there.reader.fetch("")
    assert caught.value.retryable


# Edits and deletions


def test_an_edit_is_told_once(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it borke")
    cursor = read_all(there.reader).cursor
    there.world.edit(post, "it broke")
    edited = read_all(there.reader, cursor)
    assert texts(edited) == ["it broke"]
    assert edited.posts[0].edited_at is not None
    assert texts(read_all(there.reader, edited.cursor)) == []


def test_a_server_that_cannot_look_up_many_is_not_taken_to_have_deleted_them(there: MastodonHarness) -> None:
    there.customer_posts("ana", "hello")
    cursor = read_all(there.reader).cursor
    there.simulator.has_old_api = True
    assert read_all(there.reader, cursor).posts == ()
    answering(there, "/api/v1/statuses", [])  # as one that knows the path, and by another name what to look up
    assert read_all(there.reader, cursor).posts == ()


def test_a_look_at_old_posts_that_fails_costs_nothing_new(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "one")
    cursor = read_all(there.reader).cursor
    there.customer_deletes(post)
    there.customer_posts("ana", "two")
    with there.simulator.failing("unavailable", only=lambda call: call.path == "/api/v1/statuses"):
        batch = there.reader.fetch(cursor)
    assert texts(batch) == ["two"]
    assert [each.external_id for each in there.reader.fetch(batch.cursor).posts if each.deleted] == [post]


def test_many_deletions_come_within_the_limit_and_all_of_them_come(there: MastodonHarness) -> None:
    posts = [there.customer_posts("ana", f"post {i}") for i in range(40)]
    cursor = read_all(there.reader).cursor
    for post in posts:
        there.customer_deletes(post)
    told: list[str] = []
    for _ in range(8):
        batch = there.reader.fetch(cursor, limit=7)
        assert len(batch.posts) <= 7
        told += [each.external_id for each in batch.posts if each.deleted]
        cursor = batch.cursor
    assert sorted(told) == sorted(posts)


# Strange answers


def test_an_unreadable_entry_costs_none_of_its_neighbours(there: MastodonHarness) -> None:
    for i in range(4):
        there.customer_posts("ana", f"post {i}")
    page = [there.world.status_entity(status) for status in there.world.statuses.values()]
    page[1]["account"] = None
    page[2]["created_at"] = "yesterday"
    answering(there, "/api/v1/timelines/list/7", [None, 7, "x", {}, *page[::-1], {"id": {}}])
    batch = there.reader.fetch("")
    assert texts(batch) == ["post 0", "post 3"]
    assert len(batch.unreadable) == 7
    assert all(each.reason for each in batch.unreadable)
    assert not batch.more


@pytest.mark.parametrize("body", [{}, "x", 7, None, {"error": "no"}])
def test_an_answer_that_is_no_list_is_an_error_and_may_be_asked_for_again(there: MastodonHarness, body: Any) -> None:
    answering(there, "/api/v1/notifications", body)
    with pytest.raises(NetworkError) as caught:
        there.reader.fetch("")
    assert caught.value.retryable


def test_an_answer_of_fifty_megabytes_is_not_read_to_its_end(there: MastodonHarness) -> None:
    answering(there, "/api/v1/notifications", "x" * 50_000_000)
    with pytest.raises(NetworkError) as caught:
        there.reader.fetch("")
    assert caught.value.retryable


def test_a_redirect_is_not_followed(there: MastodonHarness) -> None:
    known = there.simulator.routes.answer
    there.simulator.routes.answer = lambda call: Answer(302, {}, {"Location": "http://169.254.169.254/x?secret=1"})  # type: ignore[method-assign]
    with pytest.raises(NetworkError) as caught:
        there.reader.fetch("")
    assert "sends us on to 169.254.169.254" in str(caught.value)
    assert "secret" not in str(caught.value)
    there.simulator.routes.answer = known  # type: ignore[method-assign]


# Limits


def test_reading_stops_while_there_is_still_something_left_for_answers(there: MastodonHarness) -> None:
    post = there.customer_posts("ana", "it broke")
    there.simulator.remaining = 63  # of 300
    there.reader.fetch("")
    there.simulator.log.clear()
    with pytest.raises(NetworkError) as caught:
        there.reader.fetch("")
    assert caught.value.retryable
    assert caught.value.code == "budget"
    assert 200 < (caught.value.retry_after or 0) <= 300
    assert there.simulator.log == []
    there.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
    assert there.publisher.find(token="t1", text="Sorry.", in_reply_to=post, since=datetime.now(UTC) - timedelta(hours=1))


@pytest.mark.parametrize("skew", [timedelta(0), timedelta(hours=2), timedelta(hours=-2)])
def test_a_servers_clock_may_go_wrong(there: MastodonHarness, skew: timedelta) -> None:
    there.simulator.clock_skew = skew
    there.simulator.remaining = 0
    with pytest.raises(NetworkError) as caught:
        there.reader.fetch("")
    assert caught.value.code == "rate_limit"
    assert 290 < (caught.value.retry_after or 0) <= 302


# The past, and what stands above


def test_the_past_comes_newest_first_and_comes_to_an_end(there: MastodonHarness) -> None:
    for i in range(130):
        there.customer_posts(f"person{i % 3}", f"post {i}")
    there.publisher.post(text="ours", token="t1")
    history = MastodonHistory(there.config)
    seen: list[PostData] = []
    cursor, pages = "", 0
    while True:
        batch = history.backfill(cursor, limit=30)
        assert len(batch.posts) <= 30
        seen += batch.posts
        cursor, pages = batch.cursor, pages + 1
        if not batch.more:
            break
        assert pages < 20
    assert [post.text for post in seen] == ["ours", *(f"post {i}" for i in range(129, -1, -1))]


def test_the_thread_above_a_post_comes_from_its_beginning(there: MastodonHarness) -> None:
    first = there.customer_posts("ana", "it broke")
    second = there.customer_posts("ben", "mine too", in_reply_to=first)
    third = there.customer_posts("ana", "and now?", in_reply_to=second)
    context = registry.get("mastodon").context
    assert context is not None
    assert [post.text for post in context(there.config).above(third)] == ["it broke", "mine too"]
    assert MastodonContext(there.config).above(first) == ()
    with pytest.raises(NetworkError):
        MastodonContext(there.config).above("999")


def test_a_cursor_is_text_that_can_be_kept(there: MastodonHarness) -> None:
    for i in range(60):
        there.customer_posts("ana", f"post {i}")
    cursor = read_all(there.reader).cursor
    assert len(json.loads(cursor)["watched"]) == 40
    assert len(cursor) < 5_000


def test_a_cursor_names_nobody(there: MastodonHarness) -> None:
    """Whoever is erased from the desk would stay in it."""
    post = there.customer_posts("philippa", "my phone is 0123")
    cursor = read_all(there.reader).cursor
    assert post in cursor
    assert "philippa" not in cursor
