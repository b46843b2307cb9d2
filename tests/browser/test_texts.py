"""Templates, articles and the acknowledgement in a real browser: `/` in the composer, the key w, the help pages without JavaScript."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from engagement.models import ArticleLink, ArticleVote, Delivery, Message, Template, TemplateUse
from engagement.services.articles import Written, give_article, save_article
from engagement.services.links import link_url
from engagement.services.send import send_reply
from listening.models import Conversation
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows, wait_until
from tests.browser.looking import WIDTHS, look, press, resize
from tests.engagement.desk import Desk, work
from tests.engagement.texts import make_article, make_template
from tests.factories import make_agent


@pytest.fixture
def texts(desk: Desk) -> None:
    make_template()
    make_template("Sorry", "answer", en="We are sorry, {name}.\nTell us more: {link}")
    make_template("Thank you", "thank_you", en="Thank you, {name}.")
    body = "Keep it warm.\n\n## How\n\n1. Take it in.\n2. Wait.\n\n" + "A long paragraph of words that wrap. " * 20
    save_article(
        article=None,
        slug="battery",
        texts=[Written("en", "Your battery in the cold", body), Written("ar", "البطارية في البرد", "دفّئها.")],
        agent=None,
    )


def choices(page: Page) -> Locator:
    return page.locator(".suggest [role=option]:visible")


def chosen(page: Page) -> Locator:
    return page.locator(".suggest [role=option][aria-selected=true]")


def write(page: Page, text: str = "") -> None:
    page.keyboard.press("r")
    field = page.get_by_role("textbox", name="Public reply")
    expect(field).to_be_focused()
    page.evaluate("import('desk/templates').then(Boolean)")  # so that it is there for what is typed
    page.keyboard.type(text)


def test_a_template_is_found_by_typing_and_put_at_the_cursor(windows: Windows, desk: Desk, sam: Agent, texts: None) -> None:
    conversation = desk.conversation(author="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "Hello. ")
    field = page.get_by_role("textbox", name="Public reply")
    page.keyboard.type("/")
    find = page.get_by_role("combobox", name="Find a template or an article")
    expect(find).to_be_focused()
    expect(choices(page)).to_have_count(4)
    expect(chosen(page)).to_contain_text("Acknowledge")
    page.keyboard.press("ArrowDown")
    expect(chosen(page)).to_contain_text("Sorry")
    page.keyboard.type("thank")
    expect(choices(page)).to_have_count(1)
    assert find.get_attribute("aria-activedescendant") == choices(page).get_attribute("id")
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    expect(field).to_have_value("Hello. Thank you, mara.")
    expect(page.locator("[data-door=reply]")).to_be_checked()
    page.keyboard.type(" Yours")
    page.keyboard.press("Control+Enter")
    message = wait_until(lambda: Message.objects.first())
    assert message.text == "Hello. Thank you, mara. Yours"
    use = TemplateUse.objects.get()
    assert (use.template.name, use.is_edited) == ("Thank you", True)


def test_a_stroke_inside_a_word_is_a_stroke_and_esc_gives_back_what_was_typed(
    windows: Windows, desk: Desk, sam: Agent, texts: None
) -> None:
    conversation = desk.conversation()
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "and/or ")
    field = page.get_by_role("textbox", name="Public reply")
    expect(field).to_have_value("and/or ")
    page.keyboard.type("/nothing like it")
    expect(choices(page)).to_have_count(0)
    expect(page.get_by_text("Nothing fits these words.")).to_be_visible()
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(field).to_be_focused()
    expect(field).to_have_value("and/or /nothing like it")
    expect(page.get_by_role("listbox")).to_be_hidden()


def test_a_link_goes_where_the_template_wants_it(windows: Windows, desk: Desk, sam: Agent, texts: None) -> None:
    conversation = desk.conversation(author="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "/")
    page.keyboard.type("sorry")
    page.keyboard.press("Enter")
    field = page.get_by_role("textbox", name="Public reply")
    expect(field).to_have_value("We are sorry, mara.\nTell us more: {link}")
    assert page.evaluate("getSelection().toString()") == "{link}"
    page.get_by_role("button", name="Templates").locator("visible=true").click()
    expect(page.get_by_role("combobox", name="Find a template or an article")).to_be_focused()
    page.keyboard.type("battery")
    page.get_by_role("option", name="Your battery in the cold").click()
    given = wait_until(lambda: ArticleLink.objects.first())
    expect(field).to_have_value(f"We are sorry, mara.\nTell us more: {link_url(given.link)}")


def test_what_is_typed_while_the_list_is_on_its_way_is_text_and_no_command(windows: Windows, desk: Desk, sam: Agent, texts: None) -> None:
    conversation = desk.conversation(author="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    expect(page.locator("#conversation[data-ready]")).to_have_count(1)
    held: list[Route] = []
    page.route("**/js/templates*", lambda route: held.append(route), times=1)
    page.get_by_role("button", name="Templates").locator("visible=true").click()
    page.keyboard.type("sorry we are")  # e resolves
    page.keyboard.press("Enter")
    wait_until(lambda: page.evaluate("1") and held)
    held[0].continue_()
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("We are sorry, mara.\nTell us more: {link}")
    conversation.refresh_from_db()
    assert conversation.status == "new"


def test_w_acknowledges_and_leaves_the_draft_alone(windows: Windows, desk: Desk, sam: Agent, texts: None, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    conversation = desk.conversation(author="mara")
    page = windows.open(sam, f"/conversations/{conversation.pk}/")
    write(page, "The real answer")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    expect(page.locator(".outgoing-bar")).to_contain_text("Sending publicly")
    expect(page.locator(".bubble.ours")).to_contain_text("You hear from us here within 2 hours")
    expect(page.locator("[data-act=acknowledge]")).to_have_count(0)
    page.keyboard.press("z")
    expect(page.locator(".bubble.aborted")).to_have_count(1)
    expect(page.get_by_role("textbox", name="Public reply")).to_have_value("The real answer")
    page.get_by_label("By when you will answer").select_option("240")
    page.keyboard.press("Escape")
    page.keyboard.press("w")
    expect(page.locator(".bubble.ours:not(.aborted)")).to_contain_text("within 4 hours")
    delivery = Delivery.objects.latest("pk")
    delivery.not_before = delivery.created_at
    delivery.save()
    work(delivery.created_at)
    expect(page.locator(".thread-state")).to_contain_text("to the promised answer")
    expect(page.locator(f"[data-card='{conversation.pk}']")).to_contain_text("promised:")
    # The answer goes out without asking whether the acknowledgement was seen: who pressed it saw it.
    page.keyboard.press("r")
    page.keyboard.press("Control+Enter")
    wait_until(lambda: Message.objects.filter(text="The real answer").exists())


def test_a_card_is_acknowledged_without_opening_it(windows: Windows, desk: Desk, sam: Agent, texts: None) -> None:
    conversation = desk.conversation(author="mara")
    page = windows.open(sam)
    page.locator(f"[data-card='{conversation.pk}'] .card-link").focus()
    page.keyboard.press("w")
    expect(page.locator(".outgoing-bar")).to_be_visible()
    assert Message.objects.get().promise.minutes == 120


def test_the_list_and_the_pages_of_texts_are_accessible_and_fit(windows: Windows, desk: Desk, texts: None) -> None:
    lead = make_agent(Role.LEAD, username="lena")
    conversation = desk.conversation(author="mara")
    Conversation.objects.update(promise_due_at=conversation.opened_at)
    page = windows.open(lead, "/templates/", width=WIDTHS[0])
    for width in reversed(WIDTHS):  # narrow at last, as the pages after it are loaded
        resize(page, width)
        page.goto(f"/conversations/{conversation.pk}/")
        expect(page.locator("#conversation[data-ready]")).to_have_count(1)
        page.locator("[data-writing=reply] [data-templates]").click()
        expect(choices(page)).to_have_count(4)
        look(page, "the list", within=".composer", widths=[width])
    template = Template.objects.first()
    assert template is not None
    article = make_article("Another", "**strong** [link](https://example.com/)")
    for path in ("/templates/", f"/templates/{template.pk}/", "/templates/rights/", "/articles/", f"/articles/{article.pk}/"):
        page.goto(path)
        look(page, path)


def test_a_template_is_previewed_while_it_is_written(windows: Windows, texts: None) -> None:
    page = windows.open(make_agent(Role.LEAD), "/templates/new/")
    page.get_by_label("Language").fill("en")
    page.get_by_label("Text", exact=True).press_sequentially("Dear {name}", delay=20)
    expect(page.locator("#template-preview")).to_contain_text("Dear Mara")
    expect(page.locator("#template-preview")).to_contain_text("X 9 / 280")


# --- Customers ----------------------------------------------------------------------------------------------------------


def test_the_help_pages_are_accessible_and_fit_a_small_phone(windows: Windows, texts: None) -> None:
    page = windows.open(None, "about:blank", width=320, height=600)
    for language, path in product(("en", "ar"), ("/help/", "/help/battery/", "/help/nothing/")):
        page.goto(f"{path}?lang={language}")
        for details in page.locator("details").all():
            details.locator("summary").click()
        look(page, f"{path}, {language}", widths=[320])
    windows.complaints[:] = [said for said in windows.complaints if "status of 404" not in said]


def test_an_article_is_found_read_and_judged_without_javascript(windows: Windows, texts: None) -> None:
    page = windows.open(None, "/help/", width=320, height=600, java_script_enabled=False)
    page.get_by_role("searchbox").fill("COLD battery")
    press(page, page.get_by_role("button", name="Search"))
    page.get_by_role("link", name="Your battery in the cold").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your battery in the cold")
    page.get_by_text("What was missing?").first.click()
    page.get_by_role("textbox").first.fill("How warm?")
    page.get_by_role("button", name="No", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("Thank you for telling us")
    expect(page.get_by_role("button", name="Yes, it helped")).to_have_count(0)
    vote = ArticleVote.objects.get()
    assert (vote.helped, vote.words) == (False, "How warm?")


def test_the_agent_sees_that_the_article_was_opened_and_judged(windows: Windows, desk: Desk, sam: Agent, texts: None) -> None:
    conversation = desk.conversation(author="mara")
    article = make_article("Given", "Read this.")
    link = give_article(article_id=article.pk, conversation_id=conversation.pk, agent=sam)
    send_reply(conversation_id=conversation.pk, agent=sam, text=f"Read this, please: {link_url(link)}", hold=0)
    work(now())
    staff = windows.open(sam, f"/conversations/{conversation.pk}/")
    expect(staff.locator(".hops")).to_contain_text("Article")
    customer = windows.open(None, f"/s/{link.code}", width=320, height=600, java_script_enabled=False)
    expect(customer.get_by_role("heading", level=1)).to_have_text("Given")
    expect(staff.locator(".hops")).to_contain_text("opened")
    customer.get_by_role("button", name="Yes, it helped").click()
    expect(customer.get_by_role("status")).to_contain_text("Thank you")
    wait_until(lambda: ArticleVote.objects.filter(helped=True, by_link__link=link).exists())
