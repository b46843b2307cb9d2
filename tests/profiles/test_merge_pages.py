"""The pages of who is the same person: how many queries they take, what they show and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from profiles.models import Agent, MatchSuggestion, Merge, Profile, Role
from profiles.services.contacts import record_contact_point
from profiles.services.matching import match_people
from profiles.services.merge import merge_profiles
from profiles.services.proposals import preview_merge, read_proposals
from socialdesk.lib.errors import DeskError
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent() -> Agent:
    return make_agent()


@pytest.fixture
def client(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def make_pairs(count: int, *, start: int = 0) -> list[tuple[Profile, Profile]]:
    pairs = []
    for number in range(start, start + count):
        a, b = (
            make_mention(author=make_author(f"{side}{number}", display_name=f"{side} {number}")).author.profile
            for side in ("left", "right")
        )
        for person in (a, b):
            record_contact_point(profile=person, kind="email", typed=f"p{number}@example.com", state="given", source="callback form")
        match_people([a.pk])
        pairs.append((a, b))
    return pairs


def count_queries(ask: Callable[[], object]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        ask()
    return len(asked)


def test_the_list_takes_as_many_queries_however_long_it_is(client: Client) -> None:
    make_pairs(3)
    client.get("/duplicates/")
    few = count_queries(lambda: client.get("/duplicates/"))
    make_pairs(27, start=3)
    assert MatchSuggestion.objects.count() == 30
    assert count_queries(lambda: client.get("/duplicates/")) == few <= 12


def test_a_persons_page_takes_as_many_queries_however_often_they_were_merged(client: Client, agent: Agent) -> None:
    [(a, b), (c, d), (e, f)] = make_pairs(3)
    merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    client.get(f"/profiles/{a.pk}/")
    few = count_queries(lambda: client.get(f"/profiles/{a.pk}/"))
    for other in (c, d, e, f):
        merge_profiles(survivor_id=a.pk, other_id=other.pk, agent=agent)
    assert count_queries(lambda: client.get(f"/profiles/{a.pk}/")) == few


def test_the_list_goes_on_by_key_with_the_surest_first() -> None:
    make_pairs(7)
    for number, row in enumerate(MatchSuggestion.objects.order_by("pk")):
        MatchSuggestion.objects.filter(pk=row.pk).update(score=0.5 + (number % 3) / 10)
    seen, after = [], ""
    while True:
        page, after = read_proposals(after=after, limit=2)
        seen += [(proposal.suggestion.score, proposal.suggestion.pk) for proposal in page]
        if not after:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 7
    for key in ("x", "e30", "W10"):
        with pytest.raises(DeskError):
            read_proposals(after=key)


def test_a_preview_says_what_each_has_and_would_be_given(agent: Agent) -> None:
    [(a, b)] = make_pairs(1)
    Profile.objects.filter(pk=b.pk).update(company="Acme", owner=agent)
    one, other = preview_merge(a.pk, b.pk)
    assert dict(one.counts)["Posts"] == dict(other.counts)["Posts"] == 1
    assert one.fills == [("Company", "Acme"), ("Owner", agent.name)]
    assert other.fills == []
    merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    with pytest.raises(DeskError, match="one person"):
        preview_merge(a.pk, b.pk)


def test_what_a_preview_promises_is_what_the_merge_fills(agent: Agent) -> None:
    [(a, b)] = make_pairs(1)
    Profile.objects.filter(pk=b.pk).update(company="Acme", time_zone="Europe/Berlin", stage="customer", do_not_contact_at=b.created_at)
    promised = preview_merge(a.pk, b.pk)[0].fills
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    assert len(promised) == len(merge.filled) == 4


@pytest.mark.parametrize("sent", [{}, {"survivor": "1"}, {"seen": ["1:1", "x"]}, {"seen": ["1:1", "2:2"], "survivor": "3"}])
def test_half_a_form_merges_nobody(client: Client, sent: dict[str, object]) -> None:
    [(a, _)] = make_pairs(1)
    assert client.post(f"/profiles/{a.pk}/merge/", sent, headers={"HX-Request": "true"}).status_code == 400
    assert Merge.objects.count() == 0


def test_nobody_is_found_to_merge_with(client: Client) -> None:
    [(a, b)] = make_pairs(1)
    assert b"Nobody else fits" in client.get(f"/profiles/{a.pk}/merge/?other=zzzz").content
    assert b"Nobody else fits" in client.get(f"/profiles/{a.pk}/merge/?other=999999999").content
    assert client.get(f"/profiles/{a.pk}/merge/?other={a.pk}").status_code == 400
    assert client.get("/profiles/999999/merge/").status_code == 404
    assert b"Are these the same person?" in client.get(f"/profiles/{a.pk}/merge/?other={b.pk}").content


@pytest.mark.parametrize("role", [Role.MARKETING])
def test_who_may_not_merge_is_offered_nothing(role: str) -> None:
    [(a, b)] = make_pairs(1)
    client = Client()
    client.force_login(make_agent(role), backend="django.contrib.auth.backends.ModelBackend")
    assert b"Not the same" not in client.get("/duplicates/").content
    assert b"Merge with" not in client.get(f"/profiles/{a.pk}/").content
    assert client.get(f"/profiles/{a.pk}/merge/?other={b.pk}").status_code == 403
    assert client.post(f"/duplicates/{MatchSuggestion.objects.get().pk}/dismiss/").status_code == 403
