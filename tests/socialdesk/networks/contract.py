"""What every connector must keep, as tests over a harness; `test_contract.py` names the connectors that they run over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Literal, Protocol

import pytest

from socialdesk.lib import text as texts
from socialdesk.networks import registry
from socialdesk.networks.base import (
    AccountConfig,
    Batch,
    Capabilities,
    Film,
    MessageData,
    NetworkError,
    Picture,
    PostData,
    Publisher,
    Reader,
)
from tests.engagement.drawn import draw
from tests.mp4 import film

# How a harness can let the next calls fail. The last three leave the caller without an answer.
Failure = Literal["revoked", "rate_limit", "lost_before_writing", "error_after_writing", "no_answer_after_writing"]
PICTURE = Picture(draw("PNG"), "image/png", "A screw")
FILM = Film(film(seconds=2.0, width=640, height=360), "A hand turns the screw", width=640, height=360, seconds=2.0)
UNKNOWN: tuple[Failure, ...] = ("lost_before_writing", "error_after_writing", "no_answer_after_writing")


class HearingHarness(Protocol):
    """A network that is heard: the connector's listening side for one account, and a hand in the network itself."""

    capabilities: Capabilities
    config: AccountConfig
    reader: Reader

    def customer_posts(self, username: str, text: str, *, in_reply_to: str = "") -> str:
        """Returns the external id of the new post."""

    def customer_deletes(self, external_id: str) -> None: ...

    def customer_id(self, username: str) -> str:
        """The external id of that account, which may never have written anything."""


class ReadingHarness(HearingHarness, Protocol):
    """A network that is asked for what is new."""

    def failing(self, failure: Failure) -> AbstractContextManager[None]:
        """While this lasts, every call fails in that way."""


class Harness(ReadingHarness, Protocol):
    """A network that is written to as well."""

    publisher: Publisher

    def customer_follows(self, username: str) -> None:
        """From now on follows our account; where nobody need, does whatever lets us write to them in private."""

    def customer_messages(self, username: str, text: str) -> str:
        """Writes to our account privately; returns the external id of the message."""

    def we_reply_by_hand(self, in_reply_to: str, text: str) -> str:
        """Our account replies without this connector, as a person with the network's own app does."""

    def likes(self, post_id: str) -> int:
        """How many like it; nobody but our account does."""


class HidingHarness(Harness, Protocol):
    """A network with Capabilities.hide."""

    def is_hidden(self, post_id: str) -> bool: ...


def read_all(reader: Reader, cursor: str = "", *, limit: int = 200) -> Batch:
    """Everything after the cursor as one batch, fetched in as many calls as it takes."""
    posts: list[PostData] = []
    messages: list[MessageData] = []
    for _ in range(1000):
        batch = reader.fetch(cursor, limit=limit)
        assert len(batch.posts) + len(batch.messages) <= limit
        posts.extend(batch.posts)
        messages.extend(batch.messages)
        cursor = batch.cursor
        if not batch.more:
            return Batch(tuple(posts), tuple(messages), cursor)
    raise AssertionError("the reader always says that there is more")


def an_hour_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


class HearingContract:
    """What every network keeps that is heard. Inherit one of these contracts, and give a fixture `harness`."""

    def test_posts_are_read_in_order_and_none_is_lost(self, harness: HearingHarness) -> None:
        written = [harness.customer_posts(f"person{i % 7}", f"post {i}") for i in range(45)]
        read = read_all(harness.reader, limit=10).posts
        assert [post.external_id for post in read if post.external_id in written] == written

    def test_a_post_says_what_it_is(self, harness: HearingHarness) -> None:
        first = harness.customer_posts("ana", "hello")
        second = harness.customer_posts("ben", "hello to you", in_reply_to=first)
        posts = {post.external_id: post for post in read_all(harness.reader).posts}
        assert posts[first].text == "hello"
        assert posts[first].network == harness.config.network
        assert posts[first].in_reply_to == getattr(harness, "stands_below", "")
        assert posts[first].author.username == named(harness, "ana")
        assert posts[first].author.external_id == harness.customer_id("ana")
        assert posts[first].posted_at.tzinfo is not None
        assert abs(posts[first].posted_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert posts[second].in_reply_to == (first if harness.capabilities.tells_threads else "")

    def test_a_deleted_post_is_told(self, harness: HearingHarness) -> None:
        needs(harness.capabilities.tells_deletions)
        post = harness.customer_posts("ana", "my phone is 0123")
        cursor = read_all(harness.reader).cursor
        harness.customer_deletes(post)
        (told,) = (*read_all(harness.reader, cursor).posts, *deletions_told(harness))
        assert told.external_id == post
        assert told.deleted


class ReadingContract(HearingContract):
    """What every network keeps that is asked for what is new."""

    def test_a_cursor_resumes_where_it_stood(self, harness: ReadingHarness) -> None:
        harness.customer_posts("ana", "before")
        cursor = read_all(harness.reader).cursor
        assert read_all(harness.reader, cursor).posts == ()
        later = harness.customer_posts("ana", "after")
        assert [post.external_id for post in read_all(harness.reader, cursor).posts] == [later]

    def test_reading_again_from_the_same_cursor_brings_the_same(self, harness: ReadingHarness) -> None:
        harness.customer_posts("ana", "one")
        harness.customer_posts("ana", "two")
        assert read_all(harness.reader).posts == read_all(harness.reader).posts

    def test_more_is_said_only_while_there_is_more(self, harness: ReadingHarness) -> None:
        for i in range(4):
            harness.customer_posts("ana", f"post {i}")
        first = harness.reader.fetch("", limit=3)
        assert first.more
        second = harness.reader.fetch(first.cursor, limit=3)
        assert not second.more
        assert len(first.posts) + len(second.posts) == 4

    def test_a_cursor_of_another_make_is_an_error_and_not_an_empty_batch(self, harness: ReadingHarness) -> None:
        with pytest.raises(NetworkError):
            harness.reader.fetch("certainly no cursor of this network")

    def test_reading_that_fails_loses_nothing(self, harness: ReadingHarness) -> None:
        post = harness.customer_posts("ana", "it broke")
        with harness.failing("lost_before_writing"), pytest.raises(NetworkError) as caught:
            harness.reader.fetch("")
        assert caught.value.retryable
        assert [p.external_id for p in read_all(harness.reader).posts] == [post]

    def test_a_rate_limit_is_waited_for_and_nothing_is_lost(self, harness: ReadingHarness) -> None:
        post = harness.customer_posts("ana", "it broke")
        with harness.failing("rate_limit"), pytest.raises(NetworkError) as caught:
            harness.reader.fetch("")
        assert caught.value.retryable
        assert (caught.value.retry_after or 0) > 0
        assert [p.external_id for p in read_all(harness.reader).posts] == [post]


class ConnectorContract(ReadingContract):
    """What every network keeps that is written to as well."""

    def test_a_private_message_is_read_with_its_direction(self, harness: Harness) -> None:
        needs(harness.capabilities.direct_message)
        harness.customer_follows("ana")
        theirs = harness.customer_messages("ana", "my address is …")
        ours = harness.publisher.direct_message(to=harness.customer_id("ana"), text="thank you", token="t1")
        messages = {message.external_id: message for message in read_all(harness.reader).messages}
        assert not messages[theirs].outgoing
        assert messages[ours.external_id].outgoing
        assert {message.author.username for message in messages.values()} == {named(harness, "ana")}

    # Replying

    def test_a_reply_comes_back_once_with_the_id_of_its_receipt(self, harness: Harness) -> None:
        post = harness.customer_posts("ana", "it broke")
        sent = harness.publisher.reply(in_reply_to=post, text="We are sorry.", token="t1")
        echoes = [p for p in read_all(harness.reader).posts if p.text == "We are sorry."]
        assert [echo.external_id for echo in echoes] == [sent.external_id]
        assert echoes[0].in_reply_to == post
        assert echoes[0].author.username == harness.config.username
        assert echoes[0].posted_at == sent.sent_at
        assert echoes[0].url == sent.url != ""

    def test_a_reply_of_the_greatest_length_is_sent_and_one_longer_is_refused(self, harness: Harness) -> None:
        limit = harness.capabilities.max_length
        needs(limit)
        post = harness.customer_posts("ana", "it broke")
        harness.publisher.reply(in_reply_to=post, text="x" * limit, token="t1")
        assert texts.length("x" * limit, harness.capabilities.length_unit) == limit
        with pytest.raises(NetworkError) as caught:
            harness.publisher.reply(in_reply_to=post, text="x" * (limit + 1), token="t2")
        assert caught.value.permanent
        assert len(self._replies(harness, post)) == 1

    def test_a_reply_to_a_deleted_post_is_refused_for_good(self, harness: Harness) -> None:
        post = harness.customer_posts("ana", "it broke")
        harness.customer_deletes(post)
        with pytest.raises(NetworkError) as caught:
            harness.publisher.reply(in_reply_to=post, text="We are sorry.", token="t1")
        assert caught.value.permanent
        assert not caught.value.account_revoked

    def test_a_reply_to_a_post_that_never_was_is_refused_for_good(self, harness: Harness) -> None:
        with pytest.raises(NetworkError) as caught:
            harness.publisher.reply(in_reply_to="999999999999", text="We are sorry.", token="t1")
        assert caught.value.permanent

    # Finding what was sent

    def test_a_picture_stands_with_the_reply_that_it_was_sent_with(self, harness: Harness) -> None:
        needs(harness.capabilities.max_pictures > 0)
        answered = harness.customer_posts("ana", "which screw?")
        sent = harness.publisher.reply(in_reply_to=answered, text="This one", token="t1", pictures=[PICTURE])
        (echo,) = [post for post in read_all(harness.reader).posts if post.external_id == sent.external_id]
        assert (echo.text, echo.in_reply_to, [medium.kind for medium in echo.media]) == ("This one", answered, ["image"])
        assert harness.publisher.find(token="t1", text="This one", in_reply_to=answered, since=an_hour_ago()) == sent

    def test_more_pictures_than_are_taken_are_refused_for_good_and_nothing_is_written(self, harness: Harness) -> None:
        needs(harness.capabilities.max_pictures > 0)
        answered = harness.customer_posts("ana", "which screw?")
        too_many = [PICTURE] * (harness.capabilities.max_pictures + 1)
        with pytest.raises(NetworkError) as raised:
            harness.publisher.reply(in_reply_to=answered, text="These", token="t1", pictures=too_many)
        assert raised.value.permanent
        assert [post.external_id for post in read_all(harness.reader).posts if post.in_reply_to == answered] == []

    def test_a_film_stands_with_the_reply_that_it_was_sent_with(self, harness: Harness) -> None:
        needs(harness.capabilities.max_film_bytes > 0)
        answered = harness.customer_posts("ana", "which way?")
        sent = harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM)
        (echo,) = [post for post in read_all(harness.reader).posts if post.external_id == sent.external_id]
        assert (echo.text, echo.in_reply_to) == ("Like so", answered)
        assert [(medium.kind, medium.alt) for medium in echo.media] == [("video", FILM.alt)]
        assert harness.publisher.find(token="t1", text="Like so", in_reply_to=answered, since=an_hour_ago()) == sent

    def test_a_film_is_refused_for_good_where_none_is_taken_and_nothing_is_written(self, harness: Harness) -> None:
        needs(not harness.capabilities.max_film_bytes)
        answered = harness.customer_posts("ana", "which way?")
        with pytest.raises(NetworkError) as raised:
            harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM)
        assert raised.value.permanent
        assert self._replies(harness, answered) == []

    def test_a_film_together_with_pictures_is_refused_for_good_and_nothing_is_written(self, harness: Harness) -> None:
        """By a NetworkError that is permanent, as whatever else will never be taken: neither is left out for the other."""
        answered = harness.customer_posts("ana", "which way?")
        with pytest.raises(NetworkError) as raised:
            harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", pictures=[PICTURE], film=FILM)
        assert raised.value.permanent
        assert self._replies(harness, answered) == []

    def test_a_film_sent_twice_with_the_same_token_exists_once(self, harness: Harness) -> None:
        needs(harness.capabilities.max_film_bytes > 0 and harness.capabilities.idempotency in ("token", "record_key"))
        answered = harness.customer_posts("ana", "which way?")
        first, second = (harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM) for _ in range(2))
        assert first == second
        assert [reply.external_id for reply in self._replies(harness, answered)] == [first.external_id]

    def test_a_film_that_was_lost_on_the_way_is_sent_by_the_next_try(self, harness: Harness) -> None:
        needs(harness.capabilities.max_film_bytes > 0)
        answered = harness.customer_posts("ana", "which way?")
        with harness.failing("lost_before_writing"), pytest.raises(NetworkError) as raised:
            harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM)
        assert not raised.value.permanent
        sent = harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM)
        (reply,) = self._replies(harness, answered)
        assert (reply.external_id, [medium.kind for medium in reply.media]) == (sent.external_id, ["video"])

    def test_the_thread_above_a_post_runs_from_its_beginning_down(self, harness: Harness) -> None:
        needs(harness.capabilities.context)
        first = harness.customer_posts("ana", "it broke")
        second = harness.customer_posts("ben", "mine too", in_reply_to=first)
        third = harness.customer_posts("cy", "all of ours", in_reply_to=second)
        answers = {post.external_id: post.in_reply_to for post in read_all(harness.reader).posts}
        # Where threads are flat, the third answers the first.
        expected = [first, second] if answers[third] == second else [answers[third]]
        context = registry.context_for(harness.config)
        above = [post.external_id for post in context.above(third)]
        assert first in expected
        assert above[-len(expected) :] == expected
        assert [post.external_id for post in context.above(first)] == above[: -len(expected)]

    def test_a_reply_is_found_by_its_token(self, harness: Harness) -> None:
        needs(harness.capabilities.idempotency != "none")
        post = harness.customer_posts("ana", "it broke")
        sent = harness.publisher.reply(in_reply_to=post, text="We are sorry.", token="t1")
        assert harness.publisher.find(token="t1", text="We are sorry.", in_reply_to=post, since=an_hour_ago()) == sent

    def test_a_reply_that_bears_no_token_is_found_by_its_text(self, harness: Harness) -> None:
        post = harness.customer_posts("ana", "it broke")
        by_hand = harness.we_reply_by_hand(post, "We are sorry.")
        found = harness.publisher.find(token="t1", text="We are sorry.", in_reply_to=post, since=an_hour_ago())
        assert found is not None
        assert found.external_id == by_hand

    def test_what_is_not_there_is_not_found(self, harness: Harness) -> None:
        post, other = harness.customer_posts("ana", "it broke"), harness.customer_posts("ana", "it broke again")
        harness.publisher.reply(in_reply_to=other, text="We are sorry.", token="t1")
        harness.we_reply_by_hand(post, "Something else.")
        harness.customer_posts("ana", "We are sorry.", in_reply_to=post)
        assert harness.publisher.find(token="t2", text="We are sorry.", in_reply_to=post, since=an_hour_ago()) is None

    def test_what_was_sent_before_the_given_time_is_not_found(self, harness: Harness) -> None:
        post = harness.customer_posts("ana", "it broke")
        sent = harness.publisher.reply(in_reply_to=post, text="We are sorry.", token="t1")
        later = sent.sent_at + timedelta(seconds=5)
        assert harness.publisher.find(token="t1", text="We are sorry.", in_reply_to=post, since=later) is None

    def test_a_message_is_found_and_another_is_not(self, harness: Harness) -> None:
        needs(harness.capabilities.direct_message)
        harness.customer_follows("ana")
        ana, ben = harness.customer_id("ana"), harness.customer_id("ben")
        sent = harness.publisher.direct_message(to=ana, text="Your number, please?", token="t1")
        assert harness.publisher.find(token="t1", text="Your number, please?", to=ana, since=an_hour_ago()) == sent
        assert harness.publisher.find(token="t2", text="Another text", to=ana, since=an_hour_ago()) is None
        assert harness.publisher.find(token="t1", text="Your number, please?", to=ben, since=an_hour_ago()) is None

    # Private messages

    def test_a_message_to_somebody_who_does_not_follow_is_refused_for_good(self, harness: Harness) -> None:
        needs(harness.capabilities.follow_first)
        ana = harness.customer_id("ana")
        assert not harness.publisher.follows_us(ana)
        with pytest.raises(NetworkError) as caught:
            harness.publisher.direct_message(to=ana, text="Your number, please?", token="t1")
        assert caught.value.permanent
        assert read_all(harness.reader).messages == ()

    def test_a_message_is_delivered_once_the_person_follows(self, harness: Harness) -> None:
        needs(harness.capabilities.direct_message)
        ana = harness.customer_id("ana")
        harness.customer_follows("ana")
        assert not harness.capabilities.follow_first or harness.publisher.follows_us(ana)
        sent = harness.publisher.direct_message(to=ana, text="Your number, please?", token="t1")
        (message,) = read_all(harness.reader).messages
        assert (message.external_id, message.text, message.outgoing) == (sent.external_id, "Your number, please?", True)

    def test_a_message_that_is_too_long_is_refused_for_good(self, harness: Harness) -> None:
        limit = harness.capabilities.max_message_length
        needs(limit)
        harness.customer_follows("ana")
        with pytest.raises(NetworkError) as caught:
            harness.publisher.direct_message(to=harness.customer_id("ana"), text="x" * (limit + 1), token="t1")
        assert caught.value.permanent

    # What else an account can do

    def test_a_repost_comes_back_as_ours(self, harness: Harness) -> None:
        needs(harness.capabilities.repost)
        post = harness.customer_posts("ana", "I love it")
        sent = harness.publisher.repost(external_id=post, token="t1")
        (echo,) = [p for p in read_all(harness.reader).posts if p.repost_of]
        assert (echo.external_id, echo.repost_of, echo.author.username) == (sent.external_id, post, harness.config.username)

    def test_reposting_again_does_not_repost_twice(self, harness: Harness) -> None:
        needs(harness.capabilities.repost)
        post = harness.customer_posts("ana", "I love it")
        for _ in range(2):
            harness.publisher.repost(external_id=post, token="t1")
        assert len([p for p in read_all(harness.reader).posts if p.repost_of]) == 1

    def test_a_repost_is_found_and_what_was_not_reposted_is_not(self, harness: Harness) -> None:
        needs(harness.capabilities.repost)
        post, other = harness.customer_posts("ana", "I love it"), harness.customer_posts("ben", "I love it too")
        harness.publisher.reply(in_reply_to=other, text="I love it", token="t0")
        sent = harness.publisher.repost(external_id=post, token="t1")
        assert harness.publisher.find(token="t1", text="", repost_of=post, since=an_hour_ago()) == sent
        assert harness.publisher.find(token="t2", text="", repost_of=other, since=an_hour_ago()) is None

    def test_a_deleted_repost_is_taken_down_and_was_made_all_the_same(self, harness: Harness) -> None:
        needs(harness.capabilities.repost and harness.capabilities.delete)
        post = harness.customer_posts("ana", "I love it")
        sent = harness.publisher.repost(external_id=post, token="t1")
        for _ in range(2):
            harness.publisher.delete(external_id=sent.external_id)
        found = harness.publisher.find(token="t1", text="", repost_of=post, since=an_hour_ago())
        assert [found.external_id if found else ""] == [sent.external_id if harness.capabilities.finds_deleted else ""]

    def test_a_post_of_our_own_comes_back_as_ours_and_is_found(self, harness: Harness) -> None:
        needs(harness.capabilities.post)
        answered = harness.customer_posts("ana", "it broke")
        harness.publisher.reply(in_reply_to=answered, text="Ana loves it.", token="t0")
        sent = harness.publisher.post(text="Ana loves it.", token="t1")
        (echo,) = [p for p in read_all(harness.reader).posts if p.external_id == sent.external_id]
        assert (echo.text, echo.in_reply_to, echo.author.username) == ("Ana loves it.", "", harness.config.username)
        assert harness.publisher.find(token="t1", text="Ana loves it.", since=an_hour_ago()) == sent
        assert harness.publisher.find(token="t2", text="Ben loves it.", since=an_hour_ago()) is None

    def test_liking_and_hiding_again_is_no_error(self, harness: Harness) -> None:
        post, (rude,) = harness.customer_posts("ana", "I love it"), self._rude(harness, "you would")
        for _ in range(2):
            if harness.capabilities.like:
                harness.publisher.like(external_id=post, token="t1")
            if harness.capabilities.hide:
                harness.publisher.hide(external_id=rude)

    def test_a_like_that_is_taken_back_is_gone_and_no_other(self, harness: Harness) -> None:
        needs(harness.capabilities.like)
        post, other = harness.customer_posts("ana", "I love it"), harness.customer_posts("ben", "I love it too")
        for liked in (post, other):
            harness.publisher.like(external_id=liked, token="t1")
        assert (harness.likes(post), harness.likes(other)) == (1, 1)
        for _ in range(2):
            harness.publisher.unlike(external_id=post)
            assert (harness.likes(post), harness.likes(other)) == (0, 1)
        harness.publisher.like(external_id=post, token="t2")
        assert harness.likes(post) == 1

    def test_a_like_of_what_is_gone_or_was_never_liked_is_taken_back_without_an_error(self, harness: Harness) -> None:
        needs(harness.capabilities.like)
        gone, never = harness.customer_posts("ana", "I love it"), harness.customer_posts("ben", "I love it too")
        harness.publisher.like(external_id=gone, token="t1")
        harness.customer_deletes(gone)
        for post in (gone, never):
            harness.publisher.unlike(external_id=post)
        assert harness.likes(never) == 0

    def test_what_was_hidden_is_shown_again_and_nothing_else_is(self, harness: HidingHarness) -> None:
        needs(harness.capabilities.hide)
        rude, ruder = self._rude(harness, "you would", "go away")
        for comment in (rude, ruder):
            harness.publisher.hide(external_id=comment)
        assert (harness.is_hidden(rude), harness.is_hidden(ruder)) == (True, True)
        for _ in range(2):
            harness.publisher.unhide(external_id=rude)
            assert (harness.is_hidden(rude), harness.is_hidden(ruder)) == (False, True)
        harness.publisher.hide(external_id=rude)
        assert harness.is_hidden(rude)

    def test_what_is_gone_or_was_never_hidden_is_shown_again_without_an_error(self, harness: HidingHarness) -> None:
        needs(harness.capabilities.hide)
        gone, never = self._rude(harness, "you would", "go away")
        harness.publisher.hide(external_id=gone)
        harness.customer_deletes(gone)
        for comment in (gone, never):
            harness.publisher.unhide(external_id=comment)
        assert not harness.is_hidden(never)

    def test_taking_back_is_refused_for_good_where_there_is_nothing_of_the_kind(self, harness: Harness) -> None:
        publisher, able = harness.publisher, harness.capabilities
        post = harness.customer_posts("ana", "I love it")
        liking = (lambda: publisher.like(external_id=post, token="t1"), lambda: publisher.unlike(external_id=post))
        hiding = (lambda: publisher.hide(external_id=post), lambda: publisher.unhide(external_id=post))
        lacking = [calls for is_there, calls in ((able.like, liking), (able.hide, hiding)) if not is_there]
        needs(lacking)
        for calls in lacking:
            codes = []
            for call in calls:
                with pytest.raises(NetworkError) as caught:
                    call()
                assert caught.value.permanent
                codes.append(caught.value.code)
            assert codes[0] == codes[1] != ""

    def test_our_reply_can_be_deleted_and_theirs_cannot(self, harness: Harness) -> None:
        needs(harness.capabilities.delete)
        post = harness.customer_posts("ana", "it broke")
        sent = harness.publisher.reply(in_reply_to=post, text="We are sorry.", token="t1")
        cursor = read_all(harness.reader).cursor
        harness.publisher.delete(external_id=sent.external_id)
        told = [*read_all(harness.reader, cursor).posts, *deletions_told(harness)]
        assert [(post.external_id, post.deleted) for post in told] == [(sent.external_id, True)] * harness.capabilities.tells_deletions
        with pytest.raises(NetworkError) as caught:
            harness.publisher.delete(external_id=post)
        assert caught.value.permanent

    # Failing

    def test_revoked_credentials_are_permanent_and_name_the_account_for_reads_and_writes(self, harness: Harness) -> None:
        post = harness.customer_posts("ana", "it broke")
        with harness.failing("revoked"):
            for call in (lambda: harness.reader.fetch(""), lambda: harness.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")):
                with pytest.raises(NetworkError) as caught:
                    call()
                assert caught.value.permanent
                assert caught.value.account_revoked
        assert self._replies(harness, post) == []

    def test_a_rate_limit_is_retryable_says_when_and_wrote_nothing(self, harness: Harness) -> None:
        post = harness.customer_posts("ana", "it broke")
        with harness.failing("rate_limit"):
            for call in (lambda: harness.reader.fetch(""), lambda: harness.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")):
                with pytest.raises(NetworkError) as caught:
                    call()
                assert caught.value.retryable
                assert caught.value.retry_after is not None
                assert caught.value.retry_after > 0
        assert self._replies(harness, post) == []
        harness.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
        assert len(self._replies(harness, post)) == 1

    @pytest.mark.parametrize("failure", UNKNOWN)
    def test_without_an_answer_the_outcome_is_unknown_and_can_be_found_out(self, harness: Harness, failure: Failure) -> None:
        post = harness.customer_posts("ana", "it broke")
        with harness.failing(failure), pytest.raises(NetworkError) as caught:
            harness.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
        assert caught.value.outcome_unknown
        assert not caught.value.account_revoked
        replies = self._replies(harness, post)
        assert len(replies) == (0 if failure == "lost_before_writing" else 1)
        found = harness.publisher.find(token="t1", text="Sorry.", in_reply_to=post, since=an_hour_ago())
        assert [found.external_id if found else ""] == ([reply.external_id for reply in replies] or [""])

    @staticmethod
    def _rude(harness: Harness, *texts: str) -> list[str]:
        """Comments that can be hidden: some networks let only those who began a thread hide what is in it."""
        if harness.capabilities.post:
            began = harness.publisher.post(text="Who loves it?", token="t0").external_id
        else:
            began = harness.customer_posts("ana", "I love it")
        return [harness.customer_posts("ben", text, in_reply_to=began) for text in texts]

    @staticmethod
    def _replies(harness: Harness, post: str) -> list[PostData]:
        return [p for p in read_all(harness.reader).posts if p.in_reply_to == post and p.author.username == harness.config.username]


def deletions_told(harness: HearingHarness) -> tuple[PostData, ...]:
    """What a network that calls the desk told of by that, where reading does not say what was deleted."""
    told: Callable[[], Sequence[PostData]] | None = getattr(harness, "deletions_told", None)
    return tuple(told()) if told else ()


def named(harness: HearingHarness, username: str) -> str:
    """How the network writes a name: on some with the name of a host behind it."""
    return f"{username}{getattr(harness, 'domain', '')}"


def needs(capability: object) -> None:
    """Leaves the test where the network cannot do what it is about."""
    if not capability:
        pytest.skip("this network cannot do that")
