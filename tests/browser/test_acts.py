"""Liking, hiding and taking down in a real browser: pressed, seen by a colleague, and without scripts."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from engagement.models import NetworkAct
from engagement.services.acts import sweep_acts
from engagement.services.send import send_reply
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.looking import look
from tests.engagement.desk import Desk, work
from tests.engagement.test_acts import comment
from tests.factories import make_agent


def perform_now(kind: str) -> None:
    """What the worker does as soon as it is told."""
    wait_until(lambda: NetworkAct.objects.filter(kind=kind, state__in=("queued", "undoing")).exists())
    sweep_acts(now=now())


def test_a_comment_is_liked_and_hidden_and_a_colleague_sees_it(windows: Windows, desk: Desk, sam: Agent) -> None:
    lena = make_agent(Role.LEAD, username="lena")
    mention = comment(desk)
    path = f"/conversations/{mention.conversation_id}/"
    page, other = windows.open(lena, path), windows.open(sam, path)
    for each in (page, other):
        wait_until_live(each)
    page.get_by_text("Like or hide").click()
    look(page, "what can be done to a comment", within="[data-thread]")
    page.get_by_role("button", name="Like this post").click()
    expect(page.get_by_text("It is being liked.").first).to_be_visible()
    perform_now("like")
    for each in (page, other):
        expect(each.locator("[data-act-state='like done']")).to_contain_text("Liked by Lena")
    page.locator(".bubble-acts summary", has_text="Hide").click()
    page.get_by_role("button", name="Hide this comment").click()
    perform_now("hide")
    for each in (page, other):
        expect(each.locator("[data-act-state='hide done']")).to_contain_text("Hidden by Lena")
    look(page, "a liked and hidden comment", within="[data-thread]")
    assert desk.world.likes(mention.external_id) == 1
    expect(other.get_by_role("button", name="Show it again")).to_have_count(0)  # for leads
    other.get_by_role("button", name="Take the like back").click()
    perform_now("like")
    for each in (page, other):
        expect(each.locator("[data-act-state='like undone']")).to_contain_text("Liked by Lena, taken back by Sam")
    page.get_by_role("button", name="Show it again").click()
    perform_now("hide")
    for each in (page, other):
        expect(each.locator("[data-act-state='hide undone']")).to_contain_text("Hidden by Lena, shown again by Lena")
    look(page, "a comment that is shown again", within="[data-thread]")
    page.get_by_text("Like or hide").click()
    expect(page.get_by_role("button", name="Like this post")).to_be_visible()
    assert desk.world.likes(mention.external_id) == 0


def answered(desk: Desk, sam: Agent) -> str:
    mention = desk.mention()
    assert mention.conversation_id is not None
    send_reply(conversation_id=mention.conversation_id, agent=sam, text="On its way", hold=0)
    work(now())
    return f"/conversations/{mention.conversation_id}/"


def take_down(page: Page) -> None:
    page.get_by_text("Take down", exact=True).click()
    expect(page.get_by_text("which cannot be undone")).to_be_visible()
    page.get_by_role("button", name="Take it down for good").click()


def test_an_answer_is_taken_down_after_a_second_press(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = windows.open(sam, answered(desk, sam))
    wait_until_live(page)
    take_down(page)
    expect(page.locator("[data-act-state='delete queued']")).to_be_visible()
    perform_now("delete")
    expect(page.locator("[data-act-state='delete done']")).to_contain_text("Taken down by Sam")
    expect(page.locator(".bubble.internal")).to_contain_text("A public answer of ours was taken down on Sandbox.")
    look(page, "an answer that was taken down", within="[data-thread]")


def test_it_works_without_scripts(windows: Windows, desk: Desk, sam: Agent) -> None:
    page = windows.open(sam, answered(desk, sam), java_script_enabled=False)
    take_down(page)
    expect(page.locator("[data-act-state='delete queued']")).to_be_visible()
    perform_now("delete")
    page.reload()
    expect(page.locator("[data-act-state='delete done']")).to_contain_text("Taken down by Sam")


def test_a_post_is_liked_by_key(windows: Windows, desk: Desk, sam: Agent) -> None:
    mention = desk.mention()
    page = windows.open(sam, f"/conversations/{mention.conversation_id}/")
    wait_until_live(page)
    page.keyboard.press("y")
    expect(page.get_by_role("button", name="Like this post")).to_be_focused()
    assert not NetworkAct.objects.exists()
    page.keyboard.press("Enter")
    perform_now("like")
    expect(page.locator("[data-act-state='like done']")).to_contain_text("Liked by Sam")
