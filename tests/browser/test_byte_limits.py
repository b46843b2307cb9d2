"""The counter of a network that counts bytes too: it locks the text that would be refused, and says why."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from listening.models import NetworkAccount
from listening.services.connected_accounts import store_grant
from profiles.models import Agent
from socialdesk.networks import registry
from socialdesk.networks.base import Grant
from tests.browser.conftest import Windows, wait_until_live
from tests.engagement.desk import Desk
from tests.engagement.test_abilities import change_sandbox
from tests.socialdesk.networks.harnesses import FAMILY


@pytest.mark.parametrize("width", [320, 1280])
def test_a_text_of_too_many_bytes_is_locked_with_the_reason(
    windows: Windows, desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    change_sandbox(monkeypatch, length_unit="graphemes", max_length=300, max_bytes=3000, max_message_bytes=1000)
    desk.world.add_account("mara_k")
    desk.world.follow("mara_k")
    conversation = desk.conversation(author="mara_k")
    page = windows.open(sam, f"/conversations/{conversation.pk}/", width=width)
    wait_until_live(page)
    page.keyboard.press("r")
    form = page.locator("[data-writing=reply]")
    field, counter, send = form.get_by_role("textbox", name="Public reply"), form.locator("[data-length]"), form.locator(".send")
    field.fill(FAMILY * 120)
    expect(counter).to_have_text("120 / 300")
    expect(send).to_be_enabled()

    field.fill(FAMILY * 130)
    expect(counter).to_have_text("Too long for Sandbox by 250 bytes: emoji take several")
    expect(send).to_be_disabled()
    expect(form.locator("[data-guard]")).to_contain_text("250 bytes too long, 3250 of 3000")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the reason pushes the page sideways"
    box = counter.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= width, "the reason is cut off"

    field.fill(FAMILY * 301)
    expect(counter).to_have_text("1 too long: 301 / 300")
    field.fill("x" * 280)
    expect(counter).to_have_text("280 / 300")
    expect(send).to_be_enabled()

    page.locator("[data-door=direct_message]").check(force=True)
    private = page.locator("[data-writing=direct_message]")
    private.get_by_role("textbox", name="Private").fill("ß" * 290 + "ع" * 211)
    expect(private.locator("[data-length]")).to_have_text("Too long for Sandbox by 2 bytes: many letters take two or more")
    expect(private.locator(".send")).to_be_disabled()


def test_a_limit_in_bytes_that_a_check_finds_out_is_felt_at_the_door(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    us = NetworkAccount.objects.get()
    limits: dict[str, Any] = {"max_bytes": 80}
    store_grant(network=registry.get("sandbox"), account_id=us.pk, grant=Grant(us.external_id, us.username, limits=limits))
    expect(page.locator("[data-writing=reply]")).to_have_attribute("data-bytes", "80")
    page.get_by_role("textbox", name="Public reply").fill("é" * 41)
    expect(page.get_by_text("Too long for Sandbox by 2 bytes: many letters take two or more")).to_be_visible()
