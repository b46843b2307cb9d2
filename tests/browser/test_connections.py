"""Connecting other systems in a real browser: every page fits and is accessible, a secret is shown, and the log sends again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from profiles.models import Agent, Connection, EventDelivery, Role
from profiles.services.event_delivery import spread_events
from profiles.services.records import PersonRecord, apply_record
from tests.browser.conftest import Windows
from tests.browser.looking import look, press
from tests.factories import make_agent
from tests.profiles.receiver import Receiver, receiving


@pytest.fixture
def there(settings: Any) -> Iterator[Receiver]:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def ada(server: object) -> Agent:
    return make_agent(Role.ADMIN, username="ada")


def test_connecting_a_system_from_the_empty_page_to_its_log(windows: Windows, ada: Agent, there: Receiver) -> None:
    page = windows.open(ada, "/connections/")
    look(page, "no connections")
    press(page, page.get_by_role("link", name="Connect by signed webhooks"))
    page.get_by_text("Which value counts").click()
    look(page, "a new connection")
    page.get_by_role("textbox", name="Name", exact=True).fill("The shop")
    page.get_by_label("Short name").fill("shop")
    page.get_by_role("textbox", name="Address").fill(there.url)
    page.get_by_role("combobox", name="Company").select_option("theirs")
    press(page, page.get_by_role("button", name="Connect"))

    secret = page.get_by_label("With this we sign what we send")
    expect(secret).to_have_value(Connection.objects.get().credentials["secret"])
    assert Connection.objects.get().rules == {"*": "newest", "company": "theirs"}
    look(page, "the secret")
    page.get_by_role("link", name="Go on").click()
    page.get_by_role("button", name="Test").click()
    expect(page.get_by_text("It took a test message")).to_be_visible()
    look(page, "a connection")

    apply_record(record=PersonRecord({"name": "Mara", "emails": ["mara@example.com"]}), source="agent")
    spread_events()
    EventDelivery.objects.update(state="failed", attempts=12, status=500, error="It answered HTTP 500: it failed.", next_at=None)
    press(page, page.get_by_role("link", name="Log"))
    look(page, "the log")
    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_text("sent again, with the same id")).to_be_visible()
    assert EventDelivery.objects.get().state == "queued"

    Connection.objects.update(state="troubled", last_error="It answered HTTP 500: it failed.")
    page.goto(page.url.split("/connections/")[0] + "/connections/")
    look(page, "connections in trouble")


def test_the_form_for_salesforce_is_accessible_and_fits(windows: Windows, ada: Agent) -> None:
    page = windows.open(ada, "/connections/new/salesforce/")
    look(page, "Salesforce")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("alert").first).to_contain_text("Nothing was saved yet")
    look(page, "Salesforce, refused")
    # The browser logs the status of a form that was refused.
    windows.complaints[:] = [said for said in windows.complaints if "status of 422" not in said]
