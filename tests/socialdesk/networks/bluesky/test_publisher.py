"""Writing to Bluesky: once per call and once per token, with links, names and pictures as the network keeps them."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, NetworkError, Picture, Sent
from socialdesk.networks.bluesky import keys
from tests.socialdesk.networks.bluesky.harness import BlueskyHarness
from tests.socialdesk.networks.bluesky.simulator import Call
from tests.socialdesk.networks.bluesky.world import LIKE, POST
from tests.socialdesk.networks.harnesses import an_hour_ago

DELETE = "com.atproto.repo.deleteRecord"
WRITES = ("com.atproto.repo.putRecord", "chat.bsky.convo.sendMessage", DELETE)


def only_writes(call: Call) -> bool:
    return call.nsid in WRITES


# Never twice


@pytest.mark.parametrize("mode", ["lost_before_writing", "unavailable", "error_after_writing", "no_answer_after_writing", "no_json"])
def test_a_write_is_asked_for_once_whatever_happens_and_its_outcome_is_unknown(bluesky: BlueskyHarness, mode: str) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    with bluesky.simulator.failing(mode, only=only_writes), pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
    assert caught.value.outcome_unknown
    assert len(bluesky.simulator.calls("com.atproto.repo.putRecord")) == 1


@pytest.mark.parametrize(
    ("mode", "is_retryable", "code"), [("rate_limit", True, "rate_limit"), ("expired", True, EXPIRED), ("moved", False, "moved")]
)
def test_a_refused_write_is_asked_for_once_and_wrote_nothing(bluesky: BlueskyHarness, mode: str, is_retryable: bool, code: str) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    with bluesky.simulator.failing(mode, only=only_writes), pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
    assert (caught.value.retryable, caught.value.permanent, caught.value.code) == (is_retryable, not is_retryable, code)
    assert not caught.value.account_revoked
    assert len(bluesky.simulator.calls("com.atproto.repo.putRecord")) == 1


def test_a_server_that_cannot_be_reached_was_told_nothing_and_may_be_tried_again(bluesky: BlueskyHarness) -> None:
    away = replace(bluesky.config, credentials={**bluesky.config.credentials, "service": "http://127.0.0.1:9"})
    with pytest.raises(NetworkError) as caught:
        registry.publisher_for(away).post(text="Hello", token="t1")
    assert (caught.value.retryable, caught.value.code) == (True, "unreachable")


def test_a_service_that_does_not_believe_our_server_takes_the_account_from_nobody(bluesky: BlueskyHarness) -> None:
    with bluesky.simulator.failing("bad_jwt"), pytest.raises(NetworkError) as caught:
        bluesky.publisher.follows_us(bluesky.customer_id("ana"))
    assert (caught.value.retryable, caught.value.account_revoked) == (True, False)


def test_an_ended_session_is_not_renewed_by_the_library(bluesky: BlueskyHarness) -> None:
    with bluesky.simulator.failing("expired"), pytest.raises(NetworkError):
        bluesky.publisher.post(text="Hello", token="t1")
    assert bluesky.simulator.calls("com.atproto.server.refreshSession") == []
    assert bluesky.simulator.calls("com.atproto.server.createSession") == []


def test_the_same_token_again_writes_nothing_and_gives_the_first_receipt(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    sent = bluesky.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
    commits = bluesky.world.commits
    for _ in range(3):
        assert bluesky.publisher.reply(in_reply_to=post, text="Sorry.", token="t1") == sent
    assert bluesky.world.commits == commits


def test_workers_that_send_the_same_at_once_make_one_post(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    with ThreadPoolExecutor(8) as pool:
        publishers = [registry.publisher_for(bluesky.config) for _ in range(8)]
        sent = list(pool.map(lambda publisher: publisher.reply(in_reply_to=post, text="Sorry.", token="t1"), publishers))
    assert len(set(sent)) == 1
    assert len([each for each in bluesky.world.posts() if each.did == bluesky.world.us.did]) == 1


def test_two_hundred_sends_under_faults_make_two_hundred_posts(bluesky: BlueskyHarness) -> None:
    """Each is sent until its outcome is known, as the outbox does: looked for wherever nobody knows."""
    modes = ("error_after_writing", "no_answer_after_writing", "lost_before_writing", "unavailable", "")
    post = bluesky.customer_posts("ana", "it broke")
    bluesky.simulator.left = dict.fromkeys(bluesky.simulator.left, 10**6)
    unknown = 0
    for number in range(200):
        token, text = f"token {number}", f"Sorry. {number % 3}"
        mode = modes[number % len(modes)]
        sent: Sent | None = None
        try:
            with bluesky.simulator.failing(mode, only=only_writes) if mode else bluesky.simulator.failing("slow", only=lambda call: False):
                sent = bluesky.publisher.reply(in_reply_to=post, text=text, token=token)
        except NetworkError as error:
            unknown += error.outcome_unknown
            sent = bluesky.publisher.find(token=token, text=text, in_reply_to=post, since=an_hour_ago())
        if sent is None:
            sent = bluesky.publisher.reply(in_reply_to=post, text=text, token=token)
        if number % 7 == 0:  # a worker that had died comes back
            assert bluesky.publisher.reply(in_reply_to=post, text=text, token=token) == sent
    ours = [each for each in bluesky.world.posts() if each.did == bluesky.world.us.did]
    assert (len(ours), unknown) == (200, 160)


def test_what_was_answered_by_hand_before_is_found_though_it_has_no_key_of_ours(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    bluesky.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
    assert bluesky.publisher.find(token="t2", text="Sorry.", in_reply_to=post, since=an_hour_ago()) is None
    by_hand = bluesky.we_reply_by_hand(post, "Sorry.")
    found = bluesky.publisher.find(token="t2", text="Sorry.", in_reply_to=post, since=an_hour_ago())
    assert found is not None
    assert found.external_id == by_hand


def test_looking_is_no_answer_where_the_server_does_not_answer(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    with bluesky.simulator.failing("unavailable"), pytest.raises(NetworkError) as caught:
        bluesky.publisher.find(token="t1", text="Sorry.", in_reply_to=post, since=an_hour_ago())
    assert caught.value.retryable


# Keys


@given(st.text(), st.text())
def test_keys_are_valid_always_the_same_and_known_as_ours(one: str, other: str) -> None:
    one, other = (text.encode("utf-8", "replace").decode() for text in (one, other))
    key = keys.key_for("post", one)
    assert key == keys.key_for("post", one)
    assert len(key) == keys.LENGTH
    assert keys.is_ours(key)
    assert (key == keys.key_for("post", other)) == (one == other)


def test_a_key_of_another_program_says_when_it_was_made_and_is_not_ours(bluesky: BlueskyHarness) -> None:
    now = datetime.now(UTC)
    at = keys.time_of(bluesky.world.new_tid(now))
    assert at is not None
    assert abs(at - now) < timedelta(milliseconds=1)
    assert not keys.is_ours(bluesky.world.new_tid(now))
    assert keys.time_of("self") is None


# What is written


def test_a_reply_names_the_post_and_its_threads_beginning_and_is_in_its_language(bluesky: BlueskyHarness) -> None:
    root = bluesky.customer_posts("ana", "kaputt")
    below = bluesky.world.publish(bluesky.world.person("ben"), "bei mir auch", in_reply_to=root, names=bluesky.world.us, langs=["de"]).uri
    sent = bluesky.publisher.reply(in_reply_to=below, text="Das tut uns leid.", token="t1")
    record = bluesky.world.records[sent.external_id].value
    assert (record["reply"]["root"]["uri"], record["reply"]["parent"]["uri"]) == (root, below)
    assert record["reply"]["parent"]["cid"] == bluesky.world.records[below].cid
    assert record["langs"] == ["de"]


def test_links_tags_and_names_are_marked_by_bytes(bluesky: BlueskyHarness) -> None:
    ana = bluesky.world.person("ana")
    post = bluesky.customer_posts("ana", "it broke")
    text = "🙂 @ana.test: see https://tidewheel.example/hilfe#ö, #Fahrrad. @nobody.test"
    sent = bluesky.publisher.reply(in_reply_to=post, text=text, token="t1")
    marked: dict[str, Any] = {}
    for facet in bluesky.world.records[sent.external_id].value["facets"]:
        part = text.encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
        marked[part] = {name: value for name, value in facet["features"][0].items() if name != "$type"}
    assert marked == {
        "@ana.test": {"did": ana.did},
        "https://tidewheel.example/hilfe#ö": {"uri": "https://tidewheel.example/hilfe#ö"},
        "#Fahrrad": {"tag": "Fahrrad"},
    }


@pytest.mark.parametrize("text", ["🧑‍🧑‍🧒‍🧒" * 120, "ก็" * 300, "x" * 301])
def test_what_the_network_counts_as_too_long_is_refused_before_anything_is_asked(bluesky: BlueskyHarness, text: str) -> None:
    """300 characters as people see them, and 3,000 bytes: a family of emoji has 25."""
    if len(text.encode()) <= 3000 and text[0] != "x":
        bluesky.publisher.post(text=text, token="t1")
        return
    with pytest.raises(NetworkError) as caught:
        bluesky.publisher.post(text=text, token="t1")
    assert (caught.value.permanent, caught.value.code) == (True, "too_long")
    assert bluesky.simulator.log == []


def make_picture(width: int = 40, height: int = 30, *, alt: str = "A bell") -> Picture:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(content, "PNG")
    return Picture(content.getvalue(), "image/png", alt)


def test_pictures_go_with_their_words_and_their_shape(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    sent = bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", pictures=[make_picture(), make_picture(10, 90, alt="A pole")])
    embed = bluesky.world.records[sent.external_id].value["embed"]
    assert [(each["alt"], each["aspectRatio"]) for each in embed["images"]] == [
        ("A bell", {"width": 40, "height": 30}),
        ("A pole", {"width": 10, "height": 90}),
    ]
    (echo,) = [post for post in bluesky.reader.fetch("").posts if post.external_id == sent.external_id]
    assert [medium.alt for medium in echo.media] == ["A bell", "A pole"]


def test_a_picture_that_is_no_picture_is_refused_by_nobody_but_has_no_shape(bluesky: BlueskyHarness) -> None:
    sent = bluesky.publisher.reply(
        in_reply_to=bluesky.customer_posts("ana", "it broke"), text="So:", token="t1", pictures=[Picture(b"x", "image/png", "")]
    )
    assert "aspectRatio" not in bluesky.world.records[sent.external_id].value["embed"]["images"][0]


@pytest.mark.parametrize(("many", "size"), [(5, 10), (1, 1_000_001)])
def test_too_many_or_too_large_pictures_are_refused_before_anything_is_written(bluesky: BlueskyHarness, many: int, size: int) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    with pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", pictures=[Picture(b"x" * size, "image/png", "")] * many)
    assert caught.value.permanent
    assert bluesky.simulator.calls("com.atproto.repo.uploadBlob") == []


def test_a_picture_that_did_not_arrive_may_be_sent_again(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    uploads = bluesky.simulator.failing("no_answer_after_writing", only=lambda call: call.nsid == "com.atproto.repo.uploadBlob")
    with uploads, pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="So:", token="t1", pictures=[make_picture()])
    assert caught.value.retryable


def test_a_post_whose_author_lets_nobody_answer_is_refused_for_good(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    bluesky.world.closed.add(post)
    with pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
    assert (caught.value.permanent, caught.value.code) == (True, "not_allowed")


# Private messages


@pytest.mark.parametrize(("allows", "follows", "is_taken"), [("all", False, True), ("following", True, True), ("none", True, False)])
def test_a_private_message_goes_only_as_its_receiver_allows(bluesky: BlueskyHarness, allows: str, follows: bool, is_taken: bool) -> None:
    ana = bluesky.world.person("ana")
    ana.takes_messages_of = allows
    if follows:
        bluesky.customer_follows("ana")
    if is_taken:
        sent = bluesky.publisher.direct_message(to=ana.did, text="Your number, please?", token="t1")
        assert sent.external_id
        return
    with pytest.raises(NetworkError) as caught:
        bluesky.publisher.direct_message(to=ana.did, text="Your number, please?", token="t1")
    assert (caught.value.permanent, caught.value.code) == (True, "not_allowed")
    assert bluesky.world.messages == []


def test_who_wrote_to_us_privately_is_answered_there_though_they_do_not_follow_us(bluesky: BlueskyHarness) -> None:
    bluesky.customer_messages("ana", "hello?")
    assert bluesky.publisher.direct_message(to=bluesky.customer_id("ana"), text="Yes?", token="t1").external_id
    assert len(bluesky.world.convos) == 1


@pytest.mark.parametrize("mode", ["lost_before_writing", "error_after_writing", "no_answer_after_writing"])
def test_a_message_without_an_answer_is_asked_for_once_and_can_be_found(bluesky: BlueskyHarness, mode: str) -> None:
    bluesky.customer_follows("ana")
    ana = bluesky.customer_id("ana")
    bluesky.publisher.direct_message(to=ana, text="Hello", token="t0")
    with bluesky.simulator.failing(mode, only=only_writes), pytest.raises(NetworkError) as caught:
        bluesky.publisher.direct_message(to=ana, text="Your number, please?", token="t1")
    assert caught.value.outcome_unknown
    found = bluesky.publisher.find(token="t1", text="Your number, please?", to=ana, since=an_hour_ago())
    assert (found is not None) == (mode != "lost_before_writing")
    assert len(bluesky.simulator.calls("chat.bsky.convo.sendMessage")) == 2


def test_a_private_message_marks_its_links_and_looks_nobody_up(bluesky: BlueskyHarness) -> None:
    bluesky.customer_follows("ana")
    bluesky.publisher.direct_message(to=bluesky.customer_id("ana"), text="🚲 @ben.test https://tidewheel.example/s/Ab", token="t1")
    (call,) = bluesky.simulator.calls("chat.bsky.convo.sendMessage")
    (facet,) = call.json["message"]["facets"]
    assert (facet["features"][0]["uri"], facet["index"]["byteStart"]) == ("https://tidewheel.example/s/Ab", 15)
    assert bluesky.simulator.calls("com.atproto.identity.resolveHandle") == []


def test_the_same_message_sent_twice_on_purpose_is_told_apart(bluesky: BlueskyHarness) -> None:
    ana = bluesky.customer_id("ana")
    bluesky.customer_follows("ana")
    first = bluesky.publisher.direct_message(to=ana, text="Thank you!", token="t1")
    assert bluesky.publisher.find(token="t2", text="Thank you!", to=ana, since=an_hour_ago()) is None
    with bluesky.simulator.failing("no_answer_after_writing", only=only_writes), pytest.raises(NetworkError):
        bluesky.publisher.direct_message(to=ana, text="Thank you!", token="t2")
    second = bluesky.publisher.find(token="t2", text="Thank you!", to=ana, since=an_hour_ago())
    assert bluesky.publisher.find(token="t1", text="Thank you!", to=ana, since=an_hour_ago()) == first
    assert second is not None
    assert second.external_id != first.external_id


def test_an_app_password_without_private_messages_is_refused_them_for_good_and_stays_connected(bluesky: BlueskyHarness) -> None:
    publisher = registry.publisher_for(bluesky.config_with(scope="com.atproto.appPass"))
    with pytest.raises(NetworkError) as caught:
        publisher.direct_message(to=bluesky.customer_id("ana"), text="Hello", token="t1")
    assert (caught.value.permanent, caught.value.account_revoked, caught.value.code) == (True, False, "not_allowed")


def test_writing_waits_once_its_points_are_used_up_and_reading_goes_on(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "it broke")
    bluesky.simulator.left["write"] = 3
    bluesky.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
    with pytest.raises(NetworkError) as caught:
        bluesky.publisher.reply(in_reply_to=post, text="Sorry again.", token="t2")
    assert (caught.value.retryable, caught.value.code) == (True, "budget")
    assert 0 < (caught.value.retry_after or 0) <= 301
    assert len(bluesky.simulator.calls("com.atproto.repo.putRecord")) == 1
    assert bluesky.reader.fetch("").posts
    cache.clear()


def test_nothing_secret_stands_in_an_error(bluesky: BlueskyHarness) -> None:
    secrets = [value for name, value in bluesky.config.credentials.items() if name in ("password", "access", "refresh")]
    for mode in ("revoked", "expired", "unavailable", "no_answer_after_writing"):
        with bluesky.simulator.failing(mode), pytest.raises(NetworkError) as caught:
            bluesky.publisher.post(text="Hello", token="t1")
        assert not any(secret in f"{caught.value} {caught.value!r}" for secret in secrets)
    assert not any(secret in repr(bluesky.config) for secret in secrets)


def test_only_what_we_wrote_is_deleted_and_by_its_address(bluesky: BlueskyHarness) -> None:
    for address in (
        "at://did:plc:someone/app.bsky.feed.post/3kabc",
        f"at://{bluesky.world.us.did}/app.bsky.actor.profile/self",
        "nonsense",
    ):
        with pytest.raises(NetworkError) as caught:
            bluesky.publisher.delete(external_id=address)
        assert caught.value.permanent
    assert bluesky.simulator.calls(DELETE) == []
    assert POST in bluesky.publisher.post(text="Hello", token="t1").external_id


# Taking back


@pytest.mark.parametrize("made", [("hand",), ("desk",), ("desk", "hand"), ("hand", "desk")])
def test_likes_of_ours_are_taken_back_by_whichever_program_they_were_made_and_no_others(
    bluesky: BlueskyHarness, made: tuple[str, ...]
) -> None:
    world = bluesky.world
    post, other = bluesky.customer_posts("ana", "I love it"), bluesky.customer_posts("ana", "I love it too")
    others = [world.like(world.person("ben"), post), world.like(world.us, other)]
    for by in made:
        if by == "hand":
            world.like(world.us, post)
        else:
            earlier = world.ours.pop((LIKE, post), "")  # the app view has not come to it yet
            bluesky.publisher.like(external_id=post, token="t1")
            world.ours[LIKE, post] = earlier or world.ours[LIKE, post]
    assert len(world.likes_of(post)) == len(made) + 1
    for _ in range(2):
        bluesky.publisher.unlike(external_id=post)
        assert world.likes_of(post) + world.likes_of(other) == others


@pytest.mark.parametrize("state", ["lag", "hidden", "deleted"])
def test_a_like_of_what_we_are_not_shown_is_taken_back(bluesky: BlueskyHarness, state: str) -> None:
    post = bluesky.customer_posts("ana", "I love it")
    bluesky.publisher.like(external_id=post, token="t1")
    {"lag": bluesky.world.lag.add, "hidden": bluesky.world.hidden.add, "deleted": bluesky.world.delete}[state](post)
    bluesky.publisher.unlike(external_id=post)
    assert bluesky.world.likes_of(post) == []


def test_what_was_liked_again_is_liked_though_the_app_view_still_shows_the_like_that_was_taken_back(bluesky: BlueskyHarness) -> None:
    post = bluesky.customer_posts("ana", "I love it")
    by_hand = bluesky.world.like(bluesky.world.us, post)
    bluesky.publisher.like(external_id=post, token="t1")
    assert bluesky.world.likes_of(post) == [by_hand]
    bluesky.publisher.unlike(external_id=post)
    bluesky.world.ours[LIKE, post] = by_hand.uri
    bluesky.publisher.like(external_id=post, token="t2")
    assert bluesky.likes(post) == 1


def test_nothing_is_removed_but_likes_of_ours_whatever_the_network_shows(bluesky: BlueskyHarness) -> None:
    world, post = bluesky.world, bluesky.customer_posts("ana", "I love it")
    of_ben, written = world.like(world.person("ben"), post), bluesky.publisher.post(text="Hello", token="t1")
    bluesky.simulator.is_strict = False
    for shown in (of_ben.uri, written.external_id, "nonsense"):
        world.ours[LIKE, post] = shown
        bluesky.publisher.unlike(external_id=post)
    removed = {(call.json["repo"], call.json["collection"], call.json["rkey"]) for call in bluesky.simulator.calls(DELETE)}
    assert removed == {(world.us.did, LIKE, keys.key_for("like", world.us.did, post))}


@pytest.mark.parametrize("mode", ["lost_before_writing", "unavailable", "error_after_writing", "rate_limit", "revoked"])
def test_taking_back_is_asked_for_once_however_it_fails_and_may_be_done_again(bluesky: BlueskyHarness, mode: str) -> None:
    post = bluesky.customer_posts("ana", "I love it")
    bluesky.publisher.like(external_id=post, token="t1")
    with bluesky.simulator.failing(mode, only=only_writes), pytest.raises(NetworkError) as caught:
        bluesky.publisher.unlike(external_id=post)
    assert (caught.value.retryable, caught.value.permanent) == (mode == "rate_limit", mode == "revoked")
    assert len(bluesky.simulator.calls(DELETE)) == 1
    bluesky.simulator.left = dict.fromkeys(bluesky.simulator.left, 3000)
    cache.clear()
    bluesky.publisher.unlike(external_id=post)
    assert bluesky.world.likes_of(post) == []


@pytest.mark.parametrize("strange", ["", "nonsense", "at://did:plc:someone", "999999999999"])
def test_a_like_of_what_is_no_post_is_never_asked_to_be_taken_back(bluesky: BlueskyHarness, strange: str) -> None:
    with pytest.raises(NetworkError) as caught:
        bluesky.publisher.unlike(external_id=strange)
    assert (caught.value.permanent, caught.value.code) == (True, "not_found")
    assert bluesky.simulator.log == []
