"""Coordinates and consents: one row each, states that rise, permissions that end."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from profiles.models import Consent, ContactPoint, Medium, Profile
from profiles.services.contacts import (
    find_permission,
    mark_wrong,
    normalise,
    record_consent,
    record_contact_point,
    revoke_consent,
    verify_contact_point,
)
from profiles.services.merge import merge_profiles, undo_merge
from profiles.services.phones import BadNumber, read_phone, write_e164
from socialdesk.lib.clock import now
from socialdesk.lib.errors import Conflict, DeskError

pytestmark = pytest.mark.django_db
GIVEN, UNVERIFIED = ContactPoint.State.GIVEN, ContactPoint.State.UNVERIFIED


@pytest.fixture
def mara(db: None) -> Profile:
    return Profile.objects.create(name="Mara", created_at=now())


def keep(profile: Profile, typed: str, *, kind: str = "phone", state: str = GIVEN) -> ContactPoint:
    return record_contact_point(profile=profile, kind=kind, typed=typed, state=state, source="a test", region="GB")


def agree(point: ContactPoint, medium: str = Medium.PHONE, *, scope: str = "this matter") -> Consent:
    return record_consent(
        contact_point=point, medium=medium, text="You may.", text_version="1", language="en", evidence={"link": 1}, scope=scope
    )


@pytest.mark.parametrize(
    ("kind", "typed", "value", "problem"),
    [
        ("phone", "0117 496 0140", "+441174960140", ""),
        ("phone", "call me", "call me", "no possible number"),
        ("phone", "ask my neighbour" * 3, "ask my neighbour" * 3, "no possible number"),
        ("phone", "0909 879 0000", "0909 879 0000", "costs the caller extra"),
        ("phone", "+49 900 1234567", "+49 900 1234567", "costs the caller extra"),
        ("phone", "+999 1", "+999 1", "of no known country"),
        ("phone", "+44 117", "+44 117", "too short for a number"),
        ("phone", "+44 117 496 0140 0000 000", "+44 117 496 0140 0000 000", "too long for a number"),
        ("email", " Mara.K@Tidewheel.Example ", "mara.k@tidewheel.example", ""),
        ("email", "mara at home", "mara at home", "no possible address"),
        ("address", "12  Harbour\nRow", "12 Harbour Row", ""),
    ],
)
def test_coordinates_have_a_normal_form_or_a_mark(kind: str, typed: str, value: str, problem: str) -> None:
    assert normalise(kind, typed, region="GB") == (value, problem)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_numbers_and_what_is_read_is_read_again(text: str) -> None:
    try:
        number = write_e164(read_phone(text, region="DE"))
    except BadNumber:
        return
    assert write_e164(read_phone(number, region="FR")) == number


def test_the_same_coordinate_in_two_spellings_is_kept_once(mara: Profile) -> None:
    assert keep(mara, "0117 496 0140") == keep(mara, "+44 117 4960140")
    assert ContactPoint.objects.get().typed == "+44 117 4960140"


def test_impossible_value_is_kept_with_a_mark_and_never_reached(mara: Profile) -> None:
    point = keep(mara, "ring the bell")
    assert (point.value, point.state, point.is_reachable) == ("ring the bell", "given", False)
    agree(point)
    assert find_permission(profile=mara, medium=Medium.PHONE) is None
    with pytest.raises(Conflict):
        verify_contact_point(contact_point=point, how="a test", by=None)


def test_states_rise_and_never_fall_by_recording(mara: Profile) -> None:
    point = keep(mara, "0117 496 0140", state=UNVERIFIED)
    assert not point.is_reachable
    assert keep(mara, "0117 496 0140").state == "given"
    verify_contact_point(contact_point=point, how="code", by=None)
    assert keep(mara, "0117 496 0140").state == "verified"
    assert keep(mara, "0117 496 0140", state=UNVERIFIED).state == "verified"


def test_wrong_number_is_revoked_until_the_customer_gives_it_anew(mara: Profile) -> None:
    point = keep(mara, "0117 496 0140")
    consent = agree(point)
    mark_wrong(contact_point=point, problem="wrong number")
    consent.refresh_from_db()
    assert consent.revoked_how == "wrong number"
    assert find_permission(profile=mara, medium=Medium.PHONE) is None
    assert keep(mara, "0117 496 0140", state=UNVERIFIED).state == "revoked"
    assert keep(mara, "0117 496 0140").is_reachable
    assert find_permission(profile=mara, medium=Medium.PHONE) is None  # the old consent stays ended


def test_wrong_is_every_equal_number_of_one_person_and_nobody_elses(mara: Profile) -> None:
    twin, stranger = (Profile.objects.create(name=name, created_at=now()) for name in ("Mara K.", "Jo"))
    points = [keep(profile, "0117 496 0140") for profile in (mara, twin, stranger)]
    mail = keep(mara, "mara@tidewheel.example", kind="email")
    consents = [agree(point) for point in points]
    merge = merge_profiles(survivor_id=mara.pk, other_id=twin.pk, agent=None)
    mark_wrong(contact_point=points[1], problem="taken back")
    for row in (*points, *consents, mail):
        row.refresh_from_db()
    assert [point.state for point in (*points, mail)] == ["revoked", "revoked", "given", "given"]
    assert [consent.revoked_how for consent in consents] == ["taken back", "taken back", ""]
    told = [list(point.history.order_by("history_id").values_list("state", "history_change_reason")) for point in points[:2]]
    assert told == [[("given", "a test"), ("revoked", "taken back")]] * 2
    undo_merge(merge_id=merge.pk, agent=None)
    for profile in (mara, twin):
        assert profile.contact_points.get(kind="phone").state == "revoked"
        assert find_permission(profile=profile, medium=Medium.PHONE) is None
    assert find_permission(profile=stranger, medium=Medium.PHONE) is not None


def test_what_was_wrong_before_a_merge_keeps_when_and_why(mara: Profile) -> None:
    twin = Profile.objects.create(name="Mara K.", created_at=now())
    old, point = keep(mara, "0117 496 0140"), keep(twin, "0117 496 0140")
    mark_wrong(contact_point=old, problem="wrong number")
    merge_profiles(survivor_id=mara.pk, other_id=twin.pk, agent=None)
    mark_wrong(contact_point=point, problem="taken back")
    assert list(ContactPoint.objects.order_by("pk").values_list("problem", flat=True)) == ["wrong number", "taken back"]
    assert old.history.count() == 2


def test_only_the_customer_gives_and_only_a_proof_verifies(mara: Profile) -> None:
    with pytest.raises(DeskError):
        keep(mara, "0117 496 0140", state=ContactPoint.State.VERIFIED)
    with pytest.raises(DeskError):
        keep(mara, "0117 496 0140", kind="fax")
    with pytest.raises(DeskError):
        keep(mara, "  \x00 ")


def test_permission_is_per_medium_purpose_and_person_and_costs_one_query(mara: Profile) -> None:
    other = Profile.objects.create(name="Jo", created_at=now())
    old, new = keep(mara, "0117 496 0140"), keep(mara, "0117 496 0141")
    agree(old)
    consent = agree(new, scope="status updates")
    with CaptureQueriesContext(connection) as queries:
        found = find_permission(profile=mara, medium=Medium.PHONE)
    assert len(queries) == 1
    assert found == (new, consent)
    assert find_permission(profile=mara, medium=Medium.PHONE, scope="this matter", contact_point=new.pk) is None
    assert find_permission(profile=mara, medium=Medium.PHONE, contact_point=old.pk) is not None
    for profile, medium in ((mara, Medium.SMS), (mara, Medium.EMAIL), (other, Medium.PHONE)):
        assert find_permission(profile=profile, medium=medium) is None


def test_consent_is_taken_back_once_and_the_first_time_stays(mara: Profile) -> None:
    consent = agree(keep(mara, "0117 496 0140"))
    assert revoke_consent(consent=consent, how="said so")
    assert not revoke_consent(consent=consent, how="again")
    consent.refresh_from_db()
    assert consent.revoked_how == "said so"
    assert find_permission(profile=mara, medium=Medium.PHONE) is None


def test_consent_needs_its_text_its_proof_and_a_fitting_coordinate(mara: Profile) -> None:
    point = keep(mara, "0117 496 0140")
    with pytest.raises(DeskError):
        agree(point, Medium.EMAIL)
    with pytest.raises(DeskError):
        record_consent(contact_point=point, medium="phone", text=" ", text_version="1", language="en", evidence={"link": 1})
    with pytest.raises(DeskError):
        record_consent(contact_point=point, medium="phone", text="You may.", text_version="1", language="en", evidence={})


def test_masked_form_names_no_whole_coordinate(mara: Profile) -> None:
    assert keep(mara, "0117 496 0140").masked == "•••• 140"
    assert keep(mara, "mara@tidewheel.example", kind="email").masked == "m•••@tidewheel.example"
    assert keep(mara, "12 Harbour Row", kind="address").masked == "•••"
    point = keep(mara, "0117 496 0140")
    assert str(point) == f"phone {point.pk}"


def test_database_itself_says_when_something_was_verified(mara: Profile) -> None:
    point = keep(mara, "0117 496 0140")
    with pytest.raises(IntegrityError), transaction.atomic():
        ContactPoint.objects.filter(pk=point.pk).update(state="verified")
