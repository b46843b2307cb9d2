"""Who is the same person, in a real browser: proposals decided, two sides looked at, merged and taken back, by click and by keyboard."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from profiles.models import Agent, MatchSuggestion, Merge, Profile, Role
from profiles.services.contacts import record_contact_point
from profiles.services.custom import save_field, set_custom
from profiles.services.edit import edit_profile
from profiles.services.matching import match_people
from profiles.services.tags import add_tag
from profiles.services.terms import renew_terms
from tests.browser.conftest import Windows
from tests.browser.looking import look
from tests.factories import make_agent, make_author, make_mention


@pytest.fixture
def sam(server: object) -> Agent:
    return make_agent(username="sam")


def make_person(username: str, name: str, network: str = "sandbox") -> Profile:
    author = make_author(username, external_id=f"{network}-{username}", display_name=name)
    person = make_mention("@tidewheel " + "where is my bike " * 8, author=author, network=network).author.profile
    renew_terms(person.pk)
    return person


@pytest.fixture
def pair(server: object) -> tuple[Profile, Profile]:
    """Two who gave the same address and disagree in the rest, one with a name and a handle that are long."""
    a, b = make_person("mara_k", "مارا Mara Kovač"), make_person("quietrider" + "x" * 40, "Mara " + "Kovač" * 9, "web")
    for person in (a, b):
        record_contact_point(profile=person, kind="email", typed="mara@example.com", state="given", source="callback form")
    edit_profile(profile_id=b.pk, changes={"company": "Harbour Works"}, source="agent", agent=None)
    save_field(field=None, label="Rider number", kind="text")
    for person, number, tag in ((a, "R-NEW", "press"), (b, "R-OTHER-" + "9" * 60, "a tag " + "of many words " * 3)):
        set_custom(profile_id=person.pk, values={"rider_number": number}, source="agent", agent=None)
        add_tag(person=person, name=tag, agent=None)
    assert match_people([a.pk]) == 1
    return a, b


def test_a_proposal_is_reviewed_merged_and_taken_back(windows: Windows, sam: Agent, pair: tuple[Profile, Profile]) -> None:
    a, b = pair
    page = windows.open(sam, "/duplicates/")
    expect(page.get_by_text("Both gave the same e-mail address")).to_contain_text("m•••@example.com")
    expect(page.get_by_role("main")).not_to_contain_text("mara@example.com")
    look(page, "the proposals")
    page.get_by_role("link", name="Review").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Are these the same person?")
    expect(page.get_by_text("Harbour Works").first).to_be_visible()
    expect(page.get_by_text("R-NEW stays")).to_be_visible()
    expect(page.get_by_role("region", name="What speaks for it")).to_contain_text("m•••@example.com")
    look(page, "both sides of a merge")
    page.get_by_role("radio", name=re.compile("@mara_k on Sandbox")).check()
    page.get_by_role("button", name="Merge into one person").click()
    page.wait_for_url(f"**/profiles/{a.pk}/")
    assert Profile.objects.get(pk=b.pk).root_id == a.pk
    assert Profile.objects.get(pk=a.pk).company == "Harbour Works"
    look(page, "somebody who was merged")

    page.goto(page.url.replace(f"/{a.pk}/", f"/{b.pk}/"))  # an old address
    page.wait_for_url(f"**/profiles/{a.pk}/")
    page.get_by_role("button", name="Undo the merge").click()
    expect(page.get_by_text("Taken back: they are two people again")).to_be_visible()
    assert Merge.objects.get().undone_at is not None
    assert Profile.objects.people().count() == 2
    assert MatchSuggestion.objects.get().state == "dismissed"


def test_not_the_same_leaves_an_empty_list_that_says_so(windows: Windows, sam: Agent, pair: tuple[Profile, Profile]) -> None:
    page = windows.open(sam, "/duplicates/")
    page.get_by_role("button", name="Not the same").click()
    expect(page.get_by_text("Nobody seems to be here twice")).to_be_visible()
    assert MatchSuggestion.objects.get().state == "dismissed"
    look(page, "no proposals")


def press_until(page: Page, name: str, *, most: int = 60) -> None:
    """Tab to what is called so."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if name in page.evaluate("document.activeElement.textContent + ' ' + (document.activeElement.value ?? '')"):
            return
    raise AssertionError(f"{name} cannot be reached by keyboard")


def test_somebody_is_found_merged_and_taken_apart_by_keyboard(windows: Windows, sam: Agent) -> None:
    a, b = make_person("tom", "Tom Weiland"), make_person("tomtom", "Thomas Weiland", "web")
    page = windows.open(sam, f"/profiles/{a.pk}/")
    page.get_by_label("Merge with…").focus()
    page.keyboard.type("weiland")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=2, name="Who fits")).to_be_visible()
    look(page, "who fits")
    press_until(page, "Thomas Weiland")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Are these the same person?")
    page.wait_for_load_state()
    page.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowDown")
    press_until(page, "Merge into one person")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/profiles/{b.pk}/")
    assert Profile.objects.get(pk=a.pk).root_id == b.pk
    press_until(page, "Undo", most=120)
    page.keyboard.press("Enter")
    expect(page.get_by_text("Taken back: they are two people again")).to_be_visible()
    assert Profile.objects.people().count() == 2


def test_a_merge_that_somebody_else_was_quicker_with_says_so(windows: Windows, sam: Agent, pair: tuple[Profile, Profile]) -> None:
    a, b = pair
    page = windows.open(sam, f"/profiles/{a.pk}/merge/?other={b.pk}")
    edit_profile(profile_id=b.pk, changes={"company": "Another"}, source="agent", agent=None)
    page.get_by_role("button", name="Merge into one person").click()
    expect(page.get_by_text("Somebody changed or merged one of them meanwhile")).to_be_visible()
    assert Merge.objects.count() == 0


def test_marketing_sees_the_proposals_and_decides_nothing(windows: Windows, pair: tuple[Profile, Profile]) -> None:
    page = windows.open(make_agent(Role.MARKETING), "/duplicates/")
    expect(page.get_by_text("Both gave the same e-mail address")).to_be_visible()
    expect(page.get_by_role("button", name="Not the same")).to_have_count(0)
    expect(page.get_by_role("link", name="Review")).to_have_count(0)
