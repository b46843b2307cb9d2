"""In a real browser: the private door is locked, one press asks to follow, the customer does, and it opens under a half-written text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from engagement.models import Delivery
from engagement.services.follow import look_for_follows
from listening.models import Conversation
from profiles.models import Agent
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.looking import look
from tests.engagement.desk import Desk, work
from tests.socialdesk.networks.sandbox.play import Clock, author, line, write_script

TEXT = "Which invoice is it, please?"


@pytest.fixture
def clock(desk: Desk, tmp_path: Path) -> Clock:
    """A demo author who follows when asked, and has just complained."""
    script = write_script(tmp_path / "script", [line(1, "mara")], [author("mara", follows_when_asked=True)])
    playing = Clock(desk.world, script)
    playing.run(5)
    desk.read()
    return playing


def test_one_press_asks_and_the_door_opens_while_the_agent_types(
    windows: Windows, desk: Desk, sam: Agent, ana: Agent, clock: Clock
) -> None:
    conversation = Conversation.objects.get(author__username="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    elsewhere = windows.open(ana)
    for window in (page, elsewhere):
        wait_until_live(window)
    page.keyboard.press("m")
    expect(page.get_by_role("textbox", name="Private")).to_be_focused()
    obstacle = page.locator("#obstacle-direct_message")
    expect(obstacle).to_contain_text("Ask them in public to follow us")
    expect(page.get_by_role("button", name="Send privately")).to_be_disabled()
    look(page, "the door, locked", widths=[1280])

    ask = page.get_by_role("button", name="Ask them to follow")
    for _ in range(3):  # the way back from the text leads past why it is private, and why not in public first
        page.keyboard.press("Shift+Tab")
    expect(ask).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".outgoing-bar")).to_contain_text("Sending publicly")
    expect(page.get_by_text("Asked to follow · waits")).to_be_visible()
    expect(obstacle).to_contain_text("They were asked")
    expect(page.get_by_role("textbox", name="Private")).to_be_focused()
    page.keyboard.type(TEXT)
    look(page, "the door, asked", widths=[1280])

    work(wait_until(lambda: Delivery.objects.filter(state="queued").first()).not_before)
    expect(page.locator("[data-delivery=sent]")).to_be_visible()
    clock.run(120)
    assert desk.world.follows("mara")
    look_for_follows()
    expect(obstacle).to_have_count(0)
    expect(page.get_by_text("They follow us now")).to_be_visible()
    expect(page.locator("#toasts")).to_contain_text("@mara follows us now")
    expect(page.get_by_role("textbox", name="Private")).to_be_focused()
    expect(page.get_by_role("textbox", name="Private")).to_have_value(TEXT)
    expect(page.get_by_role("button", name="Send privately")).to_be_enabled()
    expect(page.get_by_label("They have no public word from us yet")).to_have_count(0)
    expect(elsewhere.locator("#toasts")).not_to_contain_text("follows us now")
    look(page, "the door, open", widths=[1280])

    page.get_by_label("Why in private").select_option("account")
    page.get_by_role("textbox", name="Private").press("Control+Enter")
    delivery = wait_until(lambda: Delivery.objects.filter(state="queued", kind="direct_message").first())
    work(delivery.not_before)
    expect(page.locator(".bubble.private [data-delivery=sent]")).to_be_visible()
    assert [message.text for message in desk.world.messages_between("mara")] == [TEXT]


def test_the_key_u_asks_and_z_takes_it_back(windows: Windows, desk: Desk, sam: Agent, clock: Clock, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    conversation = Conversation.objects.get(author__username="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Public reply")).to_be_focused()
    page.keyboard.type("Half a sentence")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    expect(page.get_by_text("Asked to follow · waits")).to_be_visible()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Half a sentence")
    page.keyboard.press("z")
    expect(page.locator(".bubble.aborted")).to_contain_text("Not sent")
    expect(page.get_by_text("Asked to follow · waits")).to_have_count(0)
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Half a sentence")
    assert desk.world.posts_by("tidewheel") == []
