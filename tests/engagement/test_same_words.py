"""The same words twice: the receipt of one message is not taken for that of another."""

from __future__ import annotations

import pytest

from engagement.models import Delivery
from engagement.services.delivery import deliver
from engagement.services.send import send_direct_message, send_reply
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.networks.base import NetworkError, Sent
from tests.engagement.desk import Desk, work_off
from tests.engagement.test_delivery import sandbox_publisher

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("kind", ["reply", "direct_message"])
def test_a_lost_message_is_not_taken_for_an_earlier_one_with_the_same_words(desk: Desk, sam: Agent, kind: str) -> None:
    if kind == "reply":
        first, second = (send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Sorry.", hold=0) for _ in range(2))
    else:
        conversation = desk.conversation(author="gemma")
        desk.world.follow("gemma")
        first, second = (
            send_direct_message(conversation_id=conversation.pk, agent=sam, text="Sorry.", hold=0, waiver="they asked") for _ in range(2)
        )
    deliver(first.delivery.pk)
    first.refresh_from_db()
    assert first.external_id

    def lost(**_: object) -> Sent:
        raise NetworkError("The network did not answer.", code="no_answer")

    found = Sent(first.external_id, "", first.sent_at or now())
    with sandbox_publisher(reply=lost, direct_message=lost, find=lambda **_: found):
        work_off(now())
    second.refresh_from_db()
    assert (Delivery.objects.get(message=second).state, second.external_id) == ("unconfirmed", "")


@pytest.mark.parametrize("code", ["already_there", "answered"])
def test_what_is_there_already_may_be_an_earlier_try_that_was_not_found(desk: Desk, sam: Agent, code: str) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Sorry.", hold=0)
    errors = [NetworkError("No answer came.", code="no_answer"), NetworkError("It is there already.", permanent=True, code=code)]

    def refuse(**_: object) -> Sent:
        raise errors.pop(0)

    with sandbox_publisher(reply=refuse, find=lambda **_: None):
        work_off(now())
    assert errors == []
    delivery = Delivery.objects.get(message=message)
    assert (delivery.state, delivery.error_code) == ("unconfirmed", code)


def test_what_is_there_already_at_the_first_try_is_not_ours(desk: Desk, sam: Agent) -> None:
    message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Sorry.", hold=0)

    def refuse(**_: object) -> Sent:
        raise NetworkError("It is there already.", permanent=True, code="already_there")

    with sandbox_publisher(reply=refuse):
        work_off(now())
    assert Delivery.objects.get(message=message).state == "failed"
