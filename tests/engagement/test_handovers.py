"""Conversations that change hands only with a yes: who may offer, take, decline and give back, and what everybody sees of it (B37)."""

from __future__ import annotations

import pytest
from django.test import Client

from engagement.models import Handover, Message
from engagement.services.handovers import accept_handover, decline_handover, hand_over, return_handover, withdraw_handover
from listening.feed import Filters, count_views, read_page
from listening.models import Conversation
from listening.services.conversations import claim_conversation, resolve_conversation
from profiles.models import Agent, Role
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from tests.engagement.desk import Desk
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


@pytest.fixture
def rafa(db: None) -> Agent:
    return make_agent(Role.MARKETING, username="rafa")


@pytest.fixture
def theirs(desk: Desk, sam: Agent) -> Conversation:
    conversation = desk.conversation()
    claim_conversation(conversation_id=conversation.pk, agent=sam)
    return conversation


def offer(conversation: Conversation, agent: Agent, **to: object) -> Handover:
    return hand_over(conversation_id=conversation.pk, agent=agent, note="Wants the blue one", **to)  # type: ignore[arg-type]


def notes(conversation: Conversation) -> list[str]:
    return list(Message.objects.filter(conversation=conversation, kind="note").order_by("pk").values_list("text", flat=True))


def test_it_stays_with_the_giver_until_the_other_says_yes(theirs: Conversation, sam: Agent, ana: Agent) -> None:
    handover = offer(theirs, sam, to=ana)
    theirs.refresh_from_db()
    assert theirs.assignee_id == sam.pk
    accept_handover(handover_id=handover.pk, agent=ana)
    theirs.refresh_from_db()
    assert (theirs.assignee_id, theirs.claimed_by_id) == (ana.pk, None)
    assert notes(theirs) == ["Handed to Ana: Wants the blue one", "Accepted the hand-over."]


def test_accepting_again_changes_nothing(theirs: Conversation, sam: Agent, ana: Agent) -> None:
    handover = offer(theirs, sam, to=ana)
    for _ in range(2):
        accept_handover(handover_id=handover.pk, agent=ana)
    assert notes(theirs).count("Accepted the hand-over.") == 1


def test_who_declines_says_why_and_the_giver_keeps_it(theirs: Conversation, sam: Agent, ana: Agent) -> None:
    handover = offer(theirs, sam, to=ana)
    with pytest.raises(DeskError, match="Say why not"):
        decline_handover(handover_id=handover.pk, agent=ana, why="  ")
    decline_handover(handover_id=handover.pk, agent=ana, why="I am on holiday")
    theirs.refresh_from_db()
    assert theirs.assignee_id == sam.pk
    assert notes(theirs)[-1] == "Declined the hand-over: I am on holiday"
    offer(theirs, sam, to=ana)


def test_a_team_that_does_not_answer_works_beside_the_agent_and_gives_it_back(theirs: Conversation, sam: Agent, rafa: Agent) -> None:
    handover = offer(theirs, sam, team="marketing")
    accept_handover(handover_id=handover.pk, agent=rafa)
    theirs.refresh_from_db()
    assert theirs.assignee_id == sam.pk
    with pytest.raises(NotAllowed):
        return_handover(handover_id=handover.pk, agent=sam, words="done")
    return_handover(handover_id=handover.pk, agent=rafa, words="The blue one is sold out")
    assert notes(theirs)[-1] == "Gave it back: The blue one is sold out"
    assert Handover.objects.get().state == "done"


def test_only_those_it_was_offered_to_say_yes_or_no(theirs: Conversation, sam: Agent, ana: Agent, rafa: Agent) -> None:
    handover = offer(theirs, sam, to=ana)
    for refused in (sam, rafa):
        with pytest.raises(NotAllowed, match="handed to Ana"):
            accept_handover(handover_id=handover.pk, agent=refused)
        with pytest.raises(NotAllowed, match="handed to Ana"):
            decline_handover(handover_id=handover.pk, agent=refused, why="no")


def test_it_is_taken_back_by_the_giver_or_a_lead_and_then_nobody_can_accept(theirs: Conversation, sam: Agent, ana: Agent) -> None:
    handover = offer(theirs, sam, to=ana)
    with pytest.raises(NotAllowed):
        withdraw_handover(handover_id=handover.pk, agent=ana)
    withdraw_handover(handover_id=handover.pk, agent=make_agent(Role.LEAD, username="olga"))
    with pytest.raises(Conflict, match="taken back"):
        accept_handover(handover_id=handover.pk, agent=ana)


@pytest.mark.parametrize(
    ("note", "to", "team", "words"),
    [
        ("", "ana", "", "Write what they must know"),
        ("x" * 501, "ana", "", "501 characters"),
        ("note", "", "", "Choose a colleague or a team"),
        ("note", "ana", "marketing", "Choose a colleague or a team"),
        ("note", "sam", "", "not to yourself"),
        ("note", "", "pirates", "no team 'pirates'"),
    ],
)
def test_what_makes_no_hand_over_is_refused(
    theirs: Conversation, sam: Agent, ana: Agent, note: str, to: str, team: str, words: str
) -> None:
    with pytest.raises(DeskError, match=words):
        hand_over(conversation_id=theirs.pk, agent=sam, note=note, to={"ana": ana, "sam": sam}.get(to), team=team)
    assert not Handover.objects.exists()


def test_one_is_on_its_way_at_a_time_and_none_of_a_resolved_conversation(theirs: Conversation, sam: Agent, ana: Agent) -> None:
    handover = offer(theirs, sam, to=ana)
    with pytest.raises(Conflict, match="on its way"):
        offer(theirs, sam, team="lead")
    withdraw_handover(handover_id=handover.pk, agent=sam)
    resolve_conversation(conversation_id=theirs.pk, agent=sam)
    with pytest.raises(Conflict, match="resolved"):
        offer(theirs, sam, to=ana)
    with pytest.raises(NotFound):
        accept_handover(handover_id=10**6, agent=ana)


def test_somebody_elses_claim_is_respected(theirs: Conversation, sam: Agent, ana: Agent) -> None:
    handover = offer(theirs, sam, to=ana)
    Conversation.objects.filter(pk=theirs.pk).update(claimed_by=make_agent(username="third"))
    with pytest.raises(Conflict, match="is working on this"):
        accept_handover(handover_id=handover.pk, agent=ana)
    assert Handover.objects.get().state == "offered"


def test_those_it_is_handed_to_find_it_in_their_view_and_nobody_else(theirs: Conversation, sam: Agent, ana: Agent, rafa: Agent) -> None:
    def seen(agent: Agent) -> list[int]:
        page = read_page(agent=agent, filters=Filters(view="handed"))
        assert count_views(agent)["handed"] == len(page.conversations)
        return [conversation.pk for conversation in page.conversations]

    handover = offer(theirs, sam, team="marketing")
    assert [seen(agent) for agent in (sam, ana, rafa)] == [[], [], [theirs.pk]]
    accept_handover(handover_id=handover.pk, agent=rafa)
    assert seen(rafa) == [theirs.pk]
    assert seen(make_agent(Role.MARKETING, username="rita")) == []
    return_handover(handover_id=handover.pk, agent=rafa, words="done")
    assert seen(rafa) == []


def test_pages_and_programs_use_the_same_doors(theirs: Conversation, sam: Agent, ana: Agent, client: Client) -> None:
    client.force_login(sam)
    answer = client.post(
        f"/conversations/{theirs.pk}/hand_over/", {"to": ana.pk, "note": "Wants the blue one"}, headers={"HX-Request": "true"}
    )
    assert answer.status_code == 204
    client.force_login(ana)
    assert "Sam hands this to you" in client.get(f"/conversations/{theirs.pk}/").text
    handover = Handover.objects.get()
    told = client.post(f"/api/handovers/{handover.pk}/", {"act": "decline", "words": "no time"}, content_type="application/json").json()
    assert (told["state"], told["answer"]) == ("declined", "no time")
    client.force_login(sam)
    made = client.post(f"/api/conversations/{theirs.pk}/hand_over/", {"to": "ana", "note": "again"}, content_type="application/json")
    assert (made.status_code, made.json()["to"]["username"]) == (201, "ana")
    client.force_login(ana)
    client.post(f"/handovers/{made.json()['id']}/", {"act": "accept"}, headers={"HX-Request": "true"})
    theirs.refresh_from_db()
    assert theirs.assignee_id == ana.pk
    refused = client.post(f"/handovers/{made.json()['id']}/", {"act": "keep"}, headers={"HX-Request": "true"})
    assert refused.status_code == 400
