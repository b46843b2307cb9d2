"""People are found by whatever is known of them, in any spelling, and by nothing that was taken away."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.models import ContactPoint, CustomField, CustomValue, ExternalRef, Handle, Profile, ProfileNote, ProfileTag, SearchTerm, Tag
from profiles.services import terms
from profiles.services.contacts import record_contact_point
from profiles.services.edit import edit_profile
from profiles.services.merge import merge_profiles, undo_merge
from profiles.services.search import search_people
from profiles.services.words import read_search, whole_email, whole_handle
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from socialdesk.lib.text import clean
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db


def make_person(name: str = "", username: str = "", network: str = "sandbox", **fields: Any) -> Profile:
    profile = Profile.objects.create(name=name, created_at=now(), **fields)
    if username:
        Handle.objects.create(profile=profile, network=network, external_id=f"id {profile.pk}", username=username, first_seen_at=now())
    return profile


def find(text: str, **wanted: Any) -> list[Profile]:
    terms.write_waiting()
    return search_people(agent=None, text=text, **wanted).people


def note(profile: Profile, text: str) -> None:
    ProfileNote.objects.create(profile=profile, text=text, created_at=now(), changed_at=now())


@pytest.mark.parametrize(
    ("name", "searches"),
    [
        ("Søren Kierkegård", ["soren", "KIERKEGARD", "kierk sør", "Søren Kierkegård"]),
        ("Jean-Luc O’Neill", ["jean-luc", "luc", "o'neill", "oneill", "neill jean"]),
        ("Müller & Söhne GmbH", ["muller", "sohne", "gmbh müller"]),
        ("田中太郎", ["田中", "太郎", "中太", "太", "田中太郎"]),
        ("김민준", ["김민준", "민준", "김"]),
        ("สมชาย ใจดี", ["สมชาย", "ใจดี", "ชาย"]),
        ("عبد الله", ["عبد", "الله"]),
        ("मीरा शर्मा", ["मीरा", "शर्मा"]),
        ("🚲", ["🚲"]),
        ("X" * 200, ["x" * 150]),
    ],
)
def test_names_are_found_in_any_script_and_spelling(name: str, searches: list[str]) -> None:
    person = make_person(name)
    make_person("Somebody Else")
    for text in searches:
        assert find(text) == [person], text


@pytest.mark.parametrize(
    "text", ["Mara_Klein92", "@mara_klein92", "klein", "mara", "@mara_k", "https://x.example/@mara_klein92", "92 mara"]
)
def test_a_handle_is_found_whole_in_parts_and_by_its_address(text: str) -> None:
    person = make_person("", "Mara_Klein92")
    make_person("", "jonas")
    assert find(text) == [person]


def test_an_at_means_the_handle() -> None:
    make_person("Mara Somebody")
    person = make_person("", "mara2")
    assert find("@mara") == [person]


@pytest.mark.parametrize(
    "text",
    [
        *("+44 117 496 0123", "0044 117 4960123", "+44 (0)117 496-0123", "0117 496 0123", "01174960123", "4960123", "0123"),
        *("+44117", "0117 496", "117 496 012", "44 117 496 0123"),
    ],
)
def test_a_telephone_number_is_found_in_any_spelling(text: str) -> None:
    person = make_person("Mara")
    record_contact_point(profile=person, kind="phone", typed="0117 496 0123", state="given", source="agent", region="GB")
    record_contact_point(profile=make_person("Jonas"), kind="phone", typed="+49 30 23125999", state="given", source="agent")
    assert find(text) == [person]


def test_a_number_is_found_as_it_is_dialled_at_home_where_that_begins_with_another_digit() -> None:
    person = make_person("Анна")
    record_contact_point(profile=person, kind="phone", typed="+7 912 345-67-89", state="given", source="agent")
    assert find("8 (912) 345-67-89") == [person]


def test_what_cannot_be_a_number_is_found_as_it_was_written() -> None:
    person = make_person("Mara")
    record_contact_point(profile=person, kind="phone", typed="12-34-5", state="unverified", source="import 1")
    assert find("12345") == [person]


def test_everything_else_that_is_known_finds_a_person() -> None:
    person = make_person("Mara", company="Lindqvist & Partner AB")
    for kind, value in (("email", "m.klein@post.example"), ("address", "12 Hafenstraße, 20457 Hamburg")):
        record_contact_point(profile=person, kind=kind, typed=value, state="given", source="agent")
    ProfileTag.objects.create(profile=person, tag=Tag.objects.create(name="Big Spender", folded="big spender"), source="agent", at=now())
    field = CustomField.objects.create(key="customer", label="Customer number", kind="text")
    CustomValue.objects.create(profile=person, field=field, text="KD-00417", source="agent", changed_at=now())
    ExternalRef.objects.create(profile=person, system="crm", external_id="0035e00001ABC", made_at=now())
    note(person, "Asked twice for the blue saddle.")
    make_person("Jonas")
    for text in (
        *("lindqvist", "m.klein@post.example", "klein", "post.example", "hafenstrasse", "20457", "hamburg mara"),
        *("big spender", "spender", "KD-00417", "00417", "0035e00001abc", "crm:0035e00001ABC", "saddle", "blue mara 20457"),
    ):
        assert find(text) == [person], text
    assert find("mara green") == []


@pytest.mark.parametrize(
    ("kept", "searches"),
    [
        ("ünï@例え.jp", ["ünï@例え.jp", "ÜNÏ@例え.JP", "uni@例", "ünï", "例え.jp", "ünï@xn--r8jz45g.jp", "<ünï@例え.jp>,"]),
        ("田中太郎@例え.jp", ["田中太郎@例え.jp", "田中太郎", "太郎", "田中 例え"]),
        ("한국@도메인.kr", ["한국@도메인.kr", "한국", "도메인"]),
        ("lene@exämple.de", ["lene@exämple.de", "lene@xn--exmple-cua.de", "LENE@XN--EXMPLE-CUA.DE"]),
        ("lene@xn--exmple-cua.de", ["lene@exämple.de", "lene@xn--exmple-cua.de", "lene@exä"]),
        ("_lene_@post.example", ["_lene_@post.example", "_LENE_@Post", "_lene_"]),
        ("#4960123!@post.example", ["#4960123!@post.example", "4960123"]),
        ("4960123@post.example", ["4960123@post.example 4960123", "+44 117 496 0199 4960123@post.example"]),
        ("田中 at 例え.jp", ["田中 at 例え.jp", "田中"]),  # what cannot be an address is kept as it was typed
        ("a b@c d", ["a b@c d", "b@c"]),
    ],
)
def test_an_address_of_mail_is_found_in_any_script_and_spelling(kept: str, searches: list[str]) -> None:
    person = make_person("Mara")
    record_contact_point(profile=person, kind="email", typed=kept, state="given", source="agent")
    record_contact_point(profile=person, kind="phone", typed="+441174960199", state="given", source="agent")
    record_contact_point(profile=make_person("Jonas"), kind="email", typed="jonas@anders.example", state="given", source="agent")
    for text in searches:
        assert find(text) == [person], text
    assert find("x" + searches[0]) == []


@pytest.mark.parametrize("asked", ["lene@exämple.de", "LENE@xn--exmple-cua.de"])
def test_programs_find_an_address_of_mail_by_either_spelling(asked: str) -> None:
    person = make_person("Lene")
    record_contact_point(profile=person, kind="email", typed="lene@exämple.de", state="given", source="agent")
    assert find("", words=[whole_email(asked)]) == [person]


# What an address of mail may hold, and what stands in some: more than that, the check of addresses refuses.
MAIL_SIGNS = st.sampled_from("aZß7_'+!#.-/ünïÆŁσςЖי例えガー한ไทยमी")
MAILS = st.builds("{}@{}.de".format, st.text(MAIL_SIGNS, min_size=1, max_size=64), st.text(MAIL_SIGNS, min_size=1, max_size=60))


@settings(max_examples=300)
@given(MAILS, st.sampled_from([str, str.upper, str.lower, str.swapcase, str.title]))
def test_whatever_address_of_mail_is_kept_is_found_by_its_exact_text_in_any_case(typed: str, case: Any) -> None:
    person = make_person("Mara")
    kept = record_contact_point(profile=person, kind="email", typed=typed, state="given", source="agent").value
    terms.renew_terms(person.pk)
    for text in (kept, case(kept), typed, case(typed)):
        assert person in search_people(agent=None, text=text).people, text


def test_each_word_must_fit_in_any_order() -> None:
    anna, other = make_person("Anna Berg"), make_person("Anna Lund")
    assert find("berg anna") == [anna]
    assert set(find("ann")) == {anna, other}
    assert find("anna berg lund") == []


def test_who_is_called_just_so_comes_first_and_the_newest_of_them() -> None:
    old, longer, new = make_person("Ann Older"), make_person("Anna Longer"), make_person("Ann Newer")
    assert find("ann") == [new, old, longer]


def test_nobody_is_listed_twice_whatever_fits() -> None:
    person = make_person("Mara Maraba", "mara_mara")
    note(person, "mara maratona marathon")
    other = make_person("Marathon")
    found = [person.pk for person in find("mara")]
    assert found == [person.pk, other.pk]


def test_pages_by_key_hold_everybody_once() -> None:
    people = [make_person(f"Anna {letter * 3}", "anna_b" if number % 2 else "") for number, letter in enumerate("abcdefghijklmnop" * 3)]
    terms.write_waiting()
    for text in ("anna", "ann", "a", "anna a", ""):
        wanted = {person.pk for person in people if text != "anna a" or any(word.startswith("a") for word in person.name.lower().split())}
        seen: list[int] = []
        after = ""
        while True:
            page, after = search_people(agent=None, text=text, after=after, limit=7)
            seen += [person.pk for person in page]
            if not after:
                break
            assert len(page) == 7
        assert len(seen) == len(set(seen))
        assert set(seen) == wanted, text


@pytest.mark.parametrize("key", ["x", "e30", "WyJ3IiwgOSwgMCwgImEiLCAxXQ", "WyJ3Il0", "\x00"])
def test_a_key_of_nobody_is_refused(key: str) -> None:
    with pytest.raises(DeskError, match="page key"):
        search_people(agent=None, text="anna", after=key)


def test_a_merged_person_is_found_by_all_that_either_was_found_by_and_apart_again_by_their_own() -> None:
    agent = make_agent()
    mara, other = make_person("Mara", "mara_k"), make_person("Lena", "bikefan")
    merge = merge_profiles(survivor_id=mara.pk, other_id=other.pk, agent=agent)
    assert find("lena mara") == [mara]
    assert find("@bikefan") == [mara]
    edit_profile(profile_id=mara.pk, changes={"company": "Blue Saddle"}, source="agent", agent=agent)
    undo_merge(merge_id=merge.pk, agent=agent)
    assert find("lena") == [other]
    assert find("@bikefan") == [other]
    assert find("saddle") == [mara]
    assert find("lena saddle") == []


def test_an_edit_is_found_at_once_and_what_was_before_no_more() -> None:
    person = make_person("Mara")
    terms.write_waiting()
    edit_profile(profile_id=person.pk, changes={"name": "Greta"}, source="agent", agent=make_agent())
    assert search_people(agent=None, text="greta").people == [person]
    assert search_people(agent=None, text="mara").people == []


def test_authors_who_come_in_are_found_and_by_their_new_name_when_they_take_one() -> None:
    person = make_mention(author=make_author("mara_k", display_name="Mara")).author.profile
    assert find("@mara_k") == [person]
    make_mention(author=make_author("mara_lund", external_id="id-mara_k", display_name="Mara Lund"))
    assert find("lund") == [person]
    assert find("@mara_k") == []


def test_intake_writes_no_words_itself() -> None:
    make_mention(author=make_author("mara_k"))
    assert not SearchTerm.objects.exists()
    assert terms.write_waiting() == 1
    assert terms.write_waiting() == 0


def test_renewing_what_did_not_change_touches_no_row() -> None:
    person = make_person("Mara Klein", "mara")
    terms.renew_terms(person.pk)
    before = set(SearchTerm.objects.values_list("pk", flat=True))
    terms.renew_terms(person.pk)
    assert set(SearchTerm.objects.values_list("pk", flat=True)) == before


def test_the_erased_are_found_by_nothing() -> None:
    person = make_person("Mara")
    terms.write_waiting()
    Profile.objects.filter(pk=person.pk).update(erased_at=now())
    terms.renew_terms(person.pk)
    assert not SearchTerm.objects.exists()
    assert find("mara") == []


def test_whole_words_of_programs_fit_only_whole() -> None:
    person = make_person("Mara", "mara_k")
    make_person("Mara", "mara_k2")
    record_contact_point(profile=person, kind="email", typed="mara@post.example", state="given", source="agent")
    assert find("", words=[whole_handle("mara_k")]) == [person]
    assert find("", words=[whole_email("MARA@post.example")]) == [person]
    assert find("", words=[whole_email("mara@post")]) == []


def test_a_person_of_endless_notes_keeps_the_words_of_everything_else() -> None:
    person = make_person("Mara Klein", "mara_k")
    for number in range(30):
        note(person, " ".join(f"word{number}x{place}" for place in range(40)))
    assert find("klein") == [person]
    assert SearchTerm.objects.filter(profile=person).count() <= terms.MOST_TERMS
    assert find("word29x0") == [person]


@settings(max_examples=200)
@given(st.text(max_size=300))
def test_any_text_can_be_searched_for(text: str) -> None:
    words = read_search(text)
    assert len(words) <= 8
    assert all(word.beginnings and all(word.beginnings) for word in words)


@settings(max_examples=60)
@given(st.text(st.characters(exclude_categories=["N", "C"]), min_size=1, max_size=60))
def test_any_name_is_found_by_itself(name: str) -> None:
    person = make_person(clean(name))
    terms.renew_terms(person.pk)
    if read_search(person.name):
        assert person in search_people(agent=None, text=person.name, limit=500).people


def test_the_queries_of_a_page_do_not_grow_with_it(django_assert_max_num_queries: Any) -> None:
    for number in range(30):
        make_person(f"Anna Berg {number}", f"anna{number}")
    terms.write_waiting()
    for text, most in (("anna", 5), ("anna berg", 8), ("", 1)):
        for limit in (3, 30):
            with django_assert_max_num_queries(most):
                assert len(search_people(agent=None, text=text, limit=limit).people) == limit


def test_addresses_and_points_of_all_kinds_have_words() -> None:
    assert {kind.value for kind in ContactPoint.Kind} <= set(SearchTerm.Kind.values)
