"""The desk's views: a fixed number of queries, filters that refuse nonsense, acts that answer pages and plain browsers alike."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from listening.models import Conversation, SavedSearch
from listening.services.conversations import claim_conversation, resolve_conversation
from listening.services.topics import save_topic
from profiles.models import Agent, Role
from tests.factories import make_agent, make_conversation, make_mention, make_post, push

pytestmark = pytest.mark.django_db
FRAGMENT = {"HX-Request": "true"}
MOST_QUERIES = 12


@pytest.fixture
def sam() -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def client(sam: Agent) -> Client:
    signed_in = Client()
    signed_in.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    return signed_in


def told(response: Any) -> dict[str, Any]:
    """What the open page hears of something that was done."""
    heard: dict[str, Any] = json.loads(response["HX-Trigger"])["desk:done"]
    return heard


def count_queries(client: Client, path: str, **headers: Any) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(path, **headers).status_code == 200
    return len(queries)


@pytest.mark.parametrize("path", ["/", "/?sort=due", "/?q=bike", "/feed/", "/?topic={topic}", "/feed/cards/?ids=1,2,3"])
def test_the_number_of_queries_does_not_grow_with_the_list(client: Client, sam: Agent, path: str) -> None:
    topic = save_topic(topic=None, name="Bikes", query="bike*", agent=make_agent(Role.LEAD))
    path = path.format(topic=topic.pk)
    push(*[make_post(f"@tidewheel my bike {number}", author=f"writer{number}") for number in range(3)])
    client.get(path)
    few = count_queries(client, path)
    push(*[make_post(f"@tidewheel another bike {number}", author=f"other{number}") for number in range(80)])
    assert count_queries(client, path) == few <= MOST_QUERIES


def test_a_card_marks_the_words_of_its_topics_and_escapes_the_rest(client: Client) -> None:
    save_topic(topic=None, name="Bikes", query="bike", agent=make_agent(Role.LEAD))
    make_mention("<b>my bike</b> & yours")
    page = client.get("/feed/").content.decode()
    assert "&lt;b&gt;my <mark>bike</mark>&lt;/b&gt; &amp; yours" in page


@pytest.mark.parametrize("query", ["view=nonsense", "topic=x", "sort=up", "sentiment=angry", "after=???"])
def test_nonsense_in_the_address_is_refused_with_a_sentence(client: Client, query: str) -> None:
    assert client.get(f"/?{query}").status_code == 400
    answer = client.get(f"/feed/?{query}", headers=FRAGMENT)
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith(".")


def test_the_feed_goes_on_where_the_page_ended(client: Client) -> None:
    push(*[make_post(f"@tidewheel {number}", author=f"writer{number}", ago=number + 1) for number in range(45)])
    first = client.get("/feed/", headers=FRAGMENT).content.decode()
    following = first.split("/feed/?")[1].split('"')[0].replace("&amp;", "&")
    second = client.get(f"/feed/?{following}", headers=FRAGMENT).content.decode()
    assert (first.count("data-card="), second.count("data-card=")) == (40, 5)
    assert "data-more" not in second


def test_a_view_asked_for_by_the_page_is_a_part_and_names_its_address(client: Client) -> None:
    answer = client.get("/?view=urgent&q=&sentiment=", headers=FRAGMENT)
    assert answer["HX-Push-Url"] == "/?view=urgent"
    assert "<html" not in answer.content.decode()
    assert "HX-Request" in answer["Vary"]


def test_an_act_tells_the_open_page_and_sends_a_plain_browser_back(client: Client) -> None:
    conversation = make_conversation()
    answer = client.post(f"/conversations/{conversation.pk}/claim/", headers=FRAGMENT)
    assert answer.status_code == 204
    assert told(answer) == {"words": "It is yours.", "conversation": conversation.pk, "did": "claimed"}
    answer = client.post(f"/conversations/{conversation.pk}/resolve/", {"next": "/?view=mine"}, follow=True)
    assert answer.redirect_chain == [("/?view=mine", 302)]
    assert "Resolved." in answer.content.decode()


def test_a_refused_act_says_so_to_both(client: Client) -> None:
    conversation = make_conversation()
    claim_conversation(conversation_id=conversation.pk, agent=make_agent(username="ana"))
    answer = client.post(f"/conversations/{conversation.pk}/claim/", headers=FRAGMENT)
    assert (answer.status_code, answer.json()["code"]) == (409, "claimed")
    assert "Ana is working on this" in client.post(f"/conversations/{conversation.pk}/claim/", follow=True).content.decode()


def test_nobody_is_sent_to_another_site(client: Client) -> None:
    conversation = make_conversation()
    answer = client.post(f"/conversations/{conversation.pk}/claim/", {"next": "https://elsewhere.example/"})
    assert answer["Location"] == "/"


@pytest.mark.parametrize(("until", "hours"), [("1h", 1), ("3h", 3)])
def test_snoozing_for_some_hours(client: Client, until: str, hours: int) -> None:
    conversation = make_conversation()
    client.post(f"/conversations/{conversation.pk}/snooze/", {"until": until}, headers=FRAGMENT)
    conversation.refresh_from_db()
    assert conversation.snoozed_until
    assert abs(conversation.snoozed_until - timezone.now() - timedelta(hours=hours)) < timedelta(minutes=1)


@pytest.mark.parametrize("until", ["tomorrow", "monday"])
def test_snoozing_until_a_morning(client: Client, until: str) -> None:
    conversation = make_conversation()
    client.post(f"/conversations/{conversation.pk}/snooze/", {"until": until}, headers=FRAGMENT)
    conversation.refresh_from_db()
    assert conversation.snoozed_until
    local = timezone.localtime(conversation.snoozed_until)
    assert (local.hour, local.minute) == (9, 0)
    assert local > timezone.localtime()
    assert until == "tomorrow" or local.weekday() == 0


@pytest.mark.parametrize("until", ["", "soon", "2025-02-30T10:00", "1999-01-01T10:00", "9999-12-31T23:59"])
def test_a_time_that_cannot_be_meant_is_refused(client: Client, until: str) -> None:
    conversation = make_conversation()
    answer = client.post(f"/conversations/{conversation.pk}/snooze/", {"until": until}, headers=FRAGMENT)
    assert answer.status_code == 400
    assert Conversation.objects.get().status == "new"


@pytest.mark.parametrize("to", ["x", "999999", "9" * 40])
def test_assigning_to_nobody_who_exists_is_refused(client: Client, to: str) -> None:
    conversation = make_conversation()
    assert client.post(f"/conversations/{conversation.pk}/assign/", {"to": to}, headers=FRAGMENT).status_code == 404


def test_bulk_does_each_by_itself_and_says_what_was_refused(client: Client, sam: Agent) -> None:
    conversations = [make_conversation(author=f"writer{number}") for number in range(3)]
    resolve_conversation(conversation_id=conversations[1].pk, agent=sam)
    form = {"act": "resolve", "ids": [conversation.pk for conversation in conversations]}
    heard = told(client.post("/conversations/bulk/", form, headers=FRAGMENT))
    assert heard["words"] == "2 resolved, 1 not."
    assert heard["refused"] == [{"id": conversations[1].pk, "who": "writer1", "reason": "Somebody resolved it already."}]
    assert Conversation.objects.filter(status="resolved").count() == 3


@pytest.mark.parametrize("form", [{}, {"act": "resolve"}, {"act": "delete", "ids": [1]}, {"act": "resolve", "ids": list(range(300))}])
def test_a_bulk_act_that_cannot_be_meant_is_refused(client: Client, form: dict[str, Any]) -> None:
    assert client.post("/conversations/bulk/", form, headers=FRAGMENT).status_code == 400


def test_why_shows_the_words_of_the_post_with_their_parts(client: Client) -> None:
    mention = make_mention("@tidewheel a wonderful bike & a <terrible> app")
    page = client.get(f"/mentions/{mention.pk}/why/", headers=FRAGMENT).content.decode()
    assert "wonderful<sub>+" in page
    assert "terrible<sub>−" in page
    assert "&amp;" in page


def test_a_correction_counts_and_nonsense_does_not(client: Client) -> None:
    mention = make_mention()
    assert client.post(f"/mentions/{mention.pk}/correct/", {"label": "furious"}, headers=FRAGMENT).status_code == 400
    assert told(client.post(f"/mentions/{mention.pk}/correct/", {"label": "positive"}, headers=FRAGMENT))["did"] == "corrected"
    mention.refresh_from_db()
    assert mention.sentiment == "positive"


def test_a_saved_search_is_a_view_with_a_count_and_can_be_deleted(client: Client, sam: Agent) -> None:
    make_mention("@tidewheel this is terrible and broken")
    client.post("/searches/", {"name": "Bad", "query": "sentiment=negative&q="}, headers=FRAGMENT)
    search = SavedSearch.objects.get(agent=sam)
    assert search.filters == {"sentiment": "negative"}
    assert client.get("/counts/").json()["views"][f"search:{search.pk}"] == 1
    assert "Bad" in client.get("/").content.decode()
    client.post(f"/searches/{search.pk}/delete/", headers=FRAGMENT)
    assert not SavedSearch.objects.exists()


def test_somebody_elses_search_cannot_be_deleted(client: Client) -> None:
    search = SavedSearch.objects.create(agent=make_agent(), name="Theirs", filters={})
    assert client.post(f"/searches/{search.pk}/delete/", headers=FRAGMENT).status_code == 404
    assert SavedSearch.objects.exists()


def test_cookies_that_somebody_invented_change_nothing(client: Client) -> None:
    client.cookies["panes"] = "200.400</style><script>alert(1)</script>"
    client.cookies["theme"] = '"><script>'
    page = client.get("/").content.decode()
    assert "<script>" not in page
    assert "data-theme" not in page.split(">")[1]
