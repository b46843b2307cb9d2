"""Rules, drafts for a lead and the brake in a real browser: from a draft to the network, the one who waits and the one who decides."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from engagement.models import Approval, BrakeLift, Delivery, EngagementRule, MustAnswer
from engagement.services.approvals import submit_reply
from engagement.services.brake import CLOSING_LINES
from engagement.services.marks import mark_last_week
from engagement.services.policy import save_policy
from listening.models import Conversation
from listening.services.conversations import release_claim
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows, wait_until, wait_until_live
from tests.browser.looking import WIDTHS, look, resize
from tests.browser.test_answering import deliver_now, write
from tests.engagement.desk import Desk, work
from tests.engagement.heated import anger, angry_conversation, answer, make_rule
from tests.factories import make_agent, make_author, make_post, push


@pytest.fixture
def lena(server: object) -> Agent:
    return make_agent(Role.LEAD, username="lena")


@pytest.fixture
def conversation(desk: Desk, lena: Agent) -> Conversation:
    make_rule("approval", "Refunds", lead=lena, query="refund")
    return desk.conversation("@tidewheel where is my refund?", author="mara_k")


def open_brake(desk: Desk, agent: Agent, answers: int) -> Conversation:
    heated = angry_conversation(desk, "mara_k")
    for _ in range(answers):
        answer(heated, agent, moment=now() + timedelta(hours=1))
        anger(desk, "mara_k")
    release_claim(conversation_id=heated.pk, agent=agent)
    return heated


def test_a_draft_waits_is_changed_approved_and_sent(
    windows: Windows, desk: Desk, sam: Agent, lena: Agent, conversation: Conversation, settings: Any
) -> None:
    settings.UNDO_SECONDS = 60
    queue = windows.open(lena, "/approvals/")
    wait_until_live(queue)
    expect(queue.get_by_text("No draft waits.")).to_be_visible()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    expect(page.locator("[data-patch=policy]")).to_contain_text("A lead reads your public answer first: rule “Refunds”.")
    write(page, "r", "Public reply", "It is on it's way.")
    page.get_by_role("button", name="Send to a lead").click()
    expect(page.locator("[data-approval]")).to_contain_text("Your draft waits for a lead: rule “Refunds”.")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("")
    expect(page.locator("#announcer")).to_contain_text("Waits for a lead: rule “Refunds”.")
    assert not Delivery.objects.exists()

    expect(queue.locator("[data-approvals-pending]")).to_have_text("1")  # live, in the header
    queue.get_by_role("link", name=re.compile("mara_k.*on it's way")).click()
    expect(queue.locator(".said-entry")).to_contain_text(["where is my refund?"])
    text = queue.get_by_role("textbox", name="The answer, as everyone will read it")
    text.fill("It is on its way.")
    expect(queue.locator("[data-length]")).to_contain_text("17 / 500")
    queue.get_by_role("button", name="Approve and send publicly").click()
    expect(queue.get_by_text("Approved: it goes out as the answer of Sam.")).to_be_visible()
    expect(queue.locator("[data-approvals-pending]")).to_be_hidden()

    expect(page.locator("#announcer")).to_contain_text("Lena approved your draft.")
    expect(page.locator(".bubble.ours [data-delivery=queued]")).to_be_visible()
    expect(page.locator("[data-approval]")).to_have_count(0)
    deliver_now()
    expect(page.locator("[data-delivery=sent]")).to_be_visible()
    assert [post.text for post in desk.answers(conversation)] == ["It is on its way."]


def test_a_declined_draft_comes_back_with_its_note(windows: Windows, sam: Agent, lena: Agent, conversation: Conversation) -> None:
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    wait_until_live(page)
    write(page, "r", "Public reply", "Soon.")
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-approval]")).to_be_visible()
    expect(page.locator("#thread-title")).to_be_focused()  # the text has left: what is pressed next is a key
    write(page, "m", "Private", "Dear Mara")  # the door that is open stays open

    queue = windows.open(lena, "/approvals/")
    queue.get_by_label("A word to Sam").fill("Say when")
    queue.get_by_role("button", name="Decline").click()
    expect(queue.get_by_text("Declined: Sam has it as a draft again.")).to_be_visible()

    expect(page.locator(".toast")).to_contain_text("Lena sent your draft back.")
    expect(page.locator("[data-patch=policy]")).to_contain_text("Lena sent your draft back: Say when")
    expect(page.locator("[data-door=direct_message]")).to_be_checked()
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Soon.")


def test_a_draft_is_taken_back(windows: Windows, sam: Agent, conversation: Conversation) -> None:
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "r", "Public reply", "Soon.")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("")
    page.get_by_role("button", name="Take it back").click()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Soon.")
    expect(page.locator("[data-approval]")).to_have_count(0)
    assert Approval.objects.get().state == "withdrawn"


def test_what_changed_meanwhile_is_shown_and_accepted(
    windows: Windows, desk: Desk, sam: Agent, lena: Agent, conversation: Conversation
) -> None:
    submit_reply(conversation_id=conversation.pk, agent=sam, text="Soon.")
    queue = windows.open(lena, "/approvals/")
    expect(queue.get_by_role("button", name="Approve and send publicly")).to_be_visible()
    answer(conversation, lena, "I am on it")
    queue.get_by_role("textbox", name="The answer, as everyone will read it").fill("Very soon.")
    queue.get_by_role("button", name="Approve and send publicly").click()
    expect(queue.get_by_role("alert").filter(has_text="Lena answered this already")).to_be_visible()
    expect(queue.get_by_text("Since it was written: Lena answered this post meanwhile.")).to_be_visible()
    expect(queue.get_by_role("textbox", name="The answer, as everyone will read it")).to_have_value("Very soon.")
    release_claim(conversation_id=conversation.pk, agent=lena)
    queue.get_by_role("button", name="Approve as a further answer").click()
    expect(queue.get_by_text("Approved: it goes out as the answer of Sam.")).to_be_visible()
    work(now() + timedelta(seconds=30))
    assert [post.text for post in desk.answers(conversation)] == ["I am on it", "Very soon."]


def test_a_draft_that_somebody_else_decides_says_so_where_it_is_read(
    windows: Windows, sam: Agent, lena: Agent, conversation: Conversation
) -> None:
    submit_reply(conversation_id=conversation.pk, agent=sam, text="Soon.")
    first, second = windows.open(lena, "/approvals/"), windows.open(make_agent(Role.LEAD, username="otto"), "/approvals/")
    wait_until_live(second)
    first.get_by_role("button", name="Decline").click()
    expect(second.get_by_text("Lena declined it.")).to_be_visible()
    expect(second.get_by_role("button", name="Approve and send publicly")).to_be_disabled()
    expect(second.get_by_text("No draft waits.")).to_be_visible()


def test_a_never_rule_stands_at_the_public_door_and_the_other_doors_stay_open(
    windows: Windows, desk: Desk, sam: Agent, lena: Agent
) -> None:
    make_rule("never", "Court cases", lead=lena, query="lawsuit")
    press = desk.conversation("@tidewheel what about the lawsuit?", author="press")
    page = windows.open(sam, f"/conversations/{press.pk}/")
    expect(page.locator("#obstacle-reply")).to_contain_text("The rule “Court cases” says: never answer this in public.")
    expect(page.get_by_role("button", name="Send publicly")).to_be_disabled()
    write(page, "n", "Note", "Press office told.")
    expect(page.get_by_role("button", name="Add note")).to_be_enabled()


def test_a_heated_thread_suggests_the_private_door_and_switches_nothing_by_itself(windows: Windows, desk: Desk, sam: Agent) -> None:
    heated = open_brake(desk, sam, 2)
    page = windows.open(sam, f"/conversations/{heated.pk}/")
    line = page.locator(".outlook-line").filter(has_text="Better in private.")
    expect(line).to_contain_text("They went back and forth 2 times in public")
    expect(page.locator("[data-door=reply]")).to_be_checked()
    line.get_by_role("button", name="Write in private").click()
    expect(page.locator("[data-door=direct_message]")).to_be_checked()
    expect(page.get_by_role("textbox", name="Private")).to_be_focused()


def test_an_answer_cools_down_and_can_be_taken_back(windows: Windows, desk: Desk, sam: Agent) -> None:
    heated = open_brake(desk, sam, 3)
    page = windows.open(sam, f"/conversations/{heated.pk}/")
    expect(page.locator("[data-patch=policy]")).to_contain_text("the next one cools down for 10 minutes")
    write(page, "r", "Public reply", "Once more: it is on its way.")
    page.keyboard.press("Control+Enter")
    expect(page.locator(".outgoing-bar")).to_contain_text("It goes out in 10 min. It cools down first")
    bubble = page.locator(".bubble", has_text="Once more")
    expect(bubble).to_contain_text(re.compile(r"It cools down first: .* It goes out at \d\d:\d\d; until then it can be taken back."))
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("Once more: it is on its way.")


def test_only_the_closing_line_is_left_and_a_lead_lifts_the_brake(windows: Windows, desk: Desk, sam: Agent, lena: Agent) -> None:
    heated = open_brake(desk, lena, 5)
    page = windows.open(sam, f"/conversations/{heated.pk}/")
    wait_until_live(page)
    expect(page.get_by_role("button", name="Send publicly")).to_be_disabled()
    write(page, "r", "Public reply", "But")
    page.locator("summary", has_text="Closing line").click()
    expect(page.locator(".closing-line")).to_have_text(CLOSING_LINES["en"])
    page.get_by_role("button", name="Send it publicly").click()
    expect(page.locator(".outgoing-bar")).to_contain_text("Sending publicly")
    deliver_now()
    expect(page.locator("[data-delivery=sent]")).to_have_count(6)
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("But")  # what was typed is still a draft
    expect(page.locator("#obstacle-reply")).to_contain_text("nothing more goes out in public here")
    expect(page.locator("summary", has_text="Closing line")).to_have_count(0)

    lead = windows.open(lena, f"/conversations/{heated.pk}/")
    lead.locator("summary", has_text="Lift the brake").click()
    lead.get_by_label("Why may it go on in public?").fill("We were wrong")
    lead.get_by_role("button", name="Lift it").click()
    wait_until(lambda: BrakeLift.objects.filter(reason="We were wrong").exists())
    expect(page.locator("#obstacle-reply")).to_have_count(0)
    expect(page.get_by_role("button", name="Send publicly")).to_be_enabled()


def test_a_rule_is_written_with_its_posts_beside_it(windows: Windows, desk: Desk, lena: Agent) -> None:
    desk.conversation("@tidewheel the brake is gone", author="mara_k")
    page = windows.open(lena, "/rules/")
    page.get_by_role("link", name="Write the first one").click()
    page.get_by_label("Name").fill("Safety")
    page.get_by_label("Must be answered").check()
    page.get_by_role("textbox", name="Query").press_sequentially("brake", delay=20)
    expect(page.locator("#rule-preview")).to_contain_text("1 of last week's 1 mention matches")
    page.get_by_label("Sentiment").select_option("positive")
    expect(page.locator("#rule-preview")).to_contain_text("0 of last week's 0 mentions match")
    page.get_by_label("Sentiment").select_option("")
    page.get_by_role("textbox", name="Query").press_sequentially(" AND", delay=20)
    expect(page.locator("#rule-preview").get_by_role("alert")).to_contain_text("Column 7.")
    page.get_by_role("textbox", name="Query").fill("brake")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Safety is saved.")).to_be_visible()
    mark_last_week(rule_id=EngagementRule.objects.get().pk)
    page.get_by_role("link", name="Must be answered").click()
    expect(page.locator(".outbox-line")).to_contain_text("the brake is gone")
    page.get_by_role("link", name="mara_k").click()
    expect(page.locator("[data-patch=policy]")).to_contain_text("Must be answered: Safety")
    assert MustAnswer.objects.count() == 1


def test_a_draft_is_submitted_and_approved_without_javascript(
    windows: Windows, desk: Desk, sam: Agent, lena: Agent, conversation: Conversation
) -> None:
    page = windows.open(sam, f"/conversations/{conversation.pk}/", java_script_enabled=False)
    page.get_by_role("textbox", name="Public reply").fill("Soon.")
    page.get_by_role("button", name="Send to a lead").click()
    expect(page.get_by_text("Waits for a lead: rule “Refunds”.", exact=True)).to_be_visible()
    lead = windows.open(lena, "/approvals/", java_script_enabled=False)
    lead.get_by_role("button", name="Approve and send publicly").click()
    expect(lead.get_by_text("Approved: it goes out as the answer of Sam.")).to_be_visible()
    assert Approval.objects.get().state == "approved"


@pytest.fixture
def full_desk(desk: Desk, sam: Agent, lena: Agent, conversation: Conversation) -> dict[str, str]:
    """Something on every page of rules and drafts, and in a braked conversation."""
    save_policy(agent=lena, brake_after=3, cooling_minutes=10, require_certificate=True)
    make_agent(username="ana", public_send_until=now() + timedelta(days=40))
    make_agent(username="old", public_send_until=now() - timedelta(days=40))
    push(make_post("@tidewheel السلام عليكم، أين المبلغ؟ refund " + "verylongword" * 8, author=make_author("press", followers=48_200)))
    for kind, name in (("never", "x" * 80), ("must", "Safety"), ("may", "قاعدة")):
        rule = make_rule(kind, name, lead=lena, query="brake OR smoke OR " + "verylongword" * 9)
        mark_last_week(rule_id=rule.pk)
    desk.conversation("@tidewheel my brake smokes", author="rider")
    desk.world.follow("mara_k")
    submit_reply(conversation_id=conversation.pk, agent=sam, text="It is on its way, Mara. " * 8)
    for other in Conversation.objects.filter(excerpt__contains="refund").exclude(pk=conversation.pk):
        submit_reply(conversation_id=other.pk, agent=sam, text="y" * 200)
    desk.mention("@tidewheel hello?", author="mara_k")
    heated = angry_conversation(desk, "fury")
    for _ in range(5):
        answer(heated, lena, moment=now() + timedelta(hours=1))
        anger(desk, "fury")
    release_claim(conversation_id=heated.pk, agent=lena)
    rule_pk = EngagementRule.objects.earliest("pk").pk
    return {
        "rules": "/rules/",
        "rule form": f"/rules/{rule_pk}/",
        "must be answered": "/rules/must-answer/",
        "approvals": "/approvals/",
        "nothing declined": "/approvals/?state=declined",
        "a draft in its conversation": f"/conversations/{conversation.pk}/",
        "a braked conversation": f"/conversations/{heated.pk}/",
    }


def test_every_page_is_accessible_and_fits(windows: Windows, full_desk: dict[str, str], lena: Agent) -> None:
    page = windows.open(lena, "/rules/", width=WIDTHS[0])
    for name, path in full_desk.items():
        page.goto(path)
        look(page, name)
        for width in reversed(WIDTHS):  # narrow at last, as the next page is loaded
            resize(page, width)
            for details in page.locator(".outlook details").all():
                details.locator("summary").click()
                look(page, f"{name} with a menu", widths=[width])
                page.keyboard.press("Escape")
