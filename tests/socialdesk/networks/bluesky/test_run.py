"""The desk on Bluesky from end to end: connected, heard within seconds, answered once, written to privately, and nothing missed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from engagement.models import Delivery, Message
from engagement.services.delivery import deliver
from engagement.services.send import send_direct_message, send_reply
from listening.models import Conversation, Mention, NetworkAccount
from listening.services.connected_accounts import store_account
from profiles.models import Agent, Role
from socialdesk.listeners import Listeners
from socialdesk.networks import registry
from socialdesk.networks.bluesky import stream as streaming
from tests.engagement.desk import work_off
from tests.factories import make_agent
from tests.socialdesk.networks.bluesky.harness import BlueskyHarness
from tests.socialdesk.networks.bluesky.jetstream import Jetstream
from tests.socialdesk.networks.bluesky.test_connect import connect
from tests.socialdesk.networks.running import check_the_ledger_balances, eventually, heard, read, running, state_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def jetstream(bluesky: BlueskyHarness, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Jetstream]:
    monkeypatch.setattr(streaming, "PULSE", 0.3)
    monkeypatch.setattr(streaming, "SOON", 0.02)
    jetstream = Jetstream(bluesky.world)
    settings.BLUESKY_JETSTREAM = jetstream.address
    yield jetstream
    jetstream.stop()


@pytest.fixture
def account(bluesky: BlueskyHarness) -> NetworkAccount:
    return store_account(network=registry.get("bluesky"), connected=connect(bluesky), agent=make_agent(Role.ADMIN))


@pytest.fixture
def listening(account: NetworkAccount, jetstream: Jetstream, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listeners]:
    with running(monkeypatch, until=lambda: jetstream.is_heard) as started:
        yield started


@pytest.fixture
def sam(db: None) -> Agent:
    return make_agent(Role.AGENT, username="sam")


def says(bluesky: BlueskyHarness, name: str, text: str) -> str:
    return bluesky.customer_posts(name, f"@tidewheel.test {text}")


def ours(bluesky: BlueskyHarness) -> list[str]:
    return [post.value["text"] for post in bluesky.world.posts() if post.did == bluesky.world.us.did]


def test_a_customer_is_heard_answered_once_and_written_to_privately(
    bluesky: BlueskyHarness, account: NetworkAccount, listening: Listeners, sam: Agent
) -> None:
    bluesky.customer_follows("ana")
    says(bluesky, "ana", "it broke")
    mention = heard("it broke")
    conversation = mention.conversation
    assert conversation is not None
    assert (conversation.account_id, mention.is_addressed, mention.author.username) == (account.pk, True, "ana.test")

    message = send_reply(conversation_id=conversation.pk, agent=sam, text="We are sorry. A new one comes today.", hold=0)
    with bluesky.simulator.failing("no_answer_after_writing", only=lambda call: call.method == "POST"):
        deliver(Delivery.objects.get(message=message).pk)
    assert state_of(message) in ("inflight", "awaiting_retry")
    work_off()
    assert state_of(message) == "sent"
    assert ours(bluesky) == ["We are sorry. A new one comes today."]

    private = send_direct_message(conversation_id=conversation.pk, agent=sam, text="What is your address?", hold=0)
    work_off()
    assert state_of(private) == "sent"
    bluesky.customer_messages("ana", "12 Harbour Row")
    read(account)
    assert [each.text for each in bluesky.world.messages] == ["What is your address?", "12 Harbour Row"]
    answer = Message.objects.get(conversation=conversation, is_incoming=True)
    assert (answer.text, answer.kind) == ("12 Harbour Row", Message.Kind.DIRECT_MESSAGE)

    # What we wrote comes back by the stream and by reading, and is no new work (invariant 7).
    assert Conversation.objects.count() == 1
    assert Message.objects.filter(conversation=conversation, is_incoming=False).count() == 2
    check_the_ledger_balances()


def test_a_message_whose_fate_nobody_knows_is_looked_for_and_not_sent_again(
    bluesky: BlueskyHarness, account: NetworkAccount, sam: Agent
) -> None:
    bluesky.customer_follows("ana")
    says(bluesky, "ana", "it broke")
    read(account)
    conversation = Conversation.objects.get()
    private = send_direct_message(conversation_id=conversation.pk, agent=sam, text="What is your address?", waiver="They asked.", hold=0)
    with bluesky.simulator.failing("error_after_writing", only=lambda call: call.method == "POST"):
        deliver(Delivery.objects.get(message=private).pk)
    work_off()
    assert state_of(private) == "sent"
    assert [each.text for each in bluesky.world.messages] == ["What is your address?"]


def test_what_is_posted_while_the_connection_is_lost_is_not_missed(
    bluesky: BlueskyHarness, account: NetworkAccount, jetstream: Jetstream, listening: Listeners
) -> None:
    for number in range(30):
        if number in (10, 20):
            jetstream.drop()
        says(bluesky, "ana", f"number {number}.")
        if number == 9:
            eventually(lambda: Mention.objects.count() == 10)
    eventually(lambda: Mention.objects.count() == 30)  # the stream itself goes back to where it stood
    read(account)
    texts = [text.rpartition(" ")[2] for text in Mention.objects.order_by("posted_at").values_list("text", flat=True)]
    assert texts == [f"{number}." for number in range(30)]


def test_what_the_stream_never_told_is_read(bluesky: BlueskyHarness, account: NetworkAccount, listening: Listeners) -> None:
    bluesky.world.listener = lambda *event: None
    says(bluesky, "ana", "nobody told you")
    read(account)
    assert Mention.objects.get().text == "@tidewheel.test nobody told you"


def test_a_deleted_post_leaves_the_screen(bluesky: BlueskyHarness, account: NetworkAccount) -> None:
    post = says(bluesky, "ana", "my phone is 0123")
    read(account)
    bluesky.customer_deletes(post)
    read(account)
    mention = Mention.objects.get(external_id=post)
    assert (mention.text, mention.deleted_at is not None) == ("", True)


def test_a_session_that_ends_in_between_is_renewed_and_the_answer_sent_once(
    bluesky: BlueskyHarness, account: NetworkAccount, sam: Agent
) -> None:
    says(bluesky, "ana", "it broke")
    read(account)
    message = send_reply(conversation_id=Conversation.objects.get().pk, agent=sam, text="We are sorry.", hold=0)
    for token in [token for token, session in bluesky.simulator.sessions.items() if session.kind == "access"]:
        del bluesky.simulator.sessions[token]
    deliver(Delivery.objects.get(message=message).pk)
    work_off()
    assert state_of(message) == "sent"
    assert ours(bluesky) == ["We are sorry."]


def test_an_account_that_was_taken_down_turns_red_and_the_text_is_kept(
    bluesky: BlueskyHarness, account: NetworkAccount, sam: Agent
) -> None:
    says(bluesky, "ana", "it broke")
    read(account)
    message = send_reply(conversation_id=Conversation.objects.get().pk, agent=sam, text="We are sorry.", hold=0)
    bluesky.world.us.is_active = False
    deliver(Delivery.objects.get(message=message).pk)
    account.refresh_from_db()
    assert account.state == NetworkAccount.State.REVOKED
    message.refresh_from_db()
    assert message.text == "We are sorry."
    assert ours(bluesky) == []
