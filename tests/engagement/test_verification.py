"""Codes and questions: in private only, stored hashed, worth little for a short time; and no public way for a living code."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from engagement.models import Delivery, Message, Notice, Verification
from engagement.services.checks import GivesCodeAway
from engagement.services.live_codes import LiveCodes, hash_code, live_codes, read_digits
from engagement.services.notices import deliver_notice
from engagement.services.outbound import NoConsent
from engagement.services.send import NotAcknowledged, send_direct_message, send_reply
from engagement.services.verification import (
    CODE_LASTS,
    MOST_TRIES,
    TooManyCodes,
    WrongCode,
    ask_verification_question,
    enter_code,
    judge_answer,
    send_verification_code,
    sweep_verifications,
)
from engagement.sms.console import ConsoleSender
from listening.models import Conversation
from profiles.models import Agent, ContactPoint, Medium
from profiles.services.contacts import record_contact_point
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from tests.engagement.calls import NUMBER, give_consent, open_day
from tests.engagement.desk import Desk, work
from tests.engagement.test_pane_views import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    open_day()
    found = desk.conversation("@tidewheel who am I?", author="mara")
    desk.world.follow("mara")
    return found


@pytest.fixture
def point(conversation: Conversation) -> ContactPoint:
    return record_contact_point(
        profile=conversation.author.profile, kind="phone", typed=NUMBER, state=ContactPoint.State.GIVEN, source="a test", region="GB"
    )


def send_code(conversation: Conversation, agent: Agent, **given: Any) -> tuple[Verification, str]:
    """A code that was sent by private message and delivered, and what it is."""
    verification = send_verification_code(conversation_id=conversation.pk, agent=agent, waiver="they asked in private", **given)
    text = Message.objects.get(agent=agent, request_key=verification.request_key).text
    work(now())
    found = re.search(r"\d{6}", text)
    assert found is not None
    return verification, found.group()


def other_code(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def test_code_goes_by_private_message_only_and_names_what_it_is_for(
    desk: Desk, conversation: Conversation, point: ContactPoint, sam: Agent
) -> None:
    verification, code = send_code(conversation, sam, contact_point_id=point.pk)
    (message,) = desk.world.messages_between("mara")
    assert code in message.text
    assert "•••• 140" in message.text
    assert "496" not in message.text.replace(code, "")  # which is drawn at random
    assert desk.answers(conversation) == []
    assert verification.expires_at - verification.created_at == timedelta(minutes=15)
    assert conversation.hops.get().reason == "verify"


def test_code_is_stored_hashed_and_leaves_the_text_once_it_is_delivered(
    conversation: Conversation, point: ContactPoint, sam: Agent
) -> None:
    verification, code = send_code(conversation, sam, contact_point_id=point.pk)
    assert code not in verification.code_hash
    assert verification.code_hash == hash_code(code, salt=verification.salt)
    assert sweep_verifications() == 1
    assert sweep_verifications() == 0
    assert code not in Message.objects.get().text
    assert "••••••" in Message.objects.get().text
    assert enter_code(verification_id=verification.pk, typed=code, agent=sam).state == "confirmed"


def test_code_stays_in_the_text_until_it_is_sent(conversation: Conversation, sam: Agent) -> None:
    send_verification_code(conversation_id=conversation.pk, agent=sam, waiver="they asked")
    assert sweep_verifications() == 0
    assert re.search(r"\d{6}", Message.objects.get().text)


def test_code_of_a_message_that_was_not_sent_is_worth_nothing(conversation: Conversation, sam: Agent) -> None:
    verification = send_verification_code(conversation_id=conversation.pk, agent=sam, waiver="they asked")
    Delivery.objects.update(state="failed")
    sweep_verifications()
    verification.refresh_from_db()
    assert verification.state == "failed"


def test_code_that_is_told_to_an_agent_verifies_how_when_and_by_whom(
    conversation: Conversation, point: ContactPoint, sam: Agent, ana: Agent
) -> None:
    verification, code = send_code(conversation, sam, contact_point_id=point.pk)
    enter_code(verification_id=verification.pk, typed=f" {code[:3]} {code[3:]} ", agent=ana)
    point.refresh_from_db()
    assert (point.state, point.verified_how, point.verified_by) == ("verified", "code by private message, told to an agent", ana)
    assert point.verified_at is not None
    with pytest.raises(Conflict):
        enter_code(verification_id=verification.pk, typed=code, agent=ana)


def test_private_message_that_is_exactly_the_code_confirms_by_itself(
    desk: Desk, conversation: Conversation, point: ContactPoint, sam: Agent
) -> None:
    verification, code = send_code(conversation, sam, contact_point_id=point.pk)
    desk.world.message_as("mara", f"It is {code}")
    desk.world.message_as("jo", code)
    desk.read()
    verification.refresh_from_db()
    assert verification.state == "live"
    desk.world.message_as("mara", f"{code}\n")
    desk.read()
    verification.refresh_from_db()
    point.refresh_from_db()
    assert (verification.state, verification.tries) == ("confirmed", 1)
    assert (point.state, point.verified_how, point.verified_by) == (
        "verified",
        "code by private message, answered in a private message",
        None,
    )


def test_account_itself_can_be_verified(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    verification, code = send_code(conversation, sam)
    desk.world.message_as("mara", code)
    desk.read()
    verification.refresh_from_db()
    assert (verification.state, verification.handle, verification.contact_point) == ("confirmed", conversation.author, None)


def test_code_by_text_message_goes_to_the_number_itself_with_consent_only(
    desk: Desk, conversation: Conversation, point: ContactPoint, sam: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NoConsent):
        send_verification_code(conversation_id=conversation.pk, agent=sam, contact_point_id=point.pk, by="sms")
    assert not Verification.objects.exists()
    give_consent(conversation.author.profile, Medium.SMS)
    sent: list[tuple[str, str]] = []

    def send(self: ConsoleSender, *, to: str, text: str) -> str:
        sent.append((to, text))
        return "id"

    monkeypatch.setattr(ConsoleSender, "send", send)
    verification = send_verification_code(conversation_id=conversation.pk, agent=sam, contact_point_id=point.pk, by="sms")
    deliver_notice(Notice.objects.get().pk)
    ((to, text),) = sent
    code = re.findall(r"\d{6}", text)[0]
    assert to == point.value
    sweep_verifications()
    assert code not in Notice.objects.get().text
    desk.world.message_as("mara", code)
    desk.read()
    point.refresh_from_db()
    verification.refresh_from_db()
    assert (point.state, point.verified_how) == ("verified", "code by text message, answered in a private message")


def test_code_by_email_goes_to_the_address_itself(conversation: Conversation, sam: Agent) -> None:
    consent = give_consent(conversation.author.profile, Medium.EMAIL)
    verification = send_verification_code(conversation_id=conversation.pk, agent=sam, contact_point_id=consent.contact_point_id, by="email")
    deliver_notice(Notice.objects.get().pk)
    code = re.findall(r"\d{6}", str(mail.outbox[0].body))[0]
    enter_code(verification_id=verification.pk, typed=code, agent=sam)
    consent.contact_point.refresh_from_db()
    assert consent.contact_point.verified_how == "code by e-mail, told to an agent"
    with pytest.raises(DeskError):
        send_verification_code(conversation_id=conversation.pk, agent=sam, contact_point_id=consent.contact_point_id, by="sms")


def test_code_is_worth_nothing_after_fifteen_minutes(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    verification, code = send_code(conversation, sam)
    with pytest.raises(Conflict):
        enter_code(verification_id=verification.pk, typed=code, agent=sam, now=verification.created_at + CODE_LASTS)
    Verification.objects.update(expires_at=now() - timedelta(seconds=1))
    desk.world.message_as("mara", code)
    desk.read()
    sweep_verifications()
    verification.refresh_from_db()
    assert verification.state == "expired"


def test_code_may_be_tried_five_times(conversation: Conversation, point: ContactPoint, sam: Agent) -> None:
    verification, code = send_code(conversation, sam, contact_point_id=point.pk)
    for left in reversed(range(MOST_TRIES)):
        with pytest.raises(WrongCode) as refused:
            enter_code(verification_id=verification.pk, typed=other_code(code), agent=sam)
        assert refused.value.extra == {"tries_left": left}
    with pytest.raises(Conflict):
        enter_code(verification_id=verification.pk, typed=code, agent=sam)
    point.refresh_from_db()
    assert point.state == "given"


def test_wrong_codes_in_private_messages_are_tries_too(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    verification, code = send_code(conversation, sam)
    for _ in range(MOST_TRIES):
        desk.world.message_as("mara", other_code(code))
    desk.world.message_as("mara", code)
    desk.read()
    verification.refresh_from_db()
    assert verification.state == "failed"


def test_newer_code_replaces_the_older_one(conversation: Conversation, sam: Agent) -> None:
    first, code = send_code(conversation, sam)
    send_code(conversation, sam)
    with pytest.raises(Conflict):
        enter_code(verification_id=first.pk, typed=code, agent=sam)


def test_customer_is_sent_three_codes_an_hour(conversation: Conversation, sam: Agent) -> None:
    for _ in range(3):
        send_code(conversation, sam)
    with pytest.raises(TooManyCodes):
        send_code(conversation, sam)
    Verification.objects.update(created_at=now() - timedelta(minutes=61))
    send_code(conversation, sam)


def test_refused_message_leaves_no_code_behind(conversation: Conversation, sam: Agent) -> None:
    with pytest.raises(NotAcknowledged):
        send_verification_code(conversation_id=conversation.pk, agent=sam)
    assert not Verification.objects.exists()
    assert not Message.objects.exists()


def test_contact_of_somebody_else_is_not_verified_here(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    other = desk.conversation(author="jo").author.profile
    theirs = record_contact_point(profile=other, kind="phone", typed=NUMBER, state="given", source="a test", region="GB")
    with pytest.raises(NotFound):
        send_verification_code(conversation_id=conversation.pk, agent=sam, contact_point_id=theirs.pk)


def test_question_goes_by_private_message_and_an_agent_judges_the_answer(
    desk: Desk, conversation: Conversation, point: ContactPoint, sam: Agent, ana: Agent
) -> None:
    asked = ask_verification_question(
        conversation_id=conversation.pk, agent=sam, question="Which colour has your bike?", contact_point_id=point.pk, waiver="they asked"
    )
    work(now())
    assert [message.text for message in desk.world.messages_between("mara")] == ["Which colour has your bike?"]
    assert desk.answers(conversation) == []
    judge_answer(verification_id=asked.pk, agent=ana, is_right=True)
    point.refresh_from_db()
    assert (point.state, point.verified_how, point.verified_by) == ("verified", "question in a private message, judged by an agent", ana)
    with pytest.raises(Conflict):
        judge_answer(verification_id=asked.pk, agent=ana, is_right=False)


def test_wrong_answer_verifies_nothing(conversation: Conversation, point: ContactPoint, sam: Agent) -> None:
    asked = ask_verification_question(
        conversation_id=conversation.pk, agent=sam, question="Which colour?", contact_point_id=point.pk, waiver="they asked"
    )
    assert judge_answer(verification_id=asked.pk, agent=sam, is_right=False).state == "failed"
    point.refresh_from_db()
    assert point.state == "given"


# --- There is no public way -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["reply", "public", "", "note", "phone"])
def test_no_service_sends_a_code_in_public(conversation: Conversation, point: ContactPoint, sam: Agent, by: str) -> None:
    with pytest.raises(DeskError):
        send_verification_code(conversation_id=conversation.pk, agent=sam, contact_point_id=point.pk, by=by)
    assert not Message.objects.exists()


def test_database_knows_no_public_way(conversation: Conversation, sam: Agent) -> None:
    verification, _ = send_code(conversation, sam)
    with pytest.raises(IntegrityError), transaction.atomic():
        Verification.objects.filter(pk=verification.pk).update(sent_by="reply")
    with pytest.raises(IntegrityError), transaction.atomic():
        Verification.objects.filter(pk=verification.pk).update(code_hash="")


def spellings(code: str) -> list[str]:
    wide = code.translate({ord(digit): ord("０") + int(digit) for digit in "0123456789"})
    arabic = code.translate({ord(digit): ord("٠") + int(digit) for digit in "0123456789"})
    return [
        code,
        f"Your code is {code}.",
        f"{code[:3]} {code[3:]}",
        "-".join(code),
        " . ".join(code),
        wide,
        arabic,
        f"\u200b{code[:2]}\u200b{code[2:]}",
        f"x9{code}7",
    ]


def test_public_draft_with_a_living_code_is_blocked_however_it_is_written(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    _, code = send_code(conversation, sam)
    for text in spellings(code):
        with pytest.raises(GivesCodeAway) as refused:
            send_reply(conversation_id=conversation.pk, agent=sam, text=text, hold=0)
        finding, *_ = refused.value.extra["findings"]
        assert (refused.value.code, refused.value.status, finding["kind"]) == ("guarded", 409, "live_code")
        assert read_digits("".join(character for character in text[finding["start"] : finding["end"]] if character.isdecimal())) == code
    work(now())
    assert desk.answers(conversation) == []


def test_public_draft_with_a_living_code_is_blocked_at_every_door(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    _, code = send_code(conversation, sam)
    client = client_of(sam)
    screen = client.post(f"/conversations/{conversation.pk}/send/", {"kind": "reply", "text": code}, headers={"HX-Request": "true"})
    api = client.post(f"/api/conversations/{conversation.pk}/reply/", {"text": code}, content_type="application/json")
    assert (screen.status_code, api.status_code, api.json()["code"]) == (409, 409, "guarded")
    assert not Message.objects.filter(kind="reply").exists()


def test_ended_code_other_numbers_and_private_messages_are_not_blocked(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    verification, code = send_code(conversation, sam)
    assert live_codes(conversation).spans_in(f"Order {other_code(code)} is on its way") == []
    send_direct_message(conversation_id=conversation.pk, agent=sam, text=f"The code was {code}", hold=0, waiver="they asked")
    enter_code(verification_id=verification.pk, typed=code, agent=sam)
    assert send_reply(conversation_id=conversation.pk, agent=sam, text=f"Thank you, {code} times.", hold=0)


@given(code=st.from_regex(r"[0-9]{6}", fullmatch=True), before=st.text(max_size=20), after=st.text(max_size=20))
def test_code_is_found_in_any_surrounding_text(code: str, before: str, after: str) -> None:
    codes = LiveCodes((("salt", hash_code(code, salt="salt")),))
    text = f"{before}{code}{after}"
    spans = codes.spans_in(text)
    assert (len(before), len(before) + 6) in spans
    assert all(0 <= start < end <= len(text) for start, end in spans)


@pytest.mark.parametrize("text", ["", "12345", "1234567", "123456 please", "a23456", "1" * 100_000, "123\u200b456"])
def test_only_six_digits_are_a_code(text: str) -> None:
    assert read_digits(text) == ""


# --- On the screen ---------------------------------------------------------------------------------------------------------


def test_contacts_show_no_whole_number_and_lead_to_the_acts(conversation: Conversation, point: ContactPoint, sam: Agent) -> None:
    client = client_of(sam)
    page = client.get(f"/conversations/{conversation.pk}/contacts/").content.decode()
    assert "•••• 140" in page
    assert "4960140" not in page.replace(" ", "")
    answer = client.post(
        f"/conversations/{conversation.pk}/verify/", {"by": "direct_message", "contact": point.pk, "waiver": "asked"}, follow=True
    )
    assert "A code is on its way by private message." in answer.content.decode()
    verification = Verification.objects.get()
    found = re.search(r"\d{6}", Message.objects.get().text)
    assert found is not None
    wrong = client.post(f"/verifications/{verification.pk}/enter/", {"code": other_code(found.group())}, headers={"HX-Request": "true"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "wrong_code")
    right = client.post(f"/verifications/{verification.pk}/enter/", {"code": found.group()}, headers={"HX-Request": "true"})
    assert right.status_code == 204
    assert ContactPoint.objects.get().state == "verified"


def test_contacts_are_for_those_who_answer(conversation: Conversation) -> None:
    assert Client().get(f"/conversations/{conversation.pk}/contacts/").status_code == 302
