"""What is under somebody's hands stays there on the pages beside the desk and on those of customers."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from engagement.models import Compliment
from engagement.services.articles import give_article
from engagement.services.chat import accept_chat, say_as_agent
from engagement.services.compliments import forward_compliment
from engagement.services.links import link_url
from profiles.models import Agent, Role
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.engagement.calls import ask_for_call, open_day
from tests.engagement.chats import make_link, put_on_duty
from tests.engagement.desk import Desk
from tests.engagement.praise import PRAISE
from tests.engagement.texts import make_article
from tests.factories import make_agent

# --- The pages beside the desk ------------------------------------------------------------------------------------------


def test_a_code_is_asked_for_on_the_page_of_contacts(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = windows.open(sam, f"/conversations/{desk.conversation().pk}/contacts/")
    page.get_by_role("button", name="Send a code privately").click()
    expect(page.locator(".messages .notice")).to_be_visible()  # done or refused: it is said


def test_an_act_on_the_page_of_a_compliment_is_seen(windows: Windows, desk: Desk, sam: Agent) -> None:
    compliment = forward_compliment(mention_id=desk.mention(PRAISE).pk, agent=sam)
    page = windows.open(make_agent(Role.MARKETING), f"/compliments/{compliment.pk}/")
    page.locator("[data-key=d]").click()
    expect(page.locator(".page-head .badge")).to_have_text("declined", ignore_case=True)


def test_the_board_is_fetched_again_after_a_refusal(windows: Windows, desk: Desk, sam: Agent) -> None:
    compliment = forward_compliment(mention_id=desk.mention(PRAISE).pk, agent=sam)
    page = windows.open(make_agent(Role.MARKETING), "/compliments/")
    wait_until_live(page)

    def change(route: Route) -> None:
        Compliment.objects.filter(pk=compliment.pk).update(state="declined")  # told to nobody
        route.continue_()

    page.route(f"**/compliments/{compliment.pk}/*/", change, times=1)
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.locator(".toast")).to_be_visible()
    declined = page.locator(".board-column", has=page.get_by_role("heading", name="Declined"))
    expect(declined.locator("[data-compliment]")).to_have_count(1)


@pytest.mark.parametrize("where", [".board-tabs a >> nth=1", "summary >> text=What these say"])
def test_the_board_keeps_the_focus_wherever_it_is(windows: Windows, desk: Desk, sam: Agent, where: str) -> None:
    page = windows.open(make_agent(Role.MARKETING), "/compliments/", width=1000)
    wait_until_live(page)
    page.locator(where).focus()
    forward_compliment(mention_id=desk.mention(PRAISE).pk, agent=sam)
    expect(page.locator("[data-compliment]")).to_have_count(1)
    expect(page.locator(where)).to_be_focused()


def test_the_queue_of_calls_keeps_the_focus_on_a_link(windows: Windows, desk: Desk, sam: Agent) -> None:
    open_day()
    first, second = desk.conversation(author="mara_k"), desk.conversation(author="theo")
    ask_for_call(first)
    page = windows.open(sam, "/callbacks/")
    wait_until_live(page)
    link = page.get_by_role("link", name="mara_k")
    link.focus()
    ask_for_call(second, form_key="1" * 32)
    expect(page.locator(".call-line")).to_have_count(2)
    expect(link).to_be_focused()


def test_a_call_that_is_asked_for_while_the_queue_comes_is_seen(windows: Windows, desk: Desk, sam: Agent) -> None:
    open_day()
    page = windows.open(sam, "/people/")

    def ask_before_greeting(socket: WebSocketRoute) -> None:
        ask_for_call(desk.conversation(author="mara_k"))
        socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/desk/"), ask_before_greeting)
    page.goto("/callbacks/")
    expect(page.locator(".call-line")).to_have_count(1)


# --- Customers ----------------------------------------------------------------------------------------------------------


def test_a_chat_without_javascript_begins_at_its_newest_line(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    link = make_link(desk.conversation(author="mara_k"))
    phone = windows.open(None, f"/s/{link.code}", width=320, height=640, java_script_enabled=False)
    phone.get_by_label("Your message").fill("Hello")
    phone.get_by_role("button", name="Start the chat").click()
    expect(phone.locator("[data-status]")).to_contain_text("You are next")
    session = accept_chat(chat_id=link.chats.get().pk, agent=sam)
    for number in range(20):
        say_as_agent(chat_id=session.pk, agent=sam, text=f"Line {number}", client_key=f"k{number}")
    phone.get_by_role("link", name="See what is new").click()
    expect(phone.locator(".line")).to_have_count(21)
    expect(phone.locator(".line").last).to_be_in_viewport()
    expect(phone.locator(".line").first).not_to_be_in_viewport()
    phone.get_by_role("log").focus()
    phone.keyboard.press("Home")
    expect(phone.locator(".line").first).to_be_in_viewport()


def test_what_could_not_be_sent_stays_when_the_link_is_gone(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    link = make_link(desk.conversation(author="mara_k"))
    phone = windows.open(None, "about:blank", width=320, height=640)
    heard: list[str | bytes] = []

    def end_at_a_line(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda said: socket.close(code=4404) if '"line"' in str(said) else server.send(said))

        def pass_on(said: str | bytes) -> None:
            heard.append(said)
            socket.send(said)

        server.on_message(pass_on)

    phone.route_web_socket(re.compile("/ws/chat/"), end_at_a_line)
    phone.goto(f"/s/{link.code}")
    phone.get_by_label("Your message").fill("Hello")
    phone.get_by_role("button", name="Start the chat").click()
    expect(phone.locator("[data-status]")).to_contain_text("You are next")
    wait_until(lambda: phone.evaluate("1") and heard)  # before the page is live its form goes by itself
    phone.get_by_label("Your message").fill("Written in vain")
    phone.get_by_role("button", name="Send", exact=True).click()
    expect(phone.locator("[data-status]")).to_contain_text("This link does not work.")
    expect(phone.locator(".sending")).to_have_count(0)
    expect(phone.get_by_label("Your message")).to_have_value("Written in vain")
    expect(phone.get_by_role("button", name="Send", exact=True)).to_be_disabled()


def test_an_article_on_a_domain_of_short_links_leads_to_all_articles(windows: Windows, desk: Desk, sam: Agent, settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    settings.PUBLIC_URL = windows.server.url
    settings.LINK_URL = windows.server.url.replace("127.0.0.1", "localhost")
    link = give_article(article_id=make_article("Battery").pk, conversation_id=desk.conversation().pk, agent=sam)
    phone = windows.open(None, link_url(link), width=320, height=640)
    phone.get_by_role("link", name="All articles").click()
    expect(phone.get_by_role("heading", name="How can we help?")).to_be_visible()
    assert urlsplit(phone.url).hostname == "127.0.0.1"
