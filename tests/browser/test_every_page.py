"""Every page that people or customers see fits and satisfies axe: here those that no other test looks at, and a test that none is left out.

That a page was shown is read from the rendered templates. The first tests are about looking itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings as configured
from django.core.exceptions import SuspiciousOperation
from django.db import OperationalError
from django.test.signals import template_rendered
from django.urls import resolve
from playwright.sync_api import Browser, Page

from engagement.models import Hop, Ticket
from engagement.services.consent_texts import consent_text
from engagement.services.guessing import MOST_WRONG
from engagement.services.hops import waive_return
from engagement.services.offers import offer_link
from engagement.services.outbound import send_notice
from engagement.services.send import send_direct_message, send_reply
from engagement.services.surveys import record_answer
from engagement.services.ticket_mail import subscribe
from engagement.services.tickets import add_customers_words, add_update, open_ticket, reopen_ticket, solve_ticket
from listening.models import Conversation, IntakeBatch, Topic
from listening.services.topics import save_topic
from profiles.models import THIS_MATTER, Agent, Medium, Role
from socialdesk.access import ACCESS
from socialdesk.intake import take_in
from socialdesk.lib.clock import now
from tests.browser import (
    test_accounts,
    test_approvals,
    test_callbacks,
    test_chatting,
    test_connections,
    test_desk_pages,
    test_editing_people,
    test_finding_people,
    test_pages,
    test_people_files,
    test_pictures,
    test_praise,
    test_rights,
    test_same_person,
    test_texts,
)
from tests.browser.conftest import Windows
from tests.browser.looking import look, press
from tests.engagement.calls import give_consent, open_day
from tests.engagement.desk import Desk, work
from tests.factories import make_agent, make_post

TEMPLATES = configured.BASE_DIR / "socialdesk" / "templates"
LONG = "verylongword" * 8
PHONE = {"width": 320, "height": 700}
SOUND = """<!doctype html><html lang="en"><head><title>A page</title>
<style>:root { color-scheme: light dark; background: canvas }</style></head>
<body><main><h1>A page</h1><p>Some words. %s</p></main></body></html>"""
DARK = "<style>@media (prefers-color-scheme: dark) { %s }</style>"
ONLY_WIDE = "<style>@media (min-width: 1000px) { %s }</style>"
# What a page may have wrong, and what is said of it.
FAULTS = {
    "no name": ("<button></button>", "light, 320: button-name: <button>"),
    "no name where it is wide": (
        "<style>button { display: none }</style>" + ONLY_WIDE % "button { display: block }" + "<button></button>",
        "light, 1280: button-name: <button>",
    ),
    "pale in the dark": (DARK % "p { color: #444 }", "dark, 320: color-contrast: <p>"),
    "a link like its words in the dark": (
        DARK % "a { color: #ddd; text-decoration: none }" + "<a href='/'>A link</a>",
        "dark, 320: link-in-text-block: <a",
    ),
    "too wide for a phone": ("<div style='width: 400px'>Words</div>", "a page is 88 pixels too wide at 320"),
    "a list that is too wide for a phone": (
        "<div class='table-wrap' style='overflow-x: auto; width: 200px'><div class='on-lines' style='width: 240px'>Words</div></div>",
        "a page is 40 pixels too wide at 320",
    ),
    "too wide where it is wide": (ONLY_WIDE % "main { width: 1300px }", "a page is 28 pixels too wide at 1280"),
}

# Customers' pages and the tests that look at them. "here" is held to what was rendered.
CUSTOMERS: dict[str, Any] = {
    **dict.fromkeys(("ticket", "ticket_confirm", "ticket_confirmed", "choice", "stay", "survey", "survey_thanks"), "here"),
    **dict.fromkeys(("unsubscribe", "gone", "wait", "busy", "away"), "here"),
    **dict.fromkeys(("callback", "callback_check", "callback_sent"), test_callbacks.test_customers_pages_are_accessible_and_fit),
    **dict.fromkeys(("chat_begin", "chat"), test_chatting.test_every_screen_of_a_chat_is_accessible),
    **dict.fromkeys(("help", "article", "help_gone"), test_texts.test_the_help_pages_are_accessible_and_fit_a_small_phone),
}
ERRORS = {"400", "403", "403_csrf", "404", "500", "503", "refused"}
# The staff's pages, by the names of their addresses.
STAFF: dict[str, Any] = {
    **dict.fromkeys(("tickets", "ticket", "links", "company", "batch_rejections", "returns"), "here"),
    **dict.fromkeys(("template_new", "article_new", "rule_new", "topic_edit"), "here"),
    **dict.fromkeys(("stream", "conversation"), test_desk_pages.test_the_desk_and_a_conversation_are_accessible),
    "conversation_above": test_pictures.test_the_thread_above_comes_by_itself_when_a_conversation_is_opened,
    "sign_in": test_desk_pages.test_signing_in_and_being_locked_out_are_accessible,
    **dict.fromkeys(
        ("trends", "trends_posts", "topics", "topic_new", "sources", "outbox", "profile"), test_pages.test_every_page_is_accessible_and_fits
    ),
    **dict.fromkeys(
        ("templates", "template_edit", "template_rights", "articles", "article_edit"),
        test_texts.test_the_list_and_the_pages_of_texts_are_accessible_and_fit,
    ),
    **dict.fromkeys(
        ("connections", "connection_new", "connection_edit", "connection_log"),
        test_connections.test_connecting_a_system_from_the_empty_page_to_its_log,
    ),
    **dict.fromkeys(
        ("accounts", "account_networks", "account_connect", "account_choose"),
        test_accounts.test_an_account_is_connected_checked_and_removed,
    ),
    "profile_erase": test_rights.test_a_person_is_left_alone_handed_their_archive_and_erased,
    **dict.fromkeys(("profile_edit", "profile_history"), test_editing_people.test_two_edit_a_person_and_the_second_chooses),
    **dict.fromkeys(("profile_looks", "looks"), test_editing_people.test_a_coordinate_is_added_and_shown_to_who_asks_for_it),
    **dict.fromkeys(("notes_naming", "profile_note"), test_editing_people.test_a_note_names_a_colleague_who_reads_it),
    **dict.fromkeys(
        ("custom_fields", "custom_field", "field_rights"), test_editing_people.test_an_admin_makes_a_field_and_says_who_sees_it
    ),
    **dict.fromkeys(("imports", "import"), test_people_files.test_from_the_file_to_the_report),
    "people_export": test_people_files.test_export,
    "deep_links": test_people_files.test_links_to_other_systems,
    **dict.fromkeys(("duplicates", "profile_merge"), test_same_person.test_a_proposal_is_reviewed_merged_and_taken_back),
    "privacy": test_rights.test_an_admin_sees_what_a_rule_would_remove_before_it_does,
    "people": test_finding_people.test_somebody_is_found_by_a_number_and_opened_by_keyboard,
    **dict.fromkeys(
        ("segments", "segment_new", "segment_edit"), test_finding_people.test_a_lead_makes_a_segment_and_sees_whom_it_means_while_writing
    ),
    **dict.fromkeys(("rules", "rule_edit", "must_answer", "approvals"), test_approvals.test_every_page_is_accessible_and_fits),
    **dict.fromkeys(("compliments", "compliment"), test_praise.test_the_board_and_an_entry_are_accessible_and_fit),
    **dict.fromkeys(
        ("callbacks", "callback_call", "notices", "conversation_contacts"), test_callbacks.test_staff_pages_are_accessible_and_fit
    ),
}
# Customers' addresses: what they show is in CUSTOMERS.
VISITED = {"short_link", "short_link_step", "unsubscribe", "help", "help_article", "help_vote"}
# Parts of pages, files, and what programs read.
NO_PAGES = {
    *("feed", "feed_cards", "counts", "mention_why", "suggestions", "profile_card", "topic_preview", "account_usage", "tag_options"),
    *("backfill", "network_hook", "json_call"),
    *("import_refused", "deep_link_follow", "account_callback", "picture", "film", "attachment"),
    *("trends_csv", "trends_counts_csv", "schema", "docs", "sms_hook", "people_hook", "healthz", "readyz", "metrics"),
}


@pytest.fixture
def rendered() -> Iterator[set[str]]:
    """The names of templates that the server has rendered so far."""
    names: set[str] = set()

    def note(template: Any, **_: Any) -> None:
        names.add(template.name or "")

    template_rendered.connect(note)
    yield names
    template_rendered.disconnect(note)


def forget_refusals(windows: Windows) -> None:
    """What a page of refusal says it with is an answer; the browser logs it all the same."""
    windows.complaints[:] = [said for said in windows.complaints if "the server responded with a status of" not in said]


@pytest.fixture
def sam(server: object) -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def mara(desk: Desk) -> Conversation:
    open_day()
    return desk.conversation("@tidewheel my wheel squeaks", author="mara_k")


@pytest.fixture
def tickets(desk: Desk, sam: Agent) -> dict[str, Ticket]:
    """One that is open and was not solved before, one that is late, one that is solved."""
    made = {}
    for name in ("open", "late", "solved"):
        conversation = desk.conversation(f"@tidewheel {name} {LONG}", author=f"{name}_{LONG}"[:60])
        made[name] = open_ticket(conversation_id=conversation.pk, agent=sam, title=f"Squeaks {LONG}")
        add_update(ticket_id=made[name].pk, agent=sam, text=f"A wheel is on its way. {LONG}", audience="public")
        add_update(ticket_id=made[name].pk, agent=sam, text="The carrier was asked.", audience="internal")
        add_customers_words(ticket_id=made[name].pk, text=f"Still squeaks {LONG}", form_key=name)
    solve_ticket(ticket_id=made["open"].pk, agent=sam)
    reopen_ticket(ticket_id=made["open"].pk, agent=None, text="No!")
    solve_ticket(ticket_id=made["solved"].pk, agent=sam, text="A new wheel came.")
    Ticket.objects.filter(pk=made["late"].pk).update(
        due_at=now() - timedelta(hours=2), next_update_due=now() - timedelta(hours=1), priority=3
    )
    return made


@pytest.fixture
def returns(desk: Desk, sam: Agent) -> None:
    """Something came back, something was waived, something is owed."""
    for author in ("ada", "ben", "cleo"):
        desk.world.add_account(author)
        desk.world.follow(author)
        conversation = desk.conversation(f"@tidewheel my invoice is wrong, terrible {LONG}", author=author)
        for send in (
            lambda pk: send_reply(conversation_id=pk, agent=sam, text="We are on it.", hold=0),
            lambda pk: send_direct_message(conversation_id=pk, agent=sam, text="Which number?", reason="personal_details", hold=0),
        ):
            send(conversation.pk)
            work(now())
        if author == "ada":
            desk.mention("@tidewheel thank you so much, you are wonderful!", author=author)
            send_reply(conversation_id=conversation.pk, agent=sam, text="Thank you!", hold=0)
            work(now())
        if author == "ben":
            waive_return(conversation_id=conversation.pk, agent=sam, reason="They left")


@pytest.fixture
def blank(chromium: Browser) -> Iterator[Page]:
    with chromium.new_page(viewport={"width": 400, "height": 700}) as page:
        yield page


def test_a_sound_page_is_left_as_it_was(blank: Page) -> None:
    blank.set_content(SOUND % "")
    look(blank, "a page")
    assert blank.viewport_size == {"width": 400, "height": 700}
    assert not blank.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")


@pytest.mark.parametrize(("fault", "said"), FAULTS.values(), ids=FAULTS)
def test_what_is_wrong_is_said(blank: Page, fault: str, said: str) -> None:
    blank.set_content(SOUND % fault)
    with pytest.raises(AssertionError, match=said):
        look(blank, "a page")


def test_what_changes_is_looked_at_anew_and_only_the_part_that_is_asked_for(blank: Page) -> None:
    blank.set_content(SOUND % "")
    look(blank, "a page")
    blank.locator("p").evaluate("words => words.innerHTML = '<button></button>'")
    look(blank, "its heading", within="h1")
    with pytest.raises(AssertionError, match="button-name"):
        look(blank, "its words", within="p")


def test_the_staffs_pages(windows: Windows, desk: Desk, mara: Conversation, sam: Agent, tickets: dict[str, Ticket], returns: None) -> None:
    admin = make_agent(Role.ADMIN, username="root")
    survey = offer_link(conversation_id=mara.pk, kind="survey", agent=sam)
    record_answer(link=survey, score=4, comment="Kind", form_key="k")
    for kind in ("choice", "callback", "chat"):
        offer_link(conversation_id=mara.pk, kind=kind, agent=sam, reason="complex", task=f"Ask for {LONG}")
    take_in([make_post(""), make_post("hello " * 400, ago=90)], source=desk.source)
    save_topic(topic=None, name="Battery", query=f"battery OR {LONG}", agent=admin)
    batch, topic = IntakeBatch.objects.filter(rejected__gt=0).latest("pk"), Topic.objects.get()
    paths = [
        *("/tickets/", "/tickets/?view=overdue", "/tickets/?view=solved", "/tickets/?view=closed"),
        *(f"/tickets/{ticket.pk}/" for ticket in tickets.values()),
        *("/links/", "/settings/company/", f"/sources/batches/{batch.pk}/", "/returns/"),
        *("/templates/new/", "/articles/new/", "/rules/new/", f"/topics/{topic.pk}/"),
    ]
    assert {resolve(path.partition("?")[0]).url_name for path in paths} == {name for name, where in STAFF.items() if where == "here"}
    page = windows.open(admin, "/tickets/", **PHONE)
    for path in paths:
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == 200, path
        look(page, path)
    page.goto("/returns/")
    assert "was kinder than the first in 1" in " ".join(page.inner_text("main").split())
    assert Hop.objects.filter(state="waived").exists()


def send(page: Page, path: str, **fields: str) -> None:
    """A form of this page, as it would be sent with those fields."""
    with page.expect_navigation():
        page.evaluate(
            """([path, fields]) => {
              const form = Object.assign(document.createElement("form"), { method: "post", action: path });
              for (const [name, value] of Object.entries(fields)) {
                form.append(Object.assign(document.createElement("input"), { name, value }));
              }
              document.body.append(form);
              form.submit();
            }""",
            [path, fields],
        )


def test_customers_pages(
    windows: Windows, mara: Conversation, sam: Agent, tickets: dict[str, Ticket], rendered: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = windows.open(None, "about:blank", **PHONE)
    seen: set[str] = set()

    def see(template: str, name: str = "") -> None:
        assert f"visitors/{template}.html" in rendered, f"{name or template} shows {sorted(rendered)}"
        look(page, name or template)
        seen.add(template)
        rendered.clear()

    def link(kind: str) -> str:
        made = offer_link(conversation_id=mara.pk, kind=kind, agent=sam, reason="" if kind == "survey" else "complex")
        return f"/s/{made.code}"

    for language in ("en", "ar"):
        for name, ticket in tickets.items():
            status = f"/s/{ticket.link.code}"
            page.goto(f"{status}?lang={language}")
            see("ticket", f"ticket that is {name}, {language}")
    send(page, f"{status}/details", text="")
    see("ticket", "details with a mistake")
    send(page, f"{status}/news", email="nonsense")
    see("ticket", "address with a mistake")
    send(page, f"{status}/again", text="x" * 6000)
    see("ticket", "answer that is too long")
    send(page, f"{status}/solved")
    see("ticket", "ticket that is closed")

    open_one = tickets["open"]
    subscription = subscribe(
        ticket=open_one, address="mara@tidewheel.example", consent=consent_text(Medium.EMAIL, language="en", company="T")
    )
    assert subscription is not None
    page.goto(f"/s/{open_one.link.code}/confirm?k={subscription.token}")
    see("ticket_confirm")
    press(page, page.get_by_role("button", name="Yes, write to me"))
    see("ticket_confirmed")
    send(page, f"/s/{open_one.link.code}/confirm", k="x")
    see("ticket_confirmed", "a confirmation that does not work")
    monkeypatch.setattr("engagement.views.ticket_status._PER_LINK", 0)
    send(page, f"/s/{open_one.link.code}/details", text="Again")
    see("busy")

    for language in ("ar", "en"):
        page.goto(f"{link('choice')}?lang={language}")
        see("choice", f"choice, {language}")
        press(page, page.locator("main form button"))
        see("stay", f"stay, {language}")
        survey = link("survey")
        page.goto(f"{survey}?lang={language}")
        see("survey", f"survey, {language}")
        page.locator("main form").evaluate("form => form.noValidate = true")
        press(page, page.locator("main form button"))
        see("survey", f"survey with a mistake, {language}")
        page.locator("[name=score]").first.check()
        press(page, page.locator("main form button"))
        see("survey_thanks", f"survey_thanks, {language}")
        page.goto(f"{survey}?lang={language}")
        see("gone", f"gone, {language}")

    profile = mara.author.profile
    give_consent(profile, "email")
    notice = send_notice(profile=profile, medium="email", purpose=THIS_MATTER, text="News.", subject="News", conversation=mara)
    page.goto(f"/unsubscribe/{notice.token}")
    see("unsubscribe")
    press(page, page.get_by_role("button", name="Send me no more"))
    see("unsubscribe", "unsubscribed")

    for number in range(MOST_WRONG):
        page.request.get(f"/s/{number:013d}")
    page.goto("/s/0123456789abc")
    see("wait")
    monkeypatch.setattr("engagement.views.links.is_held_off", breaking(OperationalError("away")))
    page.goto("/s/0123456789abc?lang=ar")
    see("away")

    forget_refusals(windows)
    assert seen == {name for name, where in CUSTOMERS.items() if where == "here"}


def breaking(error: Exception) -> Callable[..., Any]:
    def fail(*_: Any, **__: Any) -> Any:
        raise error

    return fail


def test_pages_of_errors(windows: Windows, sam: Agent, rendered: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    page = windows.open(sam, "/returns/", **PHONE)
    seen: set[str] = set()

    def see(template: str) -> None:
        assert f"{template}.html" in rendered, f"{template} shows {sorted(rendered)}"
        look(page, template)
        seen.add(template)
        rendered.clear()

    for template, path in (("403", "/settings/company/"), ("404", "/nothing/here/"), ("refused", "/tickets/?view=nonsense")):
        page.goto(path)
        see(template)
    send(page, "/sign-out/")
    see("403_csrf")
    for template, error in (("400", SuspiciousOperation()), ("500", ZeroDivisionError()), ("503", OperationalError("away"))):
        monkeypatch.setattr("engagement.views.hops.read_debts", breaking(error))
        page.goto("/returns/")
        see(template)
    forget_refusals(windows)
    assert seen == ERRORS


def test_no_page_is_left_out() -> None:
    """A new page is looked at by a test before it is done: here, or in the test that is named."""
    assert {path.stem for path in TEMPLATES.glob("visitors/*.html") if not path.name.startswith("_")} - {"base"} == set(CUSTOMERS)
    assert {path.stem for path in TEMPLATES.glob("*.html") if not path.name.startswith("_")} - {"base"} == ERRORS
    pages = {name for name, rule in ACCESS.items() if (rule.read or rule.is_public) and not name.startswith("api_")}
    assert pages == {*STAFF, *VISITED, *NO_PAGES}
