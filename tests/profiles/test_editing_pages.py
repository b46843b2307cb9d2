"""The pages on which people are edited: what they show and to whom, what comes back when two are at it, and how often they ask."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from profiles.models import ContactLook, ContactPoint, CustomField, NoteMention, Profile, ProfileNote, Role, SearchTerm
from profiles.services.contacts import record_contact_point, verify_contact_point
from profiles.services.custom import save_field, set_custom
from profiles.services.edit import edit_profile
from profiles.services.history import read_history
from profiles.services.merge import merge_profiles, undo_merge
from profiles.services.notes import edit_note, write_note
from profiles.services.records import PersonRecord, apply_record
from profiles.services.rights import save_right
from profiles.services.tags import add_tag
from tests.factories import make_agent, make_author, make_mention

pytestmark = pytest.mark.django_db
PHONE = "+441174960140"


@pytest.fixture
def person():
    return make_mention(author=make_author("mara_k")).author.profile


def client_of(agent):
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def give_phone(person):
    return record_contact_point(profile=person, kind="phone", typed=PHONE, state="given", source="form: callback")


def test_an_edit_is_saved_with_its_source(person):
    agent = make_agent()
    client = client_of(agent)
    form = client.get(f"/profiles/{person.pk}/edit/").content.decode()
    assert 'name="seen:company"' in form
    given = {"company": "Acme", "seen:company": "", "stage": "customer", "seen:stage": "prospect", "owner": str(agent.pk), "seen:owner": ""}
    assert client.post(f"/profiles/{person.pk}/edit/", given).status_code == 302
    person.refresh_from_db()
    assert (person.company, person.stage, person.owner) == ("Acme", "customer", agent)
    page = client.get(f"/profiles/{person.pk}/").content.decode()
    assert "Acme" in page
    assert f"All written by {agent.name}, " in " ".join(page.split())


def test_who_wrote_a_value_by_hand_is_named_beside_it(person):
    sam, kim = make_agent(username="sam"), make_agent(username="kim")
    save_field(field=None, label="Plan", kind="text")
    client = client_of(kim)
    edit_profile(profile_id=person.pk, changes={"company": "Acme"}, source="agent", agent=sam)
    edit_profile(profile_id=person.pk, changes={"time_zone": "Europe/Berlin"}, source="agent", agent=None)
    for value, agent in (("A", sam), ("B", kim)):
        set_custom(profile_id=person.pk, values={"plan": value}, source="agent", agent=agent)
    point = record_contact_point(profile=person, kind="email", typed="m@example.com", state="unverified", source="agent", agent=sam)
    verify_contact_point(contact_point=point, how="code", by=kim)
    give_phone(person)
    page = " ".join(client.get(f"/profiles/{person.pk}/").content.decode().split())
    said = re.findall(r"written by ([^,<]+),", page)
    assert said == ["Sam", "a colleague", "Kim", "Sam"], "company, time zone, plan, e-mail"
    assert "from form: callback" in page
    sam.delete()
    page = " ".join(client.get(f"/profiles/{person.pk}/").content.decode().split())
    assert re.findall(r"written by ([^,<]+),", page) == ["a colleague", "a colleague", "Kim", "a colleague"]


def test_the_second_editor_sees_both_and_chooses(person):
    first, second = make_agent(username="sam"), make_agent()
    save_field(field=None, label="Plan", kind="text")
    edit_profile(profile_id=person.pk, changes={"company": "Acme"}, source="agent", agent=first)
    set_custom(profile_id=person.pk, values={"plan": "A"}, source="agent", agent=first)
    given = {
        "company": "Globex",
        "seen:company": "",
        "time_zone": "Europe/Paris",
        "seen:time_zone": "",
        "custom:plan": "B",
        "seen:custom:plan": "",
    }
    answer = client_of(second).post(f"/profiles/{person.pk}/edit/", given)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert page.count("Sam</bdi> wrote") == 2
    assert 'value="Globex"' in page
    person.refresh_from_db()
    assert (person.company, person.time_zone) == ("Acme", "Europe/Paris"), "what nobody else changed is saved"
    seen = dict(re.findall(r'name="seen:([^"]+)"\s+value="([^"]*)"', page))
    assert (seen["company"], seen["custom:plan"]) == ("Acme", "A")
    again = {**given, **{f"seen:{name}": value for name, value in seen.items()}, "choice:company": "mine", "choice:custom:plan": "theirs"}
    assert client_of(second).post(f"/profiles/{person.pk}/edit/", again).status_code == 302
    person.refresh_from_db()
    assert (person.company, person.time_zone, person.custom_values.get().text) == ("Globex", "Europe/Paris", "A")


def test_an_owner_who_left_stays_until_somebody_chooses_another(person):
    gone, agent = make_agent(username="gone"), make_agent()
    edit_profile(profile_id=person.pk, changes={"owner": gone.pk}, source="agent", agent=agent)
    gone.is_active = False
    gone.save()
    client = client_of(agent)
    assert f'<option value="{gone.pk}" selected' in client.get(f"/profiles/{person.pk}/edit/").content.decode()
    client.post(f"/profiles/{person.pk}/edit/", {"owner": str(agent.pk), "seen:owner": str(gone.pk)})
    person.refresh_from_db()
    assert person.owner == agent


def test_of_a_form_with_a_mistake_nothing_is_saved(person):
    save_field(field=None, label="Visits", kind="number")
    given = {"company": "Acme", "seen:company": "", "custom:visits": "many", "seen:custom:visits": ""}
    answer = client_of(make_agent()).post(f"/profiles/{person.pk}/edit/", given)
    assert answer.status_code == 400
    assert "Nothing was saved" in answer.content.decode()
    person.refresh_from_db()
    assert person.company == ""


def test_what_cannot_be_is_said_and_what_was_typed_stays(person):
    answer = client_of(make_agent()).post(f"/profiles/{person.pk}/edit/", {"time_zone": "Mars", "seen:time_zone": ""})
    assert answer.status_code == 400
    assert "Europe/Berlin" in answer.content.decode()
    assert 'value="Mars"' in answer.content.decode()


@pytest.mark.parametrize("role", Role.values)
def test_a_number_stands_masked_and_who_may_see_it_is_written_down(person, role):
    point = give_phone(person)
    agent = make_agent(role)
    client = client_of(agent)
    for path in (f"/profiles/{person.pk}/", f"/profiles/{person.pk}/history/"):
        page = client.get(path).content.decode()
        assert "4960140" not in page.replace(" ", "")
        assert ("•••• 140" in page) is (role != Role.MARKETING)
    shown = client.post(f"/contact-points/{point.pk}/show/", headers={"HX-Request": "true"})
    if role == Role.MARKETING:
        assert shown.status_code == 403
        assert not ContactLook.objects.exists()
        save_right(role=role, field="phone", may_see=True)
        assert client.post(f"/contact-points/{point.pk}/show/").status_code == 200
    else:
        assert PHONE in shown.content.decode()
        assert "no-store" in shown.headers["Cache-Control"]
    assert [(look.agent, look.where) for look in ContactLook.objects.all()] == [(agent, "page")]


def test_who_looked_is_for_leaders(person):
    point = give_phone(person)
    client_of(make_agent(username="sam")).post(f"/contact-points/{point.pk}/show/")
    assert client_of(make_agent()).get(f"/profiles/{person.pk}/looks/").status_code == 403
    for path in (f"/profiles/{person.pk}/looks/", "/looks/"):
        page = client_of(make_agent(Role.LEAD)).get(path).content.decode()
        assert "Sam" in page
        assert PHONE not in page


def test_coordinates_are_added_marked_and_taken_back(person):
    client = client_of(make_agent())
    client.post(f"/profiles/{person.pk}/contacts/", {"kind": "phone", "value": "call me maybe"})
    client.post(f"/profiles/{person.pk}/contacts/", {"kind": "email", "value": "Mara@Example.com"})
    odd, mail = ContactPoint.objects.order_by("pk")
    assert (odd.value, odd.problem, mail.value, mail.state) == ("call me maybe", "no possible number", "mara@example.com", "unverified")
    client.post(f"/contact-points/{mail.pk}/revoke/")
    mail.refresh_from_db()
    assert (mail.state, mail.problem) == ("revoked", "taken back")


@pytest.mark.parametrize(
    ("lives", "typed", "kept"),
    [
        ({"time_zone": "Europe/London"}, "0117 496 0140", PHONE),
        ({"language": "en-GB"}, "0117 496 0140", PHONE),
        ({"language": "en"}, "0117 496 0140", "0117 496 0140"),
        ({"time_zone": "Europe/Berlin", "language": "en-GB"}, "030 23125 123", "+493023125123"),
        ({"time_zone": "Etc/UTC"}, "+44 117 496 0140", PHONE),
    ],
)
def test_a_number_without_a_country_is_read_by_where_they_live(person, lives, typed, kept):
    edit_profile(profile_id=person.pk, changes=lives, source="agent", agent=None)
    client_of(make_agent()).post(f"/profiles/{person.pk}/contacts/", {"kind": "phone", "value": typed})
    point = ContactPoint.objects.get()
    assert (point.value, bool(point.problem)) == (kept, not kept.startswith("+"))


@pytest.mark.parametrize(
    ("typed", "said", "asks_for_country"),
    [
        ("+49 900 1234567", "costs the caller extra", False),
        ("+44 117", "too short for a number", False),
        ("0117 496 0140", "of no known country", True),
    ],
)
def test_why_a_number_is_marked_is_said(person, typed, said, asks_for_country):
    path = f"/profiles/{person.pk}/contacts/"
    page = client_of(make_agent()).post(path, {"kind": "phone", "value": typed}, follow=True).content.decode()
    assert f"Kept with the mark “{said}”" in page
    assert ("Write numbers with their country" in page) is asks_for_country


def test_tags_are_proposed_as_they_are_written(person):
    for name in ("VIP", "Vienna <b>", "press"):
        add_tag(person=person, name=name, agent=None)
    client = client_of(make_agent(Role.MARKETING))
    assert re.findall('value="([^"]*)"', client.get("/tags/options/?name=vI").content.decode()) == ["Vienna &lt;b&gt;", "VIP"]
    assert "option" not in client.get("/tags/options/?name=").content.decode()


def test_who_is_named_is_told_on_the_pages_of_people(person):
    sam = make_agent(username="sam")
    note = write_note(profile_id=person.pk, text="@sam look", agent=make_agent())
    client = client_of(sam)
    for path in ("/people/", f"/profiles/{person.pk}/"):
        assert 'href="/notes/"' in client.get(path).content.decode().partition("<main")[2]
    client.post("/notes/", {"note": str(note.pk)})
    for path in ("/people/", f"/profiles/{person.pk}/"):
        assert 'href="/notes/"' not in client.get(path).content.decode().partition("<main")[2]


def test_tags_and_notes(person):
    sam = make_agent(username="sam")
    client = client_of(make_agent(Role.MARKETING))
    client.post(f"/profiles/{person.pk}/tags/", {"name": "vip, press"})
    client.post(f"/profiles/{person.pk}/notes/", {"text": "@sam <b>look</b>", "pin": "1"})
    page = client.get(f"/profiles/{person.pk}/").content.decode()
    assert "press" in page
    assert '<b class="named">@sam</b> &lt;b&gt;look' in page
    note = ProfileNote.objects.get()
    assert note.pinned_at is not None
    mine = client_of(sam)
    assert "new</span>" in mine.get("/notes/").content.decode()
    mine.post("/notes/", {"note": str(note.pk)})
    assert NoteMention.objects.get().seen_at is not None
    assert "new</span>" not in mine.get("/notes/").content.decode()
    assert mine.post(f"/profile-notes/{note.pk}/", {"text": "Mine", "seen": note.text}).status_code in (302, 403)
    note.refresh_from_db()
    assert note.text == "@sam <b>look</b>"
    answer = client.post(f"/profile-notes/{note.pk}/", {"text": "Newer", "seen": "older"})
    assert answer.status_code == 409
    assert "It says now" in answer.content.decode()
    client.post(f"/profiles/{person.pk}/tags/", {"remove": str(person.tags.get(tag__folded="vip").tag_id)})
    assert [row.tag.folded for row in person.tags.all()] == ["press"]


def test_a_note_too_old_to_stand_beside_the_history_is_reached_through_it(person):
    kim = make_agent(username="kim")
    old = write_note(profile_id=person.pk, text="The very first", agent=kim)
    for number in range(25):
        write_note(profile_id=person.pk, text=f"Note {number}", agent=kim)
    client, path = client_of(kim), f"/profiles/{person.pk}/"
    page = client.get(path).content.decode()
    [way] = re.findall(r'href="([^"]+)">6 older notes</a>', page)
    assert way == f"{path}?kind=profile_note#history"
    history = client.get(way).content.decode().split('id="history"')[1]
    assert history.count('<li class="entry">') == 26
    entry = next(entry for entry in history.split('<li class="entry">') if "The very first" in entry)
    assert f'href="/profile-notes/{old.pk}/"' in entry
    assert client.post(f"/profile-notes/{old.pk}/", {"text": "Other words", "seen": old.text}).status_code == 302
    assert client.post(f"/profile-notes/{old.pk}/pin/").status_code == 302
    page = client.get(path).content.decode()
    assert "Other words" in page.split('id="history"')[0]
    assert "6 older notes" in page


def test_the_page_of_a_note_offers_what_whoever_looks_may_do(person):
    note = write_note(profile_id=person.pk, text="@sam look", agent=make_agent(username="kim"))
    path = f"/profile-notes/{note.pk}/"
    for agent, may_edit, may_remove in (
        (note.agent, True, False),
        (make_agent(username="sam"), False, False),
        (make_agent(Role.LEAD), True, True),
    ):
        page = client_of(agent).get(path).content.decode()
        assert ("<textarea" in page) is may_edit
        assert ("Only who wrote a note" in page) is not may_edit
        assert (f"{path}remove/" in page) is may_remove
        assert "look" in page
        assert "Keep on top" in page
    client_of(note.agent).post(f"{path}pin/")
    assert "Take it from the top" in client_of(note.agent).get(path).content.decode()


def test_a_lead_takes_words_out_of_every_version(person):
    sam, lead = make_agent(username="sam"), make_agent(Role.LEAD)
    note = write_note(profile_id=person.pk, text="@sam their card is zqcardqz", agent=lead)
    edit_note(note_id=note.pk, text="@sam their card ends in zqcardqz", agent=lead)
    assert client_of(sam).post(f"/profile-notes/{note.pk}/remove/").status_code == 403
    client_of(lead).post(f"/profile-notes/{note.pk}/remove/")
    assert {version.text for version in note.history.all()} == {""}
    assert not NoteMention.objects.exists()
    assert not SearchTerm.objects.filter(profile=person, term__contains="zqcard").exists()
    for path in ("", "history/"):
        page = client_of(sam).get(f"/profiles/{person.pk}/{path}")
        assert page.status_code == 200
        assert "zqcard" not in page.content.decode()
    assert "A lead removed the words" in client_of(sam).get(f"/profiles/{person.pk}/").content.decode()


def test_an_admin_makes_fields_and_says_who_sees_them(person):
    client = client_of(make_agent(Role.ADMIN))
    client.post("/fields/", {"label": "Bicycle plan", "kind": "choice", "choices": "A\nB", "position": "1"})
    field = CustomField.objects.get()
    assert (field.key, field.choices) == ("bicycle_plan", ["A", "B"])
    assert client.post("/fields/", {"label": "Size", "kind": "choice", "choices": "A"}).status_code == 400
    again = client.post("/fields/", {"label": "bicycle PLAN", "kind": "text"})
    assert again.status_code == 400
    assert "There is a field called Bicycle plan already. Choose another label." in again.content.decode()
    client.post(f"/fields/{field.pk}/", {"label": "Bicycle plan", "choices": "A\nB\nC"})
    assert "C" in client.get(f"/fields/{field.pk}/").content.decode()
    set_custom(profile_id=person.pk, values={"bicycle_plan": "C"}, source="agent", agent=None)
    ticked = dict.fromkeys(re.findall(r'name="([a-z]+:[^"]+)"[^>]*checked', client.get("/field-rights/").content.decode()), "1")
    assert "marketing:phone" not in ticked
    del ticked["agent:custom:bicycle_plan"]
    client.post("/field-rights/", ticked)
    for path in (f"/profiles/{person.pk}/", f"/profiles/{person.pk}/edit/", f"/profiles/{person.pk}/history/"):
        assert "Bicycle plan" not in client_of(make_agent()).get(path).content.decode()
        assert "Bicycle plan" in client_of(make_agent(Role.LEAD)).get(path).content.decode()


def test_the_history_begins_with_what_they_came_with(person):
    agent = make_agent(username="sam")
    edit_profile(profile_id=person.pk, changes={"stage": "customer", "company": "Acme"}, source="agent", agent=agent)
    came = apply_record(record=PersonRecord(values={"name": "Ola", "company": "Fjord"}), source="import 7").profile
    told = [(c.what, c.before, c.after, c.who, c.source) for c in read_history(person, agent=agent)[0]]
    assert told == [
        ("Company", "", "Acme", "Sam", "agent"),
        ("Stage", "Prospect", "Customer", "Sam", "agent"),
        ("Name", "", "Mara_K", "", "as first seen"),
    ]
    of_came = [(c.what, c.before, c.after, c.source) for c in read_history(came, agent=agent)[0]]
    assert of_came == [("Name", "", "Ola", "import 7"), ("Company", "", "Fjord", "import 7")]
    page = client_of(agent).get(f"/profiles/{came.pk}/history/").content.decode()
    assert "from import 7" in page


def test_the_history_of_a_merged_person_says_whose_each_value_was(person):
    agent = make_agent(username="sam")
    other = make_mention(author=make_author("wendy_h")).author.profile
    from_file = apply_record(record=PersonRecord(values={"name": "Wendy From A File"}), source="import 7").profile
    save_field(field=None, label="Plan", kind="text")
    for profile, company in ((person, "Acme"), (other, "Other Co")):
        edit_profile(profile_id=profile.pk, changes={"company": company}, source="agent", agent=agent)
        set_custom(profile_id=profile.pk, values={"plan": f"of {company}"}, source="agent", agent=agent)
        write_note(profile_id=profile.pk, text=f"Note on {company}", agent=agent)
        record_contact_point(profile=profile, kind="phone", typed=PHONE, state="given", source="form: callback")
    merge = merge_profiles(survivor_id=person.pk, other_id=other.pk, agent=agent)
    merge_profiles(survivor_id=person.pk, other_id=from_file.pk, agent=agent)
    told = read_history(person, agent=agent)[0]
    whose = {(change.what, change.after): change.whose for change in told if change.what in ("Company", "Plan", "Note")}
    side = "@wendy_h, Sandbox"
    assert whose == {
        ("Company", "Acme"): "",
        ("Company", "Other Co"): side,
        ("Plan", "of Acme"): "",
        ("Plan", "of Other Co"): side,
        ("Note", "Note on Acme"): "",
        ("Note", "Note on Other Co"): side,
    }
    assert sorted(change.whose for change in told if change.what == "Phone") == ["", side]
    assert [change.whose for change in told if change.after == "Wendy From A File"] == ["Wendy From A File"]
    page = " ".join(client_of(agent).get(f"/profiles/{person.pk}/history/").content.decode().split())
    assert f"of <bdi>{side}</bdi> · <bdi>Sam</bdi>" in page
    undo_merge(merge_id=merge.pk, agent=agent)
    assert {change.whose for change in read_history(other, agent=agent)[0]} == {""}


def busy(person, times):
    agent = make_agent()
    for number in range(times):
        edit_profile(profile_id=person.pk, changes={"company": f"Company {number}"}, source="agent", agent=agent)
        point = record_contact_point(profile=person, kind="email", typed=f"m{number}@example.com", state="given", source="form: callback")
        verify_contact_point(contact_point=point, how="code", by=agent)
        write_note(profile_id=person.pk, text=f"Note {number}", agent=agent)
        add_tag(person=person, name=f"tag {number}", agent=agent)


def test_pages_ask_as_often_for_much_as_for_little():
    lead = make_agent(Role.LEAD)
    client = client_of(lead)
    asked = []
    for name, times in (("quiet", 2), ("loud", 12)):
        person = make_mention(author=make_author(name)).author.profile
        busy(person, times)
        for point in person.contact_points.all():
            client.post(f"/contact-points/{point.pk}/show/")
        counts = []
        for path in ("", "edit/", "history/", "looks/"):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                assert client.get(f"/profiles/{person.pk}/{path}").status_code == 200
            counts.append(len(queries))
        asked.append(counts)
    assert asked[0] == asked[1]


def test_the_history_is_paged_without_loss(person):
    agent = make_agent()
    busy(person, 25)
    seen, after = [], ""
    while True:
        changes, after = read_history(person, agent=agent, after=after)
        seen += changes
        if not after:
            break
    companies = [change.after for change in seen if change.what == "Company"]
    assert companies == [f"Company {number}" for number in reversed(range(25))]
    assert len([change for change in seen if change.what == "E-mail"]) == 50
    assert len([change for change in seen if change.what == "Note"]) == 25
    assert [change.at for change in seen] == sorted((change.at for change in seen), reverse=True)
    assert Profile.objects.get(pk=person.pk).company == "Company 24"
