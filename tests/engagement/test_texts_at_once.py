"""Acknowledgements, promises, sweeps and votes from many hands at the same moment, and through a crash."""

from __future__ import annotations

from functools import partial

import pytest

from engagement.models import ArticleVote, Delivery, Message, Promise, Template, TemplateUse, TemplateWord
from engagement.services.article_figures import note_contacts
from engagement.services.articles import find_given, give_article, record_vote
from engagement.services.delivery import undo_delivery
from engagement.services.promises import Acknowledged, acknowledge, settle_promises
from engagement.services.send import send_reply
from engagement.services.template_outcomes import settle_uses
from listening.models import Conversation
from listening.services.conversations import resolve_conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict
from tests.engagement.desk import Desk, work, work_off
from tests.engagement.texts import make_article, make_template, message_of
from tests.engagement.threads import at_once
from tests.factories import make_agent

pytestmark = pytest.mark.django_db(transaction=True)
MANY = 12


def test_many_presses_of_one_agent_acknowledge_once(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = desk.conversation()
    results = at_once([partial(acknowledge, conversation_id=conversation.pk, agent=sam, hold=0) for _ in range(MANY)])
    assert all(isinstance(result, Acknowledged) for result in results), results
    assert sum(result.is_new for result in results) == 1
    work_off()
    assert len(desk.answers(conversation)) == 1
    assert Promise.objects.count() == TemplateUse.objects.count() == 1


def test_many_agents_acknowledge_once_and_the_others_are_told(desk: Desk) -> None:
    make_template()
    conversation = desk.conversation()
    agents = [make_agent() for _ in range(MANY)]
    results = at_once([partial(acknowledge, conversation_id=conversation.pk, agent=agent, hold=0) for agent in agents])
    assert sum(isinstance(result, Acknowledged) for result in results) == 1
    assert all(isinstance(result, Acknowledged | Conflict) for result in results), results
    assert Message.objects.count() == Promise.objects.count() == 1


def test_an_acknowledgement_that_is_taken_back_while_it_is_sent_ends_in_one_way_only(desk: Desk, sam: Agent) -> None:
    make_template()
    for _ in range(4):
        conversation = desk.conversation()
        message = message_of(acknowledge(conversation_id=conversation.pk, agent=sam, hold=60))
        at_once([partial(undo_delivery, message_id=message.pk, agent=sam), partial(work, message.delivery.not_before)])
        conversation.refresh_from_db()
        sent = desk.state(message) == "sent"
        assert bool(desk.answers(conversation)) == sent
        assert (conversation.acknowledged_at is not None) == sent
        assert (conversation.promise_due_at is not None) == sent
        assert conversation.first_answered_at is None


def test_one_that_the_network_took_without_a_receipt_is_read_back_as_an_acknowledgement(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = desk.conversation()
    message = message_of(acknowledge(conversation_id=conversation.pk, agent=sam, hold=0))
    desk.world.faults.set("timeout_after_accept", 1)
    work(now())
    desk.read()
    conversation.refresh_from_db()
    assert (desk.state(message), conversation.first_answered_at) == ("awaiting_retry", None)
    desk.world.faults.heal()
    work_off()
    conversation.refresh_from_db()
    assert len(desk.answers(conversation)) == 1
    assert desk.state(message) == "sent"
    assert conversation.first_answered_at is None
    assert conversation.promise_due_at is not None


def test_sweeps_beside_each_other_count_each_use_once(desk: Desk, sam: Agent) -> None:
    variants = [make_template(f"T{number}", "answer", en="We are sorry.").variants.get() for number in range(3)]
    for number in range(9):
        conversation = desk.conversation("@tidewheel my battery is flat", author=f"c{number}")
        send_reply(conversation_id=conversation.pk, agent=sam, text="We are sorry.", variant_id=variants[number % 3].pk, hold=0)
        work(now())
        resolve_conversation(conversation_id=conversation.pk, agent=sam)
    results = at_once([partial(settle_uses, limit=4) for _ in range(6)])
    assert [result for result in results if not isinstance(result, int)] == []
    while settle_uses():
        pass
    assert sum(Template.objects.values_list("went_well", flat=True)) == 9
    assert TemplateWord.objects.filter(word="battery").count() == 3
    assert not TemplateUse.objects.filter(settled_at=None).exists()


def test_promises_are_settled_once_by_many_sweeps(desk: Desk, sam: Agent) -> None:
    make_template()
    conversation = desk.conversation()
    acknowledge(conversation_id=conversation.pk, agent=sam, hold=0)
    work(now())
    send_reply(conversation_id=conversation.pk, agent=sam, text="Here it is.", answer_seen=1, hold=0)
    work(now())
    assert sum(at_once([settle_promises] * 4)) == 1
    assert Promise.objects.get().kept_at == Conversation.objects.get(pk=conversation.pk).last_answered_at


def test_one_link_has_one_vote_however_often_the_form_arrives(desk: Desk, sam: Agent) -> None:
    article = make_article("Battery")
    given = find_given(give_article(article_id=article.pk, conversation_id=desk.conversation().pk, agent=sam))
    assert given is not None
    results = at_once([partial(record_vote, article=article, helped=True, language="en", given=given) for _ in range(MANY)])
    assert results == [None] * MANY
    assert ArticleVote.objects.count() == 1
    assert at_once([note_contacts] * 3) == [0, 0, 0]
    assert Delivery.objects.count() == 0
