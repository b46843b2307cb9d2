"""What every connector must keep, as tests over a harness; `test_contract.py` names the connectors that they run over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from socialdesk.lib import text as texts
from socialdesk.networks import registry
from socialdesk.networks.base import (
    NetworkError,
)
from tests.socialdesk.networks.contract_attachments import AttachmentContract
from tests.socialdesk.networks.harnesses import (
    UNKNOWN,
    Failure,
    Harness,
    HearingHarness,
    HidingHarness,
    ReadingHarness,
    an_hour_ago,
    deletions_told,
    named,
    needs,
    read_all,
    replies_of_ours,
    text_of_bytes,
)


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


class ConnectorContract(ReadingContract, AttachmentContract):
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
        assert len(replies_of_ours(harness, post)) == 1

    def test_a_reply_of_the_most_bytes_arrives_whole_and_one_byte_more_is_refused_for_good(self, harness: Harness) -> None:
        able = harness.capabilities
        needs(able.max_bytes)
        most, over = (text_of_bytes(size, limit=able.max_length, unit=able.length_unit) for size in (able.max_bytes, able.max_bytes + 1))
        post = harness.customer_posts("ana", "it broke")
        harness.publisher.reply(in_reply_to=post, text=most, token="t1")
        with pytest.raises(NetworkError) as caught:
            harness.publisher.reply(in_reply_to=post, text=over, token="t2")
        assert (caught.value.permanent, caught.value.code) == (True, "too_long")
        assert [reply.text for reply in replies_of_ours(harness, post)] == [most]

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

    def test_a_message_of_the_most_bytes_arrives_whole_and_one_byte_more_is_refused_for_good(self, harness: Harness) -> None:
        able = harness.capabilities
        needs(able.max_message_bytes)
        sizes = (able.max_message_bytes, able.max_message_bytes + 1)
        most, over = (text_of_bytes(size, limit=able.max_message_length, unit=able.length_unit) for size in sizes)
        harness.customer_follows("ana")
        ana = harness.customer_id("ana")
        harness.publisher.direct_message(to=ana, text=most, token="t1")
        with pytest.raises(NetworkError) as caught:
            harness.publisher.direct_message(to=ana, text=over, token="t2")
        assert (caught.value.permanent, caught.value.code) == (True, "too_long")
        assert [message.text for message in read_all(harness.reader).messages if message.outgoing] == [most]

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
        assert replies_of_ours(harness, post) == []

    def test_a_rate_limit_is_retryable_says_when_and_wrote_nothing(self, harness: Harness) -> None:
        post = harness.customer_posts("ana", "it broke")
        with harness.failing("rate_limit"):
            for call in (lambda: harness.reader.fetch(""), lambda: harness.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")):
                with pytest.raises(NetworkError) as caught:
                    call()
                assert caught.value.retryable
                assert caught.value.retry_after is not None
                assert caught.value.retry_after > 0
        assert replies_of_ours(harness, post) == []
        harness.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
        assert len(replies_of_ours(harness, post)) == 1

    @pytest.mark.parametrize("failure", UNKNOWN)
    def test_without_an_answer_the_outcome_is_unknown_and_can_be_found_out(self, harness: Harness, failure: Failure) -> None:
        post = harness.customer_posts("ana", "it broke")
        with harness.failing(failure), pytest.raises(NetworkError) as caught:
            harness.publisher.reply(in_reply_to=post, text="Sorry.", token="t1")
        assert caught.value.outcome_unknown
        assert not caught.value.account_revoked
        replies = replies_of_ours(harness, post)
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
