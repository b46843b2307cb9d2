"""Merging and taking apart: the same person everywhere, nothing lost, and each gets back what is theirs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from knox.models import AuthToken

from engagement.models import Company, Notice
from engagement.services.outbound import TooMany, send_notice
from engagement.services.reach import read_reach
from listening.models import Mention
from profiles.models import ContactPoint, Medium, Merge, Profile, Role, StageChange
from profiles.services.contacts import find_permission, record_consent, record_contact_point
from profiles.services.edit import edit_profile
from profiles.services.merge import merge_profiles, undo_merge
from profiles.services.people import find_person, members_of
from socialdesk.lib.errors import Conflict, DeskError, NotFound
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return make_agent()


def make_person(username, **fields):
    return make_mention(author=make_author(username, **fields)).author.profile


def give_mail(profile, address, scope="this matter"):
    point = record_contact_point(profile=profile, kind="email", typed=address, state="given", source="form: callback")
    return record_consent(
        contact_point=point, medium=Medium.EMAIL, text="Yes", text_version="1", language="en", evidence={"link": 1}, scope=scope
    )


def api(agent):
    return Client(headers={"Authorization": f"Token {AuthToken.objects.create(agent)[1]}"})


def test_both_become_one_and_two_again(agent):
    a, b = make_person("a"), make_person("b")
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    assert find_person(b.pk).pk == a.pk
    assert sorted(members_of(a)) == sorted([a.pk, b.pk])
    undo_merge(merge_id=merge.pk, agent=agent)
    assert find_person(b.pk).pk == b.pk
    assert members_of(a) == [a.pk]


def test_a_merged_person_is_reached_by_what_either_gave(agent):
    a, b = make_person("a"), make_person("b")
    consent = give_mail(b, "b@example.com")
    assert find_permission(profile=a, medium=Medium.EMAIL) is None
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    for asked in (a, b, a.pk):
        found = find_permission(profile=asked, medium=Medium.EMAIL)
        assert found is not None
        assert found.consent == consent
    conversation = Mention.objects.get(author__profile=a).conversation
    assert conversation is not None
    assert [point.value for point in read_reach(conversation).points] == ["b@example.com"]
    undo_merge(merge_id=merge.pk, agent=agent)
    assert find_permission(profile=a, medium=Medium.EMAIL) is None


def test_a_merged_person_has_one_allowance_of_messages(agent):
    a, b = make_person("a"), make_person("b")
    give_mail(a, "a@example.com", scope="offers")
    give_mail(b, "b@example.com", scope="offers")
    merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    allowed = Company.current().outbound_per_week
    for number in range(allowed):
        text = f"News {number}"
        send_notice(profile=(a, b)[number % 2], medium=Medium.EMAIL, purpose="offers", subject="News", text=text, agent=agent)
    for person in (a, b):
        with pytest.raises(TooMany):
            send_notice(profile=person, medium=Medium.EMAIL, purpose="offers", subject="News", text="One more", agent=agent)
    assert Notice.objects.count() == allowed


def test_what_the_survivor_lacks_is_filled_and_goes_again(agent):
    a, b = make_person("a"), make_person("b")
    edit_profile(profile_id=b.pk, changes={"company": "Acme", "stage": "customer", "owner": agent.pk}, source="agent", agent=agent)
    edit_profile(profile_id=a.pk, changes={"time_zone": "Europe/Berlin"}, source="agent", agent=agent)
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    a.refresh_from_db()
    assert (a.company, a.stage, a.owner, a.time_zone) == ("Acme", "customer", agent, "Europe/Berlin")
    assert a.sources["company"]["source"] == f"merge {merge.pk}"
    assert a.history.first().history_change_reason == f"merge {merge.pk}"
    undo_merge(merge_id=merge.pk, agent=agent)
    a.refresh_from_db()
    b.refresh_from_db()
    assert (a.company, a.stage, a.owner, a.time_zone) == ("", "prospect", None, "Europe/Berlin")
    assert sorted(a.sources) == ["time_zone"]
    assert (b.company, b.stage) == ("Acme", "customer")
    assert [(c.before, c.after) for c in StageChange.objects.filter(profile=a).order_by("pk")] == [
        ("prospect", "customer"),
        ("customer", "prospect"),
    ]


def test_what_was_edited_after_the_merge_stays(agent):
    a, b = make_person("a"), make_person("b")
    edit_profile(profile_id=b.pk, changes={"company": "Acme"}, source="agent", agent=agent)
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    edit_profile(profile_id=a.pk, changes={"company": "Acme Ltd"}, source="agent", agent=agent)
    undo_merge(merge_id=merge.pk, agent=agent)
    a.refresh_from_db()
    assert a.company == "Acme Ltd"


def test_do_not_contact_of_either_counts_for_both(agent):
    a, b = make_person("a"), make_person("b")
    Profile.objects.filter(pk=b.pk).update(do_not_contact_at=b.created_at, do_not_contact_why="asked us to stop")
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    a.refresh_from_db()
    assert a.do_not_contact_at is not None
    assert a.do_not_contact_why == "asked us to stop"
    undo_merge(merge_id=merge.pk, agent=agent)
    a.refresh_from_db()
    assert (a.do_not_contact_at, a.do_not_contact_why) == (None, "")


def test_merges_are_taken_back_in_any_order(agent):
    a, b, c = make_person("a"), make_person("b"), make_person("c")
    first = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    second = merge_profiles(survivor_id=c.pk, other_id=a.pk, agent=agent)
    assert {find_person(p.pk).pk for p in (a, b, c)} == {c.pk}
    undo_merge(merge_id=first.pk, agent=agent)
    assert [find_person(p.pk).pk for p in (a, b, c)] == [c.pk, b.pk, c.pk]
    undo_merge(merge_id=second.pk, agent=agent)
    assert [find_person(p.pk).pk for p in (a, b, c)] == [a.pk, b.pk, c.pk]


def test_a_branch_that_is_cut_keeps_what_hangs_on_it(agent):
    a, b, c = make_person("a"), make_person("b"), make_person("c")
    merge_profiles(survivor_id=b.pk, other_id=c.pk, agent=agent)
    top = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    undo_merge(merge_id=top.pk, agent=agent)
    assert [find_person(p.pk).pk for p in (a, b, c)] == [a.pk, b.pk, b.pk]


def test_merging_names_whoever_the_two_are_by_now(agent):
    a, b, c = make_person("a"), make_person("b"), make_person("c")
    merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    merge = merge_profiles(survivor_id=b.pk, other_id=c.pk, agent=agent)
    assert (merge.survivor_id, merge.absorbed_id) == (a.pk, c.pk)


def test_what_cannot_be_merged_is_refused(agent):
    a, b = make_person("a"), make_person("b")
    with pytest.raises(DeskError, match="one person already"):
        merge_profiles(survivor_id=a.pk, other_id=a.pk, agent=agent)
    with pytest.raises(NotFound):
        merge_profiles(survivor_id=a.pk, other_id=10**9, agent=agent)
    with pytest.raises(Conflict):
        merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent, seen_versions={a.pk: a.version + 1})
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent, seen_versions={a.pk: a.version, b.pk: b.version})
    with pytest.raises(DeskError, match="one person already"):
        merge_profiles(survivor_id=b.pk, other_id=a.pk, agent=agent)
    undo_merge(merge_id=merge.pk, agent=agent)
    with pytest.raises(Conflict, match="already"):
        undo_merge(merge_id=merge.pk, agent=agent)
    Profile.objects.filter(pk=b.pk).update(erased_at=b.created_at + timedelta(days=1))
    with pytest.raises(NotFound):
        merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    assert Merge.objects.count() == 1


def test_the_api_merges_and_undoes(agent):
    a, b = make_person("a"), make_person("b")
    client = api(agent)
    answer = client.post(f"/api/profiles/{a.pk}/merge/", {"other": b.pk}, content_type="application/json")
    assert answer.status_code == 201
    shown = client.get(f"/api/profiles/{b.pk}/").json()
    assert (shown["id"], shown["merged_ids"], [handle["username"] for handle in shown["handles"]]) == (a.pk, [b.pk], ["a", "b"])
    mentions = client.get("/api/mentions/").json()["results"]
    assert {mention["author"]["profile"] for mention in mentions} == {a.pk}
    assert [person["id"] for person in client.get("/api/profiles/").json()["results"]] == [a.pk]
    assert len(client.get(f"/api/profiles/{a.pk}/timeline/?kind=mention").json()["results"]) == 2
    assert client.post(f"/api/merges/{answer.json()['id']}/undo/").status_code == 200
    assert client.get(f"/api/profiles/{b.pk}/").json()["id"] == b.pk
    assert client.post(f"/api/merges/{answer.json()['id']}/undo/").status_code == 409
    assert api(make_agent(Role.MARKETING)).post(f"/api/profiles/{a.pk}/merge/", {"other": b.pk}).status_code == 403


def test_both_may_have_given_the_same_address(agent):
    a, b = make_person("a"), make_person("b")
    give_mail(a, "same@example.com")
    give_mail(b, "same@example.com")
    merge = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    undo_merge(merge_id=merge.pk, agent=agent)
    assert ContactPoint.objects.filter(value="same@example.com").count() == 2
