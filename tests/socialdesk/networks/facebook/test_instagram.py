"""An Instagram account read and answered: comments and their answers, mentions that are only told by ids, private messages, the past."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches

from socialdesk.networks import registry
from socialdesk.networks.base import NetworkError, Picture, PostData
from socialdesk.networks.facebook import mentioned
from socialdesk.networks.facebook.mentioned import note_mention, told_mentions
from tests.socialdesk.networks.facebook.graph import DAY, INSTAGRAM
from tests.socialdesk.networks.facebook.harness import InstagramHarness
from tests.socialdesk.networks.harnesses import FILM, an_hour_ago, read_all


def ids(posts: Any) -> list[str]:
    return [post.external_id for post in posts]


def test_a_new_answer_to_an_old_comment_below_an_old_post_is_found(instagram: InstagramHarness) -> None:
    world = instagram.world
    old = world.ig_comment(world.person("instagram", "gemma"), instagram.stands_below, "nice", at=world.now() - 8 * DAY)
    for number in range(60):
        world.media(world.account, f"newer {number % 4}", at=world.now() - 7 * DAY + number) if number < 40 else None
    cursor = read_all(instagram.reader).cursor
    fresh = instagram.customer_posts("lene", "isn't it", in_reply_to=old.id)
    (post,) = read_all(instagram.reader, cursor).posts
    assert (post.external_id, post.in_reply_to) == (fresh, old.id)


def test_posts_whose_comments_stand_still_are_not_asked_about(instagram: InstagramHarness) -> None:
    world = instagram.world
    for number in range(20):
        post = world.media(world.account, "x", at=world.now() - 5 * DAY + number)
        world.ig_comment(world.person("instagram", "gemma"), post.id, "nice", at=world.now() - 4 * DAY)
    cursor = read_all(instagram.reader).cursor
    before = len(instagram.simulator.log)
    instagram.reader.fetch(cursor)
    asked = [call.path.rpartition("/")[2] for call in instagram.simulator.log[before:]]
    assert sorted(asked) == ["comments", "comments", "comments", "conversations", "media", "tags"]


def test_many_answers_below_one_comment_are_all_found(instagram: InstagramHarness) -> None:
    top = instagram.customer_posts("gemma", "who rides?")
    written = [top, *(instagram.customer_posts(f"p{number % 7}", f"me {number}", in_reply_to=top) for number in range(120))]
    assert ids(read_all(instagram.reader, limit=50).posts) == written


def test_an_answer_to_an_answer_is_found_below_the_comment(instagram: InstagramHarness) -> None:
    top = instagram.customer_posts("gemma", "who rides?")
    below = instagram.customer_posts("lene", "me", in_reply_to=top)
    sent = instagram.publisher.reply(in_reply_to=below, text="And we.", token="t")
    assert instagram.publisher.find(token="t", text="And we.", in_reply_to=below, since=an_hour_ago()) == sent
    later = sent.sent_at + timedelta(milliseconds=900)
    assert instagram.publisher.find(token="t", text="And we.", in_reply_to=below, since=later) == sent
    assert instagram.publisher.find(token="t", text="Not we.", in_reply_to=below, since=an_hour_ago()) is None


def test_our_own_post_can_be_answered(instagram: InstagramHarness) -> None:
    sent = instagram.publisher.reply(in_reply_to=instagram.stands_below, text="Sold out now.", token="t")
    assert instagram.world.things[sent.external_id].place == instagram.stands_below
    assert instagram.publisher.find(token="t", text="Sold out now.", in_reply_to=instagram.stands_below, since=an_hour_ago()) == sent


def tell(instagram: InstagramHarness) -> None:
    """All that the network called about so far."""
    for payload in instagram.world.events:
        instagram.read_call(payload)


def test_where_we_are_named_is_told_by_ids_read_once_and_answered_there(instagram: InstagramHarness) -> None:
    world = instagram.world
    cursor = read_all(instagram.reader).cursor
    spin = world.person("instagram", "oldtownspin")
    theirs = world.media(spin, "Sunday with @tidewheel")
    comment = world.ig_comment(world.person("instagram", "gemma"), theirs.id, "@tidewheel do you lend helmets?")
    assert read_all(instagram.reader, cursor).posts == ()
    world.name_us(theirs)
    world.name_us(comment)
    tell(instagram)
    tell(instagram)  # the network calls until it is answered, and sometimes once more
    batch = read_all(instagram.reader, cursor)
    assert [(post.external_id, post.author.username, post.in_reply_to) for post in batch.posts] == [
        (theirs.id, "oldtownspin", ""),
        (comment.id, "gemma", theirs.id),
    ]
    asked = len(instagram.simulator.log)
    assert read_all(instagram.reader, batch.cursor).posts == ()
    assert not any("mentioned" in call.query.get("fields", "") for call in instagram.simulator.log[asked:])
    for post_id in (theirs.id, comment.id):
        sent = instagram.publisher.reply(in_reply_to=post_id, text="Thank you!", token="t")
        assert world.things[sent.external_id].author is world.account
        assert instagram.simulator.writes()[-1].path == f"v23.0/{INSTAGRAM}/mentions"
        with pytest.raises(NetworkError) as caught:  # it is not shown to us, so nobody may say that it is not there
            instagram.publisher.find(token="t", text="Thank you!", in_reply_to=post_id, since=an_hour_ago())
        assert caught.value.permanent


def test_a_mention_that_is_gone_or_makes_no_sense_costs_nothing(instagram: InstagramHarness) -> None:
    world = instagram.world
    gone = world.media(world.person("instagram", "gemma"), "@tidewheel")
    world.name_us(gone)
    world.delete(gone.id)
    strange = {"media_id": "1){id},x.y(", "comment_id": "2"}, {"media_id": 5}, {"media_id": None}, {"media_id": "7", "comment_id": [1]}
    for value in strange:
        world.events.append({"object": "instagram", "entry": [{"id": INSTAGRAM, "changes": [{"field": "mentions", "value": value}]}]})
    tell(instagram)
    fine = instagram.customer_posts("gemma", "still here")
    assert ids(read_all(instagram.reader).posts) == [fine]


def test_a_mention_that_cannot_be_asked_about_now_is_asked_about_later(instagram: InstagramHarness) -> None:
    theirs = instagram.world.media(instagram.world.person("instagram", "gemma"), "with @tidewheel")
    instagram.world.name_us(theirs)
    tell(instagram)
    failing = instagram.simulator.failing("lost_before_writing", only=lambda method, path: path.endswith(INSTAGRAM))
    with failing, pytest.raises(NetworkError) as caught:
        instagram.reader.fetch("")
    assert caught.value.retryable
    assert ids(read_all(instagram.reader).posts) == [theirs.id]


def test_a_mention_over_which_the_network_stumbles_holds_up_nothing_else(instagram: InstagramHarness) -> None:
    world = instagram.world
    theirs = [world.media(world.person("instagram", "gemma"), f"with @tidewheel {number}") for number in range(2)]
    for each in theirs:
        world.name_us(each)
    tell(instagram)
    stumbling = instagram.simulator.failing("error_after_writing", only=lambda method, path: path.endswith(INSTAGRAM))
    with stumbling:
        comment = instagram.customer_posts("gemma", "below our picture")
        batch = read_all(instagram.reader)
        assert ids(batch.posts) == [comment]
        assert read_all(instagram.reader, batch.cursor).posts == ()
    later = read_all(instagram.reader, batch.cursor)
    assert sorted(ids(later.posts)) == sorted(each.id for each in theirs)
    assert read_all(instagram.reader, later.cursor).posts == ()


def test_a_mention_that_is_told_late_is_read_though_later_ones_were(instagram: InstagramHarness) -> None:
    world = instagram.world
    theirs = world.media(world.person("instagram", "oldtownspin"), "Sunday with @tidewheel", at=world.now() - 2 * DAY)
    instagram.customer_posts("gemma", "read before the network called")
    batch = read_all(instagram.reader)
    world.name_us(theirs)
    tell(instagram)
    late = read_all(instagram.reader, batch.cursor)
    assert ids(late.posts) == [theirs.id]
    assert late.posts[0].posted_at < datetime.now(UTC) - timedelta(days=1)
    assert read_all(instagram.reader, late.cursor).posts == ()


def test_two_calls_at_the_same_time_lose_no_mention(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = caches["kept"]
    keep, others = kept.set, [("2", "")]

    def another_call_comes_between(*args: Any, **options: Any) -> None:
        if others:
            note_mention(INSTAGRAM, *others.pop())
        keep(*args, **options)

    monkeypatch.setattr(kept, "set", another_call_comes_between)
    note_mention(INSTAGRAM, "1", "")
    assert sorted(told_mentions(INSTAGRAM)) == [("1", ""), ("2", "")]


@pytest.fixture
def kept_in_files(settings: Any, tmp_path: Path) -> None:
    """As where the desk is one process."""
    files = {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": tmp_path / "kept", "TIMEOUT": None}
    settings.CACHES = settings.CACHES | {"kept": files}


def test_what_was_told_is_there_when_the_desk_starts_again(kept_in_files: None) -> None:
    note_mention(INSTAGRAM, "1", "")
    note_mention(INSTAGRAM, "1", "7")
    caches.close_all()
    del caches["kept"]  # another process begins with none
    note_mention(INSTAGRAM, "2", "")
    assert told_mentions(INSTAGRAM) == [("1", ""), ("1", "7"), ("2", "")]


def test_many_calls_at_once_lose_no_mention(kept_in_files: None) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: note_mention(INSTAGRAM, str(number), ""), range(100)))
    assert sorted(told_mentions(INSTAGRAM), key=lambda place: int(place[0])) == [(str(number), "") for number in range(100)]


def test_of_mentions_that_were_told_the_newest_are_kept() -> None:
    for number in range(mentioned.MOST + 5):
        note_mention(INSTAGRAM, str(number), "")
    note_mention(INSTAGRAM, "9", "")  # told again
    told = told_mentions(INSTAGRAM)
    assert len(told) == len(set(told)) == mentioned.MOST
    assert (str(mentioned.MOST + 4), "") in told


def test_a_picture_in_which_we_are_tagged_is_read_and_cannot_be_answered(instagram: InstagramHarness) -> None:
    world = instagram.world
    tagged = world.media(world.person("instagram", "oldtownspin"), "Sunday")
    tagged.alt = "tagged"
    (post,) = read_all(instagram.reader).posts
    assert (post.external_id, post.author.username, post.author.external_id) == (tagged.id, "oldtownspin", "@oldtownspin")
    with pytest.raises(NetworkError) as caught:
        instagram.publisher.reply(in_reply_to=tagged.id, text="Nice!", token="t")
    assert caught.value.permanent
    with pytest.raises(NetworkError, match="no id") as caught:
        instagram.publisher.direct_message(to=post.author.external_id, text="Nice!", token="t")
    assert caught.value.permanent
    assert instagram.simulator.writes() == []


def test_a_private_message_is_counted_in_bytes(instagram: InstagramHarness) -> None:
    instagram.customer_follows("gemma")
    gemma = instagram.customer_id("gemma")
    instagram.publisher.direct_message(to=gemma, text="é" * 500, token="t")
    with pytest.raises(NetworkError, match="1,002 bytes") as caught:
        instagram.publisher.direct_message(to=gemma, text="é" * 501, token="t")
    assert (caught.value.permanent, caught.value.code) == (True, "too_long")


def test_a_comment_gets_one_private_answer_without_any_message_of_theirs(instagram: InstagramHarness) -> None:
    comment, gemma = instagram.customer_posts("gemma", "it broke"), instagram.customer_id("gemma")
    with pytest.raises(NetworkError) as caught:
        instagram.publisher.direct_message(to=gemma, text="Your number?", token="t")
    assert caught.value.code == "window_closed"
    sent = instagram.publisher.direct_message(to=gemma, text="Your number?", token="t", about=comment)
    assert instagram.publisher.find(token="t", text="Your number?", to=gemma, since=an_hour_ago()) == sent
    with pytest.raises(NetworkError) as caught:
        instagram.publisher.direct_message(to=gemma, text="Hello?", token="t", about=comment)
    assert caught.value.code == "answered"


def test_what_instagram_does_not_have_is_refused_in_words(instagram: InstagramHarness) -> None:
    comment = instagram.customer_posts("gemma", "it broke")
    picture = Picture(b"\x89PNG", "image/png", "x")
    for call in (
        lambda: instagram.publisher.repost(external_id=comment, token="t"),
        lambda: instagram.publisher.post(text="x", token="t"),
        lambda: instagram.publisher.like(external_id=comment, token="t"),
        lambda: instagram.publisher.unlike(external_id=comment),
        lambda: instagram.publisher.follows_us("1"),
        lambda: instagram.publisher.find(token="t", text="x", since=an_hour_ago()),
        lambda: instagram.publisher.reply(in_reply_to=comment, text="x", token="t", pictures=[picture]),
        lambda: instagram.publisher.reply(in_reply_to=comment, text="x", token="t", film=FILM),
    ):
        with pytest.raises(NetworkError) as caught:
            call()
        assert caught.value.permanent
    assert instagram.simulator.writes() == []


def test_a_comment_that_is_gone_needs_not_be_shown_again(instagram: InstagramHarness) -> None:
    rude = instagram.customer_posts("ben", "rude")
    instagram.customer_deletes(rude)
    instagram.publisher.unhide(external_id=rude)
    assert [call.status for call in instagram.simulator.writes()] == [400]


def test_what_others_wrote_is_hidden_shown_again_and_never_deleted_from_here(instagram: InstagramHarness) -> None:
    rude = instagram.customer_posts("ben", "rude")
    instagram.publisher.hide(external_id=rude)
    assert instagram.world.things[rude].is_hidden
    with pytest.raises(NetworkError, match="not ours"):
        instagram.publisher.delete(external_id=rude)
    for _ in range(2):
        instagram.publisher.unhide(external_id=rude)
        assert not instagram.is_hidden(rude)
    ours = instagram.publisher.reply(in_reply_to=rude, text="Please be kind.", token="t")
    instagram.publisher.delete(external_id=ours.external_id)
    assert ours.external_id not in instagram.world.things


def test_the_thread_above_a_comment_is_fetched_from_its_post_down(instagram: InstagramHarness) -> None:
    top = instagram.customer_posts("gemma", "who rides?")
    below = instagram.customer_posts("lene", "me", in_reply_to=top)
    network = registry.get("instagram")
    assert network.context is not None
    above = network.context(instagram.config).above(below)
    assert ids(above) == [instagram.stands_below, top]
    assert above[0].text == "Autumn rides"
    assert ids(network.context(instagram.config).above(top)) == [instagram.stands_below]
    assert network.context(instagram.config).above(instagram.stands_below) == ()


def test_the_past_is_fetched_with_all_answers_and_ends(instagram: InstagramHarness) -> None:
    world = instagram.world
    expected = {instagram.stands_below}
    for number in range(30):
        post = world.media(world.account, f"post {number}", at=world.now() - (number + 10) * DAY)
        expected.add(post.id)
        for below in range(number % 3):
            top = world.ig_comment(world.person("instagram", "gemma"), post.id, "nice", at=post.created + 60 + below)
            expected |= {top.id, world.ig_comment(world.account, top.id, "thank you", at=post.created + 90 + below).id}
    network = registry.get("instagram")
    assert network.history is not None
    history = network.history(instagram.config)
    got: list[PostData] = []
    cursor, more = "", True
    while more:
        batch = history.backfill(cursor)
        got += batch.posts
        cursor, more = batch.cursor, batch.more
    assert len(got) == len({post.external_id for post in got})
    assert set(ids(got)) == expected
