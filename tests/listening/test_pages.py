"""Trends, topics and sources, as a browser without JavaScript meets them: what they show, refuse, count and cost."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from kombu.exceptions import OperationalError

from listening.models import IntakeBatch, Mention, NetworkAccount, Source, Topic
from listening.services.accounts import WAITING, mark_revoked
from listening.services.hearing import note_found_late
from listening.services.words import find_words
from listening.views import trends
from profiles.models import Handle, Role
from socialdesk.intake import take_in
from socialdesk.lib.clock import now
from tests.factories import make_account, make_mention, make_post, push
from tests.listening.pages import STRANGE, count_queries, make_topic, sign_in, text_of

pytestmark = pytest.mark.django_db


# --- Trends -------------------------------------------------------------------------------------------------------------


def test_trends_read_like_an_article_and_lead_to_their_posts() -> None:
    topic = make_topic()
    for number in range(6):
        make_mention(f"@tidewheel my battery died, terrible {number}", ago=90 * number + 70)
    client = sign_in(Role.MANAGER)
    page = client.get(f"/trends/?topic={topic.pk}&window=24h")
    assert page.status_code == 200
    assert "6 mentions of “Battery” in the last 24 hours" in text_of(page)
    html = page.content.decode()
    links = [link.replace("&amp;", "&") for link in re.findall(r'<a class="point[^"]*"\s+href="([^"]+)"', html)]
    assert len(links) >= 24
    listed = [client.get(link).context["mentions"] for link in links[:24]]
    assert sorted(mention.pk for mentions in listed for mention in mentions) == sorted(Mention.objects.values_list("pk", flat=True))
    assert [len(mentions) for mentions in listed] == [bar.slot.counts.total for bar in page.context["figures"].volume.bars]


def test_trends_without_a_mention_say_what_would_be_there() -> None:
    page = sign_in().get("/trends/")
    assert "Here a chart shows how many mentions came" in text_of(page)


@pytest.mark.parametrize(
    "query",
    [
        "topic=99999999999999999999",
        "topic=abc",
        "network=myspace",
        "sentiment=furious",
        "window=never",
        "window=custom",
        "window=custom&from=9999-12-31&to=0001-01-01",
        "window=custom&from=0001-01-01&to=0001-01-02",
        "window=custom&from=%00&to=%00",
        "window=30d&per=hour",
        "per=%F0%9F%92%A5",
        "since=2026-01-01",
        "since=nonsense&until=2026-01-01T00:00:00Z",
        "since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z",
        "since=0001-01-01T00:00:00Z&until=9999-12-31T23:59:59Z",
        "since=2026-01-01T00:00:00Z",
        "window=7d&after=1",
        "window=7d&after=99999999999999999999_1",
        "topic=<script>alert(1)</script>",
    ],
)
@pytest.mark.parametrize("page", ["trends", "trends_posts", "trends_csv", "trends_counts_csv"])
def test_nonsense_in_an_address_is_answered_with_a_sentence(page: str, query: str) -> None:
    response = sign_in().get(f"{reverse(page)}?{query}")
    if response.status_code == 200:  # a parameter that this page does not read
        return
    assert response.status_code == 400
    assert b"<script>alert" not in response.content
    assert re.search(r"(Choose|Write|Turn|Go back|needs|must lie|There is nothing)", text_of(response))


def test_each_kind_of_nonsense_is_refused_where_it_is_read() -> None:
    client = sign_in()
    for query in ("topic=abc", "network=myspace", "sentiment=furious", "window=never"):
        for page in ("trends", "trends_posts", "trends_csv", "trends_counts_csv"):
            assert client.get(f"{reverse(page)}?{query}").status_code == 400, (page, query)
    assert client.get("/trends/posts/?window=7d&after=1").status_code == 400
    assert client.get("/trends/posts/?since=2026-01-01T00:00:00Z").status_code == 400


def test_mentions_file_has_the_rows_that_the_chart_counts() -> None:
    for number in range(5):
        make_mention(f"=1+1 hello {number}", ago=10 * number + 5)
    make_mention("ten days ago", ago=10 * 1440)
    client = sign_in()
    response = client.get("/trends/mentions.csv?window=7d")
    assert response.headers["Content-Type"].startswith("text/csv")
    assert "attachment" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.getvalue().decode())))
    assert len(rows) == client.get("/trends/?window=7d").context["report"].total.total == 5
    assert all(row["text"].startswith("'=") for row in rows)


def test_figures_file_has_the_chart_s_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = now()  # of both: an hour may begin between them
    monkeypatch.setattr(trends, "now", lambda: moment)
    make_mention("great, thank you", ago=70)
    client = sign_in()
    rows = list(csv.DictReader(io.StringIO(client.get("/trends/counts.csv?window=24h").content.decode())))
    points = client.get("/trends/?window=24h").context["report"].points
    assert [int(row["total"]) for row in rows] == [point.counts.total for point in points]
    assert [row["complete"] for row in rows] == ["yes"] * 23 + ["no"]


def test_posts_page_by_key_without_gap_or_repeat() -> None:
    moment = now() - timedelta(hours=2)
    push(*(make_post(f"post {number}", posted_at=moment) for number in range(120)))  # all of the same moment
    client = sign_in()
    seen: list[int] = []
    query = "?window=7d"
    for _ in range(3):
        page = client.get(f"/trends/posts/{query}")
        seen += [mention.pk for mention in page.context["mentions"]]
        query = f"?{page.context['query']}&after={page.context['next']}"
    assert page.context["next"] == ""
    assert len(seen) == len(set(seen)) == 120
    assert "120 mentions" in text_of(client.get("/trends/posts/?window=7d"))


def test_pages_cost_the_same_however_much_there_is() -> None:
    client = sign_in()

    def fill(number: int) -> None:
        for _ in range(number):
            mention = make_mention(f"@tidewheel battery {STRANGE}", author="mara_k", network="x")
            make_topic(f"Topic {mention.pk}")
            source = Source.objects.create(network="x", kind="push", name=f"source {mention.pk}")
            take_in([make_post("")], source=source)

    pages = ["/trends/", "/trends/posts/?window=7d", "/topics/", "/sources/", "/outbox/"]
    make_account("x")
    fill(1)
    pages.append(reverse("profile", args=[Handle.objects.get(username="mara_k").profile_id]))
    for page in pages:
        client.get(page)
    few = [count_queries(lambda page=page: client.get(page)) for page in pages]  # type: ignore[misc]
    fill(12)
    find_words()  # other topics are read once by each process, not by each page
    many = [count_queries(lambda page=page: client.get(page)) for page in pages]  # type: ignore[misc]
    assert dict(zip(pages, many, strict=True)) == dict(zip(pages, few, strict=True))
    profile = few.pop()  # a page of a dozen sections
    assert max(few) <= 12
    assert profile <= 40


# --- Topics -------------------------------------------------------------------------------------------------------------


def test_topics_show_their_query_state_and_last_week() -> None:
    topic = make_topic("Battery", "battery OR charger")
    make_mention("@tidewheel battery flat", ago=30)
    page = sign_in(Role.AGENT).get("/topics/")
    assert page.context["lines"][0].count == 1
    text = text_of(page)
    assert "battery OR charger" in text
    assert "● on" in text
    assert "Turn off" not in text  # an agent reads
    assert reverse("topic_edit", args=[topic.pk]) not in page.content.decode()


def test_a_lead_writes_changes_and_turns_off_a_topic() -> None:
    client = sign_in(Role.LEAD)
    assert client.post("/topics/new/", {"name": "Delivery", "query": "delivery OR parcel", "is_active": "on"}).status_code == 302
    topic = Topic.objects.get(name="Delivery")
    client.post(f"/topics/{topic.pk}/", {"name": "Deliveries", "query": "parcel", "is_active": "on"})
    client.post(f"/topics/{topic.pk}/switch/", {"on": "0"})
    topic.refresh_from_db()
    assert (topic.name, topic.query, topic.is_active) == ("Deliveries", "parcel", False)
    client.post(f"/topics/{topic.pk}/switch/", {"on": "1"})
    topic.refresh_from_db()
    assert topic.is_active


def test_a_saved_topic_begins_with_last_week() -> None:
    current_app.conf.task_always_eager = True
    make_mention("my parcel is late", ago=60)
    client = sign_in(Role.LEAD)
    try:
        client.post("/topics/new/", {"name": "Delivery", "query": "parcel", "is_active": "on"})
    finally:
        current_app.conf.task_always_eager = False
    assert client.get("/topics/").context["lines"][0].count == 1


def test_a_topic_is_saved_though_the_queue_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr("celery.app.task.Task.apply_async", refuse)
    page = sign_in(Role.LEAD).post("/topics/new/", {"name": "Delivery", "query": "parcel", "is_active": "on"}, follow=True)
    assert "the queue cannot be reached" in text_of(page)
    assert Topic.objects.get().name == "Delivery"


@pytest.mark.parametrize("role", [Role.AGENT, Role.MARKETING])
def test_others_may_not_change_topics_or_sources(role: str) -> None:
    topic, source = make_topic(), Source.objects.create(network="x", kind="push", name="push")
    client = sign_in(role)
    for address in (
        "/topics/new/",
        f"/topics/{topic.pk}/",
        f"/topics/{topic.pk}/switch/",
        f"/sources/{source.pk}/pause/",
        f"/sources/{source.pk}/resume/",
    ):
        assert client.post(address, {"name": "Mine", "query": "mine", "on": "0"}).status_code == 403, address
    topic.refresh_from_db()
    source.refresh_from_db()
    assert (topic.name, topic.is_active, source.is_active) == ("Battery", True, True)


@pytest.mark.parametrize(
    ("query", "says", "column"),
    [("battery AND", "", 9), ("-jobs", "only says what to leave out", 1), ("(a OR b", "", None), ("", "empty", 1)],
)
def test_a_query_that_cannot_be_used_is_refused_with_its_column_and_kept_in_the_form(query: str, says: str, column: int | None) -> None:
    page = sign_in().post("/topics/new/", {"name": "Broken", "query": query, "is_active": "on"})
    assert page.status_code == 400
    mistake = page.context["mistake"]
    assert says in mistake.message
    if column is not None:
        assert mistake.column == column
    assert page.context["typed"].query == query
    assert not Topic.objects.exists()
    assert f"Column {mistake.column}." in text_of(page)


def test_a_name_that_is_taken_is_refused_beside_the_form() -> None:
    make_topic("Battery")
    page = sign_in().post("/topics/new/", {"name": "Battery", "query": "charger"})
    assert page.status_code == 400
    assert "There is a topic called Battery already" in text_of(page)
    assert page.context["typed"].query == "charger"


def test_nuls_and_overrides_in_a_topic_are_left_out() -> None:
    client = sign_in()
    assert client.post("/topics/new/", {"name": "A\x00B\u202e", "query": "bat\x00tery", "is_active": "on"}).status_code == 302
    assert Topic.objects.get().name == "AB"


def test_a_preview_counts_last_week_and_marks_the_words() -> None:
    make_mention("my <b>Battery</b> is flat")
    make_mention("nothing of the kind")
    make_mention("a battery of last month", ago=30 * 1440)
    page = sign_in().post("/topics/preview/", {"query": "battery"})
    assert "1 of last week's 2 mentions match" in text_of(page)
    assert "&lt;b&gt;<mark>Battery</mark>&lt;/b&gt;" in page.content.decode()


def test_a_preview_of_a_mistake_marks_its_column() -> None:
    page = sign_in().post("/topics/preview/", {"query": "battery ("})
    assert page.status_code == 200
    assert re.search(r"<pre[^>]*>battery.*<mark>", page.content.decode())


def test_trying_a_query_saves_nothing() -> None:
    make_mention("my battery is flat")
    topic = make_topic("Battery", "charger")
    page = sign_in().post(f"/topics/{topic.pk}/", {"name": "Battery", "query": "battery", "try": "1"})
    assert page.context["preview"].count == 1
    topic.refresh_from_db()
    assert topic.query == "charger"


@pytest.mark.parametrize("address", ["/topics/{}/", "/topics/{}/switch/", "/sources/{}/pause/", "/sources/batches/{}/", "/profiles/{}/"])
@pytest.mark.parametrize("pk", [4242, 10**18, 10**40])
def test_what_is_not_there_is_said_to_be_not_there(address: str, pk: int) -> None:
    client = sign_in()
    post = "switch" in address or "pause" in address
    response = client.post(address.format(pk), follow=True) if post else client.get(address.format(pk))
    assert "There is no such" in text_of(response)
    assert response.status_code == (200 if "pause" in address else 404)


# --- Sources ------------------------------------------------------------------------------------------------------------


def make_source(**fields: Any) -> Source:
    return Source.objects.create(**{"network": "sandbox", "kind": Source.Kind.POLL, "name": "feed", "interval": 5, **fields})


@pytest.mark.parametrize(
    ("fields", "words", "kind"),
    [
        ({"last_read_at": timedelta(seconds=5)}, "Listening", "good"),
        ({"last_read_at": timedelta(minutes=10)}, "Late", "warn"),
        ({}, "Not read yet", "warn"),
        ({"failures": 1, "last_error": "429"}, "Failed just now", "warn"),
        ({"failures": 4, "last_error": "down"}, "Failed 4 times", "bad"),
        ({"is_active": False, "failures": 4}, "Paused", "off"),
        ({"kind": "push"}, "Ready", "good"),
        ({"kind": "stream"}, "Waits for the network", "off"),
        ({"kind": "stream", "failures": 1, "last_error": "lost"}, "Failed just now", "warn"),
    ],
)
def test_a_source_says_how_it_is(fields: dict[str, Any], words: str, kind: str) -> None:
    if "last_read_at" in fields:
        fields = {**fields, "last_read_at": now() - fields["last_read_at"]}
    make_source(**fields)
    page = sign_in(Role.AGENT).get("/sources/")
    [line] = page.context["sources"]
    assert (line.health.words, line.health.kind) == (words, kind)
    assert line.health.words in text_of(page)


def test_a_source_that_waits_for_a_limit_says_until_when() -> None:
    until = now() + timedelta(minutes=20)
    make_source(last_error=WAITING, next_poll_at=until, last_read_at=now() - timedelta(hours=1))
    page = sign_in(Role.AGENT).get("/sources/")
    [line] = page.context["sources"]
    assert line.health.words == f"Waiting for the network's limit, goes on at {timezone.localtime(until):%H:%M}"
    assert line.health.kind == "warn"
    assert b"health-error" not in page.content


def test_a_stream_says_since_when_it_holds_and_warns_of_what_it_missed_lately() -> None:
    account = make_account()
    source = make_source(kind="stream", account=account, connected_at=now() - timedelta(hours=1), last_read_at=now())
    assert sign_in().get("/sources/").context["sources"][0].health.words == "Connected"
    assert note_found_late(account_id=account.pk, posts=[make_post(ago=20), make_post(ago=10)]) == 2
    page = sign_in().get("/sources/")
    [line] = page.context["sources"]
    assert (line.health.words, line.health.kind) == ("Misses posts", "warn")
    assert "Found only by reading again 2" in text_of(page)
    cache.clear()  # an hour later
    assert sign_in().get("/sources/").context["sources"][0].health.words == "Connected"
    source.refresh_from_db()
    assert source.found_late == 2


def test_topics_that_no_network_can_be_asked_for_are_named() -> None:
    assert "not asked for" not in text_of(sign_in().get("/sources/"))
    Topic.objects.create(name="Anything German", query="lang:de")
    assert "Networks that are searched by words are not asked for Anything German:" in text_of(sign_in().get("/sources/"))


def test_a_revoked_account_stops_its_source_and_says_what_to_do() -> None:
    account = make_account()
    make_source(account=account, last_read_at=now())
    mark_revoked(account_id=account.pk, reason="The token was revoked.")
    text = text_of(sign_in().get("/sources/"))
    assert "Needs to be connected again" in text
    assert "The token was revoked." in text
    assert "Its account @tidewheel needs to be connected again." in text


def test_what_needs_a_person_stands_first() -> None:
    make_source(name="fine", last_read_at=now())
    make_source(name="paused", is_active=False)
    make_source(name="broken", failures=9)
    make_source(name="late", last_read_at=now() - timedelta(hours=1))
    page = sign_in().get("/sources/")
    assert [line.source.name for line in page.context["sources"]] == ["broken", "late", "paused", "fine"]


def test_a_removed_source_and_account_are_gone_from_the_page() -> None:
    NetworkAccount.objects.create(network="x", username="old", removed_at=now())
    make_source(removed_at=now())
    page = sign_in().get("/sources/")
    assert (page.context["accounts"], page.context["sources"]) == ([], [])


def test_a_manager_pauses_a_source_and_resumes_it_with_a_clean_slate() -> None:
    source = make_source(failures=5, last_error="down", cursor="42", last_read_at=now())
    client = sign_in(Role.MANAGER)
    assert "is paused" in text_of(client.post(f"/sources/{source.pk}/pause/", follow=True))
    source.refresh_from_db()
    assert (source.is_active, source.failures, source.cursor) == (False, 5, "42")
    client.post(f"/sources/{source.pk}/resume/")
    source.refresh_from_db()
    assert (source.is_active, source.failures, source.last_error, source.cursor) == (True, 0, "", "42")
    assert source.next_poll_at is not None
    assert source.next_poll_at <= now()


def test_the_ledger_shows_that_nothing_is_lost_and_why_something_was_kept_out() -> None:
    source = make_source(last_read_at=now())
    good = make_post("hello")
    take_in([good, make_post(""), make_post("hi", network="myspace")], source=source)
    take_in([good], source=source)
    client = sign_in()
    page = client.get("/sources/")
    assert [(b.seen, b.stored, b.duplicate, b.rejected) for b in page.context["batches"]] == [(1, 0, 1, 0), (3, 1, 0, 2)]
    batch = page.context["batches"][1]
    whole, part = client.get(f"/sources/batches/{batch.pk}/"), client.get(f"/sources/batches/{batch.pk}/", headers={"HX-Request": "true"})
    for answer in (whole, part):
        assert "Post 1:" in text_of(answer)
        assert "Post 2:" in text_of(answer)
    assert b"<html" in whole.content
    assert b"<html" not in part.content


def test_the_ledger_pages_by_key_and_by_source() -> None:
    mine, other = make_source(), make_source(name="other")
    batches = [
        IntakeBatch(source=mine if n % 2 else other, received_at=now(), seen=n, stored=n, duplicate=0, folded=0, filtered=0, rejected=0)
        for n in range(100)
    ]
    IntakeBatch.objects.bulk_create(batches)
    client = sign_in()
    seen, query = [], f"?source={mine.pk}"
    while True:
        page = client.get(f"/sources/{query}")
        seen += [batch.seen for batch in page.context["batches"]]
        if page.context["older"] is None:
            break
        query = f"?source={mine.pk}&before={page.context['older']}"
    assert seen == list(range(99, 0, -2))
    for nonsense in ("source=x", "source=99999", "before=x", "before=-1", "before=%D9%A3", f"before={10**30}"):
        assert client.get(f"/sources/?{nonsense}").status_code == 400, nonsense
