"""A note has no way to a network (invariant 4): not by the database, not by the worker, not by anything that people do."""

from __future__ import annotations

import uuid

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from engagement.models import Delivery, Message
from engagement.services.delivery import decide_unconfirmed, deliver, retry_failed, sweep, undo_delivery
from engagement.services.drafts import save_draft
from engagement.services.send import add_note
from engagement.services.thread import read_thread
from listening.services.conversations import claim_conversation, reopen_conversation, resolve_conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.engagement.desk import Desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def note(desk: Desk, sam: Agent) -> Message:
    return add_note(conversation_id=desk.conversation().pk, agent=sam, text="Between us: the carrier lost it")


def test_database_refuses_a_delivery_of_a_note(note: Message) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Delivery.objects.create(message=note, kind="note", token="t", not_before=now(), created_at=now())


def test_database_refuses_a_note_that_belongs_to_a_network(desk: Desk, note: Message) -> None:
    for column in ({"network": "sandbox"}, {"external_id": "1"}, {"account": desk.account}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Message.objects.filter(pk=note.pk).update(**column)


@pytest.mark.parametrize("kind", ["reply", "direct_message"])
def test_worker_does_not_send_a_note_even_if_a_delivery_was_forged(desk: Desk, note: Message, kind: str) -> None:
    before = desk.world.counts()
    forged = Delivery.objects.create(message=note, kind=kind, token=uuid.uuid4().hex, not_before=now(), created_at=now())
    deliver(forged.pk)
    forged.refresh_from_db()
    assert forged.state == "failed"
    assert desk.world.counts() == before


DECISIONS = ["sent", "send_again", "look_again", "abandon"]
ACTS = ["note", "undo", "retry", "deliver", "sweep", "draft", "claim", "resolve", "reopen", "read", *DECISIONS]


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.tuples(st.sampled_from(ACTS), st.text(min_size=1, max_size=50)), max_size=12))
def test_nothing_that_is_done_with_notes_reaches_the_network(desk: Desk, sam: Agent, note: Message, acts: list[tuple[str, str]]) -> None:
    before = desk.world.counts()
    pk, conversation = note.pk, note.conversation_id
    steps = {
        "note": lambda text: add_note(conversation_id=conversation, agent=sam, text=text),
        "undo": lambda _: undo_delivery(message_id=pk, agent=sam),
        "retry": lambda _: retry_failed(message_id=pk, agent=sam),
        "deliver": lambda _: deliver(pk),
        "sweep": lambda _: sweep(),
        "draft": lambda text: save_draft(agent=sam, conversation_id=conversation, kind="note", text=text),
        "claim": lambda _: claim_conversation(conversation_id=conversation, agent=sam),
        "resolve": lambda _: resolve_conversation(conversation_id=conversation, agent=sam),
        "reopen": lambda _: reopen_conversation(conversation_id=conversation, agent=sam),
        "read": lambda _: desk.read(),
    }
    with transaction.atomic():
        for act, text in acts:
            step = steps.get(act, lambda _, decision=act: decide_unconfirmed(message_id=pk, agent=sam, decision=decision))
            try:
                step(text)
            except DeskError:
                continue
        assert not Delivery.objects.exists()
        assert desk.world.counts() == before
        assert {bubble.audience for bubble in read_thread(note.conversation) if bubble.kind == "note"} == {"internal"}
        transaction.set_rollback(True)
