"""Pushes that come at the same time: one batch, and each program's request hears of its own posts alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import connection

from listening.models import IntakeBatch, Mention, Source
from listening.services.acceptance import Rejection
from socialdesk import gather
from socialdesk.intake import Result
from socialdesk.networks.base import MediaData, PostData
from tests.factories import make_post

pytestmark = pytest.mark.django_db(transaction=True)


def push_at_once(*pushes: Sequence[PostData], refused: Sequence[Rejection] = ()) -> list[Future[Result]]:
    """Push each of `pushes` from a thread of its own while the room is busy, so that all of them wait for the next turn."""
    room = gather._rooms.setdefault("pushed by feeder", gather._Room("pushed by feeder"))

    def push(posts: Sequence[PostData]) -> Result:
        try:
            return gather.take_in_pushed(posts, username="feeder", refused=refused)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(pushes)) as threads:
        with room.turn:
            futures = []
            deadline = time.monotonic() + 20
            for number, posts in enumerate(pushes, 1):
                futures.append(threads.submit(push, posts))
                while len(room.waiting) < number:
                    assert time.monotonic() < deadline
                    time.sleep(0.001)
        return futures


def test_pushes_that_wait_go_together_and_each_hears_of_its_own():
    pushes = [[make_post("", author=f"w{n}"), make_post(f"post {n}", author=f"w{n}")] for n in range(5)]
    results = [future.result() for future in push_at_once(*pushes, refused=[Rejection(2, "unreadable")])]
    for (_, good), result in zip(pushes, results, strict=True):
        assert (result.seen, result.stored) == (3, 1)
        assert result.rejected == [Rejection(2, "unreadable"), Rejection(0, "text is empty")]
        assert result.ids == {good.external_id: Mention.objects.get(external_id=good.external_id).pk}
    batch = IntakeBatch.objects.get()
    assert (batch.seen, batch.stored, batch.rejected) == (15, 5, 10)
    assert batch.source == Source.objects.get()
    assert batch.source.last_item_at == batch.received_at


def test_the_same_post_pushed_twice_at_once_is_stored_for_one_and_known_to_the_other():
    post = make_post()
    first, second = [future.result() for future in push_at_once([post], [post])]
    assert (first.stored, first.duplicate, second.stored, second.duplicate) == (1, 0, 0, 1)
    assert first.ids == second.ids == {post.external_id: Mention.objects.get().pk}


def test_one_id_on_two_networks_is_two_mentions_each_told_to_its_own():
    on_x, on_web = make_post(network="x", external_id="1"), make_post(network="web", external_id="1")
    results = [future.result() for future in push_at_once([on_x], [on_web])]
    assert [result.ids["1"] for result in results] == [Mention.objects.get(network=name).pk for name in ("x", "web")]


def test_a_push_that_cannot_be_stored_fails_alone():
    broken = replace(make_post("broken"), media=(MediaData(kind=b"no text", url="", alt=""),))  # type: ignore[arg-type]
    good, bad, other = push_at_once([make_post("one", author="a")], [broken], [make_post("two", author="b")])
    assert good.result().stored == other.result().stored == 1
    with pytest.raises(TypeError):
        bad.result()
    assert {batch.seen for batch in IntakeBatch.objects.all()} == {1}
    assert Mention.objects.count() == 2


def test_each_program_has_a_source_of_its_own():
    for name in ("one", "two"):
        gather.take_in_pushed([make_post(author=name)], username=name)
    assert sorted(Source.objects.values_list("name", flat=True)) == ["pushed by one", "pushed by two"]


def test_a_large_push_waits_for_nobody():
    posts = [make_post(f"post {n}", author=f"w{n}") for n in range(gather.ALONE_FROM)]
    room = gather._rooms.setdefault("pushed by feeder", gather._Room("pushed by feeder"))
    with room.turn:
        assert gather.take_in_pushed(posts, username="feeder").stored == gather.ALONE_FROM
