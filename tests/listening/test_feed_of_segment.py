"""The desk of the people of a segment: whoever wrote, merged or not, few or many, at the same cost."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from listening.feed import Filters, count_views, read_cards, read_page
from listening.models import Conversation, SavedSearch
from profiles.models import Agent, Profile, Role, Segment
from profiles.services import segments
from profiles.services.conditions import check_conditions
from profiles.services.merge import merge_profiles
from socialdesk.lib.clock import now
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def lead() -> Agent:
    return make_agent(Role.LEAD)


@pytest.fixture(params=[segments.RARE, 0], ids=["few", "many"])
def segment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Segment:
    """Customers; looked up as few are, and asked row by row as many are."""
    monkeypatch.setattr(segments, "RARE", request.param)
    conditions = check_conditions([{"field": "stage", "is": "is", "value": "customer"}])
    return Segment.objects.create(name="Customers", conditions=conditions, made_at=now())


def make_customer(conversation: Conversation) -> Profile:
    profile = conversation.author.profile
    Profile.objects.filter(pk=profile.pk).update(stage="customer")
    profile.refresh_from_db()
    return profile


def shown(agent: Agent, **filters: object) -> list[Conversation]:
    return read_page(agent=agent, filters=Filters(**filters)).conversations  # type: ignore[arg-type]


def test_only_conversations_of_its_people_are_shown(lead: Agent, segment: Segment) -> None:
    theirs, other = make_conversation(author="mara"), make_conversation(author="jonas")
    make_customer(theirs)
    for filters in ({}, {"view": "unassigned"}, {"sort": "due"}, {"network": "sandbox"}):
        assert shown(lead, segment=segment.pk, **filters) == [theirs]
    assert read_cards([theirs.pk, other.pk], agent=lead, filters=Filters(segment=segment.pk)) == [theirs]
    assert shown(lead, segment=segment.pk, view="resolved") == []


def test_what_a_merged_profile_wrote_is_the_persons(lead: Agent, segment: Segment) -> None:
    conversation = make_conversation(author="mara")
    survivor = Profile.objects.create(name="Mara", stage="customer", created_at=now())
    merge_profiles(survivor_id=survivor.pk, other_id=conversation.author.profile_id, agent=lead)
    assert shown(lead, segment=segment.pk) == [conversation]


def test_pages_go_on_by_key(lead: Agent, segment: Segment) -> None:
    wanted = []
    for number in range(12):
        conversation = make_conversation(author=f"author{number}", ago=number)
        if number % 2:
            make_customer(conversation)
            wanted.append(conversation.pk)
    seen: list[int] = []
    after = ""
    while True:
        page = read_page(agent=lead, filters=Filters(segment=segment.pk), after=after, limit=2)
        seen += [conversation.pk for conversation in page.conversations]
        after = page.next
        if not after:
            break
    assert seen == wanted


def test_a_segment_that_is_gone_shows_nothing_and_breaks_nothing(lead: Agent, segment: Segment) -> None:
    make_conversation()
    client = Client()
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    assert client.post("/searches/", {"name": "Ours", "query": f"segment={segment.pk}"}).status_code in (204, 302)
    saved = SavedSearch.objects.get()
    segment.delete()
    assert f"search:{saved.pk}" not in count_views(lead)
    page = client.get("/", {"segment": saved.filters["segment"]})
    assert page.status_code == 200
    assert "a segment that is gone" in " ".join(strip_tags(page.content.decode()).split())


def test_the_desk_offers_segments_and_says_which_is_chosen(lead: Agent, segment: Segment) -> None:
    client = Client()
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get("/", {"segment": segment.pk})
    assert ("Customers", "view=all") not in page.context["chips"]
    assert [words for words, _ in page.context["chips"]] == ["Customers"]
    assert f'<option value="{segment.pk}" selected>Customers</option>' in " ".join(page.content.decode().split())


def test_the_api_narrows_mentions_and_conversations(lead: Agent, segment: Segment) -> None:
    theirs = make_conversation(author="mara")
    make_conversation(author="jonas")
    make_customer(theirs)
    client = Client()
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")
    for name in (segment.name, segment.pk):
        found = client.get("/api/conversations/", {"segment": name}).json()["results"]
        assert [row["id"] for row in found] == [theirs.pk]
        found = client.get("/api/mentions/", {"segment": name}).json()["results"]
        assert [row["conversation"] for row in found] == [theirs.pk]
    assert client.get("/api/mentions/", {"segment": "nobody"}).status_code == 400


def test_a_page_costs_the_same_however_many_cards(lead: Agent, segment: Segment) -> None:
    client = Client()
    client.force_login(lead, backend="django.contrib.auth.backends.ModelBackend")

    def fill(count: int) -> None:
        for number in range(count):
            make_customer(make_conversation(author=f"author{Conversation.objects.count()}{number}"))

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/feed/", {"segment": segment.pk}).context["cards"]
        return len(captured)

    fill(3)
    few = count()
    fill(27)
    assert count() == few <= 12
