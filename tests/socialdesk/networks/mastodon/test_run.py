"""The desk on Mastodon from end to end: connected, heard within seconds, answered once, written to privately, and nothing missed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from engagement.models import Delivery, Message
from engagement.services.delivery import deliver
from engagement.services.send import send_direct_message, send_reply
from listening.models import Conversation, Mention, NetworkAccount, Source
from listening.services.connected_accounts import store_account
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.listeners import Listeners
from socialdesk.networks import registry
from socialdesk.networks.base import NetworkError
from tests.engagement.desk import work_off
from tests.factories import make_agent
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.mastodon.test_connect import connect
from tests.socialdesk.networks.running import check_the_ledger_balances, eventually, heard, read, running, state_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account(there: MastodonHarness) -> NetworkAccount:
    connected = connect(there, list="Customers")
    return store_account(network=registry.get("mastodon"), connected=connected, agent=make_agent(Role.ADMIN))


@pytest.fixture
def listening(account: NetworkAccount, there: MastodonHarness, monkeypatch: pytest.MonkeyPatch) -> Iterator[Listeners]:
    there.simulator.subscribed = 0
    with running(monkeypatch, until=lambda: there.simulator.subscribed == 2) as started:
        yield started


@pytest.fixture
def sam(db: None) -> Agent:
    return make_agent(Role.AGENT, username="sam")


def ours(there: MastodonHarness, *, visibility: str = "public") -> list[str]:
    return [each.text for each in there.world.statuses.values() if each.author is there.world.us and each.visibility == visibility]


def test_a_customer_is_heard_answered_once_and_written_to_privately(
    there: MastodonHarness, account: NetworkAccount, listening: Listeners, sam: Agent
) -> None:
    there.world.publish(there.world.person("marlowbikes@hub.example"), "@tidewheel it broke in #Leeds")
    mention = heard("it broke")
    conversation = mention.conversation
    assert conversation is not None
    assert (conversation.account_id, mention.is_addressed) == (account.pk, True)

    message = send_reply(conversation_id=conversation.pk, agent=sam, text="We are sorry. A new one comes today.", hold=0)
    with there.simulator.failing("no_answer_after_writing", only=lambda call: call.method == "POST"):
        deliver(Delivery.objects.get(message=message).pk)
    assert state_of(message) in ("inflight", "awaiting_retry")
    there.simulator.routes.keys.clear()  # the server has forgotten the key
    work_off()
    assert state_of(message) == "sent"
    assert ours(there) == ["@marlowbikes@hub.example We are sorry. A new one comes today."]

    private = send_direct_message(conversation_id=conversation.pk, agent=sam, text="What is your address?", hold=0)
    work_off()
    assert state_of(private) == "sent"
    assert ours(there, visibility="direct") == ["@marlowbikes@hub.example What is your address?"]
    there.world.publish(there.world.person("marlowbikes@hub.example"), "@tidewheel 12 Harbour Row", visibility="direct")
    answer = eventually(lambda: Message.objects.filter(conversation=conversation, is_incoming=True).first())
    assert (answer.text, answer.kind) == ("12 Harbour Row", Message.Kind.DIRECT_MESSAGE)

    # What we wrote comes back by the stream and by reading, and is no new work (invariant 7).
    read(account)
    assert Conversation.objects.count() == 1
    assert Message.objects.filter(conversation=conversation, is_incoming=False).count() == 2
    check_the_ledger_balances()


def test_what_is_posted_while_the_connection_is_lost_is_not_missed(
    there: MastodonHarness, account: NetworkAccount, listening: Listeners
) -> None:
    person = there.world.person("ana")
    for number in range(30):
        if number in (10, 20):
            there.simulator.drop_streams()
        there.world.publish(person, f"@tidewheel number {number}.", tell=number not in (11, 12, 21))
        if number in (12, 22):
            eventually(lambda: there.simulator.subscribed == (4 if number == 12 else 6))  # noqa: B023  called at once
        if number == 9:
            eventually(lambda: Mention.objects.count() == 10)
    polled = Source.objects.get(account=account, kind=Source.Kind.POLL)
    eventually(lambda: Source.objects.filter(pk=polled.pk, next_poll_at__lte=now()).exists())  # due at once after each connect
    there.world.publish(person, "@tidewheel here again")
    heard("here again")
    assert Mention.objects.count() < 31
    read(account)
    texts = [text.rpartition(" ")[2] for text in Mention.objects.order_by("posted_at").values_list("text", flat=True)]
    assert texts == [*(f"{number}." for number in range(30)), "again"]


def test_people_of_two_servers_who_have_the_same_id_there_are_two(there: MastodonHarness, account: NetworkAccount) -> None:
    first, domain = there.world.person("ana"), there.world.domain
    first.id = "7"
    there.world.people["7"] = first
    there.world.publish(first, "@tidewheel it broke")
    read(account)
    handle = Mention.objects.get().author
    assert (handle.external_id, handle.username) == (f"7@{domain}", "ana")
    publisher = registry.publisher_for(account.config)
    sent = publisher.direct_message(to=handle.external_id, text="Your number?", token="t1")
    assert publisher.find(token="t1", text="Your number?", to=handle.external_id, since=now() - timedelta(hours=1)) == sent
    assert not publisher.follows_us(handle.external_id)
    for call in (
        lambda: publisher.direct_message(to="7@elsewhere.example", text="Your number?", token="t2"),
        lambda: publisher.find(token="t2", text="Your number?", to="7@elsewhere.example", since=now()),
    ):
        with pytest.raises(NetworkError, match="Answer with our account there"):
            call()
    assert len(ours(there, visibility="direct")) == 1


def test_an_early_account_of_ours_is_known_by_its_server_too(there: MastodonHarness) -> None:
    us = there.world.us
    del there.world.people[us.id]
    us.id = "12"
    there.world.people["12"] = us
    connected = connect(there)
    assert connected.grant.external_id == f"12@{there.world.domain}"
    account = store_account(network=registry.get("mastodon"), connected=connected, agent=make_agent(Role.ADMIN))
    registry.publisher_for(account.config).post(text="Good morning.", token="t1")
    read(account)
    assert Mention.objects.get().is_own


def test_a_deleted_post_leaves_the_screen(there: MastodonHarness, account: NetworkAccount) -> None:
    post = there.customer_posts("ana", "@tidewheel my phone is 0123")
    read(account)
    there.customer_deletes(post)
    read(account)
    mention = Mention.objects.get(external_id=post)
    assert (mention.text, mention.deleted_at is not None) == ("", True)


def test_an_account_that_was_revoked_turns_red_and_the_text_is_kept(there: MastodonHarness, account: NetworkAccount, sam: Agent) -> None:
    there.customer_posts("ana", "@tidewheel it broke")
    read(account)
    message = send_reply(conversation_id=Conversation.objects.get().pk, agent=sam, text="We are sorry.", hold=0)
    there.simulator.routes.oauth.tokens.clear()
    deliver(Delivery.objects.get(message=message).pk)
    account.refresh_from_db()
    assert account.state == NetworkAccount.State.REVOKED
    message.refresh_from_db()
    assert message.text == "We are sorry."
    assert ours(there) == []
