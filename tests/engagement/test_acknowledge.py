"""The acknowledgement: what counts as one, and the one that a single key sends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagement.models import Company, Delivery, Draft, Message, Promise, TemplateUse
from engagement.services.acknowledge import is_acknowledged
from engagement.services.answers import AlreadyAnswered
from engagement.services.approvals import approve_reply
from engagement.services.delivery import decide_unconfirmed, undo_delivery
from engagement.services.drafts import save_draft
from engagement.services.policy import save_policy
from engagement.services.promises import acknowledge, settle_promises
from engagement.services.send import add_note, send_direct_message, send_reply
from listening.feed import Filters, count_views, find_conversations
from listening.models import Conversation, ConversationEvent
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotAllowed
from tests.engagement.desk import Desk, work
from tests.engagement.texts import make_template, message_of
from tests.factories import make_agent

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
    send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello in private", hold=0, waiver="They asked")
    assert not is_acknowledged(conversation)
    desk.world.message_as("mara", "Hello, it is about my bike")
    desk.read()
    assert is_acknowledged(conversation)


def test_it_is_one_query(desk: Desk) -> None:
    conversation = desk.conversation()
    with CaptureQueriesContext(connection) as queries:
        is_acknowledged(conversation)
    assert len(queries) == 1


# --- By one key ---------------------------------------------------------------------------------------------------------


def acknowledged(desk: Desk, agent: Agent, **options: Any) -> Conversation:
    """A conversation whose acknowledgement has reached the network."""
    conversation = desk.conversation(author="mara")
    acknowledge(conversation_id=conversation.pk, agent=agent, hold=0, **options)
    work(now())
    conversation.refresh_from_db()
    return conversation


def test_it_says_when_we_answer_and_stops_only_its_own_clock(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = acknowledged(desk, sam, promise_minutes=120)
    [answer] = desk.answers(conversation)
    assert answer.text == "We have seen this, mara. You hear from us here within 2 hours. Sam"
    assert conversation.acknowledged_at == answer.posted_at
    assert conversation.first_answered_at is None
    assert conversation.last_answered_at is None
    assert conversation.due_kind == "first"
    assert conversation.status == "open"
    assert conversation.unanswered == 1
    assert conversation.promise_due_at == answer.posted_at + timedelta(hours=2)
    kinds = ConversationEvent.objects.values_list("kind", flat=True)
    assert "acknowledged" in kinds
    assert "answered" not in kinds
    use = TemplateUse.objects.get()
    assert (use.is_edited, use.agent) == (False, sam)


def test_reading_it_back_before_its_receipt_makes_it_no_answer(desk: Desk, sam: Agent) -> None:
    make_template()
    mention = desk.mention()
    conversation = mention.conversation
    assert conversation is not None
    message = message_of(acknowledge(conversation_id=conversation.pk, agent=sam, hold=0))
    # The network took it; the worker died before it could write that down.
    desk.world.reply_as("tidewheel", mention.external_id, message.text)
    desk.read()
    conversation.refresh_from_db()
    assert conversation.acknowledged_at is not None
    assert conversation.first_answered_at is None
    assert conversation.status == "open"
    Delivery.objects.update(state="unconfirmed", must_look=True)
    decide_unconfirmed(message_id=message.pk, agent=sam, decision="sent")
    conversation.refresh_from_db()
    assert len(desk.answers(conversation)) == 1
    assert conversation.first_answered_at is None
    assert conversation.promise_due_at is not None


def test_pressing_twice_sends_once(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = desk.conversation()
    first = acknowledge(conversation_id=conversation.pk, agent=sam, hold=0)
    second = acknowledge(conversation_id=conversation.pk, agent=sam, hold=0)
    assert (first.is_new, second.is_new) == (True, False)
    assert first.message == second.message
    assert Message.objects.count() == Promise.objects.count() == 1


def test_what_somebody_answered_is_not_acknowledged_after_it(desk: Desk, sam: Agent, ana: Agent) -> None:
    make_template()
    conversation = desk.conversation()
    send_reply(conversation_id=conversation.pk, agent=sam, text="All is well.", hold=0)
    with pytest.raises(AlreadyAnswered):
        acknowledge(conversation_id=conversation.pk, agent=sam, hold=0)
    other = desk.conversation("@tidewheel another")
    acknowledge(conversation_id=other.pk, agent=sam, hold=0)
    Conversation.objects.update(claimed_by=None, claimed_until=None)
    with pytest.raises(AlreadyAnswered):
        acknowledge(conversation_id=other.pk, agent=ana, hold=0)


def test_the_answer_keeps_the_promise(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = acknowledged(desk, sam)
    assert settle_promises() == 0
    mention = conversation.mentions.get(is_own=False)
    send_reply(conversation_id=conversation.pk, agent=sam, text="It is on its way.", answer_seen=1, hold=0)
    work(now())
    conversation.refresh_from_db()
    assert conversation.promise_due_at is None
    assert conversation.first_answered_at is not None
    assert conversation.status == "waiting"
    assert settle_promises() == 1
    assert Promise.objects.get().kept_at == conversation.last_answered_at
    assert len(desk.world.replies_to(mention.external_id)) == 2


def test_an_answer_given_outside_the_desk_keeps_it_too(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = acknowledged(desk, sam)
    desk.world.reply_as("tidewheel", conversation.mentions.get(is_own=False).external_id, "Sorted.")
    desk.read()
    conversation.refresh_from_db()
    assert conversation.promise_due_at is None
    assert settle_promises() == 1


def test_one_that_is_taken_back_promises_nothing_and_leaves_the_draft_alone(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = desk.conversation()
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="I was writing this")
    message = message_of(acknowledge(conversation_id=conversation.pk, agent=sam, hold=60))
    undo_delivery(message_id=message.pk, agent=sam)
    assert Draft.objects.get().text == "I was writing this"
    conversation.refresh_from_db()
    assert conversation.promise_due_at is None
    assert not is_acknowledged(conversation)
    again = acknowledge(conversation_id=conversation.pk, agent=sam, hold=0)
    assert again.is_new


def test_promises_that_are_due_are_listed_and_counted(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = acknowledged(desk, sam, promise_minutes=60)

    def listed() -> list[int]:
        return [found.pk for found in find_conversations(agent=sam, filters=Filters(view="promises"))]

    assert listed() == []
    Conversation.objects.update(promise_due_at=now() - timedelta(minutes=1))
    assert listed() == [conversation.pk]
    assert count_views(sam)["promises"] == 1


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("de", "@tidewheel mein Fahrrad ist schon wieder nicht gekommen", "innerhalb von 2 Stunden"),
        ("fr", "@tidewheel mon vélo n'est toujours pas arrivé ce matin", "dans les 2 heures"),
        ("ar", "@tidewheel الدراجة لم تصل حتى الآن وأنا أنتظر", "خلال ساعتين"),
        ("en", "@tidewheel minha bicicleta ainda não chegou, estou esperando", "within 2 hours"),
    ],
)
def test_it_is_said_in_the_customers_language_or_in_english(desk: Desk, sam: Agent, language: str, text: str, words: str) -> None:
    make_template(**{code: f"[{code}] {{due}}" for code in ("en", "de", "fr", "ar")})
    message = message_of(acknowledge(conversation_id=desk.conversation(text).pk, agent=sam, promise_minutes=120, hold=0))
    assert message.text == f"[{language}] {words}"


def test_one_that_is_too_long_for_the_network_is_passed_over(desk: Desk, sam: Agent) -> None:
    make_template(name="Long", en="x" * 600 + " {due}")
    conversation = desk.conversation()
    with pytest.raises(DeskError, match="No acknowledgement fits here"):
        acknowledge(conversation_id=conversation.pk, agent=sam)
    make_template(name="Short", en="We are on it {due}")
    assert message_of(acknowledge(conversation_id=conversation.pk, agent=sam)).text == "We are on it within 2 hours"


def test_who_does_not_answer_does_not_acknowledge_and_nobody_promises_nonsense(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = desk.conversation()
    with pytest.raises(NotAllowed):
        acknowledge(conversation_id=conversation.pk, agent=make_agent("marketing"))
    for minutes in (0, 4, 10081):
        with pytest.raises(DeskError, match="Promise an answer in"):
            acknowledge(conversation_id=conversation.pk, agent=sam, promise_minutes=minutes)
    assert not Message.objects.exists()


def test_where_a_lead_reads_first_the_acknowledgement_waits_and_promises_when_it_goes_out(desk: Desk, sam: Agent) -> None:
    make_template()
    lena = make_agent("lead", username="lena")
    save_policy(agent=lena, brake_after=3, cooling_minutes=10, require_certificate=True)
    conversation = desk.conversation()
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="I was writing this")
    said = acknowledge(conversation_id=conversation.pk, agent=sam, promise_minutes=60)
    assert said.message is None
    assert said.approval is not None
    assert not Message.objects.exists()
    assert Draft.objects.get().text == "I was writing this"
    approve_reply(approval_id=said.approval.pk, agent=lena)
    message = Message.objects.get()
    assert (message.promise.minutes, message.agent) == (60, sam)
    work(message.delivery.not_before)
    conversation.refresh_from_db()
    assert conversation.promise_due_at is not None
    assert conversation.first_answered_at is None
    assert TemplateUse.objects.count() == 1


def test_the_companys_name_is_the_one_in_the_settings_once_it_is_there(desk: Desk, sam: Agent) -> None:
    make_template(en="{company}: you hear from us {due}")
    Company.objects.create(pk=1, name="Tide & Sons")
    message = message_of(acknowledge(conversation_id=desk.conversation().pk, agent=sam))
    assert message.text == "Tide & Sons: you hear from us within 2 hours"
