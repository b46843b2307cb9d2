"""Live chats as services: begun once, accepted by one, capped, parked and not lost, left as a message, ended, and never public."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagement.models import ChatDuty, ChatLine, ChatSession, Delivery, Draft, Hop, Message
from engagement.services.chat import (
    MOST_A_MINUTE,
    MOST_OPEN,
    accept_chat,
    begin_chat,
    end_chat,
    note_visitor_here,
    read_lines,
    say_as_agent,
    say_as_visitor,
    transfer_chat,
)
from engagement.services.chat_duty import note_here, read_bar
from engagement.services.chat_state import BadLine, ChatOver, TooFast
from engagement.services.chat_sweep import sweep_chats
from engagement.services.links import revoke_link
from engagement.services.thread import read_thread
from listening.models import Conversation, Priority, Status
from listening.services.conversations import ReturnOwed, resolve_conversation
from profiles.models import Agent, Role
from profiles.timeline import find_subject, read_timeline
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from tests.engagement.chats import away, begin, make_link, put_on_duty
from tests.engagement.desk import Desk
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db
State = ChatSession.State


def fresh(session: ChatSession) -> ChatSession:
    return ChatSession.objects.get(pk=session.pk)


def under_way(sam: Agent) -> ChatSession:
    put_on_duty(sam)
    return accept_chat(chat_id=begin(make_link()).pk, agent=sam)


def test_a_chat_waits_while_somebody_is_here_and_begins_the_hop(sam: Agent) -> None:
    put_on_duty(sam)
    link = make_link()
    session = begin(link)
    assert session.state == State.WAITING
    hop = Hop.objects.get()
    assert (hop.channel, hop.state, hop.link_id, hop.reason) == ("chat", "begun", link.pk, "complex")
    conversation = Conversation.objects.get()
    assert (conversation.chats_open, conversation.returns_owed, conversation.private_waiting) == (1, 1, True)
    assert conversation.excerpt == "My wheel squeaks"
    link.refresh_from_db()
    assert link.sent_at is not None


def test_the_same_form_begins_one_chat(sam: Agent) -> None:
    put_on_duty(sam)
    link, key = make_link(), secrets.token_urlsafe(16)
    first = begin_chat(link=link, form_key=key, text="Hello", language="en")
    assert begin_chat(link=link, form_key=key, text="Hello", language="en").pk == first.pk
    assert ChatLine.objects.count() == 1


def test_a_line_that_is_sent_again_is_stored_once(sam: Agent) -> None:
    session = under_way(sam)
    lines = [say_as_visitor(session_id=session.pk, text="Once", client_key="k1") for _ in range(3)]
    ours = [say_as_agent(chat_id=session.pk, agent=sam, text="Yes", client_key="k2") for _ in range(2)]
    assert {line.pk for line in lines} == {lines[0].pk}
    assert {line.pk for line in ours} == {ours[0].pk}
    assert [line.number for line in read_lines(session)] == [1, 2, 3]
    assert [line.text for line in read_lines(session, after=1)] == ["Once", "Yes"]


def test_a_chat_is_accepted_by_one(sam: Agent, ana: Agent) -> None:
    session = under_way(sam)
    assert accept_chat(chat_id=session.pk, agent=sam).pk == session.pk  # pressed twice
    with pytest.raises(Conflict, match="Sam has this chat"):
        accept_chat(chat_id=session.pk, agent=ana)
    with pytest.raises(Conflict, match="Sam has this chat"):
        say_as_agent(chat_id=session.pk, agent=ana, text="Hello", client_key="k")
    with pytest.raises(Conflict):
        end_chat(session_id=session.pk, agent=ana)
    assert fresh(session).agent == sam
    conversation = Conversation.objects.get()
    assert (conversation.assignee, conversation.status) == (sam, Status.OPEN)


def test_nobody_accepts_more_than_the_cap(sam: Agent, settings: Any) -> None:
    settings.CHATS_PER_AGENT = 2
    put_on_duty(sam)
    sessions = [begin(make_link(make_conversation(author=f"writer{number}"))) for number in range(3)]
    for session in sessions[:2]:
        accept_chat(chat_id=session.pk, agent=sam)
    with pytest.raises(Conflict, match="2 chats already"):
        accept_chat(chat_id=sessions[2].pk, agent=sam)
    end_chat(session_id=sessions[0].pk, agent=sam)
    assert accept_chat(chat_id=sessions[2].pk, agent=sam).state == State.ACTIVE


def test_who_reads_only_takes_no_chats() -> None:
    marketing = make_agent(Role.MARKETING)
    with pytest.raises(NotAllowed):
        note_here(agent=marketing)
    session = begin(make_link())
    with pytest.raises(NotAllowed):
        accept_chat(chat_id=session.pk, agent=marketing)


@pytest.mark.parametrize("reason", ["nobody", "gone", "paused"])
def test_without_an_agent_it_becomes_a_message_that_comes_first(reason: str, sam: Agent) -> None:
    if reason == "gone":
        note_here(agent=sam, at=now() - timedelta(seconds=61))
    elif reason == "paused":
        note_here(agent=sam, takes_chats=False)
    session = begin(make_link(), "Please call the workshop")
    assert session.state == State.OFFLINE
    conversation = Conversation.objects.get()
    assert conversation.chats_open == 0
    assert conversation.priority >= Priority.HIGH
    assert conversation.priority_reasons[0] == "Left a message in chat"
    assert (conversation.private_waiting, conversation.is_active, conversation.returns_owed) == (True, True, 1)
    bubble = read_thread(conversation)[-1]
    assert (bubble.kind, bubble.audience, bubble.text) == ("chat", "private", "Please call the workshop")
    with pytest.raises(ChatOver):
        say_as_visitor(session_id=session.pk, text="More", client_key="k")


def test_who_waits_too_long_has_left_a_message(sam: Agent, settings: Any) -> None:
    put_on_duty(sam)
    session = begin(make_link())
    late = session.waiting_since + timedelta(minutes=settings.CHAT_WAIT_MINUTES, seconds=1)
    ChatSession.objects.update(visitor_seen_at=late)
    assert sweep_chats(late - timedelta(seconds=2)) == 0
    assert sweep_chats(late) == 1
    assert fresh(session).state == State.OFFLINE
    assert Conversation.objects.get().priority >= Priority.HIGH
    assert sweep_chats(late) == 0
    with pytest.raises(Conflict, match="Nobody waits"):
        accept_chat(chat_id=session.pk, agent=sam)


def test_a_browser_that_disappears_parks_the_chat_and_comes_back_to_its_agent(sam: Agent) -> None:
    session = under_way(sam)
    away(session, seconds=46)
    assert sweep_chats() == 1
    assert fresh(session).state == State.PARKED
    assert Conversation.objects.get().chats_open == 1
    say_as_agent(chat_id=session.pk, agent=sam, text="Are you there?", client_key="k")
    note_visitor_here(session)
    assert fresh(session).state == State.ACTIVE
    assert fresh(session).agent == sam
    assert [line.text for line in read_lines(session)] == ["My wheel squeaks", "Are you there?"]


def test_who_comes_back_to_a_full_agent_waits_first_in_line(sam: Agent, settings: Any) -> None:
    settings.CHATS_PER_AGENT = 1
    session = under_way(sam)
    away(session, minutes=2)
    sweep_chats()
    accept_chat(chat_id=begin(make_link(make_conversation(author="other"))).pk, agent=sam)
    say_as_visitor(session_id=session.pk, text="Here again", client_key="k")
    assert (fresh(session).state, fresh(session).agent) == (State.WAITING, None)
    assert ChatSession.objects.filter(agent=sam, state=State.ACTIVE).count() == 1


def test_who_waits_and_closes_the_page_waits_on_when_they_come_back(sam: Agent) -> None:
    put_on_duty(sam)
    session = begin(make_link())
    away(session, minutes=1)
    sweep_chats()
    assert fresh(session).state == State.PARKED
    note_visitor_here(fresh(session))
    assert fresh(session).state == State.WAITING


def test_an_agent_whose_desk_closed_gives_the_chat_back(sam: Agent, ana: Agent) -> None:
    session = under_way(sam)
    put_on_duty(ana)
    ChatDuty.objects.filter(agent=sam).update(seen_at=now() - timedelta(seconds=121))
    assert sweep_chats() == 1
    assert (fresh(session).state, fresh(session).agent) == (State.WAITING, None)
    assert accept_chat(chat_id=session.pk, agent=ana).agent == ana


def test_a_chat_that_nobody_came_back_to_ends_after_a_day(sam: Agent) -> None:
    session = under_way(sam)
    away(session, hours=25)
    sweep_chats()
    put_on_duty(sam)
    sweep_chats()
    assert (fresh(session).state, fresh(session).ended_by) == (State.ENDED, "desk")
    assert Conversation.objects.get().chats_open == 0


@pytest.mark.parametrize("by_agent", [True, False])
def test_the_end_finishes_the_task_and_proposes_the_thank_you(by_agent: bool, sam: Agent) -> None:
    session = under_way(sam)
    say_as_agent(chat_id=session.pk, agent=sam, text="Done.", client_key="k")
    for _ in range(2):
        end_chat(session_id=session.pk, agent=sam if by_agent else None)
    assert fresh(session).ended_by == ("agent" if by_agent else "visitor")
    hop = Hop.objects.get()
    assert hop.state == "done"
    conversation = Conversation.objects.get()
    assert (conversation.chats_open, conversation.returns_owed) == (0, 1)
    assert "@mara_k" in Draft.objects.get(agent=sam, kind="reply").text
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    with pytest.raises(ChatOver):
        say_as_agent(chat_id=session.pk, agent=sam, text="One more", client_key="k9")


def test_who_gives_up_before_anybody_came_is_still_owed_an_answer(sam: Agent) -> None:
    put_on_duty(sam)
    session = begin(make_link())
    end_chat(session_id=session.pk, agent=None)
    assert Hop.objects.get().state == "begun"
    assert Conversation.objects.get().waiting_since is not None


def test_passing_on_needs_somebody_who_is_here_and_has_room(sam: Agent, ana: Agent, settings: Any) -> None:
    settings.CHATS_PER_AGENT = 1
    session = under_way(sam)
    with pytest.raises(Conflict, match="Ana takes no chats"):
        transfer_chat(chat_id=session.pk, agent=sam, to=ana)
    put_on_duty(ana)
    other = accept_chat(chat_id=begin(make_link(make_conversation(author="other"))).pk, agent=ana)
    with pytest.raises(Conflict, match="Ana has 1 chats"):
        transfer_chat(chat_id=session.pk, agent=sam, to=ana)
    end_chat(session_id=other.pk, agent=ana)
    assert transfer_chat(chat_id=session.pk, agent=sam, to=ana).agent == ana
    assert read_bar(ana, ChatDuty.objects.get(agent=ana)).mine[0].unread == 1  # type: ignore[attr-defined]
    with pytest.raises(Conflict, match="Ana has this chat"):
        say_as_agent(chat_id=session.pk, agent=sam, text="Hello", client_key="k")


def test_a_flood_is_held_off_and_goes_on_after_a_minute(sam: Agent) -> None:
    session = under_way(sam)
    for number in range(MOST_A_MINUTE - 1):
        say_as_visitor(session_id=session.pk, text=f"Line {number}", client_key=f"k{number}")
    with pytest.raises(TooFast):
        say_as_visitor(session_id=session.pk, text="Too much", client_key="more")
    ChatLine.objects.update(at=now() - timedelta(seconds=61))
    assert say_as_visitor(session_id=session.pk, text="Calm again", client_key="more").number == MOST_A_MINUTE + 1


def test_a_link_carries_few_chats_at_once(sam: Agent) -> None:
    put_on_duty(sam)
    link = make_link()
    for _ in range(MOST_OPEN):
        begin(link)
    with pytest.raises(TooFast):
        begin(link)
    assert ChatSession.objects.count() == MOST_OPEN


def test_what_is_no_line_is_refused(sam: Agent) -> None:
    session = under_way(sam)
    for text, code in (("", "empty"), (" \n\u202e\x00", "empty"), ("x" * 2001, "too_long"), ("x" * 100_000, "too_long")):
        with pytest.raises(BadLine) as refused:
            say_as_visitor(session_id=session.pk, text=text, client_key="k")
        assert refused.value.code == code
    for key in ("", "k" * 65, "\x00", "\ud800", "é"):
        with pytest.raises(DeskError):
            say_as_visitor(session_id=session.pk, text="Hello", client_key=key)
    with pytest.raises(DeskError):
        begin_chat(link=session.link, form_key="short", text="Hello", language="en")
    with pytest.raises(NotFound):
        accept_chat(chat_id=2**63, agent=sam)


def test_a_revoked_link_begins_no_chat(sam: Agent) -> None:
    link = make_link()
    revoke_link(link_id=link.pk, agent=sam)
    with pytest.raises(NotFound):
        begin(link)
    assert not ChatSession.objects.exists()
    assert not Hop.objects.filter(state="begun").exists()


def test_the_clocks_see_who_waits_and_who_was_answered(sam: Agent) -> None:
    session = under_way(sam)
    assert Conversation.objects.get().waiting_since is not None
    say_as_agent(chat_id=session.pk, agent=sam, text="I look into it", client_key="k1")
    answered = Conversation.objects.get()
    assert (answered.waiting_since, answered.private_waiting, answered.status) == (None, False, Status.WAITING)
    assert answered.first_answered_at is not None
    say_as_visitor(session_id=session.pk, text="And the price?", client_key="k2")
    waiting = Conversation.objects.get()
    assert (waiting.private_waiting, waiting.status, waiting.excerpt) == (True, Status.OPEN, "And the price?")


def test_nothing_of_a_chat_reaches_the_network(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara_k")
    put_on_duty(sam)
    session = accept_chat(chat_id=begin(make_link(conversation), "A secret of mine").pk, agent=sam)
    say_as_agent(chat_id=session.pk, agent=sam, text="A secret of ours", client_key="k")
    end_chat(session_id=session.pk, agent=sam)
    sweep_chats()
    assert not Delivery.objects.exists()
    assert not Message.objects.exists()
    assert desk.answers(conversation) == []
    assert {field.related_model for field in ChatLine._meta.get_fields() if field.is_relation} == {ChatSession, Agent}


def test_the_transcript_stands_in_the_thread_and_the_chat_in_the_history(sam: Agent) -> None:
    session = under_way(sam)
    say_as_agent(chat_id=session.pk, agent=sam, text="Which wheel?", client_key="k")
    conversation = Conversation.objects.get()
    said = [(bubble.author, bubble.is_ours, bubble.audience, bubble.text) for bubble in read_thread(conversation) if bubble.kind == "chat"]
    assert said == [("Mara_K", False, "private", "My wheel squeaks"), ("Sam", True, "private", "Which wheel?")]
    entries = [entry for entry in read_timeline(subject=find_subject(conversation.author.profile_id)).entries if entry.kind == "chat"]
    assert [(entry.text, entry.who) for entry in entries] == [("My wheel squeaks", "Mara_K")]


def test_the_bar_costs_the_same_however_many_chats(sam: Agent) -> None:
    duty = note_here(agent=sam)
    counts = []
    for number in range(2):
        for more in range(2):
            accept_chat(chat_id=begin(make_link(make_conversation(author=f"w{number}{more}"))).pk, agent=make_agent())
            begin(make_link(make_conversation(author=f"v{number}{more}")))
        with CaptureQueriesContext(connection) as queries:
            bar = read_bar(sam, duty)
            assert [chat.conversation.author.username for chat in bar.waiting]
        counts.append(len(queries))
    assert counts == [2, 2]
