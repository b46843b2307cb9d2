"""The thread above a conversation: asked of the network, shown for ten minutes, never stored, and never of somebody who was erased."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from engagement.services import above as service
from engagement.services.above import read_above
from listening.models import Conversation, Mention
from listening.services.accounts import mark_revoked
from profiles.models import Agent, Handle, Role
from profiles.services.erasure import erase_person
from socialdesk.networks import registry
from socialdesk.networks.base import AuthorData, MediaData, NetworkError, PostData, QuoteData
from tests.engagement.desk import Desk
from tests.factories import make_agent, make_conversation, make_post

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def client(sam: Agent) -> Client:
    found = Client()
    found.force_login(sam)
    return found


@pytest.fixture
def inside(desk: Desk) -> Conversation:
    """A post below two others, which the desk has never taken in."""
    root = desk.world.publish("ana", "Does anybody ride a <b>Tidewheel</b>? https://bikes.example/t")
    between = desk.world.reply_as("ben", root.id, "I do, and it squeaks")
    desk.world.reply_as("cy", between.id, "@tidewheel why is that?")
    desk.read()
    Mention.objects.filter(external_id__in=[root.id, between.id]).update(parent=None, conversation=None)
    mention = Mention.objects.get(text__contains="why is that")
    Mention.objects.exclude(pk=mention.pk).delete()
    Mention.objects.filter(pk=mention.pk).update(parent=None)
    found = Mention.objects.get(pk=mention.pk).conversation
    assert found is not None
    return found


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Any) -> list[str]:
    """The network says that, or raises it. Returns what it is asked, as it is."""
    asked: list[str] = []

    class Fake:
        def above(self, external_id: str) -> Any:
            asked.append(external_id)
            if isinstance(answer, Exception):
                raise answer
            return answer

    monkeypatch.setattr(registry, "context_for", lambda config: Fake())
    return asked


def test_the_pane_asks_for_what_stands_above_and_shows_it(client: Client, inside: Conversation) -> None:
    path = f"/conversations/{inside.pk}/"
    pane = client.get(path, headers=FRAGMENT).content.decode()
    assert f'hx-get="{path}above/"' in pane
    assert "squeaks" not in pane
    above = client.get(f"{path}above/", headers=FRAGMENT).content.decode()
    assert above.index("Does anybody ride") < above.index("it squeaks")
    assert "&lt;b&gt;Tidewheel&lt;/b&gt;" in above
    assert 'href="https://bikes.example/t"' in above
    assert "@ben" in above
    assert "from Sandbox, not kept here" in above
    assert "why is that" not in above
    assert Mention.objects.count() == 1
    assert not Handle.objects.filter(mentions=None, username="nobody").exists()


def test_without_javascript_the_whole_page_has_it(client: Client, inside: Conversation) -> None:
    page = client.get(f"/conversations/{inside.pk}/above/").content.decode()
    assert "<html" in page
    assert "it squeaks" in page
    assert "why is that" in page


def test_nothing_is_asked_where_nothing_is_missing(client: Client, desk: Desk) -> None:
    for conversation in (desk.conversation(), make_conversation(network="facebook", in_reply_to="unknown")):
        registered = registry.get(conversation.network).capabilities.context
        pane = client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT).content.decode()
        assert ("above/" in pane) == (conversation.network != "sandbox" and registered)


def test_the_pane_asks_the_database_no_more_for_it(client: Client, inside: Conversation, desk: Desk) -> None:
    def count(conversation: Conversation) -> int:
        client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT)
        with CaptureQueriesContext(connection) as queries:
            client.get(f"/conversations/{conversation.pk}/", headers=FRAGMENT)
        return len(queries)

    assert count(inside) == count(desk.conversation())


def test_the_network_is_asked_once_in_ten_minutes(inside: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer_with(monkeypatch, (make_post("above"),))
    for _ in range(3):
        assert [shown.post.text for shown in read_above(inside).posts] == ["above"]
    assert len(asked) == 1
    cache.clear()
    read_above(inside)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NetworkError("boom token=secret", retryable=True), "could not be asked just now"),
        (NetworkError("boom token=secret"), "could not be asked just now"),
        (NetworkError("gone token=secret", permanent=True, code="not_found"), "does not show us what this answers"),
        (registry.NoConnector("no"), "cannot be asked"),
        (KeyError("token=secret"), "could not be asked just now"),
    ],
)
def test_a_network_that_is_down_says_so_and_no_secret(
    client: Client, inside: Conversation, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    asked = answer_with(monkeypatch, error)
    for _ in range(2):
        answer = client.get(f"/conversations/{inside.pk}/above/", headers=FRAGMENT)
        assert answer.status_code == 200
        assert words in answer.content.decode()
        assert "secret" not in answer.content.decode()
    assert len(asked) == 1


def test_an_account_that_was_revoked_is_not_asked_with(inside: Conversation, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answer_with(monkeypatch, ())
    mark_revoked(account_id=desk.account.pk, reason="401")
    inside.refresh_from_db()
    assert "connected again" in read_above(inside).problem
    assert asked == []


def test_a_sign_in_that_ended_is_renewed(inside: Conversation, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[Any] = [NetworkError("expired", retryable=True, code="expired"), (make_post("above"),)]

    class Fake:
        def above(self, external_id: str) -> Any:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    monkeypatch.setattr(registry, "context_for", lambda config: Fake())
    monkeypatch.setattr(service, "renew_account", lambda pk, used: desk.account)
    assert len(read_above(inside).posts) == 1


def test_whatever_the_network_says_is_made_safe(client: Client, inside: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    author = AuthorData("1", "eve\u202e", "E\x00ve", url="javascript:alert(1)")
    bad: dict[str, Any] = {"url": "javascript:alert(1)", "quote": QuoteData("2", "x", "quoted", "javascript:alert(1)")}
    parts: dict[str, Any] = {"media": (MediaData("image", "https://p.example/a.png", "A wheel"),), "poll": ("yes",), "warning": "blood"}
    posts: tuple[PostData, ...] = (make_post("<script>alert(1)</script>", author=author, **bad, **parts), make_post(" "))
    answer_with(monkeypatch, posts)
    page = client.get(f"/conversations/{inside.pk}/above/", headers=FRAGMENT).content.decode()
    assert "javascript:" not in page
    assert "<script" not in page
    assert "<img" not in page  # only what is stored is fetched
    for words in ("A wheel", "yes", "quoted", "blood"):
        assert words in page
    assert page.count('class="bubble"') == 1


def test_what_somebody_wrote_who_was_erased_is_not_shown(inside: Conversation, desk: Desk) -> None:
    assert [shown.post.author.username for shown in read_above(inside).posts] == ["ana", "ben"]
    erase_person(profile_id=Handle.objects.get(username="ana").profile_id, agent=make_agent(Role.ADMIN))
    assert [shown.post.author.username for shown in read_above(inside).posts] == ["ben"]  # though it was remembered
    cache.clear()
    assert [shown.post.author.username for shown in read_above(inside).posts] == ["ben"]


def test_the_nearest_are_shown_of_a_long_thread(inside: Conversation, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, tuple(make_post(f"number {number}") for number in range(100)))
    posts = read_above(inside).posts
    assert (len(posts), posts[-1].post.text) == (service.MOST, "number 99")
