"""Answers to who neither named nor quoted us: by most plans X refuses them, and an agent is told so in words that help."""

from __future__ import annotations

import json

import pytest

from engagement.models import Delivery
from engagement.services.explain import explain
from engagement.services.send import send_reply
from listening.models import Mention, Source
from profiles.models import Role
from socialdesk.networks.base import NetworkError
from socialdesk.reading import take_batch
from tests.engagement.desk import work_off
from tests.factories import make_account, make_agent
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.x.conftest import Stage

TODAY = "You can only reply to or quote posts where you are mentioned or are the author."
BEFORE = (
    "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged by the author of the post you are"
    " replying to."
)


def answer(x: Stage, post_id: str, text: str = "We are sorry.") -> None:
    x.publisher.reply(in_reply_to=post_id, text=text, token="t")


@pytest.mark.parametrize("said", [TODAY, BEFORE])
def test_an_answer_to_who_did_not_name_us_is_refused_for_good_and_says_what_to_do(x: Stage, said: str) -> None:
    x.world.uninvited = said
    post = x.ana_posts("My tide wheel broke")
    with pytest.raises(NetworkError) as caught:
        answer(x, post.id)
    assert (caught.value.permanent, caught.value.account_revoked, caught.value.code) == (True, False, "uninvited")
    assert str(caught.value) == f"X lets an app answer only who names us. Like the post, or answer where they name us. X says: {said}"
    assert len(x.simulator.calls("POST", "/2/tweets")) == 1
    x.publisher.like(external_id=post.id, token="t")  # as the words advise
    assert (x.us.id, post.id) in x.world.likes


@pytest.mark.parametrize("status", [400, 500])
def test_the_words_alone_are_no_such_refusal(x: Stage, status: int) -> None:
    """A server that failed may have written it all the same."""
    post = x.ana_posts()
    x.simulator.answers_with = (status, json.dumps({"detail": TODAY, "status": status}).encode(), {})
    x.simulator.fails_on = lambda method, path: method == "POST"
    with pytest.raises(NetworkError) as caught:
        answer(x, post.id)
    assert caught.value.code != "uninvited"
    assert caught.value.outcome_unknown is (status == 500)


def test_whoever_names_or_quotes_us_is_answered_and_so_are_we(x: Stage) -> None:
    x.world.uninvited = TODAY
    ours = x.world.publish(x.us, "Autumn rides")
    named = x.ana_posts("it broke, @TideWheel")
    below = x.ana_posts("mine too", in_reply_to=ours.id)  # X puts our name before it
    quoting = x.ana_posts("Really?", quotes=ours.id)
    for number, post in enumerate((ours, named, below, quoting)):
        answer(x, post.id, f"Answer {number}")
    assert [post.in_reply_to for post in x.world.posts.values() if post.typed.startswith("Answer")] == [
        post.id for post in (ours, named, below, quoting)
    ]
    with pytest.raises(NetworkError):
        answer(x, x.ana_posts("it broke, @tidewheels and others").id)


def test_with_a_plan_that_lets_us_anybody_is_answered(x: Stage) -> None:
    answer(x, x.ana_posts("My tide wheel broke").id)


@pytest.mark.django_db(transaction=True)
def test_an_agent_is_told_why_their_answer_did_not_go_out(x: Stage) -> None:
    x.world.uninvited = TODAY
    account = make_account("x", "tidewheel", external_id=x.us.id, credentials=dict(x.config.credentials))
    post = x.ana_posts("My tide wheel broke")
    source = Source.objects.create(account=account, network="x", kind=Source.Kind.POLL, name="read")
    take_batch(read_all(x.reader), source=source, cursor=None)
    conversation_id = Mention.objects.get(external_id=post.id).conversation_id
    assert conversation_id is not None
    message = send_reply(conversation_id=conversation_id, agent=make_agent(Role.AGENT), text="We are sorry.", hold=0)
    work_off()
    delivery = Delivery.objects.get(message=message)
    assert (delivery.state, delivery.error_code) == ("failed", "uninvited")
    told = explain(delivery)
    assert told.happened.startswith("X lets an app answer only who names us.")
    assert "like their post" in told.advice
    assert "abandon" in told.actions
    assert len(x.simulator.calls("POST", "/2/tweets")) == 1
