"""A person's page, the outbox and the pages for errors, as a browser without JavaScript meets them."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection
from django.template.loader import render_to_string
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.views import defaults

from engagement.models import Delivery, Message
from engagement.services.send import send_direct_message, send_reply
from listening.models import NetworkAccount
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.factories import make_account, make_agent, make_author, make_conversation, make_mention
from tests.listening.pages import STRANGE, make_topic, sign_in, text_of

pytestmark = pytest.mark.django_db


# --- Profiles -----------------------------------------------------------------------------------------------------------


def test_a_profile_shows_who_it_is_and_what_happened() -> None:
    agent = make_agent(username="ana")
    make_account()
    conversation = make_conversation(f"@tidewheel {STRANGE}", author=make_author("mara_k", followers=1234))
    send_reply(conversation_id=conversation.pk, agent=agent, text="We are sorry, Mara.")
    page = sign_in(Role.MARKETING).get(reverse("profile", args=[conversation.author.profile_id]))
    text = text_of(page)
    assert "@mara_k" in text
    assert "1,234 followers" in text
    assert "Prospect" in text
    assert "We are sorry, Mara." in text
    assert reverse("conversation", args=[conversation.pk]) in page.content.decode()
    assert "<script>alert" not in page.content.decode()
    assert "\u202e" not in page.content.decode()
    assert "1 mention" in page.content.decode()  # in the words of the chart
    assert re.findall(r'class="badge public">([^<]+)<', page.content.decode()) == ["public reply", "post"]


def test_a_history_is_paged_without_gap_or_repeat() -> None:
    conversation = make_conversation("@tidewheel help", author="mara_k")
    moment = now()
    Message.objects.bulk_create(
        Message(conversation=conversation, kind="note", text=f"note {n}", created_at=moment - timedelta(minutes=n // 3)) for n in range(130)
    )
    client, address = sign_in(), reverse("profile", args=[conversation.author.profile_id])
    seen, query = [], ""
    for _ in range(10):
        page = client.get(address + query).content.decode()
        seen += re.findall(r"note \d+", page)
        older = re.search(r'href="([^"]+)#history">Older<', page)
        if not older:
            break
        query = unescape(older[1])
    assert len(seen) == len(set(seen)) == 130


@pytest.mark.parametrize("place", ["after=x", "after=0001-01-01T00:00:00Z", "after=%00", "kind=nothing", "kind=%00"])
def test_nonsense_in_a_history_s_address_is_not_found(place: str) -> None:
    conversation = make_conversation()
    response = sign_in().get(reverse("profile", args=[conversation.author.profile_id]) + f"?{place}")
    assert response.status_code == 404


# --- Outbox -------------------------------------------------------------------------------------------------------------


def make_troubled(state: str, *, code: str = "", error: str = "The network answered 500", text: str = "We are sorry.") -> Message:
    agent = Agent.objects.filter(username="ana").first() or make_agent(username="ana")
    if not NetworkAccount.objects.exists():
        make_account()
    conversation = make_conversation("@tidewheel my bike is late", author=f"author{Message.objects.count()}")
    message = send_reply(conversation_id=conversation.pk, agent=agent, text=text)
    Delivery.objects.filter(message=message).update(state=state, error=error, error_code=code, attempts=3)
    return message


@pytest.mark.parametrize(
    ("state", "code", "main", "others"),
    [
        ("failed", "", "retry", ["abandon"]),
        ("failed", "deleted", "abandon", ["retry"]),
        ("unconfirmed", "", "look_again", ["sent", "send_again", "abandon"]),
        ("awaiting_retry", "", None, []),
    ],
)
def test_an_answer_in_trouble_says_what_happened_and_the_one_thing_to_do(
    state: str, code: str, main: str | None, others: list[str]
) -> None:
    make_troubled(state, code=code, text=f"We are sorry {STRANGE}")
    page = sign_in(Role.AGENT).get("/outbox/")
    [line] = page.context["lines"]
    assert (line.main.decision if line.main else None, [choice.decision for choice in line.others]) == (main, others)
    text = text_of(page)
    assert "The network answered 500." in text
    assert "We are sorry" in text
    assert "<script>alert" not in page.content.decode()


def test_the_button_does_what_it_says_and_comes_back_to_the_outbox() -> None:
    message = make_troubled("failed")
    page = sign_in(Role.AGENT).post(reverse("delivery_decide", args=[message.pk]), {"decision": "retry", "next": "/outbox/"}, follow=True)
    assert page.redirect_chain[0][0] == "/outbox/"
    assert Delivery.objects.get(message=message).state == "queued"


def test_those_who_do_not_answer_read_the_outbox_without_buttons() -> None:
    make_troubled("failed")
    page = sign_in(Role.MANAGER).get("/outbox/")
    assert "A care agent, lead or admin can decide this." in text_of(page)
    assert b'name="decision"' not in page.content


def test_what_was_sent_or_is_being_sent_is_not_in_the_outbox() -> None:
    make_account()
    conversation = make_conversation()
    agent = make_agent()
    send_reply(conversation_id=conversation.pk, agent=agent, text="Hello")
    page = sign_in().get("/outbox/")
    assert page.context["lines"] == []
    assert "Everything went out." in text_of(page)


def test_a_private_message_is_marked_as_private() -> None:
    make_account()
    conversation = make_conversation(author=make_author("mara_k", follows_us=True))
    message = send_direct_message(conversation_id=conversation.pk, agent=make_agent(), text="Between us", waiver="they asked")
    Delivery.objects.filter(message=message).update(state="failed", error="Refused")
    assert re.search(r'badge private">private message', sign_in().get("/outbox/").content.decode())


# --- Pages for errors ---------------------------------------------------------------------------------------------------


def test_an_unknown_address_is_answered_in_the_desk_s_look() -> None:
    page = sign_in().get("/no/such/place/")
    assert page.status_code == 404
    assert "There is nothing here" in text_of(page)
    assert "Resolver404" not in text_of(page)


def test_a_role_that_may_not_is_told_so() -> None:
    page = sign_in(Role.AGENT).get("/topics/new/")
    assert page.status_code == 403
    assert "You may not do this" in text_of(page)


def test_a_form_without_its_token_is_told_what_to_do() -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_agent(Role.LEAD), backend="django.contrib.auth.backends.ModelBackend")
    page = client.post("/topics/new/", {"name": "A", "query": "a"})
    assert page.status_code == 403
    assert "Nothing was changed" in text_of(page)


def test_a_malformed_request_is_told_so() -> None:
    page = Client().get("/", headers={"Host": "evil.example"})
    assert page.status_code == 400
    assert "did not understand" in text_of(page)


@override_settings(STORAGES={"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}, STATIC_ROOT="/nowhere")
def test_the_page_of_a_failure_needs_no_database_and_no_list_of_static_files() -> None:
    def refuse(*_: Any) -> Any:
        raise DatabaseError("the database is away")

    request = RequestFactory().get("/")
    request.user = AnonymousUser()
    with connection.execute_wrapper(refuse):
        page = defaults.server_error(request)
        malformed = defaults.bad_request(request, Exception())
    assert "Something broke on our side" in text_of(page)
    assert "did not understand" in text_of(malformed)


@pytest.mark.parametrize("template", ["404.html", "403.html", "403_csrf.html", "400.html", "500.html", "503.html"])
def test_pages_for_errors_are_whole_pages_without_inline_styles_or_scripts(template: str) -> None:
    html = render_to_string(template)
    assert "</html>" in html
    assert not re.search(r"\sstyle=|<style(?! nonce)|\son\w+=", html)


@pytest.mark.parametrize("page", ["/trends/?window=30d", "/topics/", "/sources/", "/outbox/", "/topics/new/"])
def test_pages_hold_to_the_content_security_policy(page: str) -> None:
    make_topic()
    make_mention("my battery is flat")
    make_troubled("failed")
    response = sign_in().get(page)
    html = response.content.decode()
    assert not re.search(r"\sstyle=|<style(?! nonce)|\son\w+=\"|javascript:", html)
    assert "script-src" in response.headers["Content-Security-Policy"]
