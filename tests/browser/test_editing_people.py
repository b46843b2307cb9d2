"""What is written down about people, in a real browser: fields that two edit, coordinates shown one by one, notes, fields of our own."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from profiles.models import Agent, ContactLook, ContactPoint, CustomField, Profile, Role
from profiles.services.contacts import record_contact_point
from profiles.services.custom import save_field
from profiles.services.edit import edit_profile
from profiles.services.rights import save_right
from profiles.services.tags import add_tag
from tests.browser.conftest import Windows
from tests.browser.looking import look, press
from tests.factories import make_agent, make_author, make_mention

LONG = "verylongword" * 9


@pytest.fixture
def person(server: object) -> Profile:
    return make_mention(author=make_author("mara_k", display_name="مارا كوفاتش Mara Kovač")).author.profile


@pytest.fixture
def lead(server: object) -> Agent:
    return make_agent(Role.LEAD, username="lena")


def test_two_edit_a_person_and_the_second_chooses(windows: Windows, person: Profile, sam: Agent, lead: Agent) -> None:
    save_field(field=None, label=f"Plan {LONG}"[:80], kind="choice", choices="Gold\nSilver")
    page = windows.open(sam, f"/profiles/{person.pk}/edit/")
    look(page, "the form of a person")
    edit_profile(profile_id=person.pk, changes={"company": f"Fjord & Söhne {LONG}", "language": "fr"}, source="agent", agent=lead)
    page.get_by_label("Company").fill("Fjord AS")
    page.get_by_label("Language", exact=True).fill("de")
    page.get_by_label("Plan").select_option("Silver")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Lena wrote:").first).to_be_visible()
    look(page, "a form with two answers")
    person.refresh_from_db()
    assert (person.language, person.custom_values.get().text) == ("fr", "Silver")
    page.get_by_role("radiogroup", name="Language").get_by_label("Theirs").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    person.refresh_from_db()
    assert (person.company, person.language) == ("Fjord AS", "fr")

    page.get_by_role("link", name="What was changed, by whom").click()
    expect(page.get_by_role("listitem").filter(has_text="Company").first).to_contain_text("Fjord AS")
    look(page, "what was changed")


def test_a_field_that_was_left_alone_keeps_what_a_colleague_wrote(windows: Windows, person: Profile, sam: Agent, lead: Agent) -> None:
    page = windows.open(sam, f"/profiles/{person.pk}/edit/")
    edit_profile(profile_id=person.pk, changes={"company": "Fjord", "language": "fr"}, source="agent", agent=lead)
    page.get_by_label("Company").fill("Fjord AS")
    page.get_by_label("Time zone").fill("Mars")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Nothing was saved")).to_be_visible()
    expect(page.get_by_label("Company")).to_have_value("Fjord AS")
    expect(page.get_by_label("Language", exact=True)).to_have_value("fr")
    page.get_by_label("Time zone").fill("Europe/Oslo")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Lena wrote:")).to_be_visible()
    page.get_by_role("radiogroup", name="Company").get_by_label("Theirs").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    person.refresh_from_db()
    assert (person.company, person.language, person.time_zone) == ("Fjord", "fr", "Europe/Oslo")


def test_a_coordinate_is_added_and_shown_to_who_asks_for_it(windows: Windows, person: Profile, sam: Agent, lead: Agent) -> None:
    record_contact_point(profile=person, kind="phone", typed="+44 117 496 0140", state="given", source="callback form")
    page = windows.open(sam, f"/profiles/{person.pk}/")
    reach = page.get_by_role("region", name="How to reach them")
    reach.get_by_text("Add one").click()
    reach.get_by_label("Number or address").fill("ask my neighbour " + LONG)
    reach.get_by_label("What", exact=True).select_option("Phone")
    reach.get_by_role("button", name="Add", exact=True).click()
    expect(reach.get_by_text("no possible number")).to_be_visible()
    given = reach.get_by_role("listitem").filter(has_text="•••• 140")
    given.get_by_role("button", name="Show").click()
    expect(reach.get_by_text("+441174960140")).to_be_visible()
    look(page, "a number that is shown")
    assert ContactLook.objects.get().agent == sam
    page.reload()
    expect(reach.get_by_text("+441174960140")).to_have_count(0)
    given.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Taken back, with what was allowed there")).to_be_visible()
    assert ContactPoint.objects.get(value="+441174960140").state == "revoked"

    leads = windows.open(lead, f"/profiles/{person.pk}/")
    leads.get_by_role("link", name="Who looked at them").click()
    expect(leads.get_by_role("listitem").filter(has_text="saw phone")).to_contain_text(sam.name)
    look(leads, "who looked at one person")
    leads.goto("/looks/")
    look(leads, "who looked at anybody")


def test_a_number_is_shown_without_javascript_too(windows: Windows, person: Profile, sam: Agent) -> None:
    record_contact_point(profile=person, kind="phone", typed="+44 117 496 0140", state="given", source="callback form")
    page = windows.open(sam, f"/profiles/{person.pk}/", java_script_enabled=False)
    page.get_by_role("region", name="How to reach them").get_by_role("button", name="Show").click()
    expect(page.get_by_text("+441174960140")).to_be_visible()


def test_a_note_names_a_colleague_who_reads_it(windows: Windows, person: Profile, sam: Agent, lead: Agent) -> None:
    add_tag(person=person, name="Vienna club", agent=sam)
    page = windows.open(sam, f"/profiles/{person.pk}/")
    notes = page.get_by_role("region", name="Notes")
    notes.get_by_role("textbox").fill(f"Ask @lena before mornings. {LONG}")
    notes.get_by_label("keep it on top").check()
    notes.get_by_role("button", name="Keep the note").click()
    expect(notes.get_by_text("on top", exact=True)).to_be_visible()
    look(page, "a person with a note")
    page.get_by_label("Add a tag").press_sequentially("vie")
    expect(page.locator("#tag-options option")).to_have_attribute("value", "Vienna club")

    theirs = windows.open(lead, "/people/")
    theirs.get_by_role("link", name="Notes for you 1").click()
    expect(theirs.get_by_text("Ask @lena before mornings")).to_be_visible()
    look(theirs, "notes that name somebody")
    press(theirs, theirs.get_by_role("button", name="I have read it"))
    expect(theirs.get_by_text("new", exact=True)).to_have_count(0)
    theirs.goto(f"/profiles/{person.pk}/")
    press(theirs, theirs.get_by_role("link", name="Edit the note"))
    look(theirs, "a note that is changed")
    theirs.get_by_label("What should colleagues know?").fill("Ask Lena.")
    theirs.get_by_role("button", name="Save").click()
    expect(theirs.get_by_role("region", name="Notes").get_by_text("Ask Lena.")).to_be_visible()


def test_an_admin_makes_a_field_and_says_who_sees_it(windows: Windows, person: Profile, server: object) -> None:
    admin = make_agent(Role.ADMIN, username="ada")
    page = windows.open(admin, "/fields/")
    look(page, "no fields yet")
    page.get_by_label("Label").fill("Plan")
    page.get_by_label("It holds").select_option("One of a list")
    page.get_by_role("button", name="Make the field").click()
    expect(page.get_by_text("A choice needs 2")).to_be_visible()
    page.get_by_label("Words to choose from").fill(f"Gold\nSilver {LONG}")
    page.get_by_role("button", name="Make the field").click()
    expect(page.get_by_text("Files and programs name it custom:plan")).to_be_visible()
    look(page, "the fields")
    press(page, page.get_by_role("link", name="Plan", exact=True))
    look(page, "a field that is changed")
    page.goto("/fields/")
    press(page, page.get_by_role("link", name="Who sees what"))
    look(page, "who sees what")
    page.get_by_label("Marketing sees Plan").uncheck()
    page.get_by_label("Marketing sees Phone").check()
    press(page, page.get_by_role("button", name="Save"))
    expect(page.get_by_label("Marketing sees Plan")).not_to_be_checked()
    expect(page.get_by_label("Marketing sees Phone")).to_be_checked()
    assert CustomField.objects.get().key == "plan"


def test_who_may_not_see_a_number_is_told_so(windows: Windows, person: Profile, server: object) -> None:
    record_contact_point(profile=person, kind="phone", typed="+44 117 496 0140", state="given", source="callback form")
    marketing = make_agent(Role.MARKETING, username="mia")
    page = windows.open(marketing, f"/profiles/{person.pk}/")
    reach = page.get_by_role("region", name="How to reach them")
    expect(reach.get_by_text("your role does not see it")).to_be_visible()
    expect(reach.get_by_role("button", name="Show")).to_have_count(0)
    expect(page.get_by_role("link", name="Edit", exact=False).filter(has_text="Edit")).to_have_count(0)
    save_right(role=Role.MARKETING, field="phone", may_see=True)
    page.reload()
    expect(reach.get_by_role("button", name="Show")).to_be_visible()
