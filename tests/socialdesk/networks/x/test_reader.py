"""Reading X: four lists as one, each post asked for once, and no list that keeps another from being read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.core.cache import cache

from socialdesk.networks.base import Batch, NetworkError
from socialdesk.networks.x import lists, payloads
from socialdesk.networks.x import reader as reader_module
from socialdesk.networks.x.query import LONGEST, search_queries, stream_rules
from socialdesk.networks.x.reader import XReader
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.x.asked import invalid
from tests.socialdesk.networks.x.calls import matches
from tests.socialdesk.networks.x.conftest import Stage
from tests.socialdesk.networks.x.world import ALL_SCOPES, EPOCH


def texts(batch: Batch) -> list[str]:
    return [post.text for post in batch.posts]


def test_what_mentions_us_what_has_our_words_what_we_posted_and_messages_come_in_the_order_of_time(x: Stage) -> None:
    x.ana_posts("@tidewheel it broke")
    x.world.publish(x.ben, "My new E-Bike is lovely")
    x.world.send(x.ana, x.us, "my number is 0123")
    x.world.publish(x.us, "We are sorry")
    x.world.publish(x.ben, "Tide wheel, tide  wheel")
    x.world.publish(x.ben, "Nothing of yours")
    batch = x.reader.fetch("")
    assert texts(batch) == ["@tidewheel it broke", "My new E-Bike is lovely", "We are sorry", "Tide wheel, tide  wheel"]
    assert [message.text for message in batch.messages] == ["my number is 0123"]
    assert not batch.more


def test_a_post_in_two_lists_is_handed_out_once(x: Stage) -> None:
    x.ana_posts("@tidewheel my e-bike broke")
    batch = x.reader.fetch("")
    assert texts(batch) == ["@tidewheel my e-bike broke"]
    assert read_all(x.reader, batch.cursor).posts == ()


def test_our_own_posts_and_reposts_by_others_are_left_out_of_what_is_searched(x: Stage) -> None:
    x.world.publish(x.us, "Our e-bike")
    post = x.world.publish(x.ana, "An e-bike")
    x.world.publish(x.ben, "", retweet_of=post.id)
    x.reader.fetch("")
    (search,) = x.simulator.calls("GET", "/search/recent")
    assert [entry["text"] for entry in search.answer["data"]] == ["An e-bike"]


def test_what_is_left_over_is_not_asked_for_again(x: Stage) -> None:
    written = [x.ana_posts(f"@tidewheel {number}").typed for number in range(25)]
    reader = x.reader
    first = reader.fetch("", limit=10)
    asked = len(x.simulator.log)
    second = reader.fetch(first.cursor, limit=10)
    third = reader.fetch(second.cursor, limit=10)
    assert len(x.simulator.log) == asked
    assert texts(first) + texts(second) + texts(third) == written
    assert (first.more, second.more, third.more) == (True, True, False)
    later = x.ana_posts("@tidewheel later")
    assert [post.external_id for post in reader.fetch(third.cursor).posts] == [later.id]


def test_another_reader_goes_on_from_the_cursor_alone(x: Stage) -> None:
    written = [x.ana_posts(f"@tidewheel {number}").typed for number in range(250)]
    cursor, read = "", []
    for _ in range(10):
        batch = x.reader.fetch(cursor, limit=60)
        read += texts(batch)
        cursor = batch.cursor
        if not batch.more:
            break
    assert read == written


def test_each_list_is_walked_back_to_what_was_read_last(x: Stage) -> None:
    for number in range(5):
        x.world.send(x.ana, x.us, f"line {number}")
    cursor = x.reader.fetch("").cursor
    for number in range(230):
        x.world.send(x.ana, x.us, f"more {number}")
    batch = read_all(x.reader, cursor)
    assert [message.text for message in batch.messages] == [f"more {number}" for number in range(230)]


def test_where_x_shows_no_more_of_a_list_what_may_be_missing_is_said(x: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_module, "SHOWN", {"mentions": 120})
    for number in range(119):
        x.ana_posts(f"@tidewheel {number}")
    first = read_all(x.reader)
    assert (len(first.posts), x.reader.fetch("", limit=500).unreadable) == (119, ())
    x.ana_posts("@tidewheel and one more")
    batch = x.reader.fetch("", limit=500)
    assert (len(batch.posts), [entry.reason[:32] for entry in batch.unreadable]) == (120, ["X shows the newest 120 entries o"])


def test_the_beginning_is_a_day_ago(x: Stage) -> None:
    x.ana_posts("@tidewheel long ago", at=datetime.now(UTC) - timedelta(days=2))
    x.ana_posts("@tidewheel this morning", at=datetime.now(UTC) - timedelta(hours=5))
    assert texts(x.reader.fetch("")) == ["@tidewheel this morning"]


def test_a_desk_that_was_away_for_weeks_searches_the_week_that_x_gives_and_misses_no_mention(x: Stage) -> None:
    old = int((datetime.now(UTC) - timedelta(days=20)).timestamp() * 1000) - EPOCH << 22
    x.ana_posts("@tidewheel ten days ago", at=datetime.now(UTC) - timedelta(days=10))
    x.ana_posts("My e-bike, yesterday", at=datetime.now(UTC) - timedelta(days=1))
    batch = x.reader.fetch(f"mentions:{old} own:{old} search:{old} messages:{old}")
    assert texts(batch) == ["@tidewheel ten days ago", "My e-bike, yesterday"]


def test_a_list_whose_limit_is_used_up_keeps_nobody_from_hearing_the_others(x: Stage) -> None:
    x.simulator.limits["messages"] = 0
    x.ana_posts("@tidewheel it broke")
    x.world.send(x.ana, x.us, "hello?")
    first = x.reader.fetch("")
    assert (texts(first), first.messages) == (["@tidewheel it broke"], ())
    x.simulator.limits.clear()
    cache.clear()  # as if its time had come
    assert [message.text for message in x.reader.fetch(first.cursor).messages] == ["hello?"]


def test_a_list_that_fails_keeps_nobody_from_hearing_the_others_and_is_said_once_they_are_heard(x: Stage) -> None:
    x.ana_posts("@tidewheel it broke")
    x.world.publish(x.ben, "My e-bike")
    with x.simulator.failing("error_after_writing", on=lambda method, path: "/search/recent" in path):
        first = x.reader.fetch("")
        assert texts(first) == ["@tidewheel it broke"]
        with pytest.raises(NetworkError) as caught:
            x.reader.fetch(first.cursor)
        assert (caught.value.retryable, caught.value.code) == (True, "server_error")
    assert texts(x.reader.fetch(first.cursor)) == ["My e-bike"]


def test_where_no_messages_may_be_read_and_the_rest_is_used_up_reading_waits(x: Stage) -> None:
    x.with_config(credentials={"access_token": x.simulator.sign_in(x.us, ALL_SCOPES.replace("dm.read ", ""))})
    x.simulator.limits.update(mentions=0, timeline=0, search=0)
    with pytest.raises(NetworkError) as caught:
        x.reader.fetch("")
    assert caught.value.code == "rate_limit"


def test_where_every_list_is_used_up_reading_says_when_to_come_again(x: Stage) -> None:
    x.simulator.limits.update(mentions=0, timeline=0, search=0, messages=0)
    for _ in range(2):
        with pytest.raises(NetworkError) as caught:
            x.reader.fetch("")
        assert caught.value.retryable
        assert (caught.value.retry_after or 0) > 800
    assert len(x.simulator.log) == 4


def test_without_leave_to_read_messages_and_without_words_only_the_rest_is_asked_for(x: Stage) -> None:
    scope = ALL_SCOPES.replace("dm.read ", "")
    x.with_config(credentials={"access_token": x.simulator.sign_in(x.us, scope), "scope": scope}, terms=())
    x.ana_posts("@tidewheel it broke")
    assert texts(x.reader.fetch("")) == ["@tidewheel it broke"]
    assert [call.path.rpartition("/")[2] for call in x.simulator.log] == ["mentions", "tweets"]


@pytest.mark.parametrize(("path", "status"), [("/2/dm_events", 403), ("/2/tweets/search/recent", 400)])
def test_a_list_that_x_does_not_give_keeps_nobody_from_hearing_the_others(
    x: Stage, caplog: pytest.LogCaptureFixture, path: str, status: int
) -> None:
    x.simulator.answers_with = (status, b'{"title": "Forbidden", "detail": "Not with your plan.", "status": 403}', {})
    x.simulator.fails_on = lambda method, asked: asked == path
    x.ana_posts("@tidewheel it broke")
    reader = x.reader
    cursor = reader.fetch("").cursor
    assert texts(x.reader.fetch("")) == ["@tidewheel it broke"]
    assert caplog.text.count("Not with your plan.") == 1
    x.world.publish(x.ben, "An e-bike")
    x.world.send(x.ana, x.us, "hello?")
    x.simulator.answers_with = None
    batch = reader.fetch(cursor)
    assert (texts(batch), [message.text for message in batch.messages]) == (["An e-bike"], ["hello?"])
    x.simulator.answers_with = (403, b"{}", {})
    x.simulator.fails_on = lambda method, asked: asked.endswith("/mentions")
    with pytest.raises(NetworkError):
        x.reader.fetch("")


def test_an_edited_post_is_told_as_a_change_of_the_first(x: Stage) -> None:
    post = x.ana_posts("@tidewheel order 17")
    cursor = x.reader.fetch("").cursor
    edited = x.world.edit(post, "@tidewheel order 71")
    (told,) = x.reader.fetch(cursor).posts
    assert (told.external_id, told.text) == (post.id, "@tidewheel order 71")
    assert told.edited_at == edited.at.replace(microsecond=0)
    assert told.posted_at == post.at.replace(microsecond=0)
    assert x.reader.fetch(x.reader.fetch(cursor).cursor).posts == ()


def test_an_answer_to_an_edited_post_answers_the_first(x: Stage) -> None:
    post = x.world.publish(x.us, "Ask us anithing")
    edited = x.world.edit(post, "Ask us anything")
    x.ana_posts("@tidewheel what?", in_reply_to=edited.id)
    assert [one.in_reply_to for one in x.reader.fetch("").posts] == ["", post.id]


def test_a_deleted_author_and_a_private_one_lose_nobody_elses_post(x: Stage) -> None:
    gone = x.world.user("gone")
    x.world.publish(gone, "@tidewheel still here?")
    x.world.publish(x.world.user("pat", protected=True), "@tidewheel psst")
    x.ana_posts("@tidewheel it broke")
    del x.world.users[gone.id]
    assert [post.author.username for post in x.reader.fetch("").posts] == [gone.id, "ana"]


def test_what_cannot_be_read_is_counted_once_and_reading_goes_on(x: Stage) -> None:
    post = x.ana_posts("@tidewheel it broke")
    newest = x.world.new_id()
    bad = f'{{"data": [{{"text": "no id"}}, {{"text": "none either"}}], "meta": {{"newest_id": "{newest}"}}}}'.encode()
    x.simulator.answers_with = (200, bad, {})
    x.simulator.fails_on = lambda method, path: path.endswith("/mentions")
    first = x.reader.fetch("")
    assert [one.reason for one in first.unreadable] == ["it has no id"] * 2
    assert f"mentions:{newest} " in first.cursor
    assert post.id < newest


@pytest.mark.parametrize(
    "cursor", ["x", "mentions:1", "mentions:1 own:2 search:3 messages:-4", "mentions:1 own:2 search:3 messages:4 ", "{}"]
)
def test_a_cursor_of_another_make_is_refused(x: Stage, cursor: str) -> None:
    with pytest.raises(NetworkError) as caught:
        XReader(x.client).fetch(cursor)
    assert caught.value.permanent


def test_pages_that_never_end_do(x: Stage) -> None:
    endless = b'{"data": [], "meta": {"next_token": "again-and-again-and-again"}}'
    x.simulator.answers_with = (200, endless, {})
    assert x.reader.fetch("").posts == ()
    assert len(x.simulator.log) < 20


def test_more_than_is_read_in_one_go_is_said(x: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lists, reader_module):
        monkeypatch.setattr(module, "PAGES", 2)
    for number in range(250):
        x.ana_posts(f"@tidewheel {number}")
        x.world.send(x.ana, x.us, f"line {number}")
    batch = x.reader.fetch("", limit=1000)
    assert (len(batch.posts), len(batch.messages), len(batch.unreadable)) == (200, 200, 2)


def test_a_word_that_x_does_not_search_for_spoils_no_other(x: Stage) -> None:
    x.with_config(terms=tuple(f"word{number} and more" for number in range(40)))
    x.simulator.finds = lambda query, post: matches(query, post) if "word39" in query else refuse()
    x.world.publish(x.ben, "word39 and more")
    assert texts(x.reader.fetch("")) == ["word39 and more"]


def refuse() -> bool:
    raise invalid("Rule has a word that is too common", query=["a"])


# Words as queries


def test_words_become_queries_that_x_takes() -> None:
    terms = ["tidewheel", "#tidewheel", "tide wheel", 'say "hello"', "or", "  ", "?!", "e-bike", "tidewheel", "Fahrrad-Abo", "自転車"]
    (query,) = search_queries(terms, us="tidewheel")
    assert query == (
        '(tidewheel OR #tidewheel OR "tide wheel" OR "say hello" OR "or" OR "e-bike" OR "Fahrrad-Abo" OR 自転車)'
        " -is:retweet -from:tidewheel"
    )
    assert search_queries([], us="tidewheel") == []
    assert stream_rules([], us="tidewheel") == ["(@tidewheel) -is:retweet -from:tidewheel"]


def test_many_words_become_several_queries_that_each_fit() -> None:
    terms = [f"word{number} and more" for number in range(200)]
    queries = search_queries([*terms, "x" * 600], us="tidewheel")
    assert all(len(query) <= LONGEST for query in queries)
    assert all(sum(f'"{term}"' in query for query in queries) == 1 for term in terms)


def test_an_id_of_now_is_greater_than_any_given_before(x: Stage) -> None:
    post = x.ana_posts()
    assert int(payloads.first_id_at(post.at - timedelta(seconds=1))) < int(post.id)
