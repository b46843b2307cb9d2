"""The desk on Facebook and Instagram from end to end: connected, told, answered once, written to privately, and nothing missed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engagement.models import Delivery, Message
from engagement.services.delivery import deliver
from engagement.services.send import send_direct_message, send_reply
from listening.models import Conversation, IntakeBatch, Mention, NetworkAccount, Source
from listening.services.connected_accounts import store_account
from profiles.models import Role
from socialdesk.networks import registry
from socialdesk.polling import read_source
from socialdesk.reading import take_batch
from tests.engagement.desk import work_off
from tests.factories import make_agent
from tests.socialdesk.networks.facebook.harness import MetaHarness
from tests.socialdesk.networks.facebook.simulator import sign
from tests.socialdesk.networks.facebook.test_connecting import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


class Run:
    """An account that was connected by signing in, and a customer who writes."""

    def __init__(self, harness: MetaHarness) -> None:
        self.there = harness
        network = registry.get(harness.NETWORK)
        self.account = store_account(network=network, connected=sign_in(harness)[0], agent=make_agent(Role.ADMIN))
        self.sam = make_agent(Role.AGENT, username="sam")
        self._told = 0

    def tell(self) -> None:
        """The network calls about what happened since the last time."""
        webhook = registry.get(self.there.NETWORK).webhook
        assert webhook is not None
        source = Source.objects.get(account=self.account, kind=Source.Kind.STREAM)
        fresh, self._told = self.there.world.events[self._told :], len(self.there.world.events)
        for payload in fresh:
            body = json.dumps(payload).encode()
            for hook in webhook.read(headers=sign(body), body=body):
                take_batch(hook.batch, source=source, cursor=None)

    def read(self) -> None:
        """As the polling task does when it is due."""
        source = Source.objects.get(account=self.account, kind=Source.Kind.POLL)
        Source.objects.filter(pk=source.pk).update(next_poll_at=None)
        read_source(source.pk)
        source.refresh_from_db()
        assert source.last_error == ""

    def ours(self) -> list[str]:
        mine = (self.there.world.page, self.there.world.account)
        return [one.text for one in self.there.world.things.values() if one.author in mine and one.id != self.there.stands_below]

    def letters(self) -> list[str]:
        mine = (self.there.world.page, self.there.world.account)
        return [one.text for one in self.there.world.letters if one.sender in mine]


@pytest.fixture(params=["facebook", "instagram"])
def run(request: pytest.FixtureRequest) -> Run:
    return Run(request.getfixturevalue(request.param))


def state_of(message: Message) -> str:
    return Delivery.objects.get(message=message).state


def writing(method: str, path: str) -> bool:
    return method != "GET"


def test_a_customer_is_heard_answered_once_and_written_to_privately(run: Run) -> None:
    post = run.there.customer_posts("Ana", "it broke in Leeds")
    run.tell()
    mention = Mention.objects.get(external_id=post)
    conversation = mention.conversation
    assert conversation is not None
    assert conversation.account_id == run.account.pk

    message = send_reply(conversation_id=conversation.pk, agent=run.sam, text="We are sorry. A new one comes today.", hold=0)
    with run.there.simulator.failing("no_answer_after_writing", only=writing):
        deliver(Delivery.objects.get(message=message).pk)
    assert state_of(message) == "awaiting_retry"
    work_off()
    assert state_of(message) == "sent"
    assert run.ours() == ["We are sorry. A new one comes today."]

    # A comment takes one private answer before they have written to us.
    private = send_direct_message(conversation_id=conversation.pk, agent=run.sam, text="What is your address?", hold=0)
    work_off()
    assert state_of(private) == "sent", Delivery.objects.get(message=private).error
    assert run.letters() == ["What is your address?"]
    run.there.customer_messages("Ana", "12 Harbour Row")
    run.tell()
    answer = Message.objects.get(conversation=conversation, is_incoming=True)
    assert (answer.text, answer.kind) == ("12 Harbour Row", Message.Kind.DIRECT_MESSAGE)

    # What we wrote is told and read too, and is no new work (invariant 7).
    run.read()
    run.read()
    assert Conversation.objects.count() == 1
    assert Message.objects.filter(conversation=conversation, is_incoming=False).count() == 2
    for batch in IntakeBatch.objects.all():
        assert batch.seen == batch.stored + batch.duplicate + batch.folded + batch.filtered + batch.rejected


def test_what_happens_while_the_network_does_not_call_is_not_missed(run: Run) -> None:
    run.read()
    seen = {Mention.objects.values_list("external_id", flat=True).first() or ""} - {""}
    written = []
    for number in range(40):
        written.append(run.there.customer_posts(f"Person {number % 7}", f"number {number}"))
        if number in (5, 25):
            run.tell()
        elif number in (10, 30):
            run._told = len(run.there.world.events)  # its calls were lost
        if number == 15:
            run.read()
    run.read()
    assert set(Mention.objects.values_list("external_id", flat=True)) - seen == set(written)
    assert Mention.objects.count() == len(written) + len(seen)


def test_a_private_message_that_is_not_taken_says_which_window_is_closed(run: Run) -> None:
    post = run.there.customer_posts("Ana", "it broke")
    run.tell()
    run.there.world.answered.add(post)  # somebody answered it privately with the network's own app
    conversation = Conversation.objects.get()
    send_reply(conversation_id=conversation.pk, agent=run.sam, text="We are sorry.", hold=0)
    private = send_direct_message(conversation_id=conversation.pk, agent=run.sam, text="What is your address?", hold=0)
    work_off()
    delivery = Delivery.objects.get(message=private)
    assert (delivery.state, delivery.error_code) == ("failed", "answered")
    assert "one private answer" in delivery.error
    assert run.letters() == []


def test_an_account_that_was_revoked_turns_red_and_the_text_is_kept(run: Run) -> None:
    run.there.customer_posts("Ana", "it broke")
    run.tell()
    message = send_reply(conversation_id=Conversation.objects.get().pk, agent=run.sam, text="We are sorry.", hold=0)
    for token in run.there.world.tokens.values():
        token.is_valid = False
    deliver(Delivery.objects.get(message=message).pk)
    run.account.refresh_from_db()
    assert run.account.state == NetworkAccount.State.REVOKED
    message.refresh_from_db()
    assert message.text == "We are sorry."
    assert run.ours() == []


def test_sends_under_faults_through_the_outbox_are_there_once_each(run: Run) -> None:
    faults: list[Any] = ["lost_before_writing", "error_after_writing", "no_answer_after_writing", "rate_limit"]
    messages = []
    for number in range(40):
        run.there.customer_posts(f"Person {number}", f"it broke {number}")
    run.tell()
    for number, conversation in enumerate(Conversation.objects.order_by("pk")):
        messages.append(send_reply(conversation_id=conversation.pk, agent=run.sam, text=f"Answer {number}", hold=0))
        with run.there.failing(faults[number % 4]):
            deliver(Delivery.objects.get(message=messages[-1]).pk)
    work_off()
    assert {state_of(message) for message in messages} == {"sent"}
    assert sorted(run.ours()) == sorted(f"Answer {number}" for number in range(40))
