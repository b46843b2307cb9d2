"""What stands in a bubble of the thread: why an answer waits and until when, and what is left of a deleted post."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from engagement.models import Delivery
from engagement.services.send import send_reply
from listening.models import Conversation, Mention
from listening.templatetags.desk import when
from profiles.models import Agent
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk, work
from tests.listening.pages import text_of

pytestmark = pytest.mark.django_db


def shown(agent: Agent, conversation: Conversation) -> str:
    client = Client()
    client.force_login(agent)
    return text_of(client.get(f"/conversations/{conversation.pk}/", headers={"HX-Request": "true"}))


def test_an_answer_that_waits_for_a_limit_says_when_it_is_tried_again(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    send_reply(conversation_id=conversation.pk, agent=sam, text="On its way", hold=0)
    desk.world.faults.set("rate_limit", 1, seconds=900)
    work(now())
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.not_before > now() + timedelta(minutes=10)) == ("awaiting_retry", True)
    assert f"Nothing to do: the desk tries again by itself. Next try at {when(delivery.not_before)} ." in shown(sam, conversation)


def test_an_answer_that_can_be_taken_back_or_failed_has_no_next_try(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    send_reply(conversation_id=conversation.pk, agent=sam, text="On its way", hold=60)
    assert "Next try at" not in shown(sam, conversation)
    Delivery.objects.update(state="failed", error="HTTP 403: no", error_code="refused")
    assert "Next try at" not in shown(sam, conversation)


def test_a_deleted_post_says_what_it_said_only_where_that_is_left(desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    assert mention.conversation is not None
    Mention.objects.filter(pk=mention.pk).update(deleted_at=now())
    assert f"Deleted by its author. It said: {mention.text}" in shown(sam, mention.conversation)
    Mention.objects.filter(pk=mention.pk).update(text="")
    pane = shown(sam, mention.conversation)
    assert "Deleted by its author." in pane
    assert "It said" not in pane
