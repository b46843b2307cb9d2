"""The conversation pane's views: who may write through which door, what a refusal keeps, a fixed number of queries."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.models import Delivery, Draft, Message, Ticket
from engagement.services.send import add_note, send_reply
from engagement.services.tickets import open_ticket
from profiles.models import Agent, Role
from tests.engagement.desk import Desk, work
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}
MOST_QUERIES = 27  # each kind of thing in a thread is one, and of what is known of the customer


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def markup(response: Any) -> str:
    """What was answered, without regard to how its template is wrapped."""
    return " ".join(response.content.decode().split())


def told(response: Any) -> dict[str, Any]:
    heard: dict[str, Any] = json.loads(response["HX-Trigger"])["desk:done"]
    return heard


def test_the_number_of_queries_does_not_grow_with_the_thread(desk: Desk, sam: Agent) -> None:
    client, conversation = client_of(sam), desk.conversation()
    path = f"/conversations/{conversation.pk}/"
    client.get(path, headers=FRAGMENT)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(path, headers=FRAGMENT)
        return len(queries)

    few = count()
    for number in range(30):
        add_note(conversation_id=conversation.pk, agent=sam, text=f"note {number}")
    assert count() == few <= MOST_QUERIES


def test_the_pane_alone_or_the_whole_desk(desk: Desk, sam: Agent) -> None:
    client, conversation = client_of(sam), desk.conversation()
    path = f"/conversations/{conversation.pk}/?view=urgent"
    assert "<html" not in markup(client.get(path, headers=FRAGMENT))
    whole = markup(client.get(path))
    assert 'data-pane="conversation"' in whole
    assert 'data-title="Urgent"' in whole
    assert client.get("/conversations/999999/").status_code == 404


def test_what_goes_on_elsewhere_says_what_ends_it_instead_of_offering_to_end_it(desk: Desk, sam: Agent) -> None:
    client, conversation = client_of(sam), desk.conversation()
    path = f"/conversations/{conversation.pk}/"
    ticket = open_ticket(conversation_id=conversation.pk, agent=sam)
    shown = markup(client.get(path, headers=FRAGMENT))
    assert "Solve the ticket: that ends this too." in shown
    assert "Done there: thank them here" not in shown
    Ticket.objects.filter(pk=ticket.pk).update(state="solved")
    shown = markup(client.get(path, headers=FRAGMENT))
    assert "that ends this too" not in shown
    assert "Done there: thank them here" in shown


def test_what_was_written_in_private_is_not_answered_in_public_by_default(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    client = client_of(sam)
    path = f"/conversations/{conversation.pk}/"
    assert 'data-door="reply" aria-keyshortcuts="r" checked' in markup(client.get(path, headers=FRAGMENT))
    conversation.private_waiting = True
    conversation.save()
    assert 'data-door="direct_message" aria-keyshortcuts="m" checked' in markup(client.get(path, headers=FRAGMENT))


@pytest.mark.parametrize("role", [Role.MARKETING, Role.MANAGER])
def test_who_may_not_answer_begins_with_a_note_and_is_told_why(desk: Desk, role: str) -> None:
    client, conversation = client_of(make_agent(role)), desk.conversation()
    page = markup(client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert 'data-door="note" aria-keyshortcuts="n" checked' in page
    assert page.count("Your role reads and notes") == 2
    answer = client.post(f"/conversations/{conversation.pk}/send/", {"kind": "reply", "text": "Hello"}, headers=FRAGMENT)
    assert answer.status_code == 409
    assert "Your role" in markup(answer)
    assert not Message.objects.exists()


def test_a_network_without_a_connector_says_so_at_the_door(sam: Agent) -> None:
    conversation = make_conversation(network="web")
    page = markup(client_of(sam).get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert "Web reviews cannot be answered from this desk." in page


def test_a_press_that_arrives_twice_sends_once(desk: Desk, sam: Agent) -> None:
    client, mention = client_of(sam), desk.mention()
    form = {"kind": "reply", "text": "Hello", "mention": mention.pk, "answer_seen": 0, "request_key": "once"}
    first = client.post(f"/conversations/{mention.conversation_id}/send/", form, headers=FRAGMENT)
    second = client.post(f"/conversations/{mention.conversation_id}/send/", form, headers=FRAGMENT)
    assert told(first)["message"] == told(second)["message"]
    assert (told(first)["did"], told(first)["kind"]) == ("queued", "reply")
    assert Message.objects.count() == 1


def test_a_second_answer_is_refused_with_the_first_beside_it(desk: Desk, sam: Agent, ana: Agent) -> None:
    mention = desk.mention()
    assert mention.conversation_id
    first = send_reply(conversation_id=mention.conversation_id, agent=ana, text="From <Ana>", hold=0)
    work(first.delivery.not_before)
    client = client_of(sam)
    form = {"kind": "reply", "text": "From Sam", "mention": mention.pk, "answer_seen": 0}
    refused = client.post(f"/conversations/{mention.conversation_id}/send/", form, headers=FRAGMENT)
    assert refused.status_code == 409
    assert "Ana answered this already" in markup(refused)
    assert "From &lt;Ana&gt;" in markup(refused)
    assert 'name="also" value="1"' in markup(refused)
    sent = client.post(f"/conversations/{mention.conversation_id}/send/", {**form, "also": 1}, headers=FRAGMENT)
    assert told(sent)["answer"] == 2


def test_an_answer_from_outside_is_put_beside_the_refusal_and_once_on_the_screen_it_may_be_added_to(desk: Desk, sam: Agent) -> None:
    mention, client = desk.mention(), client_of(sam)
    path = f"/conversations/{mention.conversation_id}/"
    form = {"kind": "reply", "text": "From Sam", "mention": mention.pk, "answer_seen": 0}
    desk.world.reply_as("tidewheel", mention.external_id, "By <hand>")
    desk.read()
    refused = client.post(f"{path}send/", form, headers=FRAGMENT)
    assert refused.status_code == 409
    assert "Tidewheel answered this already, outside the desk:" in markup(refused)
    assert "By &lt;hand&gt;" in markup(refused)
    accepting = re.search(r'name="also" value="(\d+)"', markup(refused))
    assert accepting
    assert f'name="answer_seen" value="{accepting[1]}"' in markup(client.get(path, headers=FRAGMENT))
    sent = client.post(f"{path}send/", {**form, "also": accepting[1]}, headers=FRAGMENT)
    assert told(sent)["answer"] == 1


def test_without_javascript_a_refused_text_is_still_there(desk: Desk, sam: Agent) -> None:
    client, conversation = client_of(sam), desk.conversation()
    page = client.post(f"/conversations/{conversation.pk}/send/", {"kind": "reply", "text": "x" * 600})
    assert page.status_code == 400
    assert "x" * 600 in markup(page)
    assert "100 characters too long" in markup(page)


@pytest.mark.parametrize(
    "form", [{}, {"kind": "tweet", "text": "a"}, {"kind": "reply", "text": " "}, {"kind": "reply", "text": "a", "mention": "9" * 30}]
)
def test_a_form_that_cannot_be_meant_is_refused(desk: Desk, sam: Agent, form: dict[str, str]) -> None:
    client, conversation = client_of(sam), desk.conversation()
    assert client.post(f"/conversations/{conversation.pk}/send/", form, headers=FRAGMENT).status_code == 409
    assert not Message.objects.exists()
    assert client.post("/conversations/999999/send/", {"kind": "note", "text": "a"}, headers=FRAGMENT).status_code == 404


def test_drafts_are_kept_for_each_door_and_emptied(desk: Desk, sam: Agent) -> None:
    client, conversation = client_of(sam), desk.conversation()
    url = f"/conversations/{conversation.pk}/draft/"
    for kind in ("reply", "note"):
        assert client.post(url, {"kind": kind, "text": f"half a {kind}"}, headers=FRAGMENT).status_code == 204
    assert sorted(Draft.objects.values_list("kind", "text")) == [("note", "half a note"), ("reply", "half a reply")]
    client.post(url, {"kind": "note", "text": ""}, headers=FRAGMENT)
    assert Draft.objects.count() == 1
    assert client.post(url, {"kind": "letter", "text": "a"}, headers=FRAGMENT).status_code == 400
    assert client.post("/conversations/999999/draft/", {"kind": "note", "text": "a"}, headers=FRAGMENT).status_code == 404


def test_undo_gives_the_text_back_and_is_refused_when_it_is_too_late(desk: Desk, sam: Agent) -> None:
    client, conversation = client_of(sam), desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="Too quick", hold=60)
    heard = told(client.post(f"/messages/{message.pk}/undo/", headers=FRAGMENT))
    assert (heard["did"], heard["kind"]) == ("undone", "reply")
    assert Draft.objects.get().text == "Too quick"
    assert client.post(f"/messages/{message.pk}/undo/", headers=FRAGMENT).status_code == 409


@pytest.mark.parametrize(
    ("state", "decision", "after"),
    [
        ("failed", "retry", "queued"),
        ("failed", "abandon", "aborted"),
        ("unconfirmed", "sent", "sent"),
        ("unconfirmed", "send_again", "queued"),
        ("unconfirmed", "look_again", "awaiting_retry"),
        ("unconfirmed", "abandon", "aborted"),
    ],
)
def test_each_decision_about_a_message_in_trouble(desk: Desk, sam: Agent, state: str, decision: str, after: str) -> None:
    client, conversation = client_of(sam), desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0)
    Delivery.objects.update(state=state, must_look=state == "unconfirmed")
    page = markup(client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))
    assert f'name="decision" value="{decision}"' in page
    assert told(client.post(f"/messages/{message.pk}/decide/", {"decision": decision}, headers=FRAGMENT))["did"] == (
        "given_up" if decision == "abandon" else "decided"
    )
    assert Delivery.objects.get().state == after


def test_a_decision_that_is_none_is_refused(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0)
    assert client_of(sam).post(f"/messages/{message.pk}/decide/", {"decision": "pray"}, headers=FRAGMENT).status_code == 400
