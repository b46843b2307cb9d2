"""Many hands at one draft or one heated thread, each on a thread with a connection of its own."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from rest_framework.test import APIClient

from engagement.models import Approval, Delivery, Message
from engagement.services.answers import AlreadyAnswered
from engagement.services.approvals import Decided, DraftWaits, approve_reply, decline_reply, submit_reply, withdraw_reply
from engagement.services.drafts import read_drafts
from engagement.services.send import send_reply
from listening.models import Conversation
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict
from tests.engagement.desk import Desk, work, work_off
from tests.engagement.heated import anger, angry_conversation, make_rule
from tests.engagement.threads import at_once
from tests.factories import make_agent

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 6


@pytest.fixture
def leads(db: None) -> list[Agent]:
    return [make_agent(Role.LEAD, username=name) for name in ("lena", "otto", "pia")]


@pytest.fixture(autouse=True)
def _rule(leads: list[Agent]) -> None:
    make_rule("approval", "Refunds", lead=leads[0], query="refund")


def draft(desk: Desk, agent: Agent, text: str = "On its way") -> Approval:
    submitted = submit_reply(conversation_id=desk.conversation("@tidewheel my refund?").pk, agent=agent, text=text)
    assert isinstance(submitted, Approval)
    return submitted


def kinds(results: list[Any]) -> list[str]:
    """How it went, for each: the state it ended in, or the code of the refusal."""
    assert all(isinstance(result, Approval | Message | Conflict) for result in results), results
    return sorted(result.code if isinstance(result, Conflict) else getattr(result, "state", "stored") for result in results)


def test_approvers_and_double_clicks_at_once_send_exactly_one(desk: Desk, sam: Agent, leads: list[Agent]) -> None:
    for _ in range(ROUNDS):
        approval = draft(desk, sam)
        results = at_once([partial(approve_reply, approval_id=approval.pk, agent=lead) for lead in leads for _ in range(3)])
        assert set(kinds(results)) <= {"approved", "already_decided"}
        assert kinds(results).count("approved") == 3  # the one lead who was first, three times over
        assert Message.objects.filter(conversation=approval.conversation).count() == 1
        work_off()
        assert len(desk.answers(approval.conversation)) == 1


def test_approve_decline_and_withdraw_at_once_exactly_one_wins(desk: Desk, sam: Agent, leads: list[Agent]) -> None:
    ended = []
    for _ in range(ROUNDS):
        approval = draft(desk, sam)
        results = at_once(
            [
                partial(approve_reply, approval_id=approval.pk, agent=leads[0]),
                partial(decline_reply, approval_id=approval.pk, agent=leads[1]),
                partial(withdraw_reply, approval_id=approval.pk, agent=sam),
            ]
        )
        assert sum(isinstance(result, Decided) for result in results) == 2
        approval.refresh_from_db()
        ended.append(approval.state)
        work_off()
        drafts = read_drafts(agent=sam, conversation_id=approval.conversation_id)
        if approval.state == "approved":
            assert (len(desk.answers(approval.conversation)), drafts) == (1, {})
        else:
            assert (len(desk.answers(approval.conversation)), drafts) == (0, {"reply": "On its way"})
    assert set(ended) <= {"approved", "declined", "withdrawn"}


def test_approving_while_the_post_gets_another_answer_never_sends_both_unseen(desk: Desk, sam: Agent, leads: list[Agent]) -> None:
    for _ in range(ROUNDS):
        approval = draft(desk, sam)
        Conversation.objects.update(claimed_by=None, claimed_until=None)
        results = at_once(
            [
                partial(approve_reply, approval_id=approval.pk, agent=leads[0]),
                partial(send_reply, conversation_id=approval.conversation_id, agent=leads[1], text="From a lead", hold=0),
            ]
        )
        assert sum(isinstance(result, Conflict) for result in results) == 1, results
        approval.refresh_from_db()
        assert (approval.state == "pending") == (approval.message is None)
        work_off()
        assert len(desk.answers(approval.conversation)) == 1


def test_one_press_of_send_that_arrives_many_times_stores_one_draft(desk: Desk, sam: Agent) -> None:
    for attempt in range(ROUNDS):
        conversation = desk.conversation("@tidewheel refund")
        press = partial(submit_reply, conversation_id=conversation.pk, agent=sam, text="Hello", request_key=f"k{attempt}")
        results = at_once([press] * 6)
        assert kinds(results) == ["pending"] * 6
        assert Approval.objects.filter(conversation=conversation).count() == 1


def test_two_drafts_of_one_agent_at_once_leave_one_waiting(desk: Desk, sam: Agent) -> None:
    for _ in range(ROUNDS):
        conversation = desk.conversation("@tidewheel refund")
        results = at_once(
            [partial(submit_reply, conversation_id=conversation.pk, agent=sam, text=text) for text in ("One", "Two", "Three")]
        )
        assert sum(isinstance(result, DraftWaits) for result in results) == 2
        assert Approval.objects.filter(conversation=conversation, state="pending").count() == 1


def test_submitting_again_while_the_first_draft_is_decided_blocks_nobody(desk: Desk, sam: Agent, leads: list[Agent]) -> None:
    for _ in range(ROUNDS):
        approval = draft(desk, sam)
        results = at_once(
            [
                partial(decline_reply, approval_id=approval.pk, agent=leads[0]),
                partial(submit_reply, conversation_id=approval.conversation_id, agent=sam, text="A better one"),
            ]
        )
        assert isinstance(results[0], Approval)
        assert isinstance(results[1], Approval | DraftWaits)


# --- The brake ----------------------------------------------------------------------------------------------------------


def press_send(client: APIClient, conversation: Conversation, text: str) -> str:
    """One person's press of Send over the API, accepting whatever was answered before. Returns how it went."""
    seen = 0
    for _ in range(20):
        body = {"text": text, "answer_seen": seen}
        answer = client.post(f"/api/conversations/{conversation.pk}/reply/", body, format="json")
        said = answer.json()
        if answer.status_code == 409 and said["code"] == "already_answered":
            seen = said["answer_seen"]
            continue
        if answer.status_code == 409 and said["code"] == "closing_line_only":
            text = said["closing_line"]
            continue
        return "sent" if answer.status_code == 201 else str(said["code"])
    return "gave up"


def test_a_hostile_thread_never_gets_more_public_answers_than_the_brake_allows(desk: Desk, leads: list[Agent]) -> None:
    """Six agents and a lead answer at once, round after round, and each draft is approved: at most three and three more go public."""
    clients = []
    for agent in [make_agent(username=f"agent{number}") for number in range(6)] + leads[:1]:
        client = APIClient()
        client.force_authenticate(agent)
        clients.append(client)
    conversation = angry_conversation(desk)
    went: list[str] = []
    moment = now()
    for number in range(12):
        # Nobody waits for a claim here: whoever is refused by it would only try again.
        Conversation.objects.filter(pk=conversation.pk).update(claimed_by=None, claimed_until=None)
        went += at_once([partial(press_send, client, conversation, f"Answer {number} of {place}") for place, client in enumerate(clients)])
        for approval in Approval.objects.filter(state="pending"):
            Conversation.objects.filter(pk=conversation.pk).update(claimed_by=None, claimed_until=None)
            last = Message.objects.filter(mention=approval.mention_id).order_by("-answer_number").first()
            try:
                approve_reply(approval_id=approval.pk, agent=leads[1], answer_seen=last.answer_number if last else 0)
                went.append("approved")
            except Conflict as refusal:
                went.append(refusal.code)
                decline_reply(approval_id=approval.pk, agent=leads[1])
        moment += timedelta(minutes=15)  # what cooled down goes out
        work(moment)
        anger(desk)
    assert len(desk.answers_of_thread(conversation)) == 6
    assert Delivery.objects.filter(kind="reply", state="sent").count() == 6
    assert Message.objects.filter(is_closing_line=True).count() == 1
    assert {"sent", "brake_closed"} <= set(went)
    assert not Delivery.objects.exclude(state__in=["sent"]).exists()


def test_agents_who_answer_at_once_share_one_count(desk: Desk) -> None:
    conversation = angry_conversation(desk)
    agents = [make_agent() for _ in range(8)]

    def send(agent: Agent) -> Message | None:
        seen = 0
        while True:
            Conversation.objects.filter(pk=conversation.pk).update(claimed_by=None, claimed_until=None)
            try:
                return send_reply(conversation_id=conversation.pk, agent=agent, text=f"From {agent.name}", hold=0, answer_seen=seen)
            except AlreadyAnswered as refusal:
                seen = refusal.extra["answer_seen"]
            except Conflict as refusal:
                if refusal.code != "claimed":
                    return None

    at_once([partial(send, agent) for agent in agents])
    assert Delivery.objects.filter(hold_reason="").count() == 3
    assert Delivery.objects.exclude(hold_reason="").count() == 1
