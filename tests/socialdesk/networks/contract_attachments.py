"""What every connector must keep of the pictures and films in its answers. Part of `contract.py`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from socialdesk.networks.base import (
    NetworkError,
)
from tests.socialdesk.networks.harnesses import (
    FILM,
    PICTURE,
    Harness,
    an_hour_ago,
    needs,
    read_all,
    replies_of_ours,
)


class AttachmentContract:
    """Sent with the reply or not at all."""

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

    def test_the_longest_description_of_a_picture_arrives_whole(self, harness: Harness) -> None:
        needs(harness.capabilities.max_picture_alt > 0)
        described = replace(PICTURE, alt="Ü" * harness.capabilities.max_picture_alt)
        answered = harness.customer_posts("ana", "which screw?")
        harness.publisher.reply(in_reply_to=answered, text="This one", token="t1", pictures=[described])
        (reply,) = replies_of_ours(harness, answered)
        assert [medium.alt for medium in reply.media] == [described.alt]

    def test_the_longest_description_of_a_film_arrives_whole(self, harness: Harness) -> None:
        needs(harness.capabilities.max_film_alt > 0)
        described = replace(FILM, alt="Ü" * harness.capabilities.max_film_alt)
        answered = harness.customer_posts("ana", "which way?")
        harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=described)
        (reply,) = replies_of_ours(harness, answered)
        assert [medium.alt for medium in reply.media] == [described.alt]

    def test_a_film_is_refused_for_good_where_none_is_taken_and_nothing_is_written(self, harness: Harness) -> None:
        needs(not harness.capabilities.max_film_bytes)
        answered = harness.customer_posts("ana", "which way?")
        with pytest.raises(NetworkError) as raised:
            harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM)
        assert raised.value.permanent
        assert replies_of_ours(harness, answered) == []

    def test_a_film_together_with_pictures_is_refused_for_good_and_nothing_is_written(self, harness: Harness) -> None:
        """By a NetworkError that is permanent, as whatever else will never be taken: neither is left out for the other."""
        answered = harness.customer_posts("ana", "which way?")
        with pytest.raises(NetworkError) as raised:
            harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", pictures=[PICTURE], film=FILM)
        assert raised.value.permanent
        assert replies_of_ours(harness, answered) == []

    def test_a_film_sent_twice_with_the_same_token_exists_once(self, harness: Harness) -> None:
        needs(harness.capabilities.max_film_bytes > 0 and harness.capabilities.idempotency in ("token", "record_key"))
        answered = harness.customer_posts("ana", "which way?")
        first, second = (harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM) for _ in range(2))
        assert first == second
        assert [reply.external_id for reply in replies_of_ours(harness, answered)] == [first.external_id]

    def test_a_film_that_was_lost_on_the_way_is_sent_by_the_next_try(self, harness: Harness) -> None:
        needs(harness.capabilities.max_film_bytes > 0)
        answered = harness.customer_posts("ana", "which way?")
        with harness.failing("lost_before_writing"), pytest.raises(NetworkError) as raised:
            harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM)
        assert not raised.value.permanent
        sent = harness.publisher.reply(in_reply_to=answered, text="Like so", token="t1", film=FILM)
        (reply,) = replies_of_ours(harness, answered)
        assert (reply.external_id, [medium.kind for medium in reply.media]) == (sent.external_id, ["video"])
