"""Pushes that come at the same time: one batch, and each program's request hears of its own posts alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from django.db import connection

from listening.models import IntakeBatch, Mention, Source
from listening.services.acceptance import Rejection
from socialdesk import gather
from socialdesk.intake import Result, take_in
from socialdesk.networks.base import PostData
from tests.factories import make_post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _empty_rooms() -> Iterator[None]:
    gather._rooms.clear()
    yield
    gather._rooms.clear()


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def push(posts: Sequence[PostData], refused: Sequence[Rejection] = ()) -> Result:
    """Push from a thread of its own."""
    try:
        return gather.take_in_pushed(posts, username="feeder", refused=refused)
    finally:
        connection.close()


def _holds(room: gather._Room, pushes: int) -> bool:
    return len(room.waiting) == pushes


def push_at_once(*pushes: Sequence[PostData], refused: Sequence[Rejection] = ()) -> list[Future[Result]]:
    """Push each of `pushes` from a thread of its own while the room is busy, so that all of them wait for the next turn."""
    room = gather._rooms.setdefault("pushed by feeder", gather._Room("pushed by feeder"))
    with ThreadPoolExecutor(len(pushes)) as threads:
        room.is_led = True
        futures = []
        for number, posts in enumerate(pushes, 1):
            futures.append(threads.submit(push, posts, refused))
            wait_until(partial(_holds, room, number))
        gather._hand_on(room)
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
    broken = replace(make_post("broken"), url=b"no text")  # type: ignore[arg-type]
    good, bad, other = push_at_once([make_post("one", author="a")], [broken], [make_post("two", author="b")])
    assert good.result().stored == other.result().stored == 1
    with pytest.raises(TypeError):
        bad.result()
    assert {batch.seen for batch in IntakeBatch.objects.all()} == {1}
    assert Mention.objects.count() == 2


def test_push_that_comes_while_a_batch_gathers_goes_along(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOMENT", 30)
    room = gather._rooms["pushed by feeder"] = gather._Room("pushed by feeder", expected=2)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(push, [make_post("one", author="a")])
        wait_until(lambda: room.waiting)
        second = threads.submit(push, [make_post("two", author="b")])
        assert (first.result(20).stored, second.result(20).stored) == (1, 1)
    assert IntakeBatch.objects.get().seen == 2


def test_program_that_pushes_one_after_the_other_waits_for_no_company(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "MOMENT", 0.01)
    push_at_once([make_post("one", author="a")], [make_post("two", author="b")])
    room = gather._rooms["pushed by feeder"]
    assert room.expected == 2
    gather.take_in_pushed([make_post("alone", author="c")], username="feeder")
    assert room.expected == 1
    monkeypatch.setattr(room.door, "wait", lambda timeout: pytest.fail("waited"))
    gather.take_in_pushed([make_post("alone again", author="c")], username="feeder")


def test_push_that_is_taken_in_is_answered_while_the_next_batch_gathers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of one batch must not wait for the next one, which may give itself its moment."""
    monkeypatch.setattr(gather, "MOMENT", 30)
    room = gather._rooms["pushed by feeder"] = gather._Room("pushed by feeder")
    late: list[Future[Result]] = []

    def take_in_while_another_comes(*arguments: Any, **named: Any) -> Result:
        if not late:
            late.append(threads.submit(push, [make_post("late", author="late")]))
            wait_until(lambda: room.waiting)
        return take_in(*arguments, **named)

    with ThreadPoolExecutor(2) as threads:
        monkeypatch.setattr(gather, "take_in", take_in_while_another_comes)
        assert [future.result().stored for future in push_at_once([make_post(author="a")], [make_post(author="b")])] == [1, 1]
        assert not late[0].done()  # it hopes for as much company as those two had
        gather.take_in_pushed([make_post("company", author="c")], username="feeder")
        assert late[0].result(20).stored == 1


def test_failure_of_one_batch_does_not_hold_up_the_next() -> None:
    broken = replace(make_post("broken"), url=b"no text")  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(TypeError):
            gather.take_in_pushed([broken], username="feeder")
    assert gather.take_in_pushed([make_post("sound")], username="feeder").stored == 1


def test_each_program_has_a_source_of_its_own():
    for name in ("one", "two"):
        gather.take_in_pushed([make_post(author=name)], username=name)
    assert sorted(Source.objects.values_list("name", flat=True)) == ["pushed by one", "pushed by two"]


def test_a_large_push_waits_for_nobody():
    posts = [make_post(f"post {n}", author=f"w{n}") for n in range(gather.ALONE_FROM)]
    room = gather._rooms.setdefault("pushed by feeder", gather._Room("pushed by feeder"))
    room.is_led = True
    try:
        assert gather.take_in_pushed(posts, username="feeder").stored == gather.ALONE_FROM
    finally:
        room.is_led = False
