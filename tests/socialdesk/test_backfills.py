"""What was posted before: walked newest first, each page once, through limits, pauses and crashes, and nobody is alarmed by it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from listening.models import Backfill, Conversation, IntakeBatch, Mention, NetworkAccount, Source
from listening.services.accounts import WAITING
from listening.services.backfills import pause_backfill, resume_backfill, start_backfill, stop_backfill
from socialdesk import backfills
from socialdesk.backfills import due_backfills, walk
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed
from socialdesk.networks.base import NetworkError
from socialdesk.reading import take_batch
from socialdesk.tasks import walk_backfills
from tests.factories import make_agent, make_post
from tests.socialdesk.pretend import NETWORK, Pretend, make_sources
from tests.socialdesk.pretend import pretend as pretend

pytestmark = pytest.mark.django_db
State = Backfill.State


def begin(pretend: Pretend, *, posts: int = 10, days: int = 30, hours: float = 24) -> Backfill:
    """A back-fill of an account with that many old posts, one every `hours`, newest yesterday."""
    _, source, _ = make_sources()
    pretend.past = [make_post(network=NETWORK, ago=60 * hours * (posts - n)) for n in range(posts)]
    return start_backfill(source_id=source.pk, days=days, agent=make_agent("lead"))


def due_now(backfill: Backfill, **changes: Any) -> None:
    Backfill.objects.filter(pk=backfill.pk).update(next_at=None, **changes)


def test_all_of_it_comes_newest_first_and_its_clocks_begin_now(pretend: Pretend) -> None:
    backfill = begin(pretend, hours=1)
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.seen, backfill.stored, backfill.error) == (State.DONE, 10, 10, "")
    assert backfill.reached_at == pretend.past[0].posted_at
    assert backfill.finished_at is not None
    ids = list(Mention.objects.order_by("id").values_list("external_id", flat=True))
    assert ids[:3] == sorted(ids[:3], key=[post.external_id for post in pretend.past].index)
    assert set(ids[:3]) == {post.external_id for post in pretend.past[-3:]}
    assert not Conversation.objects.filter(waiting_since__lt=now() - timedelta(minutes=1)).exists()
    assert due_backfills() == []


def test_nothing_older_than_was_asked_for_is_stored(pretend: Pretend) -> None:
    backfill = begin(pretend, days=4)
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.stored, Mention.objects.count()) == (State.DONE, 3, 3)
    assert pretend.calls == 2  # that the second page is all too old ends it


def test_the_source_is_not_taken_for_heard_and_its_cursor_stays(pretend: Pretend) -> None:
    backfill = begin(pretend)
    Source.objects.update(failures=2, last_error="down", cursor="7", last_read_at=None)
    walk(backfill.pk)
    source = Source.objects.get(kind="poll")
    assert (source.failures, source.last_error, source.cursor, source.last_read_at) == (2, "down", "7", None)
    assert sum(IntakeBatch.objects.values_list("seen", flat=True)) == 10


def test_a_long_past_is_walked_in_several_goes(pretend: Pretend) -> None:
    backfill = begin(pretend, posts=35, hours=1)
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.seen) == (State.RUNNING, 30)
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.seen, Mention.objects.count()) == (State.DONE, 35, 35)


def test_a_limit_is_waited_for(pretend: Pretend) -> None:
    backfill = begin(pretend)
    pretend.failing = [NetworkError("used up", retryable=True, retry_after=900, code="budget")]
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error) == (State.RUNNING, WAITING)
    assert backfill.next_at is not None
    assert backfill.next_at > now() + timedelta(seconds=890)
    assert due_backfills() == []
    due_now(backfill)
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error) == (State.DONE, "")


def test_a_page_that_fails_is_asked_for_again_and_what_is_refused_for_good_ends_it(pretend: Pretend) -> None:
    backfill = begin(pretend)
    pretend.failing = [NetworkError("500", retryable=True)]
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error) == (State.RUNNING, "500")
    pretend.failing = [NetworkError("not in your plan", permanent=True)]
    due_now(backfill)
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error) == (State.FAILED, "not in your plan")
    resume_backfill(backfill_id=backfill.pk, agent=make_agent("lead"))
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.seen) == (State.DONE, 10)


def test_a_crash_in_the_middle_costs_no_page_and_counts_none_twice(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    backfill = begin(pretend)
    real, calls = take_batch, []

    def dies_once_stored(*args: Any, **options: Any) -> Any:
        result = real(*args, **options)
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt  # between the rows and the place that was reached
        return result

    monkeypatch.setattr(backfills, "take_batch", dies_once_stored)
    with pytest.raises(KeyboardInterrupt):
        walk(backfill.pk)
    due_now(backfill, held_until=now() + timedelta(minutes=1))  # as a killed process leaves it
    assert due_backfills() == []
    due_now(backfill, held_until=now() - timedelta(seconds=1))
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.seen, backfill.stored, Mention.objects.count()) == (State.DONE, 10, 10, 10)


def test_two_workers_do_not_walk_the_same(pretend: Pretend) -> None:
    backfill = begin(pretend)
    pretend.on_page = lambda: walk(backfill.pk)  # a second worker, in the middle
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.seen, pretend.calls) == (State.DONE, 10, 4)


def void(_: object) -> None:
    return


def test_a_pause_holds_after_the_page_at_hand_and_it_goes_on_there(pretend: Pretend) -> None:
    backfill, lead = begin(pretend), make_agent("lead")
    pretend.on_page = lambda: void(pause_backfill(backfill_id=backfill.pk, agent=lead))
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.seen, backfill.held_until) == (State.PAUSED, 3, None)
    pretend.on_page = lambda: None
    walk(backfill.pk)
    assert pretend.calls == 1
    resume_backfill(backfill_id=backfill.pk, agent=lead)
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.seen, pretend.calls) == (State.DONE, 10, 4)


def test_what_is_stopped_stays_so_and_another_may_begin(pretend: Pretend) -> None:
    backfill, lead = begin(pretend), make_agent("lead", username="lena")
    with pytest.raises(Conflict):
        start_backfill(source_id=backfill.source_id, days=3, agent=lead)
    stop_backfill(backfill_id=backfill.pk, agent=lead)
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error, pretend.calls) == (State.FAILED, "Stopped by Lena.", 0)
    start_backfill(source_id=backfill.source_id, days=3, agent=lead)
    with pytest.raises(Conflict):
        resume_backfill(backfill_id=backfill.pk, agent=lead)
    with pytest.raises(Conflict):
        stop_backfill(backfill_id=backfill.pk, agent=lead)


def test_who_may_not_and_what_cannot(pretend: Pretend) -> None:
    _, source, stream = make_sources()
    lead = make_agent("lead")
    with pytest.raises(NotAllowed):
        start_backfill(source_id=source.pk, days=3, agent=make_agent("agent"))
    for days in (0, -1, 10**6):
        with pytest.raises(DeskError):
            start_backfill(source_id=source.pk, days=days, agent=lead)
    for pk in (stream.pk, 0):
        with pytest.raises(DeskError):
            start_backfill(source_id=pk, days=3, agent=lead)
    NetworkAccount.objects.update(state=NetworkAccount.State.REVOKED)
    with pytest.raises(DeskError):
        start_backfill(source_id=source.pk, days=3, agent=lead)


def test_a_network_that_turns_in_circles_ends_it(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    backfill = begin(pretend)
    monkeypatch.setattr("tests.socialdesk.pretend.PretendHistory.backfill", lambda *_args, **_options: _circle(pretend))
    walk(backfill.pk)
    backfill.refresh_from_db()
    assert (backfill.state, backfill.error) == (State.FAILED, "The network gave the same page twice.")


def _circle(pretend: Pretend) -> Any:
    from socialdesk.networks.base import Batch

    return Batch(tuple(pretend.past[-1:]), cursor="same", more=True)


def test_the_clock_starts_those_that_are_due(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    backfill = begin(pretend)
    told: list[int] = []
    monkeypatch.setattr("socialdesk.tasks.walk_backfill.delay", told.append)
    walk_backfills()
    assert told == [backfill.pk]
