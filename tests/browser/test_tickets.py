"""Tickets in a real browser: what is late is counted and said on the open desk."""

from __future__ import annotations

from datetime import timedelta

from playwright.sync_api import expect

from engagement.models import Ticket
from engagement.services.tickets import alert_overdue, open_ticket
from profiles.models import Agent
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows, wait_until_live
from tests.engagement.desk import Desk


def test_a_broken_promise_is_said_to_whoever_has_the_ticket(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    ticket = open_ticket(conversation_id=desk.conversation().pk, agent=sam)
    pages = [windows.open(agent, "/") for agent in (sam, ana)]
    for page in pages:
        wait_until_live(page)
        expect(page.locator("[data-count=late_tickets]")).to_have_text("0")
    Ticket.objects.update(next_update_due=now() - timedelta(minutes=1))
    alert_overdue()
    expect(pages[0].locator(".toast")).to_contain_text(f"{ticket.name}: we promised to write again by now.")
    for page in pages:
        expect(page.locator("[data-count=late_tickets]")).to_have_text("1")
    expect(pages[1].locator(".toast")).to_have_count(0)
    pages[0].locator(".toast").get_by_role("link", name="Open it").click()
    expect(pages[0].get_by_role("heading", level=1)).to_contain_text(ticket.name)
