"""What becomes of a record that another system or a file says of a person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from profiles.models import ContactPoint, CustomField, CustomValue, ExternalRef, Profile, ProfileEvent, Role, Tag
from profiles.services.edit import TEXTS, edit_profile
from profiles.services.records import Applied, PersonRecord, apply_record, write_record
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound
from tests.factories import make_agent

pytestmark = pytest.mark.django_db

VALUES: dict[str, Any] = {
    "name": "Mara Köhler",
    "company": "Tidewheel",
    "language": "de",
    "time_zone": "Europe/Berlin",
    "stage": "customer",
    "preferred_channel": "email",
    "do_not_contact": False,
    "emails": ["Mara@Example.com"],
    "phones": ["+49 30 23125123"],
    "addresses": ["Hafenstr. 1,  Kiel"],
    "tags": ["VIP", "Lübeck"],
}


def take(values: dict[str, Any], *, external_id: str = "7", source: str = "system:crm", **options: Any) -> Applied:
    times = options.pop("changed_at", {})
    return apply_record(record=PersonRecord(values, "crm", external_id, times), source=source, **options)


def test_a_new_number_makes_a_person_with_all_that_is_said_and_one_event() -> None:
    applied = take(VALUES)

    assert applied.is_new
    assert not applied.kept
    assert not applied.marked
    assert ExternalRef.objects.get(system="crm", external_id="7").profile == applied.profile
    written = write_record(Profile.objects.get(pk=applied.profile.pk))
    assert written == {
        **VALUES,
        "owner": "",
        "emails": ["mara@example.com"],
        "phones": ["+493023125123"],
        "addresses": ["Hafenstr. 1, Kiel"],
        "tags": ["Lübeck", "VIP"],
    }
    event = ProfileEvent.objects.get()
    assert (event.kind, event.source) == ("created", "system:crm")
    assert {"name", "stage", "emails", "tags"} <= set(event.fields)
    assert applied.profile.sources["name"]["source"] == "system:crm"


def test_the_same_record_again_leaves_no_trace() -> None:
    CustomField.objects.create(key="size", label="Size", kind="number")
    values = {**VALUES, "phones": ["+49 30 23125123", "nonsense"], "custom:size": "12.50"}
    first = take(values)

    def traces() -> list[int]:
        models: list[Any] = [Profile.history, ContactPoint.history, ProfileEvent.objects, ContactPoint.objects, Tag.objects]
        return [model.count() for model in models] + [Profile.objects.get().version]

    before = traces()
    again = take(values)
    assert traces() == before
    assert again.profile == first.profile
    assert not again.is_new
    assert not again.changed
    assert not again.kept
    assert again.marked == first.marked == [{"field": "phones", "value": "nonsense", "problem": "no possible number"}]


def test_an_impossible_number_is_kept_as_text_with_a_mark() -> None:
    take({"phones": ["call me"], "emails": ["mara at example"]})
    assert {(p.value, p.problem) for p in ContactPoint.objects.all()} == {
        ("call me", "no possible number"),
        ("mara at example", "no possible address"),
    }


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"language": "klingon!"}, "language"),
        ({"stage": "king"}, "stage"),
        ({"owner": "nobody-of-ours"}, "owner"),
        ({"do_not_contact": "maybe"}, "do_not_contact"),
        ({"tags": "one,two"}, "tags"),
        ({"custom:none": "x"}, "custom:none"),
        ({"name": "x" * 201}, "name"),
    ],
)
def test_what_cannot_be_is_said_and_the_rest_is_taken(values: dict[str, Any], field: str) -> None:
    applied = take({"company": "Tidewheel", **values})
    assert [mark["field"] for mark in applied.marked] == [field]
    assert applied.profile.company == "Tidewheel"


@pytest.mark.parametrize("wrong", [["x"], {"x": "y"}, 5, 0, True, False, 1.5, []], ids=repr)
@pytest.mark.parametrize("name", [*TEXTS, "owner"])
def test_text_is_never_made_of_what_is_none(name: str, wrong: Any) -> None:
    person = take({**VALUES, "preferred_channel": "chat"}).profile
    before = write_record(person)
    again = take({name: wrong})
    assert again.marked == [{"field": name, "value": str(wrong), "problem": f"{name} is text."}]
    assert not again.changed
    assert write_record(Profile.objects.get(pk=person.pk)) == before
    assert not take({name: None}).marked


@pytest.mark.parametrize("wrong", [["x"], {"x": "y"}, []], ids=repr)
def test_a_field_of_our_own_holds_one_value(wrong: Any) -> None:
    CustomField.objects.create(key="size", label="Size", kind="text")
    assert [mark["problem"] for mark in take({"custom:size": wrong}).marked] == ["This field holds one value, not several."]
    assert not CustomValue.objects.exists()


def test_an_unknown_field_is_refused_and_nothing_stays() -> None:
    with pytest.raises(DeskError, match="no field 'shoe'"):
        take({"name": "Mara", "shoe": 39})
    assert not Profile.objects.exists()


def test_the_newer_value_wins_whichever_side_it_is_on() -> None:
    agent = make_agent()
    person = take({"name": "Old"}).profile
    edit_profile(profile_id=person.pk, changes={"name": "Ours"}, source="agent", agent=agent)

    late = take({"name": "Late"}, changed_at={"name": now() - timedelta(hours=1)})
    assert not late.changed
    assert late.kept == [{"field": "name", "ours": "Ours", "theirs": "Late", "rule": "newest"}]

    newer = take({"name": "Newer"}, changed_at={"name": now() + timedelta(seconds=5)})
    assert newer.changed == ["name"]
    assert newer.profile.name == "Newer"


@pytest.mark.parametrize(("rule", "name"), [("theirs", "Theirs"), ("ours", "Ours"), ("fill", "Ours"), ("newest", "Ours")])
def test_each_rule_over_an_older_value(rule: str, name: str) -> None:
    person = take({"name": "Ours"}).profile
    applied = take({"name": "Theirs"}, rules={"name": rule}, changed_at={"name": now() - timedelta(days=2)})
    assert Profile.objects.get(pk=person.pk).name == name
    assert bool(applied.kept) == (name == "Ours")


def test_fill_takes_what_we_have_not() -> None:
    take({"name": "Ours"})
    applied = take({"name": "Theirs", "company": "Tidewheel"}, rules={"*": "fill"})
    assert applied.changed == ["company"]


@pytest.mark.parametrize(("rule", "is_taken"), [("newest", False), ("fill", False), ("ours", False), ("theirs", True)])
def test_what_the_customer_said_is_overwritten_only_by_a_rule_that_says_so(rule: str, is_taken: bool) -> None:
    person = take({}).profile
    edit_profile(profile_id=person.pk, changes={"name": "Mara"}, source="form: callback", agent=None)
    applied = take({"name": "Mrs Kohler"}, rules={"name": rule}, changed_at={"name": now() + timedelta(minutes=1)})
    assert (applied.changed == ["name"]) is is_taken


def test_a_coordinate_that_was_taken_back_never_comes_back_from_a_system() -> None:
    take({"emails": ["mara@example.com"]})
    point = ContactPoint.objects.get()
    point.state = "revoked"
    point.save()
    applied = take({"emails": ["MARA@example.com"]})
    assert [kept["rule"] for kept in applied.kept] == ["taken back before"]
    assert not applied.changed
    assert ContactPoint.objects.get().state == "revoked"


def test_what_a_system_took_away_itself_it_may_bring_again() -> None:
    take({"emails": ["mara@example.com"]})
    take({"emails": []})
    assert ContactPoint.objects.get().state == "revoked"
    assert take({"emails": ["mara@example.com"]}, source="system:shop").kept
    assert take({"emails": ["mara@example.com"]}).changed == ["emails"]
    assert ContactPoint.objects.get().state == "unverified"


def test_lists_grow_together_and_lose_only_what_the_system_brought() -> None:
    person = take({"emails": ["crm@example.com"], "tags": ["from crm"]}).profile
    take({"emails": ["other@example.com"], "tags": ["from shop"]}, source="system:shop")
    applied = take({"emails": [], "tags": []})

    assert applied.changed == ["emails", "tags"]
    written = write_record(person)
    assert (written["emails"], written["tags"]) == (["other@example.com"], ["from shop"])


def test_no_contact_is_lifted_only_by_who_asked_for_it() -> None:
    person = take({"do_not_contact": True}).profile
    assert person.do_not_contact_at
    assert person.do_not_contact_why == "said by system:crm"
    later = {"do_not_contact": now() + timedelta(hours=1)}
    shop = take({"do_not_contact": False}, source="system:shop", changed_at=later)
    assert [kept["field"] for kept in shop.kept] == ["do_not_contact"]
    assert take({"do_not_contact": False}, changed_at=later).profile.do_not_contact_at is None


def test_what_was_never_said_wipes_nothing() -> None:
    take({"name": "Mara", "company": "Tidewheel"})
    applied = take({"name": "", "company": "", "stage": ""})
    assert not applied.changed
    assert not applied.kept


def test_the_same_value_said_later_elsewhere_is_not_beaten_by_what_was_said_in_between() -> None:
    at = now()
    person = take({"name": "X"}, changed_at={"name": at - timedelta(hours=3)}).profile
    version = person.version
    assert not take({"name": "X"}, changed_at={"name": at - timedelta(hours=1)}).changed
    between = take({"name": "Y"}, source="system:shop", changed_at={"name": at - timedelta(hours=2)})
    assert [kept["rule"] for kept in between.kept] == ["newest"]
    person.refresh_from_db()
    assert (person.name, person.version, person.sources["name"]["source"]) == ("X", version, "system:crm")


def test_a_record_of_a_merged_person_reaches_who_they_are_now() -> None:
    old = take({"name": "Old"}).profile
    top = take({"name": "Top"}, external_id="8").profile
    Profile.objects.filter(pk=old.pk).update(merged_into=top, root=top)
    applied = take({"company": "Tidewheel"})
    assert applied.profile == top
    assert applied.changed == ["company"]


def test_a_record_of_somebody_erased_is_refused() -> None:
    person = take({"name": "Mara"}).profile
    Profile.objects.filter(pk=person.pk).update(erased_at=now(), name="")
    with pytest.raises(NotFound, match="erased"):
        take({"name": "Mara"})


def test_a_given_profile_gets_the_number() -> None:
    person = Profile.objects.create(created_at=now(), name="Mara")
    applied = take({"company": "Tidewheel"}, profile=person)
    assert applied.profile == person
    assert not applied.is_new
    assert take({}).profile == person


def test_marketing_does_not_see_phones_in_a_record() -> None:
    person = take(VALUES).profile
    assert "phones" not in write_record(person, agent=make_agent(Role.MARKETING))
    assert "phones" in write_record(person, agent=make_agent())
