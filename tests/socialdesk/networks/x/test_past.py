"""The past of an account on X, newest first, and the thread above a post."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from socialdesk.networks.base import NetworkError
from tests.socialdesk.networks.x.conftest import Stage


def ago(**time: int) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


def test_the_past_comes_newest_first_list_by_list_and_has_an_end(x: Stage) -> None:
    for number in range(25):
        x.ana_posts(f"@tidewheel {number}", at=ago(days=20 - number % 20, minutes=number))
    x.world.publish(x.us, "Ours", at=ago(days=9))
    x.world.publish(x.ben, "An e-bike", at=ago(days=2))
    pages, cursor = [], ""
    for _ in range(20):
        batch = x.history.backfill(cursor, limit=10)
        pages.append([post.external_id for post in batch.posts])
        cursor = batch.cursor
        if not batch.more:
            break
    assert [len(page) for page in pages] == [10, 10, 5, 1, 1]
    mentions = [int(external_id) for page in pages[:3] for external_id in page]
    assert mentions == sorted(mentions, reverse=True)
    assert x.history.backfill(cursor).posts == ()
    assert not x.history.backfill(cursor).more


@pytest.mark.parametrize("cursor", ["x", "-1:", "mentions:1", "١:"])
def test_a_place_of_another_make_is_refused(x: Stage, cursor: str) -> None:
    with pytest.raises(NetworkError) as caught:
        x.history.backfill(cursor)
    assert caught.value.permanent


def test_the_thread_above_a_post_is_fetched_from_its_beginning(x: Stage) -> None:
    first = x.ana_posts("it broke")
    second = x.world.publish(x.ben, "mine too", in_reply_to=first.id)
    third = x.world.publish(x.ana, "@tidewheel please", in_reply_to=second.id)
    assert [post.text for post in x.context.above(third.id)] == ["it broke", "@ana mine too"]
    assert x.context.above(first.id) == ()


def test_what_is_gone_hides_what_is_above_it(x: Stage) -> None:
    first = x.ana_posts("it broke")
    second = x.world.publish(x.ben, "mine too", in_reply_to=first.id)
    third = x.world.publish(x.ana, "@tidewheel please", in_reply_to=second.id)
    del x.world.posts[second.id]
    assert x.context.above(third.id) == ()
    assert x.context.above("999") == ()
    assert x.context.above("../1") == ()


def test_a_thread_without_an_end_has_one(x: Stage) -> None:
    post = x.ana_posts("0")
    for number in range(40):
        post = x.world.publish(x.ana, str(number + 1), in_reply_to=post.id)
    above = x.context.above(post.id)
    assert [one.text for one in above] == [str(number) for number in range(15, 40)]
