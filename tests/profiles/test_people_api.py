"""What programs read and change of a person: in full by right, with looks kept, all of an edit or nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from profiles.models import ContactLook, ContactPoint, CustomField, Profile, ProfileEvent, Role
from profiles.services.contacts import record_contact_point
from profiles.services.custom import save_field
from profiles.services.merge import merge_profiles
from profiles.services.rights import save_right
from profiles.services.tags import add_tag
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db


class Api:
    def __init__(self, role: str) -> None:
        self.agent = make_agent(role)
        self._client = Client()
        self._client.force_login(self.agent)

    def get(self, path: str) -> Any:
        return self._client.get(f"/api/profiles/{path}")

    def send(self, method: str, path: str, data: Any) -> Any:
        return getattr(self._client, method)(f"/api/profiles/{path}", data=data, content_type="application/json")


@pytest.fixture
def api() -> Api:
    return Api(Role.AGENT)


@pytest.fixture
def person() -> Profile:
    return make_mention(author=make_author("mara_k")).author.profile


def give(person: Profile, kind: str, typed: str) -> ContactPoint:
    return record_contact_point(profile=person, kind=kind, typed=typed, state="given", source="form: callback", region="GB")


def test_a_person_is_written_in_full_and_the_look_is_kept(api: Api, person: Profile) -> None:
    email, phone = give(person, "email", "mara@example.com"), give(person, "phone", "0117 496 0140")
    add_tag(person=person, name="VIP", agent=api.agent)
    row = api.get(f"{person.pk}/").json()
    assert {point["value"] for point in row["contact_points"]} == {"mara@example.com", "+441174960140"}
    assert (row["tags"], row["owner"], row["do_not_contact"], row["stage"]) == (["VIP"], None, False, "prospect")
    assert [handle["username"] for handle in row["handles"]] == ["mara_k"]
    looks = ContactLook.objects.values_list("contact_point", "agent", "where")
    assert set(looks) == {(email.pk, api.agent.pk, "api"), (phone.pk, api.agent.pk, "api")}


def test_a_list_holds_no_coordinates_and_is_no_look(api: Api, person: Profile) -> None:
    give(person, "email", "mara@example.com")
    assert "mara@example.com" not in api.get("").content.decode()
    assert not ContactLook.objects.exists()


@pytest.mark.parametrize("role", list(Role))
def test_marketing_sees_no_phone_and_others_do(person: Profile, role: str) -> None:
    give(person, "phone", "0117 496 0140")
    api = Api(role)
    seen = [api.get(f"{person.pk}/").content.decode(), api.get(f"{person.pk}/contact_points/").content.decode()]
    assert ["+441174960140" in text for text in seen] == [role != Role.MARKETING] * 2
    assert ContactLook.objects.filter(agent=api.agent).exists() == (role != Role.MARKETING)


def test_a_field_of_our_own_is_hidden_by_right(api: Api, person: Profile) -> None:
    field = save_field(field=None, label="Order number", kind="text")
    assert api.send("patch", f"{person.pk}/", {"custom": {field.key: "A-77"}}).json()["custom"] == {field.key: "A-77"}
    save_right(role=Role.AGENT, field=f"custom:{field.key}", may_see=False)
    assert api.get(f"{person.pk}/").json()["custom"] == {}
    assert api.send("patch", f"{person.pk}/", {"custom": {field.key: "B"}}).status_code == 404


def test_fields_are_changed_together_as_one_event(api: Api, person: Profile) -> None:
    field = save_field(field=None, label="Visits", kind="number")
    ProfileEvent.objects.all().delete()
    order = {"company": "Köhler GmbH", "time_zone": "Europe/Berlin", "owner": api.agent.username, "custom": {field.key: "3.50"}}
    row = api.send("patch", f"{person.pk}/", order).json()
    assert (row["company"], row["time_zone"], row["owner"], row["custom"]) == (
        *("Köhler GmbH", "Europe/Berlin", api.agent.username),
        {field.key: "3.5"},
    )
    assert [event.fields for event in ProfileEvent.objects.all()] == [["company", "custom:visits", "owner", "time_zone"]]


def test_what_does_not_fit_takes_nothing(api: Api, person: Profile) -> None:
    field = save_field(field=None, label="Visits", kind="number")
    answer = api.send("patch", f"{person.pk}/", {"company": "Köhler", "custom": {field.key: "many"}})
    assert answer.status_code == 400
    assert "Visits" in answer.json()["detail"]
    person.refresh_from_db()
    assert person.company == ""
    assert not ProfileEvent.objects.filter(fields__icontains="company").exists()


@pytest.mark.parametrize(
    "order",
    [
        *([], {"nmae": "x"}, {"custom": "x"}, {"custom": {"none": 1}}),
        *({"seen": "x", "name": "y"}, {"owner": "nobody"}, {"stage": "duke"}),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(api: Api, person: Profile, order: Any) -> None:
    answer = api.send("patch", f"{person.pk}/", order)
    assert answer.status_code in (400, 404)
    assert answer.json()


def test_the_second_of_two_sees_all_that_the_first_changed(api: Api, person: Profile) -> None:
    CustomField.objects.create(key="plan", label="Plan", kind="text")
    first, second = Api(Role.LEAD), api
    seen = {"company": "", "custom": {"plan": ""}, "language": ""}
    first.send("patch", f"{person.pk}/", {"company": "Theirs", "custom": {"plan": "gold"}})
    order = {"company": "Mine", "language": "de", "custom": {"plan": "silver"}, "seen": seen}
    answer = second.send("patch", f"{person.pk}/", order)
    assert answer.status_code == 409
    told = {entry["field"]: (entry["yours"], entry["theirs"], entry["by"]) for entry in answer.json()["conflicts"]}
    assert told == {"company": ("Mine", "Theirs", first.agent.pk), "custom:plan": ("silver", "gold", first.agent.pk)}
    person.refresh_from_db()
    assert (person.company, person.language) == ("Theirs", "")
    seen |= {"company": "Theirs", "custom": {"plan": "gold"}}
    assert second.send("patch", f"{person.pk}/", {**order, "seen": seen}).json()["company"] == "Mine"


def test_a_contact_point_is_added_marked_and_taken_back(api: Api, person: Profile) -> None:
    made = api.send("post", f"{person.pk}/contact_points/", {"kind": "phone", "value": "0117 496 0140", "region": "GB"})
    assert made.status_code == 201
    assert (made.json()["value"], made.json()["state"], made.json()["source"]) == ("+441174960140", "unverified", "agent")
    odd = api.send("post", f"{person.pk}/contact_points/", {"kind": "phone", "value": "call my mother"}).json()
    assert (odd["value"], odd["problem"]) == ("call my mother", "no possible number")
    gone = api.send("patch", f"{person.pk}/contact_points/{made.json()['id']}/", {"state": "revoked"}).json()
    assert (gone["state"], gone["problem"]) == ("revoked", "taken back")
    assert [point["state"] for point in api.get(f"{person.pk}/contact_points/").json()["results"]] == ["revoked", "unverified"]
    assert [point["id"] for point in api.get(f"{person.pk}/").json()["contact_points"]] == [odd["id"]]


def test_nobody_takes_back_what_is_somebody_elses_or_hidden(person: Profile) -> None:
    other = make_mention(author=make_author("jonas")).author.profile
    point, lead = give(other, "phone", "0117 496 0140"), Api(Role.LEAD)
    assert lead.send("patch", f"{person.pk}/contact_points/{point.pk}/", {"state": "revoked"}).status_code == 404
    save_right(role=Role.LEAD, field="phone", may_see=False)
    assert lead.send("patch", f"{other.pk}/contact_points/{point.pk}/", {"state": "revoked"}).status_code == 404
    assert lead.send("post", f"{other.pk}/contact_points/", {"kind": "phone", "value": "+441174960141"}).status_code == 403


def test_notes_are_written_changed_pinned_and_paged(api: Api, person: Profile) -> None:
    made = [api.send("post", f"{person.pk}/notes/", {"text": f"note {number}"}).json() for number in range(3)]
    page = api.get(f"{person.pk}/notes/?page_size=2").json()
    rest = api.get(page["next"].partition("/api/profiles/")[2]).json()
    assert [note["text"] for note in page["results"] + rest["results"]] == ["note 2", "note 1", "note 0"]
    assert rest["next"] is None
    changed = api.send("patch", f"{person.pk}/notes/{made[0]['id']}/", {"text": "better", "pinned": True, "seen": "note 0"}).json()
    assert changed["text"] == "better"
    assert changed["pinned_at"]
    other = Api(Role.MARKETING)
    assert other.send("patch", f"{person.pk}/notes/{made[0]['id']}/", {"text": "mine"}).status_code == 403
    late = api.send("patch", f"{person.pk}/notes/{made[0]['id']}/", {"text": "again", "seen": "note 0"})
    assert late.status_code == 409
    assert late.json()["theirs"] == "better"


def test_tags_are_put_as_a_whole(api: Api, person: Profile) -> None:
    assert api.send("put", f"{person.pk}/tags/", {"tags": ["VIP", "vip", "Cycling club"]}).json() == {"tags": ["Cycling club", "VIP"]}
    assert api.send("put", f"{person.pk}/tags/", {"tags": ["vip"]}).json() == {"tags": ["VIP"]}
    assert api.get(f"{person.pk}/tags/").json() == {"tags": ["VIP"]}


def test_of_who_was_merged_the_person_is_read_and_changed(api: Api, person: Profile) -> None:
    other = make_mention(author=make_author("mara_x")).author.profile
    give(other, "email", "mara@example.com")
    add_tag(person=other, name="VIP", agent=None)
    merge_profiles(survivor_id=person.pk, other_id=other.pk, agent=api.agent)
    row = api.get(f"{other.pk}/").json()
    assert (row["id"], row["merged_ids"], row["tags"]) == (person.pk, [other.pk], ["VIP"])
    assert [point["value"] for point in row["contact_points"]] == ["mara@example.com"]
    assert api.send("patch", f"{other.pk}/", {"company": "One"}).json()["id"] == person.pk
    assert Profile.objects.get(pk=person.pk).company == "One"


def test_a_person_costs_the_same_queries_whatever_is_known(api: Api, person: Profile) -> None:
    api.get(f"{person.pk}/")
    counts = []
    for size in (3, 30):
        for number in range(size):
            give(person, "email", f"mara{size}x{number}@example.com")
            add_tag(person=person, name=f"tag {size} {number}", agent=None)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            api.get(f"{person.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 18
