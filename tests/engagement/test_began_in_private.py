"""Conversations that were only ever private: an answer there is no move to another channel, and nothing has to come back to a public
thread that does not exist."""

from __future__ import annotations

import pytest

from engagement.models import Draft, Hop, Message
from engagement.services.chat import accept_chat, end_chat
from engagement.services.send import send_direct_message, send_reply
from listening.models import Conversation, Mention
from listening.services.conversations import ReturnOwed, resolve_conversation
from profiles.models import Agent
from socialdesk.lib.errors import DeskError
from tests.engagement.chats import begin, make_link, put_on_duty
from tests.engagement.desk import Desk, work
from tests.engagement.test_pane_views import FRAGMENT, client_of, markup

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    desk.world.follow("mara_k", "tidewheel")
    desk.world.message_as("mara_k", "My frame broke", to="tidewheel")
    desk.read()
    return Conversation.objects.get()


def write(conversation: Conversation, agent: Agent, text: str = "Which frame is it?", reason: str = Hop.Reason.PROGRAM) -> Message:
    message = send_direct_message(conversation_id=conversation.pk, agent=agent, text=text, hold=0, reason=reason)
    work(message.created_at)
    return message


def pane(conversation: Conversation, agent: Agent) -> str:
    return markup(client_of(agent).get(f"/conversations/{conversation.pk}/", headers=FRAGMENT))


def test_an_answer_wants_no_reason_and_the_conversation_closes(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    page = pane(conversation, sam)
    assert 'id="hop-reason"' not in page
    assert 'id="hop-waiver"' not in page
    write(conversation, sam)
    assert not Hop.objects.exists()
    resolve_conversation(conversation_id=conversation.pk, agent=sam)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.returns_owed) == ("resolved", 0)


def test_it_opens_in_private_before_and_after_it_was_answered(conversation: Conversation, sam: Agent) -> None:
    for answered in (False, True):
        page = pane(conversation, sam)
        assert 'data-door="direct_message" aria-keyshortcuts="m" checked' in page, answered
        assert "There is no public post here that could be answered." in page
        if not answered:
            write(conversation, sam)
    with pytest.raises(DeskError, match="no public post"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0)


def test_once_they_post_in_public_too_it_is_a_move_again(desk: Desk, conversation: Conversation, sam: Agent) -> None:
    write(conversation, sam)
    desk.world.publish("mara_k", "@tidewheel hello?")
    desk.read()
    assert Mention.objects.get().conversation == conversation
    assert 'id="hop-reason"' in pane(conversation, sam)
    with pytest.raises(DeskError, match="Say why"):
        write(conversation, sam, "Still with us?", reason="")
    write(conversation, sam, "Still with us?", reason="personal_details")
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    send_reply(conversation_id=conversation.pk, agent=sam, text="All is well.", hold=0)
    work(Message.objects.latest("pk").created_at)
    assert Hop.objects.get().state == "returned"


def test_whose_last_word_was_private_is_answered_there_also_when_nothing_waits(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara_k")
    desk.world.follow("mara_k", "tidewheel")
    assert 'data-door="reply" aria-keyshortcuts="r" checked' in pane(conversation, sam)
    desk.world.message_as("mara_k", "It is invoice 12", to="tidewheel")
    desk.read()
    write(conversation, sam, reason="personal_details")
    conversation.refresh_from_db()
    assert not conversation.private_waiting
    assert 'data-door="direct_message" aria-keyshortcuts="m" checked' in pane(conversation, sam)


def test_a_chat_comes_back_to_the_private_thread(conversation: Conversation, sam: Agent) -> None:
    put_on_duty(sam)
    session = begin(make_link(conversation))
    accept_chat(chat_id=session.pk, agent=sam)
    write(conversation, sam, "We talk in the chat.")
    conversation.refresh_from_db()
    assert conversation.returns_owed == 1  # it goes on
    end_chat(session_id=session.pk, agent=sam)
    assert Draft.objects.get().kind == Message.Kind.DIRECT_MESSAGE
    assert "the customer waits for a thank-you" in pane(conversation, sam)
    with pytest.raises(ReturnOwed):
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    write(conversation, sam, "Thank you for the chat.")
    conversation.refresh_from_db()
    assert (conversation.returns_owed, Hop.objects.get().state) == (0, "returned")
    resolve_conversation(conversation_id=conversation.pk, agent=sam)
