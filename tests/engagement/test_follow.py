"""Asking somebody in public to follow us, waiting for it, and what happens when the follow came (D7, D8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import DjangoCaptureOnCommitCallbacks
from rest_framework.test import APIClient

from engagement.models import Approval, Delivery, FollowRequest, Message, TemplateUse
from engagement.services.acknowledge import is_acknowledged
from engagement.services.answers import AlreadyAnswered
from engagement.services.approvals import approve_reply, decline_reply
from engagement.services.checks import NotFollowing
from engagement.services.delivery import retry_failed, undo_delivery
from engagement.services.drafts import read_drafts, save_draft
from engagement.services.follow import WAIT, is_waiting, look_for_follows
from engagement.services.follow_requests import _ASK, Asked, NoFollowNeeded, ask_to_follow
from engagement.services.policy import NeverAnswer
from engagement.services.send import add_note, send_direct_message, send_reply
from engagement.services.suggest import suggest_templates
from engagement.views.conversation import find_conversation, read_pane
from listening.models import Conversation, ConversationEvent
from listening.services.conversations import claim_conversation, resolve_conversation
from profiles.models import Agent, Handle, Role
from socialdesk.lib import live
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from socialdesk.networks import registry
from socialdesk.networks.base import NetworkError
from socialdesk.networks.sandbox.authors import asks_to_follow
from tests.engagement.desk import Desk, work
from tests.engagement.guards.company import check
from tests.engagement.heated import make_rule
from tests.engagement.texts import make_template
from tests.engagement.threads import at_once
from tests.factories import make_agent
from tests.socialdesk.networks.sandbox.play import Clock, author, line, write_script

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}
MOST_QUERIES = 27


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    return desk.conversation("@tidewheel my invoice is wrong", author="mara")


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[live.Event]:
    """What is told to every browser."""
    told: list[live.Event] = []
    monkeypatch.setattr(live, "send_now", told.append)
    return told


def asked(conversation: Conversation, agent: Agent, **options: Any) -> Message:
    """The request has reached the network."""
    said = ask_to_follow(conversation_id=conversation.pk, agent=agent, hold=0, **options)
    assert said.message is not None
    work(now())
    said.message.refresh_from_db()
    return said.message


def elsewhere(desk: Desk, conversation: Conversation) -> Conversation:
    """Another conversation with the same customer: days later they write again."""
    began = conversation.activity_at
    Conversation.objects.filter(pk=conversation.pk).update(activity_at=began - timedelta(days=4))
    other = desk.conversation("@tidewheel my helmet is missing too", author="mara")
    Conversation.objects.filter(pk=conversation.pk).update(activity_at=began)
    assert other.pk != conversation.pk
    return other


def step(conversation: Conversation, agent: Agent) -> str:
    """What the pane shows."""
    return str(read_pane(agent, find_conversation(conversation.pk))["follow"].step)


def private_door(conversation: Conversation, agent: Agent) -> str:
    """What stands in the way of a private message."""
    return str(read_pane(agent, find_conversation(conversation.pk))["doors"][1].obstacle)


def kinds(conversation: Conversation) -> list[str]:
    return list(conversation.events.order_by("at", "pk").values_list("kind", flat=True))


def sweep_after(message: Message, **later: float) -> int:
    assert message.sent_at
    return look_for_follows(now=message.sent_at + timedelta(**later))


def follow_events(heard: list[live.Event]) -> list[live.FollowCame]:
    return [event for event in heard if isinstance(event, live.FollowCame)]


# --- Asking -------------------------------------------------------------------------------------------------------------


def test_the_request_is_a_public_reply_that_acknowledges(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    message = asked(conversation, sam)
    [answer] = desk.answers(conversation)
    assert answer.text == message.text == _ASK["en"].format(name="mara")
    assert (message.kind, desk.state(message)) == ("reply", "sent")
    assert is_acknowledged(conversation)
    conversation.refresh_from_db()
    assert (conversation.status, conversation.assignee) == ("waiting", sam)
    assert kinds(conversation) == ["claimed", "asked_to_follow", "answered"]
    assert step(conversation, sam) == "asked"


def test_the_template_in_their_language_is_sent_and_its_use_counted(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    Conversation.objects.update(language="de-at")
    make_template("Follow", "ask_to_follow", en="Please follow us, {name}. {agent}", de="Bitte folgen Sie uns, {name}. {agent}")
    assert asked(conversation, sam).text == "Bitte folgen Sie uns, mara. Sam"
    assert not TemplateUse.objects.get().is_edited


@pytest.mark.parametrize(
    ("language", "templates", "begins"),
    [
        ("es", {"en": "Please follow us"}, "mara, preferimos"),  # their language rather than a template in another
        ("pl", {"en": "Please follow us"}, "Please follow us"),
        ("pl", {"pl": "Obserwuj nas"}, "Obserwuj nas"),
        ("pl", {}, "mara, we would like"),
        ("fr", {"fr": "Suivez-nous : {link}"}, "mara, nous préférons"),  # one that cannot be filled
        ("de", {"de": "Folgen Sie uns " + "x" * 500}, "mara, wir möchten"),  # nor one that does not fit
        ("", {}, "mara, we would like"),
    ],
)
def test_words_are_chosen_by_language(
    desk: Desk, sam: Agent, conversation: Conversation, language: str, templates: dict[str, str], begins: str
) -> None:
    Conversation.objects.update(language=language)
    if templates:
        make_template("Follow", "ask_to_follow", **templates)
    assert asked(conversation, sam).text.startswith(begins)


@pytest.mark.parametrize("language", _ASK)
def test_the_desks_own_words_ask_for_nothing_personal_and_are_understood(language: str) -> None:
    text = _ASK[language].format(name="Mara K.")
    assert check(text, network="sandbox") == []
    assert asks_to_follow(text)
    assert len(text) < 240


def test_what_was_typed_stays_the_draft(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="In the middle of")
    asked(conversation, sam)
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "In the middle of"}


def test_asking_twice_asks_once(desk: Desk, sam: Agent, ana: Agent, conversation: Conversation) -> None:
    first = asked(conversation, sam)
    for agent in (sam, ana):
        again = ask_to_follow(conversation_id=conversation.pk, agent=agent, hold=0)
        assert (again.is_new, again.message, again.request.agent) == (False, first, sam)
    assert Message.objects.count() == 1


def test_who_was_asked_in_another_conversation_is_not_asked_again(desk: Desk, sam: Agent, ana: Agent, conversation: Conversation) -> None:
    message = asked(conversation, sam)
    other = elsewhere(desk, conversation)
    again = ask_to_follow(conversation_id=other.pk, agent=ana)
    assert (again.is_new, again.message) == (False, message)
    assert step(other, ana) == "asked"
    assert "Asked to follow in another conversation" in pane_of(ana, other)


@pytest.mark.django_db(transaction=True)
def test_twenty_presses_at_once_ask_once(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    other = elsewhere(desk, conversation)
    press = partial(ask_to_follow, agent=sam, hold=0)
    results = at_once([partial(press, conversation_id=place.pk) for place in (conversation, other) for _ in range(10)])
    assert all(isinstance(result, Asked) for result in results), results
    assert sum(result.is_new for result in results) == 1
    assert Message.objects.count() == FollowRequest.objects.count() == 1


# --- By capability ------------------------------------------------------------------------------------------------------


@pytest.fixture
def abilities(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Changes what the sandbox can do."""

    def change(**changes: Any) -> None:
        line_of_registry = registry.get("sandbox")
        changed = replace(line_of_registry, capabilities=replace(line_of_registry.capabilities, **changes))
        monkeypatch.setitem(registry.NETWORKS, "sandbox", changed)

    return change


@pytest.mark.parametrize("changes", [{"follow_first": False}, {"direct_message": False}])
def test_what_the_network_cannot_do_is_not_offered(
    desk: Desk, sam: Agent, conversation: Conversation, abilities: Callable[..., None], changes: dict[str, bool]
) -> None:
    make_template("Follow", "ask_to_follow", en="Please follow us")
    abilities(**changes)
    assert step(conversation, sam) == ""
    assert "ask_follow" not in pane_of(sam, conversation)
    with pytest.raises(DeskError, match="private"):
        ask_to_follow(conversation_id=conversation.pk, agent=sam)
    offered = suggest_templates(conversation=find_conversation(conversation.pk), agent=sam, audience="public")
    assert [one.name for one in offered] == ([] if "follow_first" in changes else ["Follow"])
    assert not Message.objects.exists()


def test_who_follows_or_wrote_in_private_is_not_asked(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    assert step(conversation, sam) == "locked"
    desk.world.follow("mara")
    with pytest.raises(NoFollowNeeded):
        ask_to_follow(conversation_id=conversation.pk, agent=sam)
    assert Handle.objects.get(username="mara").follows_us, "what the network said was not kept"
    assert (step(conversation, sam), private_door(conversation, sam)) == ("", "")
    other = desk.conversation(author="ben")
    desk.world.message_as("ben", "Hello in private")
    desk.read()
    with pytest.raises(NoFollowNeeded):
        ask_to_follow(conversation_id=other.pk, agent=sam)
    assert private_door(other, sam) == ""
    assert not Message.objects.filter(is_incoming=False).exists()


def test_roles_that_do_not_answer_do_not_ask(desk: Desk, conversation: Conversation) -> None:
    for role in (Role.MARKETING, Role.MANAGER):
        agent = make_agent(role)
        with pytest.raises(NotAllowed):
            ask_to_follow(conversation_id=conversation.pk, agent=agent)
        assert "ask_follow" not in pane_of(agent, conversation)
    with pytest.raises(NotFound):
        ask_to_follow(conversation_id=10**9, agent=make_agent())


# --- The guards of every answer -----------------------------------------------------------------------------------------


def test_an_answer_that_was_not_seen_stands_in_the_way(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="We look into it", hold=0)
    work(now())
    with pytest.raises(AlreadyAnswered):
        ask_to_follow(conversation_id=conversation.pk, agent=sam)
    assert not FollowRequest.objects.exists()
    assert asked(conversation, sam, answer_seen=message.answer_number).answer_number == 2


def test_a_never_rule_and_a_foreign_claim_hold(desk: Desk, sam: Agent, ana: Agent, conversation: Conversation) -> None:
    claim_conversation(conversation_id=conversation.pk, agent=ana)
    with pytest.raises(Conflict) as claimed:
        ask_to_follow(conversation_id=conversation.pk, agent=sam)
    assert claimed.value.code == "claimed"
    make_rule("never", "Invoices", query="invoice")
    with pytest.raises(NeverAnswer):
        ask_to_follow(conversation_id=conversation.pk, agent=ana)
    assert "ask_follow" not in pane_of(ana, conversation), "what would be refused is not offered"
    assert not Message.objects.exists()
    assert not FollowRequest.objects.exists()


def test_a_request_that_a_lead_reads_first_waits_from_its_approval_on(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    lead = make_agent(Role.LEAD)
    make_rule("approval", "Invoices", lead=lead, query="invoice")
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="In the middle of")
    said = ask_to_follow(conversation_id=conversation.pk, agent=sam, hold=0)
    assert (said.message, said.approval) == (None, Approval.objects.get())
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "In the middle of"}
    assert step(conversation, sam) == "reading"
    assert not ask_to_follow(conversation_id=conversation.pk, agent=sam).is_new
    assert said.approval
    decline_reply(approval_id=said.approval.pk, agent=lead)
    assert step(conversation, sam) == "locked"
    said = ask_to_follow(conversation_id=conversation.pk, agent=sam, hold=0)
    assert said.is_new
    assert said.approval
    message = approve_reply(approval_id=said.approval.pk, agent=lead).message
    assert message
    assert step(conversation, sam) == "asked"
    work(message.delivery.not_before)
    message.refresh_from_db()
    desk.world.follow("mara")
    assert sweep_after(message, seconds=30) == 1


def test_a_request_that_was_taken_back_asked_nobody(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    save_draft(agent=sam, conversation_id=conversation.pk, kind="reply", text="In the middle of")
    said = ask_to_follow(conversation_id=conversation.pk, agent=sam, hold=60)
    assert said.message
    assert step(conversation, sam) == "asked"
    undo_delivery(message_id=said.message.pk, agent=sam)
    assert step(conversation, sam) == "locked"
    assert read_drafts(agent=sam, conversation_id=conversation.pk) == {"reply": "In the middle of"}
    asked(conversation, sam)
    assert len(desk.answers(conversation)) == 1


def test_a_request_that_failed_asked_nobody_until_it_is_tried_again(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    message = ask_to_follow(conversation_id=conversation.pk, agent=sam, hold=0).message
    assert message
    desk.world.faults.set("revoked", 1)
    work(now())
    assert desk.state(message) == "failed"
    assert step(conversation, sam) == "locked"
    desk.world.faults.heal()
    type(desk.account).objects.update(state="ok", state_reason="")
    retry_failed(message_id=message.pk, agent=sam)
    work(now())
    assert step(conversation, sam) == "asked"


# --- The follow ---------------------------------------------------------------------------------------------------------


def test_nothing_private_leaves_before_the_follow(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    asked(conversation, sam)
    with pytest.raises(NotFollowing):
        send_direct_message(conversation_id=conversation.pk, agent=sam, text="Psst", reason="account", hold=0)
    assert "They were asked" in private_door(conversation, sam)
    assert desk.world.messages_between("mara") == []
    desk.world.follow("mara")
    send_direct_message(conversation_id=conversation.pk, agent=sam, text="Psst", reason="account", hold=0)
    work(now())
    assert [message.text for message in desk.world.messages_between("mara")] == ["Psst"]
    assert FollowRequest.objects.get().followed_at, "sending noticed the follow"


def test_the_sweep_finds_the_follow_and_tells_who_asked_once(
    desk: Desk,
    sam: Agent,
    ana: Agent,
    conversation: Conversation,
    heard: list[live.Event],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    message = asked(conversation, sam)
    other = elsewhere(desk, conversation)
    desk.world.follow("mara")
    with django_capture_on_commit_callbacks(execute=True):
        assert sweep_after(message, seconds=20) == 1
        assert sweep_after(message, seconds=60) == 0
    assert follow_events(heard) == [live.FollowCame(conversation.pk, "mara", sam.pk)]
    [changed] = [event for event in heard if isinstance(event, live.ConversationsChanged)][-1:]
    assert {state["id"] for state in changed.conversations} == {conversation.pk, other.pk}, "both panes have the door that opened"
    conversation.refresh_from_db()
    assert (conversation.status, conversation.unanswered, conversation.assignee) == ("open", 1, sam)
    assert kinds(conversation)[-2:] == ["followed", "customer_wrote"]
    assert (step(conversation, ana), private_door(conversation, ana)) == ("came", "")
    assert "They follow us now" in pane_of(sam, conversation)


def test_a_follow_that_comes_with_a_post_is_noticed_as_it_comes_in(
    desk: Desk, sam: Agent, conversation: Conversation, heard: list[live.Event], django_capture_on_commit_callbacks: Any
) -> None:
    asked(conversation, sam)
    desk.world.follow("mara")
    with django_capture_on_commit_callbacks(execute=True):
        desk.world.publish("mara", "Done", in_reply_to=desk.answers(conversation)[0].id)
        desk.read()
        desk.read()
    assert [event.agent for event in follow_events(heard)] == [sam.pk]
    assert step(conversation, sam) == "came"
    assert kinds(conversation).count("followed") == 1


def test_a_follow_while_the_request_is_on_its_way_is_told_once_it_is_out(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    message = ask_to_follow(conversation_id=conversation.pk, agent=sam, hold=60).message
    assert message
    desk.world.follow("mara")
    desk.mention("@tidewheel hello?", author="mara")
    assert look_for_follows() == 0
    assert private_door(conversation, sam) == "", "the door does not wait for the request"
    work(message.delivery.not_before)
    message.refresh_from_db()
    assert sweep_after(message, seconds=10) == 1
    conversation.refresh_from_db()
    assert conversation.status == "open", "they follow: the ball is with us"


def test_a_follow_after_the_request_was_taken_back_is_told_to_nobody(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    message = ask_to_follow(conversation_id=conversation.pk, agent=sam, hold=60).message
    assert message
    undo_delivery(message_id=message.pk, agent=sam)
    desk.world.follow("mara")
    desk.mention("@tidewheel hello?", author="mara")
    assert look_for_follows() == 0
    assert "followed" not in kinds(conversation)
    assert (step(conversation, sam), private_door(conversation, sam)) == ("", "")


def test_who_unfollows_again_locks_the_door_and_may_be_asked_again(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    message = asked(conversation, sam)
    desk.world.follow("mara")
    assert sweep_after(message, seconds=20) == 1
    desk.world.unfollow("mara")
    mention = desk.mention("@tidewheel on second thoughts", author="mara")
    assert mention.conversation
    assert step(mention.conversation, sam) == "locked"
    with pytest.raises(NotFollowing):
        send_direct_message(conversation_id=mention.conversation.pk, agent=sam, text="Psst", reason="account", waiver="They asked")
    again = asked(mention.conversation, sam)
    assert again != message
    desk.world.follow("mara")
    assert sweep_after(again, seconds=20) == 1
    assert ConversationEvent.objects.filter(kind="followed").count() == 2


def test_a_resolved_conversation_stays_resolved(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    message = asked(conversation, sam)
    resolve_conversation(conversation_id=conversation.pk, agent=sam)
    desk.world.follow("mara")
    assert sweep_after(message, seconds=20) == 1
    conversation.refresh_from_db()
    assert conversation.status == "resolved"
    assert kinds(conversation)[-1] == "followed"


# --- The sweep ----------------------------------------------------------------------------------------------------------


class Asking:
    """Counts how often the network is asked whether somebody follows; `error` is what it says instead."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.about: list[str] = []
        self.error: NetworkError | None = None
        publisher_for = registry.publisher_for

        def counting(config: Any) -> Any:
            publisher = publisher_for(config)
            real = publisher.follows_us

            def follows_us(external_id: str) -> bool:
                self.about.append(external_id)
                if self.error:
                    raise self.error
                return real(external_id)

            publisher.follows_us = follows_us  # type: ignore[method-assign]
            return publisher

        monkeypatch.setattr(registry, "publisher_for", counting)


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    return Asking(monkeypatch)


def times_asked(asking: Asking, message: Message, *, until: timedelta, every: timedelta) -> list[timedelta]:
    """When the network was asked, with a sweep `every` so often."""
    assert message.sent_at
    found, passed = [], timedelta()
    while passed <= until:
        before = len(asking.about)
        look_for_follows(now=message.sent_at + passed)
        found += [passed] * (len(asking.about) - before)
        passed += every
    return found


def test_the_longer_ago_the_more_seldom_and_at_last_no_more(desk: Desk, sam: Agent, conversation: Conversation, asking: Asking) -> None:
    message = asked(conversation, sam)
    asking.about.clear()
    soon = times_asked(asking, message, until=timedelta(minutes=10), every=timedelta(seconds=10))
    assert soon[:4] == [timedelta(seconds=seconds) for seconds in (0, 10, 20, 30)]
    assert 12 <= len(soon) <= 24
    gaps = [after - before for before, after in pairwise(soon)]
    assert gaps == sorted(gaps)
    assert message.sent_at
    for days in range(1, 20):
        look_for_follows(now=message.sent_at + timedelta(days=days))
    assert len(asking.about) - len(soon) == WAIT.days
    assert FollowRequest.objects.get().look_at is None
    assert not is_waiting(FollowRequest.objects.get(), now=message.sent_at + WAIT + timedelta(seconds=1))


def test_a_network_that_fails_keeps_them_waiting_and_is_asked_once_a_sweep(desk: Desk, sam: Agent, asking: Asking) -> None:
    messages = [asked(desk.conversation(author=name), sam) for name in ("mara", "ben", "cleo")]
    asking.about.clear()
    for name in ("mara", "ben", "cleo"):
        desk.world.follow(name)
    asking.error = NetworkError("Not now", retryable=True, retry_after=120)
    assert sweep_after(messages[-1], seconds=10) == 0
    assert len(asking.about) == 1
    assert FollowRequest.objects.filter(followed_at=None).count() == 3
    assert FollowRequest.objects.filter(look_at__gt=messages[-1].sent_at + timedelta(seconds=100)).count() == 1  # type: ignore[operator]
    asking.error = None
    assert sweep_after(messages[-1], seconds=40) == 2
    assert sweep_after(messages[-1], seconds=140) == 1


@pytest.mark.parametrize("fault", ["rate_limit", "dropped", "server_error", "revoked"])
def test_faults_of_the_network_are_waited_out(desk: Desk, sam: Agent, conversation: Conversation, fault: str) -> None:
    message = asked(conversation, sam)
    desk.world.follow("mara")
    desk.world.faults.set(fault, 1)
    assert sweep_after(message, seconds=10) == 0
    assert step(conversation, sam) == "asked"
    desk.world.faults.heal()
    assert sweep_after(message, hours=2) == 1


def test_an_account_that_cannot_speak_keeps_them_waiting(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    message = asked(conversation, sam)
    desk.world.follow("mara")
    type(desk.account).objects.update(state="revoked")
    assert sweep_after(message, seconds=10) == 0
    type(desk.account).objects.update(state="ok")
    assert sweep_after(message, minutes=2) == 1


def test_a_sweep_asks_no_more_than_its_limit(desk: Desk, sam: Agent, asking: Asking) -> None:
    messages = [asked(desk.conversation(author=f"c{number}"), sam) for number in range(5)]
    asking.about.clear()
    moment = messages[-1].sent_at
    assert moment
    look_for_follows(now=moment + timedelta(seconds=20), limit=2)
    assert len(asking.about) == 2
    look_for_follows(now=moment + timedelta(seconds=21), limit=10)
    assert len(set(asking.about)) == 5, "nobody is asked about twice while others wait"


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_and_an_intake_at_once_tell_once(desk: Desk, sam: Agent, heard: list[live.Event]) -> None:
    conversation = desk.conversation(author="mara")
    message = asked(conversation, sam)
    desk.world.follow("mara")
    desk.world.publish("mara", "@tidewheel done")
    moment = (message.sent_at or now()) + timedelta(seconds=30)
    results = at_once([partial(look_for_follows, now=moment), partial(look_for_follows, now=moment), desk.read])
    assert not [result for result in results if isinstance(result, Exception)], results
    look_for_follows(now=moment)
    assert len(follow_events(heard)) == 1
    assert kinds(conversation).count("followed") == 1


# --- The pane and the API -----------------------------------------------------------------------------------------------


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def pane_of(agent: Agent, conversation: Conversation) -> str:
    return client_of(agent).get(f"/conversations/{conversation.pk}/", headers=FRAGMENT).content.decode()


def count_queries(client: Client, conversation: Conversation) -> int:
    with CaptureQueriesContext(connection) as queries:
        client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT)
    return len(queries)


def test_the_pane_reads_it_with_what_it_has_read_already(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    client = client_of(sam)
    add_note(conversation_id=conversation.pk, agent=sam, text="A note")
    client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT)
    locked = count_queries(client, conversation)
    message = asked(conversation, sam)
    waits = count_queries(client, conversation)
    desk.world.follow("mara")
    sweep_after(message, seconds=20)
    came = count_queries(client, conversation)
    assert locked == waits == came <= MOST_QUERIES


def test_the_pane_offers_it_waits_and_says_that_they_follow(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    client = client_of(sam)
    page = pane_of(sam, conversation)
    assert page.count('data-act="ask_follow"') == 1
    told = client.post(f"/conversations/{conversation.pk}/ask_follow/", {"answer_seen": "0"}, headers=FRAGMENT)
    assert told.status_code == 204
    assert '"did": "acknowledged"' in told["HX-Trigger"]
    page = pane_of(sam, conversation)
    assert "Asked to follow · waits" in page
    assert "ask_follow" not in page
    again = client.post(f"/conversations/{conversation.pk}/ask_follow/", {"answer_seen": "0"}, headers=FRAGMENT)
    assert "Sam asked them already" in again["HX-Trigger"]
    undo = client.post(f"/messages/{Message.objects.get().pk}/undo/", headers=FRAGMENT)
    assert '"did": "taken_back"' in undo["HX-Trigger"]
    assert Delivery.objects.get().state == "aborted"


def test_who_did_not_see_an_answer_is_told_to_read_it(desk: Desk, sam: Agent, ana: Agent, conversation: Conversation) -> None:
    send_reply(conversation_id=conversation.pk, agent=ana, text="We look into it", hold=0)
    work(now())
    refused = client_of(sam).post(f"/conversations/{conversation.pk}/ask_follow/", {"answer_seen": "0"}, headers=FRAGMENT)
    assert (refused.status_code, "press again" in refused.json()["detail"]) == (409, True)
    assert 'name="answer_seen" value="1"' in " ".join(pane_of(sam, conversation).split())


def test_without_javascript_it_is_a_form(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    answer = client_of(sam).post(f"/conversations/{conversation.pk}/ask_follow/", {"answer_seen": "0"})
    assert answer.status_code == 302
    assert Message.objects.count() == 1


def test_the_api_asks_once(desk: Desk, sam: Agent, conversation: Conversation) -> None:
    client = APIClient()
    client.force_authenticate(sam)
    path = f"/api/conversations/{conversation.pk}/ask_follow/"
    first = client.post(path, {}, format="json")
    assert (first.status_code, first.json()["kind"], first.json()["audience"]) == (201, "reply", "public")
    again = client.post(path, {}, format="json")
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    desk.world.follow("mara")
    refused = client.post(path, {}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_follow_needed")
    assert client.post(path, {"answer_seen": -1}, format="json").status_code == 400
    assert client.post("/api/conversations/999999/ask_follow/", {}, format="json").status_code == 404


# --- From end to end ----------------------------------------------------------------------------------------------------


def test_an_author_of_the_demo_follows_when_asked_and_is_written_to(desk: Desk, sam: Agent, tmp_path: Any) -> None:
    script = write_script(tmp_path / "script", [line(1, "mara")], [author("mara", follows_when_asked=True)])
    clock = Clock(desk.world, script)
    clock.run(5)
    desk.read()
    conversation = Conversation.objects.get(author__username="mara")
    message = asked(conversation, sam)
    clock.run(120)
    assert desk.world.follows("mara")
    desk.read()
    assert step(conversation, sam) == "came"
    private = send_direct_message(conversation_id=conversation.pk, agent=sam, text="Which invoice is it?", reason="account", hold=0)
    work(now())
    assert desk.state(private) == "sent"
    assert desk.state(message) == "sent"
    assert kinds(conversation).count("followed") == 1
