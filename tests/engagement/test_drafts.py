"""What is typed is kept, and what was sent does not come back as a draft, whenever the typed text arrives."""

from __future__ import annotations

import pytest
from django.test import Client

from engagement.models import Approval, Draft
from engagement.services import drafts
from engagement.services.approvals import submit_reply
from engagement.services.delivery import undo_delivery
from engagement.services.drafts import keep_typed, read_drafts
from engagement.services.send import send_reply
from listening.models import Conversation
from profiles.models import Agent, Role
from tests.engagement.desk import Desk
from tests.engagement.heated import make_rule
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    return desk.conversation()


def keep(agent: Agent, conversation: Conversation, text: str, key: str = "k1") -> dict[str, str]:
    keep_typed(agent=agent, conversation_id=conversation.pk, kind="reply", text=text, request_key=key)
    return read_drafts(agent=agent, conversation_id=conversation.pk)


def test_what_was_sent_is_no_draft_however_late_it_arrives(sam: Agent, ana: Agent, conversation: Conversation) -> None:
    assert keep(sam, conversation, "On its way") == {"reply": "On its way"}
    send_reply(conversation_id=conversation.pk, agent=sam, text="On its way", request_key="k1")
    assert keep(sam, conversation, "On its way") == {}
    assert keep(ana, conversation, "On its way") == {"reply": "On its way"}  # another person's key
    assert keep(sam, conversation, "And one more thing", "k2") == {"reply": "And one more thing"}
    assert keep(sam, conversation, "", "k2") == {}


def test_what_is_sent_while_its_draft_is_kept_is_none_afterwards(
    sam: Agent, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = drafts.save_draft

    def late(**given: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(drafts, "save_draft", real)
            send_reply(conversation_id=conversation.pk, agent=sam, text="On its way", request_key="k1")
        real(**given)  # type: ignore[arg-type]

    monkeypatch.setattr(drafts, "save_draft", late)
    assert keep(sam, conversation, "On its way") == {}


def test_a_text_that_was_taken_back_stays_a_draft(sam: Agent, conversation: Conversation) -> None:
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="On its way", request_key="k1", hold=60)
    undo_delivery(message_id=message.pk, agent=sam)
    assert keep(sam, conversation, "On its") == {"reply": "On its way"}


def test_what_a_lead_reads_first_is_no_draft_either(desk: Desk, sam: Agent) -> None:
    make_rule("approval", "Refunds", lead=make_agent(Role.LEAD), query="refund")
    conversation = desk.conversation("@tidewheel where is my refund?")
    assert isinstance(submit_reply(conversation_id=conversation.pk, agent=sam, text="Soon", request_key="k1"), Approval)
    assert keep(sam, conversation, "Soon") == {}


def test_the_page_says_with_which_key_it_would_be_sent(sam: Agent, conversation: Conversation) -> None:
    send_reply(conversation_id=conversation.pk, agent=sam, text="On its way", request_key="k1")
    client = Client()
    client.force_login(sam)
    path = f"/conversations/{conversation.pk}/draft/"
    for key, drafts_there in (("k1", 0), ("k2", 1)):
        assert client.post(path, {"kind": "reply", "text": "On its way", "request_key": key}).status_code == 204
        assert Draft.objects.count() == drafts_there
