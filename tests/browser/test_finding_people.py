"""People are found, gathered into segments and followed to the desk in a real browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from listening.models import Conversation
from profiles.models import Agent, CustomField, Profile, ProfileTag, Role, Segment, Tag
from profiles.services import terms
from profiles.services.contacts import record_contact_point
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows
from tests.browser.looking import look, press
from tests.factories import make_agent, make_author, make_conversation

LONG = "verylongword" * 9


@pytest.fixture
def lead(server: object) -> Agent:
    return make_agent(Role.LEAD, username="lena")


@pytest.fixture
def mara(server: object) -> Conversation:
    """Somebody of whom much is known, beside two others."""
    found = make_conversation("@tidewheel where is my bike?", author=make_author("mara_k", display_name=f"مارا كوفاتش Mara {LONG}"))
    profile = found.author.profile
    Profile.objects.filter(pk=profile.pk).update(stage="customer", company=f"Lindqvist {LONG}", owner=make_agent(username="olga"))
    record_contact_point(profile=profile, kind="phone", typed="+44 117 496 0123", state="given", source="agent")
    for name in ("VIP", "Beekeeper", LONG[:50], "More"):
        tag = Tag.objects.create(name=name, folded=name.lower())
        ProfileTag.objects.create(profile=profile, tag=tag, source="agent", at=now())
    make_conversation("@tidewheel thank you", author=make_author("jonas", display_name="Jonas"))
    make_conversation("@tidewheel hello", author=make_author("anna", display_name="Anna"))
    terms.write_waiting()
    return found


def test_somebody_is_found_by_a_number_and_opened_by_keyboard(windows: Windows, lead: Agent, mara: Conversation) -> None:
    page = windows.open(lead, "/people/", width=320)
    look(page, "the list of people")
    page.keyboard.press("/")
    expect(page.get_by_label("Name, handle, e-mail")).to_be_focused()
    page.keyboard.type("0117 496-0123")
    page.keyboard.press("Enter")
    expect(page.locator("[data-person]")).to_have_count(1)
    look(page, "people who were found")
    press(page, page.get_by_role("link", name="Everybody"))
    expect(page.locator("[data-person]")).to_have_count(3)
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.get_by_role("link", name="Jonas")).to_be_focused()
    page.keyboard.press("k")
    expect(page.get_by_role("link", name="Anna")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Anna", level=1)).to_be_visible()


def test_a_search_that_finds_nobody_says_what_to_do(windows: Windows, lead: Agent) -> None:
    page = windows.open(lead, "/people/", width=320)
    expect(page.get_by_text("Nobody yet")).to_be_visible()
    look(page, "no people yet")
    page.goto(f"/people/?q={LONG}")
    expect(page.get_by_text("Nobody fits")).to_be_visible()
    look(page, "nobody was found")


def test_a_lead_makes_a_segment_and_sees_whom_it_means_while_writing(windows: Windows, lead: Agent, mara: Conversation) -> None:
    CustomField.objects.create(key="plan", label=f"Plan {LONG[:60]}", kind="choice", choices=["Gold", "Silver"])
    page = windows.open(lead, "/segments/", width=320)
    look(page, "no segments yet")
    press(page, page.get_by_role("link", name="Make the first one"))
    page.get_by_label("Name", exact=True).fill("Customers")
    page.get_by_label("Field of condition 1").select_option("Stage")
    page.get_by_label("Value of condition 1").fill("king")
    expect(page.get_by_text("'king' is no stage")).to_be_visible()
    look(page, "a segment with a mistake")
    page.get_by_label("Value of condition 1").fill("customer")
    expect(page.get_by_text("1 person now")).to_be_visible()
    page.get_by_text("What can stand there").click()
    page.get_by_label("New conversations go to").select_option("Olga")
    look(page, "the form of a segment")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("goes to Olga")).to_be_visible()
    page.goto("/segments/new/")
    page.get_by_label("Name", exact=True).fill(LONG[:80])
    page.get_by_label("Field of condition 1").select_option("Company")
    page.get_by_label("Comparison of condition 1").select_option("contains")
    page.get_by_label("Value of condition 1").fill(LONG)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=2)).to_have_count(2)
    look(page, "segments")
    page.get_by_role("button", name="Down").click()
    expect(page.get_by_role("heading", level=2).last).to_have_text("Customers")
    page.get_by_role("link", name="Change Customers").click()
    expect(page.get_by_role("heading", name="Change a segment")).to_be_visible()
    look(page, "a segment that is there")
    page.goto("/segments/")
    page.get_by_role("link", name="People of Customers").click()
    expect(page.locator("[data-person]")).to_have_count(1)


def test_segments_work_without_javascript(windows: Windows, lead: Agent, mara: Conversation) -> None:
    page = windows.open(lead, "/segments/new/", java_script_enabled=False)
    page.get_by_label("Name", exact=True).fill("With a number")
    page.get_by_label("Field of condition 1").select_option("Has a contact")
    page.get_by_label("Value of condition 1").fill("phone")
    page.get_by_role("button", name="More rows and a look").click()
    expect(page.get_by_text("1 person now")).to_be_visible()
    press(page, page.get_by_role("button", name="Save"))
    assert Segment.objects.get().conditions == [{"field": "contact", "is": "is", "value": ["phone"]}]


def test_the_desk_shows_a_segment_and_it_stays_in_the_address(windows: Windows, lead: Agent, mara: Conversation) -> None:
    segment = Segment.objects.create(name="Customers", conditions=[{"field": "stage", "is": "is", "value": ["customer"]}], made_at=now())
    page = windows.open(lead, "/")
    expect(page.locator(".card")).to_have_count(3)
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("People").select_option("Customers")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator(".card")).to_have_count(1)
    expect(page).to_have_url(re.compile(rf"segment={segment.pk}\b"))
    expect(page.locator(".chip")).to_contain_text("Customers")
    look(page, "the desk of a segment")
    page.reload()
    expect(page.locator(".card")).to_have_count(1)
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.get_by_role("heading", name="People", level=1)).to_be_visible()
