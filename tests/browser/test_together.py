"""Two people at one desk: claims and presence are shown, a second answer is refused until the first was read, what others take fades."""

from __future__ import annotations

import re

from playwright.sync_api import APIResponse, Route, WebSocket, expect

from engagement.models import Delivery, Message
from engagement.services.send import send_reply
from listening.models import Conversation
from listening.services.conversations import assign_conversation, claim_conversation, resolve_conversation
from profiles.models import Agent
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.test_answering import write
from tests.engagement.desk import Desk, work


def test_a_claim_and_who_is_there_are_shown_to_the_other(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation("@tidewheel my bike squeaks")
    sams, anas = windows.open(sam), windows.open(ana)
    for page in (sams, anas):
        wait_until_live(page)

    sams.keyboard.press("j")
    sams.keyboard.press("c")
    expect(anas.locator("[data-card] [data-holder]")).to_have_text("Sam is on it")
    expect(anas.locator("[data-card].is-taken")).to_have_count(1)
    expect(sams.locator("[data-card] [data-holder]")).to_have_text("You are on it")

    anas.keyboard.press("j")
    anas.keyboard.press("Enter")
    expect(anas.locator(".thread-state")).to_contain_text("Sam is on it")
    sams.keyboard.press("Enter")
    expect(sams.locator("[data-presence]")).to_contain_text("Ana is looking.")
    write(sams, "r", "Public reply", "We")
    expect(anas.locator("[data-presence]")).to_contain_text("Sam is typing.")

    anas.keyboard.press("c")
    expect(anas.locator(".toast")).to_contain_text("Sam is working on this")
    assert Conversation.objects.get(pk=conversation.pk).claimed_by == sam


def test_a_second_answer_is_refused_until_the_first_was_read(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    mention = desk.mention("@tidewheel is the hub open on Sunday?")
    assert mention.conversation_id
    page = windows.open(ana, f"/conversations/{mention.conversation_id}/")
    wait_until_live(page)
    write(page, "r", "Public reply", "Yes, from ten.")

    first = send_reply(conversation_id=mention.conversation_id, agent=sam, text="Sunday 10 to 16.", hold=0)
    work(first.delivery.not_before)
    page.keyboard.press("Control+Enter")
    refusal = page.locator("[data-refusal=already_answered]")
    expect(refusal).to_contain_text("Sam answered this already")
    expect(refusal).to_contain_text("Sunday 10 to 16.")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Yes, from ten.")
    assert Message.objects.count() == 1

    page.get_by_role("button", name="Send mine as well").click()
    expect(refusal).to_have_count(0)
    second = wait_until(lambda: Delivery.objects.filter(state="queued").first())
    work(second.not_before)
    expect(page.locator("[data-delivery=sent]")).to_have_count(2)
    assert [answer.text for answer in desk.answers(mention)] == ["Sunday 10 to 16.", "Yes, from ten."]


def test_an_answer_from_another_app_is_refused_to_who_was_writing_and_can_be_added_to(windows: Windows, desk: Desk, ana: Agent) -> None:
    mention = desk.mention("@tidewheel is the hub open on Sunday?")
    page = windows.open(ana, f"/conversations/{mention.conversation_id}/")
    wait_until_live(page)
    write(page, "r", "Public reply", "Yes, from ten.")

    desk.world.reply_as("tidewheel", mention.external_id, "Sunday 10 to 16.")
    desk.read()
    expect(page.locator("[data-bubble]")).to_have_count(2)  # it is shown, but what is being written was begun without it
    page.keyboard.press("Control+Enter")
    refusal = page.locator("[data-refusal=already_answered]")
    expect(refusal).to_contain_text("Tidewheel answered this already, outside the desk")
    expect(refusal).to_contain_text("Sunday 10 to 16.")
    assert not Message.objects.exists()

    page.get_by_role("button", name="Send mine as well").click()
    expect(refusal).to_have_count(0)
    work(wait_until(lambda: Delivery.objects.filter(state="queued").first()).not_before)
    expect(page.locator("[data-delivery=sent]")).to_have_count(1)
    assert [answer.text for answer in desk.answers(mention)] == ["Sunday 10 to 16.", "Yes, from ten."]


def test_what_a_colleague_resolves_fades_in_place_and_nothing_jumps(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    conversations = [desk.conversation(f"@tidewheel question {number}") for number in range(4)]
    page = windows.open(ana)
    wait_until_live(page)
    third = page.locator(f"[data-card='{conversations[0].pk}']")
    before = third.bounding_box()
    claim_conversation(conversation_id=conversations[2].pk, agent=sam)
    resolve_conversation(conversation_id=conversations[2].pk, agent=sam)
    card = page.locator(f"[data-card='{conversations[2].pk}']")
    expect(card.locator("[data-holder]")).to_have_text("resolved · Sam")
    expect(page.locator(".is-gone")).to_have_count(1)
    assert third.bounding_box() == before


def test_two_windows_resolve_at_once_and_the_second_is_told(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(ana, f"/conversations/{conversation.pk}/")
    page.route(
        "**/conversations/*/resolve/", lambda route: (resolve_conversation(conversation_id=conversation.pk, agent=sam), route.continue_())
    )
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator(".toast")).to_contain_text("Somebody resolved it already.")
    assert Conversation.objects.get().version == 1


def test_what_is_fetched_late_never_mixes_two_conversations(windows: Windows, desk: Desk, sam: Agent) -> None:
    first, second = desk.conversation("@tidewheel one", author="one"), desk.conversation("@tidewheel two", author="two")
    page = windows.open(sam, f"/conversations/{second.pk}/")
    wait_until_live(page)
    page.wait_for_function("() => document.getElementById('conversation').dataset.ready")
    held: list[Route] = []
    page.route(f"**/conversations/{second.pk}/", lambda route: held.append(route))  # bringing the open one up to date takes its time
    claim_conversation(conversation_id=second.pk, agent=sam)
    page.wait_for_function("() => document.querySelector('[data-holder]').textContent.includes('You')")
    wait_until(lambda: page.evaluate("() => 1") and held)
    page.locator(f"[data-card='{first.pk}'] .card-link").click()
    expect(page.locator("#thread-title")).to_have_text("one")
    with page.expect_response(f"**/conversations/{second.pk}/"):
        held[0].continue_()
    expect(page.locator("#thread-title")).to_have_text("one")
    forms = page.locator("#conversation form[action*='/conversations/']").evaluate_all(
        "(all) => all.map((form) => form.getAttribute('action'))"
    )
    assert forms
    assert all(f"/conversations/{first.pk}/" in action for action in forms)


def test_what_happens_while_a_conversation_is_on_its_way_is_seen_in_it(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, "/people/")
    page.clock.install()
    page.goto("/")
    wait_until_live(page)
    with page.expect_response("**/counts/"):  # what it fetches soon after it came would bring it too
        page.clock.fast_forward(5_000)
    answers: list[tuple[Route, APIResponse]] = []
    page.route("**/conversations/*/", lambda route: answers.append((route, route.fetch())), times=1)
    card = page.locator("[data-card]")
    card.locator(".card-link").click()
    wait_until(lambda: page.evaluate("1") and answers)
    assign_conversation(conversation_id=conversation.pk, agent=ana, to=ana)
    expect(card.locator("[data-holder]")).to_contain_text("ana", ignore_case=True)
    route, answer = answers[0]
    route.fulfill(response=answer)
    expect(page.locator(".thread-state")).to_contain_text("Ana has it")


def test_a_page_is_told_nothing_before_it_listens(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, "/people/")
    sockets: list[WebSocket] = []
    page.on("websocket", lambda socket: sockets.append(socket))
    held: list[Route] = []
    page.route("**/js/conversation*", lambda route: held.append(route))
    page.goto(f"/conversations/{conversation.pk}/")
    wait_until(lambda: page.evaluate("1") and held)
    assert not sockets
    held[0].continue_()
    wait_until_live(page)
    assert page.evaluate("document.getElementById('conversation').dataset.ready") == str(conversation.pk)


def test_of_two_that_are_opened_quickly_the_last_one_stays(windows: Windows, desk: Desk, sam: Agent) -> None:
    slow, quick = desk.conversation("@tidewheel slow", author="slow"), desk.conversation("@tidewheel quick", author="quick")
    page = windows.open(sam)
    held: list[Route] = []
    page.route(f"**/conversations/{slow.pk}/", lambda route: held.append(route))
    page.locator(f"[data-card='{slow.pk}'] .card-link").click()
    wait_until(lambda: page.evaluate("1") and held)
    page.locator(f"[data-card='{quick.pk}'] .card-link").click()
    expect(page.locator("#thread-title")).to_have_text("quick")
    held[0].abort()
    expect(page.locator("#thread-title")).to_have_text("quick")
    expect(page).to_have_url(re.compile(f"/conversations/{quick.pk}/$"))
    windows.complaints[:] = [said for said in windows.complaints if "htmx:" not in said]  # htmx notes that a request was given up
