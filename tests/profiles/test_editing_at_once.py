"""Two colleagues, or a colleague and a system, write down the same thing about a person at the same moment."""

from __future__ import annotations

from functools import partial

import pytest

from profiles.models import ContactPoint, CustomField, CustomValue, Profile, ProfileTag
from profiles.services.contacts import mark_wrong, record_contact_point, verify_contact_point
from profiles.services.custom import set_custom
from profiles.services.edit import Edit, edit_profile
from profiles.services.records import Applied, PersonRecord, apply_record
from profiles.services.tags import add_tag
from socialdesk.lib.errors import Conflict
from tests.engagement.threads import at_once
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def person() -> Profile:
    return make_mention(author=make_author("mara_k")).author.profile


def give(person: Profile, typed: str = "mara@example.com") -> ContactPoint:
    return record_contact_point(profile=person, kind="email", typed=typed, state="given", source="form: callback")


@pytest.mark.parametrize("turn", range(3))
def test_one_tag_and_one_coordinate_however_many_write_it_down(person: Profile, turn: int) -> None:
    agents = [make_agent() for _ in range(3)]
    written = zip(("VIP", "vip", "Vip"), agents, strict=True)
    tags = at_once([partial(add_tag, person=person, name=name, agent=agent) for name, agent in written])
    assert sorted(tags) == [False, False, True]
    assert ProfileTag.objects.filter(profile=person).count() == 1
    points = at_once([partial(give, person) for _ in range(3)])
    assert {point.pk for point in points} == {ContactPoint.objects.get().pk}


@pytest.mark.parametrize("turn", range(5))
def test_a_system_and_colleagues_at_the_same_coordinates_wait_for_each_other(person: Profile, turn: int) -> None:
    points = [give(person, typed) for typed in ("mara@example.com", "m.k@example.com")]
    agent = make_agent()
    record = PersonRecord(values={"name": f"Mara {turn}", "emails": ["mara@example.com", "third@example.com"]})
    results = at_once(
        [
            partial(apply_record, record=record, source="system:crm", profile=person),
            partial(verify_contact_point, contact_point=points[0], how="code", by=agent),
            partial(mark_wrong, contact_point=points[1], problem="wrong number", agent=agent),
            partial(give, person, "m.k@example.com"),
            partial(give, person, "third@example.com"),
        ]
    )
    assert [type(result) for result in results] == [Applied, ContactPoint, type(None), ContactPoint, ContactPoint], [
        str(result) for result in results
    ]
    states = dict(ContactPoint.objects.values_list("value", "state"))
    assert states.pop("m.k@example.com") in ("given", "revoked")
    assert states == {"mara@example.com": "verified", "third@example.com": "given"}


@pytest.mark.parametrize("turn", range(3))
def test_of_two_edits_of_one_field_the_second_is_told(person: Profile, turn: int) -> None:
    agents = make_agent(), make_agent()
    works = [
        partial(edit_profile, profile_id=person.pk, changes={"company": f"Company {n}"}, seen={"company": ""}, source="agent", agent=agent)
        for n, agent in enumerate(agents)
    ]
    results = at_once(works)
    done = [result for result in results if isinstance(result, Edit)]
    refused = [result for result in results if isinstance(result, Conflict)]
    assert (len(done), len(refused)) == (1, 1), [str(result) for result in results]
    person.refresh_from_db()
    assert refused[0].extra["conflicts"][0]["theirs"] == person.company == done[0].profile.company


def test_of_two_edits_of_a_field_of_our_own_the_second_is_told(person: Profile) -> None:
    CustomField.objects.create(key="plan", label="Plan", kind="text")
    agents = make_agent(), make_agent()
    works = [
        partial(set_custom, profile_id=person.pk, values={"plan": f"plan {n}"}, seen={"plan": ""}, source="agent", agent=agent)
        for n, agent in enumerate(agents)
    ]
    results = at_once(works)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "list"], [str(result) for result in results]
    refused = next(result for result in results if isinstance(result, Conflict))
    assert refused.extra["conflicts"][0]["theirs"] == CustomValue.objects.get().text
