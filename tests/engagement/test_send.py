"""Sending: what is checked, what is stored, which answers are refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, transaction

from engagement.models import Delivery, Draft, Message
from engagement.services.answers import AlreadyAnswered
from engagement.services.checks import AccountUnusable, NotFollowing
from engagement.services.delivery import undo_delivery
from engagement.services.drafts import read_drafts, save_draft
from engagement.services.send import RequestKeyReused, add_note, send_direct_message, send_reply
from listening.models import Mention
from listening.services.accounts import mark_revoked
from listening.services.conversations import claim_conversation, release_claim
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from tests.engagement.desk import Desk, work
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db


def test_reply_is_stored_with_its_delivery_and_held_back(desk: Desk, sam: Agent) -> None:
    mention, began = desk.mention(), now()
    message = send_reply(conversation_id=mention.conversation_id or 0, agent=sam, text="  On its way.\r\nSorry!  ", hold=8)
    assert message.text == "On its way.\nSorry!"
    assert (message.mention, message.answer_number, message.account) == (mention, 1, desk.account)
    delivery = Delivery.objects.get(message=message)
    assert delivery.state == "queued"
    assert began <= delivery.not_before - timedelta(seconds=8) <= now()
    assert desk.answers(mention) == []


def test_hold_lasts_as_long_as_undo_if_none_is_given(desk: Desk, sam: Agent) -> None:
    conversation, began = desk.conversation(), now()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello")
    assert began <= message.delivery.not_before - timedelta(seconds=8) <= now()


@pytest.mark.parametrize("hold", [-1, 3601, float("nan"), float("inf")])
def test_senseless_hold_is_refused(desk: Desk, sam: Agent, hold: float) -> None:
    with pytest.raises(DeskError, match="held back"):
        send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Hello", hold=hold)


@pytest.mark.parametrize("text", ["", "  \n", "\x00\x07", "\u200b\u200d", "\u202e"])
def test_text_that_shows_nothing_is_refused(desk: Desk, sam: Agent, text: str) -> None:
    conversation = desk.conversation()
    with pytest.raises(DeskError, match="nothing to send"):
        send_reply(conversation_id=conversation.pk, agent=sam, text=text)
    with pytest.raises(DeskError, match="nothing to send"):
        add_note(conversation_id=conversation.pk, agent=sam, text=text)
    assert not Message.objects.exists()


def test_length_is_that_of_the_network(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    with pytest.raises(DeskError, match="1 characters too long: 501 of 500") as refusal:
        send_reply(conversation_id=conversation.pk, agent=sam, text="x" * 501)
    assert refusal.value.extra == {"length": 501, "limit": 500, "unit": "codepoints"}
    assert send_reply(conversation_id=conversation.pk, agent=sam, text="é" * 500).pk


def test_enormous_text_is_refused_and_not_cut(desk: Desk, sam: Agent) -> None:
    with pytest.raises(DeskError, match="Shorten"):
        add_note(conversation_id=desk.conversation().pk, agent=sam, text="x" * 10_000_000)
    assert not Message.objects.exists()


def test_network_without_connector_cannot_be_answered(sam: Agent) -> None:
    conversation = make_conversation(network="web")
    with pytest.raises(DeskError, match="Web reviews cannot be answered from this desk"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="Hello")


@pytest.mark.parametrize("role", [Role.MARKETING, Role.MANAGER])
def test_roles_that_only_read_write_notes_and_nothing_else(desk: Desk, role: str) -> None:
    conversation, reader = desk.conversation(), make_agent(role)
    with pytest.raises(NotAllowed):
        send_reply(conversation_id=conversation.pk, agent=reader, text="Hello")
    with pytest.raises(NotAllowed):
        send_direct_message(conversation_id=conversation.pk, agent=reader, text="Hello", waiver="they asked")
    assert add_note(conversation_id=conversation.pk, agent=reader, text="Nice post").kind == "note"


def test_unknown_conversation_and_foreign_mention_are_named(desk: Desk, sam: Agent) -> None:
    conversation, other = desk.conversation(), desk.mention()
    with pytest.raises(NotFound, match="no such conversation"):
        send_reply(conversation_id=10**15, agent=sam, text="Hello")
    with pytest.raises(NotFound, match="no such conversation"):
        add_note(conversation_id=10**15, agent=sam, text="Hello")
    with pytest.raises(NotFound, match="not part of this conversation"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", mention_id=other.pk)


def test_newest_post_that_stands_is_answered_and_a_deleted_one_is_not(desk: Desk, sam: Agent) -> None:
    first = desk.mention("@tidewheel one", author="mara")
    second = desk.mention("@tidewheel two", author="mara")
    third = desk.mention("@tidewheel three", author="mara")
    assert first.conversation_id == third.conversation_id is not None
    Mention.objects.filter(pk=third.pk).update(deleted_at=now())
    assert send_reply(conversation_id=third.conversation_id, agent=sam, text="Hello").mention_id == second.pk
    with pytest.raises(Conflict, match="deleted by its author"):
        send_reply(conversation_id=third.conversation_id, agent=sam, text="Hello", mention_id=third.pk)


def test_revoked_account_refuses_and_keeps_the_text(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    mark_revoked(account_id=desk.account.pk, reason="The sandbox answered 401.")
    with pytest.raises(AccountUnusable, match=r"has to be connected again .*401.*Your text is kept"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="Long and careful")
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "Long and careful"}
    assert not Message.objects.exists()


def test_claim_is_taken_and_anothers_is_respected(desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation()
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    with pytest.raises(Conflict) as refusal:
        send_reply(conversation_id=conversation.pk, agent=sam, text="Hello")
    assert refusal.value.code == "claimed"
    send_reply(conversation_id=conversation.pk, agent=ana, text="Hello")
    conversation.refresh_from_db()
    assert (conversation.claimed_by, conversation.assignee, conversation.status) == (ana, ana, "open")


# --- Second answers -----------------------------------------------------------------------------------------------------


def answer(conversation_id: int, agent: Agent, text: str = "Hello", *, answer_seen: int = 0) -> Message:
    message = send_reply(conversation_id=conversation_id, agent=agent, text=text, hold=60, answer_seen=answer_seen)
    release_claim(conversation_id=conversation_id, agent=agent)
    return message


def test_second_answer_is_refused_with_the_first(desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation()
    first = answer(conversation.pk, ana, "It comes today")
    with pytest.raises(AlreadyAnswered, match="Ana answered this already") as refusal:
        answer(conversation.pk, sam)
    shown = refusal.value.extra
    assert shown["answer_seen"] == 1
    assert [(one["id"], one["agent"], one["text"], one["state"]) for one in shown["answers"]] == [
        (first.pk, "Ana", "It comes today", "queued")
    ]


def test_second_answer_is_let_in_by_who_saw_the_first_but_not_by_who_claims_to_have_seen_more(desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation()
    answer(conversation.pk, ana)
    for unseen in (0, 2, 99):
        with pytest.raises(AlreadyAnswered):
            answer(conversation.pk, sam, answer_seen=unseen)
    assert answer(conversation.pk, sam, answer_seen=1).answer_number == 2
    with pytest.raises(AlreadyAnswered):
        answer(conversation.pk, ana, answer_seen=1)


def test_answer_that_does_not_exist_cannot_have_been_seen(desk: Desk, sam: Agent) -> None:
    with pytest.raises(AlreadyAnswered, match="does not exist"):
        answer(desk.conversation().pk, sam, answer_seen=1)


@pytest.mark.parametrize("state", ["queued", "inflight", "awaiting_retry", "sent", "unconfirmed"])
def test_answer_that_may_be_there_counts(desk: Desk, sam: Agent, ana: Agent, state: str) -> None:
    conversation = desk.conversation()
    Delivery.objects.filter(message=answer(conversation.pk, ana)).update(state=state)
    with pytest.raises(AlreadyAnswered):
        answer(conversation.pk, sam)


@pytest.mark.parametrize("state", ["aborted", "failed"])
def test_answer_that_is_certainly_not_there_does_not_count_and_its_number_is_not_used_again(
    desk: Desk, sam: Agent, ana: Agent, state: str
) -> None:
    conversation = desk.conversation()
    Delivery.objects.filter(message=answer(conversation.pk, ana)).update(state=state)
    second = answer(conversation.pk, sam)
    assert second.answer_number == 2
    with pytest.raises(AlreadyAnswered):
        answer(conversation.pk, ana, answer_seen=1)  # what ana saw is gone; this one she did not see


def test_customer_can_be_answered_again_after_undo(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    undo_delivery(message_id=answer(conversation.pk, sam, "With a tpyo").pk, agent=sam)
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "With a tpyo"}
    message = answer(conversation.pk, sam, "Without a typo")
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {}
    work(now() + timedelta(seconds=61))
    assert [post.text for post in desk.answers(conversation)] == ["Without a typo"]
    assert desk.state(message) == "sent"


def test_database_itself_refuses_two_answers_with_one_number(desk: Desk, sam: Agent) -> None:
    message = answer(desk.conversation().pk, sam)
    twin = Message(conversation=message.conversation, kind="reply", text="x", mention=message.mention, answer_number=1, created_at=now())
    with pytest.raises(IntegrityError), transaction.atomic():
        twin.save()


def test_another_post_of_the_same_customer_can_be_answered(desk: Desk, sam: Agent, ana: Agent) -> None:
    first = desk.mention("@tidewheel one", author="mara")
    answer(first.conversation_id or 0, ana)
    second = desk.mention("@tidewheel and two", author="mara")
    assert second.conversation_id == first.conversation_id
    assert answer(second.conversation_id or 0, sam).mention == second


# --- One press of Send --------------------------------------------------------------------------------------------------


def test_double_click_gives_one_message(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    for send in (send_reply, send_direct_message):
        key = send.__name__
        first = send(conversation_id=conversation.pk, agent=sam, text=" Hello ", request_key=key)
        assert send(conversation_id=conversation.pk, agent=sam, text="Hello", request_key=key) == first
    note = add_note(conversation_id=conversation.pk, agent=sam, text="Hello", request_key="note")
    assert add_note(conversation_id=conversation.pk, agent=sam, text="Hello", request_key="note") == note
    assert (Message.objects.count(), Delivery.objects.count()) == (3, 2)


def test_second_press_gives_the_message_also_after_it_was_sent_and_the_account_revoked(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    first = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", request_key="k", hold=0)
    work(now())
    mark_revoked(account_id=desk.account.pk, reason="401")
    assert send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", request_key="k", hold=0) == first
    assert len(desk.answers(conversation)) == 1


def test_request_key_with_something_else_is_refused(desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation, other = desk.conversation(), desk.conversation()
    send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", request_key="k")
    with pytest.raises(RequestKeyReused):
        send_reply(conversation_id=conversation.pk, agent=sam, text="Goodbye", request_key="k")
    with pytest.raises(RequestKeyReused):
        send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello", request_key="k", waiver="they asked")
    with pytest.raises(RequestKeyReused):
        send_reply(conversation_id=other.pk, agent=sam, text="Hello", request_key="k")
    with pytest.raises(DeskError, match="at most 64"):
        send_reply(conversation_id=other.pk, agent=sam, text="Hello", request_key="k" * 65)
    assert send_reply(conversation_id=other.pk, agent=ana, text="Hello", request_key="k").agent == ana


def test_press_that_arrives_again_after_undo_sends_nothing(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", request_key="k", hold=60)
    undo_delivery(message_id=message.pk, agent=sam)
    with pytest.raises(RequestKeyReused, match="taken back"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", request_key="k", hold=60)


# --- Private messages and notes -----------------------------------------------------------------------------------------


def test_private_message_to_somebody_who_does_not_follow_is_refused_with_the_way_out(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    type(conversation.author).objects.update(follows_us=False)
    with pytest.raises(NotFollowing, match="Ask them publicly to follow us first"):
        send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello", waiver="they asked")
    desk.world.message_as("mara", "Psst")
    desk.read()
    assert send_direct_message(conversation_id=conversation.pk, agent=sam, text="Hello", waiver="they asked").kind == "direct_message"


def test_private_message_reaches_the_author(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    message = send_direct_message(
        conversation_id=conversation.pk, agent=sam, text="Your order number, please?", hold=0, waiver="they asked"
    )
    work(now())
    assert [one.text for one in desk.world.messages_between("mara")] == ["Your order number, please?"]
    message.refresh_from_db()
    assert message.external_id
    assert message.sent_at is not None
    conversation.refresh_from_db()
    assert conversation.status == "waiting"


def test_note_has_no_delivery_and_no_network(desk: Desk, sam: Agent) -> None:
    note = add_note(conversation_id=desk.conversation().pk, agent=sam, text="Carrier confirms a delay")
    assert (note.network, note.external_id, note.account) == ("", "", None)
    with pytest.raises(ObjectDoesNotExist):
        note.delivery  # noqa: B018


def test_note_changes_nothing_but_the_thread(desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation()
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    before = type(conversation).objects.values().get(pk=conversation.pk)
    add_note(conversation_id=conversation.pk, agent=sam, text="Hello")
    assert type(conversation).objects.values().get(pk=conversation.pk) == before


# --- Drafts -------------------------------------------------------------------------------------------------------------


def test_drafts_are_kept_per_agent_and_kind_until_sent(desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation()
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="Dear")
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="Dear Mara")
    save_draft(agent=sam, conversation_id=conversation.pk, kind="note", text="hm")
    save_draft(agent=ana, conversation_id=conversation.pk, kind="reply", text="Hi")
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "Dear Mara", "note": "hm"}
    save_draft(agent=sam, conversation_id=conversation.pk, kind="note", text=" ")
    send_reply(conversation_id=conversation.pk, agent=sam, text="Dear Mara")
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {}
    assert Draft.objects.get().text == "Hi"
    with pytest.raises(DeskError, match="no kind of message"):
        save_draft(agent=sam, conversation_id=conversation.pk, kind="tweet", text="x")


def test_undo_puts_the_text_before_what_was_typed_since(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="First")
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="Second")
    undo_delivery(message_id=message.pk, agent=sam)
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "First\n\nSecond"}
