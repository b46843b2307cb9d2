"""The pages beside the desk in a real browser: accessible, readable at every width, charts by mouse and by keys, previews while typing."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from engagement.models import Delivery
from engagement.services.send import send_reply
from listening.models import Conversation, Mention
from listening.services.topics import save_topic
from profiles.models import Agent, Role
from socialdesk.intake import take_in
from socialdesk.lib.clock import now
from tests.browser.conftest import Windows
from tests.browser.looking import look, press
from tests.engagement.desk import Desk
from tests.factories import make_agent, make_post, push


@pytest.fixture
def lead(server: object) -> Agent:
    return make_agent(Role.LEAD, username="lena")


@pytest.fixture
def full_desk(desk: Desk, lead: Agent) -> Conversation:
    """Something on every page: mentions over two weeks, topics, a batch with refusals, an answer in trouble."""
    for name, query in (("Battery", "battery OR batería"), ("بطارية", "بطارية OR " + "verylongword" * 12)):
        save_topic(topic=None, name=name, query=query, agent=lead)
    texts = ["@tidewheel my battery is terrible", "great battery, thank you", "مرحبا بطارية الدراجة لا تعمل", "x" * 300]
    push(*(make_post(texts[number % 4], ago=61 + 313 * number, author=f"writer{number % 7}") for number in range(64)))
    take_in([make_post(""), make_post("hello " * 400, ago=90)], source=desk.source)
    conversation = desk.conversation("@tidewheel my battery is broken", author="mara_k")
    for state, text in (("failed", "We are sorry, Mara."), ("unconfirmed", "y" * 200)):
        other = desk.conversation(f"@tidewheel {state}")
        message = send_reply(conversation_id=other.pk, agent=lead, text=text)
        Delivery.objects.filter(message=message).update(state=state, error="The network answered 500")
    send_reply(conversation_id=conversation.pk, agent=lead, text="We are on it.")
    return conversation


def paths(conversation: Conversation) -> dict[str, str]:
    return {
        "trends": "/trends/?window=30d",
        "trends by hour": "/trends/?window=24h&network=sandbox",
        "trends refused": "/trends/?window=custom",
        "trends empty": "/trends/?network=rss",
        "posts": "/trends/posts/?window=30d",
        "topics": "/topics/",
        "topic form": "/topics/new/",
        "sources": "/sources/",
        "outbox": "/outbox/",
        "profile": f"/profiles/{conversation.author.profile_id}/",
    }


def test_every_page_is_accessible_and_fits(windows: Windows, full_desk: Conversation, lead: Agent) -> None:
    page = windows.open(lead, "/topics/", width=320)
    for name, path in paths(full_desk).items():
        page.goto(path)
        for details in page.locator("details").all():
            details.locator("summary").click()
        look(page, name)


def test_pages_for_errors_are_accessible(windows: Windows, lead: Agent, sam: Agent) -> None:
    page = windows.open(sam, "/topics/")
    for path, words in (("/nothing/here/", "There is nothing here"), ("/topics/new/", "You may not do this")):
        page.goto(path)
        expect(page.get_by_role("heading", level=1)).to_have_text(words)
        look(page, path, widths=[1280])
    windows.complaints[:] = [said for said in windows.complaints if not re.search("status of 40[34]", said)]


def test_a_chart_is_read_by_hovering(windows: Windows, full_desk: Conversation, lead: Agent) -> None:
    page = windows.open(lead, "/trends/?window=30d")
    chart = page.locator("[data-chart]").first
    reading = chart.locator("[data-reading]")
    expect(reading).to_contain_text("Arrow keys go from one to the next.")
    chart.locator(".point").nth(28).hover()
    expect(reading).to_have_text(re.compile(r"^\w{3} \d+ \w{3}( \d{4})?: \d+ mentions?: .*negative"))
    page.get_by_role("heading", name="Trends").hover()
    expect(reading).to_contain_text("Arrow keys go from one to the next.")


def test_a_chart_is_walked_with_arrow_keys_and_enter_opens_the_posts(windows: Windows, full_desk: Conversation, lead: Agent) -> None:
    page = windows.open(lead, "/trends/?window=30d")
    chart = page.locator("[data-chart]").first
    points, reading = chart.locator(".point"), chart.locator("[data-reading]")
    expect(chart.locator(".point[tabindex='0']")).to_have_count(1)  # one stop for the whole chart
    points.last.focus()
    expect(reading).to_contain_text("(so far)")
    page.keyboard.press("ArrowLeft")
    expect(points.nth(28)).to_be_focused()
    expect(reading).not_to_contain_text("(so far)")
    page.keyboard.press("Home")
    expect(points.first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(points.first).to_be_focused()
    page.keyboard.press("PageDown")
    expect(points.nth(7)).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    said = reading.inner_text()
    number = int(re.findall(r": (\d+) mention", said)[0])
    page.keyboard.press("Enter")
    page.wait_for_url("**/trends/posts/**")
    expect(page.locator(".post")).to_have_count(number)
    expect(page.get_by_role("heading", level=1)).to_contain_text(f"{number} mention")


def test_a_click_on_a_point_opens_its_negative_posts(windows: Windows, full_desk: Conversation, lead: Agent) -> None:
    page = windows.open(lead, "/trends/?window=7d")
    page.locator("[data-chart]").nth(1).locator(".point").nth(5).click()
    page.wait_for_url("**sentiment=negative**")
    expect(page.locator(".post .badge").first).to_contain_text("negative")


def test_trends_and_topics_work_without_javascript(windows: Windows, full_desk: Conversation, lead: Agent) -> None:
    page = windows.open(lead, "/trends/?window=30d", java_script_enabled=False)
    expect(page.locator("[data-chart]")).to_have_count(2)
    assert page.locator(".point title").first.text_content()
    page.get_by_label("Sentiment", exact=True).select_option("positive")
    press(page, page.get_by_role("button", name="Show"))
    expect(page.locator(".story")).to_contain_text("positive mentions")
    page.locator("summary", has_text="The figures as a table").click()
    press(page, page.locator(".figures table a").nth(1))
    assert "/trends/posts/" in page.url
    page.goto("/topics/new/")
    page.get_by_role("textbox", name="Query").fill("battery")
    page.get_by_role("button", name="Try it on last week").click()
    expect(page.locator("#topic-preview")).to_contain_text("mentions match")
    expect(page.locator("#topic-preview mark").first).to_contain_text("battery")


def test_only_a_window_of_ones_own_asks_for_days(windows: Windows, lead: Agent) -> None:
    page = windows.open(lead, "/trends/")
    expect(page.get_by_label("From", exact=True)).to_be_hidden()
    page.get_by_label("Time", exact=True).select_option("custom")
    expect(page.get_by_label("From", exact=True)).to_be_visible()
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("alert").filter(has_text="Choose the day")).to_be_visible()


def test_the_files_are_downloaded_whole(windows: Windows, full_desk: Conversation, lead: Agent) -> None:
    page = windows.open(lead, "/trends/?window=30d")
    total = Mention.objects.filter(is_own=False).count()
    for name in ("Mentions as CSV", "Figures as CSV"):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        rows = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
        assert (len(rows) if name.startswith("Mentions") else sum(int(row["total"]) for row in rows)) == total


def test_a_query_is_tried_while_it_is_typed(windows: Windows, full_desk: Conversation, lead: Agent) -> None:
    page = windows.open(lead, "/topics/new/")
    preview = page.locator("#topic-preview")
    requests: list[Any] = []
    page.on("request", lambda request: requests.append(request) if "/topics/preview/" in request.url else None)
    query = page.get_by_role("textbox", name="Query")
    page.clock.install()
    page.clock.pause_at(now() + timedelta(minutes=1))  # however long it takes to type
    query.press_sequentially("battery")
    page.clock.resume()
    expect(preview.locator("strong")).to_be_visible()
    expect(preview.locator("mark").first).to_have_text(re.compile("battery", re.IGNORECASE))
    assert len(requests) == 1, "it waits until the typing pauses"
    query.press_sequentially(" AND", delay=20)
    expect(preview.get_by_role("alert")).to_contain_text("Column 9.")
    expect(preview.locator("pre mark")).to_have_text("AND")
    expect(query).to_be_focused()
    query.fill("")
    expect(preview).to_contain_text("Write a query to see")


def test_the_reasons_of_a_batch_open_on_demand(windows: Windows, full_desk: Conversation, lead: Agent) -> None:
    page = windows.open(lead, "/sources/")
    expect(page.locator(".rejections")).to_have_count(0)
    page.get_by_role("link", name="Why").first.click()
    expect(page.locator(".rejections")).to_contain_text("Post 0:")
    assert page.url.endswith("/sources/")


def test_an_answer_in_trouble_is_decided_in_the_outbox(windows: Windows, full_desk: Conversation, sam: Agent) -> None:
    page = windows.open(sam, "/outbox/")
    expect(page.locator(".outbox-line")).to_have_count(2)
    failed = page.locator(".outbox-line").filter(has_text="We are sorry, Mara.")
    failed.get_by_role("button", name="Give up, keep the text as a draft").click()
    expect(page.get_by_text("Given up. The text is your draft again.")).to_be_visible()
    expect(page.locator(".outbox-line")).to_have_count(1)
    assert "/outbox/" in page.url
