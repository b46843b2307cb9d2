"""Networks that count bytes beside characters: what is too long for them is refused here, before anything is queued."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_django import Settings
from rest_framework.test import APIClient

from engagement.models import Delivery, Message
from engagement.services import wordings
from engagement.services.checks import check_text, fits_in_public, size_in_bytes
from engagement.services.drafts import read_drafts
from engagement.services.explain import explain
from engagement.services.follow_requests import ask_to_follow
from engagement.services.promises import acknowledge
from engagement.services.send import send_direct_message, send_reply
from listening.models import NetworkAccount
from profiles.models import Agent
from socialdesk.lib.errors import DeskError
from socialdesk.lib.text import length
from socialdesk.networks import registry
from socialdesk.networks.base import Capabilities, LengthUnit, NetworkError
from tests.engagement.desk import Desk
from tests.engagement.test_abilities import change_sandbox
from tests.engagement.test_praise_words import mention
from tests.engagement.texts import make_template, message_of
from tests.socialdesk.networks.harnesses import FAMILY, Harness, text_of_bytes
from tests.socialdesk.networks.test_contract import CONNECTORS

KINDS = [
    (key, is_public)
    for key, network in sorted(registry.NETWORKS.items())
    for is_public in (True, False)
    if (network.capabilities.max_bytes if is_public else network.capabilities.max_message_bytes)
]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Capabilities:
    """The sandbox with limits in bytes, as Bluesky has them."""
    return change_sandbox(monkeypatch, length_unit="graphemes", max_length=300, max_bytes=3000, max_message_bytes=1000)


def test_the_networks_that_count_bytes_are_known() -> None:
    said = {key: (able.capabilities.max_bytes, able.capabilities.max_message_bytes) for key, able in registry.NETWORKS.items()}
    assert {key: limits for key, limits in said.items() if any(limits)} == {"bluesky": (3000, 10_000), "instagram": (0, 1000)}


def test_bytes_are_counted_of_the_text_as_it_is_sent() -> None:
    with pytest.raises(DeskError, match=r"250 bytes too long: 3250 of 3000\. An emoji takes several.*Shorten it") as refusal:
        check_text(FAMILY * 130, limit=300, unit="graphemes", most_bytes=3000)
    assert refusal.value.extra == {"length": 3250, "limit": 3000, "unit": "bytes"}
    ready = check_text(f"  {FAMILY * 120}\r\n", limit=300, unit="graphemes", most_bytes=3000)
    assert (ready, size_in_bytes(ready)) == (FAMILY * 120, 3000)
    assert check_text("a\r\nb\ud800", limit=10, unit="codepoints", most_bytes=3) == "a\nb"
    assert check_text("é" * 2000, limit=2000, unit="codepoints") == "é" * 2000  # a network that counts characters alone


def test_of_a_text_that_is_too_long_in_both_its_characters_are_said() -> None:
    with pytest.raises(DeskError, match="1 characters too long: 301 of 300"):
        check_text(FAMILY * 301, limit=300, unit="graphemes", most_bytes=3000)


@pytest.mark.django_db
def test_what_takes_too_many_bytes_is_not_queued_and_stays_the_draft(desk: Desk, sam: Agent, counting: Capabilities) -> None:
    conversation = desk.conversation(author="mara")
    desk.world.follow("mara")
    with pytest.raises(DeskError, match="250 bytes too long"):
        send_reply(conversation_id=conversation.pk, agent=sam, text=FAMILY * 130)
    with pytest.raises(DeskError, match="1 bytes too long: 1001 of 1000"):
        send_direct_message(conversation_id=conversation.pk, agent=sam, text=f"{FAMILY * 40}x", waiver="asked")
    assert not Message.objects.exists()
    assert not Delivery.objects.exists()
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    refused = client.post(f"/conversations/{conversation.pk}/send/", {"kind": "reply", "text": FAMILY * 130})
    assert refused.status_code == 400
    assert "250 bytes too long" in refused.content.decode()
    assert read_drafts(agent=sam, conversation_id=conversation.pk)["reply"] == FAMILY * 130
    assert send_reply(conversation_id=conversation.pk, agent=sam, text=FAMILY * 120).text == FAMILY * 120


@pytest.mark.django_db
def test_a_program_is_told_the_bytes(desk: Desk, sam: Agent, counting: Capabilities) -> None:
    conversation = desk.conversation()
    client = APIClient(raise_request_exception=True)
    client.force_authenticate(sam)
    refused = client.post(f"/api/conversations/{conversation.pk}/reply/", {"text": FAMILY * 130}, format="json")
    assert refused.status_code == 400
    assert {name: refused.json()[name] for name in ("length", "limit", "unit")} == {"length": 3250, "limit": 3000, "unit": "bytes"}
    assert not Message.objects.exists()


@pytest.mark.django_db
def test_an_account_may_have_a_limit_in_bytes_of_its_own(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    NetworkAccount.objects.update(limits={"max_bytes": 10})
    with pytest.raises(DeskError, match="1 bytes too long: 11 of 10"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="x" * 11)


@pytest.mark.django_db
def test_a_template_that_takes_too_many_bytes_is_passed_over(desk: Desk, sam: Agent, counting: Capabilities) -> None:
    make_template(name="Long", en=f"{FAMILY * 130} {{due}}")
    make_template("Ask", "ask_to_follow", en=f"Follow us {FAMILY * 130}")
    conversation = desk.conversation(author="mara")
    with pytest.raises(DeskError, match="No acknowledgement fits here"):
        acknowledge(conversation_id=conversation.pk, agent=sam)
    asked = ask_to_follow(conversation_id=conversation.pk, agent=sam).message
    assert asked is not None
    assert FAMILY not in asked.text
    make_template(name="Short", en="We are on it {due}")
    other = desk.conversation("@tidewheel and mine", author="ben")
    assert message_of(acknowledge(conversation_id=other.pk, agent=sam)).text == "We are on it within 2 hours"


LETTERS = st.sampled_from(["a", " ", "é", "ß", "你", "🙂", FAMILY, "e\u0301", "🇩🇪", "\n", "ع"])


@given(st.lists(LETTERS, max_size=300).map("".join), st.integers(150, 2000), st.integers(0, 400))
def test_a_quote_fits_in_bytes_too_and_always_gives_credit(text: str, most_bytes: int, limit: int) -> None:
    able = Capabilities(post=True, max_length=limit and limit + 80, length_unit="graphemes", max_bytes=most_bytes)
    said = wordings.quote(mention(text), able)
    assert fits_in_public(said, able)
    assert said.endswith("\nMara K. (@mara_k)\nhttps://x.example/1")


# --- What a network refused as too long all the same --------------------------------------------------------------------


@pytest.mark.django_db
def test_what_is_too_long_is_not_offered_to_be_tried_again(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    message = send_reply(conversation_id=conversation.pk, agent=sam, text="Hello", hold=0)
    failed = {"state": "failed", "error": "The text takes 3250 bytes; 3000 are allowed.", "error_code": "too_long"}
    Delivery.objects.update(**failed)
    said = explain(Delivery.objects.get(message=message))
    assert (said.label, said.actions) == ("Not sent", ("abandon",))
    assert said.advice == "Give it up, shorten the text and send it again."
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    for page in (f"/conversations/{conversation.pk}/", "/outbox/"):
        shown = client.get(page, headers={"HX-Request": "true"} if "conversations" in page else {}).content.decode()
        assert 'value="abandon"' in shown
        assert 'value="retry"' not in shown
    api = APIClient()
    api.force_authenticate(sam)
    assert [entry["actions"] for entry in api.get("/api/outbox/").json()["results"]] == [["abandon"]]
    Delivery.objects.update(error_code="window_closed")
    assert explain(Delivery.objects.get(message=message)).actions == ("retry", "abandon")


# --- The networks themselves --------------------------------------------------------------------------------------------


def bounds_of(able: Capabilities, *, is_public: bool) -> tuple[int, LengthUnit, int]:
    limit, most_bytes = (able.max_length, able.max_bytes) if is_public else (able.max_message_length, able.max_message_bytes)
    return limit, able.length_unit, most_bytes


@pytest.mark.parametrize(("key", "is_public"), KINDS)
def test_what_the_check_lets_pass_the_network_takes(key: str, is_public: bool, tmp_path: Path, settings: Settings) -> None:
    harness: Harness = CONNECTORS[key](tmp_path, settings)
    try:
        _try_texts(harness, is_public=is_public)
    finally:
        harness.close()  # type: ignore[attr-defined]  # those with a simulator have it


def _try_texts(harness: Harness, *, is_public: bool) -> None:
    limit, unit, most_bytes = bounds_of(harness.capabilities, is_public=is_public)
    harness.customer_follows("ana")
    ana, tries = harness.customer_id("ana"), iter(range(10_000))
    sizes = st.integers(most_bytes - 30, most_bytes + 30)
    drawn = st.builds(
        lambda size, end: text_of_bytes(size, limit=limit, unit=unit) + end, sizes, st.lists(LETTERS, max_size=5).map("".join)
    )
    # Many letters of two bytes: at Instagram the bytes run out long before the characters.
    accented = st.builds(lambda count, end: "é" * count + end, st.integers(0, min(limit, most_bytes // 2) + 3), LETTERS)

    def write(text: str) -> None:
        token = f"t{next(tries)}"
        if is_public:
            harness.publisher.reply(in_reply_to=harness.customer_posts("ana", f"post {token}"), text=text, token=token)
        else:
            harness.publisher.direct_message(to=ana, text=text, token=token)

    @settings(max_examples=25, suppress_health_check=list(HealthCheck))
    @given(st.one_of(drawn, accented))
    def check(text: str) -> None:
        try:
            ready = check_text(text, limit=limit, unit=unit, most_bytes=most_bytes)
        except DeskError as refusal:
            if not refusal.extra:
                return  # empty
            assert length(text, unit) > limit or size_in_bytes(text) > most_bytes
            with pytest.raises(NetworkError) as caught:
                write(text.strip())
            assert (caught.value.permanent, caught.value.code) == (True, "too_long")
        else:
            write(ready)

    check()
