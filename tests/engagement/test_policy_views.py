"""The pages of rules, certificates, drafts and the brake, as a browser without JavaScript meets them."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerAway

from engagement.models import Approval, BrakeLift, EngagementRule, Message, Policy
from engagement.services.approvals import approve_reply, decline_reply, submit_reply
from engagement.services.brake import CLOSING_LINES
from engagement.templatetags import approvals as header
from listening.models import Conversation, Source
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk
from tests.engagement.heated import anger, angry_conversation, answer, make_rule
from tests.engagement.test_pane_views import FRAGMENT, client_of, markup, told
from tests.factories import make_agent, make_post, push
from tests.listening.pages import STRANGE, count_queries, make_topic, text_of

pytestmark = pytest.mark.django_db
MOST_QUERIES = 12
MOST_OF_THE_PANE = 27


@pytest.fixture
def lena(db: None) -> Agent:
    return make_agent(Role.LEAD, username="lena")


@pytest.fixture
def lead(lena: Agent) -> Client:
    return client_of(lena)


@pytest.fixture
def told_tasks(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    sent: list[Any] = []
    monkeypatch.setattr("engagement.tasks.mark_last_week.delay", sent.append)
    return sent


def draft(desk: Desk, agent: Agent, text: str = "On its way", said: str = "@tidewheel my refund?") -> Approval:
    submitted = submit_reply(conversation_id=desk.conversation(said).pk, agent=agent, text=text)
    assert isinstance(submitted, Approval)
    return submitted


# --- Rules --------------------------------------------------------------------------------------------------------------


def test_a_rule_is_written_changed_and_switched_off(lead: Client, lena: Agent, told_tasks: list[Any]) -> None:
    topic = make_topic()
    form = {"name": "Court", "kind": "never", "query": "court", "topic": topic.pk, "sentiment": "negative", "is_active": "on"}
    page = lead.post("/rules/new/", form, follow=True)
    assert "Court is saved." in text_of(page)
    rule = EngagementRule.objects.get()
    assert (rule.kind, rule.query, rule.topic, rule.sentiment, rule.is_active, rule.changed_by) == (
        *("never", "court", topic, "negative", True, lena),
    )
    assert "Never answer in public" in text_of(page)
    lead.post(f"/rules/{rule.pk}/", {**form, "name": "Courts", "topic": ""})
    rule.refresh_from_db()
    assert (rule.name, rule.topic) == ("Courts", None)
    lead.post(f"/rules/{rule.pk}/switch/", {"on": "0"})
    rule.refresh_from_db()
    assert not rule.is_active
    assert told_tasks == [rule.pk] * 3


def test_a_refused_rule_keeps_what_was_typed_and_shows_where_it_is_wrong(lead: Client) -> None:
    page = lead.post("/rules/new/", {"name": "Court", "kind": "may", "query": "court AND"})
    assert page.status_code == 400
    assert "Column 7." in text_of(page)
    assert 'value="Court"' in markup(page)
    assert 'value="may" checked' in markup(page)
    nothing = lead.post("/rules/new/", {"name": "Court", "kind": "may"})
    assert "Say which posts the rule is about" in text_of(nothing)
    for stale in ({"topic": "999999"}, {"source": "x"}, {"topic": "9" * 30}):
        refused = lead.post("/rules/new/", {"name": "Court", "kind": "may", "query": "a", **stale}, follow=True)
        assert "is not there any more" in text_of(refused)
    assert not EngagementRule.objects.exists()


def test_a_rule_is_tried_while_it_is_written(lead: Client) -> None:
    source = Source.objects.create(network="web", kind=Source.Kind.POLL, name="Reviews")
    push(make_post("my brake is terrible, I hate it"), source=source)
    push(make_post("brake works"), make_post("nice bell"))
    assert "2 of last week's 3 mentions match" in text_of(lead.post("/rules/preview/", {"query": "brake"}, headers=FRAGMENT))
    by_source = lead.post("/rules/preview/", {"source": source.pk}, headers=FRAGMENT)
    assert "1 of last week's 1 mention match" in text_of(by_source)
    assert "Column 1." in text_of(lead.post("/rules/preview/", {"query": "OR"}, headers=FRAGMENT))
    assert "Write a query to see" in text_of(lead.post("/rules/preview/", {}, headers=FRAGMENT))
    tried = lead.post("/rules/new/", {"name": "Brakes", "kind": "must", "query": "brake", "try": "1"})
    assert "2 of last week's 3 mentions match" in text_of(tried)
    assert not EngagementRule.objects.exists()


def test_a_rule_is_kept_also_while_the_queue_is_away(lead: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> None:
        raise BrokerAway

    monkeypatch.setattr("engagement.tasks.mark_last_week.delay", refuse)
    page = lead.post("/rules/new/", {"name": "Court", "kind": "must", "query": "court", "is_active": "on"}, follow=True)
    assert "Only new posts are marked" in text_of(page)
    assert EngagementRule.objects.filter(name="Court").exists()


def test_the_task_that_marks_is_known_to_workers() -> None:
    assert "engagement.tasks.mark_last_week" in current_app.tasks


@pytest.mark.parametrize("path", ["/rules/", "/rules/must-answer/", "/approvals/", "/approvals/?state=declined"])
def test_pages_cost_the_same_however_long_they_are(desk: Desk, sam: Agent, lead: Client, lena: Agent, path: str) -> None:
    make_rule("must", "Refunds", lead=lena, query="refund")
    make_rule("approval", "Refunds too", lead=lena, query="refund")

    def grow(number: int) -> None:
        make_rule("may", f"Rule {number}", lead=lena, topic=make_topic(f"T{number}", "bell"))
        make_agent(username=f"agent{number}")
        draft(desk, sam, str(number))
        decline_reply(approval_id=draft(desk, sam).pk, agent=lena)

    grow(0)
    lead.get(path)
    few = count_queries(lambda: lead.get(path))
    for number in range(1, 6):
        grow(number)
    assert count_queries(lambda: lead.get(path)) == few <= MOST_QUERIES


def test_strange_names_and_texts_break_no_page(desk: Desk, sam: Agent, lead: Client, lena: Agent) -> None:
    make_rule("approval", STRANGE[:80], lead=lena, query="refund")
    make_rule("must", f"2{STRANGE[:70]}", lead=lena, query="refund")
    approval = draft(desk, sam, STRANGE)
    for path in ("/rules/", "/rules/must-answer/", "/approvals/", f"/conversations/{approval.conversation_id}/"):
        page = lead.get(path)
        assert page.status_code == 200
        assert "<script>alert(1)</script>" not in page.content.decode()
        assert "&lt;script&gt;alert(1)" in page.content.decode()


# --- Settings and certificates ------------------------------------------------------------------------------------------


def test_leads_change_the_brake_and_ask_for_certificates(lead: Client, lena: Agent, sam: Agent) -> None:
    page = lead.post("/rules/settings/", {"brake_after": "2", "cooling_minutes": "30", "require_certificate": "on"}, follow=True)
    assert "After 2 public answers to somebody who stays negative, the next one waits 30 minutes" in text_of(page)
    policy = Policy.current()
    assert (policy.brake_after, policy.cooling_minutes, policy.require_certificate, policy.changed_by) == (2, 30, True, lena)
    for wrong in ({"brake_after": ""}, {"brake_after": "-1"}, {"cooling_minutes": "1e3"}, {"brake_after": "99"}, {"brake_after": "٣"}):
        refused = lead.post("/rules/settings/", {"brake_after": "2", "cooling_minutes": "30", **wrong}, follow=True)
        assert 'class="notice error"' in markup(refused)
    assert Policy.current().cooling_minutes == 30


def test_a_certificate_lasts_until_the_end_of_its_last_day(lead: Client, sam: Agent) -> None:
    last = timezone.localdate() + timedelta(days=30)
    page = lead.post(f"/rules/certificates/{sam.pk}/", {"until": last.isoformat()}, follow=True)
    assert "Sam may answer in public until" in text_of(page)
    sam.refresh_from_db()
    assert sam.public_send_until is not None
    assert timezone.localtime(sam.public_send_until).date() == last
    for wrong in ({}, {"until": "soon"}, {"until": "2026-13-45"}, {"until": "2001-01-01"}):
        assert 'class="notice error"' in markup(lead.post(f"/rules/certificates/{sam.pk}/", wrong, follow=True))
    assert "drafts for approval from now on" in text_of(lead.post(f"/rules/certificates/{sam.pk}/", {"end": "1"}, follow=True))
    sam.refresh_from_db()
    assert sam.public_send_until is None


# --- Drafts -------------------------------------------------------------------------------------------------------------


def test_pressing_send_says_that_a_lead_reads_it(desk: Desk, sam: Agent, lena: Agent) -> None:
    make_rule("approval", "Wide reach", lead=lena, query="min_followers:10000")
    conversation = desk.conversation(author="press")
    type(conversation.author).objects.update(followers=40_000)
    client = client_of(sam)
    page = markup(client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert "seen by 40k followers (rule “Wide reach”)" in page
    assert "Send to a lead" in page
    form = {"kind": "reply", "text": "Hello", "request_key": "once"}
    heard = told(client.post(f"/conversations/{conversation.pk}/send/", form, headers=FRAGMENT))
    assert (heard["did"], heard["words"]) == ("waiting", "Waits for a lead: seen by 40k followers (rule “Wide reach”).")
    assert told(client.post(f"/conversations/{conversation.pk}/send/", form, headers=FRAGMENT))["approval"] == heard["approval"]
    page = markup(client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert "Your draft waits for a lead. Take it back to write another one." in page
    lead_sees = markup(client_of(lena).get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert f"/approvals/?open={heard['approval']}" in lead_sees
    assert "Send publicly" in lead_sees


def test_the_pane_costs_the_same_with_rules_drafts_and_heat(desk: Desk, sam: Agent, lena: Agent) -> None:
    conversation = angry_conversation(desk)
    client = client_of(sam)
    path = f"/conversations/{conversation.pk}/"
    client.get(path, headers=FRAGMENT)
    few = count_queries(lambda: client.get(path, headers=FRAGMENT))
    for number in range(5):
        make_rule("may", f"May {number}", lead=lena, query="tidewheel", topic=make_topic(f"T{number}", "tidewheel"))
        anger(desk)
        answer(conversation, lena, moment=now() + timedelta(hours=1))
        submit_reply(conversation_id=desk.conversation("@tidewheel refund").pk, agent=sam, text="x")
    anger(desk)
    assert count_queries(lambda: client.get(path, headers=FRAGMENT)) == few <= MOST_OF_THE_PANE


def test_a_lead_reads_changes_and_approves(desk: Desk, sam: Agent, lead: Client, lena: Agent) -> None:
    make_rule("approval", lead=lena, query="refund")
    first, second = draft(desk, sam, "One", "@tidewheel refund one"), draft(desk, sam, "Two", "@tidewheel refund two")
    page = lead.get("/approvals/")
    assert "@tidewheel refund one" in text_of(page)  # the one that waits longest is open, in its thread
    assert "data-approvals-pending >2</span>" in markup(page)
    assert "@tidewheel refund two" in text_of(lead.get(f"/approvals/?open={second.pk}"))
    done = lead.post(
        f"/approvals/{first.pk}/approve/", {"text": "Changed", "answer_seen": "0", "note": "Fine", "next": "/approvals/"}, follow=True
    )
    assert "Approved: it goes out as the answer of Sam." in text_of(done)
    assert Message.objects.get().text == "Changed"
    again = lead.post(f"/approvals/{first.pk}/approve/", {"text": "Changed again", "next": "/approvals/"}, follow=True)
    assert "Approved: it goes out" in text_of(again)
    assert Message.objects.get().text == "Changed"
    declined = lead.post(f"/approvals/{second.pk}/decline/", {"note": "Say when", "next": "/approvals/"}, follow=True)
    assert "No draft waits." in text_of(declined)
    assert "Say when" in text_of(lead.get(f"/approvals/?state=declined&open={second.pk}"))
    late = lead.post(f"/approvals/{second.pk}/approve/", {"text": "Two", "next": "/approvals/"}, follow=True)
    assert "Lena declined it already." in text_of(late)


def test_a_refused_approval_keeps_the_leads_text_and_shows_what_changed(desk: Desk, sam: Agent, lead: Client, lena: Agent) -> None:
    make_rule("approval", lead=lena, query="refund")
    approval = draft(desk, sam)
    answer(approval.conversation, lena, "I am on it")
    Conversation.objects.update(claimed_by=None)
    page = lead.post(f"/approvals/{approval.pk}/approve/", {"text": "My words", "answer_seen": "0", "note": "hm"})
    assert page.status_code == 409
    assert "Lena answered this already" in text_of(page)
    assert "Lena answered this post meanwhile." in text_of(page)
    assert "My words" in text_of(page)
    assert 'name="answer_seen" value="1"' in markup(page)
    assert 'value="hm"' in markup(page)
    assert lead.post(f"/approvals/{approval.pk}/approve/", {"answer_seen": "x"}).status_code == 400
    assert Approval.objects.get().state == "pending"


def test_agents_see_their_own_drafts_only(desk: Desk, sam: Agent, ana: Agent, lena: Agent) -> None:
    make_rule("approval", lead=lena, query="refund")
    approval = draft(desk, sam)
    mine = client_of(sam).get("/approvals/")
    assert "On its way" in text_of(mine)
    assert "Approve and send publicly" not in text_of(mine)
    assert "data-approvals-pending" not in markup(mine)
    assert "No draft waits." in text_of(client_of(ana).get("/approvals/"))
    assert client_of(ana).get(f"/approvals/?open={approval.pk}").status_code == 404
    assert client_of(ana).post(f"/approvals/{approval.pk}/approve/").status_code == 403
    assert client_of(ana).post(f"/approvals/{approval.pk}/withdraw/", headers=FRAGMENT).status_code == 403
    withdrawn = told(client_of(sam).post(f"/approvals/{approval.pk}/withdraw/", headers=FRAGMENT))
    assert (withdrawn["did"], withdrawn["kind"], withdrawn["conversation"]) == ("withdrawn", "reply", approval.conversation_id)
    assert client_of(make_agent(Role.MANAGER)).get("/approvals/?state=withdrawn").status_code == 200


@pytest.mark.parametrize("query", ["state=lost", "after=x", "open=x", "open=999999", "open=" + "9" * 30])
def test_a_place_in_the_queue_that_is_none_is_refused(lead: Client, query: str) -> None:
    assert lead.get(f"/approvals/?{query}").status_code in (400, 404)


def test_the_open_page_gets_the_list_alone(desk: Desk, sam: Agent, lead: Client, lena: Agent) -> None:
    make_rule("approval", lead=lena, query="refund")
    approval = draft(desk, sam)
    part = lead.get("/approvals/", headers=FRAGMENT)
    assert "<html" not in markup(part)
    assert f'data-approval-link="{approval.pk}"' in markup(part)
    approve_reply(approval_id=approval.pk, agent=lena)
    assert "No draft waits." in text_of(lead.get("/approvals/", headers=FRAGMENT))


def test_the_header_says_nothing_of_drafts_while_the_database_is_away(lena: Agent, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> int:
        raise OperationalError

    monkeypatch.setattr(header, "count_pending", fail)
    assert header.drafts_waiting(lena) == header.drafts_waiting(sam) == 0


# --- The brake ----------------------------------------------------------------------------------------------------------


def braked(desk: Desk, agent: Agent, answers: int) -> Conversation:
    conversation = angry_conversation(desk)
    for _ in range(answers):
        answer(conversation, agent, moment=now() + timedelta(hours=1))
        anger(desk)
    Conversation.objects.update(claimed_by=None)
    return conversation


def test_what_cools_down_says_for_how_long(desk: Desk, sam: Agent) -> None:
    conversation = braked(desk, sam, 3)
    client = client_of(sam)
    page = text_of(client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert "Better in private. They went back and forth 3 times in public" in page
    assert "3 public answers and they are still negative: the next one cools down for 10 minutes" in page
    began = time.monotonic()
    heard = told(client.post(f"/conversations/{conversation.pk}/send/", {"kind": "reply", "text": "Hm"}, headers=FRAGMENT))
    took = time.monotonic() - began
    assert heard["words"] == "It goes out in 10 min. It cools down first: 3 public answers and they are still negative."
    assert (heard["did"], heard["cools"]) == ("queued", True)
    assert 599 - took <= heard["seconds"] <= 600


def test_only_the_closing_line_is_offered_and_keeps_the_draft(desk: Desk, sam: Agent, lena: Agent) -> None:
    conversation = braked(desk, lena, 5)
    client = client_of(sam)
    client.post(f"/conversations/{conversation.pk}/draft/", {"kind": "reply", "text": "But"})
    page = client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT)
    assert "Only the closing line may still be said in public here." in text_of(page)
    assert CLOSING_LINES["en"] in text_of(page)
    refused = client.post(f"/conversations/{conversation.pk}/send/", {"kind": "reply", "text": "Hm"}, headers=FRAGMENT)
    assert refused.status_code == 409
    assert "only the closing line may still be said in public" in text_of(refused)
    form = {"kind": "reply", "text": CLOSING_LINES["en"], "request_key": "close"}
    assert told(client.post(f"/conversations/{conversation.pk}/send/", form, headers=FRAGMENT))["did"] == "closed"
    page = client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT)
    assert "nothing more goes out in public here" in text_of(page)
    assert ">But</textarea>" in markup(page)
    assert 'data-act="close"' not in markup(page)
    assert 'data-act="lift"' not in markup(page)


def test_a_lead_lifts_the_brake_from_the_pane(desk: Desk, sam: Agent, lead: Client) -> None:
    conversation = braked(desk, sam, 3)
    assert 'data-act="lift"' in markup(lead.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert lead.post(f"/conversations/{conversation.pk}/lift/", {"reason": ""}, headers=FRAGMENT).status_code == 400
    heard = told(lead.post(f"/conversations/{conversation.pk}/lift/", {"reason": "Our fault"}, headers=FRAGMENT))
    assert heard["did"] == "lifted"
    assert BrakeLift.objects.get().reason == "Our fault"
    assert "Brake." not in text_of(lead.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert client_of(sam).post(f"/conversations/{conversation.pk}/lift/", {"reason": "x"}).status_code == 403
