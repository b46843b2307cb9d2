"""Answers that waited for an account of ours: they go once it is connected again, and never beside another answer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engagement.models import Delivery, Message
from engagement.services.delivery import decide_unconfirmed
from engagement.services.reconnected import FRESH, LATELY, resume_waiting
from engagement.services.send import send_direct_message, send_reply
from engagement.tasks import resume_waiting as task
from listening.models import Conversation, NetworkAccount
from listening.services.accounts import mark_connected, mark_revoked
from profiles.models import Agent
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk, by_hand, work, work_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def waiting(desk: Desk, sam: Agent) -> Message:
    """An answer that met an account whose sign-in was taken back."""
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="We look into it", hold=0)
    meet_revoked(desk)
    assert desk.state(message) == "failed"
    return message


def meet_revoked(desk: Desk) -> None:
    desk.world.faults.set("revoked", 1)
    work(now())
    desk.world.faults.heal()
    assert NetworkAccount.objects.get(pk=desk.account.pk).state == "revoked"


def connect_again(desk: Desk) -> None:
    mark_connected(account_id=desk.account.pk)


def test_an_answer_that_waited_goes_out_once_its_account_is_connected_again(desk: Desk, sam: Agent, waiting: Message) -> None:
    second = send_later(desk, sam, waiting)
    assert resume_waiting() == 0
    connect_again(desk)
    assert resume_waiting() == 2
    assert resume_waiting() == 0
    work_off()
    assert [post.text for post in desk.answers(waiting.conversation)] == [waiting.text]
    assert (desk.state(waiting), desk.state(second)) == ("sent", "sent")


def send_later(desk: Desk, sam: Agent, waiting: Message) -> Message:
    """One that was in the outbox when the account was refused already, and asked nothing of the network."""
    mark_connected(account_id=desk.account.pk)
    second = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="And this", hold=0)
    mark_revoked(account_id=desk.account.pk, reason="HTTP 401")
    work(now())
    assert desk.state(second) == "failed"
    return second


def test_the_clock_does_it(desk: Desk, waiting: Message) -> None:
    connect_again(desk)
    task()
    assert desk.state(waiting) == "queued"


def test_what_may_be_there_is_looked_for_and_not_sent_again(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="We look into it", hold=0)
    desk.world.faults.set("timeout_after_accept", 1)
    work(now())
    desk.world.faults.heal()
    desk.world.faults.set("revoked", 1)
    work(now() + timedelta(minutes=1))
    desk.world.faults.heal()
    assert desk.state(message) == "unconfirmed"
    Delivery.objects.update(finished_at=now())
    connect_again(desk)
    assert resume_waiting() == 1
    work_off()
    assert desk.state(message) == "sent"
    assert len(desk.answers(message.conversation)) == 1


@pytest.mark.parametrize("by", ["a colleague", "hand"])
def test_what_was_answered_meanwhile_stays_for_a_person(desk: Desk, ana: Agent, waiting: Message, by: str) -> None:
    connect_again(desk)
    if by == "hand":
        assert waiting.mention is not None
        by_hand(desk, waiting.mention)
    else:
        Conversation.objects.update(claimed_by=None, claimed_until=None)
        send_reply(conversation_id=waiting.conversation_id, agent=ana, text="I took it", hold=0)
    assert resume_waiting() == 0
    assert desk.state(waiting) == "failed"


def test_what_was_given_up_stays_given_up(desk: Desk, sam: Agent, waiting: Message) -> None:
    decide_unconfirmed(message_id=waiting.pk, agent=sam, decision="abandon")
    connect_again(desk)
    assert resume_waiting() == 0


def test_what_is_a_day_old_and_what_failed_otherwise_stay_for_a_person(desk: Desk, waiting: Message) -> None:
    connect_again(desk)
    Delivery.objects.update(created_at=now() - FRESH)
    assert resume_waiting() == 0
    Delivery.objects.update(created_at=now(), error_code="gave_up")
    assert resume_waiting() == 0


def test_an_account_that_came_back_long_ago_is_not_asked_about(desk: Desk, waiting: Message, django_assert_num_queries: Any) -> None:
    connect_again(desk)
    with django_assert_num_queries(1):
        assert resume_waiting(now=now() + LATELY + timedelta(seconds=1)) == 0


def test_a_private_message_that_was_written_anew_is_not_sent_twice(desk: Desk, sam: Agent) -> None:
    desk.world.follow("mara", "tidewheel")
    conversation = desk.conversation(author="mara")
    first = send_direct_message(conversation_id=conversation.pk, agent=sam, text="Your number?", waiver="private matter", hold=0)
    meet_revoked(desk)
    connect_again(desk)
    send_direct_message(conversation_id=conversation.pk, agent=sam, text="Your number, please?", waiver="private matter", hold=0)
    assert resume_waiting() == 0
    assert desk.state(first) == "failed"
