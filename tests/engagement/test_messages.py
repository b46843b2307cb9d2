"""Private messages that come in: stored once, in the right conversation, our own recognised."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engagement.models import Delivery, Message
from engagement.services.delivery import sweep
from engagement.services.outcomes import record_sent
from engagement.services.send import send_direct_message
from listening.models import Conversation, IntakeBatch
from listening.services.conversations import resolve_conversation
from profiles.models import Agent, Handle
from socialdesk.intake import take_in
from socialdesk.lib.clock import now
from socialdesk.networks.base import MessageData, Sent
from tests.engagement.desk import Desk, work, work_off
from tests.factories import make_author, make_post

pytestmark = pytest.mark.django_db


def test_private_message_comes_into_the_authors_conversation_and_brings_it_back(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    send_direct_message(conversation_id=conversation.pk, agent=sam, text="Your number?", hold=0, waiver="they asked")
    work(now())
    desk.world.message_as("mara", "It is\x00 12")
    result = desk.read()
    assert (result.stored, result.duplicate) == (1, 1)  # hers, and ours that came back
    message = Message.objects.get(is_incoming=True)
    assert (message.conversation, message.text, message.author, message.kind) == (
        conversation,
        "It is 12",
        conversation.author,
        "direct_message",
    )
    conversation.refresh_from_db()
    assert (conversation.status, conversation.private_waiting, conversation.excerpt) == ("open", True, "It is 12")


def test_private_message_of_a_stranger_opens_a_conversation(desk: Desk) -> None:
    desk.world.message_as("stranger", "Are you there?")
    desk.read()
    conversation = Conversation.objects.get()
    assert (conversation.author.username, conversation.private_waiting, conversation.account) == ("stranger", True, desk.account)


def test_private_message_after_resolving_opens_a_new_conversation(desk: Desk, sam: Agent) -> None:
    first = desk.conversation(author="mara")
    resolve_conversation(conversation_id=first.pk, agent=sam)
    desk.world.message_as("mara", "One more thing")
    desk.read()
    assert Message.objects.get().conversation != first


def test_message_that_is_delivered_again_is_stored_once(desk: Desk) -> None:
    message = MessageData("sandbox", "m1", "Hello", make_author("mara"), now())
    results = [take_in([], [message, message], source=desk.source) for _ in range(2)]
    assert [(result.stored, result.duplicate) for result in results] == [(1, 1), (0, 2)]
    assert Message.objects.count() == 1
    assert IntakeBatch.objects.count() == 2  # whose balance the database checks


def test_message_whose_parts_cannot_be_stored_as_they_are_keeps_no_other_from_coming(desk: Desk) -> None:
    """Whoever writes to us chooses their own name, and on some networks anything else too."""
    long = replace(make_author("mara"), display_name="M" * 300, username="mara\x00", bio="b" * 5000, followers=10**30, url="javascript:1")
    odd = [
        MessageData("sandbox", "m1", "Hel\x00lo", long, now()),
        MessageData("sandbox", "m2", "Hello", replace(make_author("ben"), username=""), now() + timedelta(minutes=5)),
        MessageData("sandbox", "m3" * 200, "Hello", make_author("cy"), now()),
        MessageData("sandbox", "m4", "Hello", replace(make_author("dee"), external_id="d\x00"), now()),
        MessageData("sandbox", "m5", "Hello", make_author("eli"), now() + timedelta(days=400)),
        MessageData("sandbox", "m6", "Hello", make_author("flo"), now()),
    ]
    result = take_in([make_post()], odd, source=desk.source, cursor="2")
    assert (result.seen, result.stored, len(result.rejected)) == (7, 4, 3)
    assert [rejection.index for rejection in result.rejected] == [3, 4, 5]
    assert sorted(Message.objects.values_list("external_id", "text")) == [("m1", "Hello"), ("m2", "Hello"), ("m6", "Hello")]
    assert Handle.objects.get(external_id=long.external_id).display_name == "M" * 200
    assert not Message.objects.filter(sent_at__gt=now()).exists()
    desk.source.refresh_from_db()
    assert desk.source.cursor == "2"


def test_message_that_a_colleague_wrote_elsewhere_is_our_answer(desk: Desk) -> None:
    at = now() - timedelta(minutes=5)
    mara = make_author("mara")
    incoming = MessageData("sandbox", "m1", "Hello?", mara, at)
    answer = MessageData("sandbox", "m2", "Hello Mara", mara, at + timedelta(minutes=1), outgoing=True)
    take_in([], [answer, incoming], source=desk.source)
    assert [(message.is_incoming, message.agent) for message in Message.objects.order_by("created_at")] == [(True, None), (False, None)]
    conversation = Conversation.objects.get()
    assert (conversation.status, conversation.private_waiting) == ("waiting", False)


def test_echo_that_is_faster_than_the_receipt_is_recognised(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    message = send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0, waiver="they asked")
    desk.world.faults.set("timeout_after_accept", 1.0)
    work(now())
    desk.world.faults.heal()
    result = desk.read()
    assert (result.stored, result.duplicate) == (0, 1)
    desk.world.faults.set("lookup_down", 1.0)
    work_off()
    assert desk.state(message) == "sent"
    assert Message.objects.count() == len(desk.world.messages_between("mara")) == 1


def test_open_private_message_is_settled_by_its_echo(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    message = send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0, waiver="they asked")
    desk.world.faults.set("timeout_after_accept", 1.0)
    desk.world.faults.set("lookup_down", 1.0)
    work_off(step=1000)
    assert desk.state(message) == "unconfirmed"
    desk.world.faults.heal()
    desk.read()
    assert sweep().settled == 1
    assert desk.state(message) == "sent"


def test_message_that_was_never_tried_is_not_taken_for_an_echo(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello", hold=60, waiver="they asked")
    by_hand = MessageData("sandbox", "m9", "Hello", make_author("mara", external_id=conversation.author.external_id), now(), outgoing=True)
    assert take_in([], [by_hand], source=desk.source).stored == 1
    assert Delivery.objects.get().state == "queued"


def test_echo_that_the_network_changed_gives_way_to_the_receipt(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    message = send_direct_message(conversation_id=conversation.pk, agent=sam, text="see https://example.org", hold=0, waiver="they asked")
    Delivery.objects.update(state="inflight", claim="c")
    author = make_author("mara", external_id=conversation.author.external_id)
    echo = MessageData("sandbox", "m7", "see short.example/x", author, now(), outgoing=True)
    assert take_in([], [echo], source=desk.source).stored == 1
    assert record_sent(message, Sent("m7", "", now()), claim="c")
    assert list(Message.objects.values_list("text", "external_id")) == [("see https://example.org", "m7")]
