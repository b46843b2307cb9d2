"""The list of people and the segments, as their readers use them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import strip_tags

from profiles.models import Agent, ExternalRef, Profile, ProfileTag, Role, Segment, Tag
from profiles.services import terms
from profiles.services.conditions import check_conditions
from profiles.services.contacts import record_contact_point
from profiles.services.merge import merge_profiles
from socialdesk.lib.clock import now
from tests.factories import make_agent, make_author, make_mention
from tests.profiles.test_search import make_person

pytestmark = pytest.mark.django_db


def sign_in(role: str = Role.LEAD) -> Client:
    client = Client()
    client.force_login(make_agent(role), backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(response: Any) -> str:
    return " ".join(strip_tags(response.content.decode()).split())


def listed(response: Any) -> list[Profile]:
    assert response.status_code == 200
    return [line.person for line in response.context["lines"]]


def make_segment(name: str = "Customers", **fields: Any) -> Segment:
    conditions = check_conditions([{"field": "stage", "is": "is", "value": "customer"}])
    return Segment.objects.create(**{"name": name, "conditions": conditions, "made_at": now(), **fields})


def rows(*conditions: tuple[str, str, str, str], **more: Any) -> dict[str, Any]:
    names = ("field", "is", "value", "days")
    return {name: [row[place] for row in conditions] for place, name in enumerate(names)} | more


# --- People -------------------------------------------------------------------------------------------------------------


def test_the_list_shows_the_newest_with_handles_tags_and_when_they_wrote() -> None:
    person = make_mention(author=make_author("mara_k", display_name="Mara")).author.profile
    ProfileTag.objects.create(profile=person, tag=Tag.objects.create(name="VIP", folded="vip"), source="agent", at=now())
    newer = make_person("Jonas", "jonas")
    page = sign_in().get("/people/")
    assert listed(page) == [newer, person]
    words = text_of(page)
    assert "@mara_k" in words
    assert "VIP" in words
    assert "never" in words


def test_what_a_merged_profile_has_stands_with_the_person() -> None:
    person, other = make_person("Mara", "mara_k"), make_person("Lena", "bikefan")
    merge_profiles(survivor_id=person.pk, other_id=other.pk, agent=make_agent())
    page = sign_in().get("/people/")
    assert listed(page) == [person]
    assert [handle.username for handle in page.context["lines"][0].handles] == ["mara_k", "bikefan"]


def test_words_segment_stage_and_owner_narrow_the_list_together() -> None:
    client = sign_in()
    me = Agent.objects.get()
    mara = make_person("Mara", stage="customer", owner=me)
    jonas = make_person("Jonas", stage="customer")
    lena = make_person("Lena Mara")
    terms.write_waiting()
    segment = make_segment()
    assert listed(client.get("/people/?q=mara")) == [lena, mara] or listed(client.get("/people/?q=mara")) == [mara, lena]
    assert listed(client.get(f"/people/?q=mara&segment={segment.pk}")) == [mara]
    assert listed(client.get(f"/people/?segment={segment.pk}")) == [jonas, mara]
    assert listed(client.get("/people/?stage=prospect")) == [lena]
    assert listed(client.get("/people/?owner=mine")) == [mara]
    assert listed(client.get("/people/?owner=nobody&stage=customer")) == [jonas]


def test_pages_lead_on_with_everything_that_was_asked() -> None:
    people = [make_person(f"Anna {number}", stage="customer") for number in range(60)]
    terms.write_waiting()
    client = sign_in()
    for query in ("", "q=anna", "stage=customer", "q=anna&stage=customer"):
        first = client.get(f"/people/?{query}")
        assert f"?{first.context['query'].replace('&', '&amp;')}" in first.content.decode() or not query
        second = client.get(f"/people/?{query}&after={first.context['next']}")
        assert {person.pk for person in [*listed(first), *listed(second)]} == {person.pk for person in people}


@pytest.mark.parametrize("query", ["q=nobody", "stage=former", "q=%F0%9F%9A%B2", "q=%00", "q=" + "x" * 3000])
def test_an_empty_list_says_what_to_do(query: str) -> None:
    page = sign_in().get(f"/people/?{query}")
    assert page.status_code == 200
    assert "Nobody" in text_of(page)


@pytest.mark.parametrize("query", ["stage=king", "owner=x", "segment=999", "segment=abc", "after=nonsense", "q=anna&after=nonsense"])
def test_nonsense_is_refused_in_a_sentence(query: str) -> None:
    page = sign_in().get(f"/people/?{query}")
    assert page.status_code in (400, 404)
    assert "Traceback" not in text_of(page)


def test_marketing_finds_nobody_by_a_number() -> None:
    person = make_person("Mara")
    record_contact_point(profile=person, kind="phone", typed="+44 117 496 0123", state="given", source="agent")
    terms.write_waiting()
    assert listed(sign_in().get("/people/?q=4960123")) == [person]
    assert listed(sign_in(Role.MARKETING).get("/people/?q=4960123")) == []
    assert listed(sign_in(Role.MARKETING).get("/people/?q=mara")) == [person]


@pytest.mark.parametrize(
    ("query", "most"), [("", 10), ("q=anna", 12), ("segment={}", 12), ("stage=customer&owner=nobody", 12), ("q=anna+berg&segment={}", 15)]
)
def test_a_page_costs_the_same_however_many_people_there_are(query: str, most: int) -> None:
    client = sign_in()
    segment = make_segment()
    tag = Tag.objects.create(name="VIP", folded="vip")

    def fill(count: int) -> None:
        for number in range(count):
            person = make_person(f"Anna Berg {number}", f"anna{Profile.objects.count()}", stage="customer")
            ProfileTag.objects.create(profile=person, tag=tag, source="agent", at=now())
        terms.write_waiting()

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert listed(client.get(f"/people/?{query.format(segment.pk)}"))
        return len(captured)

    fill(3)
    few = count()
    fill(27)
    assert count() == few <= most


# --- Segments -----------------------------------------------------------------------------------------------------------


def test_a_lead_makes_a_segment_row_by_row_and_it_is_said_in_words() -> None:
    client = sign_in()
    make_agent(username="olga")
    sam = make_agent(username="sam")
    answer = client.post(
        "/segments/new/",
        rows(
            ("stage", "is", "customer, high_value", ""),
            ("", "is", "left out", ""),
            ("sentiment", "within", "negative", "30"),
            ("owner", "is_not", "olga", ""),
            name="  Angry   customers ",
            routes_to=str(sam.pk),
        ),
    )
    assert answer.status_code == 302
    segment = Segment.objects.get()
    assert (segment.name, segment.routes_to) == ("Angry customers", sam)
    words = text_of(client.get("/segments/"))
    assert "Stage is customer or high value" in words
    assert "Sentiment of a conversation negative in the last 30 days" in words
    assert "Owner is not Olga" in words
    assert "goes to Sam" in words
    form = client.get(f"/segments/{segment.pk}/")
    assert 'value="Customer, High value"' in form.content.decode()
    assert "Prospect, Customer, High value, Former customer" in text_of(form)
    assert 'value="olga"' in form.content.decode()


def test_a_mistake_is_said_and_what_was_typed_stays() -> None:
    answer = sign_in().post("/segments/new/", rows(("stage", "begins", "cust", ""), name="Mine"))
    assert answer.status_code == 400
    assert "Stage cannot be compared by" in text_of(answer)
    assert text_of(answer).count("Stage cannot be compared by &#x27;begins with&#x27;. Use one of: is, is not.") == 1
    assert 'value="cust"' in answer.content.decode()
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (rows(("stage", "is", "customer", ""), name=""), "needs a name"),
        (rows(("stage", "is", "customer", ""), name="Taken"), "called Taken already"),
        (rows(name="Everybody"), "at least one condition"),
        (rows(("stage", "is", "customer", ""), name="To nobody", routes_to=str(10**9)), "Choose an active care agent"),
    ],
)
def test_what_cannot_be_saved_says_why(given: dict[str, Any], words: str) -> None:
    make_segment("Taken")
    assert words in text_of(sign_in().post("/segments/new/", given))
    assert Segment.objects.count() == 1


def test_the_preview_counts_and_names_people() -> None:
    make_person("Mara", stage="customer")
    make_person("Jonas")
    client = sign_in()
    assert "1 person now: Mara" in text_of(client.post("/segments/preview/", rows(("stage", "is", "customer", ""))))
    assert "no field" in text_of(client.post("/segments/preview/", rows(("height", "is", "1", ""))))
    assert "by &#x27;is at least&#x27;" in text_of(client.post("/segments/preview/", rows(("name", "more", "1", ""))))
    assert "Choose a field" in text_of(client.post("/segments/preview/", rows(("", "is", "1", ""))))
    assert "2 people now" in text_of(client.post("/segments/new/", rows(("name", "filled", "", ""), more="1")))


def test_segments_change_places_and_go() -> None:
    client = sign_in()
    for name in ("A", "B", "C"):
        make_segment(name)
    client.post(f"/segments/{Segment.objects.get(name='C').pk}/move/", {"to": "up"})
    assert [segment.name for segment in Segment.objects.all()] == ["A", "C", "B"]
    client.post(f"/segments/{Segment.objects.get(name='A').pk}/move/", {"to": "up"})
    assert [segment.name for segment in Segment.objects.all()] == ["A", "C", "B"]
    client.post(f"/segments/{Segment.objects.get(name='A').pk}/remove/")
    assert [segment.name for segment in Segment.objects.all()] == ["C", "B"]


def test_an_agent_reads_segments_and_changes_none() -> None:
    segment = make_segment()
    client = sign_in(Role.AGENT)
    assert "New segment" not in text_of(client.get("/segments/"))
    assert client.get(f"/segments/{segment.pk}/").status_code == 403
    assert client.post(f"/segments/{segment.pk}/remove/").status_code == 403


# --- The API ------------------------------------------------------------------------------------------------------------


def names(client: Client, query: str) -> list[str]:
    answer = client.get(f"/api/profiles/?{query}")
    assert answer.status_code == 200, answer.content
    return [person["name"] for person in answer.json()["results"]]


def test_the_api_finds_people_by_what_a_program_knows_of_them() -> None:
    client = sign_in()
    owner = make_agent(username="olga")
    mara = make_person("Mara Klein", "mara_k", stage="customer", owner=owner)
    make_person("Mara Kleinert", "mara_k2")
    for kind, value in (("email", "mara@post.example"), ("phone", "+44 117 496 0123")):
        record_contact_point(profile=mara, kind=kind, typed=value, state="given", source="agent")
    ExternalRef.objects.create(profile=mara, system="crm", external_id="A-17", made_at=now())
    ProfileTag.objects.create(profile=mara, tag=Tag.objects.create(name="VIP", folded="vip"), source="agent", at=now())
    segment = make_segment()
    terms.write_waiting()
    for query in (
        *("q=mara+klein+@mara_k&stage=customer", "stage=customer", "owner=olga", f"owner={owner.pk}", "tag=Vip", "handle=mara_k"),
        *("handle=%40MARA_K", "email=Mara@Post.example", "phone=0117+496+0123", "phone=%2B441174960123", "external=A-17"),
        *("external=crm:a-17", f"segment={segment.pk}", "segment=Customers", "q=mara&email=mara@post.example"),
    ):
        assert names(client, query) == ["Mara Klein"], query
    assert names(client, "owner=none") == ["Mara Kleinert"]
    assert names(client, "email=mara@post") == []
    assert set(names(client, "q=mara")) == {"Mara Klein", "Mara Kleinert"}


@pytest.mark.parametrize(
    "query", ["stage=king", "owner=nobody-here", "segment=none", "phone=none", "page_size=0", "after=x", "q=a&after=x"]
)
def test_the_api_refuses_nonsense_in_a_sentence(query: str) -> None:
    answer = sign_in().get(f"/api/profiles/?{query}")
    assert answer.status_code in (400, 404)
    assert answer.json()["detail"]


def test_the_api_pages_by_key_with_and_without_words() -> None:
    people = {make_person(f"Anna {number}").name for number in range(25)}
    terms.write_waiting()
    client = sign_in()
    for query in ("", "q=anna&"):
        address: str | None = f"/api/profiles/?{query}page_size=10"
        seen: list[str] = []
        while address:
            answer = client.get(address).json()
            seen += [person["name"] for person in answer["results"]]
            address = answer["next"]
        assert len(seen) == 25
        assert set(seen) == people
