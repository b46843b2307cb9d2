"""Calls, notices and verifications as a program meets them, and the pages of the queue."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from engagement.models import Message, Notice, NumberView
from engagement.services.calls import begin_call
from engagement.services.notices import deliver_notice
from listening.models import Conversation
from profiles.models import Agent, Medium
from tests.chance import without_chance
from tests.engagement.calls import STORED, ask_for_call, give_consent, open_day
from tests.engagement.desk import Desk
from tests.engagement.test_api import client_of
from tests.engagement.test_pane_views import client_of as screen_of
from tests.factories import make_agent, make_conversation

pytestmark = pytest.mark.django_db


@pytest.fixture
def conversation(desk: Desk) -> Conversation:
    open_day()
    desk.world.add_account("mara_k")
    desk.world.follow("mara_k")
    return desk.conversation(author="mara_k")


@pytest.fixture
def api(sam: Agent) -> Any:
    return client_of(sam)


def test_call_is_taken_made_and_noted(conversation: Conversation, api: Any, ana: Agent) -> None:
    callback = ask_for_call(conversation)
    (listed,) = api.get("/api/callbacks/").data["results"]
    assert (listed["id"], listed["state"], listed["conversation"]) == (callback.pk, "waiting", conversation.pk)
    assert STORED[3:] not in str(api.get("/api/callbacks/").content)
    begun = api.post(f"/api/callbacks/{callback.pk}/begin/")
    assert (begun.status_code, begun.data["number"], begun.data["state"]) == (200, "+44 117 496 0140", "calling")
    assert NumberView.objects.count() == 1
    assert client_of(ana).post(f"/api/callbacks/{callback.pk}/begin/").status_code == 409
    ended = api.post(f"/api/callbacks/{callback.pk}/end/", {"outcome": "reached", "note": "All is well"}, format="json")
    assert (ended.status_code, ended.data["state"]) == (200, "reached")
    assert api.post(f"/api/callbacks/{callback.pk}/end/", {"outcome": "lost"}, format="json").status_code == 400


def test_queue_pages_follow_each_other(api: Any) -> None:
    open_day()
    for number in range(52):
        ask_for_call(make_conversation(author=f"caller{number}"))
    first = api.get("/api/callbacks/")
    second = api.get(first.data["next"])
    assert (len(first.data["results"]), len(second.data["results"]), second.data["next"]) == (50, 2, None)
    assert not {row["id"] for row in first.data["results"]} & {row["id"] for row in second.data["results"]}
    assert api.get("/api/callbacks/?after=nonsense").status_code == 400


def test_notice_is_ordered_once_and_only_with_consent(conversation: Conversation, api: Any) -> None:
    path = f"/api/profiles/{conversation.author.profile_id}/notices/"
    order = {"medium": "email", "purpose": "status updates", "text": "Your bike is ready.", "conversation": conversation.pk}
    refused = api.post(path, order, format="json")
    assert (refused.status_code, refused.data["code"]) == (409, "no_consent")
    give_consent(conversation.author.profile, Medium.EMAIL, scope="status updates")
    for _ in range(2):
        made = api.post(path, order, format="json", headers={"Idempotency-Key": "ship 7"})
        assert (made.status_code, made.data["to"], made.data["state"]) == (201, "m•••@tidewheel.example", "queued")
    deliver_notice(Notice.objects.get().pk)
    assert len(mail.outbox) == 1
    (listed,) = api.get("/api/notices/").data["results"]
    assert listed["state"] == "sent"
    for wrong in ({"medium": "phone"}, {"purpose": "spam"}, {"text": ""}, {"conversation": 10**20}):
        assert api.post(path, {**order, **wrong}, format="json").status_code in (400, 404)
    assert api.post("/api/profiles/999999/notices/", order, format="json").status_code == 404


def test_programs_do_not_order_what_is_past_scope_hours_and_how_often(conversation: Conversation, api: Any) -> None:
    give_consent(conversation.author.profile, Medium.EMAIL, scope="this matter")
    path = f"/api/profiles/{conversation.author.profile_id}/notices/"
    for purpose in ("verification code", "confirmation of the address", "status updates, unconfirmed"):
        refused = api.post(path, {"medium": "email", "purpose": purpose, "text": "Buy more bikes"}, format="json")
        assert (refused.status_code, list(refused.data)) == (400, ["purpose"])
    assert not Notice.objects.exists()


def test_notice_belongs_to_no_conversation_with_somebody_else(conversation: Conversation, api: Any) -> None:
    give_consent(conversation.author.profile, Medium.EMAIL, scope="this matter")
    path = f"/api/profiles/{conversation.author.profile_id}/notices/"
    other = make_conversation(author="nils")
    order = {"medium": "email", "purpose": "this matter", "text": "Hello"}
    refused = api.post(path, {**order, "conversation": other.pk}, format="json")
    assert (refused.status_code, "somebody else" in refused.data["detail"]) == (400, True)
    assert api.post(path, {**order, "conversation": conversation.pk}, format="json").data["conversation"] == conversation.pk


def test_unconfirmed_notice_is_decided(conversation: Conversation, api: Any) -> None:
    give_consent(conversation.author.profile, Medium.EMAIL, scope="this matter")
    path = f"/api/profiles/{conversation.author.profile_id}/notices/"
    made = api.post(path, {"medium": "email", "purpose": "this matter", "text": "Hello"}, format="json")
    decide = f"/api/notices/{made.data['id']}/decide/"
    assert api.post(decide, {"decision": "sent"}, format="json").status_code == 409
    Notice.objects.update(state="unconfirmed")
    assert api.post(decide, {"decision": "give_up"}, format="json").data["state"] == "failed"


def test_account_is_verified(conversation: Conversation, api: Any) -> None:
    path = f"/api/conversations/{conversation.pk}/verifications/"
    assert api.post(path, {"by": "reply"}, format="json").status_code == 400
    sent = api.post(path, {"by": "direct_message", "waiver": "they asked"}, format="json")
    assert (sent.status_code, sent.data["state"]) == (201, "live")
    assert "code_hash" not in sent.data
    found = re.search(r"\d{6}", Message.objects.get().text)
    assert found is not None
    enter = f"/api/verifications/{sent.data['id']}/enter/"
    wrong = api.post(enter, {"code": f"{(int(found.group()) + 1) % 10**6:06}"}, format="json")
    assert (wrong.status_code, wrong.data["code"], wrong.data["tries_left"]) == (400, "wrong_code", 4)
    assert api.post(enter, {"code": found.group()}, format="json").data["state"] == "confirmed"
    ask_for_call(conversation)
    reach = api.get(path).data
    assert [contact["shown"] for contact in reach["contacts"]] == ["•••• 140"]
    assert reach["contacts"][0]["allows"] == ["phone"]
    assert [verification["state"] for verification in reach["verifications"]] == ["confirmed"]


# --- The pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/callbacks/", "/notices/"])
def test_the_number_of_queries_does_not_grow_with_the_list(conversation: Conversation, sam: Agent, path: str) -> None:
    screen = screen_of(sam)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert screen.get(path).status_code == 200
        return len(queries)

    def fill(number: int) -> None:
        other = make_conversation(author=f"caller{number}")
        ask_for_call(other)
        give_consent(other.author.profile, Medium.EMAIL)
        Notice.objects.create(
            profile=other.author.profile,
            contact_point=other.author.profile.contact_points.get(kind="email"),
            consent=other.author.profile.consents.get(medium="email"),
            medium="email",
            purpose="this matter",
            text="Hello",
            language="en",
            token=f"{number:032}",
            not_before=other.opened_at,
            created_at=other.opened_at,
        )

    for number in range(2):
        fill(number)
    few = count()
    for number in range(2, 30):
        fill(number)
    assert count() == few <= 5


def test_sheet_of_a_call_costs_a_fixed_number_of_queries(conversation: Conversation, sam: Agent) -> None:
    callback = ask_for_call(conversation)
    begin_call(callback_id=callback.pk, agent=sam)
    screen = screen_of(sam)
    with CaptureQueriesContext(connection) as queries:
        page = screen.get(f"/callbacks/{callback.pk}/")
    assert "+44 117 496 0140" in page.content.decode()
    assert len(queries) <= 16


def test_sheet_of_somebody_elses_call_shows_nothing(conversation: Conversation, sam: Agent, ana: Agent) -> None:
    callback = ask_for_call(conversation)
    begin_call(callback_id=callback.pk, agent=sam)
    page = screen_of(ana).get(f"/callbacks/{callback.pk}/")
    assert page.status_code == 403
    assert "496" not in without_chance(page.content.decode())
    assert screen_of(make_agent("manager")).get("/callbacks/").status_code == 403
    assert not NumberView.objects.exists()
    assert screen_of(sam).get("/callbacks/999999/").status_code == 404


def test_outcome_leads_on_without_javascript(conversation: Conversation, sam: Agent) -> None:
    callback = ask_for_call(conversation)
    screen = screen_of(sam)
    begun = screen.post(f"/callbacks/{callback.pk}/begin/")
    assert begun.headers["Location"] == f"/callbacks/{callback.pk}/"
    again = screen.post(
        f"/callbacks/{callback.pk}/end/", {"outcome": ""}, headers={"Referer": f"http://testserver/callbacks/{callback.pk}/"}
    )
    assert again.headers["Location"] == f"http://testserver/callbacks/{callback.pk}/"
    ended = screen.post(f"/callbacks/{callback.pk}/end/", {"outcome": "reached"})
    assert ended.headers["Location"] == f"/conversations/{conversation.pk}/"
