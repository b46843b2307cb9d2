"""One delivery and what can befall it: each failure of a network and each end of a worker."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from celery import current_app
from django.db import transaction

from engagement.models import Delivery, Message
from engagement.services import checks, outcomes
from engagement.services import delivery as service
from engagement.services.answers import AlreadyAnswered
from engagement.services.checks import AccountUnusable
from engagement.services.delivery import TooLate, decide_unconfirmed, deliver, retry_failed, sweep, undo_delivery
from engagement.services.drafts import read_drafts
from engagement.services.outcomes import LEASE, MAX_ATTEMPTS, MAX_LOOK_FAILURES, back_off
from engagement.services.send import send_direct_message, send_reply
from listening.models import ConversationEvent, Mention, NetworkAccount
from listening.services.accounts import mark_connected
from listening.services.conversations import release_claim
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotAllowed, NotFound
from socialdesk.networks import registry
from socialdesk.networks.base import NetworkError, Sent
from tests.engagement.desk import Desk, work, work_off
from tests.engagement.threads import in_thread
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The worker ends here: nothing after this line of it happens."""


@pytest.fixture
def reply(desk: Desk, sam: Agent) -> Message:
    return send_reply(conversation_id=desk.conversation().pk, agent=sam, text="On its way", hold=0)


def row(message: Message) -> Delivery:
    return Delivery.objects.get(message=message)


def fail(desk: Desk, *names: str, **seconds: float) -> None:
    desk.world.faults.heal()
    for name in names:
        desk.world.faults.set(name, 1.0, **seconds)


@contextmanager
def sandbox_publisher(**overrides: Any) -> Iterator[None]:
    """The sandbox's publisher, of which some methods do something else."""
    real = registry.publisher_for

    def publisher_for(config: Any) -> Any:
        publisher = real(config)
        for name, function in overrides.items():
            setattr(publisher, name, function)
        return publisher

    with patch.object(registry, "publisher_for", publisher_for):
        yield


def after(seconds: float) -> datetime:
    return now() + timedelta(seconds=seconds)


# --- Sent ---------------------------------------------------------------------------------------------------------------


def test_reply_is_sent_and_everything_that_follows_from_it_is_recorded(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    message = send_reply(conversation_id=mention.conversation_id or 0, agent=sam, text="On its way", hold=0)
    work(now())
    (post,) = desk.answers(mention)
    message.refresh_from_db()
    assert (message.external_id, message.url, message.sent_at) == (post.id, post.url, post.posted_at)
    assert (row(message).state, row(message).error) == ("sent", "")
    conversation = message.conversation
    conversation.refresh_from_db()
    assert (conversation.status, conversation.last_answered_at, conversation.claimed_by) == ("waiting", post.posted_at, None)
    assert ConversationEvent.objects.filter(conversation=conversation, kind="answered", agent=sam).count() == 1
    own = Mention.objects.get(external_id=post.id)
    assert (own.is_own, own.conversation, own.parent) == (True, conversation, mention)


def test_echo_of_our_own_reply_is_not_new_work(desk: Desk, reply: Message) -> None:
    work(now())
    before = Mention.objects.count()
    result = desk.read()
    assert (result.stored, result.duplicate) == (0, 1)
    assert Mention.objects.count() == before
    reply.conversation.refresh_from_db()
    assert reply.conversation.status == "waiting"


def test_delivery_is_not_touched_before_its_time_nor_twice(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=60)
    deliver(row(message).pk)
    assert row(message).state == "queued"
    for _ in range(3):
        deliver(row(message).pk, now=after(61))
    deliver(10**12)
    assert len(desk.answers(message.conversation)) == 1


def test_messages_of_one_conversation_go_out_in_order(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    held = send_reply(conversation_id=conversation.pk, agent=sam, text="one", hold=60)
    second = send_direct_message(conversation_id=conversation.pk, agent=sam, text="two", hold=0, waiver="they asked")
    other = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="of another customer", hold=0)
    deliver(row(second).pk)
    deliver(row(other).pk)
    assert (row(second).state, row(other).state) == ("queued", "sent")
    assert sweep(now=after(30)).told == 0
    deliver(row(held).pk, now=after(61))
    deliver(row(second).pk, now=after(61))
    assert (row(held).state, row(second).state) == ("sent", "sent")


@pytest.mark.django_db(transaction=True)
def test_worker_is_told_of_the_message_that_waited_for_the_one_before(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    first = send_reply(conversation_id=conversation.pk, agent=sam, text="one", hold=0)
    second = send_direct_message(conversation_id=conversation.pk, agent=sam, text="two", hold=0, waiver="they asked")
    told: list[int] = []
    with patch.object(outcomes, "tell_worker", told.append):
        deliver(row(first).pk)
    assert told == [row(second).pk]


def test_message_does_not_wait_for_one_that_needs_a_person(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    for state in ("failed", "unconfirmed", "aborted"):
        message = send_direct_message(conversation_id=conversation.pk, agent=sam, text=state, hold=0, waiver="they asked")
        Delivery.objects.filter(message=message).update(state=state)
    last = send_direct_message(conversation_id=conversation.pk, agent=sam, text="last", hold=0, waiver="they asked")
    deliver(row(last).pk)
    assert row(last).state == "sent"


# --- Failures that say that nothing was written -------------------------------------------------------------------------


def test_reply_is_retried_after_rate_limit(desk: Desk, reply: Message) -> None:
    fail(desk, "rate_limit", seconds=120)
    moment = now()
    work(moment)
    waiting = row(reply)
    assert (waiting.state, waiting.must_look, waiting.attempts, waiting.error_code) == ("awaiting_retry", False, 1, "rate_limit")
    assert 120 <= (waiting.not_before - moment).total_seconds() <= 135
    fail(desk)
    work(moment + timedelta(seconds=100))
    assert row(reply).state == "awaiting_retry"
    work(moment + timedelta(seconds=140))
    assert row(reply).state == "sent"
    assert len(desk.answers(reply.conversation)) == 1


def test_waits_double_with_jitter_up_to_a_limit() -> None:
    for attempts, longest in ((1, 5), (2, 10), (5, 80), (9, 900), (10, 900), (1000, 900)):
        waits = [back_off(attempts, None) for _ in range(50)]
        assert longest / 2 <= min(waits) <= max(waits) <= longest
        assert len(set(waits)) > 40
    assert 60 <= back_off(1, 60) <= 67


def test_reply_that_a_network_never_takes_fails_after_some_tries(desk: Desk, reply: Message) -> None:
    fail(desk, "rate_limit", seconds=0)
    work_off(step=1000)
    assert (row(reply).state, row(reply).attempts) == ("failed", MAX_ATTEMPTS)
    assert desk.answers(reply.conversation) == []


def test_refusal_fails_at_once_with_its_reason(desk: Desk, reply: Message) -> None:
    assert reply.mention is not None
    desk.world.delete(reply.mention.external_id)
    work(now())
    assert (row(reply).state, row(reply).error_code) == ("failed", "deleted")
    assert "was deleted" in row(reply).error


def test_revoked_account_is_marked_and_its_messages_wait_for_a_person(desk: Desk, sam: Agent, reply: Message) -> None:
    second = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Second", hold=0)
    fail(desk, "revoked")
    work(now())
    account = NetworkAccount.objects.get()
    assert (account.state, "401" in account.state_reason) == ("revoked", True)
    assert (row(reply).state, row(second).state) == ("failed", "failed")
    assert desk.world.faults.counts()["revoked"] == 1  # the second did not even ask
    with pytest.raises(AccountUnusable):
        retry_failed(message_id=reply.pk, agent=sam)
    fail(desk)
    mark_connected(account_id=account.pk)
    for message in (reply, second):
        retry_failed(message_id=message.pk, agent=sam)
    work(now())
    assert len(desk.answers(reply.conversation)) == len(desk.answers(second.conversation)) == 1


def test_an_account_that_was_connected_anew_while_its_old_credentials_were_refused_stays_connected(desk: Desk, reply: Message) -> None:
    def reply_with_old_ones(**fields: Any) -> Sent:
        NetworkAccount.objects.update(connected_at=now())
        raise NetworkError("HTTP 401: revoked", permanent=True, account_revoked=True)

    with sandbox_publisher(reply=reply_with_old_ones):
        work(now())
    assert row(reply).state == "failed"
    assert NetworkAccount.objects.get().state == "ok"


def test_removed_account_fails_what_it_was_to_send(desk: Desk, reply: Message) -> None:
    NetworkAccount.objects.update(removed_at=now())
    work(now())
    assert (row(reply).state, row(reply).error_code) == ("failed", "account_removed")


def test_credentials_of_another_secret_key_fail_with_what_to_do(desk: Desk, reply: Message, settings: Any) -> None:
    settings.SECRET_KEY = "another"
    work(now())
    assert (row(reply).state, row(reply).error_code) == ("failed", "account_revoked")
    assert "connected again" in row(reply).error


# --- Failures after which nobody knows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["error_after_accept", "timeout_after_accept"])
def test_reply_that_was_accepted_without_an_answer_is_found_and_not_sent_again(desk: Desk, reply: Message, fault: str) -> None:
    fail(desk, fault)
    work(now())
    assert (row(reply).state, row(reply).must_look) == ("awaiting_retry", True)
    assert len(desk.answers(reply.conversation)) == 1
    fail(desk)
    work_off()
    assert row(reply).state == "sent"
    assert [post.id for post in desk.answers(reply.conversation)] == [Message.objects.get().external_id]


@pytest.mark.parametrize("fault", ["server_error", "dropped"])
def test_reply_that_was_lost_is_sent_again_only_after_two_looks(desk: Desk, reply: Message, fault: str) -> None:
    fail(desk, fault)
    moment = now()
    work(moment)
    fail(desk)
    work(moment + timedelta(seconds=10))
    assert (row(reply).state, row(reply).looks) == ("awaiting_retry", 1)
    assert desk.answers(reply.conversation) == []
    work(moment + timedelta(seconds=20))
    assert row(reply).looks == 1  # the second look is not due yet
    work(moment + timedelta(seconds=40))
    assert row(reply).state == "sent"
    assert len(desk.answers(reply.conversation)) == 1


def test_post_that_the_network_shows_late_is_found_by_the_second_look(desk: Desk, reply: Message) -> None:
    fail(desk, "timeout_after_accept")
    moment = now()
    work(moment)
    fail(desk)
    with sandbox_publisher(find=lambda **_: None):
        work(moment + timedelta(seconds=10))
    work(moment + timedelta(seconds=40))
    assert row(reply).state == "sent"
    assert len(desk.answers(reply.conversation)) == 1


def test_private_message_that_was_accepted_without_an_answer_is_found(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    message = send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0, waiver="they asked")
    fail(desk, "timeout_after_accept")
    work(now())
    fail(desk)
    work_off()
    assert row(message).state == "sent"
    assert len(desk.world.messages_between("mara")) == 1


def test_fault_of_a_connector_counts_as_unknown_and_is_logged(desk: Desk, reply: Message, caplog: Any) -> None:
    def broken(**_: Any) -> Sent:
        raise KeyError("paging")

    with sandbox_publisher(reply=broken):
        work(now())
    assert (row(reply).state, row(reply).must_look, row(reply).error_code) == ("awaiting_retry", True, "connector_fault")
    # What it was and where; what it says may hold a token.
    assert "failed with KeyError" in caplog.text
    assert ", in broken" in caplog.text
    work_off()
    assert len(desk.answers(reply.conversation)) == 1


def test_person_decides_when_looking_does_not_work(desk: Desk, sam: Agent, reply: Message) -> None:
    fail(desk, "timeout_after_accept", "lookup_down")
    work_off(step=1000)
    open_one = row(reply)
    assert (open_one.state, open_one.look_failures, open_one.attempts) == ("unconfirmed", MAX_LOOK_FAILURES, 1)
    assert len(desk.answers(reply.conversation)) == 1


def test_revoked_account_leaves_what_may_be_there_to_a_person(desk: Desk, reply: Message) -> None:
    fail(desk, "timeout_after_accept")
    moment = now()
    work(moment)
    fail(desk, "revoked")
    work(moment + timedelta(seconds=10))
    assert row(reply).state == "unconfirmed"
    assert NetworkAccount.objects.get().state == "revoked"


def test_network_that_cannot_tell_leaves_it_to_a_person(desk: Desk, reply: Message) -> None:
    fail(desk, "dropped")
    work(now())
    fail(desk)
    with patch.object(checks, "capabilities_of") as capabilities:
        capabilities.return_value.idempotency = "none"
        work_off()
    assert (row(reply).state, row(reply).error_code) == ("unconfirmed", "cannot_look")


def test_what_was_read_back_settles_an_open_reply(desk: Desk, reply: Message) -> None:
    fail(desk, "timeout_after_accept", "lookup_down")
    work_off(step=1000)
    assert sweep().settled == 0
    fail(desk)
    desk.read()
    assert sweep().settled == 1
    assert row(reply).state == "sent"
    assert Message.objects.get().external_id == desk.answers(reply.conversation)[0].id
    assert Mention.objects.filter(is_own=True).count() == 1


def test_reply_that_was_read_back_is_known_although_looking_does_not_work(desk: Desk, reply: Message) -> None:
    fail(desk, "timeout_after_accept")
    work(now())
    fail(desk)
    desk.read()
    fail(desk, "lookup_down")
    work(after(10))
    assert row(reply).state == "sent"


# --- Ends of a worker ---------------------------------------------------------------------------------------------------


def killed_at(step: str, *, before: bool) -> Any:
    """The worker is killed just before or just after that step of it."""
    module: Any = outcomes if hasattr(outcomes, step) and step.startswith("record_") else service
    real = getattr(module, step)

    def dies(*args: Any, **kwargs: Any) -> Any:
        if not before:
            real(*args, **kwargs)
        raise Killed

    return patch.object(module, step, dies)


@pytest.mark.parametrize(
    ("step", "before"),
    [("_claim", True), ("_claim", False), ("_publisher_of", False), ("_send", True), ("record_sent", True), ("record_sent", False)],
)
def test_worker_that_is_killed_between_two_steps_loses_and_doubles_nothing(desk: Desk, reply: Message, step: str, before: bool) -> None:
    moment = now()
    with pytest.raises(Killed), killed_at(step, before=before):
        work(moment)
    work_off(moment + timedelta(seconds=LEASE))
    assert row(reply).state == "sent"
    assert [post.id for post in desk.answers(reply.conversation)] == [Message.objects.get().external_id]


@pytest.mark.parametrize("step", ["record_own_post", "record_answer", "tell_next"])
def test_worker_that_is_killed_while_it_records_loses_and_doubles_nothing(desk: Desk, reply: Message, step: str) -> None:
    moment = now()
    with pytest.raises(Killed), patch.object(outcomes, step, side_effect=Killed):
        work(moment)
    assert (row(reply).state, Mention.objects.filter(is_own=True).count()) == ("inflight", 0)  # all or nothing of the record
    work_off(moment + timedelta(seconds=LEASE))
    assert row(reply).state == "sent"
    assert len(desk.answers(reply.conversation)) == 1
    assert ConversationEvent.objects.filter(kind="answered").count() == 1


def test_dead_worker_is_taken_for_dead_only_after_its_lease(desk: Desk, reply: Message) -> None:
    moment = now()
    with pytest.raises(Killed), killed_at("_send", before=True):
        work(moment)
    assert sweep(now=moment + timedelta(seconds=LEASE - 5)).dead == 0
    assert row(reply).state == "inflight"
    assert sweep(now=moment + timedelta(seconds=LEASE + 5)).dead == 1
    assert (row(reply).state, row(reply).must_look) == ("awaiting_retry", True)


@pytest.mark.parametrize(("step", "end"), [("_publisher_of", "unconfirmed"), ("_send", "failed")])
def test_what_kills_every_worker_does_not_do_so_for_ever(desk: Desk, reply: Message, step: str, end: str) -> None:
    moment = now()
    with killed_at(step, before=True):
        for _ in range(50):
            moment += timedelta(seconds=LEASE + 1)
            sweep(now=moment)
            with suppress(Killed):
                work(moment)
    # Where the last look still worked it is known that nothing was sent; where nothing did, a person looks.
    assert (row(reply).state, row(reply).attempts) == (end, MAX_ATTEMPTS)


def test_worker_that_wakes_after_its_lease_does_not_send(desk: Desk, reply: Message) -> None:
    run = service._claim(row(reply).pk, now=now())
    assert run is not None
    slept = outcomes.Run(run.delivery, run.claim, run.now, (run._started[0] - LEASE, run._started[1]))
    service._send(slept, registry.publisher_for(desk.account.config))
    assert desk.answers(reply.conversation) == []
    assert row(reply).state == "awaiting_retry"


def test_receipt_that_comes_after_the_lease_counts_if_nobody_took_over(desk: Desk, reply: Message) -> None:
    moment = now()
    run = service._claim(row(reply).pk, now=moment)
    assert run is not None
    sent = registry.publisher_for(desk.account.config).reply(
        in_reply_to=desk.world.posts_by(reply.conversation.author.username)[0].id, text=reply.text, token=run.delivery.token
    )
    sweep(now=moment + timedelta(seconds=LEASE + 1))
    assert outcomes.record_sent(run.delivery.message, sent, claim=run.claim)
    assert row(reply).state == "sent"


def test_receipt_that_comes_after_the_lease_is_left_to_who_took_over(desk: Desk, reply: Message) -> None:
    moment = now()
    late = service._claim(row(reply).pk, now=moment)
    assert late is not None
    sent = registry.publisher_for(desk.account.config).reply(
        in_reply_to=desk.world.posts_by(reply.conversation.author.username)[0].id, text=reply.text, token=late.delivery.token
    )
    moment += timedelta(seconds=LEASE + 1)
    sweep(now=moment)
    second = service._claim(row(reply).pk, now=moment)
    assert second is not None
    assert not outcomes.record_sent(late.delivery.message, sent, claim=late.claim)
    outcomes.record_failure(late, NetworkError("late", permanent=True))
    assert (row(reply).state, row(reply).claim) == ("inflight", second.claim)
    assert not service._is_absent(second, registry.publisher_for(desk.account.config))
    assert row(reply).state == "sent"
    assert len(desk.answers(reply.conversation)) == 1


@pytest.mark.django_db(transaction=True)
def test_worker_that_is_slow_in_its_call_is_overtaken_without_a_second_post(desk: Desk, reply: Message) -> None:
    posted, go_on = threading.Event(), threading.Event()
    real = registry.publisher_for(desk.account.config).reply

    def slow(**given: Any) -> Sent:
        sent = real(**given)
        posted.set()
        go_on.wait(20)
        return sent

    moment = now()
    with sandbox_publisher(reply=slow):
        worker = in_thread(lambda: deliver(row(reply).pk, now=moment))
        assert posted.wait(20)
        work_off(moment + timedelta(seconds=LEASE))  # the lease ends, others look and find it
        assert row(reply).state == "sent"
        go_on.set()
        worker.result(20)
    assert row(reply).state == "sent"
    assert len(desk.answers(reply.conversation)) == 1


# --- Tasks --------------------------------------------------------------------------------------------------------------


def task(name: str) -> Any:
    """The task as a worker finds it."""
    current_app.loader.import_default_modules()
    return current_app.tasks[name]


@pytest.mark.django_db(transaction=True)
def test_worker_is_told_after_the_commit_by_the_name_of_a_task_that_delivers(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    with patch.object(current_app, "send_task") as told:
        with transaction.atomic():
            message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=5)
            assert not told.called
        (name, arguments), options = told.call_args
        assert options["countdown"] == 5
    Delivery.objects.update(not_before=now())
    task(name)(*arguments)
    assert row(message).state == "sent"


@pytest.mark.django_db(transaction=True)
def test_broker_that_is_away_loses_nothing(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    with patch.object(current_app, "send_task", side_effect=ConnectionError):
        message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0)
    with patch.object(current_app, "send_task") as told:
        sweep(now=after(20))
    (_, arguments), _ = told.call_args
    assert arguments == (row(message).pk,)


@pytest.mark.django_db(transaction=True)
def test_beat_finds_the_sweep(desk: Desk, sam: Agent, settings: Any) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0)
    Delivery.objects.update(state="inflight", claimed_until=now() - timedelta(seconds=1))
    name = settings.CELERY_BEAT_SCHEDULE["sweep_deliveries"]["task"]
    task(name)()
    assert row(message).state == "awaiting_retry"


# --- The sweep ----------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_sweep_tells_again_of_what_no_task_came_for_and_only_once_in_a_while(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    told: list[int] = []
    with patch.object(service, "tell_worker", told.append):
        message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=8)
        moment = message.created_at
        assert sweep(now=moment + timedelta(seconds=20)).told == 0  # its own task may still come
        assert sweep(now=moment + timedelta(seconds=24)).told == 1
        assert sweep(now=moment + timedelta(seconds=29)).told == 0
        assert sweep(now=moment + timedelta(seconds=40)).told == 1
    assert told == [row(message).pk] * 2


def test_sweep_tells_at_most_so_many_oldest_first(desk: Desk, sam: Agent) -> None:
    messages = [send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=0) for _ in range(5)]
    moment = after(60)
    assert sweep(now=moment, limit=3).told == 3
    assert [row(message).told_at == moment for message in messages] == [True, True, True, False, False]
    assert sweep(now=moment, limit=3).told == 2


# --- People -------------------------------------------------------------------------------------------------------------


def test_undo_takes_back_what_is_held_and_nothing_else(desk: Desk, sam: Agent, ana: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=60)
    with pytest.raises(NotAllowed):
        undo_delivery(message_id=message.pk, agent=ana)
    assert undo_delivery(message_id=message.pk, agent=make_agent(Role.LEAD)).state == "aborted"
    assert read_drafts(agent=sam, conversation_id=message.conversation_id) == {"reply": "Hello"}
    with pytest.raises(TooLate):
        undo_delivery(message_id=message.pk, agent=sam)
    work(after(61))
    assert desk.answers(message.conversation) == []
    with pytest.raises(NotFound):
        undo_delivery(message_id=10**12, agent=sam)


def test_undo_is_too_late_once_the_hold_has_ended(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=8)
    with pytest.raises(TooLate) as refusal:
        undo_delivery(message_id=message.pk, agent=sam, now=after(9))
    assert refusal.value.extra == {"state": "queued"}
    assert read_drafts(agent=sam, conversation_id=message.conversation_id) == {}


@pytest.fixture
def open_reply(desk: Desk, reply: Message) -> Message:
    """A reply that stands on the network, of which the desk does not know."""
    fail(desk, "timeout_after_accept", "lookup_down")
    work_off(step=1000)
    return reply


def test_person_saw_it_there(desk: Desk, sam: Agent, open_reply: Message) -> None:
    assert decide_unconfirmed(message_id=open_reply.pk, agent=sam, decision="sent").state == "sent"
    open_reply.conversation.refresh_from_db()
    assert open_reply.conversation.status == "waiting"
    fail(desk)
    work_off()
    assert len(desk.answers(open_reply.conversation)) == 1


def test_person_who_overlooked_it_is_put_right_by_one_more_look(desk: Desk, sam: Agent, open_reply: Message) -> None:
    fail(desk)
    assert decide_unconfirmed(message_id=open_reply.pk, agent=sam, decision="send_again").state == "queued"
    work_off()
    assert row(open_reply).state == "sent"
    assert len(desk.answers(open_reply.conversation)) == 1


def test_person_who_did_not_find_it_is_believed_while_looking_does_not_work(desk: Desk, sam: Agent, reply: Message) -> None:
    fail(desk, "dropped", "lookup_down")
    work_off(step=1000)
    assert row(reply).state == "unconfirmed"
    fail(desk, "lookup_down")
    decide_unconfirmed(message_id=reply.pk, agent=sam, decision="send_again")
    work_off()
    assert row(reply).state == "sent"
    assert len(desk.answers(reply.conversation)) == 1


def test_person_lets_the_desk_look_again(desk: Desk, sam: Agent, open_reply: Message) -> None:
    fail(desk)
    assert decide_unconfirmed(message_id=open_reply.pk, agent=sam, decision="look_again").state == "awaiting_retry"
    work_off()
    assert row(open_reply).state == "sent"
    assert len(desk.answers(open_reply.conversation)) == 1


def test_person_gives_up_and_gets_the_text_back(desk: Desk, sam: Agent, ana: Agent, reply: Message) -> None:
    fail(desk, "dropped", "lookup_down")
    work_off(step=1000)
    fail(desk)
    assert decide_unconfirmed(message_id=reply.pk, agent=ana, decision="abandon").state == "aborted"
    assert read_drafts(agent=ana, conversation_id=reply.conversation_id) == {"reply": "On its way"}
    for decision in ("sent", "send_again", "look_again", "abandon"):
        with pytest.raises(TooLate):
            decide_unconfirmed(message_id=reply.pk, agent=ana, decision=decision)
    work_off()
    assert desk.answers(reply.conversation) == []


def test_unknown_decision_and_readers_decision_are_refused(desk: Desk, open_reply: Message, sam: Agent) -> None:
    with pytest.raises(DeskError, match="Decide sent, send_again"):
        decide_unconfirmed(message_id=open_reply.pk, agent=sam, decision="maybe")
    with pytest.raises(NotAllowed):
        decide_unconfirmed(message_id=open_reply.pk, agent=make_agent(Role.MANAGER), decision="sent")
    with pytest.raises(NotAllowed):
        retry_failed(message_id=open_reply.pk, agent=make_agent(Role.MARKETING))
    assert row(open_reply).state == "unconfirmed"


def test_failed_reply_is_tried_again_by_a_person_once(desk: Desk, sam: Agent, reply: Message) -> None:
    fail(desk, "rate_limit", seconds=0)
    work_off(step=1000)
    fail(desk)
    assert retry_failed(message_id=reply.pk, agent=sam).state == "queued"
    with pytest.raises(TooLate):
        retry_failed(message_id=reply.pk, agent=sam)
    work_off()
    assert (row(reply).state, len(desk.answers(reply.conversation))) == ("sent", 1)


def test_failed_reply_is_not_tried_again_over_an_answer_that_came_since(desk: Desk, sam: Agent, ana: Agent, reply: Message) -> None:
    fail(desk, "rate_limit", seconds=0)
    work_off(step=1000)
    fail(desk)
    release_claim(conversation_id=reply.conversation_id, agent=sam)
    second = send_reply(conversation_id=reply.conversation_id, agent=ana, text="From Ana", hold=0)
    with pytest.raises(AlreadyAnswered) as refusal:
        retry_failed(message_id=reply.pk, agent=sam)
    assert row(reply).state == "failed"
    assert [answer["id"] for answer in refusal.value.extra["answers"]] == [second.pk]
    retry_failed(message_id=reply.pk, agent=sam, answer_seen=refusal.value.extra["answer_seen"])
    work_off()
    assert sorted(post.text for post in desk.answers(reply.conversation)) == ["From Ana", "On its way"]


def test_failed_reply_can_be_given_up(desk: Desk, sam: Agent, reply: Message) -> None:
    Delivery.objects.update(state="failed")
    assert decide_unconfirmed(message_id=reply.pk, agent=sam, decision="abandon").state == "aborted"
    assert read_drafts(agent=sam, conversation_id=reply.conversation_id) == {"reply": "On its way"}
