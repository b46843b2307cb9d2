"""The outbox: one list of what did not simply go out."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagement.models import Delivery
from engagement.services.outbox import read_outbox
from engagement.services.send import send_reply
from listening.feed import count_views
from profiles.models import Agent
from socialdesk.lib.errors import DeskError
from tests.engagement.desk import Desk

pytestmark = pytest.mark.django_db
STATES = ["queued", "inflight", "awaiting_retry", "sent", "failed", "aborted", "unconfirmed"]


def test_outbox_lists_what_failed_what_is_open_and_what_is_tried_again_newest_first(desk: Desk, sam: Agent) -> None:
    for state in STATES:
        message = send_reply(conversation_id=desk.conversation().pk, agent=sam, text=state)
        Delivery.objects.filter(message=message).update(state=state, error="It broke.", error_code="account_revoked")
    page = read_outbox()
    assert [entry.message.text for entry in page.entries] == ["unconfirmed", "failed", "awaiting_retry"]
    assert page.entries[1].explanation.happened == "It broke."
    assert page.entries[1].explanation.advice.startswith("Once the account is connected again, it goes out by itself")
    assert page.next == ""
    assert count_views(sam)["not_sent"] == 3


def test_outbox_is_read_page_by_page_with_one_query_each(desk: Desk, sam: Agent) -> None:
    for number in range(7):
        send_reply(conversation_id=desk.conversation().pk, agent=sam, text=str(number))
    Delivery.objects.update(state="failed", created_at=Delivery.objects.earliest("pk").created_at)  # all at one moment
    seen: list[str] = []
    after = ""
    while True:
        with CaptureQueriesContext(connection) as queries:
            page = read_outbox(after=after, limit=3)
            seen += [f"{entry.message.text}:{entry.message.conversation.author.username[:8]}" for entry in page.entries]
            assert all(entry.message.agent == sam and entry.message.mention for entry in page.entries)
        assert len(queries) == 1
        after = page.next
        if not after:
            break
    assert [text.split(":")[0] for text in seen] == list("6543210")


def test_place_that_is_none_is_refused(desk: Desk) -> None:
    with pytest.raises(DeskError):
        read_outbox(after="nonsense")
