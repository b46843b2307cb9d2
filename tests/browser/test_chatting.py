"""A live chat in two real browsers: an agent at a desk and a visitor with a phone, with and without JavaScript, from link to end."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import APIResponse, Page, Route, expect

from engagement.models import ChatLine, ChatSession, Draft, Message, ShortLink
from engagement.services.chat import accept_chat, say_as_agent, say_as_visitor
from listening.models import Conversation
from profiles.models import Agent
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.looking import look, resize
from tests.engagement.chats import begin, make_link, put_on_duty
from tests.engagement.desk import Desk


def open_phone(windows: Windows, link: ShortLink, **options: Any) -> Page:
    return windows.open(None, f"/s/{link.code}", width=320, height=640, **options)


def write(page: Page, text: str) -> None:
    page.get_by_label("Your message").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def said(page: Page) -> list[str]:
    return page.locator("[data-number] .said").all_text_contents()


def test_a_chat_from_the_agents_key_to_the_thank_you(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation("@tidewheel my wheel squeaks", author="mara_k")
    agent = windows.open(sam, f"/conversations/{conversation.pk}/?view=all")
    wait_until_live(agent)
    expect(agent.locator("[data-chats-bar]")).to_contain_text("You take chats")

    agent.keyboard.press("l")
    agent.get_by_label("Why").first.select_option("complex")
    agent.get_by_role("button", name="Chat", exact=True).click()
    link = wait_until(lambda: ShortLink.objects.filter(kind="chat").first())

    phone = open_phone(windows, link)
    phone.get_by_label("Your message").fill("My wheel squeaks")
    phone.get_by_role("button", name="Start the chat").click()
    expect(phone.locator("[data-status]")).to_contain_text("You are next")
    expect(agent.locator("#announcer")).to_have_text("Somebody waits in a chat.")
    expect(agent.locator("[data-chats-bar] .chat-item.waiting")).to_have_count(1)
    expect(agent.locator("[data-count=chats]")).to_have_text("1")

    expect(agent.locator("[data-act=accept_chat]")).to_be_visible()
    agent.locator("#thread-title").focus()
    agent.keyboard.press("h")
    expect(phone.locator("[data-status]")).to_have_text("An agent is with you: Sam.")
    field = agent.get_by_role("textbox", name="Chat")
    expect(field).to_be_focused()
    agent.keyboard.type("Front or back?")
    expect(phone.locator("[data-typing-line]")).to_have_text("Our team is typing…")
    agent.keyboard.press("Enter")
    expect(phone.locator(".line.ours .said")).to_have_text("Front or back?")
    expect(field).to_have_value("")

    answers: list[tuple[Route, APIResponse]] = []
    agent.route(f"**/conversations/{conversation.pk}/", lambda route: answers.append((route, route.fetch())), times=1)
    agent.evaluate("document.dispatchEvent(new CustomEvent('live:catch-up'))")
    wait_until(lambda: agent.evaluate("1") and answers)
    phone.get_by_label("Your message").fill("The back")
    expect(agent.locator("[data-chat-typing]")).to_have_text("is typing…")  # for some seconds: all else is done by now
    with agent.expect_response(f"**/conversations/{conversation.pk}/"):
        route, answer = answers[0]
        phone.get_by_label("Your message").fill("The back o")  # it is told anew: it lasts some seconds only
        route.fulfill(response=answer)
    expect(agent.locator("[data-chat-typing]")).to_have_text("is typing…")  # the pane that was fetched knows nothing of it
    write(phone, "The back one")
    expect(agent.locator("[data-chat-typing]")).to_have_text("")
    expect(agent.locator(".bubble.private .bubble-text").last).to_have_text("The back one")
    expect(phone.locator(".sending")).to_have_count(0)
    agent.keyboard.type("Bring it in today.")
    agent.keyboard.press("Control+Enter")
    expect(phone.locator(".line.ours")).to_have_count(2)
    assert said(phone) == ["My wheel squeaks", "Front or back?", "The back one", "Bring it in today."]

    agent.get_by_role("button", name="End chat").click()
    expect(phone.locator("[data-status]")).to_contain_text("This chat has ended")
    expect(phone.get_by_label("Your message")).to_have_count(0)
    expect(agent.get_by_role("textbox", name="Chat")).to_have_count(0)
    expect(agent.get_by_role("textbox", name="Public reply")).to_have_value(Draft.objects.get(kind="reply").text)
    assert not Message.objects.exists()


def test_a_lost_connection_loses_and_doubles_nothing(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    link = make_link(desk.conversation(author="mara_k"))
    phone = open_phone(windows, link)
    phone.get_by_label("Your message").fill("Hello")
    phone.get_by_role("button", name="Start the chat").click()
    session = wait_until(lambda: ChatSession.objects.first())
    accept_chat(chat_id=session.pk, agent=sam)
    expect(phone.locator("[data-status]")).to_contain_text("Sam")
    with windows.without_connection():
        expect(phone.locator("[data-status]")).to_contain_text("The connection is lost", timeout=20_000)
        write(phone, "Written on the train")
        expect(phone.locator(".sending")).to_contain_text("Written on the train")
        say_as_agent(chat_id=session.pk, agent=sam, text="Are you there?", client_key="k")
    expect(phone.locator(".line.ours .said")).to_have_text("Are you there?", timeout=30_000)
    expect(phone.locator(".sending")).to_have_count(0)
    assert sorted(said(phone)) == ["Are you there?", "Hello", "Written on the train"]
    assert ChatLine.objects.count() == 3


def test_a_page_that_was_closed_is_found_again_by_the_same_link(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    link = make_link(desk.conversation(author="mara_k"))
    phone = open_phone(windows, link)
    phone.get_by_label("Your message").fill("Hello")
    phone.get_by_role("button", name="Start the chat").click()
    expect(phone.locator("[data-status]")).to_contain_text("You are next")
    phone.wait_for_load_state()  # by then its script has noted the key of the chat
    phone.goto("about:blank")
    phone.goto(f"{windows.server.url}/s/{link.code}")
    expect(phone.locator("[data-number] .said")).to_have_text("Hello")
    stranger = open_phone(windows, link)
    expect(stranger.get_by_role("button", name="Start the chat")).to_be_visible()


def test_a_chat_without_javascript(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    link = make_link(desk.conversation(author="mara_k"))
    phone = open_phone(windows, link, java_script_enabled=False)
    phone.get_by_label("Your message").fill("My wheel squeaks")
    phone.get_by_role("button", name="Start the chat").click()
    expect(phone.locator("[data-status]")).to_contain_text("You are next")
    session = accept_chat(chat_id=ChatSession.objects.get().pk, agent=sam)
    say_as_agent(chat_id=session.pk, agent=sam, text="Front or back?", client_key="k")
    phone.get_by_role("link", name="See what is new").click()
    expect(phone.locator(".line.ours .said")).to_have_text("Front or back?")
    write(phone, "The back one")
    expect(phone.locator("[data-number] .said")).to_have_text(["My wheel squeaks", "Front or back?", "The back one"])
    phone.get_by_role("link", name="Look for answers by itself").click()
    say_as_agent(chat_id=session.pk, agent=sam, text="Bring it in.", client_key="k2")
    expect(phone.locator(".line.ours")).to_have_count(2, timeout=20_000)
    phone.get_by_role("link", name="Write", exact=True).click()
    phone.get_by_role("button", name="End the chat").click()
    expect(phone.locator("[data-status]")).to_contain_text("This chat has ended")


def test_two_agents_ring_accept_and_pass_on(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    put_on_duty(sam, ana)
    conversation = desk.conversation(author="mara_k")
    other = desk.conversation("@tidewheel another thing", author="theo")
    sams, anas = windows.open(sam, f"/conversations/{other.pk}/"), windows.open(ana, f"/conversations/{conversation.pk}/")
    for page in (sams, anas):
        wait_until_live(page)
    session = begin(make_link(conversation))
    for page in (sams, anas):
        expect(page.locator("[data-chats-bar] .chat-item.waiting")).to_have_count(1)
    sams.get_by_role("button", name="Accept the chat of").click()
    expect(anas.locator("[data-chats-bar] .chat-item")).to_have_count(0)
    expect(anas.locator(".chat-strip")).to_contain_text("Sam has it")
    expect(anas.get_by_role("textbox", name="Chat")).to_have_count(0)

    say_as_visitor(session_id=session.pk, text="Are you there?", client_key="k")
    expect(sams.locator("[data-chats-bar]")).to_contain_text("1 unread")
    sams.locator("[data-chats-bar] .chat-item a").click()
    expect(sams.locator("[data-chats-bar]")).not_to_contain_text("unread")
    field = sams.get_by_role("textbox", name="Chat")
    field.fill("half a thought")
    say_as_visitor(session_id=session.pk, text="Hello?", client_key="k2")
    expect(sams.locator(".bubble.private .bubble-text").last).to_have_text("Hello?")
    expect(field).to_have_value("half a thought")

    sams.locator("summary", has_text="Pass on").click()
    sams.get_by_role("button", name="Ana").click()
    expect(sams.get_by_role("button", name="Send in chat")).to_be_disabled()
    expect(field).to_have_value("half a thought")
    field.clear()
    field.blur()
    expect(field).to_have_count(0)
    expect(anas.get_by_role("textbox", name="Chat")).to_be_visible()
    assert ChatSession.objects.get().agent == ana
    anas.get_by_role("button", name="Pause").click()
    expect(anas.locator("[data-chats-bar]")).to_contain_text("You take no chats")


def look_at_the_agents_screens(page: Page, active: Conversation, waiting: Conversation) -> None:
    expect(page.locator("[data-chats-bar] .chat-item")).to_have_count(2)
    for width in (1280, 320):
        resize(page, width)
        page.goto(f"/conversations/{active.pk}/")
        expect(page.get_by_role("textbox", name="Chat")).to_be_visible()
        look(page, "agent", widths=[width])
        page.goto(f"/conversations/{waiting.pk}/")
        expect(page.locator("[data-act=accept_chat]")).to_be_visible()
        look(page, "agent, waiting", widths=[width])


def test_every_screen_of_a_chat_is_accessible(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation("@tidewheel my wheel squeaks", author="mara_k")
    waiting = Conversation.objects.get(pk=desk.conversation("@tidewheel other", author="theo").pk)
    for language, widths in (("ar", [320]), ("en", [320, 1280])):
        link = make_link(conversation, language=language)
        phone = open_phone(windows, link)
        look(phone, f"{language} offline", widths=widths)
        put_on_duty(sam)
        phone.reload()
        look(phone, f"{language} begin", widths=widths)
        phone.locator("textarea").fill("My wheel squeaks https://example.org/" + "x" * 60)
        phone.locator("main form button").click()
        expect(phone.locator("[data-lines] li")).to_have_count(1)
        session = ChatSession.objects.latest("pk")
        accept_chat(chat_id=session.pk, agent=sam)
        say_as_agent(chat_id=session.pk, agent=sam, text="Front or back?", client_key="k")
        expect(phone.locator(".line.ours")).to_have_count(1)
        look(phone, f"{language} active", widths=widths)
        if language == "en":  # the agent has this one, one that ended, and one that waits
            begin(make_link(waiting))
            look_at_the_agents_screens(windows.open(sam, f"/conversations/{conversation.pk}/"), conversation, waiting)
        phone.locator("main > form button").last.click()
        expect(phone.locator("textarea")).to_have_count(0)
        look(phone, f"{language} ended", widths=widths)
        sam.chat_duty.delete()
