"""Short links: codes, what a stranger sees, who counts as an opener, guessing, and the pages of choice and survey."""

from __future__ import annotations

import re
import string
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache.backends.base import BaseCache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from redis.exceptions import RedisError

from engagement.models import Hop, ShortLink, SurveyAnswer
from engagement.services import links
from engagement.services.guessing import MOST_WRONG, read_guessing
from engagement.services.offers import offer_link
from engagement.services.send import send_reply
from engagement.services.surveys import record_answer, survey_link
from engagement.services.tickets import open_ticket
from listening.models import Conversation
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound
from socialdesk.lib.throttle import take
from tests.engagement.desk import Desk, work
from tests.factories import make_agent, make_conversation

BROWSER = "Mozilla/5.0 (Linux; Android 8.1.0; CUBOT X18) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36"
PREVIEWS = [
    "facebookexternalhit/1.1",
    "Twitterbot/1.0",
    "http.rb/5.1.1 (Mastodon/4.2.0; +https://social.example/)",
    "Bluesky Cardyb/1.1; +mailto:support@example.org",
    "Mozilla/5.0 (compatible; Pleroma 2.5; https://social.example) Bot",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "curl/8.0",
    "",
]


@pytest.fixture
def sam(db: None) -> Agent:
    return make_agent(username="sam")


@pytest.fixture
def conversation(db: None) -> Conversation:
    return make_conversation()


def visitor(**headers: str) -> Client:
    return Client(headers={"User-Agent": BROWSER, **headers})


def make(conversation: Conversation, agent: Agent, kind: str = "choice", **options: object) -> ShortLink:
    return offer_link(conversation_id=conversation.pk, kind=kind, agent=agent, reason="complex", **options)  # type: ignore[arg-type]


@given(st.text(alphabet=links.ALPHABET, min_size=13, max_size=13), st.data())
def test_code_survives_being_read_aloud(code, data):
    heard = "".join(data.draw(st.sampled_from({"0": "0oO", "1": "1iIlL"}.get(c, c + c.upper()))) for c in code)
    spaced = "".join(c + data.draw(st.sampled_from(["", "", "-", " "])) for c in heard)
    assert links.read_code(spaced) == code


@given(st.text(max_size=60))
def test_nonsense_is_no_code(text):
    code = links.read_code(text)
    assert code == "" or (len(code) == 13 and set(code) <= set(links.ALPHABET))


def test_codes_hold_65_bits_and_use_every_sign():
    codes = [links.new_code() for _ in range(2000)]
    assert len(set(codes)) == 2000
    assert {len(code) for code in codes} == {13}
    assert set("".join(codes)) == set(links.ALPHABET)
    assert len(links.ALPHABET) ** 13 >= 2**65
    assert not set(links.ALPHABET) & set("ilou" + string.ascii_uppercase)


def test_link_of_an_unknown_kind_or_conversation_is_refused(conversation, sam):
    with pytest.raises(DeskError, match="no kind of link"):
        links.create_link(conversation_id=conversation.pk, kind="teleport", agent=sam)
    with pytest.raises(NotFound):
        links.create_link(conversation_id=10**17, kind="chat", agent=sam)


def test_resolving_costs_one_query_and_nonsense_none(conversation, sam, django_assert_num_queries):
    link = make(conversation, sam)
    with django_assert_num_queries(1):
        found = links.resolve_link(link.code)
        assert found is not None
        assert found.conversation.author.profile
    with django_assert_num_queries(0):
        assert links.resolve_link("not a code") is None


def without_what_changes(answer: Any) -> tuple[int, str, list[tuple[str, str]]]:
    """An answer but for its nonce, of which no two are the same, and the second that it was given in."""
    nonce = re.compile(r"nonce[=-]\"?[\w+/=-]+\"?")
    headers = [(name, nonce.sub("", value)) for name, value in answer.headers.items() if name not in ("Expires", "Content-Length")]
    return answer.status_code, nonce.sub("", answer.content.decode()), sorted(headers)


def test_what_does_not_work_looks_the_same_to_a_stranger(conversation, sam, django_assert_num_queries):
    expired, revoked, used = (make(conversation, sam), make(conversation, sam), make(conversation, sam, "survey"))
    ShortLink.objects.filter(pk=expired.pk).update(expires_at=now() - timedelta(seconds=1))
    links.revoke_link(link_id=revoked.pk, agent=sam)
    assert record_answer(link=used, score=5, comment="", form_key="k")
    answers = []
    for code in (links.new_code(), expired.code, revoked.code, used.code):
        with django_assert_num_queries(2):  # the link, the company
            got = visitor().get(f"/s/{code}")
        posted = visitor().post(f"/s/{code}", {"score": "1", "form_key": "another"})
        answers.append([without_what_changes(answer) for answer in (got, posted)])
    assert answers[0][0][0] == 404
    assert answers == [answers[0]] * 4
    assert SurveyAnswer.objects.count() == 1


def test_pages_for_customers_set_no_cookie_and_are_kept_by_nobody(conversation, sam):
    for path in (f"/s/{make(conversation, sam).code}", "/s/0000000000000"):
        answer = visitor().get(path)
        assert not answer.cookies
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer.headers["Cache-Control"]
        assert "noindex" in answer.headers["X-Robots-Tag"]
        assert len(answer.content) < 30_000


def test_only_a_persons_browser_opens_a_link(conversation, sam):
    link = make(conversation, sam)
    for agent in PREVIEWS:
        Client(headers={"User-Agent": agent}).get(f"/s/{link.code}")
    visitor(**{"Sec-Purpose": "prefetch;prerender"}).get(f"/s/{link.code}")
    visitor().head(f"/s/{link.code}")
    staff = visitor()
    staff.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    staff.get(f"/s/{link.code}")
    link.refresh_from_db()
    assert (link.opens, link.opened_at, link.progress) == (0, None, "unopened")
    visitor().get(f"/s/{link.code}")
    visitor().get(f"/s/{link.code.upper()}")
    link.refresh_from_db()
    assert (link.opens, link.progress) == (2, "opened")


def test_guessing_is_held_off_and_told(conversation, sam, caplog):
    link = make(conversation, sam)
    client = visitor()
    for _ in range(MOST_WRONG):
        assert client.get(f"/s/{links.new_code()}").status_code == 404
    held = client.get(f"/s/{link.code}")
    assert held.status_code == 429
    assert int(held.headers["Retry-After"]) > 0
    assert visitor().get(f"/s/{link.code}", REMOTE_ADDR="198.51.100.7").status_code == 200
    assert read_guessing().is_alarming
    assert "held off" in caplog.text
    assert link.code not in caplog.text
    page = Client()
    page.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    assert b"Somebody tries codes" in page.get("/links/").content


class CacheAway(BaseCache):
    """A Redis that does not answer."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__({})

    def _fail(self, *args: Any, **kwargs: Any) -> Any:
        raise RedisError("connection refused")

    add = get = set = incr = has_key = delete = touch = _fail

    def clear(self) -> None:
        pass


def test_customers_pages_do_without_a_cache_that_is_away(settings, conversation, sam, caplog):
    settings.CACHES = {"default": {"BACKEND": f"{__name__}.CacheAway"}}
    link, callback = make(conversation, sam), make(conversation, sam, kind="callback")
    client = visitor()
    for _ in range(3):
        assert client.get(f"/s/{link.code}").status_code == 200
        assert client.post(f"/s/{callback.code}", {"step": "check"}).status_code == 400  # the form with what is wrong in it
    for _ in range(MOST_WRONG + 1):
        assert client.get(f"/s/{links.new_code()}").status_code == 404
    assert client.get(f"/s/{link.code}").status_code == 200
    assert (read_guessing().wrong, read_guessing().held_off) == (0, 0)
    assert take("anything", limit=0, seconds=1)
    assert caplog.text.count("the cache cannot be reached") == 1
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    assert client.get(f"/s/{link.code}").status_code == 200
    assert caplog.text.count("the cache is back") == 1


def test_a_character_that_no_database_keeps_is_left_out_of_the_address_too(conversation, sam):
    ticket = open_ticket(conversation_id=conversation.pk, agent=sam)
    client = visitor()
    for query in ("k=%00", "k=a%00b", "lang=%00de"):
        assert client.get(f"/s/{ticket.link.code}/confirm?{query}").status_code == 200
        assert client.post(f"/s/{ticket.link.code}/confirm?{query}").status_code == 404


def test_addresses_behind_a_proxy_are_told_apart_only_where_it_is_trusted(settings, conversation, sam):
    link = make(conversation, sam)
    settings.TRUSTED_PROXIES = 1
    for number in range(MOST_WRONG):
        visitor(**{"X-Forwarded-For": f"10.0.0.{number}, 203.0.113.9"}).get(f"/s/{links.new_code()}")
    assert visitor(**{"X-Forwarded-For": "203.0.113.9"}).get(f"/s/{link.code}").status_code == 429
    assert visitor(**{"X-Forwarded-For": "203.0.113.10"}).get(f"/s/{link.code}").status_code == 200


def test_a_domain_of_its_own_answers_to_short_links_only(settings, conversation, sam):
    link = make(conversation, sam)
    settings.LINK_URL, settings.ALLOWED_HOSTS = "https://td.example", ["td.example", "testserver"]
    assert links.link_url(link) == f"https://td.example/s/{link.code}"
    there = Client(headers={"User-Agent": BROWSER, "Host": "td.example"})
    assert there.get(f"/s/{link.code}").status_code == 200
    assert there.get("/sign-in/").status_code == 404
    assert there.get("/healthz").status_code == 404
    assert Client().get("/sign-in/").status_code == 200


def test_choice_offers_and_staying_brings_the_conversation_back(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()
    link = make(conversation, sam)
    send_reply(conversation_id=conversation.pk, agent=sam, text=f"Choose: {links.link_url(link)}", hold=0)
    work(now())
    conversation.refresh_from_db()
    assert conversation.status == "waiting"
    page = visitor().get(f"/s/{link.code}").content.decode()
    assert [words in page for words in ("Call me", "Chat now", "Stay where we are")] == [True, True, True]
    for _ in range(2):
        assert "Thank you" in visitor().post(f"/s/{link.code}/stay").content.decode()
    link.refresh_from_db()
    conversation.refresh_from_db()
    assert (link.target["chosen"], conversation.status) == ("stay", "open")
    assert Hop.objects.get(link=link).state == "offered"
    assert link.message is not None
    assert link.message.text.endswith(link.code)


def test_choice_may_be_narrowed(conversation, sam):
    link = make(conversation, sam, target={"offers": ["callback"]})
    page = visitor().get(f"/s/{link.code}").content.decode()
    assert "Call me" in page
    assert "Chat now" not in page
    assert "Stay where we are" in page


def test_survey_is_answered_once_however_often_it_is_sent(conversation, sam):
    link = survey_link(conversation_id=conversation.pk, agent=sam)
    assert survey_link(conversation_id=conversation.pk, agent=sam) == link
    client = visitor()
    assert client.post(f"/s/{link.code}", {"form_key": "a"}).status_code == 422
    too_long = client.post(f"/s/{link.code}", {"form_key": "a", "score": "4", "comment": "x" * 100_000})
    assert too_long.status_code == 422
    assert "2000" in too_long.content.decode()
    form = {"form_key": "a", "score": "4", "comment": "<script>alert(1)</script> fine"}
    for _ in range(2):
        assert "Your answer has arrived" in client.post(f"/s/{link.code}", form).content.decode()
    assert client.post(f"/s/{link.code}", {"form_key": "b", "score": "1"}).status_code == 404
    answer = SurveyAnswer.objects.get()
    assert (answer.score, answer.comment) == (4, "<script>alert(1)</script> fine")
    assert survey_link(conversation_id=conversation.pk, agent=sam) != link


def test_a_program_that_fills_the_trap_is_thanked_and_stored_nowhere(conversation, sam):
    link = survey_link(conversation_id=conversation.pk, agent=sam)
    answer = visitor().post(f"/s/{link.code}", {"form_key": "a", "score": "1", "website": "http://spam.example"})
    assert answer.status_code == 200
    assert not SurveyAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_two_who_send_at_once_one_is_stored(transactional_db):
    conversation, agent = make_conversation(), make_agent()
    link = survey_link(conversation_id=conversation.pk, agent=agent)
    together = threading.Barrier(4)

    def send(number: int) -> bool:
        try:
            together.wait(10)
            return record_answer(link=ShortLink.objects.get(pk=link.pk), score=1 + number, comment="", form_key=f"k{number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(send, range(4)))
    assert stored.count(True) == SurveyAnswer.objects.count() == 1


def test_survey_answer_stands_in_the_thread_for_the_team_only(conversation, sam):
    link = survey_link(conversation_id=conversation.pk, agent=sam)
    record_answer(link=link, score=2, comment="slow", form_key="k")
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/conversations/{conversation.pk}/").content.decode()
    assert "Survey: 2 of 5" in page
    assert "slow" in page


def test_list_of_links_costs_the_same_however_long_it_is(conversation, sam):
    client = Client()
    client.force_login(sam, backend="django.contrib.auth.backends.ModelBackend")
    counts = []
    for more in (2, 60):
        for _ in range(more):
            make(conversation, sam)
        with CaptureQueriesContext(connection) as captured:
            page = client.get("/links/")
        assert page.status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1] <= 12
    assert "after=" in page.content.decode()


def test_right_to_left_and_the_visitors_language(conversation, sam):
    link = make(conversation, sam)
    page = visitor().get(f"/s/{link.code}?lang=ar").content.decode()
    assert 'lang="ar"' in page
    assert 'dir="rtl"' in page
    assert 'lang="de"' in visitor(**{"Accept-Language": "de-AT,de;q=0.9"}).get("/s/0000000000000").content.decode()
