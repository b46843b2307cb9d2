"""The guards in the composer: underlined while it is typed, explained beside it, moved to the private door by one key."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from engagement.models import Draft, Message
from profiles.models import Agent
from tests.browser.conftest import Windows, wait_until
from tests.engagement.desk import Desk


def open_reply(windows: Windows, desk: Desk, agent: Agent, **options: int) -> Page:
    desk.world.add_account("mara_k")
    desk.world.follow("mara_k", "tidewheel")
    conversation = desk.conversation("@tidewheel who rings me?", author="mara_k")
    page = windows.open(agent, f"/conversations/{conversation.pk}/", **options)
    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Public reply")).to_be_focused()
    return page


def test_a_number_is_underlined_and_explained_while_it_is_typed(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = open_reply(windows, desk, sam)
    page.keyboard.type("🙂 We ring you on 07700 900412 at four.")
    expect(page.locator("[data-writing=reply] mark.blocks")).to_have_text("07700 900412")
    reason = page.locator("#guard-reply")
    expect(reason).to_contain_text("A telephone number would stand here for everybody to read")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_accessible_description(re.compile("telephone number"))
    expect(reason).to_have_attribute("aria-live", "polite")

    for _ in range(len("07700 900412 at four.")):
        page.keyboard.press("Backspace")
    expect(page.locator("[data-writing=reply] mark")).to_have_count(0)
    expect(reason).to_be_empty()


def test_a_text_that_is_too_long_is_said_once_and_counted_on(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = open_reply(windows, desk, sam)
    page.get_by_role("textbox", name="Public reply").fill("Sorry about that. " * 30)
    line = page.locator("#guard-reply p")
    expect(line).to_contain_text("characters too long")
    before, said = line.inner_text(), line.element_handle()
    page.keyboard.type("We look")
    expect(line).not_to_have_text(before)
    assert said is not None
    assert said.evaluate("line => line.isConnected"), "a new line is read out again, with every letter"


def test_the_underline_lies_below_its_words(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = open_reply(windows, desk, sam, width=320, height=640)
    page.keyboard.type("We are sorry that it took so long. " * 4 + "We ring you on 07700 900412, promised.")
    mark = page.locator("[data-writing=reply] mark.blocks")
    expect(mark).to_have_text("07700 900412")
    # The same text in the same font, width and place: where the layer's lines break, the field's do. A field that scrolls says so later.
    field, layer = page.evaluate(
        """async () => {
          await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
          return ["textarea", "[data-underlines]"].map((what) => {
            const element = document.querySelector(`[data-writing=reply] ${what}`);
            const { font, whiteSpace, overflowWrap, padding, borderTopWidth } = getComputedStyle(element);
            const { left, top } = element.getBoundingClientRect();
            const place = [left, top].map((edge) => Math.round(edge + parseFloat(borderTopWidth)));
            return [font, whiteSpace, overflowWrap, padding, element.clientWidth, element.scrollTop, ...place];
          });
        }"""
    )
    assert field == layer


def test_the_private_door_is_one_key_away_and_takes_the_text_along(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = open_reply(windows, desk, sam)
    page.keyboard.type("What is your order number?")
    expect(page.get_by_role("button", name="Write it in private instead")).to_be_visible()
    page.keyboard.press("Alt+Enter")
    private = page.get_by_role("textbox", name="Private")
    expect(private).to_be_focused()
    expect(private).to_have_value("What is your order number?")
    expect(page.locator("[data-writing=reply] textarea")).to_have_value("")
    expect(page.locator("#guard-direct_message")).to_be_empty()
    wait_until(lambda: list(Draft.objects.values_list("kind", "text")) == [("direct_message", "What is your order number?")])
    page.get_by_label("Why in private").select_option("personal_details")
    page.get_by_label("They have no public word from us yet").fill("They asked in private")
    private.press("Control+Enter")
    expect(page.locator(".outgoing-bar")).to_be_visible()
    assert Message.objects.get().kind == "direct_message"


def test_what_is_sent_all_the_same_is_refused_and_the_text_stays(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = open_reply(windows, desk, sam)
    page.keyboard.type("Write to mara@mail.example")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-writing=reply] .refusal")).to_contain_text("It was not sent. Your text stands below.")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Write to mara@mail.example")
    assert not Message.objects.exists()
    for _ in range(len("mara@mail.example")):
        page.keyboard.press("Backspace")
    expect(page.locator("[data-refusal]")).to_have_count(0)
    page.keyboard.type("us in private, please.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".outgoing-bar")).to_be_visible()
    expect(page.locator("#guard-reply")).to_be_empty()


def test_a_choice_is_offered_where_only_a_call_was_and_nothing_is_stopped(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = open_reply(windows, desk, sam)
    page.keyboard.type("Please just call us.")
    expect(page.locator("#guard-reply")).to_contain_text("Would you like a call, a chat, or to go on here?")
    expect(page.locator("[data-go-private]")).to_have_count(0)
    page.keyboard.press("Control+Enter")
    expect(page.locator(".outgoing-bar")).to_be_visible()


def test_a_note_is_not_looked_at(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = open_reply(windows, desk, sam)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.post_data or "") if request.url.endswith("/check/") else None)
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("Her number is 07700 900412")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".bubble.internal")).to_contain_text("07700 900412")
    assert not [body for body in asked if "07700" in body]
