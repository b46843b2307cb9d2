"""The main job in a real browser: sign in, see a post arrive, answer it by keyboard, see it delivered; and take it back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from engagement.models import Delivery, Draft, Message
from profiles.models import Agent
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.engagement.desk import Desk, work


def write(page: Page, key: str, door: str, text: str) -> None:
    """Open a door by its key and type."""
    page.keyboard.press(key)
    expect(page.get_by_role("textbox", name=door)).to_be_focused()
    page.keyboard.type(text)


def deliver_now() -> None:
    """What the worker does once Undo is over."""
    delivery = wait_until(lambda: Delivery.objects.filter(state="queued").first())
    work(delivery.not_before)


def test_a_post_arrives_live_and_is_answered_by_keyboard_and_delivered(windows: Windows, desk: Desk, sam: Agent) -> None:
    desk.conversation("@tidewheel hello from yesterday", author="earlier")
    page = windows.open(sam)
    wait_until_live(page)

    mention = desk.mention("@tidewheel my bike does not unlock", author="mara_k")
    pill = page.get_by_role("button", name="1 new")
    expect(pill).to_be_visible()
    expect(page.locator("[data-card]")).to_have_count(1)  # nothing is pushed down before it is asked for
    expect(page.locator("#announcer")).to_contain_text("1 new conversation")

    page.keyboard.press(".")
    expect(page.locator("[data-card]")).to_have_count(2)
    expect(page.locator("[data-card]").first).to_contain_text("does not unlock")
    page.keyboard.press("Enter")
    expect(page.locator("#thread-title")).to_contain_text("mara_k")
    write(page, "r", "Public reply", "Hold the button for three seconds, please.")
    expect(page.locator("[data-writing=reply] [data-length]")).to_have_text("42 / 500")
    page.keyboard.press("Control+Enter")

    expect(page.locator(".outgoing-bar")).to_contain_text(re.compile(r"Sending publicly in \d s"))
    expect(page.locator("[data-delivery=queued]")).to_be_visible()
    deliver_now()
    expect(page.locator("[data-delivery=sent]")).to_contain_text("Sent")
    expect(page.locator(".bubble.ours")).to_contain_text("public")
    assert [answer.text for answer in desk.answers(mention)] == ["Hold the button for three seconds, please."]
    expect(page.locator("[data-card].is-open [data-holder]")).to_contain_text("answered")


def test_what_is_typed_ahead_of_the_text_field_is_text_and_no_command(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam)
    page.keyboard.press("j")
    held: list[Route] = []
    page.route("**/conversations/*/", lambda route: held.append(route), times=1)
    page.keyboard.press("r")
    page.keyboard.type("crease")
    wait_until(lambda: page.evaluate("1") and held)
    held[0].continue_()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("crease")
    conversation.refresh_from_db()
    assert (conversation.status, conversation.claimed_by_id) == ("new", None)


def test_what_is_typed_before_the_text_field_is_listened_to_is_a_draft(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    Draft.objects.create(conversation=conversation, agent=sam, kind="reply", text="We look ")
    page = windows.open(sam, "/people/")
    held: list[Route] = []
    page.route("**/js/conversation*", lambda route: held.append(route), times=1)
    page.goto(f"/conversations/{conversation.pk}/")
    field = page.get_by_role("textbox", name="Public reply")
    field.press("End")
    field.press_sequentially("into it.")
    wait_until(lambda: page.evaluate("1") and held)
    held[0].continue_()
    wait_until(lambda: Draft.objects.filter(text="We look into it.").exists())
    expect(field).to_be_focused()


def test_an_answer_is_taken_back_with_z_and_is_a_draft_again(windows: Windows, desk: Desk, sam: Agent, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    conversation = desk.conversation("@tidewheel where is my helmet?")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "r", "Public reply", "It is on its way.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".outgoing-bar")).to_be_visible()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("")
    page.keyboard.press("z")
    expect(page.locator(".bubble.aborted")).to_contain_text("Not sent")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("It is on its way.")
    assert Delivery.objects.get().state == "aborted"


@pytest.mark.parametrize("how", ["the bar", "the thread"])
def test_what_is_taken_back_at_once_is_not_lost_to_the_emptying_of_its_draft(
    windows: Windows, desk: Desk, sam: Agent, settings: Any, how: str
) -> None:
    """That a draft is empty since it was sent is written after the sending, and must not arrive after the taking back."""
    settings.UNDO_SECONDS = 60
    conversation = desk.conversation("@tidewheel where is my helmet?")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "r", "Public reply", "It is on its way.")
    wait_until(lambda: Draft.objects.filter(text="It is on its way.").exists())
    held: list[Route] = []
    page.route("**/draft/", lambda route: held.append(route), times=1)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.keyboard.press("Control+Enter")
    expect(page.locator(".outgoing-bar")).to_be_visible()
    wait_until(lambda: page.evaluate("1") and held)
    if how == "the bar":
        page.keyboard.press("z")
    else:
        page.locator("[data-undo]").click()
    page.wait_for_timeout(500)
    assert [url for url in asked if "/undo/" in url] == []
    held[0].continue_()
    expect(page.locator(".bubble.aborted")).to_contain_text("Not sent")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("It is on its way.")
    wait_until(lambda: Draft.objects.filter(text="It is on its way.").exists())


def test_a_private_message_and_a_note_go_through_their_own_doors(windows: Windows, desk: Desk, sam: Agent) -> None:
    desk.world.add_account("mara_k")
    desk.world.follow("mara_k", "tidewheel")
    conversation = desk.conversation("@tidewheel my invoice is wrong", author="mara_k")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")

    write(page, "n", "Note", "Carrier confirms the loss.")
    expect(page.get_by_text("Note: only your team can read this.")).to_be_visible()
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".bubble.internal")).to_contain_text("Carrier confirms the loss.")

    write(page, "m", "Private", "Which invoice number is it?")
    expect(page.get_by_role("button", name="Send privately")).to_be_visible()
    page.keyboard.press("Control+Enter")
    assert not Message.objects.filter(kind="direct_message").exists(), "a private message went out without a reason"
    page.get_by_label("Why in private").select_option("personal_details")
    page.get_by_label("They have no public word from us yet").fill("They asked for it on the phone")
    page.get_by_role("textbox", name="Private").press("Control+Enter")
    deliver_now()
    expect(page.locator(".bubble.private [data-delivery=sent]")).to_be_visible()
    expect(page.locator(".hop.owing")).to_contain_text("It needs personal details")
    assert sorted(Message.objects.values_list("kind", flat=True)) == ["direct_message", "note"]


def test_a_draft_survives_a_reload_and_a_lost_server(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "r", "Public reply", "We are looking into")
    wait_until(lambda: Draft.objects.filter(text="We are looking into").exists())
    page.reload()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("We are looking into")

    page.route("**/draft/", lambda route: route.fulfill(status=409, body="{}"))  # the server takes no draft
    page.keyboard.press("r")
    page.keyboard.press("End")
    page.keyboard.type(" it.")
    expect(page.locator("[data-writing=reply] [data-kept]")).to_contain_text("this machine only")
    page.unroute("**/draft/")
    page.reload()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("We are looking into it.")
    wait_until(lambda: Draft.objects.filter(text="We are looking into it.").exists())


def test_what_failed_says_what_to_do_and_is_tried_again(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "r", "Public reply", "Thank you for telling us.")
    page.keyboard.press("Control+Enter")
    delivery = wait_until(lambda: Delivery.objects.first())
    Delivery.objects.update(state="failed", error="The network is closed today", finished_at=delivery.created_at)
    page.reload()
    expect(page.locator("[data-delivery=failed]")).to_contain_text("The network is closed today.")
    not_sent = page.locator("[data-count=not_sent]")
    expect(not_sent).to_have_text("1")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("[data-delivery=queued]")).to_be_visible()
    deliver_now()
    expect(page.locator("[data-delivery=sent]")).to_be_visible()
    expect(not_sent).to_have_text("0")


def test_a_revoked_account_locks_the_composer_and_keeps_the_text(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    write(page, "r", "Public reply", "Still here")

    def revoke(route: Route) -> None:
        desk.account.state = "revoked"
        desk.account.state_reason = "the password was changed"
        desk.account.save()
        route.continue_()

    # Not sooner: what the page fetches by itself after it came would lock the button before it is pressed.
    page.route("**/send/", revoke, times=1)
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-writing=reply] .refusal")).to_contain_text("has to be connected again")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Still here")
    page.reload()
    expect(page.get_by_role("button", name="Send publicly")).to_be_disabled()
    expect(page.locator("#obstacle-reply")).to_contain_text("the password was changed")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Still here")


def test_what_is_taken_back_goes_before_what_was_typed_since(windows: Windows, desk: Desk, sam: Agent, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "r", "Public reply", "First.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".outgoing-bar")).to_be_visible()
    write(page, "r", "Public reply", "Second")
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("First.\n\nSecond")
    wait_until(lambda: Draft.objects.filter(text="First.\n\nSecond").exists())


def test_a_draft_is_kept_where_it_was_typed_when_another_conversation_is_opened_at_once(windows: Windows, desk: Desk, sam: Agent) -> None:
    first, second = desk.conversation("@tidewheel one", author="one"), desk.conversation("@tidewheel two", author="two")
    page = windows.open(sam, f"/conversations/{first.pk}/")
    write(page, "r", "Public reply", "For one only")
    page.locator(f"[data-card='{second.pk}'] .card-link").click()
    expect(page.locator("#thread-title")).to_have_text("two")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("")
    draft = wait_until(lambda: page.evaluate("() => 1") and Draft.objects.filter(text="For one only").first())
    assert draft.conversation_id == first.pk
    page.locator(f"[data-card='{first.pk}'] .card-link").click()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("For one only")
    assert Draft.objects.count() == 1


def test_who_goes_on_before_the_answer_is_taken_still_hears_of_it(windows: Windows, desk: Desk, sam: Agent, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    first, second = desk.conversation("@tidewheel one", author="one"), desk.conversation("@tidewheel two", author="two")
    page = windows.open(sam, f"/conversations/{first.pk}/")
    held: list[Route] = []
    page.route("**/send/", lambda route: held.append(route))

    def send_and_go_on(text: str, there: int, name: str) -> Route:
        write(page, "r", "Public reply", text)
        page.keyboard.press("Control+Enter")
        page.locator(f"[data-card='{there}'] .card-link").click()
        expect(page.locator("#thread-title")).to_have_text(name)
        wait_until(lambda: page.evaluate("1") and held)
        return held.pop()

    send_and_go_on("To one", second.pk, "two").continue_()
    expect(page.locator(".outgoing-bar")).to_contain_text("Sending publicly")
    to_two = send_and_go_on("To two", first.pk, "one")
    desk.account.state = "revoked"
    desk.account.save()
    to_two.continue_()
    expect(page.locator(".toast")).to_contain_text("in the conversation with two was not done")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("")
    page.locator(f"[data-card='{second.pk}'] .card-link").click()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("To two")
    assert Message.objects.get().text == "To one"
