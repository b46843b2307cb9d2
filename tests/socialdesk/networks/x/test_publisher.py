"""Writing to X: at most once per call whatever happens, found again whatever X does to a text, refused as X refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from socialdesk.networks.base import NetworkError, Picture
from socialdesk.networks.x.publisher import XPublisher
from tests.socialdesk.networks.harnesses import an_hour_ago
from tests.socialdesk.networks.x.conftest import Stage

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 100
WRITES: dict[str, tuple[Callable[[XPublisher, str, str], object], str, str]] = {
    "reply": (lambda publisher, post, person: publisher.reply(in_reply_to=post, text="We are sorry.", token="t"), "POST", "/2/tweets"),
    "post": (lambda publisher, post, person: publisher.post(text="We are sorry.", token="t"), "POST", "/2/tweets"),
    "direct_message": (lambda publisher, post, person: publisher.direct_message(to=person, text="Hello", token="t"), "POST", "/messages"),
    "repost": (lambda publisher, post, person: publisher.repost(external_id=post, token="t"), "POST", "/retweets"),
    "like": (lambda publisher, post, person: publisher.like(external_id=post, token="t"), "POST", "/likes"),
    "unlike": (lambda publisher, post, person: publisher.unlike(external_id=post), "DELETE", "/likes/"),
    "hide": (lambda publisher, post, person: publisher.hide(external_id=post), "PUT", "/hidden"),
    "unhide": (lambda publisher, post, person: publisher.unhide(external_id=post), "PUT", "/hidden"),
}


@pytest.mark.parametrize("failure", ["lost_before_writing", "error_after_writing", "no_answer_after_writing", "rate_limit", "503", "429"])
@pytest.mark.parametrize("name", WRITES)
def test_a_write_is_one_request_whatever_becomes_of_it(x: Stage, name: str, failure: str) -> None:
    write, method, path = WRITES[name]
    began = x.world.publish(x.us, "Ask us anything")
    post = x.ana_posts(in_reply_to=began.id)
    x.ana.follows.add(x.us.id)
    if failure.isdigit():
        x.simulator.answers_with = (int(failure), b"{}", {"Retry-After": "1"})
    else:
        x.simulator.failure = failure  # type: ignore[assignment]
    with pytest.raises(NetworkError) as caught:
        write(x.publisher, post.id, x.ana.id)
    x.simulator.failure = x.simulator.answers_with = None
    assert len(x.simulator.calls(method, path)) == 1
    assert caught.value.retryable is (failure in ("rate_limit", "429"))
    assert caught.value.outcome_unknown is (failure not in ("rate_limit", "429"))


def test_hundreds_of_replies_under_faults_are_each_there_once(x: Stage) -> None:
    """As the outbox does it: after what is unknown it looks, and sends again only what is certainly not there."""
    x.simulator.limits.update(create=10**6, timeline=10**6, search=10**6)
    failures = ["lost_before_writing", None, "error_after_writing", None, "no_answer_after_writing"]
    posts = [x.world.publish(x.world.user(f"person{number}"), "@tidewheel it broke") for number in range(200)]
    publisher, began = x.publisher, datetime.now(UTC) - timedelta(seconds=2)
    unknown = 0
    for number, post in enumerate(posts):
        what: dict[str, Any] = {"text": f"We are sorry, case {number}.", "in_reply_to": post.id, "token": f"t{number}"}
        x.simulator.failure = failures[number % len(failures)]  # type: ignore[assignment]
        sent = None
        while sent is None:
            try:
                sent = publisher.reply(**what)
            except NetworkError as error:
                unknown += error.outcome_unknown
                x.simulator.failure = None
                sent = publisher.find(**what, since=began)
        assert x.world.posts[sent.external_id].in_reply_to == post.id
    assert unknown == 120
    ours = [post.in_reply_to for post in x.world.posts.values() if post.author is x.us]
    assert sorted(ours) == sorted(post.id for post in posts)


# Finding


@pytest.mark.parametrize(
    "text",
    [
        "Look at https://help.example/unlock?a=1&b=2 and write to us",
        "R&D < sales > \"quotes\" & 'more'",
        "Write &amp; where you mean &, and &lt; for <",
        "Two lines\n\nof text",
        "👩🏽‍🔧 Ümläute — 日本語",
        "@ana @ben thank you both",
    ],
)
def test_a_reply_is_found_whatever_x_does_to_its_text(x: Stage, text: str) -> None:
    post = x.ana_posts()
    sent = x.publisher.reply(in_reply_to=post.id, text=text, token="t")
    assert x.publisher.find(token="t", text=text, in_reply_to=post.id, since=an_hour_ago()) == sent
    assert x.publisher.find(token="t", text=text + "!", in_reply_to=post.id, since=an_hour_ago()) is None
    (echo,) = [one for one in x.reader.fetch("").posts if one.author.username == "tidewheel"]
    assert echo.text == text or text.startswith("@")


def test_a_reply_that_ends_with_a_link_to_a_post_which_x_shows_within_it_is_found(x: Stage) -> None:
    post, shown = x.ana_posts(), x.world.publish(x.ben, "How I mended mine")
    text = f"Ben has mended it: https://x.com/ben/status/{shown.id}?s=20"
    sent = x.publisher.reply(in_reply_to=post.id, text=text, token="t")
    x.world.posts[sent.external_id].quotes = shown.id
    assert x.publisher.find(token="t", text=text, in_reply_to=post.id, since=an_hour_ago()) == sent
    other = text.replace("Ben", "Cy")
    assert x.publisher.find(token="t", text=other, in_reply_to=post.id, since=an_hour_ago()) is None


def test_a_reply_that_the_timeline_does_not_show_yet_is_found_by_search(x: Stage) -> None:
    post = x.ana_posts()
    sent = x.publisher.reply(in_reply_to=post.id, text="We are sorry.", token="t")
    x.simulator.answers_with = (200, b'{"meta": {"result_count": 0}}', {})
    x.simulator.fails_on = lambda method, path: path.endswith("/tweets") and method == "GET"
    assert x.publisher.find(token="t", text="We are sorry.", in_reply_to=post.id, since=an_hour_ago()) == sent
    x.simulator.fails_on = lambda method, path: method == "GET"
    assert x.publisher.find(token="t", text="We are sorry.", in_reply_to=post.id, since=an_hour_ago()) is None


def test_what_cannot_be_read_in_full_is_not_taken_for_absent(x: Stage) -> None:
    post = x.ana_posts()
    x.simulator.answers_with = (200, b'{"data": [{"id": "1", "text": "We are sorry."}], "meta": {}}', {})
    with pytest.raises(NetworkError) as caught:
        x.publisher.find(token="t", text="We are sorry.", in_reply_to=post.id, since=an_hour_ago())
    assert caught.value.retryable
    with pytest.raises(NetworkError):
        x.publisher.find(token="t", text="Hello", to=x.ana.id, since=an_hour_ago())


def test_a_reply_is_found_among_hundreds(x: Stage) -> None:
    post = x.ana_posts()
    sent = x.publisher.reply(in_reply_to=post.id, text="We are sorry.", token="t")
    for number in range(250):
        x.world.publish(x.us, f"Something else {number}")
    assert x.publisher.find(token="t", text="We are sorry.", in_reply_to=post.id, since=an_hour_ago()) == sent


def test_the_first_of_two_of_the_same_text_is_the_one(x: Stage) -> None:
    post = x.ana_posts()
    first = x.world.publish(x.us, "We are sorry.", in_reply_to=post.id)
    x.world.publish(x.us, "We are sorry.", in_reply_to=post.id)
    found = x.publisher.find(token="t", text="We are sorry.", in_reply_to=post.id, since=an_hour_ago())
    assert found is not None
    assert found.external_id == first.id


def test_find_looks_for_one_thing(x: Stage) -> None:
    with pytest.raises(ValueError, match="at most one"):
        x.publisher.find(token="t", text="a", in_reply_to="1", to="2", since=an_hour_ago())


# What X refuses


def test_the_same_text_again_is_not_written_and_has_to_be_looked_for(x: Stage) -> None:
    post = x.ana_posts()
    sent = x.publisher.reply(in_reply_to=post.id, text="We are sorry.", token="t")
    with pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to=post.id, text="We are sorry.", token="t")
    assert (caught.value.outcome_unknown, caught.value.code) == (True, "duplicate")
    assert x.publisher.find(token="t", text="We are sorry.", in_reply_to=post.id, since=an_hour_ago()) == sent


def test_the_same_text_elsewhere_is_refused_for_good_with_advice(x: Stage) -> None:
    first, second = x.ana_posts(), x.ana_posts("@tidewheel and again")
    x.publisher.reply(in_reply_to=first.id, text="We are sorry.", token="t1")
    with pytest.raises(NetworkError, match="Change them a little") as caught:
        x.publisher.reply(in_reply_to=second.id, text="We are sorry.", token="t2")
    assert (caught.value.permanent, caught.value.code) == (True, "duplicate")


def test_an_earlier_try_that_the_timeline_does_not_show_yet_is_no_refusal_for_good(x: Stage) -> None:
    first, second = x.ana_posts(), x.ana_posts("@tidewheel and again")
    elsewhere = x.world.publish(x.us, "We are sorry.", in_reply_to=first.id)
    x.world.publish(x.us, "We are sorry.", in_reply_to=second.id)
    answered = [{"type": "replied_to", "id": first.id}]
    shown = {"id": elsewhere.id, "author_id": x.us.id, "text": "We are sorry.", "referenced_tweets": answered}
    x.simulator.answers_with = (200, json.dumps({"data": [shown], "meta": {}}).encode(), {})
    x.simulator.fails_on = lambda method, path: path.endswith("/tweets") and method == "GET"
    with pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to=second.id, text="We are sorry.", token="t2")
    assert (caught.value.outcome_unknown, caught.value.code) == (True, "duplicate")


def test_a_duplicate_that_cannot_be_looked_into_stays_unknown(x: Stage) -> None:
    first, second = x.ana_posts(), x.ana_posts("@tidewheel and again")
    x.publisher.reply(in_reply_to=first.id, text="We are sorry.", token="t1")
    with x.simulator.failing("error_after_writing", on=lambda method, path: method == "GET"), pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to=second.id, text="We are sorry.", token="t2")
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("text", ["x" * 281, "ü€" * 94, "👩🏽‍🔧" * 141, "https://a.example/" + "b" * 300 + " " + "x" * 257])
def test_what_is_too_long_as_x_counts_it_is_refused_for_good(x: Stage, text: str) -> None:
    with pytest.raises(NetworkError) as caught:
        x.publisher.post(text=text, token="t")
    assert (caught.value.permanent, caught.value.code) == (True, "too_long")
    x.us.subscription = "Premium"
    x.publisher.post(text=text, token="t")


def test_a_link_counts_as_x_counts_it(x: Stage) -> None:
    x.publisher.post(text="https://example.com/" + "b" * 300 + " " + "x" * 256, token="t")


@pytest.mark.parametrize(
    ("scope", "name"),
    [
        ("tweet.write", "reply"),
        ("tweet.write", "post"),
        ("tweet.write", "repost"),
        ("dm.write", "direct_message"),
        ("like.write", "like"),
        ("like.write", "unlike"),
        ("tweet.moderate.write", "hide"),
        ("tweet.moderate.write", "unhide"),
    ],
)
def test_what_the_sign_in_may_not_is_refused_for_good_and_no_reason_to_connect_again(x: Stage, scope: str, name: str) -> None:
    write, _, _ = WRITES[name]
    x.ana.follows.add(x.us.id)
    began = x.world.publish(x.us, "Ask us anything")
    post = x.ana_posts(in_reply_to=began.id)
    scopes = " ".join({"tweet.read", "users.read", "tweet.write", "dm.write", "like.write", "tweet.moderate.write"} - {scope})
    x.with_config(credentials={"access_token": x.simulator.sign_in(x.us, scopes)})
    with pytest.raises(NetworkError) as caught:
        write(x.publisher, post.id, x.ana.id)
    assert (caught.value.permanent, caught.value.account_revoked, caught.value.code) == (True, False, "not_permitted")


def test_a_reply_below_somebody_elses_post_cannot_be_hidden(x: Stage) -> None:
    post = x.ana_posts()
    below = x.world.publish(x.ben, "you would", in_reply_to=post.id)
    for call in (x.publisher.hide, x.publisher.unhide):
        with pytest.raises(NetworkError) as caught:
            call(external_id=below.id)
        assert caught.value.permanent


def test_a_reply_below_our_post_is_hidden_and_shown_again(x: Stage) -> None:
    began = x.world.publish(x.us, "Ask us anything")
    rude = x.world.publish(x.ben, "no", in_reply_to=began.id)
    x.publisher.hide(external_id=rude.id)
    assert rude.hidden
    for _ in range(2):
        x.publisher.unhide(external_id=rude.id)
        assert not rude.hidden


def test_a_like_of_ours_is_taken_back_and_no_other(x: Stage) -> None:
    post, other = x.ana_posts(), x.ana_posts("@tidewheel and again")
    x.world.likes.add((x.ben.id, post.id))
    for liked in (post, other):
        x.publisher.like(external_id=liked.id, token="t")
    for _ in range(2):
        x.publisher.unlike(external_id=post.id)
        assert x.world.likes == {(x.ben.id, post.id), (x.us.id, other.id)}
    assert {call.path for call in x.simulator.calls("DELETE")} == {f"/2/users/{x.us.id}/likes/{post.id}"}


def test_what_is_gone_needs_nothing_taken_back(x: Stage) -> None:
    began = x.world.publish(x.us, "Ask us anything")
    rude = x.world.publish(x.ben, "no", in_reply_to=began.id)
    x.publisher.like(external_id=rude.id, token="t")
    x.publisher.hide(external_id=rude.id)
    del x.world.posts[rude.id]
    x.publisher.unlike(external_id=rude.id)
    x.publisher.unhide(external_id=rude.id)
    assert [call.status for call in x.simulator.log[-2:]] == [404, 404]


# Pictures, messages, reposts


def test_pictures_go_with_an_answer_with_words_for_who_cannot_see_them(x: Stage) -> None:
    post = x.ana_posts()
    pictures = [
        Picture(PNG, "image/png", "The button, held down"),
        Picture(PNG + b"2", "image/png", "a" * 1200),
        Picture(PNG, "image/png", ""),
    ]
    sent = x.publisher.reply(in_reply_to=post.id, text="Like so:", token="t", pictures=pictures)
    media = [x.world.media[media_id] for media_id in x.world.posts[sent.external_id].media]
    assert [one["content"] for one in media] == [PNG, PNG + b"2", PNG]
    assert [one["shown"].get("alt_text") for one in media] == ["The button, held down", "a" * 1000, None]
    (echo,) = [one for one in x.reader.fetch("").posts if one.external_id == sent.external_id]
    assert [picture.alt for picture in echo.media] == ["The button, held down", "a" * 1000, ""]


@pytest.mark.parametrize("failure", ["lost_before_writing", "error_after_writing", "no_answer_after_writing"])
@pytest.mark.parametrize("path", ["/2/media/upload", "/2/media/metadata"])
def test_a_picture_that_fails_leaves_nothing_that_anybody_sees(x: Stage, path: str, failure: str) -> None:
    post = x.ana_posts()
    x.simulator.fails_on = lambda method, asked: asked == path
    x.simulator.failure = failure  # type: ignore[assignment]
    with pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to=post.id, text="Like so:", token="t", pictures=[Picture(PNG, "image/png", "A button")])
    assert caught.value.retryable
    assert x.simulator.calls("POST", "/2/tweets") == []
    assert len(x.simulator.calls("POST", path)) == 1


def test_a_picture_that_x_refuses_refuses_the_answer(x: Stage) -> None:
    post = x.ana_posts()
    with pytest.raises(NetworkError) as caught:
        x.publisher.reply(in_reply_to=post.id, text="Like so:", token="t", pictures=[Picture(b"0" * 5_000_001, "image/png", "")])
    assert caught.value.permanent


def test_who_takes_messages_from_everybody_needs_not_follow(x: Stage) -> None:
    assert not x.publisher.follows_us(x.ana.id)
    x.ana.open_messages = True
    assert x.publisher.follows_us(x.ana.id)
    sent = x.publisher.direct_message(to=x.ana.id, text="Hello & welcome: https://desk.example/s/1", token="t")
    assert x.publisher.find(token="t", text="Hello & welcome: https://desk.example/s/1", to=x.ana.id, since=an_hour_ago()) == sent


def test_who_is_gone_cannot_be_asked_about(x: Stage) -> None:
    with pytest.raises(NetworkError) as caught:
        x.publisher.follows_us("999")
    assert (caught.value.permanent, caught.value.code) == (True, "not_found")


def test_a_message_is_found_behind_two_pages_of_others_and_not_before_its_time(x: Stage) -> None:
    x.ana.follows.add(x.us.id)
    sent = x.publisher.direct_message(to=x.ana.id, text="Your number, please?", token="t")
    for number in range(230):
        x.world.send(x.ana, x.us, f"line {number}")
    assert x.publisher.find(token="t", text="Your number, please?", to=x.ana.id, since=an_hour_ago()) == sent
    later = sent.sent_at + timedelta(seconds=5)
    assert x.publisher.find(token="t", text="Your number, please?", to=x.ana.id, since=later) is None


def test_a_repost_without_its_id_is_looked_up(x: Stage) -> None:
    post = x.ana_posts()
    first = x.publisher.repost(external_id=post.id, token="t")
    x.simulator.answers_with = (403, b'{"detail": "You have already retweeted this Tweet.", "status": 403}', {})
    x.simulator.fails_on = lambda method, path: method == "POST"
    assert x.publisher.repost(external_id=post.id, token="t") == first
    x.simulator.answers_with = (200, b'{"data": {"retweeted": true}}', {})
    assert x.publisher.repost(external_id=post.id, token="t") == first
    with pytest.raises(NetworkError) as caught:
        x.publisher.repost(external_id=x.ana_posts("@tidewheel another").id, token="t")
    assert caught.value.outcome_unknown


def test_a_repost_is_taken_back_and_a_post_deleted(x: Stage) -> None:
    post = x.ana_posts()
    repost, ours = x.publisher.repost(external_id=post.id, token="t"), x.publisher.post(text="Hello", token="t")
    for external_id in (repost.external_id, ours.external_id) * 2:
        x.publisher.delete(external_id=external_id)
    assert list(x.world.posts) == [post.id]
    assert [call.path for call in x.simulator.calls("DELETE")] == [
        f"/2/users/{x.us.id}/retweets/{post.id}",
        f"/2/tweets/{ours.external_id}",
    ]
