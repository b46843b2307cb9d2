"""Which conversation a post falls into."""

from __future__ import annotations

import pytest

from listening.models import Conversation, ConversationEvent, Mention, Status
from listening.services.conversations import claim_conversation, record_answer, resolve_conversation
from socialdesk.lib.clock import now
from tests.factories import make_account, make_agent, make_author, make_post, push

pytestmark = pytest.mark.django_db
US = make_author("tidewheel", external_id="us")


@pytest.fixture(autouse=True)
def _account():
    make_account(external_id="us")


def conversation_of(post):
    return Mention.objects.get(external_id=post.external_id).conversation


def test_a_customers_second_post_falls_into_the_same_conversation():
    first, second = make_post(ago=10), make_post("hello??", ago=5)
    push(first)
    push(second)
    assert conversation_of(first) == conversation_of(second)
    conversation = Conversation.objects.get()
    assert conversation.unanswered == 2
    assert conversation.excerpt == "hello??"
    assert conversation.last_mention is not None
    assert conversation.last_mention.external_id == second.external_id


def test_another_author_in_the_same_thread_has_a_conversation_of_their_own():
    first = make_post(author="mara", ago=10)
    push(first, make_post("me too", author="tom", in_reply_to=first.external_id, ago=5))
    assert Conversation.objects.count() == 2


def test_an_answer_to_our_reply_comes_back_to_the_conversation():
    first = make_post(ago=30)
    ours = make_post("we look into it", author=US, in_reply_to=first.external_id, ago=20)
    back = make_post("thanks, still waiting", in_reply_to=ours.external_id, ago=10)
    push(first)
    push(ours)
    assert Conversation.objects.get().status == Status.WAITING
    push(back)
    conversation = Conversation.objects.get()
    assert conversation.is_active
    assert conversation.due_kind == "next"
    assert conversation.waiting_since == back.posted_at
    assert ConversationEvent.objects.filter(kind="customer_wrote").count() == 1


def test_a_resolved_conversation_comes_back_to_the_agent_who_had_it():
    agent = make_agent()
    first = make_post(ago=30)
    push(first)
    conversation = Conversation.objects.get()
    claim_conversation(conversation_id=conversation.pk, agent=agent)
    resolve_conversation(conversation_id=conversation.pk, agent=agent)
    push(make_post("not solved!", in_reply_to=first.external_id, ago=-1))
    conversation.refresh_from_db()
    assert conversation.status == Status.OPEN
    assert conversation.assignee == agent


def test_a_post_long_after_a_resolved_conversation_opens_a_new_one():
    agent = make_agent()
    push(make_post(ago=30))
    conversation = Conversation.objects.get()
    resolve_conversation(conversation_id=conversation.pk, agent=agent)
    push(make_post("something else"))
    assert Conversation.objects.count() == 2


@pytest.mark.parametrize("together", [True, False])
def test_posts_out_of_order_find_each_other(together):
    first = make_post(ago=30)
    ours = make_post("we look into it", author=US, in_reply_to=first.external_id, ago=20)
    back = make_post("thanks", in_reply_to=ours.external_id, ago=10)
    if together:
        push(back, ours, first)
    else:
        for post in (back, ours, first):
            push(post)
    assert Conversation.objects.count() == 1
    assert set(Mention.objects.values_list("conversation_id", flat=True)) == {Conversation.objects.get().pk}
    assert Mention.objects.get(external_id=back.external_id).parent == Mention.objects.get(external_id=ours.external_id)
    assert Mention.objects.get(external_id=ours.external_id).parent == Mention.objects.get(external_id=first.external_id)


def test_our_answer_goes_where_the_post_is_that_it_answers_though_another_author_answered_it_before():
    first = make_post(author="mara", ago=30)
    ours = make_post("we look into it", author=US, in_reply_to=first.external_id, ago=20)
    aside = make_post("and mine?", author="tom", in_reply_to=ours.external_id, ago=10)
    for post in (aside, ours, first):
        push(post)
    assert conversation_of(ours) == conversation_of(first) != conversation_of(aside)
    assert conversation_of(first).status == Status.WAITING
    assert conversation_of(first).first_answered_at == ours.posted_at
    assert conversation_of(aside).is_active


def test_what_came_late_and_was_answered_since_does_not_reopen():
    first = make_post(ago=30)
    push(first)
    conversation = Conversation.objects.get()
    record_answer(conversation_id=conversation.pk, agent=None, at=now(), kind="reply")
    push(make_post("posted before our answer", ago=10))
    conversation.refresh_from_db()
    assert conversation.status == Status.WAITING
    assert conversation.waiting_since is None


def test_two_networks_are_two_conversations():
    push(make_post(author="mara"), make_post(author="mara", network="web"))
    assert Conversation.objects.count() == 2
