"""The praise board and its acts as pages and as an API: who may, what is shown, a fixed number of queries; and the daily e-mail."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from smtplib import SMTPServerDisconnected
from typing import Any
from unittest.mock import patch

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from engagement.models import Compliment, ComplimentEvent, Delivery, Message, Permission, PraiseDigest
from engagement.services.board import read_board, read_column, read_entry, read_figures
from engagement.services.compliments import forward_compliment
from engagement.services.digest import send_digests
from engagement.services.permissions import record_answer, withdraw_permission
from engagement.tasks import send_praise_digests, sweep_praise
from listening.models import Mention
from profiles.models import Agent, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound
from tests.engagement.desk import by_hand, work
from tests.engagement.praise import PRAISE, Praise, fresh
from tests.factories import make_agent

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}
MOST_QUERIES = 20  # of the board: a person and a session, six columns, what decides the next steps, the figures


@pytest.fixture
def rafa(db: None) -> Agent:
    return make_agent(Role.MARKETING, username="rafa", email="rafa@example.com")


@pytest.fixture
def praise(sam: Agent, rafa: Agent) -> Praise:
    return Praise(sam, rafa)


def client_of(agent: Agent) -> Client:
    client = Client()
    client.force_login(agent, backend="django.contrib.auth.backends.ModelBackend")
    return client


def api_of(agent: Agent) -> APIClient:
    client = APIClient()
    client.force_authenticate(agent)
    return client


def text_of(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def count_queries(client: Client, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


# --- The board ----------------------------------------------------------------------------------------------------------


def test_the_board_costs_the_same_however_much_is_on_it(praise: Praise, rafa: Agent) -> None:
    def fill() -> None:
        praise.forward()
        praise.says(praise.asked(), "yes")
        praise.granted()
        praise.shared(purpose="quote")
        withdraw_permission(compliment_id=praise.shared()[0].pk, agent=rafa)

    fill()
    client = client_of(rafa)
    entry = Compliment.objects.filter(state="permission_asked").latest("pk").pk
    paths = ["/compliments/", "/compliments/?state=permission_asked", f"/compliments/{entry}/"]
    for path in paths:
        client.get(path)
    few = [count_queries(client, path) for path in paths]
    for _ in range(4):
        fill()
    assert [count_queries(client, path) for path in paths] == few
    assert max(few) <= MOST_QUERIES, few


def test_the_pane_and_the_cards_cost_the_same_with_praise(praise: Praise, sam: Agent) -> None:
    client = client_of(sam)
    compliment = praise.forward()
    path = f"/conversations/{compliment.conversation_id}/"
    client.get(path)
    pane, feed = count_queries(client, path), count_queries(client, "/feed/")
    for _ in range(5):
        praise.forward(author=compliment.mention.author.username, text=PRAISE + " again")
        praise.forward()
    assert (count_queries(client, path), count_queries(client, "/feed/")) == (pane, feed)


def test_each_state_stands_in_its_column_with_what_can_be_done(praise: Praise, sam: Agent, rafa: Agent) -> None:
    new, asked, granted = praise.forward(), praise.asked(), praise.granted()
    shared, _ = praise.shared()
    refused = praise.asked()
    record_answer(compliment_id=refused.pk, agent=rafa, granted=False, evidence=praise.says(refused, "No."))
    columns = {column.state: column for column in read_board(rafa)}
    assert {state: [entry.compliment.pk for entry in column.entries] for state, column in columns.items()} == {
        "new": [new.pk],
        "permission_asked": [asked.pk],
        "granted": [granted.pk],
        "reposted": [shared.pk],
        "thanked": [],
        "declined": [refused.pk],
    }
    acts = {state: column.entries[0].acts for state, column in columns.items() if column.entries}
    assert acts == {
        "new": ("ask", "thank", "hand", "record", "accept", "decline"),
        "permission_asked": ("thank", "hand", "record", "decline"),
        "granted": ("share", "thank", "hand", "withdraw", "decline"),
        "reposted": ("thank", "hand", "withdraw"),
        "declined": ("thank", "hand", "record"),
    }
    assert {entry.acts for column in read_board(sam) for entry in column.entries} == {()}


def test_only_what_is_offered_is_taken(praise: Praise, rafa: Agent) -> None:
    """Every act that an entry offers works, at each stage."""
    stages: list[Callable[[], Compliment]] = [praise.forward, praise.asked, praise.granted, lambda: praise.shared()[0]]
    posted = {"ask": {"purpose": "quote"}, "record": {"granted": "1", "purpose": "repost"}}
    for stage in stages:
        for act in read_entry(rafa, stage().pk)[0].acts:
            compliment = fresh(stage())
            entry = read_entry(rafa, compliment.pk)[0]
            form = {**posted.get(act, {}), "answer_seen": str(entry.answer_seen), "evidence": f"post:{compliment.mention_id}"}
            answer = client_of(rafa).post(f"/compliments/{compliment.pk}/{act.replace('_', '-')}/", form, headers=FRAGMENT)
            assert answer.status_code == 204, (act, answer.content)


def test_a_column_is_read_page_by_page(praise: Praise, rafa: Agent) -> None:
    made = [praise.forward().pk for _ in range(7)]
    Compliment.objects.update(changed_at=now())
    seen: list[int] = []
    after = ""
    while True:
        column = read_column(rafa, "new", after=after, limit=3)
        seen += [entry.compliment.pk for entry in column.entries]
        assert column.count == 7
        after = column.next
        if not after:
            break
    assert seen == made[::-1]
    for state, key in (("nonsense", ""), ("new", "nonsense")):
        with pytest.raises(DeskError):
            read_column(rafa, state, after=key)


def test_the_board_shows_strange_words_as_words(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward("<script>alert(1)</script> lovely @tidewheel", note="<b>bold</b>")
    for path in ("/compliments/", f"/compliments/{compliment.pk}/"):
        page = client_of(rafa).get(path).content.decode()
        assert "<script>alert" not in page
        assert "&lt;b&gt;bold" in page
    assert client_of(rafa).get("/compliments/?state=x").status_code == 400
    assert client_of(rafa).get("/compliments/999999/").status_code == 404
    with pytest.raises(NotFound):
        read_entry(rafa, 10**30)


def test_the_figures_say_how_long_how_often_and_how_many(praise: Praise, rafa: Agent) -> None:
    assert read_figures().to_forward is None
    for minutes in (10, 20, 90):
        compliment = praise.forward()
        received = compliment.forwarded_at - timedelta(minutes=minutes)
        Mention.objects.filter(pk=compliment.mention_id).update(received_at=received)
    Compliment.objects.filter(pk=compliment.pk).update(answer="granted", shared_at=now())
    Compliment.objects.exclude(pk=compliment.pk).update(answer="refused")
    figures = read_figures()
    assert (figures.forwarded, figures.to_forward, figures.answered, figures.granted, figures.shared) == (3, timedelta(minutes=20), 3, 1, 1)
    assert figures.rate == pytest.approx(1 / 3)
    assert read_figures(now=now() + timedelta(days=31)).forwarded == 0
    assert "33%" in text_of(client_of(rafa).get("/compliments/"))


def test_a_post_that_was_changed_since_is_said_to_be(praise: Praise, rafa: Agent) -> None:
    compliment = praise.granted()
    praise.world.edit(compliment.mention.external_id, "@tidewheel I take it all back")
    praise.read()
    assert "Changed by its author since they agreed" in text_of(client_of(rafa).get("/compliments/"))


# --- Pressing -----------------------------------------------------------------------------------------------------------


def test_forwarding_from_the_pane(praise: Praise, sam: Agent, ana: Agent) -> None:
    mention = praise.mention(PRAISE)
    path = f"/conversations/{mention.conversation_id}/forward/"
    answer = client_of(sam).post(path, {"mention": mention.pk, "note": "nice", "to": ana.pk}, headers=FRAGMENT)
    heard = json.loads(answer["HX-Trigger"])["desk:done"]
    assert (heard["did"], heard["words"]) == ("forwarded", "Praise forwarded to Ana.")
    assert Compliment.objects.get().forwarded_to == ana
    pane = text_of(client_of(sam).get(f"/conversations/{mention.conversation_id}/", headers=FRAGMENT))
    assert "Sam forwarded it to Ana" in pane
    assert "praise forwarded" in text_of(client_of(sam).get("/feed/"))
    other = praise.mention(PRAISE)
    assert client_of(sam).post(path, {"mention": other.pk}, headers=FRAGMENT).status_code == 404
    assert client_of(sam).post(path, {"mention": "x"}, headers=FRAGMENT).status_code == 400
    assert client_of(sam).post(path, {"to": "999999"}, headers=FRAGMENT).status_code == 404


def test_who_may_not_is_refused_by_the_service(praise: Praise, sam: Agent) -> None:
    compliment = praise.granted()
    for act in ("accept", "ask", "record", "share", "thank", "hand", "decline", "withdraw", "take-back", "removed"):
        form = {"purpose": "repost", "granted": "1", "evidence": f"post:{compliment.mention_id}"}
        answer = client_of(sam).post(f"/compliments/{compliment.pk}/{act}/", form, headers=FRAGMENT)
        assert answer.status_code == 403, act
    assert fresh(compliment).state == "granted"


@pytest.mark.parametrize("act", ["ask", "thank"])
def test_whoever_sees_an_answer_from_outside_on_the_board_can_ask_and_thank_all_the_same(praise: Praise, rafa: Agent, act: str) -> None:
    compliment = praise.forward()
    by_hand(praise, compliment.mention, "We told the mechanic!")
    client = client_of(rafa)
    page = client.get("/compliments/").content.decode()
    assert "We told the mechanic!" in page
    [seen] = re.findall(r'name="answer_seen" value="(\d+)"', page)
    fields = {"purpose": "repost", "answer_seen": seen}
    assert client.post(f"/compliments/{compliment.pk}/{act}/", fields | {"answer_seen": "0"}, headers=FRAGMENT).status_code == 409
    assert client.post(f"/compliments/{compliment.pk}/{act}/", fields, headers=FRAGMENT).status_code == 204
    assert client.post(f"/compliments/{praise.forward().pk}/{act}/", {"purpose": "repost"}, headers=FRAGMENT).status_code == 204
    assert Message.objects.filter(kind="reply").count() == 2


def test_a_form_that_cannot_be_meant_is_refused(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward()
    client = client_of(rafa)
    for act, form in (
        ("record", {}),
        ("record", {"granted": "2"}),
        ("record", {"granted": "1", "evidence": "x"}),
        ("ask", {"purpose": "x"}),
        ("ask", {"purpose": "repost", "answer_seen": "x"}),
        ("thank", {"answer_seen": "9" * 30}),
        ("decline", {"note": "x" * 600}),
    ):
        assert client.post(f"/compliments/{compliment.pk}/{act}/", form, headers=FRAGMENT).status_code == 400, (act, form)
    assert not Message.objects.filter(kind="reply").exists()


def test_what_is_in_trouble_is_settled_in_the_outbox_by_whoever_wrote_it(praise: Praise, rafa: Agent) -> None:
    compliment = praise.forward()
    client = client_of(rafa)
    client.post(f"/compliments/{compliment.pk}/ask/", {"purpose": "repost"}, headers=FRAGMENT)
    question = Message.objects.get(kind="reply")
    Delivery.objects.update(state="failed", error="The network is closed today", not_before=now())
    assert "Decide in the outbox" in text_of(client.get("/compliments/"))
    assert 'value="retry"' in client.get("/outbox/").content.decode()
    assert 'value="retry"' not in client_of(make_agent(Role.MARKETING)).get("/outbox/").content.decode()
    decide = f"/messages/{question.pk}/decide/"
    assert client_of(make_agent(Role.MARKETING)).post(decide, {"decision": "retry"}, headers=FRAGMENT).status_code == 403
    assert client.post(decide, {"decision": "retry"}, headers=FRAGMENT).status_code == 204
    work(now())
    assert len(praise.answers(compliment.mention)) == 1


def test_the_task_does_what_the_board_does_by_itself(praise: Praise, rafa: Agent) -> None:
    compliment, _ = praise.shared(purpose="quote")
    praise.author_deletes(compliment.mention)
    sweep_praise()
    assert (praise.ours(), fresh(compliment).state) == ([], "declined")
    assert list(ComplimentEvent.objects.filter(agent=None).order_by("pk").values_list("kind", flat=True)) == ["deleted", "taken_down"]


# --- The API ------------------------------------------------------------------------------------------------------------


def test_a_program_plays_the_whole_loop(praise: Praise, sam: Agent, rafa: Agent) -> None:
    mention = praise.mention(PRAISE)
    forwarded = api_of(sam).post(f"/api/conversations/{mention.conversation_id}/forward/", {"note": "nice"}, format="json")
    assert forwarded.status_code == 200
    pk = forwarded.json()["id"]
    assert (forwarded.json()["state"], forwarded.json()["note"], forwarded.json()["forwarded_by"]["username"]) == ("new", "nice", "sam")
    again = api_of(sam).post(f"/api/conversations/{mention.conversation_id}/forward/", {}, format="json")
    assert again.json()["id"] == pk

    api = api_of(rafa)
    refused = api.post(f"/api/compliments/{pk}/share/", format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "no_permission")
    assert api.post(f"/api/compliments/{pk}/accept/").json()["accepted_by"]["username"] == "rafa"
    asked = api.post(f"/api/compliments/{pk}/ask/", {"purpose": "repost"}, format="json").json()
    assert (asked["state"], asked["purpose"]) == ("permission_asked", "repost")
    work(now())
    praise.says(fresh(Compliment.objects.get(pk=pk)), "Sure, go ahead")
    detail = api.get(f"/api/compliments/{pk}/").json()
    (answer,) = detail["answers"]
    assert (answer["reading"], detail["permission"]) == ("yes", None)
    recorded = api.post(f"/api/compliments/{pk}/record/", {"granted": True, "evidence": answer["evidence"]}, format="json").json()
    assert (recorded["state"], recorded["permission"]["read_as"]) == ("granted", "yes")
    assert api.post(f"/api/compliments/{pk}/share/", {}, format="json").status_code == 200
    work(now())
    assert [post.repost_of for post in praise.ours()] == [mention.external_id]
    thanked = api.post(f"/api/compliments/{pk}/thank/", {"answer_seen": 1}, format="json").json()
    assert [event["kind"] for event in thanked["history"]] == ["forwarded", "accepted", "asked", "granted", "reposted", "thanked"]
    ended = api.post(f"/api/compliments/{pk}/withdraw/", {}, format="json").json()
    assert (ended["state"], ended["permission"]) == ("declined", None)
    assert api_of(sam).post(f"/api/compliments/{pk}/accept/").status_code == 403


def test_compliments_are_listed_by_key_and_filtered(praise: Praise, sam: Agent, rafa: Agent) -> None:
    made = [praise.forward().pk for _ in range(5)]
    forward_compliment(mention_id=praise.mention(PRAISE).pk, agent=rafa)
    api = api_of(sam)
    first = api.get("/api/compliments/?page_size=2&forwarded_by=sam").json()
    assert [entry["id"] for entry in first["results"]] == made[:-3:-1]
    second = api.get(first["next"]).json()
    assert [entry["id"] for entry in second["results"]] == made[-3:-5:-1]
    assert len(api.get("/api/compliments/?state=new").json()["results"]) == 6
    assert api.get("/api/compliments/?state=x").status_code == 400
    assert api.get("/api/compliments/?forwarded_by=nobody").status_code == 404
    with CaptureQueriesContext(connection) as queries:
        api.get("/api/compliments/")
    assert len(queries) == 1


@pytest.mark.parametrize(
    ("act", "body"),
    [
        ("ask", {"purpose": "x"}),
        ("ask", {"hold": -1}),
        ("record", {}),
        ("record", {"granted": True, "evidence": "post:x"}),
        ("decline", {"note": "x" * 501}),
        ("share", {"hold": "soon"}),
    ],
)
def test_nonsense_is_refused_by_the_api(praise: Praise, rafa: Agent, act: str, body: dict[str, Any]) -> None:
    compliment = praise.forward()
    assert api_of(rafa).post(f"/api/compliments/{compliment.pk}/{act}/", body, format="json").status_code == 400
    assert fresh(compliment).state == "new"
    assert not Permission.objects.exists()


# --- The daily e-mail ---------------------------------------------------------------------------------------------------

MORNING = datetime(2031, 5, 4, 7, 30, tzinfo=UTC)


def forwarded_before(praise: Praise, moment: datetime, **options: Any) -> Compliment:
    compliment = praise.forward(**options)
    Compliment.objects.filter(pk=compliment.pk).update(forwarded_at=moment - timedelta(hours=1))
    return compliment


def test_the_digest_tells_marketing_what_is_new_once_a_day(praise: Praise) -> None:
    forwarded_before(praise, MORNING, note="a story for the newsletter", author="mara_k")
    assert send_digests(now=MORNING.replace(hour=6)) == 0
    assert [send_digests(now=MORNING), send_digests(now=MORNING), send_digests(now=MORNING.replace(hour=20))] == [1, 0, 0]
    (message,) = mail.outbox
    assert (message.to, message.subject) == (["rafa@example.com"], "One new compliment")
    for words in ("@mara_k on Sandbox", "the mechanic was wonderful", "Forwarded by Sam: a story for the newsletter", "/compliments/"):
        assert words in message.body
    assert "&" not in message.body


def test_nothing_new_sends_nothing_and_what_was_told_is_not_told_again(praise: Praise) -> None:
    assert send_digests(now=MORNING) == 0
    assert not PraiseDigest.objects.exists()
    forwarded_before(praise, MORNING)
    send_digests(now=MORNING)
    next_day = MORNING + timedelta(days=1)
    assert send_digests(now=next_day) == 0
    forwarded_before(praise, next_day)
    forwarded_before(praise, next_day)
    assert send_digests(now=next_day) == 1
    assert mail.outbox[-1].subject == "2 new compliments"


def test_only_staff_with_an_address_are_written_to_and_owners_of_what_is_theirs(praise: Praise, sam: Agent, rafa: Agent) -> None:
    make_agent(Role.MARKETING)
    make_agent(Role.MARKETING, email="gone@example.com", is_active=False)
    owner = make_agent(Role.MANAGER, email="owner@example.com")
    make_agent(Role.AGENT, email="agent@example.com")
    forwarded_before(praise, MORNING, author="for_marketing")
    forwarded_before(praise, MORNING, author="for_owner", to=owner)
    assert send_digests(now=MORNING) == 2
    bodies = {message.to[0]: message.body for message in mail.outbox}
    assert set(bodies) == {"rafa@example.com", "owner@example.com"}
    assert "@for_marketing" in bodies["rafa@example.com"]
    assert "@for_owner" not in bodies["rafa@example.com"]
    assert "@for_owner" in bodies["owner@example.com"]


def test_a_mail_server_that_refuses_is_tried_again(praise: Praise) -> None:
    forwarded_before(praise, MORNING)
    with patch("engagement.services.digest.send_mail", side_effect=SMTPServerDisconnected("busy")):
        assert send_digests(now=MORNING) == 0
    assert send_digests(now=MORNING + timedelta(minutes=10)) == 1


def test_an_e_mail_that_was_interrupted_is_told_the_next_day_and_not_twice_today(praise: Praise) -> None:
    forwarded_before(praise, MORNING)
    with patch("engagement.services.digest.send_mail", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        send_digests(now=MORNING)
    assert send_digests(now=MORNING + timedelta(minutes=10)) == 0
    assert send_digests(now=MORNING + timedelta(days=1)) == 1


def test_the_task_sends_the_digest(praise: Praise, settings: Any) -> None:
    settings.DIGEST_HOUR = 0
    praise.forward()
    for _ in range(2):
        send_praise_digests()
    assert len(mail.outbox) == 1
