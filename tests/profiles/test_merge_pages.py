"""The pages of who is the same person: how many queries they take, what they show and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from profiles.models import Agent, CustomField, CustomValue, MatchSuggestion, Merge, Profile, Role
from profiles.services.contacts import record_consent, record_contact_point
from profiles.services.custom import list_custom, save_field, set_custom
from profiles.services.edit import edit_profile
from profiles.services.matching import match_people
from profiles.services.merge import merge_profiles
from profiles.services.merge_preview import Clash, outcomes_of
from profiles.services.proposals import preview_merge, read_proposals
from profiles.services.rights import save_right
from profiles.services.tags import add_tag
from socialdesk.lib.clock import now
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
        page, after = read_proposals(agent=None, after=after, limit=2)
        seen += [(proposal.suggestion.score, proposal.suggestion.pk) for proposal in page]
        if not after:
            break
    assert seen == sorted(seen, reverse=True)
    assert len(seen) == 7
    for key in ("x", "e30", "W10"):
        with pytest.raises(DeskError):
            read_proposals(agent=None, after=key)


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


@pytest.fixture
def disagreeing(agent: Agent) -> tuple[Profile, Profile]:
    [(a, b)] = make_pairs(1)
    save_field(field=None, label="Rider number", kind="text")
    save_field(field=None, label="Plan", kind="text")
    save_field(field=None, label="Size", kind="text")
    for profile, company, rider, tags in ((a, "Acme", "R-NEW", ("press", "vip")), (b, "Other Co", "R-OTHER", ("vip", "knee"))):
        values = {"company": company, "language": "en", "owner": agent.pk}
        edit_profile(profile_id=profile.pk, changes=values, source="agent", agent=agent)
        set_custom(profile_id=profile.pk, values={"rider_number": rider, "plan": "A"}, source="agent", agent=agent)
        for tag in tags:
            add_tag(person=profile, name=tag, agent=agent)
    set_custom(profile_id=b.pk, values={"size": "XL"}, source="agent", agent=agent)
    return Profile.objects.get(pk=a.pk), Profile.objects.get(pk=b.pk)


def test_a_preview_says_what_disagrees(agent: Agent, disagreeing: tuple[Profile, Profile]) -> None:
    one, other = outcomes_of(*disagreeing, agent=agent)
    assert one.clashes == [
        Clash("Name", "left 0", "right 0"),
        Clash("Company", "Acme", "Other Co"),
        Clash("Rider number", "R-NEW", "R-OTHER"),
    ]
    assert other.clashes == [Clash(clash.label, clash.hidden, clash.stays) for clash in one.clashes]
    assert (one.given, other.given) == ([("Size", "XL")], [])
    assert (one.tags, one.more_tags) == (["press", "vip"], ["knee"])
    assert (other.tags, other.more_tags) == (["knee", "vip"], ["press"])


def test_the_page_of_a_merge_shows_values_tags_and_evidence(client: Client, disagreeing: tuple[Profile, Profile]) -> None:
    a, b = disagreeing
    page = " ".join(client.get(f"/profiles/{a.pk}/merge/?other={b.pk}").content.decode().split())
    for stays, lost in (("R-NEW", "R-OTHER"), ("R-OTHER", "R-NEW"), ("Acme", "Other Co")):
        assert f"<bdi>{stays}</bdi> stays; <bdi>{lost}</bdi> is hidden until the merge is taken back" in page
    assert page.count("<bdi>knee</bdi>") == page.count("<bdi>press</bdi>") == page.count("<bdi>vip</bdi>") == 2
    assert "Both gave the same e-mail address" in page
    assert "<bdi>XL</bdi>" in page
    make_pairs(1, start=1)
    apart = Profile.objects.get(name="left 1")
    page = client.get(f"/profiles/{a.pk}/merge/?other={apart.pk}").content.decode()
    assert "What speaks for it" not in page, "nobody proposed these two"


def test_a_preview_shows_nothing_that_a_role_may_not_see(client: Client, agent: Agent, disagreeing: tuple[Profile, Profile]) -> None:
    a, b = disagreeing
    path = f"/profiles/{a.pk}/merge/?other={b.pk}"
    masked = a.contact_points.get().masked
    page = client.get(path).content.decode()
    assert masked in page
    for hidden in ("custom:rider_number", "email"):
        save_right(role=agent.role, field=hidden, may_see=False)
    page = client.get(path).content.decode()
    for words in ("Rider number", "R-NEW", "R-OTHER", masked):
        assert words not in page, words
    assert "Both gave the same e-mail address" in page
    assert "Other Co" in page


TEXTS = st.sampled_from(["", "A", "B"])


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Of the other person, whose older part has another value, that one is shown afterwards.
@example([("", "A"), ("", None), ("", "B"), ("", None)], [3, 1, 2, 0], "")
@example([("", ""), ("", "A"), ("", "B"), ("", None)], [3, 1, 2, 0], "")
@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS), min_size=4, max_size=4), st.permutations(range(4)), st.sampled_from(["", "customer"]))
def test_what_a_preview_says_of_fields_is_what_is_there_after_the_merge(
    agent: Agent, held: list[tuple[str, str | None]], order: list[int], stage: str
) -> None:
    """Two people of two profiles each, whose values are those of any of them, some of them emptied again."""
    field = CustomField.objects.create(key=f"k{CustomField.objects.count()}", label="Rider", kind="text")
    profiles = [Profile.objects.create(created_at=now(), company=company) for company, _ in held]
    for profile, (_, text) in zip(profiles, held, strict=True):
        if text is not None:
            CustomValue.objects.create(profile=profile, field=field, text=text, source="agent", changed_at=now())
    one, below, other, further = (profiles[place] for place in order)
    for top, under in ((one, below), (other, further)):
        merge_profiles(survivor_id=top.pk, other_id=under.pk, agent=agent)
    if stage:
        edit_profile(profile_id=one.pk, changes={"stage": stage}, source="agent", agent=agent)
    sides = [Profile.objects.get(pk=side.pk) for side in (one, other)]
    before = [read_fields(side, agent) for side in sides]
    said = outcomes_of(*sides, agent=agent)[0]
    merge_profiles(survivor_id=one.pk, other_id=other.pk, agent=agent)
    after = read_fields(Profile.objects.get(pk=one.pk), agent)
    clashes = {clash.label: clash for clash in said.clashes}
    for label, value in after.items():
        lost = {side[label] for side in before} - {value, ""}
        assert ({*clashes[label].hidden.split(", ")} if label in clashes else set()) == lost
        assert label not in clashes or clashes[label].stays == (value or "nothing")
    is_given = after["Rider"] and not before[0]["Rider"] and "Rider" not in clashes
    assert [value for _, value in said.given] == ([after["Rider"]] if is_given else [])


def read_fields(person: Profile, agent: Agent) -> dict[str, str]:
    filled = {one.field.label: one.value.text for one in list_custom(person, agent=agent) if one.value}
    return {"Rider": filled.get("Rider", ""), "Company": person.company}


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


@pytest.mark.parametrize("role", [Role.MARKETING, Role.AGENT])
def test_what_speaks_for_it_is_said_without_the_number_to_whom_may_not_see_it(role: str) -> None:
    a, b = (make_mention(author=make_author(name)).author.profile for name in ("mara", "tomas"))
    for person in (a, b):
        record_contact_point(profile=person, kind="phone", typed="0117 496 0118", state="given", source="callback form", region="GB")
    match_people([a.pk])
    client = Client()
    client.force_login(make_agent(role), backend="django.contrib.auth.backends.ModelBackend")
    for path in ("/duplicates/", f"/profiles/{a.pk}/"):
        page = client.get(path).content.decode()
        assert "Both gave the same phone number" in page
        assert ("•••• 118" in page) == (role == Role.AGENT)


def test_a_number_that_both_had_stands_once_and_is_taken_back_once(client: Client, agent: Agent) -> None:
    a, b = (make_mention(author=make_author(name)).author.profile for name in ("mara", "tomas"))
    points = [
        record_contact_point(profile=person, kind="phone", typed="0117 496 0118", state=state, source="callback form", region="GB")
        for person, state in ((a, "given"), (b, "unverified"))
    ]
    given: dict[str, Any] = {"text_version": "1", "language": "en", "evidence": {"link": 1}}
    for point, text in zip(points, ("Call me.", "Call me, too."), strict=True):
        record_consent(contact_point=point, medium="phone", text=text, **given)
    merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)

    def lines() -> list[str]:
        page = client.get(f"/profiles/{a.pk}/").content.decode()
        return page.partition('id="reach-title"')[2].partition("</section>")[0].split('<li class="contact-line">')[1:]

    [line] = lines()
    assert "Given by the customer" in line
    assert "Call me." in line
    assert "Call me, too." in line
    client.post(f"/contact-points/{points[0].pk}/revoke/")
    [line] = lines()
    assert "Take back" not in line
    assert "allows nothing" in line
    assert set(a.contact_points.model.objects.values_list("state", flat=True)) == {"revoked"}
