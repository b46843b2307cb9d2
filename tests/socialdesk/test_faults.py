"""A database that is away: every page says so in words for its reader, and asks it nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from engagement.models import ShortLink
from profiles.models import Agent
from tests.engagement.chats import make_link
from tests.factories import make_agent

pytestmark = pytest.mark.django_db
FAULTS = [OperationalError('connection to server at "db.internal" failed'), InterfaceError("connection already closed")]


@pytest.fixture
def sam() -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def link() -> ShortLink:
    return make_link(kind="choice")


@pytest.fixture
def desk(sam: Agent) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture(params=FAULTS, ids=["operational", "interface"])
def lost_database(request: pytest.FixtureRequest, sam: Agent, link: ShortLink, desk: Client) -> Iterator[None]:
    def refuse(*args: Any) -> None:
        raise request.param

    with connection.execute_wrapper(refuse):
        yield


def text_of(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


@pytest.mark.usefixtures("lost_database")
@pytest.mark.parametrize("path", ["/", "/feed/", "/sources/", "/tickets/", "/conversations/1/", "/sign-in/", "/no/such/page"])
def test_desk_says_that_nothing_was_changed(desk: Client, path: str) -> None:
    response = desk.get(path)
    assert response.status_code == 503
    assert "The database cannot be reached Nothing was changed." in text_of(response)
    assert int(response.headers["Retry-After"]) > 0
    assert "no-store" in response.headers["Cache-Control"]
    assert b"db.internal" not in response.content


@pytest.mark.usefixtures("lost_database")
@pytest.mark.parametrize("path", ["/help/", "/help/chain/", "/unsubscribe/" + "0" * 32, "/s/{code}", "/s/{code}/stay", "/s/0123456789abc"])
def test_customers_are_told_in_their_language_without_the_desks_words(link: ShortLink, path: str) -> None:
    visitor = Client(headers={"User-Agent": "Mozilla/5.0 (a phone)", "Accept-Language": "de-AT,en"}, raise_request_exception=False)
    for response in (visitor.get(path.format(code=link.code)), visitor.get(path.format(code=link.code), {"lang": "ar"})):
        assert response.status_code == 503
        assert int(response.headers["Retry-After"]) > 0
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.cookies == {}
        assert "desk" not in text_of(response).lower()
    german, arabic = visitor.get(f"/s/{link.code}"), visitor.post(f"/s/{link.code}/stay?lang=ar")
    assert "Bitte einen Moment Geduld" in text_of(german)
    assert '<html lang="ar" dir="rtl">' in arabic.content.decode()
    assert not re.search(r"\sstyle=|<style|<script|\son\w+=", german.content.decode())


@pytest.mark.usefixtures("lost_database")
@pytest.mark.parametrize("path", ["/feed/", "/conversations/1/", "/api/tickets/"])
def test_open_pages_and_programs_get_json(desk: Client, path: str) -> None:
    response = desk.get(path, headers={"HX-Request": "true"})
    assert (response.status_code, response.json()["code"]) == (503, "unavailable")
    assert "database cannot be reached" in response.json()["detail"]


@pytest.mark.usefixtures("lost_database")
def test_what_was_pressed_is_answered_alike(desk: Client) -> None:
    for path in ("/conversations/1/claim/", "/conversations/1/send/"):
        assert desk.post(path, {"kind": "note", "text": "Hm"}, headers={"HX-Request": "true"}).json()["code"] == "unavailable"
        assert desk.post(path, {"kind": "note", "text": "Hm"}).status_code == 503


def test_any_other_fault_stays_what_it_is(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("listening.views.sources.render", fail)
    response = desk.get("/sources/")
    assert response.status_code == 500
    assert "Something broke on our side" in text_of(response)
    assert "Retry-After" not in response.headers
