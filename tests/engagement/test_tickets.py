"""Tickets: one action, one open ticket, a status page that tells nobody's secrets, mail, and "not solved"."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from engagement.models import Draft, Hop, Notice, Ticket, TicketSubscription, TicketUpdate
from engagement.services import tickets
from engagement.services.hops import waive_return
from engagement.services.links import link_url
from engagement.services.offers import offer_link
from engagement.services.send import send_reply
from engagement.services.ticket_list import read_tickets
from listening.feed import count_views
from listening.models import Conversation, Priority
from listening.services.conversations import ReturnOwed, resolve_conversation
from profiles.models import Agent, ContactPoint
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed
from socialdesk.lib.live import TicketLate
from tests.chance import without_chance
from tests.engagement.chats import begin, make_link
from tests.engagement.desk import Desk, work
from tests.factories import make_agent, make_author, make_conversation, make_post, push

BROWSER = "Mozilla/5.0 (Linux; Android 8.1.0; CUBOT X18) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36"


@pytest.fixture
def sam(db: None) -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def conversation(db: None) -> Conversation:
    return make_conversation()


def make(conversation: Conversation, agent: Agent, **options: Any) -> Ticket:
    return tickets.open_ticket(conversation_id=conversation.pk, agent=agent, **options)


def visit(ticket: Ticket, step: str = "", data: dict[str, str] | None = None, **query: str) -> Any:
    client, path = Client(headers={"User-Agent": BROWSER}), f"/s/{ticket.link.code}" + (f"/{step}" if step else "")
    return client.get(path, query) if data is None else client.post(path, data)


def owed(conversation: Conversation) -> int:
    return Conversation.objects.values_list("returns_owed", flat=True).get(pk=conversation.pk)


def test_one_action_makes_a_ticket_and_the_next_gives_the_same(conversation, sam):
    ticket = make(conversation, sam, kind="fault")
    assert ticket.name == f"T-{1000 + ticket.pk}"
    assert make(conversation, sam) == ticket
    assert offer_link(conversation_id=conversation.pk, kind="ticket", agent=sam, reason="complex") == ticket.link
    assert Ticket.objects.count() == 1
    assert (ticket.case_opened_at, ticket.assignee) == (conversation.opened_at, sam), "the clock of the case does not begin anew"
    hop = Hop.objects.get()
    assert (hop.channel, hop.state, owed(conversation)) == ("ticket", "begun", 1)


def test_who_may_not_answer_may_not_make_tickets(conversation):
    with pytest.raises(NotAllowed):
        make(conversation, make_agent("marketing"))
    with pytest.raises(DeskError, match="no kind of ticket"):
        make(conversation, make_agent(), kind="riddle")
    assert not Ticket.objects.exists()


def test_somebody_elses_claim_is_respected(conversation, sam):
    make(conversation, sam)
    Ticket.objects.all().delete()
    with pytest.raises(Conflict) as refused:
        make(conversation, make_agent())
    assert refused.value.code == "claimed"


@pytest.mark.django_db(transaction=True)
def test_two_who_convert_at_once_get_one_ticket(transactional_db):
    conversation, agents = make_conversation(), [make_agent("lead") for _ in range(4)]
    together = threading.Barrier(4)

    def convert(agent: Agent) -> int | str:
        try:
            together.wait(10)
            return make(conversation, agent).pk
        except Conflict as refused:
            return refused.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(convert, agents)) - {"claimed"}
    assert made == {Ticket.objects.get().pk}


def test_reply_that_carries_the_link_is_no_return_and_the_one_after_solving_is(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    ticket = make(conversation, sam)
    send_reply(conversation_id=conversation.pk, agent=sam, text=f"Follow it here: {link_url(ticket.link)}", hold=0)
    work(now())
    assert owed(conversation) == 1
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam, text="A new battery is on its way.")
    draft = Draft.objects.get(agent=sam, kind="reply")
    assert "/s/" in draft.text
    assert owed(conversation) == 1
    send_reply(conversation_id=conversation.pk, agent=sam, text=draft.text, hold=0, answer_seen=1)
    work(now() + timedelta(seconds=1))
    assert owed(conversation) == 0
    assert resolve_conversation(conversation_id=conversation.pk, agent=sam).status == "resolved"


def test_status_page_tells_nobody_who_it_is_about(sam):
    author = make_author("mara_k", display_name="Mara Kowalczyk")
    push(make_post("@tidewheel my number is 0152 5550100, order 4711-22", author=author))
    conversation = Conversation.objects.get()
    ContactPoint.objects.create(
        profile=conversation.author.profile,
        kind="email",
        value="mara@example.com",
        state="given",
        source="form",
        created_at=now(),
        changed_at=now(),
    )
    ticket = make(conversation, sam, title="Mara's battery 4711-22")
    tickets.add_update(ticket_id=ticket.pk, agent=sam, text="Her flat is on the 3rd floor", audience="internal")
    tickets.add_customers_words(ticket_id=ticket.pk, text="My door code is 1234", form_key="k")
    tickets.add_update(ticket_id=ticket.pk, agent=sam, text="The workshop has the battery.")
    page = visit(ticket).content.decode()
    assert "The workshop has the battery." in page
    page = without_chance(page).replace(ticket.link.code, "").replace(ticket.name, "")
    for secret in ("mara", "Mara", "Kowalczyk", "0152", "4711", "mara@example.com", "3rd floor", "1234", "sam", "Sam", "my number"):
        assert secret not in page, secret
    assert len(page) < 30_000


def test_customer_adds_to_it_once_and_the_conversation_comes_back(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    ticket = make(conversation, sam)
    send_reply(conversation_id=conversation.pk, agent=sam, text="See the link", hold=0)
    work(now())
    tickets.change_ticket(ticket_id=ticket.pk, agent=sam, state="waiting")
    for _ in range(2):
        assert "we have it" in visit(ticket, "details", {"text": "It is <b>wet</b>", "form_key": "k"}).content.decode()
    update = TicketUpdate.objects.get()
    assert (update.audience, update.text) == ("customer", "It is <b>wet</b>")
    ticket.refresh_from_db()
    conversation.refresh_from_db()
    assert (ticket.state, conversation.status) == ("in_progress", "open")
    too_much = visit(ticket, "details", {"text": "x" * 100_000, "form_key": "m"})
    assert (too_much.status_code, TicketUpdate.objects.count()) == (422, 1)
    assert visit(ticket, "details", {"text": " ", "form_key": "n"}).status_code == 422
    assert visit(ticket, "nonsense", {"text": "x"}).status_code == 200


def test_word_that_it_is_not_solved_owes_the_return_until_it_is(desk: Desk, sam: Agent) -> None:
    """Solved, and before anybody came back "not solved": the apology in public is no thank-you."""
    conversation = desk.conversation()
    ticket = make(conversation, sam)
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    assert Draft.objects.get().text.startswith(f"@{conversation.author.username} Thank you for sorting this out")
    visit(ticket, "again", {"text": "Still broken", "form_key": "k"})
    assert not Draft.objects.exists()  # nobody is thanked for what goes on
    send_reply(conversation_id=conversation.pk, agent=sam, text="Sorry, we look at it again", hold=0)
    work(now())
    assert (owed(conversation), Hop.objects.get().state) == (1, "begun")
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    send_reply(conversation_id=conversation.pk, agent=sam, text="Thank you!", hold=0, answer_seen=1)
    work(now())
    assert owed(conversation) == 0


def test_what_an_agent_wrote_stays_when_a_ticket_comes_back(desk: Desk, sam: Agent) -> None:
    ticket = make(desk.conversation(), sam)
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    Draft.objects.update(text="Thank you for sorting this out with us, and sorry again")
    visit(ticket, "again", {"text": "Still broken", "form_key": "k"})
    assert Draft.objects.get().text == "Thank you for sorting this out with us, and sorry again"


def test_a_ticket_that_is_reopened_after_its_return_was_waived_owes_it_again(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    ticket = make(conversation, sam)
    waive_return(conversation_id=conversation.pk, agent=sam, reason="They left")
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    tickets.reopen_ticket(ticket_id=ticket.pk, agent=sam)
    assert (owed(conversation), Hop.objects.get().state) == (1, "begun")


def test_what_the_customer_adds_to_a_solved_ticket_brings_it_back(desk: Desk, sam: Agent) -> None:
    ticket = make(desk.conversation(), sam)
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    visit(ticket, "details", {"text": "It is wet again", "form_key": "k"})
    ticket.refresh_from_db()
    assert (ticket.state, ticket.solved_at, ticket.customer_says) == ("in_progress", None, "")
    assert ticket.next_update_due is not None
    assert Hop.objects.get().state == "begun"


def test_a_chat_that_nobody_takes_brings_a_solved_ticket_back(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    ticket = make(conversation, sam)
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    begin(make_link(conversation))
    ticket.refresh_from_db()
    assert ticket.state == "in_progress"
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    assert not Hop.objects.filter(state="begun").exists()
    send_reply(conversation_id=conversation.pk, agent=sam, text="Thank you!", hold=0)
    work(now())
    assert owed(conversation) == 0


def test_a_ticket_is_due_as_its_case_is(sam: Agent, conversation: Conversation) -> None:
    """One clock (brief C1): a case of two days that becomes a ticket has one day left, and what we spent waiting does not count."""
    began = now() - timedelta(days=2)
    Conversation.objects.filter(pk=conversation.pk).update(opened_at=began, parked_seconds=3600)
    ticket = make(conversation, sam)
    assert ticket.due_at == began + tickets.TIME_TO_SOLVE + timedelta(hours=1)


def test_a_ticket_always_has_a_time_by_which_it_should_be_solved(sam: Agent, conversation: Conversation, client: Client) -> None:
    ticket = make(conversation, sam)
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    form = {"title": ticket.title, "kind": ticket.kind, "priority": "1", "due_at": ""}
    assert client.post(f"/tickets/{ticket.pk}/change/", form, headers={"HX-Request": "true"}).status_code == 400
    api = APIClient()
    api.force_authenticate(sam)
    assert api.patch(f"/api/tickets/{ticket.pk}/", {"due_at": None}, format="json").status_code == 400
    assert read_tickets(view="open", agent=sam).tickets == [ticket]


@pytest.mark.parametrize(
    ("given", "status"), [({"text": "Call +44 117 496 0140"}, 409), ({"next_update_due": "soon"}, 400), ({"text": "x" * 5001}, 400)]
)
def test_an_update_that_is_refused_stands_in_the_form_again(
    sam: Agent, conversation: Conversation, client: Client, given: dict[str, str], status: int
) -> None:
    ticket = make(conversation, sam)
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    form = {"text": "Half an hour of words", "audience": "public", "form_key": "k", **given}
    refused = client.post(f"/tickets/{ticket.pk}/update/", form)
    assert refused.status_code == status, refused.content.decode()[:300]
    page = refused.content.decode()
    assert form["text"] in page
    assert "Your text is kept" in page
    assert re.search(r'value="public"\s+required\s+checked', page)
    assert not TicketUpdate.objects.exists()


@pytest.mark.parametrize("step", ["details", "again"])
def test_characters_that_no_database_keeps_are_left_out(conversation, sam, step: str) -> None:
    ticket = make(conversation, sam)
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    if step == "details":
        assert visit(ticket, step, {"text": "\0", "form_key": "k"}).status_code == 422
    assert visit(ticket, step, {"text": "It \0broke", "form_key": "k\0"}).status_code == 200
    assert [update.text for update in TicketUpdate.objects.filter(audience="customer")] == ["It broke"]
    assert visit(ticket, "\0").status_code in (400, 404)


def test_not_solved_reopens_it_with_raised_priority(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    ticket = make(conversation, sam, priority=Priority.NORMAL)
    assert "Is it solved?" not in visit(ticket).content.decode()
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    assert "Is it solved?" in visit(ticket).content.decode()
    for _ in range(2):
        visit(ticket, "again", {"text": "Still broken", "form_key": "k"})
    ticket.refresh_from_db()
    conversation.refresh_from_db()
    assert (ticket.state, ticket.priority, ticket.reopened, ticket.customer_says) == ("in_progress", Priority.HIGH, 1, "not_solved")
    assert (conversation.priority, conversation.is_active, conversation.returns_owed) == (Priority.HIGH, True, 1)
    assert conversation.priority_reasons[0] == "not solved the first time"
    tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
    for _ in range(2):
        assert "closed" in visit(ticket, "solved", {}).content.decode()
    ticket.refresh_from_db()
    assert (ticket.state, ticket.customer_says) == ("closed", "solved")
    assert visit(ticket, "again", {"text": "no", "form_key": "z"}).status_code == 200
    ticket.refresh_from_db()
    assert ticket.state == "closed", "what is closed is not reopened from outside"


def test_news_are_mailed_once_to_confirmed_addresses_only(conversation, sam):
    ticket = make(conversation, sam)
    assert visit(ticket, "news", {"email": "not an address", "agree": "yes"}).status_code == 422
    assert visit(ticket, "news", {"email": "mara@example.com"}).status_code == 422, "without the box there is no consent"
    assert not TicketSubscription.objects.exists()
    for _ in range(2):
        assert "sent a mail" in visit(ticket, "news", {"email": "mara@example.com", "agree": "yes"}).content.decode()
    subscription = TicketSubscription.objects.get()
    assert "status" in subscription.consent.scope
    assert subscription.consent.evidence == {"link": ticket.link_id}
    asked = Notice.objects.get()
    assert subscription.token in asked.text
    tickets.add_update(ticket_id=ticket.pk, agent=sam, text="First news")
    assert Notice.objects.count() == 1, "an address that is not confirmed hears nothing"
    assert "Yes, write to me" in visit(ticket, "confirm", k=subscription.token).content.decode()
    assert visit(ticket, "confirm", {"k": "wrong"}).status_code == 404
    subscription.refresh_from_db()
    assert subscription.confirmed_at is None
    assert "Confirmed" in visit(ticket, "confirm", {"k": subscription.token}).content.decode()
    for _ in range(2):
        tickets.add_update(ticket_id=ticket.pk, agent=sam, text="Second news", form_key="press")
    tickets.add_update(ticket_id=ticket.pk, agent=sam, text="for us", audience="internal")
    news = Notice.objects.exclude(pk=asked.pk).get()
    assert link_url(ticket.link) in news.text
    assert "Second news" not in news.text
    assert not mail.outbox, "a notice is sent by a worker, not while somebody waits"


def test_late_tickets_are_counted_beside_the_views(sam: Agent, desk: Desk) -> None:
    late, promised, done, fresh = (make(desk.conversation(author=author), sam) for author in ("ann", "ben", "cleo", "dora"))
    assert count_views(sam)["late_tickets"] == 0
    Ticket.objects.filter(pk__in=[late.pk, done.pk]).update(due_at=now() - timedelta(minutes=1))
    Ticket.objects.filter(pk=promised.pk).update(next_update_due=now() - timedelta(minutes=1))
    tickets.solve_ticket(ticket_id=done.pk, agent=sam)
    assert count_views(sam)["late_tickets"] == 2
    assert {ticket.pk for ticket in read_tickets(view="overdue", agent=sam).tickets} == {late.pk, promised.pk}
    assert fresh.is_open


def test_whoever_has_a_ticket_hears_of_a_broken_promise(
    sam: Agent, conversation: Conversation, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    ticket = make(conversation, sam)
    heard: list[Any] = []
    monkeypatch.setattr("socialdesk.lib.live.send_now", heard.append)
    with django_capture_on_commit_callbacks(execute=True):
        tickets.alert_overdue(now=now() + timedelta(days=2))
    assert heard == [TicketLate(conversation.pk, ticket.pk, ticket.name, sam.pk)]


def test_broken_promise_is_told_once(conversation, sam):
    ticket = make(conversation, sam)
    assert tickets.alert_overdue(now=now()) == 0
    later = now() + timedelta(days=2)
    assert [tickets.alert_overdue(now=later), tickets.alert_overdue(now=later)] == [1, 0]
    tickets.add_update(ticket_id=ticket.pk, agent=sam, text="Here we are", next_update_due=now() + timedelta(hours=1))
    assert [tickets.alert_overdue(now=later), tickets.alert_overdue(now=later)] == [1, 0]


def test_api_door_of_a_ticket(conversation, sam):
    client = APIClient()
    client.force_authenticate(sam)
    made = client.post(f"/api/conversations/{conversation.pk}/ticket/", {"priority": 2, "kind": "return"}, format="json")
    assert made.status_code == 201
    assert made.data["link"]["url"].endswith(made.data["link"]["code"])
    assert client.post(f"/api/conversations/{conversation.pk}/ticket/").data["id"] == made.data["id"]
    assert (
        client.post(f"/api/conversations/{conversation.pk}/links/", {"kind": "ticket"}, format="json").data["code"]
        == made.data["link"]["code"]
    )
    ticket = f"/api/tickets/{made.data['id']}/"
    assert client.patch(ticket, {"state": "waiting", "priority": 3}, format="json").data["state"] == "waiting"
    assert client.patch(ticket, {"priority": 9}, format="json").status_code == 400
    assert client.post(f"{ticket}updates/", {"text": "Soon"}, format="json").status_code == 201
    assert [update["text"] for update in client.get(f"{ticket}updates/").data] == ["Soon"]
    assert client.post(f"{ticket}close/").status_code == 409
    assert client.post(f"{ticket}solve/").data["state"] == "solved"
    assert client.post(f"{ticket}reopen/").data["state"] == "in_progress"
    assert len(client.get("/api/tickets/?state=in_progress&kind=return").data["results"]) == 1
    assert client.get("/api/tickets/?overdue=true").data["results"] == []
    assert client.get("/api/tickets/?state=lost").status_code == 400


def test_pages_of_staff_cost_the_same_however_long_they_are(sam):
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    counts = []
    for more in (2, 55):
        for number in range(more):
            make(make_conversation(author=f"a{more}-{number}"), sam)
        with CaptureQueriesContext(connection) as captured:
            page = client.get("/tickets/")
        assert page.status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12
    assert "after=" in page.content.decode()
    ticket = Ticket.objects.order_by("pk")[0]
    answer = client.post(f"/tickets/{ticket.pk}/update/", {"text": "Soon", "audience": "public", "form_key": "k"})
    assert answer.status_code == 302
    assert "Soon" in client.get(f"/tickets/{ticket.pk}/").content.decode()
    client.post(f"/tickets/{ticket.pk}/move/", {"to": "solved"})
    ticket.refresh_from_db()
    assert ticket.state == "solved"
    for view in ("mine", "overdue", "solved", "closed"):
        assert client.get(f"/tickets/?view={view}").status_code == 200
