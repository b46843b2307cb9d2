"""Praise in a real browser: the agent's key, marketing's board, the question, the repost, and the agent who is told."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from engagement.models import Compliment, Delivery, Message, Permission
from engagement.services.permissions import withdraw_permission
from engagement.services.praise_replies import thank_author
from engagement.services.shares import share_compliment
from listening.services.conversations import claim_conversation
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.browser.conftest import Server, Windows, wait_until, wait_until_live
from tests.browser.looking import SCHEMES, assert_fits, look, resize
from tests.engagement.desk import work
from tests.engagement.praise import PRAISE, Praise
from tests.factories import make_agent

WIDTHS = (320, 768, 1280)
CLOSED = "main details:not([open], [data-dropdown], .sentiment, .board-keys) > summary:visible"
PICTURES = os.environ.get("PICTURES", "")  # a folder, when somebody wants to see them


@pytest.fixture
def rafa(server: Server) -> Agent:
    return make_agent(Role.MARKETING, username="rafa")


@pytest.fixture
def praise(server: Server, sam: Agent, rafa: Agent) -> Praise:
    return Praise(sam, rafa)


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=str(Path(PICTURES) / f"{name}.png"), full_page=True)


def picture_in_every_scheme(page: Page, name: str) -> None:
    if not PICTURES:
        return
    for scheme, _ in reversed(SCHEMES):  # light at last, as it was
        page.emulate_media(color_scheme=scheme)
        picture(page, f"{name}-{scheme}")


def deliver_what_waits() -> None:
    """What the worker does once Undo is over."""
    wait_until(lambda: Delivery.objects.filter(state="queued").exists())
    work(now() + timedelta(minutes=1))


def test_praise_goes_from_the_agents_key_to_the_repost_and_the_agent_is_told(
    windows: Windows, praise: Praise, sam: Agent, rafa: Agent
) -> None:
    praise.world.add_account("mara_k", display_name="Mara K.", followers=12_400)
    mention = praise.mention(PRAISE, author="mara_k")
    agent = windows.open(sam)
    wait_until_live(agent)
    board = windows.open(rafa, "/compliments/")
    wait_until_live(board)

    agent.keyboard.press("j")
    agent.keyboard.press("f")
    expect(agent.get_by_label("Note, if you like")).to_be_focused()
    agent.keyboard.type("the whole hub should read this")
    picture(agent, "forward-menu")
    agent.keyboard.press("Enter")
    expect(agent.locator("[data-card]")).to_contain_text("praise forwarded")
    expect(agent.locator(".bubble.internal")).to_contain_text("Praise forwarded to marketing. the whole hub should read this")
    expect(agent.locator("[data-act=forward]")).to_contain_text("Praise: new")

    card = board.locator("[data-compliment]")
    expect(card).to_contain_text("the whole hub should read this")
    expect(card).to_contain_text("12k followers")
    board.keyboard.press("j")
    expect(card.get_by_role("link", name="Mara K.", exact=True)).to_be_focused()
    board.keyboard.press("a")
    asked = board.locator(".board-column", has=board.get_by_role("heading", name="Permission asked"))
    expect(asked.locator("[data-compliment]")).to_contain_text("The question: held back")
    deliver_what_waits()
    expect(asked).to_contain_text("The question: sent")
    assert [post.text for post in praise.answers(mention)] == [
        "Thank you, Mara K.! May we repost this on our account? A simple yes or no is enough."
    ]

    question = Message.objects.get(kind="reply")
    praise.world.reply_as("mara_k", question.external_id, "Yes of course, go ahead!")
    praise.read()
    expect(asked).to_contain_text("reads like a yes")
    assert not Permission.objects.exists()
    board.keyboard.press("y")
    granted = board.locator(".board-column", has=board.get_by_role("heading", name="Granted"))
    expect(granted.locator("[data-compliment]")).to_contain_text("Mara K.")
    expect(agent.locator(".toast.good")).to_contain_text("@mara_k agrees")
    expect(agent.locator("[data-card]")).to_contain_text("praise granted")

    board.keyboard.press("r")
    expect(granted).to_contain_text("The repost: held back")
    deliver_what_waits()
    reposted = board.locator(".board-column", has=board.get_by_role("heading", name="Reposted"))
    expect(reposted.locator("[data-compliment]")).to_contain_text("The repost: sent")
    assert [post.repost_of for post in praise.ours()] == [mention.external_id]
    expect(agent.locator(".toast.good").last).to_contain_text("was reposted")
    agent.locator(".toast.good").last.hover()  # so it stays, however long the rest takes
    expect(agent.locator(".bubble.ours").last).to_contain_text("Repost of the post by @mara_k")
    picture(agent, "agent-told")

    agent.locator(".toast.good").last.get_by_role("link", name="See it").click()
    expect(agent.get_by_role("heading", level=1)).to_have_text("Praise by Mara K.")
    expect(agent.locator(".praise-history")).to_contain_text("Rafa recorded that the author agrees")
    expect(agent.locator(".praise-acts")).to_have_count(0)  # an agent sees it all and decides nothing


def test_f_then_enter_forwards_without_a_note(windows: Windows, praise: Praise, sam: Agent) -> None:
    conversation = praise.conversation(PRAISE)
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    page.keyboard.press("f")
    expect(page.get_by_label("Note, if you like")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#announcer")).to_have_text("Praise forwarded to marketing.")
    assert Compliment.objects.get().note == ""
    expect(page.locator("[data-act=forward]")).to_contain_text("Praise: new")
    page.keyboard.press("f")
    expect(page.get_by_role("link", name="See what became of it")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("[data-act=forward]")).to_be_focused()


def test_marketing_forwards_too_and_is_asked_to_wait_while_an_agent_is_at_it(
    windows: Windows, praise: Praise, sam: Agent, rafa: Agent
) -> None:
    conversation = praise.conversation(PRAISE)
    page = windows.open(rafa, f"/conversations/{conversation.pk}/")
    page.keyboard.press("f")
    page.keyboard.press("Enter")
    wait_until(lambda: Compliment.objects.exists())
    claim_conversation(conversation_id=conversation.pk, agent=sam)
    page.goto("/compliments/")
    wait_until_live(page)
    page.get_by_role("button", name="Ask to repost").click()
    expect(page.locator(".toast")).to_contain_text("Sam is working on this")
    assert not Message.objects.filter(kind="reply").exists()


def test_the_board_works_without_javascript(windows: Windows, praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward(note="lovely")
    page = windows.open(rafa, "/compliments/", java_script_enabled=False)
    page.get_by_role("button", name="Ask to quote").click()
    expect(page.get_by_text("The author is asked in public.")).to_be_visible()
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("Taken back.")).to_be_visible()
    page.get_by_role("link", name=compliment.mention.author.username, exact=True).click()
    page.get_by_role("radio").first.check()
    page.get_by_label("They agree to").select_option("quote")
    page.get_by_role("button", name="They agree").click()
    expect(page.get_by_text("Recorded: the author agrees.")).to_be_visible()
    page.get_by_text("What the quote says").click()
    expect(page.locator(".praise-quote")).to_contain_text("was wonderful")
    page.get_by_role("button", name="Quote with credit").click()
    expect(page.get_by_text("The quote: held back")).to_be_visible()
    deliver_what_waits()
    page.reload()
    expect(page.get_by_text("The quote: sent.")).to_be_visible()
    page.get_by_role("button", name="End the permission").click()
    expect(page.get_by_text("It is being removed.")).to_be_visible()


def test_keys_that_mean_nothing_here_say_so_and_stay_quiet_when_switched_off(windows: Windows, praise: Praise, rafa: Agent) -> None:
    praise.forward()
    page = windows.open(rafa, "/compliments/")
    wait_until_live(page)
    page.keyboard.press("a")
    expect(page.locator(".toast")).to_contain_text("Choose one first")
    page.evaluate("document.documentElement.dataset.keys = 'off'")
    page.keyboard.press("j")
    page.keyboard.press("a")
    page.wait_for_timeout(300)
    assert not Message.objects.filter(kind="reply").exists()


@pytest.fixture
def full_board(praise: Praise, rafa: Agent) -> Compliment:
    """Something in every column, in three languages, with long words and all that can be wrong."""
    world = praise.world
    world.add_account("greta_n", display_name="Greta Nussbaum", language="de", followers=800)
    world.add_account("amal", display_name="أمل", language="ar", followers=52_000)
    world.add_account("x" * 30, display_name="Verylongname" * 4, followers=3)
    praise.forward(note="She names the hub. Could be a story for the newsletter?", author="mara_k")
    praise.forward("@tidewheel شكرًا جزيلًا على سرعة التوصيل والتعامل الراقي، أنتم رائعون فعلًا", author="amal")
    praise.forward("@tidewheel thanks " + "w" * 80, author="x" * 30, to=make_agent())
    for text, author in (("Yes, of course!", "ben"), ("Depends. Would my name be on it?", "cleo"), ("No, thanks.", "dora")):
        praise.says(praise.asked(author=author), text)
    praise.asked(text="@tidewheel Der Fahrer war wirklich sehr freundlich, vielen herzlichen Dank!", author="greta_n", purpose="quote")
    praise.granted(author="emil")
    praise.granted(author="fay", purpose="quote")
    compliment, _ = praise.shared()
    thank_author(compliment_id=compliment.pk, agent=rafa, answer_seen=1, hold=0)
    gone, _ = praise.shared(purpose="quote")
    withdraw_permission(compliment_id=gone.pk, agent=rafa)
    praise.shared()
    failed = praise.granted(author="gus")
    share_compliment(compliment_id=failed.pk, agent=rafa, hold=0)
    world.faults.set("server_error", 1.0)
    world.faults.set("lookup_down", 1.0)
    work(now())
    world.faults.heal()
    Delivery.objects.filter(message__permission__compliment=failed).update(state="unconfirmed", error="The sandbox failed: 500")
    return gone


def test_the_board_and_an_entry_are_accessible_and_fit(windows: Windows, full_board: Compliment, rafa: Agent) -> None:
    page = windows.open(rafa, "/compliments/", width=WIDTHS[0])
    for name, path in (
        ("board", "/compliments/"),
        ("asked", "/compliments/?state=permission_asked"),
        ("declined", "/compliments/?state=declined"),
        ("entry", f"/compliments/{full_board.pk}/"),
        ("new entry", f"/compliments/{Compliment.objects.filter(state='new').latest('pk').pk}/"),
    ):
        resize(page, WIDTHS[0])
        page.goto(path)
        if name == "board":
            page.get_by_text("Keys", exact=True).click()
        for width in WIDTHS:
            resize(page, width)
            picture_in_every_scheme(page, f"{name}-{width}")
            closed = page.locator(CLOSED)
            while closed.count():  # where there is more room, there is more to open
                closed.first.click()
            look(page, name, widths=[width])
    for width in WIDTHS:
        resize(page, width)
        page.goto(f"/conversations/{full_board.conversation_id}/")
        picture_in_every_scheme(page, f"thread-{width}")
        assert_fits(page, "thread")
        page.keyboard.press("f")
        expect(page.get_by_role("link", name="See what became of it")).to_be_focused()
        look(page, "forward menu", widths=[width])
        picture_in_every_scheme(page, f"menu-{width}")


def test_on_a_phone_the_board_is_one_column_with_tabs(windows: Windows, full_board: Compliment, rafa: Agent) -> None:
    page = windows.open(rafa, "/compliments/", width=390)
    expect(page.locator(".board-column:visible")).to_have_count(1)
    page.get_by_role("link", name="Permission asked 4").click()
    expect(page.locator(".board-column:visible").get_by_role("heading", level=2)).to_contain_text("Permission asked")
    expect(page.locator("[data-compliment]:visible")).to_have_count(4)
