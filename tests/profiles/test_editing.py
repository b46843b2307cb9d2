"""What is written down about a person by hand: contact points, fields of our own, tags, notes; who may see it, and who looked."""

from __future__ import annotations

import ast
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from profiles.models import ContactLook, ContactPoint, CustomField, FieldRight, NoteMention, Profile, ProfileEvent, Role
from profiles.services.contacts import mark_wrong, record_contact_point, verify_contact_point
from profiles.services.custom import archive_field, list_custom, save_field, set_custom
from profiles.services.edit import edit_profile
from profiles.services.looks import read_looks, show_contact_point
from profiles.services.merge import merge_profiles, undo_merge
from profiles.services.notes import count_unseen, edit_note, mark_seen, notes_of, pin_note, read_naming, write_note
from profiles.services.rights import hidden_fields, list_fields, may_see, save_right
from profiles.services.tags import add_tag, remove_tag, set_tags, suggest_tags, tags_of
from socialdesk.lib.errors import Conflict, DeskError, NotAllowed, NotFound
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent():
    return make_agent()


@pytest.fixture
def person():
    return make_mention(author=make_author("mara_k")).author.profile


def record(person, typed, kind="phone", state="unverified", source="agent", **given):
    return record_contact_point(profile=person, kind=kind, typed=typed, state=state, source=source, region="GB", **given)


# Contact points


def test_every_value_has_its_versions_with_who_when_and_where_from(person, agent):
    point = record(person, "0117 496 0140", agent=agent)
    record(person, "+44 117 496 0140", state="given", source="form: callback")
    verify_contact_point(contact_point=point, how="code by sms", by=agent)
    mark_wrong(contact_point=point, problem="wrong number", agent=agent)
    told = [(v.state, v.history_change_reason, v.history_user_id) for v in point.history.order_by("history_id")]
    assert told == [
        ("unverified", "agent", agent.pk),
        ("given", "form: callback", None),
        ("verified", "code by sms", agent.pk),
        ("revoked", "wrong number", agent.pk),
    ]
    assert [event.fields for event in ProfileEvent.objects.filter(profile=person)] == [["phones"]] * 4


def test_the_same_value_again_makes_no_version(person, agent):
    point = record(person, "0117 496 0140", agent=agent)
    record(person, "0117 496 0140", agent=agent)
    assert point.history.count() == 1


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ("12", "too short for a number"),
        ("call me", "no possible number"),
        ("+999 1", "of no known country"),
        ("☎", "no possible number"),
        ("0" * 39, "too long for a number"),
    ],
)
def test_an_impossible_number_is_kept_as_it_was_typed_with_a_mark(person, typed, problem):
    point = record(person, typed)
    assert (point.value, point.problem, point.is_reachable) == (typed, problem, False)


# Fields of our own


def test_a_field_takes_only_what_fits_it(person, agent):
    save_field(field=None, label="Bikes", kind="number")
    save_field(field=None, label="Plan", kind="choice", choices="Monthly\nYearly")
    save_field(field=None, label="Renews on", kind="date")
    changed = set_custom(
        profile_id=person.pk, values={"bikes": "2.50", "plan": "Yearly", "renews_on": "2026-12-01"}, source="agent", agent=agent
    )
    assert changed == ["bikes", "plan", "renews_on"]
    filled = {one.field.key: one.value for one in list_custom(person, agent=agent) if one.value}
    assert (filled["bikes"].text, filled["bikes"].number) == ("2.5", Decimal("2.5"))
    assert filled["renews_on"].date == date(2026, 12, 1)
    for key, wrong in (("bikes", "two"), ("plan", "Weekly"), ("renews_on", "tomorrow")):
        with pytest.raises(DeskError, match="This field holds"):
            set_custom(profile_id=person.pk, values={key: wrong}, source="agent", agent=agent)
    with pytest.raises(NotFound):
        set_custom(profile_id=person.pk, values={"nothing": "x"}, source="agent", agent=agent)
    assert set_custom(profile_id=person.pk, values={"bikes": "2.5"}, source="agent", agent=agent) == []


def test_the_second_who_edits_a_field_of_our_own_sees_the_first(person, agent):
    save_field(field=None, label="Plan", kind="text")
    set_custom(profile_id=person.pk, values={"plan": "A"}, source="agent", agent=agent, seen={"plan": ""})
    with pytest.raises(Conflict) as refused:
        set_custom(profile_id=person.pk, values={"plan": "B"}, source="agent", agent=make_agent(), seen={"plan": ""})
    conflict = refused.value.extra["conflicts"][0]
    assert (conflict["field"], conflict["yours"], conflict["theirs"], conflict["by"]) == ("custom:plan", "B", "A", agent.pk)


def test_fields_are_made_once_and_archived_with_their_values(person, agent):
    first, second = save_field(field=None, label="Plan", kind="text"), save_field(field=None, label="Plan!", kind="text")
    assert (first.key, second.key) == ("plan", "plan_2")
    set_custom(profile_id=person.pk, values={"plan": "A"}, source="agent", agent=agent)
    archive_field(field_id=first.pk, is_archived=True)
    assert [one.field.key for one in list_custom(person, agent=agent)] == ["plan_2"]
    archive_field(field_id=first.pk, is_archived=False)
    assert [one.value.text for one in list_custom(person, agent=agent) if one.value] == ["A"]
    with pytest.raises(DeskError, match="different words"):
        save_field(field=None, label="Size", kind="choice", choices="one\none")


@pytest.mark.parametrize("label", ["Plan", "  plan ", "PLAN"])
def test_no_two_fields_have_one_label(label):
    first = save_field(field=None, label="Plan", kind="text")
    size = save_field(field=None, label="Größe", kind="text")
    for field in (None, size):
        with pytest.raises(DeskError, match="There is a field called Plan already"):
            save_field(field=field, label=label, kind="text")
    assert save_field(field=first, label=label, position=3).position == 3, "a field may keep its own label, or write it otherwise"
    archive_field(field_id=first.pk, is_archived=True)
    save_field(field=None, label=label, kind="text")
    with pytest.raises(DeskError, match="already"):
        archive_field(field_id=first.pk, is_archived=False)


# Own fields


def test_two_people_edit_one_field_and_the_second_chooses(person, agent):
    other = make_agent()
    edit_profile(profile_id=person.pk, changes={"company": "Acme"}, seen={"company": ""}, source="agent", agent=agent)
    with pytest.raises(Conflict) as refused:
        edit_profile(profile_id=person.pk, changes={"company": "Globex"}, seen={"company": ""}, source="agent", agent=other)
    assert refused.value.extra["conflicts"][0]["theirs"] == "Acme"
    edit_profile(profile_id=person.pk, changes={"company": "Globex"}, seen={"company": "Acme"}, source="agent", agent=other)
    edit_profile(profile_id=person.pk, changes={"time_zone": "Europe/Paris"}, seen={"time_zone": ""}, source="agent", agent=agent)
    assert [version.company for version in person.history.order_by("history_id")] == ["", "Acme", "Globex", "Globex"]


@hypothesis_settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.text(max_size=200))
def test_a_name_in_any_script_is_kept(person, name):
    """What a database or a screen cannot hold is left out, and so is space that nobody sees."""
    edited = edit_profile(profile_id=person.pk, changes={"name": name}, source="agent", agent=None)
    stored = Profile.objects.get(pk=person.pk).name
    assert edited.profile.name == stored == " ".join(stored.split())
    assert [c for c in stored if c.isalnum()] == [c for c in name if c.isalnum()]


def test_a_name_that_is_too_long_is_refused_in_words(person):
    with pytest.raises(DeskError, match="200 are the most"):
        edit_profile(profile_id=person.pk, changes={"name": "x" * 201}, source="agent", agent=None)


# Tags


def test_a_tag_is_one_however_it_is_written(person, agent):
    assert add_tag(person=person, name="Größe XL", agent=agent)
    assert not add_tag(person=person, name="  #GROSSE xl ", agent=agent)
    assert add_tag(person=person, name="VIP", agent=agent)
    assert not add_tag(person=person, name="#vip", agent=agent)
    assert suggest_tags("VI") == ["VIP"]
    assert remove_tag(person=person, tag_id=next(tag.pk for tag in tags_of(person) if tag.name == "VIP"))
    assert "VIP" not in [tag.name for tag in tags_of(person)]
    for wrong in ("", "  ", "#", "x" * 61):
        with pytest.raises(DeskError, match="1 to 60"):
            add_tag(person=person, name=wrong, agent=agent)


def test_tags_of_both_profiles_are_shown_once_and_go_back(person, agent):
    other = make_mention(author=make_author("other")).author.profile
    set_tags(person=person, names=["vip", "beta"], agent=agent)
    set_tags(person=other, names=["VIP", "press"], agent=agent)
    merge = merge_profiles(survivor_id=person.pk, other_id=other.pk, agent=agent)
    assert [tag.folded for tag in tags_of(person)] == ["beta", "press", "vip"]
    undo_merge(merge_id=merge.pk, agent=agent)
    assert [tag.folded for tag in tags_of(person)] == ["beta", "vip"]


# Notes


def test_a_note_names_colleagues_once_and_they_see_it(person, agent):
    sam, ana = make_agent(username="sam"), make_agent(username="ana.b")
    note = write_note(profile_id=person.pk, text="@sam and @ana.b: see mail@sam, not @nobody. @sam!", agent=agent)
    assert set(NoteMention.objects.values_list("agent", flat=True)) == {sam.pk, ana.pk}
    edit_note(note_id=note.pk, text="@sam please call", agent=agent)
    assert count_unseen(sam) == 1
    mentions, following = read_naming(sam, after="")
    assert ([mention.note for mention in mentions], following) == ([note], "")
    assert mark_seen(agent=sam, note_ids=[note.pk]) == 1
    assert (count_unseen(sam), count_unseen(ana)) == (0, 1)


def test_a_note_is_changed_by_its_writer_or_a_lead_and_keeps_its_words(person, agent):
    note = write_note(profile_id=person.pk, text="First", agent=agent)
    with pytest.raises(NotAllowed):
        edit_note(note_id=note.pk, text="Mine", agent=make_agent())
    edit_note(note_id=note.pk, text="Second", agent=make_agent(Role.LEAD), seen="First")
    with pytest.raises(Conflict):
        edit_note(note_id=note.pk, text="Third", agent=agent, seen="First")
    assert [version.text for version in note.history.order_by("history_id")] == ["First", "Second"]
    with pytest.raises(DeskError, match="empty"):
        write_note(profile_id=person.pk, text=" \n", agent=agent)


def test_pinned_notes_stand_first(person, agent):
    notes = [write_note(profile_id=person.pk, text=f"Note {number}", agent=agent) for number in range(3)]
    pin_note(note_id=notes[0].pk, is_pinned=True)
    found = notes_of(person)
    assert ([note.text for note in found.shown], found.older) == (["Note 0", "Note 2", "Note 1"], 0)


def test_more_notes_than_there_is_room_for_are_counted(person, agent, django_assert_num_queries):
    assert notes_of(person).older == 0
    first = write_note(profile_id=person.pk, text="Note", agent=agent, is_pinned=True)
    other = make_mention(author=make_author("mara_2")).author.profile
    for number in range(22):
        write_note(profile_id=(person, other)[number % 2].pk, text=f"Note {number}", agent=agent)
    assert (len(notes_of(person).shown), notes_of(person).older) == (12, 0)
    merge_profiles(survivor_id=person.pk, other_id=other.pk, agent=agent)
    with django_assert_num_queries(1):
        found = notes_of(person)
    assert (found.shown[0], len(found.shown), found.older) == (first, 20, 3)


def test_notes_have_no_way_to_a_network():
    tree = ast.parse(Path("profiles/services/notes.py").read_text())
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported
    assert not [name for name in imported if "networks" in name or "outbound" in name or name.startswith("engagement")]


# Rights and looks


def test_marketing_sees_no_phone_unless_it_is_allowed():
    marketing = make_agent(Role.MARKETING)
    assert hidden_fields(marketing) == {"phone"}
    assert hidden_fields(make_agent()) == hidden_fields(None) == frozenset()
    save_right(role=Role.MARKETING, field="phone", may_see=True)
    assert may_see(marketing, "phone")
    save_right(role=Role.MARKETING, field="phone", may_see=False)
    assert not FieldRight.objects.exists()
    with pytest.raises(DeskError):
        save_right(role="nobody", field="phone", may_see=True)


def test_a_field_of_our_own_can_be_kept_from_a_role(person, agent):
    save_field(field=None, label="Salary", kind="number")
    assert ("custom:salary", "Salary") in list_fields()
    set_custom(profile_id=person.pk, values={"salary": "5"}, source="agent", agent=None)
    save_right(role=Role.AGENT, field="custom:salary", may_see=False)
    assert list_custom(person, agent=agent) == []
    with pytest.raises(NotFound):
        set_custom(profile_id=person.pk, values={"salary": "6"}, source="agent", agent=agent)
    assert CustomField.objects.get().values.get().text == "5"


def test_who_looks_is_written_down_and_who_may_not_is_refused(person, agent):
    point = record(person, "0117 496 0140")
    with pytest.raises(NotAllowed, match="Your role"):
        show_contact_point(contact_point_id=point.pk, agent=make_agent(Role.MARKETING))
    assert not ContactLook.objects.exists()
    assert show_contact_point(contact_point_id=point.pk, agent=agent).value == "+441174960140"
    looks, _ = read_looks(person=person, after="")
    assert [(look.agent, look.contact_point, look.where) for look in looks] == [(agent, point, "page")]
    assert ContactPoint.objects.count() == 1
