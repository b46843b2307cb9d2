"""A Facebook page read and answered: threads, old posts with new comments, windows of private messages, what is not ours, the past."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import NetworkError, PostData
from socialdesk.networks.facebook import reader as page_reader
from tests.socialdesk.networks.facebook.graph import ALL_SCOPES, DAY, PAGE
from tests.socialdesk.networks.facebook.harness import FacebookHarness
from tests.socialdesk.networks.facebook.nodes import gone
from tests.socialdesk.networks.harnesses import an_hour_ago, read_all


def ids(posts: Any) -> list[str]:
    return [post.external_id for post in posts]


def without(*scopes: str) -> tuple[str, ...]:
    return tuple(scope for scope in ALL_SCOPES if scope not in scopes)


# --- Reading --------------------------------------------------------------------------------------------------------------


def test_a_new_comment_below_an_old_post_is_found_and_the_old_post_is_not_told_again(facebook: FacebookHarness) -> None:
    world = facebook.world
    old = world.post(world.page, "Autumn rides", at=world.now() - 90 * DAY)
    world.comment(world.person("facebook", "ana"), old.id, "old news", at=world.now() - 80 * DAY)
    cursor = read_all(facebook.reader).cursor
    fresh = facebook.customer_posts("ana", "is it still on?", in_reply_to=old.id)
    (post,) = read_all(facebook.reader, cursor).posts
    assert (post.external_id, post.in_reply_to) == (fresh, old.id)


def test_all_of_a_long_thread_is_found_over_many_pages_and_levels(facebook: FacebookHarness) -> None:
    top = facebook.customer_posts("ana", "who else?")
    first = facebook.customer_posts("ben", "me", in_reply_to=top)
    written = [top, first]
    for number in range(230):
        written.append(facebook.customer_posts(f"p{number % 9}", f"me too {number}", in_reply_to=first if number % 2 else top))
    read = read_all(facebook.reader).posts
    assert ids(read) == written
    parents = {post.external_id: post.in_reply_to for post in read}
    assert parents[written[2]] == top
    assert parents[written[3]] == first


def test_more_posts_than_one_page_holds_are_all_found(facebook: FacebookHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_reader, "PAGE", 10)
    monkeypatch.setattr(page_reader, "WATCHED", 15)
    written = [facebook.customer_posts("ana", f"post {number}") for number in range(47)]
    assert ids(read_all(facebook.reader, limit=9).posts) == written


def test_what_the_network_shows_late_is_still_found(facebook: FacebookHarness) -> None:
    """Two servers of theirs need not agree at once: for some minutes what is older than the last that was read is looked for."""
    world = facebook.world
    cursor = read_all(facebook.reader).cursor
    facebook.customer_posts("ana", "first to be seen")
    cursor = read_all(facebook.reader, cursor).cursor
    late = world.post(world.person("facebook", "ben"), "written before, shown after", at=world.now() - 100)
    batch = read_all(facebook.reader, cursor)
    assert ids(batch.posts) == [late.id]
    assert read_all(facebook.reader, batch.cursor).posts == ()


@pytest.mark.parametrize("skew", [-7200, -400, 400, 7200])
def test_a_clock_that_goes_wrong_loses_and_doubles_nothing(facebook: FacebookHarness, skew: int) -> None:
    facebook.world.skew = skew
    seen, cursor, written = [], read_all(facebook.reader).cursor, []
    for number in range(6):
        facebook.world.skew = skew if number % 2 else 0
        written.append(facebook.customer_posts("ana", f"post {number}"))
        batch = read_all(facebook.reader, cursor)
        seen += ids(batch.posts)
        cursor = batch.cursor
    if skew > 0:
        assert sorted(seen) == sorted(written)
    else:  # what is dated before all that was read is the past, beyond some minutes
        assert len(seen) == len(set(seen))
        assert set(written[::2]) <= set(seen)


def test_two_people_without_names_are_not_one(facebook: FacebookHarness) -> None:
    world = facebook.world
    for name in ("ana", "ben"):
        world.person("facebook", name).is_named = False
    first, second = facebook.customer_posts("ana", "hm"), facebook.customer_posts("ben", "hm")
    authors = {post.external_id: post.author for post in read_all(facebook.reader).posts}
    assert authors[first].external_id != authors[second].external_id
    assert {author.username for author in authors.values()} == {"somebody on Facebook"}
    with pytest.raises(NetworkError, match="no id") as caught:
        facebook.publisher.direct_message(to=authors[first].external_id, text="Hello", token="t")
    assert caught.value.permanent
    assert facebook.simulator.writes() == []


def test_a_post_elsewhere_that_names_the_page_is_found(facebook: FacebookHarness) -> None:
    world = facebook.world
    praise = world.post(world.person("facebook", "ravi"), "They swapped it in a day", tagged=PAGE)
    (post,) = read_all(facebook.reader).posts
    assert (post.external_id, post.author.username) == (praise.id, "ravi")


def test_what_an_account_may_not_read_is_left_out_and_the_rest_is_read(facebook: FacebookHarness) -> None:
    facebook.customer_messages("ana", "private")
    post = facebook.customer_posts("ana", "public")
    batch = registry.reader_for(facebook.config_with(scopes=without("pages_messaging"))).fetch("")
    assert (ids(batch.posts), batch.messages) == ([post], ())
    with pytest.raises(NetworkError) as caught:  # but not as if there were no comments
        registry.reader_for(facebook.config_with(scopes=without("pages_read_engagement"))).fetch("")
    assert (caught.value.permanent, caught.value.code) == (True, "not_permitted")


def test_a_long_conversation_is_read_over_its_pages(facebook: FacebookHarness) -> None:
    written = [facebook.customer_messages("ana", f"line {number}") for number in range(130)]
    assert [message.external_id for message in read_all(facebook.reader, limit=50).messages] == written


def test_a_post_that_goes_between_two_looks_costs_nothing(facebook: FacebookHarness) -> None:
    kept = facebook.customer_posts("ana", "stays")
    gone = facebook.customer_posts("ben", "goes")
    error = {"error": {"message": "gone", "code": 100, "error_subcode": 33}}
    with facebook.simulator.failing(lambda: (400, error, {}), only=lambda method, path: path.endswith(f"{gone}/comments")):
        assert kept in ids(facebook.reader.fetch("").posts)


# --- Answering ------------------------------------------------------------------------------------------------------------


def test_an_answer_to_an_answer_is_found_where_the_network_puts_it(facebook: FacebookHarness) -> None:
    post = facebook.customer_posts("ana", "it broke")
    comment = facebook.customer_posts("ben", "mine too", in_reply_to=post)
    below = facebook.customer_posts("cem", "and mine", in_reply_to=comment)
    sent = facebook.publisher.reply(in_reply_to=below, text="Sorry, all of you.", token="t")
    assert facebook.publisher.find(token="t", text="Sorry, all of you.", in_reply_to=below, since=an_hour_ago()) == sent
    assert facebook.publisher.find(token="t", text="Something else.", in_reply_to=below, since=an_hour_ago()) is None


def test_what_was_written_in_the_second_of_asking_is_found(facebook: FacebookHarness) -> None:
    """Times there are whole seconds: a receipt may seem older than the wish."""
    post = facebook.customer_posts("ana", "it broke")
    facebook.customer_follows("ana")
    ana = facebook.customer_id("ana")
    sent = facebook.publisher.reply(in_reply_to=post, text="Sorry.", token="t")
    letter = facebook.publisher.direct_message(to=ana, text="Your number?", token="m")
    for receipt, place in ((sent, {"in_reply_to": post}), (letter, {"to": ana})):
        text = "Sorry." if receipt is sent else "Your number?"
        later_in_it = receipt.sent_at + timedelta(milliseconds=900)
        assert facebook.publisher.find(token="t", text=text, since=later_in_it, **place) == receipt


def test_a_text_is_found_though_the_network_trimmed_it(facebook: FacebookHarness) -> None:
    post = facebook.customer_posts("ana", "it broke")
    facebook.we_reply_by_hand(post, "Sorry,\nAna. Caf\u00e9 at 9?")
    assert facebook.publisher.find(token="t", text=" Sorry,  Ana.\r\nCafe\u0301 at 9? ", in_reply_to=post, since=an_hour_ago()) is not None


def test_a_look_that_cannot_be_had_is_an_error_and_not_a_no(facebook: FacebookHarness) -> None:
    post = facebook.customer_posts("ana", "it broke")
    facebook.publisher.reply(in_reply_to=post, text="Sorry.", token="t")
    for failure in ("lost_before_writing", "error_after_writing"):
        with facebook.simulator.failing(failure), pytest.raises(NetworkError) as caught:
            facebook.publisher.find(token="t", text="Sorry.", in_reply_to=post, since=an_hour_ago())
        assert caught.value.retryable
    facebook.customer_deletes(post)
    with pytest.raises(NetworkError):  # with the post its answers are gone: what was there is not to be known
        facebook.publisher.find(token="t", text="Sorry.", in_reply_to=post, since=an_hour_ago())


def test_what_others_wrote_is_hidden_and_never_deleted_from_here(facebook: FacebookHarness) -> None:
    post = facebook.world.post(facebook.world.page, "ours")
    rude = facebook.customer_posts("ben", "rude", in_reply_to=post.id)
    facebook.publisher.hide(external_id=rude)
    assert facebook.world.things[rude].is_hidden
    with pytest.raises(NetworkError, match="not ours"):
        facebook.publisher.delete(external_id=rude)
    assert rude in facebook.world.things
    facebook.publisher.delete(external_id=post.id)
    with pytest.raises(NetworkError) as caught:
        facebook.publisher.delete(external_id=post.id)
    assert caught.value.code == "not_found"


def test_a_like_is_taken_back_and_what_was_hidden_shown_again(facebook: FacebookHarness) -> None:
    post = facebook.world.post(facebook.world.page, "ours")
    rude, other = (facebook.customer_posts("ben", text, in_reply_to=post.id) for text in ("rude", "ruder"))
    for comment in (rude, other):
        facebook.publisher.like(external_id=comment, token="t")
        facebook.publisher.hide(external_id=comment)
    for _ in range(2):
        facebook.publisher.unlike(external_id=rude)
        facebook.publisher.unhide(external_id=rude)
        assert [(facebook.likes(comment), facebook.is_hidden(comment)) for comment in (rude, other)] == [(0, False), (1, True)]


def test_what_is_gone_needs_nothing_taken_back(facebook: FacebookHarness) -> None:
    comment = facebook.customer_posts("ben", "rude", in_reply_to=facebook.world.post(facebook.world.page, "ours").id)
    facebook.customer_deletes(comment)
    facebook.publisher.unlike(external_id=comment)
    facebook.publisher.unhide(external_id=comment)
    assert [call.status for call in facebook.simulator.writes()] == [400, 400]
    with (
        facebook.simulator.failing("error_after_writing", only=lambda method, path: method == "GET"),
        pytest.raises(NetworkError) as caught,
    ):
        facebook.publisher.unlike(external_id=comment)
    assert caught.value.retryable  # not known to be gone, and to be tried again


def test_what_facebook_says_is_gone_and_still_shows_was_not_taken_back(facebook: FacebookHarness) -> None:
    """The same error says that we may not touch it."""
    comment = facebook.customer_posts("ben", "rude", in_reply_to=facebook.world.post(facebook.world.page, "ours").id)
    refusal = gone(comment)
    for call in (facebook.publisher.unlike, facebook.publisher.unhide):
        refused = facebook.simulator.failing(lambda: (refusal.status, refusal.body, {}), only=lambda method, path: method != "GET")
        with refused, pytest.raises(NetworkError) as caught:
            call(external_id=comment)
        assert (caught.value.permanent, caught.value.code) == (True, "not_found")


@pytest.mark.parametrize("name", ["like", "unlike", "hide", "unhide"])
def test_likes_and_hiding_need_a_permission_and_a_task(facebook: FacebookHarness, name: str) -> None:
    comment = facebook.customer_posts("ben", "rude", in_reply_to=facebook.world.post(facebook.world.page, "ours").id)
    given = {"token": "t"} if name == "like" else {}
    config = facebook.config_with(scopes=without("pages_manage_engagement"))
    for tasks, publisher in ((facebook.world.tasks, registry.publisher_for(config)), ([], facebook.publisher)):
        facebook.world.tasks = tasks
        with pytest.raises(NetworkError) as caught:
            getattr(publisher, name)(external_id=comment, **given)
        assert (caught.value.permanent, caught.value.account_revoked, caught.value.code) == (True, False, "not_permitted")


def test_what_facebook_does_not_have_is_refused_in_words(facebook: FacebookHarness) -> None:
    for call in (
        lambda: facebook.publisher.repost(external_id="1", token="t"),
        lambda: facebook.publisher.follows_us("1"),
        lambda: facebook.publisher.find(token="t", text="x", repost_of="1", since=an_hour_ago()),
    ):
        with pytest.raises(NetworkError) as caught:
            call()
        assert caught.value.permanent
    assert facebook.simulator.log == []


def test_the_same_post_twice_is_refused_by_the_network_itself(facebook: FacebookHarness) -> None:
    facebook.publisher.post(text="We are open.", token="t1")
    with pytest.raises(NetworkError) as caught:
        facebook.publisher.post(text="We are open.", token="t2")
    assert (caught.value.permanent, caught.value.code) == (True, "already_there")


# --- Private messages -----------------------------------------------------------------------------------------------------


def test_a_comment_gets_one_private_answer_without_any_message_of_theirs(facebook: FacebookHarness) -> None:
    post = facebook.world.post(facebook.world.page, "ours")
    comment = facebook.customer_posts("ana", "it broke", in_reply_to=post.id)
    ana = facebook.customer_id("ana")
    with pytest.raises(NetworkError, match="24 hours") as caught:
        facebook.publisher.direct_message(to=ana, text="Your number?", token="t1")
    assert (caught.value.permanent, caught.value.code) == (True, "window_closed")
    sent = facebook.publisher.direct_message(to=ana, text="Your number?", token="t1", about=comment)
    assert facebook.publisher.find(token="t1", text="Your number?", to=ana, since=an_hour_ago()) == sent
    with pytest.raises(NetworkError, match="one private answer") as caught:
        facebook.publisher.direct_message(to=ana, text="Hello?", token="t2", about=comment)
    assert (caught.value.permanent, caught.value.code) == (True, "answered")
    facebook.customer_messages("ana", "TW-123456")
    facebook.publisher.direct_message(to=ana, text="Thank you!", token="t3", about=comment)
    assert [message.text for message in read_all(facebook.reader).messages] == ["Your number?", "TW-123456", "Thank you!"]


def test_a_visitors_post_is_answered_privately_as_a_post(facebook: FacebookHarness) -> None:
    post = facebook.customer_posts("ana", "it broke")
    facebook.publisher.direct_message(to=facebook.customer_id("ana"), text="Your number?", token="t", about=post)
    assert f'{{"post_id": "{post}"}}' in facebook.simulator.writes()[-1].body["recipient"]


@pytest.mark.parametrize(("age", "is_taken"), [(6 * DAY, True), (8 * DAY, False)])
def test_a_private_answer_is_taken_for_seven_days(facebook: FacebookHarness, age: int, is_taken: bool) -> None:
    world = facebook.world
    post = world.post(world.page, "ours", at=world.now() - 30 * DAY)
    comment = world.comment(world.person("facebook", "ana"), post.id, "it broke", at=world.now() - age)
    if is_taken:
        facebook.publisher.direct_message(to=comment.author.id, text="Your number?", token="t", about=comment.id)
    else:
        with pytest.raises(NetworkError, match="7 days") as caught:
            facebook.publisher.direct_message(to=comment.author.id, text="Your number?", token="t", about=comment.id)
        assert caught.value.code == "window_closed"


def test_who_wrote_within_a_day_is_answered_in_the_conversation_and_their_one_answer_is_kept(facebook: FacebookHarness) -> None:
    comment = facebook.customer_posts("ana", "it broke", in_reply_to=facebook.world.post(facebook.world.page, "ours").id)
    facebook.customer_messages("ana", "hello?")
    facebook.publisher.direct_message(to=facebook.customer_id("ana"), text="Hello!", token="t", about=comment)
    assert facebook.world.answered == set()
    world = facebook.world
    ben = world.person("facebook", "ben")
    world.letter(ben, world.page, "long ago", network="facebook", at=world.now() - 2 * DAY)
    below = world.comment(ben, comment, "me too")
    facebook.publisher.direct_message(to=ben.id, text="Hello!", token="t", about=below.id)
    assert facebook.world.answered == {below.id}


# --- The thread, and the past ---------------------------------------------------------------------------------------------


def test_the_thread_above_a_comment_is_fetched_from_its_post_down(facebook: FacebookHarness) -> None:
    post = facebook.world.post(facebook.world.page, "Autumn rides", picture="https://cdn.example/a.jpg", at=facebook.world.now() - 40 * DAY)
    comment = facebook.customer_posts("ana", "when?", in_reply_to=post.id)
    below = facebook.customer_posts("ben", "Sunday", in_reply_to=comment)
    network = registry.get("facebook")
    assert network.context is not None
    context = network.context(facebook.config)
    above = context.above(below)
    assert ids(above) == [post.id, comment]
    assert above[0].media[0].url == "https://cdn.example/a.jpg"
    assert ids(context.above(comment)) == [post.id]
    assert context.above(post.id) == ()
    assert context.above(facebook.world.post(facebook.world.person("facebook", "ravi"), "Thank you", tagged=PAGE).id) == ()
    with pytest.raises(NetworkError) as caught:
        context.above("9_9")
    assert caught.value.code == "not_found"


def test_the_past_is_fetched_newest_first_with_all_that_stands_below_and_ends(facebook: FacebookHarness) -> None:
    world = facebook.world
    expected: set[str] = set()
    for number in range(45):
        post = world.post(
            world.page if number % 3 else world.person("facebook", "ana"), f"post {number}", at=world.now() - (number + 1) * DAY
        )
        expected.add(post.id)
        for below in range(130 if number == 4 else number % 3):
            expected.add(world.comment(world.person("facebook", f"p{below % 5}"), post.id, f"c{below}", at=post.created + 60 + below).id)
    network = registry.get("facebook")
    assert network.history is not None
    history = network.history(facebook.config)
    got: list[PostData] = []
    cursor, more = "", True
    while more:
        batch = history.backfill(cursor)
        assert len(batch.posts) <= 200
        moments = [post.posted_at for post in batch.posts]
        assert moments == sorted(moments, reverse=True)
        got += batch.posts
        cursor, more = batch.cursor, batch.more
    assert len(got) == len({post.external_id for post in got})
    assert set(ids(got)) == expected
    own = [post.posted_at for post in got if not post.in_reply_to]
    assert own == sorted(own, reverse=True)
    asked = [call for call in facebook.simulator.log if call.path.endswith("/comments")]
    assert len(asked) <= 31  # nothing is asked about posts that nobody talked about
    with pytest.raises(NetworkError):
        history.backfill("certainly no cursor")


def test_the_words_that_are_read_say_when_they_were_written(facebook: FacebookHarness) -> None:
    facebook.customer_posts("ana", "it broke")
    (post,) = read_all(facebook.reader).posts
    assert post.posted_at.tzinfo is UTC
    assert abs(post.posted_at - now()) < timedelta(seconds=10)
    assert dataclasses.replace(post, posted_at=datetime.now(UTC)).edited_at is None
