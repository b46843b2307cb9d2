"""The person's page with a rich history, and the card beside the composer, in a real browser."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from listening.models import Conversation, ConversationTopic, Topic
from profiles.models import Agent, CustomField, CustomValue, Profile, ProfileNote, ProfileTag, Tag
from profiles.services.contacts import record_contact_point
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows
from tests.browser.looking import look
from tests.engagement.desk import Desk
from tests.profiles.happened import KINDS, Person

LONG = "verylongword" * 12


@pytest.fixture
def mara(sam: Agent) -> Person:
    """Everything happened to her, for some more than a page."""
    person = Person("Mara " + LONG, agent=sam)
    for number in range(5):
        for kind in KINDS:
            person.happen(kind, now() - timedelta(hours=5 * number, minutes=7), number % 2)
    return person


def test_a_rich_history_is_accessible_and_fits(windows: Windows, sam: Agent, mara: Person) -> None:
    page = windows.open(sam, f"/profiles/{mara.profile.pk}/", width=320)
    for details in page.locator("details").all():
        details.locator("summary").click()
    look(page, "profile")
    page.goto(f"/profiles/{mara.profile.pk}/?kind=mention,call,callback")
    look(page, "profile, chosen kinds", widths=[320])
    page.goto(f"/profiles/{mara.profile.pk}/?kind=repost")
    look(page, "profile, nothing of this kind", widths=[320])


def badges(page: Page) -> set[str]:
    page.wait_for_load_state()  # of what is shown first the end may still be to come
    return set(page.get_by_role("region", name="History").locator(".badge").all_inner_texts())


def test_kinds_are_chosen_and_pages_turned_by_keys_alone(windows: Windows, sam: Agent, mara: Person) -> None:
    page = windows.open(sam, f"/profiles/{mara.profile.pk}/", java_script_enabled=False)
    history = page.get_by_role("region", name="History")
    expect(history.locator(".entry")).to_have_count(50)
    history.get_by_role("link", name="Older").focus()
    page.keyboard.press("Enter")
    expect(history.get_by_role("link", name="Newest")).to_be_visible()
    page.get_by_role("link", name="Calls").focus()
    page.keyboard.press("Enter")
    kinds = page.get_by_role("navigation", name="Kinds of entries")
    expect(kinds.locator("[aria-current]")).to_have_text(["Calls, shown; leave out"])
    assert badges(page) == {"asked for a call", "call"}
    kinds.get_by_role("link", name="Chats").focus()
    page.keyboard.press("Enter")
    expect(kinds.locator("[aria-current]")).to_have_count(2)
    assert badges(page) == {"asked for a call", "call", "chat"}
    kinds.get_by_role("link", name="Calls").focus()
    page.keyboard.press("Enter")
    expect(kinds.locator("[aria-current]")).to_have_text(["Chats, shown; leave out"])
    assert badges(page) == {"chat"}


def test_the_card_beside_the_composer_warns_and_offers_a_call(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation("@tidewheel my bike is late again", author="mara_k")
    earlier = desk.conversation(f"@tidewheel where is my bike {LONG}", author="mara")
    profile = Profile.objects.get(pk=conversation.author.profile_id)
    Profile.objects.filter(pk=earlier.author.profile_id).update(merged_into=profile, root=profile)
    topic = Topic.objects.create(name="delivery", query="delivery")
    for one in (conversation, earlier):
        ConversationTopic.objects.create(topic=topic, conversation=one, is_active=True, activity_at=one.activity_at)
    Conversation.objects.filter(pk=earlier.pk).update(returns_owed=1, promise_due_at=now() - timedelta(hours=1))
    record_contact_point(profile=profile, kind="email", typed="mara@example.com", state="given", source="callback form")
    field = CustomField.objects.create(key="order", label="Order number", kind="text")
    CustomValue.objects.create(profile=profile, field=field, text=LONG, source="system:crm", changed_at=now())
    ProfileTag.objects.create(profile=profile, tag=Tag.objects.create(name=LONG[:60], folded="x"), source="agent", at=now())
    ProfileNote.objects.create(profile=profile, agent=sam, text=f"Likes blue. {LONG}", created_at=now(), changed_at=now(), pinned_at=now())
    page = windows.open(sam, f"/conversations/{conversation.pk}/", width=1440)
    card = page.get_by_role("complementary", name="Customer")
    expect(card).to_contain_text("2nd contact about delivery within 7 days")
    expect(card).to_contain_text("The public thread on Sandbox waits for our return")
    look(page, "conversation with a full card", widths=[320, 1440], within=".profile-card")
    card.get_by_role("button", name="Offer a call instead").click()
    page.wait_for_function("() => [...document.querySelectorAll('[data-writing] textarea')].some((area) => area.value.includes('/s/'))")


def test_the_composer_says_what_is_known_already(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara_k")
    record_contact_point(profile=conversation.author.profile, kind="email", typed="mara@example.com", state="given", source="callback form")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    page.locator('[data-writing="reply"] textarea').fill("What is your e-mail address?")
    guard = page.locator('[data-writing="reply"] [data-guard]')
    expect(guard).to_contain_text("You already have their e-mail address (given in a form")
