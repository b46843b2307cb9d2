"""Two who lock the same rows from different ends: both get through. On PostgreSQL; SQLite has one writer at a time."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection

from engagement.models import CallbackRequest, ChatSession, Company, Notice, TicketSubscription, TicketUpdate
from engagement.services.chat import begin_chat
from engagement.services.consent_texts import consent_text
from engagement.services.links import choose_to_stay
from engagement.services.outbound import send_notice
from engagement.services.ticket_mail import confirm, subscribe
from engagement.services.tickets import add_update, open_ticket
from listening.models import Conversation
from profiles.models import THIS_MATTER, Agent, Medium
from tests.engagement.calls import ask_for_call, callback_link, open_day
from tests.engagement.chats import make_link
from tests.engagement.threads import in_thread
from tests.factories import make_conversation

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time"),
]
GUARD = 30  # seconds after which a test that hangs is given up


@pytest.fixture(autouse=True)
def company(transactional_db: None) -> Company:
    return open_day()


@pytest.fixture
def conversation() -> Conversation:
    return make_conversation(author="mara_k")


def while_the_other_waits(place: str, first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Any, Any]:
    """What both come to if `first` stands still after `place` (a function's full name), its transaction open, until `second` waits."""
    module, name = place.rsplit(".", 1)
    real = getattr(sys.modules[module], name)
    reached = threading.Event()
    holder: list[int] = []
    other: list[Any] = []

    def hold(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        if threading.get_ident() in holder and not reached.is_set():
            reached.set()
            end = time.monotonic() + GUARD
            while not _somebody_waits():
                assert time.monotonic() < end, "the other one never came to wait"
                assert not (other and other[0].done()), f"the other one did not wait: {other[0].exception() or other[0].result()}"
                time.sleep(0.01)
        return result

    def run_first() -> Any:
        holder.append(threading.get_ident())
        return first()

    with patch(place, hold):
        one = in_thread(run_first)
        assert reached.wait(GUARD)
        other.append(in_thread(second))
        return one.exception(GUARD) or one.result(), other[0].exception(GUARD) or other[0].result()


def _somebody_waits() -> bool:
    """For this connection: others on the same server wait for another test's."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))")
        return bool(cursor.fetchone()[0])


def test_an_address_is_given_while_the_news_are_mailed(conversation: Conversation, sam: Agent) -> None:
    ticket = open_ticket(conversation_id=conversation.pk, agent=sam)
    words = consent_text(Medium.EMAIL, language="en", company="Tidewheel")
    known = subscribe(ticket=ticket, address="mara@example.com", consent=words)
    assert known is not None
    assert confirm(ticket=ticket, token=known.token)
    given, update = while_the_other_waits(
        "engagement.services.ticket_mail.record_contact_point",
        partial(subscribe, ticket=ticket, address="again@example.com", consent=words),
        partial(add_update, ticket_id=ticket.pk, agent=sam, text="News"),
    )
    assert isinstance(given, TicketSubscription), given
    assert isinstance(update, TicketUpdate), update
    assert Notice.objects.count() == 3


def test_a_known_number_asks_for_another_call_while_it_is_written_to(conversation: Conversation) -> None:
    ask_for_call(conversation, also_sms=True)
    link = callback_link(conversation)
    callback, notice = while_the_other_waits(
        "engagement.services.callbacks.record_contact_point",
        partial(ask_for_call, conversation, link=link, form_key="1" * 32),
        partial(send_notice, profile=conversation.author.profile, medium=Medium.SMS, purpose=THIS_MATTER, text="We tried to call."),
    )
    assert isinstance(callback, CallbackRequest), callback
    assert isinstance(notice, Notice), notice


def test_one_window_stays_while_another_begins_a_chat(conversation: Conversation) -> None:
    link = make_link(conversation, kind="choice")
    stayed, chat = while_the_other_waits(
        "engagement.services.links.note_sent",
        partial(choose_to_stay, link),
        partial(begin_chat, link=link, form_key="k" * 22, text="My wheel squeaks", language="en"),
    )
    assert stayed is None
    assert isinstance(chat, ChatSession), chat
    link.refresh_from_db()
    assert link.target["chosen"] == "stay"


def test_a_choice_that_is_pressed_twice_at_once_is_one() -> None:
    link = make_link(kind="choice")
    same = type(link).objects.get(pk=link.pk)
    place = "engagement.services.links.note_sent"
    with patch("engagement.services.links.record_customer_acted") as acted:
        assert while_the_other_waits(place, partial(choose_to_stay, link), partial(choose_to_stay, same)) == (None, None)
    assert acted.call_count == 1
