"""The acknowledgement: what counts as one."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagement.models import Delivery
from engagement.services.acknowledge import is_acknowledged
from engagement.services.delivery import undo_delivery
from engagement.services.send import add_note, send_direct_message, send_reply
from profiles.models import Agent
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk, work

pytestmark = pytest.mark.django_db


def test_nothing_said_is_no_acknowledgement(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    add_note(conversation_id=conversation.pk, agent=sam, text="Carrier asked")
    assert not is_acknowledged(conversation)


def test_a_public_reply_acknowledges_while_it_stands(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="We are on it.", hold=60)
    assert is_acknowledged(conversation)
    undo_delivery(message_id=message.pk, agent=sam)
    assert not is_acknowledged(conversation)
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="We are on it!", hold=0)
    work(now())
    assert desk.state(message) == "sent"
    assert is_acknowledged(conversation)
    desk.world.delete(desk.answers(conversation)[0].id)
    desk.read()
    assert not is_acknowledged(conversation)


def test_a_reply_that_failed_acknowledges_nothing(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    send_reply(conversation_id=conversation.pk, agent=sam, text="We are on it.", hold=0)
    Delivery.objects.update(state="failed")
    assert not is_acknowledged(conversation)


def test_a_reply_that_a_person_saw_on_the_network_acknowledges(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    send_reply(conversation_id=conversation.pk, agent=sam, text="We are on it.", hold=0)
    Delivery.objects.update(state="sent")
    assert is_acknowledged(conversation)


def test_an_answer_given_outside_the_desk_acknowledges(desk: Desk) -> None:
    mention = desk.mention()
    desk.world.reply_as("tidewheel", mention.external_id, "Looking into it")
    desk.read()
    assert mention.conversation is not None
    assert is_acknowledged(mention.conversation)


def test_a_private_message_acknowledges_only_if_the_customer_wrote_it(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello in private", hold=0)
    assert not is_acknowledged(conversation)
    desk.world.message_as("mara", "Hello, it is about my bike")
    desk.read()
    assert is_acknowledged(conversation)


def test_it_is_one_query(desk: Desk) -> None:
    conversation = desk.conversation()
    with CaptureQueriesContext(connection) as queries:
        is_acknowledged(conversation)
    assert len(queries) == 1
