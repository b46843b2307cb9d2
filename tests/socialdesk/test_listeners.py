"""Streams: held once, taken in as they come, opened anew with patience, closed when a person says so, and nothing is missed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from listening.models import IntakeBatch, Mention, NetworkAccount, Source
from listening.services.accounts import WAITING, mark_revoked
from listening.services.sources import pause_source, resume_source
from listening.services.topics import save_topic
from socialdesk import listeners
from socialdesk.lib.clock import now
from socialdesk.listeners import Listeners
from socialdesk.management.commands import listen
from socialdesk.networks import registry
from socialdesk.networks.base import Batch, NetworkError, Unreadable
from socialdesk.polling import read_source
from tests.factories import make_agent, make_post
from tests.socialdesk.pretend import NETWORK, Pretend, PretendStream, eventually, make_sources
from tests.socialdesk.pretend import pretend as pretend

pytestmark = pytest.mark.django_db(transaction=True)
GUARD = 30  # seconds after which what does not end is given up


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "ROUND", 0.02)
    monkeypatch.setattr(listeners, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(listeners, "PULSE", 0.0)


@pytest.fixture
def desk(quick: None) -> Iterator[Listeners]:
    running = Listeners()
    running.start()
    yield running
    assert running.stop(GUARD)


def connected(source: Source) -> bool:
    source.refresh_from_db()
    return source.connected_at is not None


def newest(pretend: Pretend) -> PretendStream:
    open_streams: list[PretendStream] = eventually(lambda: pretend.open_streams)
    return open_streams[-1]


def next_after(stream: PretendStream, pretend: Pretend) -> PretendStream:
    """The one that was opened in its place."""
    eventually(lambda: not stream.is_open and pretend.streams[-1] is not stream and pretend.streams[-1].is_open)
    return pretend.streams[-1]


def has_failed(source: Source, times: int) -> bool:
    return Source.objects.filter(pk=source.pk, failures=times, polled_until=None).exists()


def count() -> int:
    return Mention.objects.count()


def test_what_is_pushed_is_stored_and_the_gap_before_it_is_read(pretend: Pretend, desk: Listeners) -> None:
    _, polled, stream = make_sources(state=NetworkAccount.State.REVOKED)  # so that it is not opened yet
    Source.objects.filter(pk=polled.pk).update(next_poll_at=now() + timedelta(hours=1))
    NetworkAccount.objects.update(state=NetworkAccount.State.OK)
    newest(pretend)
    eventually(lambda: connected(stream))
    eventually(lambda: Source.objects.filter(pk=polled.pk, next_poll_at__lte=now()).exists())
    pretend.push(make_post(network=NETWORK), make_post(network=NETWORK), cursor="17")
    eventually(lambda: count() == 2)
    stream.refresh_from_db()
    assert (stream.cursor, stream.failures, stream.last_error) == ("17", 0, "")
    assert stream.last_item_at is not None


def test_events_that_come_twice_and_in_disorder_are_stored_once(pretend: Pretend, desk: Listeners) -> None:
    make_sources()
    first, second = make_post(network=NETWORK, ago=3), make_post(network=NETWORK, ago=2)
    ahead = make_post(network=NETWORK, ago=-60)  # its clock runs an hour ahead
    stream = newest(pretend)
    for posts in ((second,), (first,), (second, first), (ahead,)):
        stream.send(Batch(posts, unreadable=(Unreadable("an event of an unknown kind"),)))
    eventually(lambda: IntakeBatch.objects.filter(seen__gt=0).count() == 4)
    assert count() == 3
    assert Mention.objects.filter(posted_at__gt=now()).count() == 0
    for batch in IntakeBatch.objects.all():
        assert batch.seen == batch.stored + batch.duplicate + batch.folded + batch.filtered + batch.rejected
    assert sum(IntakeBatch.objects.values_list("rejected", flat=True)) == 4


def test_a_lost_connection_is_opened_anew_where_it_stopped(pretend: Pretend, desk: Listeners) -> None:
    _, polled, _ = make_sources()
    stream = newest(pretend)
    pretend.push(make_post(network=NETWORK), cursor="41")
    eventually(lambda: count() == 1)
    Source.objects.filter(pk=polled.pk).update(next_poll_at=now() + timedelta(hours=1))
    stream.drop()
    assert next_after(stream, pretend).cursor == "41"
    eventually(lambda: Source.objects.filter(pk=polled.pk, next_poll_at__lte=now()).exists())
    assert pretend.most_open == 1


def test_while_it_was_away_nothing_is_missed_and_the_ledger_adds_up(pretend: Pretend, desk: Listeners) -> None:
    _, polled, _ = make_sources()
    stream = newest(pretend)
    posts = [make_post(network=NETWORK, ago=1) for _ in range(30)]
    for place, post in enumerate(posts):
        if place in (10, 20):
            stream.drop()
            pretend.posts.append(post)  # while nobody listened, or nearly so
            stream = next_after(stream, pretend)
        else:
            pretend.push(post)
    eventually(lambda: count() >= 28)
    read_source(polled.pk)
    assert set(Mention.objects.values_list("external_id", flat=True)) == {post.external_id for post in posts}
    seen = sum(IntakeBatch.objects.values_list("seen", flat=True))
    fates = IntakeBatch.objects.values_list("stored", "duplicate", "folded", "filtered", "rejected")
    assert seen == sum(map(sum, fates))


def test_trouble_is_said_and_tried_again_ever_later(pretend: Pretend, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    _, _, source = make_sources()
    monkeypatch.setattr(listeners, "FIRST_PAUSE", 100.0)
    pretend.refuses_stream = [NetworkError("503", retryable=True) for _ in range(3)]
    desk = Listeners()
    waits = []
    for failures in (1, 2, 3):
        began = now()
        Source.objects.filter(pk=source.pk).update(next_poll_at=None)
        desk.look()
        eventually(partial(has_failed, source, failures))
        eventually(lambda: not any(line.is_alive() for line in desk._lines.values()))
        source.refresh_from_db()
        assert source.next_poll_at is not None
        waits.append(((source.next_poll_at - began).total_seconds(), (source.next_poll_at - now()).total_seconds()))
        desk.look()
        assert len(pretend.streams) == failures  # not before its time
    for (longest, shortest), pause in zip(waits, (100, 200, 300), strict=True):
        assert longest >= pause / 2
        assert shortest <= pause
    assert source.last_error == "503"


def test_a_limit_of_the_network_is_waited_for(pretend: Pretend, desk: Listeners) -> None:
    pretend.refuses_stream = [NetworkError("full", retryable=True, retry_after=500, code="rate_limit")]
    _, _, source = make_sources()
    eventually(lambda: Source.objects.filter(pk=source.pk, last_error=WAITING, failures=0, polled_until=None).exists())
    source.refresh_from_db()
    assert source.next_poll_at is not None
    assert source.next_poll_at > now() + timedelta(seconds=490)


def test_a_pause_closes_it_and_resuming_opens_it(pretend: Pretend, desk: Listeners) -> None:
    lead = make_agent("lead")
    _, _, source = make_sources()
    newest(pretend)
    pause_source(source_id=source.pk, agent=lead)
    eventually(lambda: not pretend.open_streams and not connected(source))
    eventually(lambda: Source.objects.filter(pk=source.pk, polled_until=None, failures=0).exists())
    resume_source(source_id=source.pk, agent=lead)
    newest(pretend)


@pytest.mark.parametrize("how", ["revoked", "removed account", "removed source"])
def test_it_ends_with_its_account_and_its_source(pretend: Pretend, desk: Listeners, how: str) -> None:
    account, _, _ = make_sources()
    newest(pretend)
    if how == "revoked":
        mark_revoked(account_id=account.pk, reason="401")
    elif how == "removed account":
        NetworkAccount.objects.update(removed_at=now())
    else:
        Source.objects.update(removed_at=now())
    eventually(lambda: not pretend.open_streams)


def test_credentials_that_the_network_revoked_turn_the_account_red(pretend: Pretend, desk: Listeners) -> None:
    account, _, _ = make_sources()
    newest(pretend).drop(NetworkError("401", permanent=True, account_revoked=True))
    eventually(lambda: NetworkAccount.objects.filter(pk=account.pk, state=NetworkAccount.State.REVOKED).exists())
    eventually(lambda: not pretend.open_streams)


def test_a_sign_in_that_ended_is_renewed_at_once(pretend: Pretend, desk: Listeners) -> None:
    pretend.expired = "first"
    make_sources()
    assert newest(pretend).config.credentials["token"] == "fresh"
    assert Source.objects.get(kind="stream").failures == 0


def test_other_words_of_topics_open_it_anew(pretend: Pretend, desk: Listeners) -> None:
    make_sources()
    stream = newest(pretend)
    assert stream.config.terms == ()
    save_topic(topic=None, name="Battery", query="battery", agent=make_agent("lead"))
    assert next_after(stream, pretend).config.terms == ("battery",)
    assert pretend.most_open == 1


def test_other_credentials_open_it_anew(pretend: Pretend, desk: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "RENEW", 0.0)
    account, _, _ = make_sources()
    stream = newest(pretend)
    account.credentials = {"token": "second"}
    account.save()
    assert next_after(stream, pretend).config.credentials == {"token": "second"}


def test_what_its_network_s_stream_does_not_need_changes_nothing(
    pretend: Pretend, desk: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "RENEW", 0.0)
    needs = pretend.network(stream_needs=lambda config: replace(config, credentials={}))
    monkeypatch.setitem(registry.NETWORKS, NETWORK, needs)
    account, _, source = make_sources()
    stream = newest(pretend)
    line = eventually(lambda: desk._lines.get(source.pk))
    account.credentials = {"token": "second"}
    account.save()
    renewed = line.renewed_at
    eventually(lambda: line.renewed_at > renewed + 0.2)
    assert stream.is_open
    assert pretend.streams == [stream]
    NetworkAccount.objects.update(username="renamed")  # and what it does need still opens it anew
    assert next_after(stream, pretend).config.username == "renamed"
    assert pretend.streams[-1].config.credentials == {"token": "second"}


def test_two_processes_hold_one_connection_and_the_other_takes_over(pretend: Pretend, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sources()
    first, second = Listeners(), Listeners()
    first.start()
    newest(pretend)
    second.start()
    for _ in range(5):
        pretend.push(make_post(network=NETWORK))
    eventually(lambda: count() == 5)
    assert len(pretend.streams) == 1
    assert first.stop(GUARD)
    eventually(lambda: len(pretend.open_streams) == 1 and len(pretend.streams) == 2)
    assert second.stop(GUARD)
    assert pretend.most_open == 1


def test_the_lease_of_a_process_that_died_ends_and_another_listens(pretend: Pretend, desk: Listeners) -> None:
    _, _, source = make_sources(state=NetworkAccount.State.REVOKED)
    Source.objects.filter(pk=source.pk).update(polled_until=now() + timedelta(minutes=1))
    NetworkAccount.objects.update(state=NetworkAccount.State.OK)
    desk.look()
    assert not pretend.streams
    Source.objects.filter(pk=source.pk).update(polled_until=now())  # as if the minute had passed
    newest(pretend)


def test_whoever_lost_the_lease_lets_go(pretend: Pretend, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "RENEW", 0.0)
    _, _, source = make_sources()
    frozen = Listeners()
    frozen.look()
    stream = newest(pretend)
    theirs = now() + timedelta(minutes=1)
    Source.objects.filter(pk=source.pk).update(polled_until=theirs)  # while it did not move, another took over
    eventually(lambda: frozen._lines[source.pk].config)
    frozen.look()
    eventually(lambda: not stream.is_open)
    assert frozen.stop(GUARD)
    source.refresh_from_db()
    assert source.polled_until == theirs


def test_silence_is_taken_for_a_dead_connection(pretend: Pretend, desk: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sources()
    stream = newest(pretend)
    monkeypatch.setattr(listeners, "QUIET", 0.0)
    eventually(lambda: not stream.is_open)


def test_a_connection_that_does_not_close_is_given_up(pretend: Pretend, desk: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listeners, "STUCK", 0.1)
    _, _, source = make_sources()
    stream = newest(pretend)
    stream.ignores_close = True
    pause_source(source_id=source.pk, agent=make_agent("lead"))
    eventually(lambda: source.pk not in desk._lines)
    stream.ignores_close = False
    stream.close()
    eventually(lambda: not any(thread.name == f"stream {source.pk}" for thread in threading.enumerate()))  # nor touches the next test
    assert not stream.is_open


def test_a_connector_that_breaks_is_said_and_others_go_on(pretend: Pretend, desk: Listeners, caplog: pytest.LogCaptureFixture) -> None:
    _, _, source = make_sources()
    _, _, other = make_sources(username="second", external_id="two")
    streams = eventually(lambda: len(pretend.open_streams) == 2 and pretend.open_streams)
    eventually(lambda: connected(source) and connected(other))
    streams[0].drop(KeyError("?access_token=secret"))
    eventually(lambda: Source.objects.filter(last_error="The connector failed: KeyError.").exists() or len(pretend.streams) == 3)
    assert "secret" not in caplog.text
    streams[1].send(Batch((make_post(network=NETWORK),)))
    eventually(lambda: count() == 1)


def test_the_command_listens_until_it_is_told_to_stop(
    pretend: Pretend, quick: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.EMBEDDED = True
    with pytest.raises(CommandError, match="listens by itself"):
        call_command("listen")
    settings.EMBEDDED = False
    monkeypatch.setattr(listen, "STOP_SECONDS", GUARD)  # past which it ends this process
    handlers: dict[int, Any] = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)
    _, _, source = make_sources()

    def stop_when_connected() -> None:
        newest(pretend)
        handlers[signal.SIGTERM]()

    stopping = threading.Thread(target=stop_when_connected)
    stopping.start()
    said = StringIO()
    call_command("listen", stdout=said, stderr=said)
    stopping.join()
    assert said.getvalue() == "Listening to networks that push (Ctrl-C stops it)\n"
    assert not pretend.open_streams
    source.refresh_from_db()
    assert (source.polled_until, source.connected_at) == (None, None)


def test_a_round_asks_no_more_of_the_database_however_many_connections_there_are(pretend: Pretend, quick: None) -> None:
    desk = Listeners()
    asked = []
    for number in range(3):
        make_sources(username=f"us{number}", external_id=f"us{number}")
        desk.look()
        eventually(lambda: all(line.config and line.heard_at for line in desk._lines.values()))
        with CaptureQueriesContext(connection) as queries:
            desk.look()
        asked.append(len(queries))
    assert asked == asked[:1] * 3
    assert desk.stop(GUARD)


def test_a_signal_that_comes_in_the_middle_of_waiting_waits_for_nothing() -> None:
    running = Listeners()
    with running._stopping._cond:  # type: ignore[attr-defined]  # held by whoever begins to wait
        leaving = threading.Thread(target=running.leave, daemon=True)
        leaving.start()
        leaving.join(GUARD)
        assert not leaving.is_alive()
    running.run()


def test_networks_without_a_stream_are_left_alone(pretend: Pretend, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.NETWORKS, NETWORK, pretend.network(stream=None))
    _, _, source = make_sources()
    Listeners().look()
    source.refresh_from_db()
    assert source.polled_until is None
