"""A call from the link to the thank-you in a real browser: at 320 pixels, with and without JavaScript, in every colour and direction."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from engagement.models import CallbackRequest, Draft, NumberView, ShortLink, Verification
from engagement.services.calls import begin_call, end_call
from engagement.services.outbound import send_notice
from listening.models import Conversation
from profiles.models import THIS_MATTER, Agent, ContactPoint
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.looking import look, press
from tests.engagement.calls import NUMBER, STORED, ask_for_call, callback_link, open_day
from tests.engagement.desk import Desk

PHONE = {"width": 320, "height": 700}


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    open_day()
    found = desk.conversation("@tidewheel my battery is dead", author="mara_k")
    desk.world.follow("mara_k")
    return found


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_call_goes_from_the_link_to_the_queue_to_the_thank_you(
    windows: Windows, conversation: Conversation, sam: Agent, scripts: bool
) -> None:
    link = callback_link(conversation)
    queue = windows.open(sam, "/callbacks/", **PHONE)
    expect(queue.get_by_text("Nobody waits for a call.")).to_be_visible()

    page = windows.open(None, f"/s/{link.code}", **PHONE, java_script_enabled=scripts, timezone_id="Asia/Dubai")
    # Without JavaScript the guess of the server stands, with it the visitor's own zone.
    expect(page.get_by_label("Where you are")).to_have_value("Asia/Dubai" if scripts else "Europe/London")
    page.get_by_label("Your telephone number").fill("12345")
    page.get_by_label("What is it about?").fill("The battery")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("This number is too short.")).to_be_visible()
    expect(page.get_by_label("Your telephone number")).to_have_value("12345")
    expect(page.get_by_label("What is it about?")).to_have_value("The battery")
    page.get_by_label("Your telephone number").fill(NUMBER)
    page.get_by_label(re.compile("may call me")).check()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="Is this right?")).to_be_visible()
    expect(page.get_by_text("+44 117 496 0140")).to_be_visible()
    page.get_by_role("button", name="Change something").click()
    expect(page.get_by_label("Your telephone number")).to_have_value(NUMBER)
    page.get_by_label("What is it about?").fill("The battery, again")
    page.get_by_role("button", name="Go on").click()
    page.get_by_role("button", name="Yes, call me").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    page.reload()  # the same press once more
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert CallbackRequest.objects.count() == 1

    # The queue hears of it by itself.
    expect(queue.get_by_role("link", name=re.compile("mara", re.IGNORECASE))).to_be_visible()
    expect(queue.get_by_text("The battery, again")).to_be_visible()
    assert STORED[3:] not in queue.content().replace(" ", "")
    queue.get_by_role("button", name=re.compile("I call now")).click()
    expect(queue.get_by_role("link", name="+44 117 496 0140")).to_be_visible()
    expect(queue.get_by_text("my battery is dead")).to_be_visible()
    assert NumberView.objects.get().agent == sam
    queue.get_by_label("Note for your team").fill("A new one is on its way")
    queue.get_by_role("button", name="Reached").click()
    queue.wait_for_url("**/conversations/*/")
    expect(queue.locator(".bubble-text", has_text="A new one is on its way")).to_be_visible()
    assert "mara_k" in Draft.objects.get(agent=sam, kind="reply").text
    assert CallbackRequest.objects.get().state == "reached"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_customers_pages_are_accessible_and_fit(windows: Windows, conversation: Conversation, language: str) -> None:
    page = windows.open(None, f"/s/{callback_link(conversation).code}?lang={language}", width=320)
    assert page.evaluate("document.documentElement.dir") == ("rtl" if language == "ar" else "ltr")
    go_on = page.locator("button[value=check]")
    for name in ("form", "form with mistakes"):
        look(page, f"{name}, {language}")
        press(page, go_on)
    page.locator("#id_number").fill("+44 7700 900123")
    page.locator("#id_reason").fill("x" * 300)
    page.locator("#id_agree").check()
    press(page, go_on)
    for name, button in (("echo", "button[value=send]"), ("confirmation", "")):
        look(page, f"{name}, {language}")
        if button:
            press(page, page.locator(button))
    assert ShortLink.objects.get().progress == "sent"


def test_targets_on_a_phone_are_big_enough(windows: Windows, conversation: Conversation) -> None:
    page = windows.open(None, f"/s/{callback_link(conversation).code}", **PHONE)
    for target in page.locator(
        "main :is(button, select, textarea, input:not([type=hidden], [type=checkbox], #website), label.choice)"
    ).all():
        box = target.bounding_box()
        assert box is not None
        assert box["height"] >= 44, target.evaluate("element => element.outerHTML.slice(0, 80)")


def test_form_loads_in_a_few_small_requests(windows: Windows, conversation: Conversation) -> None:
    page = windows.open(None, "about:blank", **PHONE)
    sizes: list[int] = []
    page.on("requestfinished", lambda request: sizes.append(request.sizes()["responseBodySize"]))
    page.goto(f"/s/{callback_link(conversation).code}", wait_until="networkidle")
    assert len(sizes) <= 3
    assert sum(sizes) < 30_000


def test_staff_pages_are_accessible_and_fit(windows: Windows, desk: Desk, conversation: Conversation, sam: Agent, ana: Agent) -> None:
    mine = ask_for_call(conversation, also_sms=True, reason="x" * 400)
    others = [ask_for_call(desk.conversation(author=f"caller{number}")) for number in range(2)]
    begin_call(callback_id=others[0].pk, agent=ana)
    begin_call(callback_id=others[1].pk, agent=sam)
    end_call(callback_id=others[1].pk, agent=sam, outcome="no_answer", note="Rang ten times")
    begin_call(callback_id=mine.pk, agent=sam)
    send_notice(profile=conversation.author.profile, medium="sms", purpose=THIS_MATTER, text="We tried to call.", conversation=conversation)
    paths = (
        "/returns/",
        "/callbacks/",
        f"/callbacks/{mine.pk}/",
        "/notices/",
        "/notices/?show=trouble",
        f"/conversations/{conversation.pk}/contacts/",
    )
    page = windows.open(sam, "/callbacks/", width=320)
    for path in paths:
        page.goto(path)
        look(page, path)


def test_code_is_sent_and_confirmed_from_the_conversation_by_keys(windows: Windows, conversation: Conversation, sam: Agent) -> None:
    ask_for_call(conversation)
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    page.locator("#thread-title").focus()
    page.keyboard.press("v")
    menu = page.locator(".menu.contacts")
    expect(menu.get_by_text("What do you want to be sure of?")).to_be_visible()
    look(page, "contacts in the pane", widths=[1280])
    menu.get_by_label("Phone •••• 140").check()
    menu.get_by_label("Why write in private first?").first.fill("They gave us their number")
    menu.get_by_role("button", name="Send a code privately").click()
    verification = wait_until(lambda: Verification.objects.first())
    text = wait_until(lambda: conversation.messages.filter(request_key=verification.request_key).first()).text
    expect(menu).not_to_be_visible()
    page.locator("#thread-title").focus()
    page.keyboard.press("v")
    found = re.search(r"\d{6}", text)
    assert found is not None
    menu.get_by_label("The code that they told you").fill(found.group())
    menu.get_by_role("button", name="Confirm").click()
    wait_until(lambda: ContactPoint.objects.get().state == "verified")


def test_views_count_calls_live(windows: Windows, conversation: Conversation, sam: Agent) -> None:
    page = windows.open(sam, "/")
    wait_until_live(page)
    count = page.locator('[data-count="callbacks"]')
    expect(count).to_have_text("0")
    ask_for_call(conversation)
    expect(count).to_have_text("1")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/callbacks/")
