"""New conversations go to whoever knows the person, and are taken from nobody."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from celery import current_app

from listening.models import Conversation, ConversationEvent
from listening.services.conversations import assign_conversation, claim_conversation, resolve_conversation
from listening.services.routing import route_conversations
from profiles.models import Agent, Handle, Profile, Role, Segment
from profiles.services.conditions import check_conditions
from profiles.services.merge import merge_profiles
from socialdesk.intake import take_in
from socialdesk.lib.clock import now
from socialdesk.networks.base import MessageData
from tests.engagement.threads import at_once
from tests.factories import make_agent, make_author, make_conversation, make_post

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent() -> Any:
    """The tasks that were asked for, in place of a worker."""
    with patch.object(current_app, "send_task") as send:
        yield lambda: [call.args[1][0] for call in send.call_args_list if call.args[0] == "listening.tasks.route_conversations"]


@pytest.fixture
def olga() -> Agent:
    return make_agent(username="olga")


def own(conversation: Conversation, owner: Agent) -> Profile:
    profile = conversation.author.profile
    Profile.objects.filter(pk=profile.pk).update(owner=owner)
    return profile


def segment(name: str, to: Agent | None, position: int = 0, *, field: str = "sentiment", **more: Any) -> Segment:
    given = {"field": field, **(more or {"is": "within", "value": "negative", "days": 7})}
    return Segment.objects.create(name=name, conditions=check_conditions([given]), routes_to=to, position=position, made_at=now())


def again(author: str = "mara_k") -> Conversation:
    """A new conversation of somebody, long after the last one."""
    post = make_post("@tidewheel another thing", author=author)
    result = take_in([post])
    return Conversation.objects.get(mentions=result.ids[post.external_id])


def next_conversation(first: Conversation) -> Conversation:
    resolve_conversation(conversation_id=first.pk, agent=make_agent())
    found = again(first.author.username)
    assert found.pk != first.pk
    return found


def test_a_new_conversation_of_somebody_with_an_owner_is_the_owners(sent: Any, olga: Agent) -> None:
    first = make_conversation()
    own(first, olga)
    conversation = next_conversation(first)
    assert sent() == [[conversation.pk]]
    assert route_conversations([conversation.pk]) == 1
    conversation.refresh_from_db()
    assert (conversation.assignee, conversation.status, conversation.claimed_by) == (olga, "open", None)
    event = ConversationEvent.objects.get(conversation=conversation, kind="assigned")
    assert (event.agent, event.data) == (None, {"to": olga.pk, "why": "owner"})


def test_the_owner_of_the_person_counts_whatever_profile_wrote(sent: Any, olga: Agent) -> None:
    first = make_conversation()
    survivor = Profile.objects.create(name="Mara", owner=olga, created_at=now())
    merge_profiles(survivor_id=survivor.pk, other_id=first.author.profile_id, agent=olga)
    conversation = next_conversation(first)
    assert sent() == [[conversation.pk]]
    route_conversations([conversation.pk])
    assert Conversation.objects.get(pk=conversation.pk).assignee == olga


def test_nobody_is_asked_where_nobody_could_be_meant(sent: Any) -> None:
    make_conversation()
    segment("Nobody's", None)
    next_conversation(make_conversation(author="jonas"))
    assert sent() == []


def test_a_conversation_that_goes_on_is_not_routed_anew(sent: Any, olga: Agent) -> None:
    first = make_conversation()
    own(first, olga)
    make_conversation("@tidewheel and still late")
    assert sent() == []


def test_the_first_segment_that_fits_says_whom(sent: Any, olga: Agent) -> None:
    other = make_agent()
    segment("Second", other, 2)
    segment("First", olga, 1)
    segment("Not theirs", other, 0, field="stage", **{"is": "is", "value": "former"})
    conversation = make_conversation("@tidewheel this is terrible, I hate it")
    assert sent() == [[conversation.pk]]
    route_conversations(sent()[0])
    conversation.refresh_from_db()
    assert conversation.assignee == olga
    assert ConversationEvent.objects.get(conversation=conversation, kind="assigned").data["why"] == "segment First"


def test_the_owner_comes_before_any_segment(sent: Any, olga: Agent) -> None:
    segment("All negative", make_agent())
    conversation = make_conversation("@tidewheel this is terrible")
    own(conversation, olga)
    route_conversations([conversation.pk])
    conversation.refresh_from_db()
    assert conversation.assignee == olga


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.MARKETING}])
def test_who_cannot_answer_gets_nothing_and_the_segment_decides(sent: Any, olga: Agent, change: dict[str, Any]) -> None:
    lead = make_agent(Role.LEAD)
    conversation = make_conversation("@tidewheel this is terrible")
    own(conversation, olga)
    Agent.objects.filter(pk=olga.pk).update(**change)
    assert route_conversations([conversation.pk]) == 0
    segment("Negative", lead)
    assert route_conversations([conversation.pk]) == 1
    conversation.refresh_from_db()
    assert conversation.assignee == lead


def test_nothing_is_taken_from_whoever_has_it_works_on_it_or_closed_it(sent: Any, olga: Agent) -> None:
    sam = make_agent(Role.LEAD)
    claimed, assigned, resolved = (make_conversation(author=name) for name in ("a1", "b1", "c1"))
    for conversation in (claimed, assigned, resolved):
        own(conversation, olga)
    claim_conversation(conversation_id=claimed.pk, agent=sam)
    assign_conversation(conversation_id=claimed.pk, agent=sam, to=sam)
    Conversation.objects.filter(pk=claimed.pk).update(assignee=None)
    assign_conversation(conversation_id=assigned.pk, agent=sam, to=sam)
    resolve_conversation(conversation_id=resolved.pk, agent=sam)
    Conversation.objects.filter(pk=claimed.pk).update(claimed_by=sam, claimed_until=now() + timedelta(minutes=5))
    assert route_conversations([claimed.pk, assigned.pk, resolved.pk, 10**9]) == 0


def test_private_messages_are_routed_too(sent: Any, olga: Agent) -> None:
    author = make_author("quiet")
    profile = Profile.objects.create(name="Quiet", owner=olga, created_at=now())
    Handle.objects.create(profile=profile, network="sandbox", external_id=author.external_id, username="quiet", first_seen_at=now())
    take_in([], [MessageData("sandbox", "m1", "Hello", author, now())])
    conversation = Conversation.objects.get()
    assert sent() == [[conversation.pk]]
    route_conversations([conversation.pk])
    conversation.refresh_from_db()
    assert conversation.assignee == olga


def test_a_claim_at_the_same_moment_wins_or_loses_whole(sent: Any, olga: Agent) -> None:
    sam = make_agent()
    for number in range(8):
        conversation = make_conversation(author=f"author{number}")
        own(conversation, olga)
        at_once([partial(claim_conversation, conversation_id=conversation.pk, agent=sam), partial(route_conversations, [conversation.pk])])
        conversation.refresh_from_db()
        # Whoever came first has it; a claim is never taken away.
        assert conversation.claimed_by == sam
        assert conversation.assignee in (sam, olga)
        routed = ConversationEvent.objects.filter(conversation=conversation, kind="assigned").count()
        assert routed == (1 if conversation.assignee == olga else 0)
