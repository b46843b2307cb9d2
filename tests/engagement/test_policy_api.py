"""The REST doors over rules' refusals, drafts for a lead and the brake, as a program meets them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from engagement.models import Approval, Message
from engagement.services.brake import CLOSING_LINES
from listening.services.conversations import release_claim
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk, work_off
from tests.engagement.heated import anger, angry_conversation, answer, make_rule
from tests.engagement.test_api import client_of, url
from tests.factories import make_agent
from tests.listening.pages import make_topic

pytestmark = pytest.mark.django_db


@pytest.fixture
def lena(db: None) -> Agent:
    return make_agent(Role.LEAD, username="lena")


@pytest.fixture
def lead(lena: Agent) -> APIClient:
    return client_of(lena)


@pytest.fixture
def agent(sam: Agent) -> APIClient:
    return client_of(sam)


@pytest.fixture
def waiting(desk: Desk, agent: APIClient, lena: Agent) -> dict[str, Any]:
    """The approval of a reply that needs a lead, as the API gave it."""
    make_rule("approval", "Refunds", lead=lena, query="refund")
    given = agent.post(url(desk.conversation("@tidewheel my refund?"), "reply"), {"text": "On its way"}, format="json")
    assert given.status_code == 202, given.json()
    approval: dict[str, Any] = given.json()["approval"]
    return approval


def decide(client: APIClient, approval: dict[str, Any], act: str, **body: Any) -> Any:
    return client.post(f"/api/approvals/{approval['id']}/{act}/", body, format="json")


def test_a_reply_that_needs_a_lead_is_answered_202_with_its_approval(desk: Desk, agent: APIClient, sam: Agent, lena: Agent) -> None:
    make_rule("approval", "Wide reach", lead=lena, query="min_followers:10000")
    mention = desk.mention(author="press")
    type(mention.author).objects.update(followers=40_000)
    answers = [
        agent.post(url(mention.conversation_id, "reply"), {"text": "Hello"}, format="json", headers={"Idempotency-Key": "once"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [202, 202]
    body = answers[0].json()
    assert answers[1].json()["approval"]["id"] == body["approval"]["id"]
    assert body["code"] == "waiting_for_approval"
    assert body["detail"] == "A lead reads it first: seen by 40k followers (rule “Wide reach”)."
    expected = {"conversation": mention.conversation_id, "mention": mention.pk, "state": "pending", "text": "Hello", "message": None}
    assert {name: body["approval"][name] for name in expected} == expected
    assert body["approval"]["agent"] == {"id": sam.pk, "username": "sam", "name": "Sam"}
    second = agent.post(url(mention.conversation_id, "reply"), {"text": "Another"}, format="json")
    assert (second.status_code, second.json()["code"]) == (409, "approval_pending")
    work_off()
    assert desk.answers(mention) == []


def test_a_lead_approves_over_the_api_once(desk: Desk, lead: APIClient, sam: Agent, waiting: dict[str, Any]) -> None:
    approved = decide(lead, waiting, "approve", text="It left today", note="Better so")
    assert approved.status_code == 200
    body = approved.json()
    assert (body["state"], body["final_text"], body["note"], body["decided_by"]["username"]) == (
        *("approved", "It left today", "Better so", "lena"),
    )
    message = Message.objects.get()
    assert (message.pk, message.agent) == (body["message"], sam)
    assert decide(lead, waiting, "approve").json()["message"] == message.pk
    other = client_of(make_agent(Role.LEAD))
    for client, act in ((other, "approve"), (lead, "decline"), (other, "decline")):
        refused = decide(client, waiting, act)
        assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (409, "already_decided", "approved")
    work_off()
    assert len(desk.answers_of_thread(message.conversation)) == 1


def test_a_lead_declines_and_an_author_withdraws(desk: Desk, agent: APIClient, lead: APIClient, waiting: dict[str, Any]) -> None:
    declined = decide(lead, waiting, "decline", note="Say when")
    assert (declined.status_code, declined.json()["state"], declined.json()["note"]) == (200, "declined", "Say when")
    again = agent.post(url(waiting["conversation"], "reply"), {"text": "On Friday"}, format="json").json()["approval"]
    assert decide(lead, again, "withdraw").status_code == 403
    assert decide(agent, again, "withdraw").json()["state"] == "withdrawn"
    assert decide(lead, again, "approve").status_code == 409


def test_what_changed_meanwhile_is_told_to_the_approver(desk: Desk, lead: APIClient, lena: Agent, waiting: dict[str, Any]) -> None:
    approval = Approval.objects.get()
    answer(approval.conversation, lena, "I am on it")
    refused = decide(lead, waiting, "approve")
    assert (refused.status_code, refused.json()["code"], refused.json()["answer_seen"]) == (409, "already_answered", 1)
    assert refused.json()["answers"][0]["text"] == "I am on it"
    assert decide(lead, waiting, "approve", answer_seen=1).json()["state"] == "approved"


def test_drafts_are_listed_by_state_in_pages(desk: Desk, agent: APIClient, lead: APIClient, waiting: dict[str, Any]) -> None:
    for number in range(4):
        agent.post(url(desk.conversation(f"@tidewheel refund {number}"), "reply"), {"text": str(number)}, format="json")
    seen, address = [], "/api/approvals/?page_size=2"
    while address:
        page = lead.get(address).json()
        seen += [one["text"] for one in page["results"]]
        address = page["next"]
    assert seen == ["On its way", *"0123"]
    assert len(agent.get("/api/approvals/").json()["results"]) == 5
    assert client_of(make_agent()).get("/api/approvals/").json()["results"] == []
    decide(lead, waiting, "decline")
    assert [one["id"] for one in lead.get("/api/approvals/?state=declined").json()["results"]] == [waiting["id"]]
    for query in ("state=lost", "after=x", "page_size=0", "page_size=501", "page_size=x"):
        assert lead.get(f"/api/approvals/?{query}").status_code == 400, query


@pytest.mark.parametrize(
    "body", [{"text": 5.5, "answer_seen": "x"}, {"answer_seen": -1}, {"text": ""}, {"text": "x" * 501}, {"note": "x" * 1001}, [], "text"]
)
def test_nonsense_is_a_clear_refusal_and_the_draft_waits_on(lead: APIClient, waiting: dict[str, Any], body: Any) -> None:
    refused = lead.post(f"/api/approvals/{waiting['id']}/approve/", body, format="json")
    assert refused.status_code == 400
    assert Approval.objects.get().state == "pending"
    assert not Message.objects.exists()


def test_unknown_drafts_and_others_are_refused(agent: APIClient, lead: APIClient, waiting: dict[str, Any]) -> None:
    for act in ("approve", "decline"):
        assert lead.post(f"/api/approvals/{10**30}/{act}/", {}, format="json").status_code == 404
        assert decide(agent, waiting, act).status_code == 403
        assert decide(client_of(make_agent(Role.MANAGER)), waiting, act).status_code == 403
        assert APIClient().post(f"/api/approvals/{waiting['id']}/{act}/").status_code == 401
    assert agent.post(f"/api/approvals/{10**30}/withdraw/").status_code == 404
    assert client_of(make_agent(Role.MARKETING)).get("/api/approvals/").status_code == 403


def test_a_never_rule_is_named(desk: Desk, agent: APIClient, lead: APIClient, lena: Agent) -> None:
    make_rule("never", "Court cases", lead=lena, query="lawsuit")
    conversation = desk.conversation("@tidewheel the lawsuit?")
    for client in (agent, lead):
        refused = client.post(url(conversation, "reply"), {"text": "Hello"}, format="json")
        assert (refused.status_code, refused.json()["code"], refused.json()["rule"]) == (409, "never_rule", "Court cases")


def test_the_brake_speaks_to_programs(desk: Desk, agent: APIClient, lead: APIClient, lena: Agent) -> None:
    conversation = angry_conversation(desk)
    for _ in range(3):
        answer(conversation, lena)
        anger(desk)
    release_claim(conversation_id=conversation.pk, agent=lena)
    cooling = agent.post(url(conversation, "reply"), {"text": "Once more"}, format="json")
    assert (cooling.status_code, cooling.json()["state"], cooling.json()["actions"]) == (201, "queued", ["undo"])
    assert cooling.json()["what_happened"] == "It cools down first: 3 public answers and they are still negative."
    work_off(now() + timedelta(minutes=11))
    answer(conversation, lena)
    anger(desk)
    release_claim(conversation_id=conversation.pk, agent=lena)
    refused = agent.post(url(conversation, "reply"), {"text": "But"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "closing_line_only")
    line = refused.json()["closing_line"]
    assert line == CLOSING_LINES["en"]
    assert agent.post(url(conversation, "reply"), {"text": line}, format="json").status_code == 201
    closed = agent.post(url(conversation, "reply"), {"text": line, "answer_seen": 1}, format="json")
    assert (closed.status_code, closed.json()["code"]) == (409, "brake_closed")


def test_a_topic_that_a_rule_rests_on_is_not_deleted(lead: APIClient, lena: Agent) -> None:
    topic = make_topic()
    make_rule("never", "Batteries", lead=lena, topic=topic)
    refused = lead.delete(f"/api/topics/{topic.pk}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "A rule rests on Battery" in refused.json()["detail"]
    assert lead.delete(f"/api/topics/{make_topic('Other').pk}/").status_code == 204
