"""What is under somebody's hands stays there: keys mean what is open, and no answer that comes late moves what is typed or chosen."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.db.models import F
from playwright.sync_api import APIResponse, Page, Route, expect

from engagement.models import Delivery
from engagement.services.chat import accept_chat, end_chat
from engagement.services.links import link_url
from engagement.services.offers import offer_link
from engagement.services.send import send_reply
from listening.models import Conversation
from listening.services.conversations import assign_conversation
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.engagement.chats import begin, make_link, put_on_duty
from tests.engagement.desk import Desk
from tests.engagement.praise import PRAISE
from tests.engagement.texts import make_template
from tests.factories import make_agent

SCRIPTS = Path(__file__).resolve().parents[2] / "socialdesk/static/socialdesk/js"


@contextmanager
def slow(page: Page, address: str) -> Iterator[Callable[[], None]]:
    """Requests to `address` wait until what is given is called."""
    held: list[Route] = []
    page.route(address, lambda route: held.append(route))

    def let_go() -> None:
        wait_until(lambda: page.evaluate("1") and held)
        with page.expect_response(held[0].request.url):
            held[0].continue_()

    yield let_go
    page.unroute(address)


def catch_up(page: Page) -> None:
    """The pane is fetched again, as after a gap."""
    page.evaluate("document.dispatchEvent(new CustomEvent('live:catch-up'))")


def claimed_by(conversation: Conversation) -> str:
    found = Conversation.objects.select_related("claimed_by").get(pk=conversation.pk).claimed_by
    return found.username if found else ""


# --- Keys ---------------------------------------------------------------------------------------------------------------


def test_keys_go_on_from_what_is_open(windows: Windows, desk: Desk, sam: Agent) -> None:
    oldest = desk.conversation("@tidewheel one", author="oldest")
    for name in ("middle", "newest"):
        desk.conversation("@tidewheel more", author=name)
    page = windows.open(sam)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    for name in ("newest", "middle", "oldest"):
        expect(page.locator("#thread-title")).to_have_text(name)
        expect(page.locator("#thread-title")).to_be_focused()
        page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator(f"[data-card='{oldest.pk}'] .card-check")).to_be_checked()
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("c")
    expect(page.locator(".thread-state")).to_contain_text("You are on it")
    assert [name for name in map(claimed_by, Conversation.objects.order_by("pk")) if name] == ["sam"]
    assert claimed_by(oldest) == "sam"


def test_keys_mean_the_chat_that_was_opened_from_the_bar(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    chatting, other = desk.conversation("@tidewheel one", author="chatting"), desk.conversation("@tidewheel two", author="other")
    begin(make_link(chatting))
    page = windows.open(sam, f"/conversations/{other.pk}/")
    page.locator(f"[data-card='{other.pk}'] .card-link").focus()
    page.locator("[data-chats-bar] .chat-item a").click()
    expect(page.locator("#thread-title")).to_be_focused()
    expect(page.locator("#thread-title")).to_have_text("chatting")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("c")
    wait_until(lambda: claimed_by(chatting) or claimed_by(other))
    assert (claimed_by(chatting), claimed_by(other)) == ("sam", "")


def test_a_held_key_acts_once(windows: Windows, desk: Desk, sam: Agent) -> None:
    for name in ("one", "two", "three"):
        desk.conversation("@tidewheel hello", author=name)
    page = windows.open(sam)
    page.keyboard.down("j")
    page.keyboard.down("j")
    expect(page.locator(".card-link").nth(1)).to_be_focused()  # through the list it goes on
    page.keyboard.up("j")
    page.keyboard.press("Enter")
    expect(page.locator("#thread-title")).to_have_text("two")
    page.keyboard.down("e")
    expect(page.locator("#thread-title")).to_have_text("one")
    expect(page.locator("#thread-title")).to_be_focused()
    page.keyboard.down("e")
    page.keyboard.up("e")
    page.keyboard.press("c")
    expect(page.locator(".thread-state")).to_contain_text("You are on it")
    assert Conversation.objects.filter(status="resolved").count() == 1


def test_what_is_opened_before_the_script_has_come_is_bound_once(windows: Windows, desk: Desk, sam: Agent) -> None:
    for name in ("one", "two"):
        desk.conversation("@tidewheel hello", author=name)
    page = windows.open(sam, "/people/")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.url.endswith("/send/") else None)
    with slow(page, "**/js/conversation*") as let_go:
        page.goto("/")
        for name in ("one", "two"):
            page.locator(".card-link", has_text=name).click()
            expect(page.locator("#thread-title")).to_have_text(name)
        let_go()
    expect(page.locator("#conversation[data-ready]")).to_be_visible()
    page.get_by_role("textbox", name="Public reply").fill("We look into it.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-delivery=queued]")).to_be_visible()
    assert len(sent) == 1


def test_every_key_stands_in_the_help_and_every_key_of_the_help_works(windows: Windows, desk: Desk) -> None:
    page = windows.open(make_agent(Role.LEAD))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    terms = page.locator("dialog.keys dt").all()
    listed = [" ".join(term.locator("kbd").all_text_contents()) for term in terms]
    after_g = {key.removeprefix("g ") for key in listed if key.startswith("g ")}
    single = {key for line in listed if not line.startswith("g ") for key in line.split(" ")}

    script = (SCRIPTS / "keys.js").read_text()
    acts = re.search(r"const acts = \{(.*?)\n\};", script, re.DOTALL)
    places = re.search(r"const PLACES = \{(.*?)\}", script)
    assert acts is not None
    assert places is not None
    handled = set(re.findall(r'^  "?(\w+|[^\w\s"])"?: ', acts[1], re.MULTILINE)) - {"g"}
    letters = {str(link.get_attribute("data-letter")) for link in page.locator("[data-letter]").all()}
    placed = set(re.findall(r"(\w): \"", places[1]))
    assert letters & placed == set(), "a letter that leads to two places"
    assert after_g == letters | placed
    assert single == handled | {"Ctrl+Enter", "Alt+Enter", "Ctrl+K", "Esc"}

    offered = set(re.findall(r'", "(.)"\]', (SCRIPTS / "palette.js").read_text()))
    assert offered == handled - {"j", "k", "Enter"}


def test_ctrl_k_names_places_without_their_counts(windows: Windows, desk: Desk) -> None:
    page = windows.open(make_agent(Role.LEAD))
    page.keyboard.press("Control+k")
    page.keyboard.type("open ")
    expect(page.get_by_role("option", name="Open Approvals", exact=True)).to_be_visible()
    expect(page.get_by_role("option", name="Open Returns owed", exact=True)).to_be_visible()


def test_what_is_typed_while_ctrl_k_is_on_its_way_is_text_and_no_command(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam)
    page.keyboard.press("j")
    with slow(page, "**/js/palette*") as let_go:
        page.keyboard.press("Control+k")
        page.keyboard.type("claim")
        let_go()
    expect(page.get_by_role("combobox", name="What do you want to do?")).to_have_value("claim")
    assert claimed_by(conversation) == ""
    page.keyboard.press("Enter")
    wait_until(lambda: claimed_by(conversation) == "sam")


# --- Typing -------------------------------------------------------------------------------------------------------------


def test_a_chat_that_ends_leaves_the_half_written_line(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    conversation = desk.conversation(author="mara_k")
    session = accept_chat(chat_id=begin(make_link(conversation)).pk, agent=sam)
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    field = page.get_by_role("textbox", name="Chat")
    field.press_sequentially("Half a")
    end_chat(session_id=session.pk, agent=None)
    expect(page.get_by_role("button", name="Send in chat")).to_be_disabled()
    expect(page.locator(".chat-writing .promise")).to_have_text("This chat is over for you. Your text stands here to copy.")
    expect(field).to_be_focused()
    page.keyboard.type(" line")
    page.keyboard.press("Enter")
    expect(field).to_have_value("Half a line")
    field.clear()
    field.blur()
    expect(field).to_have_count(0)


def test_an_accepted_chat_has_the_focus_though_its_door_came_before_the_answer(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    conversation = desk.conversation(author="mara_k")
    begin(make_link(conversation))
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    answers: list[tuple[Route, APIResponse]] = []
    page.route("**/accept/", lambda route: answers.append((route, route.fetch())))
    page.keyboard.press("h")
    field = page.get_by_role("textbox", name="Chat")
    expect(field).to_be_visible()
    wait_until(lambda: page.evaluate("1") and answers)
    route, answer = answers[0]
    route.fulfill(response=answer)
    expect(field).to_be_focused()


def test_the_bar_of_chats_is_left_alone_while_it_says_the_same(windows: Windows, desk: Desk, sam: Agent) -> None:
    put_on_duty(sam)
    begin(make_link(desk.conversation()))
    page = windows.open(sam)
    item = page.locator("[data-chats-bar] .chat-item")
    expect(item).to_have_count(1)
    item.evaluate("(part) => (part.isFirst = true)")
    for _ in range(2):  # when the second has come the first is shown
        with page.expect_response("**/chats/here/"):
            catch_up(page)
    assert item.evaluate("(part) => part.isFirst")


def test_a_slow_answer_takes_no_focus_and_no_letters(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    page.keyboard.press("n")
    note = page.get_by_role("textbox", name="Note")
    for since in ("", "And more"):
        note.fill("Carrier confirms.")
        expect(note).to_be_focused()
        with slow(page, "**/send/") as let_go:
            note.press("Control+Enter")
            if since:
                note.press("End")
                page.keyboard.type(f" {since}")
            else:
                page.get_by_role("searchbox").focus()
                page.keyboard.type("cre")
            let_go()
        expect(page.locator(".bubble.internal")).to_have_count(2 if since else 1)
        if since:
            expect(note).to_be_focused()
            expect(note).to_have_value("And more")
        else:
            expect(page.get_by_role("searchbox")).to_be_focused()
            expect(note).to_have_value("")
    assert claimed_by(conversation) == ""


def test_a_pane_that_comes_late_brings_no_text_back_that_was_sent(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    page.keyboard.press("r")
    reply = page.get_by_role("textbox", name="Public reply")
    expect(reply).to_be_focused()
    page.keyboard.type("We look into it.")
    expect(page.locator("[data-writing=reply] [data-kept]")).to_have_text("Draft kept")
    answers: list[tuple[Route, APIResponse]] = []
    page.route(f"**/conversations/{conversation.pk}/", lambda route: answers.append((route, route.fetch())))
    catch_up(page)
    wait_until(lambda: page.evaluate("1") and answers)
    page.keyboard.press("Control+Enter")
    expect(reply).to_have_value("")
    expect(page.locator("#thread-title")).to_be_focused()
    route, answer = answers[0]
    route.fulfill(response=answer)
    wait_until(lambda: page.evaluate("1") and len(answers) > 1)  # by then the first is shown
    expect(reply).to_have_value("")


@pytest.mark.parametrize("what", ["taken back", "link"])
def test_a_late_answer_opens_no_door_under_a_note(windows: Windows, desk: Desk, sam: Agent, settings: Any, what: str) -> None:
    settings.UNDO_SECONDS = 60
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    page.keyboard.press("r")
    reply, note = page.locator("[data-writing=reply] textarea"), page.get_by_role("textbox", name="Note")
    expect(reply).to_be_focused()
    with slow(page, "**/undo/" if what == "taken back" else "**/link/") as let_go:
        if what == "taken back":
            page.keyboard.type("We look into it.")
            page.keyboard.press("Control+Enter")
            expect(page.locator(".outgoing-bar")).to_be_visible()
            page.keyboard.press("z")
        else:
            page.keyboard.press("Escape")
            page.keyboard.press("l")
            page.get_by_label("Why").first.select_option("complex")
            page.get_by_role("button", name="Chat", exact=True).click()
        page.locator("[data-door=note]").check()
        note.press_sequentially("For the team ")
        let_go()
    expect(reply).to_have_value("We look into it." if what == "taken back" else re.compile("/s/"))
    expect(page.locator("#announcer")).to_contain_text("Public reply")
    expect(note).to_be_focused()
    page.keyboard.type("only")
    expect(note).to_have_value("For the team only")
    expect(page.locator("[data-door=note]")).to_be_checked()


def test_the_reason_for_going_private_outlives_the_acknowledgement(windows: Windows, desk: Desk, sam: Agent) -> None:
    make_template()
    desk.world.add_account("mara_k")
    desk.world.follow("mara_k", "tidewheel")
    conversation = desk.conversation(author="mara_k")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    page.keyboard.press("m")
    page.get_by_label("Why in private").select_option("personal_details")
    page.locator("#thread-title").focus()
    page.keyboard.press("w")
    expect(page.get_by_label("They have no public word from us yet")).to_have_count(0)
    expect(page.get_by_label("Why in private")).to_have_value("personal_details")


def test_a_quoted_word_follows_the_text(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = windows.open(sam, f"/conversations/{desk.conversation().pk}/")
    page.keyboard.press("r")
    reply = page.get_by_role("textbox", name="Public reply")
    reply.fill("We ring you on 07700 900412.")
    quoted = page.locator("#guard-reply bdi")
    expect(quoted).to_have_text("“07700 900412”")
    quoted.evaluate("(element) => (element.isFirst = true)")
    reply.fill("We ring you on 07700 900499.")
    expect(quoted).to_have_text("“07700 900499”")
    assert quoted.evaluate("(element) => [element.isFirst, element.ariaLive]") == [True, "off"]  # nothing is said again


# --- Menus and what is replaced -----------------------------------------------------------------------------------------


def test_only_the_menu_that_asked_is_closed(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(PRAISE)
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    page.locator("#thread-title").focus()
    with slow(page, "**/claim/") as let_go:
        page.keyboard.press("c")
        page.keyboard.press("s")
        expect(page.get_by_role("button", name="in 1 hour")).to_be_focused()
        let_go()
    expect(page.locator("#announcer")).not_to_be_empty()
    expect(page.get_by_role("button", name="in 1 hour")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(page.get_by_label("Note, if you like")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Note, if you like")).to_be_hidden()
    expect(page.locator("[data-act=forward]")).to_be_focused()


def test_what_changed_while_a_menu_was_open_is_shown_once_it_is_closed(windows: Windows, desk: Desk, sam: Agent, ana: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    page.keyboard.press("s")
    expect(page.get_by_role("button", name="in 1 hour")).to_be_focused()
    assign_conversation(conversation_id=conversation.pk, agent=ana, to=ana)
    expect(page.locator("[data-patch=head][data-behind]")).to_have_count(1)
    expect(page.get_by_role("button", name="in 1 hour")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".thread-state")).to_contain_text("Ana has it")
    expect(page.locator("[data-act=snooze]")).to_be_focused()


def test_a_refusal_brings_what_was_missed(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)

    def change(route: Route) -> None:
        Conversation.objects.update(version=F("version") + 1)  # told to nobody
        route.continue_()

    # Not sooner: whatever the page fetches before the press would bring it.
    page.route("**/resolve/", change, times=1)
    page.locator("#thread-title").focus()
    page.keyboard.press("e")
    expect(page.locator(".toast")).to_be_visible()
    new_version = Conversation.objects.get().version
    expect(page.locator("[data-act=resolve]").locator("xpath=..").locator("[name=version]")).to_have_value(str(new_version))
    page.keyboard.press("e")
    wait_until(lambda: Conversation.objects.get(pk=conversation.pk).status == "resolved")


def test_what_is_chosen_and_where_the_focus_is_outlive_a_look_at_the_pane(windows: Windows, desk: Desk, sam: Agent) -> None:
    make_template()
    mention = desk.mention(author="mara_k")
    assert mention.conversation is not None
    link = offer_link(conversation_id=mention.conversation.pk, kind="chat", agent=sam, reason="complex", language="en")
    page = windows.open(sam, f"/conversations/{mention.conversation.pk}/")
    wait_until_live(page)
    minutes = page.get_by_label("By when you will answer")
    minutes.select_option(index=0)
    chosen = minutes.input_value()
    page.locator("[data-patch=hops]").evaluate("(part) => (part.isFirst = true)")
    minutes.focus()
    desk.world.publish("mara_k", "and it rains", in_reply_to=mention.external_id)
    desk.read()
    expect(page.locator("[data-bubble]")).to_have_count(2)
    expect(minutes).to_have_value(chosen)
    expect(minutes).to_be_focused()
    assert page.locator("[data-patch=hops]").evaluate("(part) => part.isFirst"), "it said nothing new"

    insert = page.locator(f"[data-insert='{link_url(link)}']")
    insert.focus()
    offer_link(conversation_id=mention.conversation.pk, kind="callback", agent=sam, reason="complex", language="en")
    catch_up(page)
    expect(page.locator("[data-insert]")).to_have_count(2)
    expect(insert).to_be_focused()


def test_a_bubble_that_changes_keeps_the_focus(windows: Windows, desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    send_reply(conversation_id=conversation.pk, agent=sam, text="Thank you.", hold=0)
    Delivery.objects.update(state="failed", error="The network is closed today", finished_at=now())
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    again = page.get_by_role("button", name="Try again")
    again.focus()
    Delivery.objects.update(error="The network is closed for the week")
    catch_up(page)
    expect(page.locator("[data-delivery=failed]")).to_contain_text("for the week")
    expect(again).to_be_focused()


def test_the_open_card_stays_the_current_one_when_it_has_news(windows: Windows, desk: Desk, sam: Agent) -> None:
    mention = desk.mention(author="mara_k")
    page = windows.open(sam, f"/conversations/{mention.conversation_id}/")
    wait_until_live(page)
    desk.world.publish("mara_k", "and it rains", in_reply_to=mention.external_id)
    desk.read()
    expect(page.locator("[data-card].is-open")).to_contain_text("and it rains")
    expect(page.locator("[data-card].is-open .card-link")).to_have_attribute("aria-current", "true")


def test_after_acting_on_many_the_next_card_has_the_focus(windows: Windows, desk: Desk, sam: Agent) -> None:
    for number in range(3):
        desk.conversation("@tidewheel spam", author=f"spammer{number}")
    page = windows.open(sam)
    for _ in range(2):
        page.keyboard.press("j")
        page.keyboard.press("x")
    page.locator(".bulk").get_by_role("button", name="Resolve").click()
    expect(page.locator("[data-card]")).to_have_count(1)
    expect(page.locator(".card-link")).to_be_focused()
