"""Reposts and quotes: each on one permission, once whatever fails, and gone when the permission ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from engagement.models import Delivery, Message, Permission, TakeDown
from engagement.services import delivery
from engagement.services.checks import AccountUnusable
from engagement.services.delivery import decide_unconfirmed, deliver, retry_failed, sweep
from engagement.services.outcomes import LEASE
from engagement.services.permissions import decline_compliment, end_deleted, record_answer, withdraw_permission
from engagement.services.praise_replies import thank_author
from engagement.services.praise_state import MovedOn
from engagement.services.shares import NoPermission, confirm_removed, share_compliment, take_back, take_down_due
from engagement.services.thread import read_thread
from listening.models import Mention, NetworkAccount, Repost
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, NotAllowed
from socialdesk.networks import registry
from socialdesk.networks.base import Network, NetworkError
from tests.engagement.desk import work, work_off
from tests.engagement.praise import PRAISE, Praise, fresh, history
from tests.engagement.storm import Killed
from tests.engagement.test_machine import KilledAt
from tests.engagement.threads import at_once
from tests.factories import make_agent

pytestmark = pytest.mark.django_db
PURPOSES = ["repost", "quote"]


@pytest.fixture
def rafa(db: None) -> Agent:
    return make_agent(Role.MARKETING, username="rafa")


@pytest.fixture
def praise(sam: Agent, rafa: Agent) -> Praise:
    return Praise(sam, rafa)


def state(message: Message) -> str:
    return Delivery.objects.get(message=message).state


@contextmanager
def sandbox_can(**abilities: Any) -> Iterator[None]:
    sandbox = registry.get("sandbox")
    less: Network = replace(sandbox, capabilities=replace(sandbox.capabilities, **abilities))
    with patch.dict(registry.NETWORKS, sandbox=less):
        yield


# --- Sent ---------------------------------------------------------------------------------------------------------------


def test_a_repost_goes_out_and_everybody_is_told(praise: Praise, rafa: Agent) -> None:
    compliment, message = praise.shared()
    (post,) = praise.ours()
    assert (post.repost_of, message.external_id) == (compliment.mention.external_id, post.id)
    assert (compliment.state, compliment.shared_at) == ("reposted", post.posted_at)
    assert history(compliment) == ["forwarded", "asked", "granted", "reposted"]
    assert message.permission == Permission.objects.get()
    praise.read()
    assert Repost.objects.get().external_id == post.id  # our own repost comes back as a counter, never as work
    assert Mention.objects.filter(is_own=False).count() == 2


def test_a_quote_names_the_author_links_the_post_and_comes_back_as_context(praise: Praise) -> None:
    praise.world.add_account("mara", display_name="Mara K.")
    compliment = praise.granted(purpose="quote", author="mara")
    message = share_compliment(compliment_id=compliment.pk, agent=praise.marketing, hold=0)
    work(now())
    (post,) = praise.ours()
    assert post.text == f"“{PRAISE}”\nMara K. (@mara)\n{compliment.mention.url}"
    before = Mention.objects.count()
    assert praise.read().duplicate >= 1
    assert Mention.objects.count() == before
    texts = [bubble.text for bubble in read_thread(compliment.conversation)]
    assert texts.count(post.text) == 1
    message.refresh_from_db()
    assert Mention.objects.get(external_id=post.id).conversation == compliment.conversation


def test_an_answer_to_our_quote_falls_into_the_conversation(praise: Praise) -> None:
    compliment, message = praise.shared(purpose="quote")
    praise.world.reply_as(compliment.mention.author.username, message.external_id, "Ha, thank you @tidewheel")
    praise.read()
    assert Mention.objects.get(text__startswith="Ha, thank you").conversation == compliment.conversation


def test_a_repost_is_no_answer_to_the_customer(praise: Praise) -> None:
    compliment = praise.granted()
    conversation = compliment.conversation
    conversation.refresh_from_db()
    before = (conversation.status, conversation.waiting_since, conversation.last_answered_at)
    share_compliment(compliment_id=compliment.pk, agent=praise.marketing, hold=0)
    work(now())
    conversation.refresh_from_db()
    assert (conversation.status, conversation.waiting_since, conversation.last_answered_at) == before


@pytest.mark.parametrize("purpose", PURPOSES)
def test_sharing_twice_shares_once(praise: Praise, rafa: Agent, purpose: str) -> None:
    compliment = praise.granted(purpose=purpose)
    messages = {share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0).pk for _ in range(3)}
    work(now())
    messages.add(share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0).pk)
    work(now())
    assert len(messages) == len(praise.ours()) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_sharing_at_the_same_moment_shares_once(sam: Agent, rafa: Agent, purpose: str) -> None:
    praise = Praise(sam, rafa)
    compliment = praise.granted(purpose=purpose)
    at_once([lambda: share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)] * 5)
    pk = Delivery.objects.get(message__kind=purpose).pk
    at_once([lambda: deliver(pk)] * 5)
    assert len(praise.ours()) == 1


def test_what_was_taken_back_can_be_shared_after_all(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=60)
    take_back(compliment_id=compliment.pk, agent=rafa)
    work(now() + timedelta(seconds=120))
    assert (state(message), praise.ours(), fresh(compliment).state) == ("aborted", [], "granted")
    assert share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0).pk == message.pk
    work(now())
    assert len(praise.ours()) == 1
    with pytest.raises(Conflict):
        take_back(compliment_id=compliment.pk, agent=rafa)


# --- Nothing without permission -----------------------------------------------------------------------------------------


def test_nothing_is_shared_before_the_author_agreed(praise: Praise, rafa: Agent) -> None:
    for compliment in (praise.forward(), praise.asked()):
        with pytest.raises(NoPermission):
            share_compliment(compliment_id=compliment.pk, agent=rafa)
    refused = praise.asked()
    record_answer(compliment_id=refused.pk, agent=rafa, granted=False, evidence=praise.says(refused, "No."))
    with pytest.raises(NoPermission):
        share_compliment(compliment_id=refused.pk, agent=rafa)


def test_who_does_not_work_the_board_shares_nothing(praise: Praise, sam: Agent) -> None:
    compliment = praise.granted()
    with pytest.raises(NotAllowed):
        share_compliment(compliment_id=compliment.pk, agent=sam)


def test_what_we_put_away_is_not_shared_even_if_it_waits_already(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=60)
    decline_compliment(compliment_id=compliment.pk, agent=rafa)
    work(now() + timedelta(seconds=120))
    assert (state(message), praise.ours()) == ("aborted", [])
    with pytest.raises(NoPermission):
        share_compliment(compliment_id=compliment.pk, agent=rafa)


def test_what_is_public_is_not_simply_put_away(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    with patch.object(delivery, "_send", side_effect=Killed), suppress(Killed):
        work(now())
    with pytest.raises(MovedOn, match="on its way"):
        decline_compliment(compliment_id=compliment.pk, agent=rafa)
    assert Permission.objects.get().ended_at is None


def test_a_network_that_cannot_repost_says_so(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    with sandbox_can(repost=False), pytest.raises(Exception, match="Nothing can be reposted"):
        share_compliment(compliment_id=compliment.pk, agent=rafa)
    NetworkAccount.objects.update(state="revoked")
    with pytest.raises(AccountUnusable):
        share_compliment(compliment_id=compliment.pk, agent=rafa)
    assert not Message.objects.filter(kind="repost").exists()


# --- Failures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("fault", ["timeout_after_accept", "error_after_accept", "server_error", "dropped", "rate_limit"])
def test_whatever_the_network_answers_it_is_there_once(praise: Praise, rafa: Agent, purpose: str, fault: str) -> None:
    compliment = praise.granted(purpose=purpose)
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    praise.world.faults.set(fault, 1.0)
    work(now())
    assert state(message) == "awaiting_retry"
    assert fresh(compliment).state == "granted"
    praise.world.faults.heal()
    work_off()
    assert (state(message), len(praise.ours()), fresh(compliment).state) == ("sent", 1, "reposted")


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", ["_claim", "_publisher_of", "_send", "call", "record_sent", "record_own_post", "tell_next"])
def test_a_worker_that_is_killed_at_any_step_leaves_it_there_once(praise: Praise, rafa: Agent, purpose: str, when: str, step: str) -> None:
    compliment = praise.granted(purpose=purpose)
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    with suppress(Killed), dying(f"{when} {step}"):
        deliver(message.delivery.pk)
    moment = now() + timedelta(seconds=LEASE + 1)
    sweep(now=moment)
    work_off(moment)
    assert (state(message), len(praise.ours()), fresh(compliment).state) == ("sent", 1, "reposted")


@contextmanager
def dying(boundary: str) -> Iterator[None]:
    """A worker that ends at this boundary; "call" is the network's own part of it."""
    when, step = boundary.split()
    if step != "call":
        with KilledAt(boundary)._deadly():
            yield
        return
    real = delivery._call

    def call(*args: Any) -> Any:
        if when == "before":
            raise Killed
        real(*args)
        raise Killed

    with patch.object(delivery, "_call", call):
        yield


def test_what_nobody_knows_is_decided_by_whoever_reposted_it(praise: Praise, sam: Agent, rafa: Agent) -> None:
    compliment = praise.granted()
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    praise.world.faults.set("timeout_after_accept", 1.0)
    work(now())
    praise.world.faults.set("lookup_down", 1.0)
    for hours in range(1, 9):
        work(now() + timedelta(hours=hours))
    assert state(message) == "unconfirmed"
    with pytest.raises(NotAllowed):
        decide_unconfirmed(message_id=message.pk, agent=make_agent(Role.MARKETING), decision="sent")
    decide_unconfirmed(message_id=message.pk, agent=rafa, decision="sent")
    assert (state(message), fresh(compliment).state) == ("sent", "reposted")


def test_what_failed_is_tried_again_on_the_same_row(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    praise.world.faults.set("revoked", 1.0)
    work(now())
    assert state(message) == "failed"
    praise.world.faults.heal()
    NetworkAccount.objects.update(state="ok")
    assert share_compliment(compliment_id=compliment.pk, agent=rafa).pk == message.pk
    work(now())
    assert (state(message), len(praise.ours())) == ("sent", 1)


# --- The author changes their mind --------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_public_is_taken_down_when_the_author_withdraws(praise: Praise, rafa: Agent, purpose: str) -> None:
    compliment, message = praise.shared(purpose=purpose)
    withdraw_permission(compliment_id=compliment.pk, agent=rafa, evidence=f"post:{compliment.mention_id}")
    assert fresh(compliment).state == "declined"
    assert len(praise.ours()) == 1
    assert take_down_due() == 1
    assert praise.ours() == []
    assert history(compliment)[-2:] == ["withdrawn", "taken_down"]
    assert take_down_due(now=now() + timedelta(days=1)) == 0
    with pytest.raises(NoPermission):
        share_compliment(compliment_id=compliment.pk, agent=rafa)
    with pytest.raises(Conflict):
        withdraw_permission(compliment_id=compliment.pk, agent=rafa)
    shown = [bubble.takedown for bubble in read_thread(compliment.conversation) if bubble.message == message]
    assert shown[0] is not None
    assert shown[0].done_at is not None


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_is_public_is_taken_down_when_the_author_deletes_the_post(praise: Praise, purpose: str) -> None:
    compliment, _ = praise.shared(purpose=purpose)
    praise.author_deletes(compliment.mention)
    assert end_deleted() == 1
    assert end_deleted() == 0
    assert fresh(compliment).state == "declined"
    assert take_down_due() == 1
    assert praise.ours() == []


def test_praise_whose_post_is_gone_is_put_away_by_itself(praise: Praise, rafa: Agent) -> None:
    untouched, asked, thanked = praise.forward(), praise.asked(), praise.forward()
    thank_author(compliment_id=thanked.pk, agent=rafa, hold=0)
    for compliment in (untouched, asked, thanked):
        praise.author_deletes(compliment.mention)
    assert end_deleted() == 2
    assert [fresh(c).state for c in (untouched, asked, thanked)] == ["declined", "declined", "thanked"]
    assert untouched.events.get(kind="deleted").agent is None
    said = praise.mention("yes @tidewheel", author=asked.mention.author.username)
    with pytest.raises(Conflict, match="deleted the post"):
        record_answer(compliment_id=asked.pk, agent=rafa, granted=True, evidence=f"post:{said.pk}")


@pytest.mark.parametrize("purpose", PURPOSES)
def test_what_waits_is_not_sent_once_the_author_deleted_the_post(praise: Praise, rafa: Agent, purpose: str) -> None:
    compliment = praise.granted(purpose=purpose)
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    praise.author_deletes(compliment.mention)
    work(now())
    assert (state(message), praise.ours()) == ("aborted", [])
    with pytest.raises(NoPermission):
        share_compliment(compliment_id=compliment.pk, agent=rafa)


def test_what_waits_is_stopped_when_the_author_withdraws(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=60)
    withdraw_permission(compliment_id=compliment.pk, agent=rafa)
    work(now() + timedelta(seconds=120))
    assert (state(message), praise.ours(), TakeDown.objects.count()) == ("aborted", [], 0)


@pytest.mark.parametrize("fault", ["timeout_after_accept", "dropped"])
def test_what_may_be_there_when_the_author_withdraws_is_looked_for_and_taken_down(praise: Praise, rafa: Agent, fault: str) -> None:
    compliment = praise.granted()
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    praise.world.faults.set(fault, 1.0)
    work(now())
    withdraw_permission(compliment_id=compliment.pk, agent=rafa)
    praise.world.faults.heal()
    assert take_down_due() == 0  # nobody knows yet whether there is anything
    moment = work_off()
    assert state(message) == ("sent" if fault == "timeout_after_accept" else "aborted")
    assert take_down_due(now=moment + timedelta(minutes=1)) == 1
    assert praise.ours() == []


def test_a_failed_repost_cannot_be_tried_again_without_permission(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    praise.world.faults.set("revoked", 1.0)
    work(now())
    praise.world.faults.heal()
    NetworkAccount.objects.update(state="ok")
    praise.author_deletes(compliment.mention)
    retry_failed(message_id=message.pk, agent=rafa)
    work(now())
    assert (state(message), praise.ours()) == ("aborted", [])


def test_a_withdrawal_between_the_claim_and_the_call_is_taken_down(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
    real = delivery._call

    def withdraw_meanwhile(*args: Any) -> Any:
        withdraw_permission(compliment_id=compliment.pk, agent=rafa)
        return real(*args)

    with patch.object(delivery, "_call", withdraw_meanwhile):
        work(now())
    assert (state(message), len(praise.ours()), fresh(compliment).state) == ("sent", 1, "declined")
    assert take_down_due() == 1
    assert praise.ours() == []


# --- Taking down --------------------------------------------------------------------------------------------------------


def test_taking_down_is_tried_until_it_is_done(praise: Praise, rafa: Agent) -> None:
    compliment, _ = praise.shared()
    withdraw_permission(compliment_id=compliment.pk, agent=rafa)
    moment = now()
    for fault in ("server_error", "timeout_after_accept", "revoked"):
        praise.world.faults.heal()
        praise.world.faults.set(fault, 1.0)
        moment += timedelta(hours=1)
        assert take_down_due(now=moment) == 0
        assert TakeDown.objects.get().error
        NetworkAccount.objects.update(state="ok")
    praise.world.faults.heal()
    assert take_down_due(now=moment + timedelta(hours=1)) == 1
    assert (praise.ours(), TakeDown.objects.get().error) == ([], "")


def test_a_worker_that_dies_while_taking_down_is_followed_by_another(praise: Praise, rafa: Agent) -> None:
    compliment, _ = praise.shared()
    withdraw_permission(compliment_id=compliment.pk, agent=rafa)
    with patch("engagement.services.shares.finish_take_down", side_effect=Killed), suppress(Killed):
        take_down_due()
    assert take_down_due() == 0  # it is not known that the first one died
    assert take_down_due(now=now() + timedelta(seconds=LEASE + 1)) == 1
    assert history(compliment).count("taken_down") == 1


def test_where_the_network_lets_nothing_be_deleted_a_person_does_and_says_so(praise: Praise, rafa: Agent) -> None:
    compliment, message = praise.shared()
    with pytest.raises(Conflict):
        confirm_removed(compliment_id=compliment.pk, agent=rafa)
    withdraw_permission(compliment_id=compliment.pk, agent=rafa)
    with sandbox_can(delete=False):
        assert take_down_due() == 0
        assert take_down_due(now=now() + timedelta(days=1)) == 0
    takedown = TakeDown.objects.get()
    assert (takedown.by_hand, takedown.attempts) == (True, 1)
    assert "lets nothing be deleted" in takedown.error
    praise.world.delete(message.external_id)
    confirm_removed(compliment_id=compliment.pk, agent=rafa)
    assert TakeDown.objects.get().done_at is not None
    assert compliment.events.get(kind="taken_down").agent == rafa


def test_what_somebody_deleted_by_hand_already_counts_as_taken_down(praise: Praise, rafa: Agent) -> None:
    compliment, _ = praise.shared()
    withdraw_permission(compliment_id=compliment.pk, agent=rafa)
    gone = NetworkError("404", permanent=True, code="not_found")
    with patch("socialdesk.networks.sandbox.publisher.SandboxPublisher.delete", side_effect=gone):
        assert take_down_due() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_withdrawing_while_a_worker_sends_leaves_nothing_public(sam: Agent, rafa: Agent, purpose: str) -> None:
    praise = Praise(sam, rafa)
    for number in range(4):
        compliment = praise.granted(purpose=purpose, author=f"author{number}")
        message = share_compliment(compliment_id=compliment.pk, agent=rafa, hold=0)
        pk = message.delivery.pk
        ends = at_once(
            [lambda pk=pk: deliver(pk), lambda compliment=compliment: withdraw_permission(compliment_id=compliment.pk, agent=rafa)]  # type: ignore[misc]
        )
        assert not any(isinstance(end, Exception) for end in ends), ends
        take_down_due(now=work_off())
        assert state(message) in ("sent", "aborted")
        assert (praise.ours(), fresh(compliment).state) == ([], "declined")
