"""The rest of an agent's day: sentiment, many at once, views and searches, new posts while reading, a lost connection."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from listening.models import Conversation, Mention, SavedSearch
from profiles.models import Agent
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.engagement.desk import Desk


def test_a_sentiment_is_explained_and_corrected_by_a_key(windows: Windows, desk: Desk, sam: Agent) -> None:
    mention = desk.mention("@tidewheel the new saddle is a wonderful nightmare")
    page = windows.open(sam, f"/conversations/{mention.conversation_id}/")
    page.get_by_text("why?").click()
    expect(page.locator(".why-text")).to_contain_text("wonderful")
    expect(page.locator(".part.positive sub").first).to_contain_text("+")
    expect(page.locator(".part.negative sub").first).to_contain_text("−")
    page.locator("#thread-title").focus()
    page.keyboard.press("1")
    expect(page.locator(".sentiment summary")).to_contain_text("corrected by Sam")
    expect(page.locator("[data-card] .badge").first).to_contain_text("negative")
    assert Mention.objects.get().sentiment == "negative"


def test_many_are_resolved_at_once_and_what_was_not_says_why(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    conversations = [desk.conversation(f"@tidewheel spam {number}", author=f"spammer{number}") for number in range(4)]
    page = windows.open(sam)
    wait_until_live(page)
    for _ in range(3):
        page.keyboard.press("j")
        page.keyboard.press("x")
    expect(page.locator("[data-bulk-count]")).to_have_text("3 selected")
    Conversation.objects.filter(pk=conversations[2].pk).update(status="resolved")
    page.locator(".bulk").get_by_role("button", name="Resolve").click()
    expect(page.locator("[data-bulk-count]")).to_have_text("2 resolved, 1 not.")
    expect(page.locator(".bulk-results")).to_have_text("@spammer2: Somebody resolved it already.")
    assert Conversation.objects.filter(status="resolved").count() == 3


def test_a_view_a_filter_and_a_saved_search(windows: Windows, desk: Desk, sam: Agent) -> None:
    desk.conversation("@tidewheel I hate this terrible broken bike")
    desk.conversation("@tidewheel love the new app, thank you")
    page = windows.open(sam)
    page.keyboard.press("g")
    page.keyboard.press("n")
    expect(page.get_by_role("heading", level=1)).to_have_text("Negative")
    expect(page.locator("[data-card]")).to_have_count(1)
    page.wait_for_url("**/?view=negative")
    page.keyboard.press("g")
    page.keyboard.press("a")
    expect(page.locator("[data-card]")).to_have_count(2)

    page.keyboard.press("/")
    page.keyboard.type("app")
    page.keyboard.press("Enter")
    expect(page.locator("[data-card]")).to_have_count(1)
    expect(page.locator(".chip")).to_contain_text("“app”")
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Keep what is shown as a view").fill("The app")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="The app")).to_be_visible()
    assert SavedSearch.objects.get(agent=sam).filters == {"q": "app"}


def test_a_lost_connection_is_said_and_caught_up_with(windows: Windows, desk: Desk, sam: Agent) -> None:
    desk.conversation("@tidewheel before the storm")
    page = windows.open(sam)
    wait_until_live(page)
    page.clock.install()
    page.clock.pause_at(now() + timedelta(minutes=1))  # or it tries by itself, before somebody presses
    with windows.without_connection():
        expect(page.locator("[data-connection]")).to_contain_text("Connection lost: what you see may be old.")
        desk.conversation("@tidewheel during the storm")
    page.get_by_role("button", name="Try now").click()
    page.clock.resume()
    expect(page.locator("[data-connection]")).to_be_hidden()
    expect(page.get_by_role("button", name="1 new")).to_be_visible()
    expect(page.locator("[data-count=all]")).to_have_text("2")


def test_what_is_needed_first_while_the_connection_is_lost_comes_with_it(windows: Windows, desk: Desk, sam: Agent) -> None:
    """The parts of the script that catch up are fetched seconds after the page: the desk may be away just then."""
    desk.conversation("@tidewheel before the storm")
    page = windows.open(sam)
    wait_until_live(page)
    with windows.without_connection():
        page.evaluate("document.dispatchEvent(new CustomEvent('live:catch-up'))")
        desk.conversation("@tidewheel during the storm")
        expect(page.locator("[data-connection]")).to_be_visible()
    expect(page.locator("[data-connection]")).to_be_hidden()
    expect(page.get_by_role("button", name="1 new")).to_be_visible()


def test_a_flood_waits_behind_the_pill_and_is_fetched_once_asked_for(windows: Windows, desk: Desk, sam: Agent) -> None:
    desk.conversation("@tidewheel the calm before")
    page = windows.open(sam)
    wait_until_live(page)
    for number in range(90):
        desk.world.publish(f"author{number}", f"@tidewheel post {number}")
    desk.read()
    expect(page.get_by_role("button", name="60+ new")).to_be_visible()
    expect(page.locator("[data-card]")).to_have_count(1)
    page.get_by_role("button", name="60+ new").click()
    expect(page.locator("[data-card]")).to_have_count(40)
    expect(page.locator("[data-pill]")).to_be_hidden()
    expect(page.locator("[data-count=all]")).to_have_text("91")


def test_the_customers_next_post_joins_the_open_thread_and_moves_no_draft(windows: Windows, desk: Desk, sam: Agent) -> None:
    mention = desk.mention("@tidewheel my bike is late", author="mara_k")
    page = windows.open(sam, f"/conversations/{mention.conversation_id}/")
    wait_until_live(page)
    page.keyboard.press("r")
    page.get_by_role("textbox", name="Public reply").fill("We are")
    desk.world.publish("mara_k", "and it rains", in_reply_to=mention.external_id)
    desk.read()
    expect(page.locator("[data-bubble]")).to_have_count(2)
    expect(page.locator("[data-bubble]").last).to_contain_text("and it rains")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("We are")
    expect(page.get_by_role("textbox", name="Public reply")).to_be_focused()


def test_the_list_goes_on_by_itself(windows: Windows, desk: Desk, sam: Agent) -> None:
    for number in range(45):
        desk.world.publish(f"author{number}", f"@tidewheel post {number}")
    desk.read()
    page = windows.open(sam)
    expect(page.locator("[data-card]")).to_have_count(40)
    page.locator("[data-card]").last.scroll_into_view_if_needed()
    expect(page.locator("[data-card]")).to_have_count(45)
    expect(page.locator("[data-more]")).to_have_count(0)


def test_resolving_goes_on_to_the_next_and_z_takes_it_back(windows: Windows, desk: Desk, sam: Agent) -> None:
    first, second = desk.conversation("@tidewheel older", author="older"), desk.conversation("@tidewheel newer", author="newer")
    page = windows.open(sam)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#thread-title")).to_have_text("newer")
    page.keyboard.press("e")
    expect(page.locator("#thread-title")).to_have_text("older")
    expect(page.locator("[data-card]")).to_have_count(1)
    assert Conversation.objects.get(pk=second.pk).status == "resolved"
    page.keyboard.press("z")
    wait_until(lambda: Conversation.objects.get(pk=second.pk).status in ("new", "open"))
    assert Conversation.objects.get(pk=first.pk).status == "new"


def test_snoozing_and_assigning_by_keyboard(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    first, second = desk.conversation("@tidewheel one"), desk.conversation("@tidewheel two")
    page = windows.open(sam)
    page.keyboard.press("j")
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="in 1 hour")).to_be_focused()
    page.keyboard.press("Enter")
    wait_until(lambda: Conversation.objects.get(pk=second.pk).status == "snoozed")
    expect(page.locator("[data-card]")).to_have_count(1)
    expect(page.locator(f"[data-conversation='{first.pk}']")).to_be_visible()  # the next one is open
    page.keyboard.press("a")
    page.locator(".menu").get_by_role("button", name="Ana").click()
    wait_until(lambda: Conversation.objects.get(pk=first.pk).assignee == ana)
    expect(page.locator(".thread-state")).to_contain_text("Ana has it")


def test_single_keys_can_be_switched_off(windows: Windows, desk: Desk, sam: Agent) -> None:
    desk.conversation()
    page = windows.open(sam)
    page.keyboard.press("?")
    page.get_by_label("Single keys work").uncheck()
    page.get_by_role("button", name="Close").click()
    page.reload()
    page.keyboard.press("j")
    page.keyboard.press("c")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox")).to_be_focused()
    assert Conversation.objects.get().claimed_by is None
    page.keyboard.type("snoozed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Snoozed")


def test_the_widths_of_the_panes_are_remembered(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = windows.open(sam)
    splitter = page.get_by_role("separator", name="Width of the feed")
    splitter.focus()
    wait_until(lambda: page.evaluate("performance.getEntriesByType('resource').some((entry) => entry.name.includes('panes'))"))
    page.evaluate("import('desk/panes').then(Boolean)")  # it has come, and listens
    before = page.locator("#feed").bounding_box()
    splitter.press("ArrowRight")
    wait_until(lambda: page.locator("#feed").bounding_box() != before)
    after = page.locator("#feed").bounding_box()
    page.reload()
    assert page.locator("#feed").bounding_box() == after
