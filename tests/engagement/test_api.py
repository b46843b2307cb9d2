"""The REST doors over answers, as a program meets them."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from django.urls import include, path
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIClient

from engagement.api_urls import urlpatterns as api_urlpatterns
from engagement.models import Delivery, Message
from listening.services.accounts import mark_revoked
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from tests.engagement.desk import Desk, work
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


def client_of(agent: Agent) -> APIClient:
    client = APIClient(raise_request_exception=True)
    client.force_authenticate(agent)
    return client


@pytest.fixture
def client(sam: Agent) -> APIClient:
    return client_of(sam)


def url(conversation: Any, act: str) -> str:
    return f"/api/conversations/{getattr(conversation, 'pk', conversation)}/{act}/"


def test_reply_is_stored_and_goes_out_at_once_by_default(desk: Desk, client: APIClient) -> None:
    mention = desk.mention()
    answer = client.post(url(mention.conversation_id, "reply"), {"text": "On its way", "mention": mention.pk}, format="json")
    assert answer.status_code == 201
    body = answer.json()
    assert {name: body[name] for name in ("kind", "audience", "text", "author", "mention", "answer_number", "state", "actions")} == {
        "kind": "reply",
        "audience": "public",
        "text": "On its way",
        "author": "Sam",
        "mention": mention.pk,
        "answer_number": 1,
        "state": "queued",
        "actions": [],
    }
    work(now())
    assert [post.text for post in desk.answers(mention)] == ["On its way"]


def test_same_idempotency_key_gives_the_same_message(desk: Desk, client: APIClient) -> None:
    conversation = desk.conversation()
    for act in ("reply", "note"):
        ids = set()
        for _ in range(3):
            answer = client.post(url(conversation, act), {"text": "Hello"}, format="json", headers={"Idempotency-Key": act})
            assert answer.status_code == 201
            ids.add(answer.json()["id"])
        assert len(ids) == 1
    other = client.post(url(conversation, "note"), {"text": "Other"}, format="json", headers={"Idempotency-Key": "note"})
    assert (other.status_code, other.json()["code"]) == (409, "request_key_reused")


def test_second_answer_is_refused_with_the_first_and_let_in_when_it_was_seen(desk: Desk, client: APIClient) -> None:
    conversation = desk.conversation()
    first = client.post(url(conversation, "reply"), {"text": "One"}, format="json").json()
    refused = client.post(url(conversation, "reply"), {"text": "Two"}, format="json")
    assert refused.status_code == 409
    body = refused.json()
    assert (body["code"], body["answer_seen"], [answer["id"] for answer in body["answers"]]) == ("already_answered", 1, [first["id"]])
    again = client.post(url(conversation, "reply"), {"text": "Two", "answer_seen": body["answer_seen"]}, format="json")
    assert (again.status_code, again.json()["answer_number"]) == (201, 2)


def test_answer_from_outside_is_described_with_what_accepts_it(desk: Desk, client: APIClient) -> None:
    mention = desk.mention()
    post = desk.world.reply_as("tidewheel", mention.external_id, "By hand")
    desk.read()
    path = url(mention.conversation_id, "reply")
    refused = client.post(path, {"text": "From the desk"}, format="json")
    body = refused.json()
    assert (refused.status_code, body["code"]) == (409, "already_answered")
    assert [(one["id"], one["agent"], one["text"], one["url"]) for one in body["answers"]] == [(None, "Tidewheel", "By hand", post.url)]
    again = client.post(path, {"text": "From the desk", "answer_seen": body["answer_seen"]}, format="json")
    assert (again.status_code, again.json()["answer_number"]) == (201, 1)


def test_private_message_and_note(desk: Desk, client: APIClient) -> None:
    conversation = desk.conversation(author="mara")
    refused = client.post(url(conversation, "direct_message"), {"text": "Psst", "waiver": "they asked"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_following")
    desk.world.follow("mara")
    sent = client.post(url(conversation, "direct_message"), {"text": "Psst", "waiver": "they asked"}, format="json")
    assert (sent.status_code, sent.json()["audience"]) == (201, "private")
    note = client.post(url(conversation, "note"), {"text": "hm"}, format="json")
    assert (note.status_code, note.json()["audience"], note.json()["state"]) == (201, "internal", "stored")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "   "},
        {"text": "a\x00b"},
        {"text": "x" * 501},
        {"text": "x" * 5_000_000},
        {"text": 5, "hold": "soon"},
        {"text": "Hello", "hold": -1},
        {"text": "Hello", "hold": 10**9},
        {"text": "Hello", "answer_seen": -1},
        {"text": "Hello", "mention": "x"},
        [],
        "text",
    ],
)
def test_nonsense_is_a_clear_refusal_and_nothing_is_stored(desk: Desk, client: APIClient, body: Any) -> None:
    answer = client.post(url(desk.conversation(), "reply"), body, format="json")
    assert answer.status_code == 400
    assert answer.json()
    assert not Message.objects.exists()


def test_lone_surrogate_is_refused(desk: Desk, client: APIClient) -> None:
    answer = client.post(url(desk.conversation(), "reply"), b'{"text": "\\ud800"}', content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize("mention", [10**9, 10**30, -1])
def test_unknown_mention_and_conversation_are_not_found(desk: Desk, client: APIClient, mention: int) -> None:
    answer = client.post(url(desk.conversation(), "reply"), {"text": "Hello", "mention": mention}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    for act in ("reply", "direct_message", "note"):
        assert client.post(url(10**30, act), {"text": "Hello"}, format="json").status_code == 404
    assert client.get(url(10**30, "messages")).status_code == 404
    for act in ("undo", "retry"):
        assert client.post(f"/api/messages/{10**30}/{act}/").status_code == 404


def test_readers_are_refused_but_may_note(desk: Desk) -> None:
    conversation = desk.conversation()
    marketing = client_of(make_agent(Role.MARKETING))
    refused = marketing.post(url(conversation, "reply"), {"text": "Hello"}, format="json")
    assert refused.status_code == 403
    assert refused.json()["detail"]
    assert marketing.post(url(conversation, "note"), {"text": "Hello"}, format="json").status_code == 201


def test_nobody_without_a_token_gets_in(desk: Desk) -> None:
    conversation = desk.conversation()
    for method, address in (
        ("post", url(conversation, "reply")),
        ("post", url(conversation, "direct_message")),
        ("post", url(conversation, "note")),
        ("get", url(conversation, "messages")),
        ("post", "/api/messages/1/undo/"),
        ("post", "/api/messages/1/decide/"),
        ("post", "/api/messages/1/retry/"),
        ("get", "/api/outbox/"),
    ):
        assert getattr(APIClient(), method)(address, {"text": "x"}, format="json").status_code == 401, address


def test_revoked_account_is_a_503_with_the_way_out(desk: Desk, client: APIClient) -> None:
    conversation = desk.conversation()
    mark_revoked(account_id=desk.account.pk, reason="401")
    refused = client.post(url(conversation, "reply"), {"text": "Hello"}, format="json")
    assert (refused.status_code, refused.json()["code"]) == (503, "account_unusable")
    assert "connected again" in refused.json()["detail"]


def test_message_is_undone_decided_and_retried(desk: Desk, client: APIClient) -> None:
    held = client.post(url(desk.conversation(), "reply"), {"text": "Hello", "hold": 60}, format="json").json()
    assert held["actions"] == ["undo"]
    undone = client.post(f"/api/messages/{held['id']}/undo/")
    assert (undone.status_code, undone.json()["state"]) == (200, "aborted")
    late = client.post(f"/api/messages/{held['id']}/undo/")
    assert (late.status_code, late.json()["code"]) == (409, "too_late")

    other = client.post(url(desk.conversation(), "reply"), {"text": "Hello"}, format="json").json()
    Delivery.objects.filter(message=other["id"]).update(state="unconfirmed", must_look=True)
    assert client.post(f"/api/messages/{other['id']}/decide/", {"decision": "perhaps"}, format="json").status_code == 400
    decided = client.post(f"/api/messages/{other['id']}/decide/", {"decision": "send_again"}, format="json")
    assert (decided.status_code, decided.json()["state"]) == (200, "queued")
    Delivery.objects.filter(message=other["id"]).update(state="failed")
    assert client.post(f"/api/messages/{other['id']}/retry/").json()["state"] == "queued"
    assert client.post(f"/api/messages/{other['id']}/retry/").status_code == 409


def test_messages_of_a_conversation_come_in_pages_oldest_first(desk: Desk, client: APIClient) -> None:
    conversation = desk.conversation()
    for number in range(5):
        client.post(url(conversation, "note"), {"text": str(number)}, format="json")
    Message.objects.update(created_at=now())  # all at one moment
    texts, address = [], f"{url(conversation, 'messages')}?page_size=2"
    while address:
        page = client.get(address).json()
        texts += [message["text"] for message in page["results"]]
        address = page["next"]
    assert texts == list("01234")
    sizes = ("0", "501", "x", "9" * 5000, "0000000010000000")
    for query in (*(f"page_size={size}" for size in sizes), "after=x", "after=" + "9" * 5000):
        assert client.get(f"{url(conversation, 'messages')}?{query}").status_code == 400, query[:30]


def test_outbox_comes_in_pages(desk: Desk, client: APIClient) -> None:
    for _ in range(3):
        client.post(url(desk.conversation(), "reply"), {"text": "Hello"}, format="json")
    Delivery.objects.update(state="failed", error="It broke.")
    first = client.get("/api/outbox/?page_size=2").json()
    second = client.get(first["next"]).json()
    assert [len(first["results"]), len(second["results"]), second["next"]] == [2, 1, None]
    assert (first["results"][0]["state"], first["results"][0]["what_happened"]) == ("failed", "It broke.")
    assert client.get("/api/outbox/?after=x").status_code == 400


def test_schema_has_no_warnings() -> None:
    GENERATOR_STATS.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        schema = SchemaGenerator(patterns=[path("api/", include(api_urlpatterns))]).get_schema(request=None, public=True)
    assert not GENERATOR_STATS
    assert set(schema["paths"]["/api/conversations/{id}/reply/"]["post"]["responses"]) == {"201", "202", "400", "403", "404", "409", "503"}
