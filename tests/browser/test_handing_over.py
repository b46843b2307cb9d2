"""A conversation handed to a colleague, by keyboard, and the yes that brings it over (B37)."""

from __future__ import annotations

import os
from pathlib import Path

from playwright.sync_api import expect

from listening.models import Conversation
from listening.services.conversations import claim_conversation
from profiles.models import Agent
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.looking import look, resize
from tests.engagement.desk import Desk

PICTURES = os.environ.get("PICTURES", "")  # a folder, when somebody wants to see them


def test_a_conversation_changes_hands_with_a_yes(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation("@tidewheel is the blue one back?", author="mara")
    claim_conversation(conversation_id=conversation.pk, agent=sam)
    hers = windows.open(ana, "/")
    wait_until_live(hers)
    his = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(his)
    his.locator("#thread-title").focus()
    his.keyboard.press("o")
    expect(his.locator("#hand-note")).to_be_focused()
    his.keyboard.type("Wants the blue one; I am off at noon")
    his.locator("#hand-to").select_option("Ana")
    look(his, "the menu of handing over")
    if PICTURES:
        his.screenshot(path=str(Path(PICTURES) / "handing-menu.png"))
    his.get_by_role("button", name="Hand over", exact=True).click()
    expect(his.get_by_text("Wants the blue one; I am off at noon").first).to_be_visible()
    expect(his.get_by_text("Offered to Ana.", exact=True)).to_be_visible()
    expect(hers.get_by_text("Sam hands you a conversation.")).to_be_visible()
    hers.get_by_role("link", name="Open it").click()
    expect(hers.get_by_text("Sam hands this to you.")).to_be_visible()
    resize(hers, 320)
    look(hers, "a conversation that was handed over")
    if PICTURES:
        hers.screenshot(path=str(Path(PICTURES) / "handed-320.png"))
    hers.locator("summary", has_text="Decline").click()
    expect(hers.locator("#handover-words")).to_be_visible()
    look(hers, "declining a hand-over", within=".handover")
    if PICTURES:
        hers.screenshot(path=str(Path(PICTURES) / "handed-declining-320.png"))
    hers.keyboard.press("Escape")
    hers.get_by_role("button", name="Accept", exact=True).click()
    wait_until(lambda: Conversation.objects.get(pk=conversation.pk).assignee_id == ana.pk)
    expect(his.get_by_text("Ana accepted your hand-over.")).to_be_visible()  # good news go by themselves
    expect(hers.locator(".thread-state").get_by_text("Yours", exact=True)).to_be_visible()
