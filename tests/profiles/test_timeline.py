"""A person's history: one order over all its parts, pages that lose and double nothing, and a fixed number of queries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from engagement.models import Message
from listening.models import Mention
from profiles.models import Agent, Profile, Role
from profiles.timeline import Entry, find_subject, list_kinds, read_timeline
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.factories import make_agent
from tests.profiles.happened import KINDS, Person

pytestmark = pytest.mark.django_db
THEN = now().replace(microsecond=0) - timedelta(days=2)
# Few moments for many rows: what happens at once is where pages go wrong.
MOMENTS = st.sampled_from([THEN + timedelta(microseconds=step) for step in (0, 1, 2, 1_000_000)])
HAPPENED = st.lists(st.tuples(st.sampled_from(KINDS), MOMENTS, st.integers(0, 1)), max_size=25)


def pages_of(person: Person, size: int, kinds: set[str], before: datetime | None = None) -> list[list[Entry]]:
    subject, after, pages = find_subject(person.profile.pk), "", []
    while True:
        page = read_timeline(subject=subject, kinds=kinds, after=after, before=before, limit=size)
        pages.append(page.entries)
        after = page.next
        if not after:
            return pages


@settings(max_examples=60)
@given(HAPPENED, st.integers(1, 7), st.sets(st.sampled_from(KINDS), max_size=4), st.none() | MOMENTS)
def test_pages_lose_nothing_and_show_nothing_twice(
    happened: list[tuple[str, datetime, int]], size: int, kinds: set[str], before: datetime | None
) -> None:
    person, stranger = Person(), Person("Somebody else")
    for kind, at, side in happened:
        person.happen(kind, at, side)
        stranger.happen(kind, at, side)
    pages = pages_of(person, size, kinds, before)
    entries = [entry for page in pages for entry in page]
    whole = read_timeline(subject=find_subject(person.profile.pk), limit=10_000).entries
    expected = [entry for entry in whole if (not kinds or entry.kind in kinds) and (before is None or entry.at < before)]
    assert [(entry.kind, entry.key) for entry in entries] == [(entry.kind, entry.key) for entry in expected]
    assert all(len(page) == size for page in pages[:-1])
    assert [entry.at for entry in entries] == sorted((entry.at for entry in entries), reverse=True)
    assert len({(entry.kind, entry.key) for entry in whole}) == len(whole)
    for kind in KINDS:  # what was made is there, be it made by the way of something else too
        made = [at for one, at, _ in happened if one == kind]
        found = [entry.at for entry in whole if entry.kind == kind]
        assert all(made.count(at) <= found.count(at) for at in made), kind


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 6), MOMENTS, st.sampled_from(["note", "direct_message"])), max_size=25), st.integers(1, 4))
def test_messages_of_many_conversations_are_paged_as_one_list(said: list[tuple[int, datetime, str]], size: int) -> None:
    person = Person()
    talks = [person.conversation(person.handles[number % 2]) for number in range(7)]
    for number, at, kind in said:
        person.say(kind, at, talks[number])
    for kinds in ({"note"}, {"note", "direct_message"}):
        found = [int(entry.key) for page in pages_of(person, size, kinds) for entry in page]
        made = Message.objects.filter(conversation__in=talks, kind__in=kinds).order_by("-created_at", "-pk")
        assert found == list(made.values_list("pk", flat=True))


def test_every_kind_of_the_list_can_happen_and_is_read() -> None:
    person = Person(agent=make_agent(username="sam"))
    for kind in KINDS:
        person.happen(kind, THEN)
    shown = {entry.kind for entry in read_timeline(subject=find_subject(person.profile.pk), limit=100).entries}
    assert shown == {*KINDS}
    assert {*list_kinds()} == {*KINDS, "reply", "repost", "quote"}


def test_history_of_a_merged_person_is_that_of_all_their_profiles() -> None:
    person = Person()
    person.happen("mention", THEN, 0)
    person.happen("mention", THEN, 1)
    person.happen("profile_note", THEN, 1)
    entries = read_timeline(subject=find_subject(person.profile.pk)).entries
    assert sorted(entry.kind for entry in entries) == ["mention", "mention", "profile_note"]
    Profile.objects.filter(pk=person.other.pk).update(merged_into=None, root=None)
    assert [entry.kind for entry in read_timeline(subject=find_subject(person.profile.pk)).entries] == ["mention"]
    assert len(read_timeline(subject=find_subject(person.other.pk)).entries) == 2


def test_no_entry_of_the_profiles_own_shows_a_coordinate() -> None:
    person = Person()
    for kind in KINDS:
        person.happen(kind, THEN)
    values = [value for profile in (person.profile, person.other) for value in profile.contact_points.values_list("value", flat=True)]
    texts = "\n".join(entry.text for entry in read_timeline(subject=find_subject(person.profile.pk), limit=100).entries)
    assert len(values) > 3
    assert not [value for value in values if value in texts]


def test_somebody_without_handles_has_a_history() -> None:
    alone = Profile.objects.create(name="From a file", created_at=now())
    assert read_timeline(subject=find_subject(alone.pk)).entries == []
    alone.notes.create(text="hello", created_at=THEN, changed_at=THEN)
    assert [entry.text for entry in read_timeline(subject=find_subject(alone.pk)).entries] == ["hello"]


@pytest.mark.parametrize("key", ["x", "1-2", "1-mentions", "9" * 17 + "-mentions-1", "1-mentions-x", "é", "1-mentions-1 ", "٣-mentions-1"])
def test_a_key_that_is_none_is_refused(key: str) -> None:
    with pytest.raises(DeskError, match="no place in this history"):
        read_timeline(subject=find_subject(Person().profile.pk), after=key)


def test_queries_are_as_many_however_long_the_history_is() -> None:
    person = Person(agent=make_agent(username="sam"))
    counts = []
    for turn in (1, 30):
        for number in range(turn):
            for kind in KINDS:
                person.happen(kind, THEN - timedelta(minutes=number), number % 2)
        with CaptureQueriesContext(connection) as queries:
            read_timeline(subject=find_subject(person.profile.pk))
        counts.append(len(queries))
    # Who it is, what is there, mentions by handle (two), messages, and fourteen rare parts that are all there.
    assert counts == [19, 19]
    plain = Person("Plain")
    plain.happen("mention", THEN)
    with CaptureQueriesContext(connection) as queries:
        read_timeline(subject=find_subject(plain.profile.pk))
    assert len(queries) == 5


@pytest.mark.embedded
def test_a_long_history_is_walked_and_not_sorted() -> None:
    person = Person()
    subject = find_subject(person.profile.pk)
    with CaptureQueriesContext(connection) as queries:
        read_timeline(subject=subject, kinds=["mention"])
    steps = []
    with connection.cursor() as cursor:
        for query in queries:
            if "UNION ALL" in query["sql"]:
                cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
                steps += [row[-1] for row in cursor.fetchall()]
    assert sum("mention_of_author" in step for step in steps) == 2, steps
    assert not [step for step in steps if "TEMP B-TREE" in step or step.startswith("SCAN listening")]


@pytest.fixture
def sam() -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def client_of_sam(sam: Agent) -> Client:
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    return client


def get(client: Client, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, response.content
    return response.json()


def test_the_api_pages_by_key_and_chooses_kinds(client_of_sam: Client) -> None:
    person = Person()
    for number in range(7):
        person.happen("mention", THEN, number % 2)
        person.happen("note", THEN, number % 2)
    address, seen = f"/api/profiles/{person.other.pk}/timeline/?kind=mention&kind=callback&page_size=3", []
    while address:
        page = get(client_of_sam, address)
        seen += [entry["key"] for entry in page["results"]]
        address = page["next"]
    assert sorted(seen, key=int) == sorted((str(pk) for pk in Mention.objects.values_list("pk", flat=True)), key=int)
    base = f"/api/profiles/{person.profile.pk}/timeline/"
    assert len(get(client_of_sam, base + "?kind=mention,note")["results"]) == 14
    assert get(client_of_sam, f"{base}?before={quote(THEN.isoformat())}") == {"results": [], "next": None}
    for wrong in ("kind=rumour", "after=nonsense", "before=soon", "before=9999-12-31T23:59:59Z", "page_size=0"):
        refused = client_of_sam.get(f"{base}?{wrong}")
        assert refused.status_code == 400, wrong
        assert "detail" in refused.json() or "error" in refused.json(), refused.json()
    assert client_of_sam.get("/api/profiles/99999999/timeline/").status_code == 404


def test_the_page_chooses_kinds_by_links_and_turns_pages(client_of_sam: Client) -> None:
    person = Person()
    for _ in range(60):
        person.happen("note", THEN)
    person.happen("mention", THEN)
    path = f"/profiles/{person.profile.pk}/"
    first = client_of_sam.get(path).content.decode()
    assert first.count('<li class="entry">') == 50
    older = first.split("Older</a>")[0].rsplit('href="', 1)[1].split('"')[0].split("#")[0].replace("&amp;", "&")
    rest = client_of_sam.get(path + older).content.decode()
    assert rest.count('<li class="entry">') == 11
    assert "Newest" in rest
    assert "Newest" not in first
    posts = client_of_sam.get(path + "?kind=mention").content.decode()
    assert posts.count('<li class="entry">') == 1
    both = client_of_sam.get(path + "?kind=mention,note,profile_note").content.decode()
    assert both.count('aria-current="true"') == 2
    assert "Nothing of this kind" in client_of_sam.get(path + "?kind=chat").content.decode()
    for wrong in ("?kind=rumour", "?after=nonsense", "?after=99999999999999999-mentions-1"):
        assert client_of_sam.get(path + wrong).status_code == 404, wrong


def test_the_page_costs_the_same_however_much_happened(client_of_sam: Client, sam: Agent) -> None:
    person = Person(agent=sam)
    counts = []
    for turn in (3, 30):
        for number in range(turn):
            for kind in KINDS:
                person.happen(kind, THEN - timedelta(minutes=number), number % 2)
        client_of_sam.get(f"/profiles/{person.profile.pk}/")
        with CaptureQueriesContext(connection) as queries:
            client_of_sam.get(f"/profiles/{person.profile.pk}/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 45, counts


def test_the_card_of_an_absorbed_profile_is_the_persons_and_of_an_erased_one_there_is_none(client_of_sam: Client) -> None:
    person = Person("Mara")
    card = client_of_sam.get(f"/profiles/{person.other.pk}/card/").content.decode()
    assert f'href="/profiles/{person.profile.pk}/"' in card
    Profile.objects.filter(pk=person.profile.pk).update(erased_at=now())
    for path in ("card/", "", "timeline/"):
        prefix = "/api" if path == "timeline/" else ""
        assert client_of_sam.get(f"{prefix}/profiles/{person.profile.pk}/{path}").status_code == 404, path


def test_everybody_reads_a_history() -> None:
    person = Person()
    person.happen("mention", THEN)
    for role in Role.values:
        client = Client()
        client.force_login(make_agent(role), backend="django.contrib.auth.backends.ModelBackend")
        assert client.get(f"/profiles/{person.profile.pk}/").status_code == 200
