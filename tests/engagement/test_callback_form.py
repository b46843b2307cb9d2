"""The callback form as strangers, customers and programs use it: step by step, twice, wrongly, and too much."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.models import CallbackRequest, Company, Hop, ShortLink
from engagement.services.consent_texts import TEXTS
from engagement.services.links import revoke_link
from engagement.views import callback_page
from listening.models import Conversation
from profiles.models import Agent, Consent, ContactPoint
from tests.engagement.calls import NUMBER, STORED, Visitor, callback_link, hidden_fields, open_day
from tests.factories import make_conversation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def company(db: None) -> Company:
    return open_day()


@pytest.fixture
def conversation() -> Conversation:
    return make_conversation("@tidewheel my battery is dead", author="mara_k")


@pytest.fixture
def visitor(conversation: Conversation) -> Visitor:
    return Visitor(f"/s/{callback_link(conversation).code}")


def words(answer: Any) -> str:
    """What was answered, without regard to wrapping and to the page's nonce."""
    return " ".join(html.unescape(re.sub(r'nonce="[^"]*"', "", answer.content.decode())).split())


def test_form_echo_and_confirmation_store_number_consent_and_hop(visitor: Visitor, conversation: Conversation) -> None:
    fields = visitor.fill()
    echo = visitor.send("check", **fields)
    assert echo.status_code == 200
    assert "+44 117 496 0140" in words(echo)
    assert "London time" in words(echo)
    assert not CallbackRequest.objects.exists()
    link = ShortLink.objects.get()
    assert link.progress == "filling"

    thanks = visitor.send("send", **hidden_fields(echo.content.decode()))
    assert thanks.status_code == 200
    assert "Thank you" in words(thanks)
    assert "496 0140" not in words(thanks)

    callback = CallbackRequest.objects.get()
    point, consent = callback.contact_point, callback.consent
    assert (point.value, point.typed, point.state, point.source) == (STORED, NUMBER, "given", "callback form")
    assert (consent.medium, consent.text_version, consent.language, consent.evidence) == ("phone", "callback-1", "en", {"link": link.pk})
    assert consent.text == TEXTS["callback-1"]["en"].format(company="Tidewheel")
    assert consent.text in words(echo)
    assert Consent.objects.count() == 1
    assert callback.profile == conversation.author.profile
    hop = Hop.objects.get()
    assert (hop.state, hop.channel, hop.link) == ("begun", "callback", link)
    conversation.refresh_from_db()
    assert (conversation.returns_owed, conversation.private_waiting) == (1, True)
    assert "496" not in conversation.excerpt
    link.refresh_from_db()
    assert link.progress == "sent"


def test_agreeing_to_text_messages_is_a_consent_of_its_own(visitor: Visitor) -> None:
    echo = visitor.send("check", **visitor.fill(agree_sms="on"))
    visitor.send("send", **hidden_fields(echo.content.decode()))
    assert sorted(Consent.objects.values_list("medium", flat=True)) == ["phone", "sms"]


def test_second_press_shows_the_same_confirmation_and_stores_nothing(visitor: Visitor) -> None:
    fields = hidden_fields(visitor.send("check", **visitor.fill()).content.decode())
    first, second = visitor.send("send", **fields), visitor.send("send", **fields)
    assert words(first) == words(second)
    assert CallbackRequest.objects.count() == Consent.objects.count() == ContactPoint.objects.count() == 1


def test_used_link_looks_like_an_unknown_one_to_anybody_else(visitor: Visitor) -> None:
    fields = hidden_fields(visitor.send("check", **visitor.fill()).content.decode())
    visitor.send("send", **fields)
    unknown = Visitor("/s/0000000000000").open()
    for answer in (
        visitor.open(),
        visitor.send("check", **fields | {"form_key": "1" * 32}),
        visitor.send("send", **fields | {"form_key": ""}),
    ):
        assert answer.status_code == 404
        assert words(answer) == words(unknown)


def test_link_that_is_revoked_between_the_steps_stores_nothing(visitor: Visitor, sam: Agent) -> None:
    fields = hidden_fields(visitor.send("check", **visitor.fill()).content.decode())
    revoke_link(link_id=ShortLink.objects.get().pk, agent=sam)
    assert visitor.send("send", **fields).status_code == 404
    assert not CallbackRequest.objects.exists()


def test_change_brings_the_form_back_with_all_that_was_typed(visitor: Visitor) -> None:
    fields = visitor.fill(reason="My <b>battery</b> & me", agree_sms="on")
    echo = visitor.send("check", **fields).content.decode()
    assert "<b>battery" not in echo
    page = visitor.send("change", **{name: html.unescape(value) for name, value in hidden_fields(echo).items()})
    assert page.status_code == 200
    assert f'value="{NUMBER}"' in page.content.decode()
    assert "My <b>battery</b> & me" in words(page)
    assert page.content.decode().count("checked") == 2
    assert 'role="alert"' not in page.content.decode()


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Write the number"),
        ("call me maybe", "not a telephone number"),
        ("12345", "too short"),
        ("+999 12 345 678", "No country has the code"),
        ("+44 117 496 0140 117 496", "too long"),
        ("0909 879 0000", "cost extra"),
        ("1" * 100_000, "too long"),
        ("<script>alert(1)</script>", "not a telephone number"),
    ],
)
def test_wrong_number_is_explained_beside_the_field_and_kept(visitor: Visitor, typed: str, said: str) -> None:
    answer = visitor.send("check", **visitor.fill(number=typed))
    page = answer.content.decode()
    assert answer.status_code == 400
    error = words(answer).split('id="id_number_error">')[1].split("</p>")[0]
    assert said in error
    assert 'aria-describedby="id_number_error"' in page
    assert 'aria-invalid="true"' in page
    assert typed[:4_000].replace("<", "&lt;").replace(">", "&gt;") in page
    assert "<script>alert" not in page
    assert len(page) < 100_000


@pytest.mark.parametrize(
    "typed", ["0117 496 0140", "(0117) 496-0140", "+44 (0)117 496 0140", "0044 117 4960140", "٠١١٧ ٤٩٦ ٠١٤٠", "117.496.0140"]
)
def test_number_is_understood_in_any_spelling(visitor: Visitor, typed: str) -> None:
    echo = visitor.send("check", **visitor.fill(number=typed))
    visitor.send("send", **{name: html.unescape(value) for name, value in hidden_fields(echo.content.decode()).items()})
    assert ContactPoint.objects.get().value == STORED


def test_country_in_the_number_wins_over_the_country_that_was_guessed(visitor: Visitor) -> None:
    echo = visitor.send("check", **visitor.fill(number="+49 30 23125123", region="FR"))
    assert "+49 30 23125123 (Germany)" in words(echo).replace("</bdi></strong>", "").replace("<strong>", "")


def test_number_that_no_list_knows_is_asked_about_once_more(visitor: Visitor) -> None:
    assert "once more" in words(visitor.send("check", **visitor.fill(number="+44 7700 900123")))
    assert "look at it once more" not in words(visitor.send("check", **visitor.fill()))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agree": ""}, "agree"),
        ({"shown": "callback-0.en"}, "agree"),
        ({"window": ""}, "window"),
        ({"window": "2026-99-99T10"}, "window"),
        ({"window": "1999-01-01T10"}, "window"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"region": "ZZ"}, "region"),
        ({"reason": "x" * 100_000}, "reason"),
    ],
)
def test_what_is_missing_or_nonsense_is_said_beside_its_field(visitor: Visitor, changes: dict[str, str], field: str) -> None:
    answer = visitor.send("send", **visitor.fill(**changes))
    assert answer.status_code == 400
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not CallbackRequest.objects.exists()


def test_window_is_in_the_visitors_own_time(visitor: Visitor) -> None:
    day = (datetime.now(ZoneInfo("America/New_York")) + timedelta(days=2)).date()
    echo = visitor.send("check", **visitor.fill(number="+1 202 555 0123", window=f"{day.isoformat()}T14", zone="America/New_York"))
    assert "New York time" in words(echo)
    visitor.send("send", **hidden_fields(echo.content.decode()))
    callback = CallbackRequest.objects.get()
    assert callback.window_from == datetime(day.year, day.month, day.day, 14, tzinfo=ZoneInfo("America/New_York"))
    assert callback.window_until - callback.window_from == timedelta(hours=2)
    assert (callback.zone, callback.call_from) == ("America/New_York", callback.window_from)
    assert callback.due_at == callback.window_from + timedelta(minutes=30)


def test_what_is_over_or_at_night_cannot_be_chosen(visitor: Visitor, company: Company) -> None:
    today = datetime.now(ZoneInfo("Europe/London")).date()
    past = visitor.send("check", **visitor.fill(window=f"{(today - timedelta(days=1)).isoformat()}T10"))
    assert "That time is over where you are" in words(past)
    Company.objects.update(quiet_from="17:00", quiet_until="11:00")
    for hour in ("08", "10", "16", "18"):
        at_night = visitor.send("check", **visitor.fill(window=f"{(today + timedelta(days=2)).isoformat()}T{hour}"))
        assert "It is night then where you are" in words(at_night), hour
    assert visitor.send("check", **visitor.fill(window=f"{(today + timedelta(days=2)).isoformat()}T12")).status_code == 200


def test_guesses_follow_the_conversations_language_and_are_only_guesses(conversation: Conversation) -> None:
    Conversation.objects.update(language="fr")
    page = Visitor(f"/s/{callback_link(conversation).code}").open()
    assert '<option value="FR" selected>France \u200e+33</option>' in page.content.decode()
    assert '<option value="Europe/Paris" selected>' in page.content.decode()
    assert page.headers["Content-Language"] == "fr"


def test_step_of_a_choice_shows_the_same_form_and_takes_one_call_only(conversation: Conversation) -> None:
    link = callback_link(conversation, kind="choice")
    visitor = Visitor(f"/s/{link.code}/callback")
    echo = visitor.send("check", **visitor.fill())
    fields = hidden_fields(echo.content.decode())
    assert visitor.send("send", **fields).status_code == 200
    assert visitor.send("send", **fields).status_code == 200
    assert visitor.open().status_code == 404
    assert visitor.send("send", **fields | {"form_key": "2" * 32}).status_code == 404
    assert CallbackRequest.objects.count() == 1
    assert Hop.objects.get().channel == "callback"


def test_program_that_fills_every_field_is_refused_with_words(visitor: Visitor) -> None:
    answer = visitor.send("send", **visitor.fill(website="https://spam.example"))
    assert answer.status_code == 400
    assert "a program had filled it in" in words(answer)
    assert not CallbackRequest.objects.exists()


def test_flood_of_one_link_is_told_to_wait(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_page, "PER_LINK", 3)
    fields = visitor.fill(number="nonsense")
    assert [visitor.send("send", **fields).status_code for _ in range(5)] == [400, 400, 400, 429, 429]


def test_flood_from_one_address_is_told_to_wait(conversation: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback_page, "PER_ADDRESS", 3)
    visitors = [Visitor(f"/s/{callback_link(conversation).code}") for _ in range(5)]
    assert [visitor.send("check", **visitor.fill()).status_code for visitor in visitors] == [200, 200, 200, 429, 429]


def test_page_says_nothing_of_who_it_is_for(visitor: Visitor, conversation: Conversation) -> None:
    page = words(visitor.open())
    author = conversation.author
    for secret in (author.username, author.display_name, "battery is dead"):
        assert secret not in page


def test_page_is_small_keeps_no_cookie_and_costs_three_queries(visitor: Visitor) -> None:
    visitor.open()
    with CaptureQueriesContext(connection) as queries:
        answer = Client(headers={"User-Agent": "Mozilla", "Accept-Encoding": "gzip"}).get(visitor.path)
    reads = [query for query in queries if query["sql"].startswith("SELECT")]
    assert len(reads) <= 4
    assert len(answer.content) < 24_000
    assert answer.headers["Content-Encoding"] == "gzip"
    assert not answer.cookies
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("language", ["en", "es", "fr", "de", "ar"])
def test_every_language_has_both_consent_texts(language: str) -> None:
    assert all("{company}" in texts[language] for texts in TEXTS.values())
