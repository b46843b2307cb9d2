"""Reading sources: what a network cannot say is counted, limits are waited for, sign-ins renewed, and what a stream missed is found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from listening.models import IntakeBatch, Mention, NetworkAccount, Source
from listening.services.accounts import WAITING, count_troubled
from listening.services.topics import save_topic
from socialdesk import polling, tasks
from socialdesk.lib import leases
from socialdesk.lib.clock import now
from socialdesk.networks.base import AccountConfig, Batch, NetworkError, Unreadable
from socialdesk.polling import LEASE, due_sources, read_source
from tests.engagement.threads import while_held
from tests.factories import make_agent, make_post
from tests.socialdesk.pretend import NETWORK, Pretend, PretendReader, make_sources
from tests.socialdesk.pretend import pretend as pretend

pytestmark = pytest.mark.django_db


def again(source: Source) -> Source:
    Source.objects.filter(pk=source.pk).update(next_poll_at=None)
    read_source(source.pk)
    source.refresh_from_db()
    return source


def test_what_cannot_be_read_is_rejected_in_the_ledger_beside_what_can(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source, _ = make_sources()
    post = make_post(network=NETWORK)
    bad = (Unreadable("it has no author", "17"), Unreadable("it is a number\x00"))
    monkeypatch.setattr(PretendReader, "fetch", lambda *_args, **_options: Batch((post,), cursor="1", unreadable=bad))
    read_source(source.pk)
    batch = IntakeBatch.objects.get()
    assert (batch.seen, batch.stored, batch.rejected) == (3, 1, 2)
    assert batch.rejections == [{"index": 1, "reason": "it has no author (17)"}, {"index": 2, "reason": "it is a number"}]


def test_a_reader_is_told_the_words_of_the_active_topics(pretend: Pretend) -> None:
    lead = make_agent("lead")
    save_topic(topic=None, name="Battery", query='battery OR "flat tyre"', agent=lead)
    save_topic(topic=None, name="Off", query="saddle", agent=lead, is_active=False)
    _, source, _ = make_sources()
    read_source(source.pk)
    assert sorted(pretend.configs[0].terms) == ["battery", "flat tyre"]


@pytest.mark.parametrize("code", ["budget", "rate_limit"])
def test_a_limit_is_waited_for_and_is_no_failure(pretend: Pretend, code: str) -> None:
    _, source, _ = make_sources()
    again(source)
    Source.objects.filter(pk=source.pk).update(last_read_at=now() - timedelta(hours=1))
    pretend.failing = [NetworkError("used up", retryable=True, retry_after=600, code=code)]
    again(source)
    assert (source.failures, source.last_error) == (0, WAITING)
    assert source.next_poll_at is not None
    assert 590 < (source.next_poll_at - now()).total_seconds() < 610
    assert count_troubled() == 0
    assert due_sources() == []
    assert again(source).last_error == ""


def test_a_read_that_waits_for_a_worker_is_not_asked_for_again_and_again(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source, _ = make_sources()
    told: list[int] = []
    monkeypatch.setattr(tasks.poll_source, "delay", told.append)
    for _ in range(3):
        tasks.poll_sources()
    assert told == [source.pk]
    tasks.poll_source(source.pk)
    Source.objects.filter(pk=source.pk).update(next_poll_at=None)
    tasks.poll_sources()
    assert told == [source.pk] * 2


def test_three_failures_are_trouble(pretend: Pretend) -> None:
    _, source, _ = make_sources()
    pretend.failing = [NetworkError("down", retryable=True, code="server_error") for _ in range(3)]
    for failures in (1, 2, 3):
        assert again(source).failures == failures
    assert source.last_error == "down"
    assert source.next_poll_at is not None
    assert (source.next_poll_at - now()).total_seconds() > 400
    assert count_troubled() == 1


def test_a_sign_in_that_ended_is_renewed_and_read_with_at_once(pretend: Pretend) -> None:
    account, source, _ = make_sources()
    pretend.expired = "first"
    pretend.posts = [make_post(network=NETWORK)]
    assert again(source).failures == 0
    account.refresh_from_db()
    assert account.credentials["token"] == "fresh"
    assert (Mention.objects.count(), pretend.calls) == (1, 2)


def test_a_sign_in_that_ends_again_at_once_is_a_failure(pretend: Pretend) -> None:
    _, source, _ = make_sources()
    pretend.failing = [NetworkError("ended", retryable=True, code="expired") for _ in range(5)]
    assert again(source).failures == 1
    assert pretend.calls == 2


def test_revoked_credentials_turn_the_account_red(pretend: Pretend) -> None:
    account, source, _ = make_sources()
    pretend.failing = [NetworkError("401", permanent=True, account_revoked=True)]
    again(source)
    account.refresh_from_db()
    assert account.state == NetworkAccount.State.REVOKED
    assert due_sources() == []


def test_an_account_that_was_connected_anew_meanwhile_is_not_called_revoked(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    account, source, _ = make_sources()

    def refuse_the_old_ones(config: AccountConfig) -> None:
        NetworkAccount.objects.update(connected_at=now())
        raise NetworkError("401", permanent=True, account_revoked=True)

    monkeypatch.setattr(pretend, "called", refuse_the_old_ones)
    again(source)
    account.refresh_from_db()
    assert account.state == NetworkAccount.State.OK


def test_a_connector_that_breaks_is_a_failure_whose_words_stay_out_of_log_and_page(
    pretend: Pretend, caplog: pytest.LogCaptureFixture
) -> None:
    _, source, _ = make_sources()
    pretend.failing = [KeyError("https://example.com/?access_token=secret")]
    assert again(source).last_error == "The connector failed: KeyError."
    assert "secret" not in caplog.text
    assert "KeyError" in caplog.text


def test_what_reading_finds_that_should_have_been_pushed_is_counted_on_the_stream(pretend: Pretend) -> None:
    _, source, stream = make_sources()
    Source.objects.filter(pk=stream.pk).update(connected_at=now() - timedelta(minutes=30))
    pretend.posts = [
        make_post(network=NETWORK, ago=31),  # before it was connected
        make_post(network=NETWORK, ago=29.8),  # while, but clocks differ
        make_post(network=NETWORK, ago=20),
        make_post(network=NETWORK, ago=5),
        make_post(network=NETWORK, ago=0.1),  # may still be on its way
        make_post(network=NETWORK, ago=-10),  # a clock that runs ahead
    ]
    again(source)
    stream.refresh_from_db()
    assert stream.found_late == 2
    again(source)
    stream.refresh_from_db()
    assert stream.found_late == 2


@pytest.mark.parametrize("fields", [{"connected_at": None}, {"is_active": False}])
def test_a_stream_that_was_not_connected_missed_nothing(pretend: Pretend, fields: dict[str, object]) -> None:
    _, source, stream = make_sources()
    Source.objects.filter(pk=stream.pk).update(**{"connected_at": now() - timedelta(minutes=30), **fields})
    pretend.posts = [make_post(network=NETWORK, ago=20)]
    again(source)
    stream.refresh_from_db()
    assert stream.found_late == 0


def test_a_source_is_read_for_as_long_as_it_takes_and_by_one_worker(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page holds on to it anew: else a slow network would take one worker after the other."""
    _, source, _ = make_sources()
    monkeypatch.setattr(polling, "LEASE", timedelta(seconds=60))
    pages: list[int] = []
    real = PretendReader.fetch
    pretend.posts = [make_post(network=NETWORK) for _ in range(4)]

    def slowly(self: PretendReader, cursor: str, *, limit: int = 200) -> Batch:
        if len(pages) < 4:
            pages.append(1)
            clock.append(clock[-1] + timedelta(seconds=40))
            read_source(source.pk)  # a second worker, which finds it held
        return real(self, cursor, limit=1)

    clock = [now()]
    monkeypatch.setattr("socialdesk.lib.leases.now", lambda: clock[-1])
    monkeypatch.setattr(polling, "now", lambda: clock[-1])
    monkeypatch.setattr(PretendReader, "fetch", slowly)
    read_source(source.pk)
    source.refresh_from_db()
    assert (pretend.calls, source.cursor, source.polled_until) == (4, "4", None)


def test_whoever_was_taken_for_dead_stores_nothing_and_moves_no_cursor_back(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    _, source, _ = make_sources()
    theirs = now() + timedelta(minutes=1)
    real = PretendReader.fetch

    def slowly(self: PretendReader, cursor: str, *, limit: int = 200) -> Batch:
        Source.objects.filter(pk=source.pk).update(polled_until=theirs, cursor="5")  # another took over, and is further
        return real(self, cursor, limit=limit)

    pretend.posts = [make_post(network=NETWORK)]
    monkeypatch.setattr(PretendReader, "fetch", slowly)
    read_source(source.pk)
    source.refresh_from_db()
    assert (source.cursor, source.polled_until, IntakeBatch.objects.count()) == ("5", theirs, 0)


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_come_at_once_read_it_once(pretend: Pretend) -> None:
    """A database that had to wait for the row asks again whether it is held, and of the row itself."""
    _, source, _ = make_sources()

    def take() -> bool:
        with transaction.atomic():
            return leases.take(Source.objects.filter(polling._due(now())), pk=source.pk, field="polled_until", length=LEASE) is not None

    assert while_held("socialdesk.lib.leases.Lease", take, take) == (True, False)
