"""Merges, un-merges and activity in any order: every row is always on the person it belongs to, and comes back with its own profile."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count, pairwise
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from engagement.services.outbound import send_notice
from profiles.models import (
    Agent,
    Consent,
    ContactPoint,
    CustomField,
    CustomValue,
    ExternalRef,
    Handle,
    Medium,
    Merge,
    Profile,
    ProfileNote,
    ProfileTag,
    Tag,
)
from profiles.services.contacts import find_permission, mark_wrong, record_consent, record_contact_point
from profiles.services.edit import edit_profile
from profiles.services.merge import merge_profiles, undo_merge
from profiles.services.people import find_person, members_of
from profiles.timeline import find_subject, read_timeline
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.factories import make_agent, make_author, make_mention, make_post, push

pick = st.integers(min_value=0, max_value=10**6)
COMPANIES = ("", "Acme", "Globex", "Initech")
# Every model whose rows are some profile's, except what a merge itself writes about.
OWNED: list[Any] = [
    relation.related_model
    for relation in Profile._meta.related_objects
    if relation.field.name == "profile" and relation.related_model.__name__ not in ("ProfileEvent", "SearchTerm", "StageChange")
]


@dataclass
class Person:
    """What must be so of one profile. `above`: whom it was merged into; `filled`: by which merge its company was given."""

    pk: int
    handle: str
    above: int | None = None
    company: str = ""
    filled: int | None = None
    notices: int = 0
    mentions: set[str] = field(default_factory=set)
    mails: set[str] = field(default_factory=set)


class Merging(RuleBasedStateMachine):
    undone = 0  # over all runs: that it came to that at all

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.numbers = count(1)
        self.agent: Agent = make_agent()
        self.field = CustomField.objects.create(key="plan", label="Plan", kind="text")
        self.tag = Tag.objects.create(name="vip", folded="vip")
        self.people: dict[int, Person] = {}
        self.standing: dict[int, tuple[int, int]] = {}  # merge: survivor, absorbed
        self.rows: dict[tuple[type, int], int] = {}  # whose each row is

    @initialize()
    def begin(self) -> None:
        for _ in range(4):
            self.somebody_new()

    @rule()
    def somebody_new(self) -> None:
        name = f"person{next(self.numbers)}"
        mention = make_mention(author=make_author(name), ago=60 - len(self.people))
        profile = mention.author.profile
        self.people[profile.pk] = Person(profile.pk, name, mentions={str(mention.pk)})
        self.belongs(mention.author, profile.pk)

    def belongs(self, row: Any, pk: int) -> None:
        self.rows[type(row), row.pk] = pk

    def chosen(self, number: int) -> Person:
        return list(self.people.values())[number % len(self.people)]

    def top(self, pk: int) -> int:
        above = self.people[pk].above
        return pk if above is None else self.top(above)

    # Activity, by whatever is known of them

    @rule(number=pick)
    def they_write(self, number: int) -> None:
        person = self.chosen(number)
        post = make_post("@tidewheel again", author=make_author(person.handle))
        person.mentions.add(str(push(post).ids[post.external_id]))

    @rule(number=pick, same=st.booleans())
    def they_give_an_address(self, number: int, same: bool) -> None:
        person = self.chosen(number)
        address = "shared@example.com" if same else f"{person.handle}.{next(self.numbers)}@example.com"
        profile = Profile.objects.get(pk=person.pk)
        point = record_contact_point(profile=profile, kind="email", typed=address, state="given", source="form: callback")
        given: dict[str, Any] = {"text": "Yes", "text_version": "1", "language": "en", "evidence": {"link": 1}}
        consent = record_consent(contact_point=point, medium=Medium.EMAIL, scope="appointment reminders", **given)
        person.mails.add(address)
        self.belongs(point, person.pk)
        self.belongs(consent, person.pk)

    @rule(number=pick, which=pick)
    def an_address_is_taken_back(self, number: int, which: int) -> None:
        """Whichever of their profiles has it: none of them is written to there any more, also once they come apart."""
        person = self.chosen(number)
        if not person.mails:
            return
        address = sorted(person.mails)[which % len(person.mails)]
        mark_wrong(contact_point=ContactPoint.objects.get(profile=person.pk, value=address), problem="taken back", agent=self.agent)
        for other in self.people.values():
            if self.top(other.pk) == self.top(person.pk):
                other.mails.discard(address)

    @rule(number=pick)
    def something_is_written_down(self, number: int) -> None:
        person = self.chosen(number)
        known = {"profile_id": person.pk, "source": "agent"}
        moment = now()
        self.belongs(
            ProfileNote.objects.create(profile_id=person.pk, agent=self.agent, text="A note", created_at=moment, changed_at=moment),
            person.pk,
        )
        tag, _ = ProfileTag.objects.get_or_create(profile_id=person.pk, tag=self.tag, defaults={"source": "agent", "at": moment})
        value, _ = CustomValue.objects.get_or_create(field=self.field, defaults={"text": "x", "changed_at": moment}, **known)
        ref = ExternalRef.objects.create(profile_id=person.pk, system="crm", external_id=str(next(self.numbers)), made_at=moment)
        for row in (tag, value, ref):
            self.belongs(row, person.pk)

    @rule(number=pick)
    def they_are_written_to(self, number: int) -> None:
        person = self.chosen(number)
        profile = Profile.objects.get(pk=person.pk)
        try:
            notice = send_notice(
                profile=profile, medium=Medium.EMAIL, purpose="appointment reminders", subject="Soon", text="Tomorrow at ten."
            )
        except DeskError:
            return
        self.belongs(notice, person.pk)

    @rule(number=pick, company=st.sampled_from(COMPANIES))
    def somebody_edits(self, number: int, company: str) -> None:
        person = self.people[self.top(self.chosen(number).pk)]
        edit_profile(profile_id=person.pk, changes={"company": company}, source="agent", agent=self.agent)
        if company != person.company:
            person.company, person.filled = company, None

    # Merges

    @rule(first=pick, second=pick)
    def merge(self, first: int, second: int) -> None:
        one, other = self.chosen(first), self.chosen(second)
        survivor, absorbed = self.people[self.top(one.pk)], self.people[self.top(other.pk)]
        if survivor is absorbed:
            with pytest.raises(DeskError, match="one person"), transaction.atomic():
                merge_profiles(survivor_id=one.pk, other_id=other.pk, agent=self.agent)
            return
        merge = merge_profiles(survivor_id=one.pk, other_id=other.pk, agent=self.agent)
        assert (merge.survivor_id, merge.absorbed_id) == (survivor.pk, absorbed.pk)
        absorbed.above = survivor.pk
        if not survivor.company and absorbed.company:
            survivor.company, survivor.filled = absorbed.company, merge.pk
        self.standing[merge.pk] = (survivor.pk, absorbed.pk)

    @rule(order=st.permutations(range(4)))
    def merge_one_after_the_other(self, order: list[int]) -> None:
        for one, other in pairwise(order):
            self.merge(one, other)

    @precondition(lambda self: self.standing)
    @rule(number=pick)
    def take_back(self, number: int) -> None:
        self.undo(sorted(self.standing)[number % len(self.standing)])

    def undo(self, pk: int) -> None:
        survivor, absorbed = (self.people[one] for one in self.standing.pop(pk))
        undo_merge(merge_id=pk, agent=self.agent)
        type(self).undone += 1
        absorbed.above = None
        if survivor.filled == pk:
            survivor.company, survivor.filled = "", None

    # What must hold

    @invariant()
    def everything_is_on_the_person_that_it_belongs_to(self) -> None:
        profiles = {profile.pk: profile for profile in Profile.objects.filter(pk__in=self.people)}
        for person in self.people.values():
            assert profiles[person.pk].person == self.top(person.pk)
            assert profiles[person.pk].company == person.company
        for (model, pk), whose in self.rows.items():
            assert model.objects.get(pk=pk).profile_id == whose  # type: ignore[attr-defined]

    @invariant()
    def each_person_is_shown_with_all_that_is_theirs(self) -> None:
        for person in self.people.values():
            top = self.top(person.pk)
            theirs = [other for other in self.people.values() if self.top(other.pk) == top]
            assert find_person(person.pk).pk == top
            assert sorted(members_of(top)) == sorted(other.pk for other in theirs)
            if person.pk != top:
                continue
            history = read_timeline(subject=find_subject(top), kinds=["mention"], limit=500).entries
            assert {entry.key for entry in history} == set().union(*(other.mentions for other in theirs))
            found = find_permission(profile=person.pk, medium=Medium.EMAIL)
            mails = set().union(*(other.mails for other in theirs))
            assert (found.contact_point.value in mails) if found else not mails

    def teardown(self) -> None:
        """Everything taken back: each is alone again, with what was theirs and what came to them since."""
        try:
            for pk in sorted(self.standing):
                self.undo(pk)
                self.everything_is_on_the_person_that_it_belongs_to()
            assert all(self.top(pk) == pk for pk in self.people)
            self.each_person_is_shown_with_all_that_is_theirs()
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)


def everything() -> dict[str, list[Any]]:
    """All rows that are somebody's, whole."""
    found = {model.__name__: list(model.objects.order_by("pk").values()) for model in OWNED}
    volatile = ("version", "changed_at", "sources", "terms_at")
    found["Profile"] = [
        {key: value for key, value in row.items() if key not in volatile} for row in Profile.objects.order_by("pk").values()
    ]
    return found


@pytest.mark.slow
@pytest.mark.django_db
def test_every_row_stays_with_its_person_whatever_is_merged_and_taken_apart() -> None:
    settings = hypothesis_settings(
        max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
    )
    run_state_machine_as_test(Merging, settings=settings)
    assert Merging.undone > 0


@pytest.mark.django_db
def test_a_merge_that_is_taken_back_leaves_every_row_as_it_was() -> None:
    machine = Merging()
    try:
        machine.begin()
        for number in range(3):
            machine.they_give_an_address(number, same=True)
            machine.they_give_an_address(number, same=False)
            machine.something_is_written_down(number)
            machine.they_are_written_to(number)
        machine.somebody_edits(1, "Acme")
        before = everything()
        assert all(before[model.__name__] for model in (Handle, ContactPoint, Consent, ProfileNote, ProfileTag, CustomValue, ExternalRef))
        machine.merge(0, 1)
        machine.merge(2, 0)
        assert everything() != before
        for pk in sorted(machine.standing):
            machine.undo(pk)
        assert everything() == before
        assert Merge.objects.filter(undone_at=None).count() == 0
    finally:
        machine.teardown()
