"""The visitor's chat page without JavaScript: begun, written in, refreshed, ended; kind to mistakes, closed to strangers and bots."""

from __future__ import annotations

import re
from typing import Any

import pytest
from babel.messages.pofile import read_po
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.models import ChatLine, ChatSession, ShortLink
from engagement.services.chat import accept_chat, end_chat, say_as_agent
from engagement.services.chat_state import LONGEST_LINE
from engagement.services.chat_sweep import sweep_chats
from engagement.services.links import create_link, revoke_link
from engagement.views.chat import PER_ADDRESS
from profiles.models import Agent
from tests.engagement.chats import PHONE, Visitor, away, make_link, put_on_duty

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(sam: Agent) -> Visitor:
    put_on_duty(sam)
    someone = Visitor(make_link())
    someone.look()
    return someone


def test_a_chat_from_link_to_end_by_plain_forms(visitor: Visitor, sam: Agent) -> None:
    assert "Somebody of our team is here" in visitor.page
    page = visitor.send("My wheel squeaks")
    assert visitor.status == 303
    assert "My wheel squeaks" in page
    assert "You are next" in page
    session = accept_chat(chat_id=ChatSession.objects.get().pk, agent=sam)
    say_as_agent(chat_id=session.pk, agent=sam, text="Front or back?", client_key="k")
    page = visitor.look()
    assert "An agent is with you: Sam." in page
    assert "Front or back?" in page
    visitor.send("The back one")
    assert [(line.number, line.is_ours, line.text) for line in ChatLine.objects.order_by("number")] == [
        (1, False, "My wheel squeaks"),
        (2, True, "Front or back?"),
        (3, False, "The back one"),
    ]
    page = visitor.end()
    assert "This chat has ended" in page
    assert "<textarea" not in page
    assert ChatSession.objects.get().ended_by == "visitor"


def test_it_asks_for_nothing_personal_and_says_what_not_to_write(visitor: Visitor) -> None:
    assert visitor.page.count("<textarea") == 1
    assert 'type="email"' not in visitor.page
    assert 'type="tel"' not in visitor.page
    assert "Please write no card numbers" in visitor.page
    assert not visitor.client.cookies


def test_two_presses_of_one_form_are_one_chat_and_one_line(visitor: Visitor) -> None:
    first_page, first_path = visitor.page, visitor.path
    visitor.send("Hello")
    here = visitor.path
    visitor.page, visitor.path = first_page, first_path
    visitor.send("Hello")
    assert visitor.path == here
    assert ChatSession.objects.count() == 1
    chat_page = visitor.page
    visitor.send("Second")
    visitor.page = chat_page
    visitor.send("Second")
    assert [line.text for line in ChatLine.objects.order_by("number")] == ["Hello", "Second"]


def test_the_link_alone_shows_nobody_what_was_written(visitor: Visitor) -> None:
    visitor.send("A thing between us")
    stranger = Client()
    for path in (visitor.path.split("?")[0], visitor.path.replace(visitor.key, "k" * 22), visitor.path.replace(visitor.key, "")):
        answer = stranger.get(path, headers=PHONE)
        assert answer.status_code == 200
        assert "A thing between us" not in answer.content.decode()
        assert "Start the chat" in answer.content.decode()


def test_a_key_opens_no_chat_of_another_link(visitor: Visitor, sam: Agent) -> None:
    visitor.send("Mine")
    other = Visitor(make_link())
    page = other.look(f"/s/{other.path.split('/')[2]}/chat?k={visitor.key}")
    assert "Mine" not in page


def test_without_agents_a_message_is_left(db: None) -> None:
    visitor = Visitor(make_link())
    assert "Nobody of us is here at this moment" in visitor.look()
    page = visitor.send("Please write back")
    assert "We have your message" in page
    assert ChatSession.objects.get().state == "offline"


def test_a_choice_leads_to_the_same_chat(sam: Agent) -> None:
    put_on_duty(sam)
    visitor = Visitor(make_link(kind="choice"))
    visitor.path += "/chat"
    assert "Start the chat" in visitor.look()
    assert "My wheel squeaks" in visitor.send("My wheel squeaks")
    assert ChatSession.objects.get().link.kind == "choice"


def test_what_is_refused_is_said_beside_the_field_and_kept(visitor: Visitor) -> None:
    page = visitor.send("   ")
    assert visitor.status == 422
    assert 'aria-invalid="true"' in page
    assert "Write something first." in page
    page = visitor.send("y" * (LONGEST_LINE + 1))
    assert visitor.status == 422
    assert "This is too long" in page
    assert "y" * LONGEST_LINE in page
    page = visitor.send("z" * 100_000)
    assert visitor.status == 422
    assert len(page) < 15_000
    visitor.send("Hello")
    page = visitor.send("w" * 3000)
    assert visitor.status == 422
    assert "This is too long" in page
    assert "w" * 3000 in page
    assert ChatLine.objects.count() == 1


def test_scripts_are_text(visitor: Visitor, sam: Agent) -> None:
    page = visitor.send('<script>alert(1)</script><img src=x onerror="alert(2)">')
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page


def test_a_form_bot_begins_nothing(visitor: Visitor) -> None:
    visitor.send("Buy now", website="http://spam.example")
    assert visitor.status == 400
    assert not ChatSession.objects.exists()


def test_a_form_bot_without_the_trap_is_held_off_with_words(visitor: Visitor) -> None:
    begun = visitor.page
    statuses: list[int] = []
    for _ in range(PER_ADDRESS + 2):
        visitor.page, visitor.path = begun, visitor.path.split("?")[0]
        answer = visitor.client.post(
            f"{visitor.path.removesuffix('/chat')}/chat", {"text": "spam", "form_key": f"{len(statuses):022d}"}, headers=PHONE
        )
        statuses.append(answer.status_code)
    assert statuses.count(303) == 3  # as many chats as a link carries
    assert set(statuses) == {303, 429}
    assert "Wait a moment" in answer.content.decode()


def test_a_flood_in_a_chat_is_limited_kindly(visitor: Visitor) -> None:
    visitor.send("Line 0")
    for number in range(1, 30):
        visitor.send(f"Line {number}")
    assert visitor.status == 429
    assert "Wait a moment, then go on" in visitor.page
    assert "Line 29</textarea>" in visitor.page
    assert ChatLine.objects.count() == 20


def test_a_page_that_was_closed_goes_on_where_it_was(visitor: Visitor, sam: Agent) -> None:
    visitor.send("Hello")
    session = accept_chat(chat_id=ChatSession.objects.get().pk, agent=sam)
    away(session, minutes=2)
    sweep_chats()
    assert ChatSession.objects.get().state == "parked"
    assert "An agent is with you: Sam." in visitor.look()
    assert ChatSession.objects.get().state == "active"


def test_the_page_refreshes_by_itself_only_where_nothing_is_typed(visitor: Visitor) -> None:
    visitor.send("Hello")
    assert not visitor.refreshes
    assert "<textarea" not in visitor.look(f"{visitor.path}&watch=1")
    assert visitor.refreshes


def test_after_the_end_a_survey_is_offered_and_a_new_chat(visitor: Visitor, sam: Agent) -> None:
    visitor.send("Hello")
    session = accept_chat(chat_id=ChatSession.objects.get().pk, agent=sam)
    survey = create_link(conversation_id=session.conversation_id, kind="survey", agent=sam)
    end_chat(session_id=session.pk, agent=sam)
    page = visitor.send("Too late")
    assert visitor.status == 409
    assert "This chat has ended" in page
    assert "Too late</textarea>" in page
    assert ChatLine.objects.count() == 1
    page = visitor.look()
    assert f"/s/{survey.code}" in page
    assert "Write to us again" in page


def test_a_link_that_is_gone_ends_every_look(visitor: Visitor, sam: Agent) -> None:
    visitor.send("Hello")
    revoke_link(link_id=ShortLink.objects.get().pk, agent=sam)
    assert "This link does not work" in visitor.look()
    assert visitor.status == 404


@pytest.mark.parametrize(("language", "direction"), [("es", "ltr"), ("fr", "ltr"), ("de", "ltr"), ("ar", "rtl")])
def test_the_page_is_in_the_links_language_and_keeps_it(language: str, direction: str, sam: Agent) -> None:
    visitor = Visitor(make_link(language=language))
    assert f'<html lang="{language}" dir="{direction}">' in visitor.look()
    visitor.send("Hello")
    assert f"lang={language}" in visitor.path
    assert ChatSession.objects.get().language == language


@pytest.mark.parametrize("language", ["es", "fr", "de", "ar"])
def test_every_sentence_of_the_chat_is_translated(language: str) -> None:
    with (settings.BASE_DIR / f"engagement/locale/{language}/LC_MESSAGES/django.po").open("rb") as file:
        catalog = read_po(file)
    templates = [settings.BASE_DIR / f"socialdesk/templates/visitors/{name}.html" for name in ("chat", "chat_begin")]
    words = settings.BASE_DIR / "engagement/services/chat_words.py"
    found = {text for path in templates for text in re.findall(r"""translate ["']([^"']+)["']""", path.read_text())}
    found |= set(re.findall(r"""gettext\(\s*"([^"]+)\"""", words.read_text()))
    assert len(found) > 25
    assert sorted(text for text in found if not (catalog.get(text) and catalog[text].string)) == []
    for text in ("%(count)d person is before you.", "Lately it took about %(count)d minute."):
        forms = catalog[text].string
        assert isinstance(forms, tuple | list)
        assert all(forms), text
        assert len(forms) == catalog.num_plurals


def test_a_page_costs_the_same_queries_however_long_the_chat(visitor: Visitor, sam: Agent) -> None:
    visitor.send("Hello")
    session = accept_chat(chat_id=ChatSession.objects.get().pk, agent=sam)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            visitor.look()
        return len(queries)

    few = count()
    for number in range(30):
        say_as_agent(chat_id=session.pk, agent=sam, text=f"Line {number}", client_key=str(number))
    assert count() == few <= 6


def test_the_page_is_small(visitor: Visitor, sam: Agent) -> None:
    answer = visitor.client.get(visitor.path, headers={**PHONE, "Accept-Encoding": "gzip"})
    assert len(answer.content) < 10_000


def pressed(agent: Agent, path: str, **fields: Any) -> Any:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client.post(path, fields, headers={"HX-Request": "true"})


def test_what_an_agent_presses_is_answered(visitor: Visitor, sam: Agent, ana: Agent) -> None:
    visitor.send("Hello")
    pk = ChatSession.objects.get().pk
    assert b"data-chat-waiting" in pressed(sam, "/chats/here/").content
    assert pressed(sam, f"/chats/{pk}/accept/").status_code == 204
    assert pressed(ana, f"/chats/{pk}/accept/").status_code == 409
    assert pressed(sam, f"/chats/{pk}/say/", text="Hi", client_key="k").status_code == 204
    assert pressed(sam, f"/chats/{pk}/typing/").status_code == 204
    assert pressed(ana, f"/chats/{pk}/typing/").status_code == 404
    assert pressed(sam, f"/chats/{pk}/transfer/", to="x").status_code == 400
    put_on_duty(ana)
    assert pressed(sam, f"/chats/{pk}/transfer/", to=ana.pk).status_code == 204
    assert pressed(sam, f"/chats/{pk}/end/").status_code == 409
    assert b"1 unread" in pressed(ana, "/chats/here/").content
    conversation = ChatSession.objects.get().conversation_id
    assert b"unread" not in pressed(ana, "/chats/here/", open=conversation).content
    assert b"You take no chats" in pressed(ana, "/chats/here/", takes="off").content
    assert pressed(ana, f"/chats/{pk}/end/").status_code == 204


def test_the_strip_and_the_view_show_the_chat(visitor: Visitor, sam: Agent, ana: Agent) -> None:
    visitor.send("Hello")
    session = ChatSession.objects.get()
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")

    def pane() -> str:
        return " ".join(client.get(f"/conversations/{session.conversation_id}/", headers={"HX-Request": "true"}).content.decode().split())

    assert "Accept the chat" in pane()
    assert "data-chat-writing" not in pane()
    accept_chat(chat_id=session.pk, agent=sam)
    assert "<strong>Chat:</strong> only Mara_K, now." in pane()
    assert f'data-card="{session.conversation_id}"' in client.get("/feed/?view=chats").content.decode()
    assert client.get("/counts/").json()["views"]["chats"] == 1
    end_chat(session_id=session.pk, agent=sam)
    assert client.get("/counts/").json()["views"]["chats"] == 0
