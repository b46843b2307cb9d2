"""Which way somebody uses most is told by their use alone, over all that is theirs, and looked at again only where something is new."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagement.services import preferences
from engagement.services.preferences import imply_channels, imply_channels_of
from listening.models import Mention
from profiles.models import Profile
from socialdesk.lib.clock import now
from tests.profiles.happened import Person

pytestmark = pytest.mark.django_db


def implied(person: Person) -> str:
    return Profile.objects.get(pk=person.profile.pk).implied_channel


def happen(person: Person, kind: str, *ago: float, side: int = 0) -> None:
    for number in ago:
        person.happen(kind, now() - timedelta(days=number), side)


def test_the_way_that_was_used_on_most_days_is_implied() -> None:
    person = Person()
    happen(person, "mention", 1, 1.01, 1.02, 1.03)  # one evening
    happen(person, "direct_message", 3, 9, 20)
    assert imply_channels() == 1
    assert implied(person) == "direct_message"


@pytest.mark.parametrize(
    ("kind", "way"), [("mention", "sandbox"), ("chat", "chat"), ("callback", "phone"), ("direct_message", "direct_message")]
)
def test_each_way_has_its_name(kind: str, way: str) -> None:
    person = Person()
    happen(person, kind, 3, 9)
    imply_channels()
    assert implied(person) == way


def test_one_post_is_no_habit_and_what_is_long_ago_no_more() -> None:
    once, long_ago = Person(), Person()
    happen(once, "mention", 1)
    happen(long_ago, "direct_message", 200, 210, 220)
    happen(long_ago, "mention", 1, 5)
    imply_channels()
    assert (implied(once), implied(long_ago)) == ("", "sandbox")


def test_what_we_do_says_nothing_of_them() -> None:
    person = Person()
    happen(person, "mention", 1, 4)
    for kind in ("email", "sms", "note", "call"):
        happen(person, kind, 1, 2, 3, 4, 5)
    imply_channels()
    assert implied(person) == "sandbox"


def test_all_profiles_of_a_person_count_and_the_person_carries_it() -> None:
    person = Person()
    happen(person, "mention", 1, 4, side=0)
    happen(person, "mention", 2, 6, 8, side=1)  # on the other network
    imply_channels()
    assert implied(person) == "mastodon"
    assert Profile.objects.get(pk=person.other.pk).implied_channel == ""


def test_only_people_with_something_new_are_looked_at_again() -> None:
    quiet, busy = Person(), Person()
    for person in (quiet, busy):
        happen(person, "mention", 1, 4)
    imply_channels()
    imply_channels()  # the second look at the same rows
    Profile.objects.update(implied_channel="")
    assert imply_channels() == 0
    happen(busy, "mention", 0)
    assert imply_channels() == 1
    assert (implied(quiet), implied(busy)) == ("", "sandbox")


def test_what_is_committed_late_is_met_by_the_second_look() -> None:
    person, other = Person(), Person()
    happen(person, "mention", 1, 4)
    late = list(Mention.objects.order_by("pk"))
    happen(other, "mention", 1, 4)
    Mention.objects.filter(pk__in=[mention.pk for mention in late]).delete()  # not to be seen yet
    imply_channels()
    Mention.objects.bulk_create(late)
    imply_channels()
    assert implied(person) == "sandbox"


def test_a_long_list_is_worked_off_in_several_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preferences, "AT_ONCE", 2)
    people = [Person() for _ in range(4)]
    for person in people:
        happen(person, "mention", 1, 4)
    for _ in range(5):
        imply_channels()
    assert [implied(person) for person in people] == ["sandbox"] * 4


def test_queries_are_as_many_however_many_people() -> None:
    counts = []
    for number in (3, 30):
        people = [Person() for _ in range(number)]
        for person in people:
            happen(person, "mention", 1, 4)
        with CaptureQueriesContext(connection) as queries:
            assert imply_channels_of([person.profile.pk for person in people]) == number
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 11, counts
