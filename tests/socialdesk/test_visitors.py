"""The demo's customers behind their links: what they do there arrives as any visitor's would."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engagement.models import CallbackRequest, ChatLine, ChatSession, Hop, ShortLink, SurveyAnswer, Ticket, TicketUpdate
from engagement.services import tickets
from engagement.services.links import link_url
from engagement.services.offers import offer_link
from engagement.services.send import send_reply
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.networks.sandbox.records import Mood
from socialdesk.visitors import LOOKS_AFTER, play_visitors
from tests.engagement.desk import Desk, work
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def sam(db: None) -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def desk(db: None) -> Desk:
    return Desk()


def someone(desk: Desk, mood: Mood, language: str = "en") -> Conversation:
    desk.world.add_account(f"{mood}_{language}", mood=mood, language=language)
    return desk.conversation("@tidewheel my brake squeaks", author=f"{mood}_{language}")


def offer(conversation: Conversation, agent: Agent, kind: str) -> ShortLink:
    """A link in a reply that reached its customer."""
    link = offer_link(conversation_id=conversation.pk, kind=kind, agent=agent, reason="complex")
    send_reply(conversation_id=conversation.pk, agent=agent, text=f"See {link_url(link)}", hold=0)
    work(now())
    return link


def soon() -> int:
    return play_visitors(now() + LOOKS_AFTER + timedelta(seconds=1))


def test_nobody_looks_before_the_link_has_arrived_a_while_ago(desk: Desk, sam: Agent) -> None:
    conversation = someone(desk, "patient")
    link = offer_link(conversation_id=conversation.pk, kind="callback", agent=sam, reason="complex")
    assert soon() == 0, "it stands in no message yet"
    send_reply(conversation_id=conversation.pk, agent=sam, text=f"See {link_url(link)}", hold=0)
    work(now())
    assert play_visitors(now()) == 0
    assert soon() == 1


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_who_may_choose_asks_for_a_call(desk: Desk, sam: Agent, language: str) -> None:
    conversation = someone(desk, "impatient", language)
    link = offer(conversation, sam, "choice")
    assert soon() == 1
    asked = CallbackRequest.objects.get(conversation=conversation)
    assert asked.contact_point.value == "+441174960140"
    assert asked.contact_point.consents.filter(medium="phone", revoked_at=None).exists()
    assert (Hop.objects.get(link=link).channel, Hop.objects.get(link=link).state) == ("callback", "begun")
    assert soon() == 0, "once is enough"


def test_who_is_angry_stays_in_public(desk: Desk, sam: Agent) -> None:
    link = offer(someone(desk, "hostile"), sam, "choice")
    assert soon() == 1
    link.refresh_from_db()
    assert link.target["chosen"] == "stay"


def test_who_never_answers_opens_and_leaves(desk: Desk, sam: Agent) -> None:
    link = offer(someone(desk, "silent"), sam, "choice")
    assert soon() == 0
    link.refresh_from_db()
    assert (link.opens, link.sent_at) == (1, None)


def test_a_chat_goes_to_and_fro(desk: Desk, sam: Agent) -> None:
    offer(someone(desk, "patient", "fr"), sam, "chat")
    assert soon() == 1
    session = ChatSession.objects.get()
    assert ChatLine.objects.get(session=session).text.startswith("Bonjour")


def test_a_survey_is_answered_by_mood(desk: Desk, sam: Agent) -> None:
    offer(someone(desk, "grateful"), sam, "survey")
    offer(someone(desk, "hostile"), sam, "survey")
    assert soon() == 2
    assert sorted(SurveyAnswer.objects.values_list("score", flat=True)) == [1, 5]


def test_a_ticket_is_added_to_and_once_not_solved(desk: Desk, sam: Agent) -> None:
    conversation = someone(desk, "impatient")
    offer(conversation, sam, "ticket")
    assert soon() == 1
    ticket = Ticket.objects.get()
    assert TicketUpdate.objects.get(ticket=ticket).audience == "customer"
    for expected in ("in_progress", "closed"):
        tickets.solve_ticket(ticket_id=ticket.pk, agent=sam)
        assert soon() == 1
        ticket.refresh_from_db()
        assert ticket.state == expected
    assert soon() == 0
