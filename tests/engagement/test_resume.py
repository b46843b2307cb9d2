"""A desk that starts again goes on at once with what the last run was told of."""

from __future__ import annotations

from datetime import timedelta
from unittest.mock import patch

import pytest

from engagement.models import Delivery
from engagement.services.send import send_reply
from profiles.models import Agent
from socialdesk import embedded
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("state", ["queued", "awaiting_retry", "inflight"])
def test_what_a_task_was_under_way_for_is_told_anew(desk: Desk, sam: Agent, state: str) -> None:
    send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Sorry!", hold=0)
    moment = now()
    Delivery.objects.update(state=state, told_at=moment, not_before=moment, claimed_until=moment + timedelta(minutes=3))
    delivery = Delivery.objects.get()
    with patch("engagement.services.delivery.tell_worker") as told:
        embedded.resume()
    told.assert_called_once_with(delivery.pk)
