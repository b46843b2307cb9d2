"""Two agents merge, edit and take apart the same people at the same moment: one is first, the other is told, and nobody vanishes."""

from __future__ import annotations

from functools import partial

import pytest

from profiles.models import Merge, Profile
from profiles.services.edit import edit_profile
from profiles.services.merge import merge_profiles, undo_merge
from socialdesk.lib.errors import Conflict, DeskError
from tests.engagement.threads import at_once
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db(transaction=True)


def make_people(*names: str) -> list[Profile]:
    return [make_mention(author=make_author(name)).author.profile for name in names]


@pytest.mark.parametrize("turn", range(5))
def test_merges_in_opposite_directions_give_one_person(turn: int) -> None:
    a, b = make_people("a", "b")
    agents = make_agent(), make_agent()
    results = at_once(
        [
            partial(merge_profiles, survivor_id=a.pk, other_id=b.pk, agent=agents[0]),
            partial(merge_profiles, survivor_id=b.pk, other_id=a.pk, agent=agents[1]),
        ]
    )
    assert sorted(isinstance(result, Merge) for result in results) == [False, True], results
    refused = next(result for result in results if not isinstance(result, Merge))
    assert isinstance(refused, DeskError), refused
    survivor = next(result for result in results if isinstance(result, Merge)).survivor_id
    assert set(Profile.objects.values_list("person", flat=True)) == {survivor}
    assert Profile.objects.people().count() == 1


@pytest.mark.parametrize("turn", range(5))
def test_merges_in_a_ring_leave_a_tree(turn: int) -> None:
    people = make_people("a", "b", "c")
    agent = make_agent()
    pairs = [(0, 1), (1, 2), (2, 0)]
    results = at_once([partial(merge_profiles, survivor_id=people[one].pk, other_id=people[two].pk, agent=agent) for one, two in pairs])
    assert all(isinstance(result, Merge | DeskError) for result in results), results
    # Who was refused asks again, as an agent would.
    for one, two in pairs:
        try:
            merge_profiles(survivor_id=people[one].pk, other_id=people[two].pk, agent=agent)
        except DeskError:
            continue
    assert Profile.objects.people().count() == 1
    assert len(set(Profile.objects.values_list("person", flat=True))) == 1


def test_a_merge_and_its_taking_back_at_once_end_in_one_of_the_two() -> None:
    a, b, c = make_people("a", "b", "c")
    agent = make_agent()
    first = merge_profiles(survivor_id=a.pk, other_id=b.pk, agent=agent)
    results = at_once(
        [
            partial(undo_merge, merge_id=first.pk, agent=agent),
            partial(undo_merge, merge_id=first.pk, agent=agent),
            partial(merge_profiles, survivor_id=c.pk, other_id=a.pk, agent=agent),
        ]
    )
    assert all(isinstance(result, Merge | Conflict) for result in results), results
    taken_back = [result for result in results[:2] if isinstance(result, Merge)]
    assert len(taken_back) <= 1
    assert Merge.objects.filter(pk=first.pk, undone_at=None).exists() is not bool(taken_back)
    persons = dict(Profile.objects.values_list("pk", "person"))
    assert persons[b.pk] == (b.pk if taken_back else persons[a.pk])
    assert persons[a.pk] == (c.pk if isinstance(results[2], Merge) else a.pk)


def test_an_edit_during_a_merge_is_lost_on_neither_side() -> None:
    a, b = make_people("a", "b")
    agent = make_agent()
    edit_profile(profile_id=b.pk, changes={"time_zone": "Europe/Berlin"}, source="agent", agent=agent)
    results = at_once(
        [
            partial(merge_profiles, survivor_id=a.pk, other_id=b.pk, agent=agent),
            partial(edit_profile, profile_id=a.pk, changes={"company": "Acme"}, source="agent", agent=agent),
        ]
    )
    assert not any(isinstance(result, Exception) for result in results), results
    a.refresh_from_db()
    assert (a.company, a.time_zone) == ("Acme", "Europe/Berlin")
