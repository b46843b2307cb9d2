"""Told and read together, as the desk has it: each thing once, people named as soon as they can be, answers sent once whatever fails."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engagement.models import Message
from listening.models import IntakeBatch, Mention, Source
from profiles.models import Handle
from socialdesk.networks import registry
from socialdesk.networks.base import NetworkError, Sent
from socialdesk.reading import take_batch
from tests.factories import make_account
from tests.socialdesk.networks.facebook.harness import FacebookHarness, MetaHarness
from tests.socialdesk.networks.facebook.simulator import sign
from tests.socialdesk.networks.harnesses import an_hour_ago

pytestmark = pytest.mark.django_db


class Desk:
    """Our account on a desk, with the two ways in which it hears."""

    def __init__(self, harness: MetaHarness) -> None:
        config = harness.config
        self.harness = harness
        self.account = make_account(config.network, config.username, external_id=config.external_id, credentials=dict(config.credentials))
        self.read_by = Source.objects.create(account=self.account, network=config.network, kind=Source.Kind.POLL, name="read")
        self.told_by = Source.objects.create(account=self.account, network=config.network, kind=Source.Kind.STREAM, name="told")

    def read(self) -> None:
        reader = registry.reader_for(self.account.config)
        more = True
        while more:
            batch = reader.fetch(self.read_by.cursor)
            take_batch(batch, source=self.read_by, cursor=batch.cursor)
            self.read_by.refresh_from_db()
            more = batch.more

    def tell(self, payloads: list[dict[str, Any]]) -> None:
        webhook = registry.get(self.harness.NETWORK).webhook
        assert webhook is not None
        for payload in payloads:
            body = json.dumps(payload).encode()
            for hook in webhook.read(headers=sign(body), body=body):
                assert hook.account_id == self.account.external_id
                take_batch(hook.batch, source=self.told_by, cursor=None)


@pytest.mark.parametrize("order", ["told first", "read first"])
@pytest.mark.parametrize("network", ["facebook", "instagram"])
def test_what_is_told_and_read_is_there_once(network: str, order: str, request: pytest.FixtureRequest) -> None:
    harness: MetaHarness = request.getfixturevalue(network)
    desk = Desk(harness)
    post = harness.customer_posts("Ana", "it broke")
    answer = harness.we_reply_by_hand(post, "We are on it.")
    letter = harness.customer_messages("Ana", "my number is …")
    if order == "told first":
        desk.tell(harness.world.events)
        desk.tell(harness.world.events)  # again, as after an answer that was lost
        desk.read()
    else:
        desk.read()
        desk.tell(harness.world.events[::-1])
    mentions = {mention.external_id: mention for mention in Mention.objects.exclude(external_id=harness.stands_below)}
    assert set(mentions) == {post, answer}
    assert mentions[answer].is_own
    assert not mentions[post].is_own
    assert mentions[answer].conversation_id == mentions[post].conversation_id
    assert [message.external_id for message in Message.objects.filter(kind=Message.Kind.DIRECT_MESSAGE)] == [letter]
    ana = Handle.objects.get(external_id=harness.customer_id("Ana"))
    assert ana.username == "Ana"
    for entry in IntakeBatch.objects.all():
        assert entry.seen == entry.stored + entry.duplicate + entry.folded + entry.filtered + entry.rejected


def test_somebody_of_whom_only_an_id_is_told_is_named_by_reading_and_stays_so(facebook: FacebookHarness) -> None:
    desk = Desk(facebook)
    facebook.customer_messages("Siobhán Quilligan", "hello?")
    desk.tell(facebook.world.events)
    handle = Handle.objects.get(external_id=facebook.customer_id("Siobhán Quilligan"))
    assert handle.username == handle.external_id
    desk.read()
    facebook.customer_messages("Siobhán Quilligan", "are you there?")
    desk.tell(facebook.world.events)
    handle.refresh_from_db()
    assert handle.username == "Siobhán Quilligan"


def test_an_edit_and_a_deletion_that_are_told_are_seen_on_the_desk(facebook: FacebookHarness) -> None:
    desk = Desk(facebook)
    post = facebook.customer_posts("Ana", "it brok")
    kept = facebook.customer_posts("Ben", "mine works", in_reply_to=post)
    desk.read()
    facebook.world.edit(post, "it broke again")
    facebook.customer_deletes(kept)
    desk.tell(facebook.world.events)
    mentions = {mention.external_id: mention for mention in Mention.objects.all()}
    assert mentions[post].text == "it broke again"
    assert mentions[post].edited_at is not None
    assert mentions[kept].deleted_at is not None
    assert mentions[post].deleted_at is None


def test_while_the_network_did_not_call_nothing_is_missed(facebook: FacebookHarness) -> None:
    desk = Desk(facebook)
    desk.read()
    told = [facebook.customer_posts("Ana", "first")]
    desk.tell(facebook.world.events)
    away = [facebook.customer_posts("Ben", f"while away {number}") for number in range(30)]
    desk.read()
    assert set(Mention.objects.values_list("external_id", flat=True)) == {*told, *away}


@pytest.mark.parametrize("network", ["facebook", "instagram"])
def test_two_hundred_answers_under_faults_are_there_once_each(network: str, request: pytest.FixtureRequest) -> None:
    """As the outbox does it: what may have been written is looked for before anything is written again."""
    harness: MetaHarness = request.getfixturevalue(network)
    post = harness.customer_posts("ana", "it broke")
    faults = ["lost_before_writing", "error_after_writing", "no_answer_after_writing", None]
    lost = 0
    for number in range(200):
        if number % 50 == 0:  # a thread is as long as threads are
            post = harness.customer_posts("ana", f"it broke {number}")
        text = f"Answer {number}"
        harness.simulator.trouble = None
        sent: Sent | None = None
        fault: Any = faults[number % 4]
        for _ in range(3):
            try:
                with harness.failing(fault) if fault else harness.simulator.failing(None):
                    sent = harness.publisher.reply(in_reply_to=post, text=text, token=str(number))
            except NetworkError as error:
                lost += error.outcome_unknown
                sent = harness.publisher.find(token=str(number), text=text, in_reply_to=post, since=an_hour_ago())
            fault = None
            if sent is not None:
                break
        assert sent is not None
    texts = [thing.text for thing in harness.world.things.values() if thing.text.startswith("Answer ")]
    assert len(texts) == len(set(texts)) == 200
    assert lost == 150
