"""Coming and going: the sign-in, its lock, the way out, and the customer's card."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.factories import PASSWORD, make_agent, make_mention

pytestmark = pytest.mark.django_db


def test_signing_in_leads_to_where_one_wanted_to_go() -> None:
    make_agent(username="sam")
    client = Client()
    assert client.get("/?view=mine")["Location"] == "/sign-in/?next=/%3Fview%3Dmine"
    answer = client.post("/sign-in/", {"username": "sam", "password": PASSWORD, "next": "/?view=mine"})
    assert answer["Location"] == "/?view=mine"


def test_a_wrong_password_says_so_and_eight_of_them_lock() -> None:
    make_agent(username="sam")
    client = Client()
    page = client.post("/sign-in/", {"username": "sam", "password": "wrong"}).content.decode()
    assert "correct username and password" in page
    for _ in range(8):
        answer = client.post("/sign-in/", {"username": "sam", "password": "wrong"})
    assert answer.status_code == 429
    assert "locked for ten minutes" in answer.content.decode()
    assert client.post("/sign-in/", {"username": "sam", "password": PASSWORD}).status_code == 429


def test_a_link_signs_nobody_out() -> None:
    client = Client()
    client.force_login(make_agent(), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get("/sign-out/").status_code in (403, 405)
    assert client.post("/sign-out/")["Location"] == "/sign-in/"
    assert client.get("/").status_code == 302


def test_the_card_names_the_person_and_their_handles() -> None:
    mention = make_mention(author="mara_k")
    client = Client()
    client.force_login(make_agent(), backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/profiles/{mention.author.profile_id}/card/").content.decode()
    assert "@mara_k" in page
    assert "Prospect" in page
    assert "1 contact in 30 days" in page
    assert client.get("/profiles/999999/card/").status_code == 404
