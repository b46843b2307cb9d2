"""Live chats under many hands: one agent gets a chat, nobody gets too many, a line is stored once and numbers have no gaps."""

from __future__ import annotations

import secrets
from functools import partial
from typing import Any

import pytest

from engagement.models import ChatLine, ChatSession
from engagement.services.chat import accept_chat, begin_chat, end_chat, say_as_agent, say_as_visitor
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.errors import Conflict
from tests.engagement.chats import begin, make_link, put_on_duty
from tests.engagement.threads import at_once
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db(transaction=True)


def test_twenty_agents_accept_one_chat_and_one_gets_it() -> None:
    agents = [make_agent() for _ in range(20)]
    put_on_duty(*agents)
    session = begin(make_link())
    results = at_once([partial(accept_chat, chat_id=session.pk, agent=agent) for agent in agents])
    assert sorted(isinstance(result, Conflict) for result in results) == [False] + [True] * 19, results
    [winner] = [result for result in results if isinstance(result, ChatSession)]
    session.refresh_from_db()
    assert (session.state, session.agent_id) == ("active", winner.agent_id)


def test_one_agent_accepts_ten_chats_at_once_and_gets_as_many_as_the_cap(sam: Agent, settings: Any) -> None:
    settings.CHATS_PER_AGENT = 3
    put_on_duty(sam)
    sessions = [begin(make_link(make_conversation(author=f"writer{number}"))) for number in range(10)]
    results = at_once([partial(accept_chat, chat_id=session.pk, agent=sam) for session in sessions])
    assert sum(isinstance(result, ChatSession) for result in results) == 3
    assert all(isinstance(result, ChatSession | Conflict) for result in results), results
    assert ChatSession.objects.filter(agent=sam, state="active").count() == 3


def test_one_form_sent_ten_times_at_once_begins_one_chat(sam: Agent) -> None:
    put_on_duty(sam)
    link, key = make_link(), secrets.token_urlsafe(16)
    results = at_once([partial(begin_chat, link=link, form_key=key, text="Hello", language="en") for _ in range(10)])
    assert {result.pk for result in results} == {ChatSession.objects.get().pk}
    assert ChatLine.objects.count() == 1
    assert Conversation.objects.get().chats_open == 1


def test_both_sides_at_once_leave_numbers_without_gaps(sam: Agent) -> None:
    put_on_duty(sam)
    session = accept_chat(chat_id=begin(make_link()).pk, agent=sam)
    works = [partial(say_as_visitor, session_id=session.pk, text=f"In {number}", client_key=f"in{number % 6}") for number in range(12)]
    works += [partial(say_as_agent, chat_id=session.pk, agent=sam, text=f"Out {number}", client_key=f"out{number}") for number in range(8)]
    results = at_once(works)
    assert all(isinstance(result, ChatLine) for result in results), results
    assert list(ChatLine.objects.order_by("number").values_list("number", flat=True)) == list(range(1, 16))
    session.refresh_from_db()
    assert session.lines_count == 15


def test_accepting_and_giving_up_at_once_end_in_one_of_both(sam: Agent) -> None:
    put_on_duty(sam)
    session = begin(make_link())
    accepted, ended = at_once([partial(accept_chat, chat_id=session.pk, agent=sam), partial(end_chat, session_id=session.pk, agent=None)])
    session.refresh_from_db()
    assert session.state == "ended"
    assert isinstance(ended, ChatSession)
    assert isinstance(accepted, ChatSession | Conflict)
    assert Conversation.objects.get().chats_open == 0
