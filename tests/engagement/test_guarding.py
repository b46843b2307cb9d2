"""The guards before everything that is sent: through the service, the API and the screen; and what they tell other programs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from engagement.models import Company, Delivery, Draft, Message
from engagement.services.guarding import Guarded, check_answer
from engagement.services.send import add_note, send_direct_message, send_reply
from listening.models import NetworkAccount
from profiles.models import Agent, Role
from tests.engagement.desk import Desk
from tests.engagement.guards.company import TIDEWHEEL
from tests.engagement.guards.measure import read_drafts, should_stop
from tests.factories import make_account, make_agent

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent
PERSONAL = "We ring you on 07700 900412 at four."
CHECK = "/api/drafts/check/"


@pytest.fixture
def followed(desk: Desk) -> Desk:
    """mara_k follows us, so that she may be written to."""
    desk.world.add_account("mara_k")
    desk.world.follow("mara_k", "tidewheel")
    return desk


@pytest.fixture
def program(sam: Agent) -> APIClient:
    client = APIClient()
    client.force_authenticate(sam)
    return client


@pytest.fixture
def screen(sam: Agent) -> Client:
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    return client


def nothing_went_out() -> bool:
    return not Message.objects.exists() and not Delivery.objects.exists()


# --- Nothing goes round them ----------------------------------------------------------------------------------------------


def test_a_reply_with_personal_data_is_refused_logged_and_kept_as_a_draft(desk: Desk, sam: Agent, caplog: pytest.LogCaptureFixture) -> None:
    conversation = desk.conversation()
    with caplog.at_level("WARNING"), pytest.raises(Guarded) as refused:
        send_reply(conversation_id=conversation.pk, agent=sam, text=PERSONAL)
    assert (refused.value.status, refused.value.code) == (409, "guarded")
    (finding,) = refused.value.extra["findings"]
    assert (finding["kind"], PERSONAL[finding["start"] : finding["end"]]) == ("phone", "07700 900412")
    assert finding["advice"] in refused.value.message
    assert nothing_went_out()
    assert "a guard stopped a text: phone" in caplog.text
    assert not [record for record in caplog.records if "412" in record.getMessage()]
    assert list(Draft.objects.values_list("agent", "kind", "text")) == [(sam.pk, "reply", PERSONAL)]
    conversation.refresh_from_db()
    assert conversation.claimed_by_id is None


def test_every_guarded_draft_of_the_set_is_refused_by_the_service(desk: Desk, sam: Agent) -> None:
    Company.objects.create(pk=1, own_patterns=list(TIDEWHEEL.own_patterns), public_contacts=list(TIDEWHEEL.public_contacts))
    conversation = desk.conversation()
    drafts = [draft for draft in read_drafts() if should_stop(draft) and draft["audience"] == "public"]
    for draft in drafts[::15]:
        with pytest.raises(Guarded):
            send_reply(conversation_id=conversation.pk, agent=sam, text=draft["text"])
    assert nothing_went_out()


def test_a_role_that_leads_is_held_to_them_too(desk: Desk) -> None:
    conversation = desk.conversation()
    for role in (Role.LEAD, Role.ADMIN):
        with pytest.raises(Guarded):
            send_reply(conversation_id=conversation.pk, agent=make_agent(role), text=PERSONAL, hold=0)
    assert nothing_went_out()


def test_a_note_may_hold_everything(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    text = "Her PIN is 4821, her card 4111 1111 1111 1111 and her number 07700 900412. What is her password?"
    assert add_note(conversation_id=conversation.pk, agent=sam, text=text).text == text


def test_a_private_message_may_hold_and_ask_for_all_but_secrets(followed: Desk, sam: Agent) -> None:
    conversation = followed.conversation(author="mara_k")
    send_direct_message(conversation_id=conversation.pk, agent=sam, text=f"{PERSONAL} What is your address?", waiver="Asked")
    for text in ("The card was 4111 1111 1111 1111.", "What is your password?"):
        with pytest.raises(Guarded):
            send_direct_message(conversation_id=conversation.pk, agent=sam, text=text)
    assert Message.objects.count() == 1
    assert Draft.objects.get().text == "What is your password?"


def test_the_api_refuses_with_the_findings(desk: Desk, program: APIClient) -> None:
    conversation = desk.conversation()
    answer = program.post(f"/api/conversations/{conversation.pk}/reply/", {"text": PERSONAL, "hold": 0}, format="json")
    assert answer.status_code == 409
    body = answer.json()
    assert body["code"] == "guarded"
    assert set(body["findings"][0]) == {"kind", "start", "end", "advice", "blocks"}
    assert nothing_went_out()


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_the_screen_refuses_and_the_text_stays(desk: Desk, screen: Client, headers: dict[str, str]) -> None:
    conversation = desk.conversation()
    form = {"kind": "reply", "text": PERSONAL, "mention": "", "answer_seen": "0"}
    answer = screen.post(f"/conversations/{conversation.pk}/send/", form, headers=headers)
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "It was not sent." in page
    assert "A telephone number would stand here" in page
    assert headers or PERSONAL in page
    assert nothing_went_out()
    assert Draft.objects.get().text == PERSONAL


def test_a_press_that_was_taken_before_the_patterns_changed_still_gives_its_message(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    sent = send_reply(conversation_id=conversation.pk, agent=sam, text="Look for K7-2041.", request_key="one")
    Company.objects.create(pk=1, own_patterns=[{"name": "Batch", "pattern": r"K7-\d{4}"}])
    again = send_reply(conversation_id=conversation.pk, agent=sam, text="Look for K7-2041.", request_key="one")
    assert again.pk == sent.pk
    with pytest.raises(Guarded, match="Batch leads to one customer"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="Look for K7-2041.", answer_seen=1)


def test_what_is_public_of_the_company_goes_out(desk: Desk, sam: Agent) -> None:
    Company.objects.create(pk=1, public_contacts=["0117 496 0140"])
    send_reply(conversation_id=desk.conversation().pk, agent=sam, text="Our line is +44 117 496 0140, or go on here.")
    assert Message.objects.count() == 1


def test_a_reply_to_somebody_else_is_refused_and_our_other_account_only_named(desk: Desk, sam: Agent) -> None:
    make_account(username="tidewheel_de")
    make_account(username="tidewheel_old", removed_at=desk.account.created_at)
    conversation = desk.conversation(author="mara_k")
    with pytest.raises(Guarded, match="addressed to somebody else"):
        send_reply(conversation_id=conversation.pk, agent=sam, text="@theo_brzk it is fixed.")
    text = "@mara_k @tidewheel see also @tidewheel_de and @tidewheel_old"
    findings = check_answer(conversation_id=conversation.pk, kind="reply", text=text)
    assert [(text[finding.start : finding.end], finding.blocks) for finding in findings] == [("@tidewheel_de", False)]


def test_a_pattern_that_comes_to_no_end_stops_the_draft_and_not_the_desk(desk: Desk, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engagement.guards.own.SECONDS", 0.05)
    Company.objects.create(pk=1, own_patterns=[{"name": "Slow", "pattern": r"(a|a)+b"}])
    with pytest.raises(Guarded, match="“Slow” could not be tried"):
        send_reply(conversation_id=desk.conversation().pk, agent=sam, text="a" * 300)


def test_looking_costs_three_queries_however_long_the_text(desk: Desk) -> None:
    conversation = desk.conversation()
    for text in ("Hello", PERSONAL * 200):
        with CaptureQueriesContext(connection) as queries:
            check_answer(conversation_id=conversation.pk, kind="reply", text=text)
        assert len(queries) == 3


def calls_in(path: Path) -> Iterator[tuple[str, str]]:
    """Each call as what it is called on and its name: ("Delivery.objects", "create"), ("publisher", "reply"), ("", "Delivery")."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func.value), node.func.attr
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield "", node.func.id


def test_no_other_code_puts_anything_into_the_outbox_or_writes_to_a_network() -> None:
    """What is refused in send.py cannot be sent from elsewhere: there only are rows of the outbox made, and only they are delivered."""
    makers, writers = set(), set()
    for app in ("engagement", "listening", "profiles", "socialdesk"):
        for path in (ROOT / app).rglob("*.py"):
            for owner, name in calls_in(path):
                if (owner == "Delivery.objects" and "create" in name) or (owner, name) == ("", "Delivery"):
                    makers.add(path.relative_to(ROOT).as_posix())
                if name in ("reply", "direct_message", "post", "repost") and owner == "publisher":
                    writers.add(path.relative_to(ROOT).as_posix())
    assert makers == {"engagement/services/send.py"}
    assert writers == {"engagement/services/delivery.py"}


def test_everything_that_goes_into_the_outbox_was_looked_at() -> None:
    tree = ast.parse((ROOT / "engagement" / "services" / "send.py").read_text())
    looked_at = []
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        lines = {node.func.id: node.lineno for node in calls if isinstance(node.func, ast.Name)}
        if "_put_in_outbox" in lines:
            assert lines["check_answer"] < lines["refuse_blocked"] < lines["_put_in_outbox"], function.name
            looked_at.append(function.name)
    assert sorted(looked_at) == ["send_direct_message", "send_fixed_reply", "send_reply", "send_share"]


# --- What other programs are told -----------------------------------------------------------------------------------------


def ask(client: APIClient, **given: Any) -> Any:
    return client.post(CHECK, {"network": "mastodon", "audience": "public", "text": "Hello"} | given, format="json")


def test_a_program_is_told_what_the_guards_would_say(program: APIClient) -> None:
    answer = ask(program, text="🙂 Ring 07700 900412")
    assert answer.status_code == 200
    body = answer.json()
    assert set(body) == {"allowed", "findings"}
    assert body["allowed"] is False
    (finding,) = body["findings"]
    assert {name: finding[name] for name in ("kind", "start", "end", "blocks")} == {"kind": "phone", "start": 7, "end": 19, "blocks": True}
    assert ask(program, text="🙂 Ring 07700 900412", audience="private").json() == {"allowed": True, "findings": []}


def test_what_is_only_flagged_is_allowed(program: APIClient) -> None:
    body = ask(program, text="Please just call us.").json()
    assert body["allowed"] is True
    assert [finding["kind"] for finding in body["findings"]] == ["just_call"]


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"network": "myspace"}, 400, "There is no network 'myspace'"),
        ({"network": ""}, 400, "may not be blank"),
        ({"network": "x" * 100}, 400, "no more than 20 characters"),
        ({"audience": "secret"}, 400, "not a valid choice"),
        ({"text": None}, 400, "may not be null"),
        ({"text": ["a"]}, 400, "Not a valid string"),
        ({"text": "x" * 100_001}, 400, "nothing longer than 100000"),
        ({"text": "x" * 100_000, "network": "web"}, 200, "true"),
        ({"text": ""}, 200, "true"),
        ({"text": "\u202e\u200b\U0001f642"}, 200, "true"),
        ({"text": "nothing\x00else"}, 400, "Null characters"),
    ],
)
def test_bad_input_is_said_and_never_a_fault(program: APIClient, given: dict[str, Any], status: int, said: str) -> None:
    answer = ask(program, **given)
    assert answer.status_code == status
    assert said in answer.content.decode()


@pytest.mark.parametrize("missing", ["network", "audience", "text"])
def test_what_is_missing_is_named(program: APIClient, missing: str) -> None:
    given = {"network": "x", "audience": "public", "text": "Hello"}
    del given[missing]
    answer = program.post(CHECK, given, format="json")
    assert answer.status_code == 400
    assert missing in answer.json()


def test_nothing_that_was_asked_about_is_kept(program: APIClient) -> None:
    ask(program, text=PERSONAL)
    assert nothing_went_out()
    assert not Draft.objects.exists()


def test_the_composer_asks_about_its_own_door(desk: Desk, screen: Client) -> None:
    conversation = desk.conversation()
    address = f"/conversations/{conversation.pk}/check/"
    public = screen.post(address, {"kind": "reply", "text": PERSONAL}).json()
    assert [finding["kind"] for finding in public["findings"]] == ["phone"]
    for kind in ("direct_message", "note", "nonsense", ""):
        assert screen.post(address, {"kind": kind, "text": PERSONAL}).json() == {"findings": []}
    assert screen.post("/conversations/999999/check/", {"kind": "reply", "text": PERSONAL}).json() == {"findings": []}
    assert screen.get(address).status_code == 403


def test_accounts_of_other_networks_are_not_ours_here(desk: Desk) -> None:
    NetworkAccount.objects.create(network="web", username="tidewheel_web")
    conversation = desk.conversation(author="mara_k")
    assert check_answer(conversation_id=conversation.pk, kind="reply", text="@mara_k see @tidewheel_web") == []
