"""Segments: each condition finds whom it says, nobody else, and wherever the search for them begins."""

from __future__ import annotations

import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from listening.models import Conversation
from profiles.models import ContactPoint, CustomField, CustomValue, Handle, Profile, ProfileTag, Segment, Tag
from profiles.services import search, segments, terms
from profiles.services.conditions import check_conditions, list_fields
from profiles.services.merge import merge_profiles
from profiles.services.search import search_people
from profiles.services.segments import few_people, people_in
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.factories import make_agent
from tests.profiles.test_search import make_person
from tests.test_indexes import no_scan

pytestmark = pytest.mark.django_db


def condition(field: str, way: str, value: Any = None, days: int | None = None) -> dict[str, Any]:
    given = {"field": field, "is": way}
    return given | ({"value": value} if value is not None else {}) | ({"days": days} if days is not None else {})


@pytest.fixture
def mara() -> Profile:
    """Somebody of whom everything is known, beside Jonas, of whom nothing is."""
    owner = make_agent(username="olga")
    person = make_person("Mara Klein", "mara_k", company="Lindqvist AB", stage="customer", language="de", time_zone="Europe/Berlin")
    Profile.objects.filter(pk=person.pk).update(owner=owner, do_not_contact_at=now(), preferred_channel="chat")
    handle = Handle.objects.get(profile=person)
    Handle.objects.filter(pk=handle.pk).update(followers=20_000, network="mastodon")
    ContactPoint.objects.create(
        profile=person,
        kind="email",
        value="m@post.example",
        state="verified",
        verified_at=now(),
        source="agent",
        created_at=now(),
        changed_at=now(),
    )
    ProfileTag.objects.create(profile=person, tag=Tag.objects.create(name="VIP", folded="vip"), source="agent", at=now())
    Conversation.objects.create(
        network="mastodon", author=handle, activity_at=now() - timedelta(days=10), opened_at=now(), sentiment="negative", status="resolved"
    )
    for key, kind, more in (
        ("bike", "text", {"text": "Blue Runner"}),
        ("spent", "number", {"text": "1250.5", "number": Decimal("1250.5")}),
        ("since", "date", {"text": "2025-03-01", "date": date(2025, 3, 1)}),
        ("plan", "choice", {"text": "Gold"}),
        ("loud", "yes_no", {"text": "yes"}),
    ):
        field = CustomField.objects.create(key=key, label=key.title(), kind=kind, choices=["Gold", "Silver"] if kind == "choice" else [])
        CustomValue.objects.create(profile=person, field=field, source="agent", changed_at=now(), **more)
    make_person("Jonas", "jonas")
    terms.write_waiting()
    return person


FITTING = [
    condition("name", "is", "mara klein"),
    condition("name", "begins", "MARA"),
    condition("name", "contains", "klein"),
    condition("company", "is", "lindqvist ab"),
    condition("company", "filled"),
    condition("stage", "is", ["customer", "high_value"]),
    condition("stage", "is_not", "prospect"),
    condition("tag", "is", "vip"),
    condition("owner", "is", "olga"),
    condition("owner", "filled"),
    condition("language", "is", "de, fr"),
    condition("language", "filled"),
    condition("time_zone", "is", "Europe/Berlin"),
    condition("preferred_channel", "is", "chat"),
    condition("network", "is", "mastodon"),
    condition("network", "is_not", "sandbox"),
    condition("followers", "more", 15_000),
    condition("followers", "more", "500"),
    condition("contact", "is", "email"),
    condition("verified", "is", "email"),
    condition("do_not_contact", "is", "yes"),
    condition("last_contact", "within", days=11),
    condition("last_contact", "before", days=9),
    condition("sentiment", "within", "negative", 11),
    condition("custom:bike", "is", "Blue Runner"),
    condition("custom:bike", "begins", "blue"),
    condition("custom:bike", "contains", "runner"),
    condition("custom:spent", "more", "1250.50"),
    condition("custom:spent", "less", 1251),
    condition("custom:since", "more", "2025-03-01"),
    condition("custom:since", "less", "2025-03-01"),
    condition("custom:since", "filled"),
    condition("custom:plan", "is", "gold"),
    condition("custom:loud", "is", "yes"),
]
NOT_FITTING = [
    condition("name", "is", "mara"),
    condition("name", "empty"),
    condition("stage", "is", "former"),
    condition("stage", "is_not", "customer"),
    condition("tag", "is_not", "VIP"),
    condition("tag", "is", "other"),
    condition("owner", "empty"),
    condition("owner", "is_not", "olga"),
    condition("language", "is_not", "de"),
    condition("network", "is_not", "mastodon"),
    condition("followers", "more", 20_001),
    condition("followers", "less", 19_999),
    condition("contact", "is", "phone"),
    condition("verified", "is_not", "email"),
    condition("do_not_contact", "is", "no"),
    condition("last_contact", "within", days=9),
    condition("last_contact", "before", days=11),
    condition("sentiment", "within", "negative", 9),
    condition("sentiment", "within", "positive", 11),
    condition("custom:bike", "is", "Blue"),
    condition("custom:bike", "empty"),
    condition("custom:spent", "more", 1251),
    condition("custom:since", "more", "2025-03-02"),
    condition("custom:plan", "is", "silver"),
    condition("custom:loud", "is", "no"),
]


@pytest.mark.parametrize("given", FITTING, ids=str)
def test_who_meets_a_condition_is_found(mara: Profile, given: dict[str, Any]) -> None:
    conditions = check_conditions([given])
    assert mara in people_in(conditions)
    few = few_people(conditions)
    assert few is None or mara.pk in few
    assert mara in search_people(agent=None, conditions=conditions).people
    assert mara in search_people(agent=None, text="klein", conditions=conditions).people


@pytest.mark.embedded
@pytest.mark.parametrize("rare", [0, 2_000])
@pytest.mark.parametrize("given", FITTING, ids=str)
def test_nobody_is_looked_for_through_a_whole_table(
    mara: Profile, given: dict[str, Any], rare: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "RARE", rare)
    conditions = check_conditions([given])
    with no_scan():
        assert mara in search_people(agent=None, conditions=conditions).people
        assert mara in search_people(agent=None, text="klein", conditions=conditions).people


@pytest.mark.parametrize("given", NOT_FITTING, ids=str)
def test_who_does_not_is_not(mara: Profile, given: dict[str, Any]) -> None:
    conditions = check_conditions([given])
    assert mara not in people_in(conditions)
    assert mara not in search_people(agent=None, conditions=conditions).people
    assert mara not in search_people(agent=None, text="klein", conditions=conditions).people


@pytest.mark.parametrize("given", [given for given in FITTING if given["field"] not in ("name", "company", "stage", "language")], ids=str)
def test_what_hangs_on_a_merged_profile_counts_for_the_person(mara: Profile, given: dict[str, Any]) -> None:
    survivor = make_person("Somebody")
    merge_profiles(survivor_id=survivor.pk, other_id=mara.pk, agent=make_agent())
    found = search_people(agent=None, conditions=check_conditions([given])).people
    assert mara not in found
    assert survivor in found


def test_all_conditions_must_be_met(mara: Profile) -> None:
    both = [condition("tag", "is", "vip"), condition("stage", "is", "customer")]
    assert list(people_in(check_conditions(both))) == [mara]
    assert not people_in(check_conditions([*both, condition("contact", "is", "phone")])).exists()


def test_a_segment_is_its_conditions_as_they_hold_now(mara: Profile) -> None:
    segment = Segment.objects.create(name="VIPs", conditions=check_conditions([condition("tag", "is", "VIP")]), made_at=now())
    assert list(people_in(segment)) == [mara]
    ProfileTag.objects.all().delete()
    assert not people_in(segment).exists()


def test_nobody_who_was_erased_is_in_a_segment(mara: Profile) -> None:
    Profile.objects.filter(pk=mara.pk).update(erased_at=now())
    assert not people_in(check_conditions([condition("tag", "is", "vip")])).exists()


@pytest.mark.parametrize("rare", [0, 2_000])
@pytest.mark.parametrize("walks", [(2,), (5, 20), ()])
def test_pages_of_a_segment_hold_everybody_once_in_order(rare: int, walks: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "RARE", rare)
    monkeypatch.setattr(search, "_WALKS", walks)
    for number in range(30):
        make_person(f"Person {number}", stage="customer" if number % 3 else "former")
    conditions = check_conditions([condition("stage", "is", "customer")])
    wanted = list(Profile.objects.filter(stage="customer").order_by("-pk").values_list("pk", flat=True))
    seen: list[int] = []
    after = ""
    while True:
        page, after = search_people(agent=None, conditions=conditions, after=after, limit=6)
        seen += [person.pk for person in page]
        if not after:
            break
    assert seen == wanted


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("stage", "are a list"),
        ([5], "Condition 1: it must be an object"),
        ([{}], "no field ''"),
        ([condition("height", "is", 3)], "Fields: name, company"),
        ([condition("name", "is", "x"), condition("stage", "begins", "c")], "Condition 2: Stage cannot be compared by 'begins'"),
        ([condition("stage", "is", "king")], "'king' is no stage. Use one of: prospect, customer"),
        ([condition("stage", "is", "")], "say what Stage is compared with"),
        ([condition("last_contact", "within")], "days from 1"),
        ([condition("last_contact", "within", days=0)], "days from 1"),
        ([condition("followers", "more", "many")], "no whole number"),
        ([condition("followers", "more", "NaN")], "no whole number"),
        ([condition("owner", "is", "nobody")], "nobody here is called 'nobody'"),
        ([condition("name", "is", "x" * 201)], "200 characters"),
        ([condition("do_not_contact", "is", "perhaps")], "yes or no"),
        ([condition("name", "filled")] * 13, "13 conditions are too many"),
    ],
)
def test_what_cannot_be_a_condition_is_refused_in_words(raw: Any, words: str) -> None:
    with pytest.raises(DeskError, match=words.replace("[", r"\[")):
        check_conditions(raw)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            condition("name", "more", "x"),
            "Name cannot be compared by 'is at least'. Use one of: is, begins with, contains, is known, is not known.",
        ),
        (
            condition("custom:since", "before", "x", 3),
            "Since cannot be compared by 'not in the last days'. Use one of: is, is at least, is at most",
        ),
        (condition("stage", "is", "king"), "'king' is no stage. Use one of: Prospect, Customer, High value, Former customer."),
        (condition("contact", "is", "fax"), "Use one of: E-mail, Phone, Address."),
        (condition("height", "is", "3"), "Fields: Name, Company, Stage"),
    ],
)
def test_people_are_told_in_the_words_of_the_boxes(mara: Profile, given: dict[str, Any], said: str) -> None:
    with pytest.raises(DeskError, match=re.escape(said)):
        check_conditions([given], in_words=True)


def test_every_word_that_is_named_can_be_typed(mara: Profile) -> None:
    for name, field in list_fields().items():
        for value, word in field.known.items():
            days = 3 if "within" in field.ways else None
            checked = [check_conditions([condition(name, field.ways[0], said, days)])[0]["value"] for said in (value, word, word.upper())]
            assert checked == [value if field.kind == "yes_no" else [value]] * 3


def test_dates_are_read_as_dates(mara: Profile) -> None:
    with pytest.raises(DeskError, match="2026-05-04"):
        check_conditions([condition("custom:since", "more", "1 May")])


def test_checked_conditions_are_in_their_normal_form(mara: Profile) -> None:
    for given in FITTING:
        once = check_conditions([given])
        assert check_conditions(once) == once


def test_every_field_has_ways_to_compare(mara: Profile) -> None:
    fields = list_fields()
    assert {given["field"] for given in FITTING} == set(fields)
    assert all(field.ways for field in fields.values())
