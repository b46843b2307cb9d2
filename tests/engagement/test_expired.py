"""A sign-in that ends while the outbox works: renewed and gone on with at once, sent once, and no try wasted on it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engagement.models import Delivery, Message
from engagement.services import outcomes
from engagement.services.acts import like_mention, perform_act
from engagement.services.delivery import deliver, retry_failed
from engagement.services.follow import ask_whether_followed
from engagement.services.send import send_reply
from listening.models import NetworkAccount
from listening.services.accounts import mark_connected
from profiles.models import Agent, Handle
from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import EXPIRED, NetworkError, Publisher
from tests.engagement.desk import Desk, work, work_off
from tests.listening.practice import RotatingTokens

pytestmark = pytest.mark.django_db


class Wire:
    """The sandbox behind a sign-in: every call asks for the refresh token that is good now. Counts what got through."""

    def __init__(self, tokens: RotatingTokens) -> None:
        self.tokens = tokens
        self.calls: list[str] = []

    def publisher_for(self, config: Any) -> Publisher:
        return _Guarded(self, registry.NETWORKS["sandbox"].publisher(config), config.credentials.get("refresh", ""))  # type: ignore[misc]


class _Guarded:
    def __init__(self, wire: Wire, publisher: Publisher, token: str) -> None:
        self._wire, self._publisher, self._token = wire, publisher, token

    def __getattr__(self, name: str) -> Any:
        def call(*given: Any, **fields: Any) -> Any:
            if self._token != str(self._wire.tokens.current) or self._wire.tokens.calls == 0:
                self._wire.calls.append("expired")
                raise NetworkError("HTTP 401: expired", retryable=True, code=EXPIRED)
            self._wire.calls.append(name)
            return getattr(self._publisher, name)(*given, **fields)

        return call


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> RotatingTokens:
    connecting = RotatingTokens()
    monkeypatch.setitem(registry.NETWORKS, "sandbox", replace(registry.NETWORKS["sandbox"], connecting=connecting))  # type: ignore[arg-type]
    return connecting


@pytest.fixture
def wire(tokens: RotatingTokens, monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire(tokens)
    monkeypatch.setattr(registry, "publisher_for", wire.publisher_for)
    return wire


@pytest.fixture
def reply(desk: Desk, sam: Agent, wire: Wire) -> Message:
    NetworkAccount.objects.update(credentials={"refresh": "1"})
    desk.account.refresh_from_db()
    return send_reply(conversation_id=desk.conversation().pk, agent=sam, text="On its way", hold=0)


def row() -> Delivery:
    return Delivery.objects.get()


def test_an_answer_goes_out_at_once_with_a_renewed_sign_in(desk: Desk, reply: Message, wire: Wire) -> None:
    deliver(row().pk)
    assert wire.calls == ["expired", "reply"]
    assert row().state == "sent"
    assert len(desk.answers(reply.conversation)) == 1
    assert NetworkAccount.objects.get().credentials["refresh"] == "2"


def test_looking_for_what_may_be_there_renews_too(desk: Desk, reply: Message, wire: Wire) -> None:
    Delivery.objects.update(state="awaiting_retry", must_look=True, looks=1, attempts=1)
    deliver(row().pk)
    assert [call for call in wire.calls if call != "expired"] == ["find", "reply"]
    assert wire.tokens.calls == 1
    assert row().look_failures == 0
    work_off()
    assert len(desk.answers(reply.conversation)) == 1


def test_while_another_worker_renews_the_answer_waits_and_no_try_is_counted(desk: Desk, reply: Message, wire: Wire) -> None:
    NetworkAccount.objects.update(renewing_until=now() + timedelta(seconds=60))
    for _ in range(outcomes.MAX_ATTEMPTS + 2):
        Delivery.objects.update(not_before=now())
        deliver(row().pk)
    assert (row().state, row().attempts, row().error_code) == ("awaiting_retry", 0, "renewing")
    assert row().not_before <= now() + timedelta(seconds=10)
    NetworkAccount.objects.update(renewing_until=None)
    work(now() + timedelta(seconds=30))
    assert len(desk.answers(reply.conversation)) == 1


def test_a_worker_whose_hold_ends_soon_leaves_the_second_call_to_the_next(
    desk: Desk, reply: Message, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_call = iter([True, False])
    with monkeypatch.context() as patch:
        patch.setattr(outcomes.Run, "may_call", property(lambda run: next(may_call)))
        deliver(row().pk)
    assert wire.calls == ["expired"]
    assert (row().state, row().attempts) == ("awaiting_retry", 0)
    work(now() + timedelta(seconds=30))
    assert wire.calls == ["expired", "reply"]
    assert len(desk.answers(reply.conversation)) == 1


def test_a_network_that_calls_even_fresh_credentials_expired_is_a_failed_try(
    reply: Message, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire.tokens, "current", 1)
    real = wire.tokens.renew
    monkeypatch.setattr(wire.tokens, "renew", lambda config: {**(real(config) or {}), "refresh": "never good"})
    deliver(row().pk)
    assert wire.calls == ["expired", "expired"]
    assert (row().state, row().attempts) == ("awaiting_retry", 1)


def test_a_sign_in_that_cannot_be_renewed_keeps_the_text_and_turns_the_account_red(
    desk: Desk, sam: Agent, reply: Message, wire: Wire
) -> None:
    wire.tokens.renews_nothing = True
    deliver(row().pk)
    assert (row().state, row().attempts) == ("failed", 1)
    account = NetworkAccount.objects.get()
    assert account.state == NetworkAccount.State.REVOKED
    assert desk.answers(reply.conversation) == []
    reply.refresh_from_db()
    assert reply.text == "On its way"
    # A person connects it again and presses Try again.
    wire.tokens.renews_nothing = False
    mark_connected(account_id=account.pk)
    retry_failed(message_id=reply.pk, agent=sam)
    deliver(row().pk)
    assert len(desk.answers(reply.conversation)) == 1


def test_what_the_budget_held_back_was_no_try(desk: Desk, reply: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    def wait(config: Any) -> Any:
        raise NetworkError("The limit is used up.", retryable=True, retry_after=1, code="budget")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "publisher_for", lambda config: type("Held", (), {"reply": lambda *_, **__: wait(config)})())
        for _ in range(outcomes.MAX_ATTEMPTS + 2):
            Delivery.objects.update(not_before=now())
            deliver(row().pk)
    assert (row().state, row().attempts) == ("awaiting_retry", 0)
    work(now() + timedelta(seconds=30))
    assert len(desk.answers(reply.conversation)) == 1


def test_asking_whether_somebody_follows_renews_too(desk: Desk, wire: Wire) -> None:
    NetworkAccount.objects.update(credentials={"refresh": "1"})
    conversation = desk.conversation(author="mara")
    Handle.objects.filter(username="mara").update(follows_us=False)
    ask_whether_followed(conversation.pk)
    assert wire.calls == ["expired", "follows_us"]


def test_a_post_is_liked_at_once_with_a_renewed_sign_in(desk: Desk, sam: Agent, wire: Wire) -> None:
    NetworkAccount.objects.update(credentials={"refresh": "1"})
    desk.account.refresh_from_db()
    act = like_mention(mention_id=desk.mention().pk, agent=sam)
    perform_act(act.pk)
    act.refresh_from_db()
    assert (act.state, act.attempts, wire.calls) == ("done", 1, ["expired", "like"])
