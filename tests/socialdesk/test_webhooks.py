"""Calls of networks and programs: who may make them, what becomes of them, and that nobody need send twice what was taken."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from listening.models import IntakeBatch, Mention, NetworkAccount, Source
from listening.services.connecting import connect_account, sign_in
from profiles.services.signing import make_secret, sign
from socialdesk import webhooks
from socialdesk.lib.clock import now
from socialdesk.networks import registry
from socialdesk.networks.base import Batch, Hook, HookRefused
from tests.factories import make_agent, make_post
from tests.socialdesk.pretend import NETWORK, Pretend, make_sources
from tests.socialdesk.pretend import pretend as pretend

pytestmark = pytest.mark.django_db


class PretendWebhook:
    """Every call that says `right` is signed; `hooks` is what it brings."""

    def __init__(self) -> None:
        self.hooks: list[Hook] = []
        self.breaks = False

    def challenge(self, query: Mapping[str, str]) -> str:
        if query.get("token") != "right":
            raise HookRefused("not our token")
        return query.get("challenge", "")

    def read(self, *, headers: Mapping[str, str], body: bytes) -> Sequence[Hook]:
        if headers.get("x-signature") != "right":
            raise HookRefused("not signed")
        if self.breaks:
            raise KeyError("a " + body.decode() + " secret")
        return self.hooks


@pytest.fixture
def webhook(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> PretendWebhook:
    hook = PretendWebhook()
    monkeypatch.setitem(registry.NETWORKS, NETWORK, pretend.network(webhook=hook, stream=None))
    return hook


def call(signature: str = "right", body: bytes = b"{}", client: Client | None = None) -> Any:
    sender = client or Client()
    return sender.post(f"/hooks/{NETWORK}/", data=body, content_type="application/json", headers={"X-Signature": signature})


def test_the_network_is_told_that_the_address_is_ours(webhook: PretendWebhook) -> None:
    answer = Client().get(f"/hooks/{NETWORK}/?token=right&challenge=1158201444")
    assert (answer.status_code, answer.content, answer["Content-Type"]) == (200, b"1158201444", "text/plain; charset=utf-8")
    assert Client().get(f"/hooks/{NETWORK}/?token=wrong&challenge=1").status_code == 403


def test_what_is_told_is_stored_once_however_often_it_is_told(webhook: PretendWebhook) -> None:
    _, polled, source = make_sources()
    post = make_post(network=NETWORK)
    webhook.hooks = [Hook("us", Batch((post,)))]
    for stored, duplicate in ((1, 0), (0, 1)):
        assert call().status_code == 200
        batch = IntakeBatch.objects.order_by("-id")[0]
        assert (batch.source_id, batch.stored, batch.duplicate) == (source.pk, stored, duplicate)
    assert Mention.objects.count() == 1
    source.refresh_from_db()
    polled.refresh_from_db()
    assert source.connected_at is not None
    assert polled.next_poll_at is not None  # what was not told before is read


def test_calls_about_others_are_answered_and_left(webhook: PretendWebhook) -> None:
    make_sources()
    webhook.hooks = [Hook("somebody", Batch((make_post(network=NETWORK),)))]
    assert call().status_code == 200
    assert Mention.objects.count() == 0


@pytest.mark.parametrize("how", ["paused", "removed"])
def test_what_is_paused_or_removed_takes_nothing(webhook: PretendWebhook, how: str) -> None:
    make_sources()
    if how == "paused":
        Source.objects.update(is_active=False)
    else:
        NetworkAccount.objects.update(removed_at=now())
    webhook.hooks = [Hook("us", Batch((make_post(network=NETWORK),)))]
    assert call().status_code == 200
    assert Mention.objects.count() == 0


def test_a_wrong_signature_is_refused_and_guessing_held_off(webhook: PretendWebhook) -> None:
    make_sources()
    webhook.hooks = [Hook("us", Batch((make_post(network=NETWORK),)))]
    assert [call("wrong").status_code for _ in range(webhooks.REFUSALS)] == [403] * webhooks.REFUSALS
    assert call("wrong").status_code == 429
    assert Mention.objects.count() == 0


def test_many_right_calls_are_never_held_off(webhook: PretendWebhook) -> None:
    assert {call().status_code for _ in range(webhooks.REFUSALS * 2)} == {200}


@pytest.mark.parametrize("says_so", [True, False])
def test_what_is_too_large_is_refused_unread(webhook: PretendWebhook, says_so: bool) -> None:
    body = b"x" * (webhooks.MOST + 1)
    client = Client()
    headers = {"X-Signature": "right"} | ({} if says_so else {"Content-Length": "5"})
    if says_so:
        assert client.post(f"/hooks/{NETWORK}/", data=body, content_type="application/json", headers=headers).status_code == 413
    else:
        from io import BytesIO

        from django.test import RequestFactory

        request = RequestFactory().post(f"/hooks/{NETWORK}/", data=b"", content_type="application/json")
        request.META.pop("CONTENT_LENGTH", None)
        request._stream = BytesIO(body)
        assert webhooks.network_hook(request, NETWORK).status_code == 413


def test_a_database_that_is_away_makes_the_network_send_again(webhook: PretendWebhook, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sources()
    webhook.hooks = [Hook("us", Batch((make_post(network=NETWORK),)))]

    def away(*_args: Any, **_options: Any) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr(webhooks, "take_batch", away)
        answer = call()
    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert call().status_code == 200
    assert Mention.objects.count() == 1


def test_a_connector_that_breaks_answers_without_its_words(webhook: PretendWebhook, caplog: pytest.LogCaptureFixture) -> None:
    webhook.breaks = True
    answer = call()
    assert answer.status_code == 500
    assert b"a {} secret" not in answer.content
    assert "a {} secret" not in caplog.text


@pytest.mark.parametrize("path", ["/hooks/sandbox/", "/hooks/nobody/", "/hooks/rss/"])
def test_networks_that_do_not_call_have_no_door(path: str) -> None:
    assert Client().post(path, data=b"{}", content_type="application/json").status_code == 404


def test_the_other_hooks_are_where_they_were() -> None:
    assert Client().get("/hooks/sms/").status_code == 405
    assert Client().post("/hooks/people/crm/", data=b"{}", content_type="application/json").status_code in (401, 404)


# --- JSON of a program of ours --------------------------------------------------------------------------------------------

SECRET = make_secret()


def connect_json(**values: str) -> NetworkAccount:
    admin = make_agent("admin")
    typed = {"name": "forum", "secret": SECRET, "mapping": "", **values}
    [connected] = sign_in(network="json", values=typed, agent=admin, redirect_uri="")
    return connect_account(network="json", connected=connected, agent=admin)


def send(told: Any, *, name: str = "forum", secret: str = SECRET, bearer: str = "", seconds: int = 0) -> Any:
    body = told if isinstance(told, bytes) else json.dumps(told).encode()
    stamp = int(now().timestamp()) - seconds
    signed = {
        "Webhook-Id": "m1",
        "Webhook-Timestamp": str(stamp),
        "Webhook-Signature": sign(secret=secret, message_id="m1", timestamp=stamp, body=body),
    }
    headers = {"Authorization": f"Bearer {bearer}"} if bearer else signed
    return Client().post(f"/hooks/json/{name}/", data=body, content_type="application/json", headers=headers)


POST = {"id": 7, "text": "My bike is late", "author": {"id": "m", "name": "Mara"}, "created_at": "2026-11-01T10:00:00Z"}


def test_a_program_sends_signed_json_and_a_replay_changes_nothing() -> None:
    connect_json()
    first, again = send(POST), send(POST)
    assert (first.status_code, first.json()["stored"]) == (200, 1)
    assert (again.status_code, again.json()["stored"], again.json()["duplicate"]) == (200, 0, 1)
    mention = Mention.objects.select_related("author").get()
    assert (mention.network, mention.external_id, mention.author.username) == ("json", "forum:7", "Mara")


def test_a_bearer_secret_does_as_well() -> None:
    connect_json(secret="a bearer secret".replace(" ", "-") + "-of-thirty-signs")
    assert send(POST, bearer="a-bearer-secret-of-thirty-signs").json()["stored"] == 1
    assert send(POST, bearer="another").status_code == 403
    assert send(POST).status_code == 403  # which is no key to sign with


@pytest.mark.parametrize("how", [{"secret": make_secret()}, {"seconds": 600}, {"name": "other"}, {"bearer": "x"}])
def test_what_is_not_signed_with_its_secret_now_is_refused(how: dict[str, Any]) -> None:
    connect_json()
    assert send(POST, **how).status_code == 403
    assert Mention.objects.count() == 0


def test_fields_are_found_where_the_mapping_says() -> None:
    connect_json(mapping="entries=data.items, external_id=key text=comment.body author.username=by.0 url=href")
    item = {"key": "k1", "comment": {"body": "Where is it?"}, "by": ["Jonas"], "href": "https://forum.example.com/k1", "id": "not this"}
    assert send({"data": {"items": [item]}}).json()["stored"] == 1
    mention = Mention.objects.select_related("author").get()
    assert (mention.external_id, mention.text, mention.author.username) == ("forum:k1", "Where is it?", "Jonas")
    assert mention.url == "https://forum.example.com/k1"


def test_what_is_no_post_is_rejected_beside_those_that_are() -> None:
    connect_json()
    answer = send([POST, {"id": 8}, 5, {**POST, "id": 9, "created_at": "tomorrow"}, {"text": "x", "author": "y"}])
    assert answer.json() == {"stored": 1, "duplicate": 0, "folded": 0, "filtered": 0, "rejected": 4}
    batch = IntakeBatch.objects.get()
    assert batch.seen == 5
    assert "it has no text" in batch.rejections[0]["reason"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'"text"', b"[1]" * 2, b"NaN"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """As a call that cannot be read: its sender may know that the secret is right. Who has it not is told nothing of the call."""
    connect_json()
    answer = send(body)
    assert (answer.status_code, answer.json()["code"]) == (400, "unreadable")
    assert answer.json()["detail"].startswith("The call is n")
    wrongs: tuple[dict[str, Any], ...] = ({"secret": make_secret()}, {"bearer": "x"}, {"name": "other"})
    for wrong in wrongs:
        other = send(body, **wrong)
        assert (other.status_code, other.json()["code"]) == (403, "refused")
        assert "signature" in other.json()["detail"]


def test_calls_with_the_right_secret_that_cannot_be_read_hold_nobody_off() -> None:
    connect_json()
    assert {send(b"{").status_code for _ in range(webhooks.REFUSALS + 1)} == {400}
    assert send([POST] * 1001).status_code == 400
    assert send(POST).json()["stored"] == 1


def test_a_removed_hook_is_closed() -> None:
    account = connect_json()
    NetworkAccount.objects.filter(pk=account.pk).update(removed_at=now())
    assert send(POST).status_code == 403
