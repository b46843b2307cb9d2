"""The doors that other programs lean on."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from knox.models import AuthToken

from listening.models import Conversation, Mention, Source, Topic
from socialdesk import intake
from socialdesk.lib.clock import now
from tests.factories import make_account, make_agent, make_conversation, make_mention, make_post, push, raw_post

pytestmark = pytest.mark.django_db


class Api:
    """A program with a token."""

    def __init__(self, role="agent"):
        self.agent = make_agent(role)
        self.client = Client(headers={"Authorization": f"Token {AuthToken.objects.create(self.agent)[1]}"})

    def post(self, path, data=None, **options):
        return self.client.post(path, data=json.dumps(data if data is not None else {}), content_type="application/json", **options)

    def get(self, path, **query):
        return self.client.get(path, query)


@pytest.fixture
def api():
    return Api()


# --- Push ---------------------------------------------------------------------------------------------------------------


def test_one_post_is_pushed(api):
    post = raw_post(external_id="t1", text="@tidewheel I love it", language="en")
    answer = api.post("/api/mentions/", post)
    assert answer.status_code == 201
    mention = Mention.objects.get()
    assert answer.json() == {"stored": 1, "duplicate": 0, "folded": 0, "filtered": 0, "rejected": [], "ids": {"t1": mention.pk}}
    assert mention.author.username == post["author"]["username"]


def test_pushing_again_answers_duplicate_with_the_same_id(api):
    post = raw_post()
    first, second = api.post("/api/mentions/", [post]).json(), api.post("/api/mentions/", [post]).json()
    assert second == {**first, "stored": 0, "duplicate": 1}


def test_bad_posts_are_refused_by_index_and_the_rest_is_stored(api):
    bad = [
        "not an object",
        raw_post(network="myspace"),
        raw_post(posted_at="yesterday"),
        raw_post(posted_at="9999-12-31T23:59:59-12:00"),
        raw_post(posted_at="0001-01-01T00:00:00+14:00"),
        raw_post(author=None),
        raw_post(text=None),
        raw_post(text={"a": 1}),
        raw_post(external_id=None),
        raw_post(author={"external_id": "a", "username": "a", "followers": "many"}),
        raw_post(text="x" * 200_000),
    ]
    answer = api.post("/api/mentions/", [raw_post(), *bad, raw_post()])
    assert answer.status_code == 201
    body = answer.json()
    assert body["stored"] == 2
    assert [rejection["index"] for rejection in body["rejected"]] == list(range(1, len(bad) + 1))
    assert all(rejection["reason"] for rejection in body["rejected"])


@pytest.mark.parametrize("body", [b"{not json", b'"text"', b"[1, 2]", b"null", b'{"text": "\\ud800"}', b"\xff\xfe"])
def test_a_body_that_is_no_post_never_breaks(api, body):
    answer = api.client.post("/api/mentions/", data=body, content_type="application/json")
    assert answer.status_code in (200, 400)


def test_lone_surrogates_and_nuls_are_stored_without_them(api):
    answer = api.client.post("/api/mentions/", data=json.dumps(raw_post(text="a\ud800b\u0000c")).encode(), content_type="application/json")
    assert answer.json()["stored"] == 1
    assert Mention.objects.get().text == "abc"


def test_more_than_a_thousand_posts_are_refused_as_a_whole(api):
    assert api.post("/api/mentions/", [raw_post()] * 1001).status_code == 400


def test_a_lost_database_is_said_and_nothing_is_stored(api, monkeypatch):
    from django.db import OperationalError

    def away(*args, **kwargs):
        raise OperationalError("disk full")

    monkeypatch.setattr(intake, "_record", away)
    answer = api.post("/api/mentions/", raw_post())
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"
    assert not Mention.objects.exists()


def test_posts_of_networks_without_a_connector_are_taken(api):
    posts = [raw_post(network=network) for network in ("x", "facebook", "instagram", "mastodon", "bluesky", "rss", "web", "sandbox")]
    assert api.post("/api/mentions/", posts).json()["stored"] == 8


# --- Lists --------------------------------------------------------------------------------------------------------------


def test_mentions_are_listed_newest_first_by_key(api):
    push(*[make_post(f"post {n}", author=f"w{n}", ago=n) for n in range(7)])
    texts, address = [], "/api/mentions/?page_size=3"
    for _ in range(3):
        page = api.client.get(address).json()
        texts += [row["text"] for row in page["results"]]
        address = page["next"]
    assert texts == [f"post {n}" for n in range(7)]
    assert address is None


def test_pages_hold_still_while_new_posts_come(api):
    push(*[make_post(f"old {n}", author=f"w{n}", ago=10 + n) for n in range(4)])
    page = api.client.get("/api/mentions/?page_size=2").json()
    push(make_post("new", author="x", ago=1))
    following = api.client.get(page["next"]).json()
    assert [row["text"] for row in following["results"]] == ["old 2", "old 3"]


def test_mentions_are_filtered(api):
    make_account("sandbox", external_id="us")
    topic = Topic.objects.create(name="Praise", query="love OR great")
    good = make_mention("@tidewheel I love it, café délicieux", author="mara", ago=90)
    bad = make_mention("@tidewheel I hate this, terrible", author="tom", network="x", ago=5)
    lead = make_agent("lead", username="lena")
    api.post(f"/api/conversations/{good.conversation_id}/claim/")

    def ids(**query):
        answer = api.get("/api/mentions/", **query)
        assert answer.status_code == 200, answer.json()
        return [row["id"] for row in answer.json()["results"]]

    assert ids() == [bad.pk, good.pk]
    assert ids(topic=topic.pk) == ids(topic="praise") == [good.pk]
    assert ids(sentiment="negative") == [bad.pk]
    assert ids(network="x") == [bad.pk]
    assert ids(status="open") == [good.pk]
    assert ids(assignee=api.agent.username) == ids(assignee=api.agent.pk) == [good.pk]
    assert ids(assignee=lead.username) == []
    assert ids(assignee="none") == [bad.pk]
    assert ids(author="tom") == ids(author=bad.author_id) == [bad.pk]
    assert ids(q="CAFE delicieux") == [good.pk]
    assert ids(q="caf") == [] or connection.vendor == "sqlite"
    hour_ago = (now() - timedelta(hours=1)).isoformat()
    assert ids(since=hour_ago) == [bad.pk]
    assert ids(until=hour_ago) == [good.pk]


@pytest.mark.parametrize(
    "query",
    [
        {"topic": "nothing"}, {"sentiment": "angry"}, {"network": "myspace"}, {"status": "lost"}, {"assignee": "nobody"}, {"since": "soon"},
        {"page_size": "0"}, {"page_size": "501"}, {"page_size": "0000000010000000"}, {"page_size": "٣"}, {"page_size": "x"},
        {"after": "x"}, {"after": "WyIyMDI2IiwgMV0"},
    ],
)  # fmt: skip
def test_nonsense_filters_are_refused_with_a_reason(api, query):
    answer = api.get("/api/mentions/", **query)
    assert answer.status_code in (400, 404)
    assert answer.json()["detail"]


def test_a_page_has_a_fixed_number_of_queries(api):
    Topic.objects.create(name="Bike", query="bike")
    counts = []
    for size in (5, 60):
        push(*[make_post(f"a bike {n}", author=f"{size}-{n}") for n in range(size)])
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert len(api.get("/api/mentions/", page_size=500).json()["results"]) >= size
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12


def test_own_posts_are_not_listed(api):
    from tests.factories import make_author

    make_account(external_id="us")
    push(make_post("news", author=make_author("tidewheel", external_id="us")))
    assert api.get("/api/mentions/").json()["results"] == []


def test_a_mention_names_its_conversation_and_profile_by_id(api):
    mention = make_mention()
    row = api.get(f"/api/mentions/{mention.pk}/").json()
    assert row["conversation"] == mention.conversation_id
    assert row["author"]["profile"] == mention.author.profile_id
    assert api.get(f"/api/profiles/{row['author']['profile']}/").status_code == 200
    assert api.get(f"/api/profiles/{row['author']['profile']}/timeline/").status_code == 200


def test_a_correction_stands_beside_the_score(api):
    mention = make_mention("@tidewheel I love it")
    row = api.post(f"/api/mentions/{mention.pk}/correct/", {"label": "negative"}).json()
    assert (row["sentiment"], row["label"], row["corrected_label"]) == ("negative", "positive", "negative")
    assert row["score"] == mention.score


# --- Conversations ------------------------------------------------------------------------------------------------------


def test_a_conversation_is_worked_through_the_api(api):
    pk = make_conversation().pk
    base = f"/api/conversations/{pk}/"
    assert api.post(base + "claim/").json()["claimed_by"]["username"] == api.agent.username
    assert Api().post(base + "claim/").status_code == 409
    assert api.post(base + "snooze/", {"minutes": 30}).json()["status"] == "snoozed"
    assert api.post(base + "reopen/").json()["status"] == "open"
    assert api.post(base + "assign/", {"agent": None}).json()["assignee"] is None
    assert api.post(base + "resolve/").json()["status"] == "resolved"
    again = api.post(base + "resolve/")
    assert (again.status_code, again.json()["code"]) == (409, "conflict")
    assert Conversation.objects.get().status == "resolved"


def test_what_is_not_there_is_said_so(api):
    assert api.post("/api/conversations/999999/claim/").status_code == 404


# --- Topics -------------------------------------------------------------------------------------------------------------


def test_a_query_is_tried_on_texts(api):
    answer = api.post("/api/topics/check/", {"query": "bike -late", "texts": ["my bike", "my late bike", "car"]})
    assert answer.json() == {"error": None, "matches": [True, False, False]}
    error = api.post("/api/topics/check/", {"query": "bike (", "texts": []}).json()["error"]
    assert error["column"] >= 6
    assert error["message"]


def test_topics_are_changed_by_leads_only(api):
    topic = {"name": "Bikes", "query": "bike*"}
    assert api.post("/api/topics/", topic).status_code == 403
    lead = Api("lead")
    assert lead.post("/api/topics/", topic).status_code == 201
    assert lead.post("/api/topics/", topic).status_code == 400
    assert lead.post("/api/topics/", {"name": "Nothing", "query": "-bike"}).json()["detail"]


def test_the_schema_is_complete_and_without_warnings():
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=StringIO())


def test_credentials_never_leave_the_desk(api):
    make_account(credentials={"token": "top-secret"})
    assert "top-secret" not in api.get("/api/accounts/").content.decode()


def test_sources_tell_their_health(api):
    api.post("/api/mentions/", raw_post())
    assert Source.objects.get().kind == "push"
    rows = api.get("/api/sources/").json()
    assert rows[0]["last_item_at"]
