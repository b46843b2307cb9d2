"""What agents do with conversations: claims, status, clocks, and who may."""

from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from listening.models import Conversation, ConversationEvent, ConversationTopic, Status, Topic
from listening.services import clocks
from listening.services.conversations import (
    assign_conversation,
    claim_conversation,
    record_answer,
    record_incoming_message,
    release_claim,
    reopen_conversation,
    resolve_conversation,
    snooze_conversation,
    wake_conversations,
)
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from tests.factories import make_agent, make_conversation, make_post, push

pytestmark = pytest.mark.django_db


def test_a_claim_keeps_others_off_until_it_expires():
    conversation, ana, sam = make_conversation(), make_agent(), make_agent()
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    with pytest.raises(Conflict, match="is working on this") as refused:
        claim_conversation(conversation_id=conversation.pk, agent=sam)
    assert refused.value.code == "claimed"
    Conversation.objects.update(claimed_until=now() - timedelta(seconds=1))
    assert claim_conversation(conversation_id=conversation.pk, agent=sam).claimed_by == sam


def test_claiming_assigns_and_opens():
    conversation, ana = make_conversation(), make_agent()
    claimed = claim_conversation(conversation_id=conversation.pk, agent=ana)
    assert (claimed.assignee, claimed.status) == (ana, Status.OPEN)


def test_only_the_holder_or_a_lead_releases_a_claim():
    conversation, ana, sam, lead = make_conversation(), make_agent(), make_agent(), make_agent("lead")
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    with pytest.raises(NotAllowed):
        release_claim(conversation_id=conversation.pk, agent=sam)
    assert release_claim(conversation_id=conversation.pk, agent=lead).claimed_by is None


@pytest.mark.parametrize("role", ["marketing", "manager"])
def test_roles_that_do_not_answer_cannot_claim(role):
    with pytest.raises(NotAllowed):
        claim_conversation(conversation_id=make_conversation().pk, agent=make_agent(role))


@pytest.mark.django_db(transaction=True)
def test_two_agents_resolving_at_once_resolve_once():
    conversation, agents = make_conversation(), [make_agent("lead"), make_agent("lead")]
    gate, outcomes = Barrier(2), []

    def resolve(agent):
        gate.wait()
        try:
            resolve_conversation(conversation_id=conversation.pk, agent=agent)
            outcomes.append("resolved")
        except Conflict as error:
            outcomes.append(error.message)
        finally:
            connection.close()

    threads = [Thread(target=resolve, args=(agent,)) for agent in agents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["Somebody resolved it already.", "resolved"]
    assert ConversationEvent.objects.filter(kind="resolved").count() == 1


def test_resolving_what_changed_since_it_was_seen_is_refused():
    conversation, ana = make_conversation(), make_agent()
    seen = conversation.version
    assign_conversation(conversation_id=conversation.pk, agent=make_agent("lead"), to=ana)
    with pytest.raises(Conflict, match="changed while you looked"):
        resolve_conversation(conversation_id=conversation.pk, agent=ana, version=seen)


def test_an_answer_that_arrived_meanwhile_does_not_keep_its_agent_from_resolving():
    conversation, ana = make_conversation(), make_agent()
    seen = conversation.version
    record_answer(conversation_id=conversation.pk, agent=ana, at=now(), kind="reply")
    assert resolve_conversation(conversation_id=conversation.pk, agent=ana, version=seen).status == "resolved"


def test_a_snoozed_conversation_wakes_at_its_time_to_the_same_agent():
    conversation, ana = make_conversation(), make_agent()
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    until = now() + timedelta(hours=1)
    snooze_conversation(conversation_id=conversation.pk, agent=ana, until=until)
    assert wake_conversations(now=until - timedelta(seconds=1)) == 0
    assert wake_conversations(now=until) == 1
    conversation.refresh_from_db()
    assert (conversation.status, conversation.assignee) == (Status.OPEN, ana)


@pytest.mark.parametrize("until", [timedelta(0), timedelta(days=91)])
def test_snoozing_into_the_past_or_for_ever_is_refused(until):
    with pytest.raises(DeskError):
        snooze_conversation(conversation_id=make_conversation().pk, agent=make_agent(), until=now() + until)


def test_an_answer_stops_the_clocks_and_parks_the_conversation():
    conversation, ana = make_conversation(ago=5), make_agent()
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    record_answer(conversation_id=conversation.pk, agent=ana, at=now(), kind="reply")
    conversation.refresh_from_db()
    assert conversation.status == Status.WAITING
    assert conversation.due_at is None
    assert conversation.claimed_by is None
    assert conversation.assignee == ana


def test_a_change_writes_only_what_it_changed():
    conversation, ana = make_conversation(ago=5), make_agent()
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    with CaptureQueriesContext(connection) as captured:
        record_answer(conversation_id=conversation.pk, agent=ana, at=now(), kind="reply")
    [update] = [query["sql"] for query in captured if query["sql"].startswith('UPDATE "listening_conversation" ')]
    assert '"last_answered_at"' in update
    assert not [name for name in ("excerpt", "author_id", "priority_reasons", "assignee_id") if f'"{name}"' in update]


def test_an_answer_to_what_nobody_wrote_after_counts_no_posts():
    conversation = make_conversation(ago=5)
    with CaptureQueriesContext(connection) as captured:
        record_answer(conversation_id=conversation.pk, agent=None, at=now(), kind="reply")
    assert not [query for query in captured if "listening_mention" in query["sql"]]


def test_an_answer_counts_what_was_written_after_it():
    conversation = make_conversation(ago=30)
    push(make_post("hello?", ago=10), make_post("anybody?", ago=5))
    record_answer(conversation_id=conversation.pk, agent=None, at=now() - timedelta(minutes=20), kind="reply")
    conversation.refresh_from_db()
    assert conversation.is_active
    assert conversation.unanswered == 2
    assert conversation.waiting_since == conversation.mentions.order_by("posted_at")[1].posted_at


def test_lists_of_topics_follow_the_status():
    Topic.objects.create(name="bikes", query="bike")
    conversation, ana = make_conversation("my bike is late"), make_agent()

    def is_listed_as_active():
        return ConversationTopic.objects.get(conversation=conversation).is_active

    assert is_listed_as_active()
    record_answer(conversation_id=conversation.pk, agent=ana, at=now(), kind="reply")
    assert not is_listed_as_active()
    reopen_conversation(conversation_id=conversation.pk, agent=ana)
    assert is_listed_as_active()


def test_time_that_the_customer_takes_does_not_count_against_the_final_clock():
    conversation = make_conversation(ago=100)
    moment = now()
    record_answer(conversation_id=conversation.pk, agent=None, at=moment - timedelta(minutes=80), kind="reply")
    push(make_post("still not here", posted_at=moment - timedelta(minutes=20)))
    conversation.refresh_from_db()
    assert conversation.parked_seconds == pytest.approx(60 * 60, abs=1)
    conversation.waiting_since = None
    due, kind = clocks.compute_due(conversation)
    assert kind == "final"
    assert due == conversation.opened_at + timedelta(minutes=1440, seconds=conversation.parked_seconds)


def test_the_clocks_can_be_computed_again_from_the_stored_facts():
    conversation = make_conversation(ago=100)
    record_answer(conversation_id=conversation.pk, agent=None, at=now() - timedelta(minutes=50), kind="reply")
    push(make_post("still not here", ago=20))
    conversation.refresh_from_db()
    assert clocks.compute_due(conversation) == (conversation.due_at, conversation.due_kind)
    assert conversation.due_kind == "next"


def test_a_private_message_brings_the_conversation_back():
    conversation = make_conversation(ago=10)
    record_answer(conversation_id=conversation.pk, agent=None, at=now() - timedelta(minutes=5), kind="reply")
    record_incoming_message(conversation_id=conversation.pk, at=now(), excerpt="here is my number")
    conversation.refresh_from_db()
    assert conversation.private_waiting
    assert conversation.is_active
    assert conversation.excerpt == "here is my number"


def test_reopening_what_is_open_is_refused():
    with pytest.raises(Conflict, match="open already"):
        reopen_conversation(conversation_id=make_conversation().pk, agent=make_agent())


def test_nobody_is_assigned_who_does_not_answer():
    with pytest.raises(DeskError, match="cannot be assigned"):
        assign_conversation(conversation_id=make_conversation().pk, agent=make_agent("lead"), to=make_agent("marketing"))


def test_a_conversation_that_is_not_there_is_said_so():
    with pytest.raises(NotFound):
        claim_conversation(conversation_id=10**9, agent=make_agent())
