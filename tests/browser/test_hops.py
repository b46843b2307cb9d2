"""Each move to another channel, whole: from the agent's key to the thank-you in public, the customer on a phone of 320 pixels.

The link is the one that stands in the post on the network. What the phone shows fits it and weighs little, with and without JavaScript.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Response, expect

from engagement.models import CallbackRequest, ChatSession, Delivery, Draft, Hop, Message, ShortLink, SurveyAnswer, Ticket
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from tests.browser.conftest import Server, Windows, wait_until, wait_until_live
from tests.engagement.calls import NUMBER, open_day
from tests.engagement.desk import Desk, work
from tests.engagement.texts import make_template

HEAVIEST = 30_000  # bytes of HTML, as they go over the air
SORRY = "We are sorry, Mara. This way, please:"

pytestmark = pytest.mark.usefixtures("world")
scripts_or_not = pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])


@pytest.fixture
def world(server: Server, settings: Any) -> None:
    """Links lead to this server, and nothing is held back: what comes before and after is in the order in which it is done."""
    settings.PUBLIC_URL = settings.LINK_URL = server.url
    settings.UNDO_SECONDS = 0
    open_day()


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    desk.world.add_account("mara_k", display_name="Mara")
    desk.world.follow("mara_k")  # else there is no private door
    return desk.conversation("@tidewheel my wheel squeaks", author="mara_k")


class AtTheDesk:
    """An agent before a wide window, who works by keys, and the worker behind them."""

    def __init__(self, windows: Windows, desk: Desk, agent: Agent, conversation: Conversation) -> None:
        self._desk = desk
        self._conversation = conversation
        self.page = windows.open(agent)
        wait_until_live(self.page)
        self.press("j", "Enter")
        self.wait_until_open()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def wait_until_open(self) -> None:
        expect(self.page.locator(f"#conversation[data-ready='{self._conversation.pk}']")).to_have_count(1)

    def come_back(self) -> None:
        """From a page beside the desk to the conversation."""
        if f"/conversations/{self._conversation.pk}/" not in self.page.url:
            self.page.goto(f"/conversations/{self._conversation.pk}/")
        self.wait_until_open()
        wait_until_live(self.page)

    @property
    def public(self) -> Locator:
        return self.page.get_by_role("textbox", name="Public reply")

    def send(self, field: Locator) -> str:
        """Ctrl+Enter, and the worker delivers. Returns what was sent."""
        expect(field).to_be_focused()
        text = field.input_value()
        sent = Delivery.objects.filter(state="sent").count()
        self.press("Control+Enter")
        wait_until(lambda: Delivery.objects.filter(state="queued").exists())
        work(now())
        expect(self.page.locator("[data-delivery=sent]")).to_have_count(sent + 1)
        return text

    def offer(self, words: str, *, reason: str = "complex") -> str:
        """A link of that kind by the key l, into the public answer. Returns the address that stands in the post on the network."""
        self.press("r")
        self.page.keyboard.type(SORRY)
        self.press("Escape", "l")
        menu = self.page.locator("form.link-menu:visible")
        expect(menu.get_by_label("Why elsewhere")).to_be_focused()
        menu.get_by_label("Why elsewhere").select_option(reason)
        menu.get_by_role("button", name=words, exact=True).press("Enter")
        return self.send_link()

    def send_link(self) -> str:
        expect(self.public).to_have_value(re.compile(rf"^{re.escape(SORRY)} http\S+$"))
        assert self.send(self.public) == self.posts()[-1]
        return link_in(self.posts()[-1])

    def posts(self) -> list[str]:
        """What stands on the network below what the customer wrote, the oldest first."""
        return [post.text for post in self._desk.answers_of_thread(self._conversation)]

    def thank(self) -> str:
        """The thank-you that was drafted goes out, and the conversation is over. Returns the address of its survey."""
        owed = Hop.objects.get()
        assert owed.state == Hop.State.DONE
        # It does not come into a text that somebody is at.
        expect(self.page.locator("[data-writing=reply] textarea")).to_have_value(Draft.objects.get(kind="reply").text)
        self.press("r")
        text = self.send(self.public)
        assert text.startswith("@mara_k Thank you for sorting this out with us, Mara.")
        assert [post for post in self.posts() if "Thank you" in post] == [text] == self.posts()[-1:]
        owed.refresh_from_db()
        assert (owed.state, owed.return_message) == (Hop.State.RETURNED, Message.objects.get(text=text))
        self.resolve()
        return link_in(text)

    def resolve(self) -> None:
        self._conversation.refresh_from_db()
        assert self._conversation.returns_owed == 0
        version = self.page.locator("[data-act=resolve]").locator("xpath=..").locator("[name=version]")
        known = Conversation.objects.filter(pk=self._conversation.pk).values_list("version", flat=True)
        wait_until(lambda: version.input_value() == str(known.get()))  # else it is refused, rightly
        self.press("e")
        wait_until(lambda: Conversation.objects.filter(pk=self._conversation.pk, status="resolved").exists())


def link_in(text: str) -> str:
    found = re.search(r"http\S+/s/\S+", text)
    assert found is not None, text
    return found.group()


class Phone:
    """The customer's: what it shows is looked at after every step."""

    def __init__(self, windows: Windows, address: str, *, scripts: bool) -> None:
        self._documents: list[Response] = []
        self._complaints = windows.complaints
        self.page = windows.open(None, "about:blank", width=320, height=640, java_script_enabled=scripts)
        self.page.on("response", self._note)
        self.page.goto(address)

    def _note(self, response: Response) -> None:
        if response.request.resource_type == "document" and not 300 <= response.status < 400:
            self._documents.append(response)

    def sees(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", level=1, name=heading)).to_be_visible()
        self.look()

    def look(self) -> None:
        self.page.wait_for_load_state()
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{self.page.url} is {wide} pixels too wide"
        weight = self._documents[-1].request.sizes()["responseBodySize"]
        assert 0 < weight < HEAVIEST, f"{self.page.url} weighs {weight} bytes"

    def finds_it_used_up(self, address: str) -> None:
        self.page.goto(address)
        self.sees("This link does not work")
        self._complaints[:] = [said for said in self._complaints if "status of 404" not in said]

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()


Open = Callable[[str], Phone]


@pytest.fixture
def at_the_desk(windows: Windows, desk: Desk, sam: Agent, conversation: Conversation) -> AtTheDesk:
    return AtTheDesk(windows, desk, sam, conversation)


@pytest.fixture
def phone(windows: Windows, scripts: bool) -> Open:
    return lambda address: Phone(windows, address, scripts=scripts)


def ask_for_a_call(phone: Phone) -> None:
    phone.sees("We call you")
    phone.page.get_by_label("Your telephone number").fill(NUMBER)
    phone.page.get_by_label("What is it about?").fill("The wheel")
    phone.page.get_by_label(re.compile("may call me")).check()
    phone.press("Go on")
    phone.sees("Is this right?")
    expect(phone.page.get_by_text("+44 117 496 0140")).to_be_visible()
    phone.press("Yes, call me")
    phone.sees("Thank you")


def call_them(at_the_desk: AtTheDesk) -> None:
    """The agent finds the call in its queue, makes it, and notes that they spoke."""
    page = at_the_desk.page
    expect(page.locator('[data-count="callbacks"]')).to_have_text("1")
    page.locator("#thread-title").focus()
    at_the_desk.press("g", "b")
    page.wait_for_url("**/callbacks/")
    page.get_by_role("button", name=re.compile("I call now")).press("Enter")
    expect(page.get_by_role("link", name=NUMBER)).to_be_visible()
    page.get_by_label("Note for your team").fill("A new wheel is on its way")
    page.get_by_role("button", name="Reached").press("Enter")
    page.wait_for_url("**/conversations/*/")
    at_the_desk.come_back()
    assert CallbackRequest.objects.get().state == "reached"


def rate(phone: Phone, address: str) -> None:
    """The customer says how it was, once; then the link is used up."""
    phone.sees("How did we do?")
    phone.page.get_by_label("Good", exact=True).check()
    phone.page.get_by_label(re.compile("Anything that you want to tell us")).fill("Quick, and kind")
    phone.press("Send")
    phone.sees("Thank you")
    answer = SurveyAnswer.objects.get()
    assert (answer.score, answer.comment) == (4, "Quick, and kind")
    assert answer.link.progress == "sent"
    phone.finds_it_used_up(address)


@scripts_or_not
def test_a_call(at_the_desk: AtTheDesk, phone: Open) -> None:
    ask_for_a_call(phone(at_the_desk.offer("Callback form")))
    call_them(at_the_desk)
    at_the_desk.thank()


@scripts_or_not
def test_a_chat(at_the_desk: AtTheDesk, phone: Open) -> None:
    agent = at_the_desk.page
    expect(agent.locator("[data-chats-bar]")).to_contain_text("You take chats")
    customer = phone(at_the_desk.offer("Chat"))
    live = customer.page.locator("[data-status]")
    customer.sees("Chat with us")

    def refresh() -> None:
        """What JavaScript brings by itself, a link brings without it."""
        see_what_is_new = customer.page.get_by_role("link", name="See what is new")
        if see_what_is_new.count():
            see_what_is_new.click()

    customer.page.get_by_label("Your message").fill("My wheel squeaks")
    customer.press("Start the chat")
    expect(live).to_contain_text("You are next")
    customer.look()

    expect(agent.locator("[data-act=accept_chat]")).to_be_visible()
    at_the_desk.press("h")
    field = agent.get_by_role("textbox", name="Chat")
    expect(field).to_be_focused()
    agent.keyboard.type("Front or back?")
    at_the_desk.press("Enter")
    expect(field).to_have_value("")
    wait_until(lambda: ChatSession.objects.filter(lines__is_ours=True).exists())
    refresh()
    expect(live).to_have_text("An agent is with you: Sam.")
    expect(customer.page.locator(".line.ours .said")).to_have_text("Front or back?")
    customer.page.get_by_label("Your message").fill("The back one")
    customer.press("Send")
    expect(agent.locator(".bubble.private .bubble-text").last).to_have_text("The back one")
    said = customer.page.locator("[data-number] .said")
    expect(said).to_have_text(["My wheel squeaks", "Front or back?", "The back one"])
    customer.look()

    agent.get_by_role("button", name="End chat").press("Enter")
    expect(field).to_have_count(0)
    refresh()
    expect(live).to_contain_text("This chat has ended")
    expect(customer.page.get_by_label("Your message")).to_have_count(0)  # what says so first is still the page before
    expect(said).to_have_text(["My wheel squeaks", "Front or back?", "The back one"])
    customer.look()
    agent.locator("#thread-title").focus()
    at_the_desk.thank()


@scripts_or_not
def test_a_ticket_that_was_not_solved_the_first_time(at_the_desk: AtTheDesk, phone: Open) -> None:
    page = at_the_desk.page
    at_the_desk.press("r")
    page.keyboard.type(SORRY)
    at_the_desk.press("Escape", "t")
    expect(page.get_by_role("button", name="Make it a ticket")).to_be_focused()
    at_the_desk.press("Enter")
    customer = phone(at_the_desk.send_link())
    name = Ticket.objects.get().name

    customer.sees(name)
    customer.page.get_by_label("What else should we know?").fill("It is the back one")
    customer.press("Send")
    expect(customer.page.get_by_role("status")).to_contain_text("Thank you, we have it.")
    customer.look()

    def solve() -> None:
        page.locator("#thread-title").focus()
        at_the_desk.press("t")
        expect(page.get_by_role("link", name="Open the ticket")).to_be_focused()
        at_the_desk.press("Enter")
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        page.get_by_role("button", name="Solved").press("Enter")
        expect(page.get_by_text("Solved: the customer is asked on the status page")).to_be_visible()
        at_the_desk.come_back()

    solve()
    customer.page.reload()
    customer.sees(name)
    customer.page.get_by_label("What is missing").fill("It still squeaks")
    customer.press("No, it is not solved")
    expect(customer.page.get_by_role("status")).to_contain_text("We go on working on it, with more urgency.")
    customer.look()
    assert Hop.objects.get().state == Hop.State.BEGUN

    solve()
    customer.page.goto(customer.page.url.split("/again")[0])
    customer.press("Yes, it is solved")
    expect(customer.page.get_by_role("status")).to_contain_text("The matter is closed.")
    customer.look()
    ticket = Ticket.objects.get()
    assert (ticket.state, ticket.customer_says, ticket.reopened) == ("closed", "solved", 1)
    at_the_desk.thank()


CHOICE = "Call, chat or stay here: their choice"


@scripts_or_not
def test_a_choice_of_a_call(at_the_desk: AtTheDesk, phone: Open) -> None:
    customer = phone(at_the_desk.offer(CHOICE))
    customer.sees("How shall we go on?")
    customer.page.get_by_role("link", name="Call me").click()
    ask_for_a_call(customer)
    call_them(at_the_desk)
    at_the_desk.thank()
    assert Hop.objects.get().channel == "callback"


@scripts_or_not
def test_a_choice_to_stay_owes_nothing_but_the_answer(at_the_desk: AtTheDesk, phone: Open, desk: Desk) -> None:
    customer = phone(at_the_desk.offer(CHOICE))
    customer.sees("How shall we go on?")
    customer.press("Stay where we are")
    customer.sees("We stay where we are")
    expect(at_the_desk.page.locator(".hops")).to_contain_text("wants to stay here")
    assert Hop.objects.get().state == Hop.State.OFFERED
    at_the_desk.press("r")
    at_the_desk.page.keyboard.type("A drop of oil on the axle helps.")
    at_the_desk.send(at_the_desk.public)
    assert at_the_desk.posts()[-1] == "A drop of oil on the axle helps."
    wait_until(lambda: not Draft.objects.exclude(text="").exists())
    at_the_desk.resolve()


@scripts_or_not
def test_a_private_message_and_the_survey_of_its_thank_you(at_the_desk: AtTheDesk, phone: Open, desk: Desk) -> None:
    make_template()
    page = at_the_desk.page
    page.reload()
    at_the_desk.come_back()
    at_the_desk.press("w")
    wait_until(lambda: Delivery.objects.filter(state="queued").exists())
    work(now())
    expect(page.locator("[data-delivery=sent]")).to_have_count(1)
    assert at_the_desk.posts()[-1].startswith("We have seen this, ")

    at_the_desk.press("m")
    private = page.get_by_role("textbox", name="Private")
    expect(private).to_be_focused()
    page.keyboard.type("Which wheel is it?")
    page.get_by_label("Why in private").select_option("personal_details")
    private.focus()
    at_the_desk.send(private)
    assert [message.text for message in desk.world.messages_between("mara_k")] == ["Which wheel is it?"]
    desk.world.message_as("mara_k", "The back one, 12 Example Street")
    desk.read()
    expect(page.locator(".bubble.private .bubble-text").last).to_have_text("The back one, 12 Example Street")
    page.get_by_role("button", name="Done there: thank them here").press("Enter")
    expect(page.locator(".hops")).to_contain_text("the public thread waits for its thank-you")
    page.locator("#thread-title").focus()
    survey = at_the_desk.thank()
    assert len(at_the_desk.posts()) == 2, "what is private stays so"
    rate(phone(survey), survey)


@scripts_or_not
def test_a_survey_that_the_agent_asks_for(at_the_desk: AtTheDesk, phone: Open) -> None:
    survey = at_the_desk.offer("Survey: how did we do?", reason="")  # it leads nowhere else, so nobody asks why
    rate(phone(survey), survey)
    assert ShortLink.objects.get().message == Message.objects.get(text=f"{SORRY} {survey}")
    assert not Hop.objects.exists()
    at_the_desk.resolve()
