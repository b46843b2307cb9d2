"""Connecting our accounts in a real browser: to the network and back, what they may do, and the composer that feels it at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import expect

from engagement.models import Draft
from listening.models import NetworkAccount
from listening.services.accounts import mark_connected, mark_revoked
from listening.services.connected_accounts import store_grant
from profiles.models import Agent, Role
from socialdesk.networks import registry
from socialdesk.networks.base import Grant
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.looking import look, press, resize
from tests.engagement.desk import Desk
from tests.factories import make_agent
from tests.listening.practice import Account, Connector, Server, practice, serving

REASON = "HTTP 401: the sign-in was taken back"


@pytest.fixture
def there(server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    settings.PUBLIC_URL = server.url
    with serving() as network:
        monkeypatch.setitem(registry.NETWORKS, "practice", practice(Connector(network)))
        yield network


@pytest.fixture
def ada(server: object) -> Agent:
    return make_agent(Role.ADMIN, username="ada")


def test_an_account_is_connected_checked_and_removed(windows: Windows, ada: Agent, there: Server) -> None:
    there.accounts[:] = [
        Account("u1", "tidewheel", name="Tidewheel"),
        Account("u2", "tidewheel_" + "verylongword" * 8, scopes="read write", name="مرحبا Care"),
    ]
    page = windows.open(ada, "/accounts/")
    look(page, "no accounts")
    press(page, page.get_by_role("link", name="Connect the first one"))
    look(page, "the networks")
    page.get_by_role("link", name="Connect on Practice").click()
    expect(page.get_by_text("Make an app for the desk.")).to_be_visible()
    look(page, "connecting")
    page.get_by_role("button", name="Sign in at Practice").click()
    expect(page.get_by_text("You go to 127.0.0.1")).to_be_visible()
    look(page, "on the way to the network")
    page.get_by_role("link", name="Go on to Practice").click()
    page.get_by_role("link", name="Allow it").click()

    expect(page.get_by_role("heading", name="Which accounts of Practice?")).to_be_visible()
    look(page, "the choice")
    for box in page.get_by_role("checkbox").all():
        box.check()
    page.get_by_role("button", name="Connect those").click()
    expect(page.get_by_text("@tidewheel on Practice is connected.")).to_be_visible()
    expect(page.get_by_text("unavailable, because: The app was not allowed private messages.").first).to_be_visible()
    assert "code=" not in page.url
    for summary in page.get_by_text("What it can do and cannot").all():
        summary.click()
    look(page, "two accounts")

    there.revoked.add(NetworkAccount.objects.get(username="tidewheel").credentials["token"])
    page.get_by_role("button", name="Check now @tidewheel", exact=True).click()
    expect(page.get_by_text("Needs to be connected again")).to_be_visible()
    look(page, "a revoked account")
    first = page.locator(f"#account-{NetworkAccount.objects.get(username='tidewheel').pk}")
    first.get_by_text("Remove").first.click()
    first.get_by_role("button", name="Remove @tidewheel", exact=True).click()
    expect(page.get_by_text("@tidewheel is removed, with its credentials.")).to_be_visible()
    assert not NetworkAccount.objects.get(username="tidewheel").credentials
    connector: Any = registry.NETWORKS["practice"].connecting
    connector.to_do_there = "Delete the desk's app password there, under Settings, Privacy and security, App passwords."
    second = page.locator(f"#account-{NetworkAccount.objects.get(external_id='u2').pk}")
    second.get_by_text("Remove").first.click()
    second.get_by_role("button", name="Remove @").click()
    expect(page.get_by_text("under Settings, Privacy and security")).to_be_visible()
    assert len(connector.given_back) == 1  # the network had refused the first one
    look(page, "removed, with something left to do there")


def test_a_form_that_was_refused_is_accessible_and_shows_no_secret(windows: Windows, ada: Agent, there: Server) -> None:
    registry.NETWORKS["practice"] = practice(Connector(there, by_redirect=False))
    page = windows.open(ada, "/accounts/connect/practice/")
    page.get_by_label("Token").fill("secret-of-mine")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Nothing was connected")).to_be_visible()
    assert "secret-of-mine" not in page.content()
    look(page, "refused")
    # The browser logs the status of a form that was refused.
    windows.complaints[:] = [said for said in windows.complaints if "status of 422" not in said]


def test_a_composer_is_locked_while_somebody_writes_and_opens_again_with_the_text(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    text = page.get_by_role("textbox", name="Public reply")
    send = page.get_by_role("button", name="Send publicly")
    text.fill("We are sorry, Mara")
    expect(send).to_be_enabled()

    mark_revoked(account_id=desk.account.pk, reason=REASON)
    expect(page.locator("#obstacle-reply")).to_contain_text(f"has to be connected again before it can send ({REASON})")
    expect(send).to_be_disabled()
    expect(page.locator("[data-troubled]")).to_be_visible()
    text.press("End")
    text.type(" and we look into it.")
    expect(text).to_have_value("We are sorry, Mara and we look into it.")
    resize(page, 320)
    box = text.bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 320, "the text field stays within a window that was made narrower"
    resize(page, 1280)
    look(page, "a locked composer", within="[data-composer]")
    wait_until(lambda: Draft.objects.filter(text="We are sorry, Mara and we look into it.").exists())

    mark_connected(account_id=desk.account.pk)
    expect(page.locator("#obstacle-reply")).to_have_count(0)
    expect(send).to_be_enabled()
    expect(text).to_have_value("We are sorry, Mara and we look into it.")
    expect(text).to_be_focused()


def test_a_revoked_account_is_red_on_the_first_screen_of_a_phone_too(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = windows.open(sam, "/", width=320)
    wait_until_live(page)
    mark = page.get_by_text("An account or a source is in trouble")
    expect(mark).to_be_hidden()
    mark_revoked(account_id=desk.account.pk, reason=REASON)
    expect(mark).to_be_visible()
    look(page, "trouble on a phone", within=".feed-head")
    mark_connected(account_id=desk.account.pk)
    expect(mark).to_be_hidden()


def test_an_account_that_was_revoked_while_the_desk_was_away_is_red_afterwards(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = windows.open(sam)
    wait_until_live(page)
    with windows.without_connection():
        expect(page.locator("[data-connection]")).to_contain_text("Connection lost")
        mark_revoked(account_id=desk.account.pk, reason=REASON)
    expect(page.get_by_role("link", name="1 in trouble: see Sources")).to_be_visible()


def test_what_a_check_finds_out_is_felt_at_the_door(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    us = desk.account
    cannot = {"direct_message": "The app was not allowed private messages."}
    grant = Grant(us.external_id, us.username, cannot=cannot, limits={"max_length": 80})
    store_grant(network=registry.get("sandbox"), account_id=us.pk, grant=grant)
    expect(page.locator("#obstacle-direct_message")).to_contain_text("The app was not allowed private messages.")
    page.get_by_role("textbox", name="Public reply").fill("x" * 81)
    expect(page.get_by_text("1 too long: 81 / 80")).to_be_visible()


def test_the_private_door_says_until_when_and_hears_at_once_that_they_wrote(
    windows: Windows, desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = registry.get("sandbox")
    able = replace(sandbox.capabilities, follow_first=False, message_window_hours=24, reads_direct_messages=False)
    monkeypatch.setitem(registry.NETWORKS, "sandbox", replace(sandbox, capabilities=able))
    conversation = desk.conversation(author="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    page.get_by_role("radio", name="Private").check()
    expect(page.locator("#obstacle-direct_message")).to_contain_text("they have written none. Ask them in public to write to us.")
    look(page, "a window that is closed", within="[data-composer]")
    desk.world.message_as("mara", "Here is my number")
    desk.read()
    expect(page.locator("#obstacle-direct_message")).to_have_count(0)
    expect(page.locator("#promise-direct_message")).to_contain_text("They wrote in private just now: open until")
    expect(page.locator("#promise-direct_message")).to_contain_text("does not come in here. Look on Sandbox.")
    look(page, "a window that is open", within="[data-composer]")
