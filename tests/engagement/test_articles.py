"""Articles: kept safe, found in the reader's language, given by link, judged by their readers, reviewed in time."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from engagement.models import Article, ArticleLink, ArticleVote
from engagement.services.article_figures import CONTACT, REVIEW, Figures, find_stale, note_contacts, read_figures, why_stale
from engagement.services.articles import (
    LONGEST_WORDS,
    Written,
    find_articles,
    give_article,
    mark_reviewed,
    record_vote,
    save_article,
    text_for,
)
from engagement.services.links import create_link, link_url, revoke_link
from engagement.services.markdown import plain_start, render_markdown
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError, NotFound
from tests.engagement.desk import Desk
from tests.engagement.texts import make_article

pytestmark = pytest.mark.django_db

BROWSER = {"User-Agent": "Mozilla/5.0 (Linux; Android 15) Firefox/140.0"}


class Reader(HTMLParser):
    """What a browser would find in HTML: its tags, and their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]


def page(response: Any) -> str:
    return " ".join(response.content.decode().split())


# --- Markdown -----------------------------------------------------------------------------------------------------------


def test_the_marks_become_html_below_the_title() -> None:
    found = render_markdown("# One\n\n- a\n- **b**\n\n1. c\n\n> *d* `e`\n\n[f](https://example.com/)")
    assert Reader(found).tags == {"h2", "ul", "ol", "li", "p", "strong", "em", "code", "blockquote", "a"}
    assert ("rel", "noopener noreferrer nofollow") in Reader(found).attributes


MARKDOWN = st.text(alphabet="<>()[]!*_`#&\"'/:;- \n" + "ajsxsrpt", max_size=200)


@given(MARKDOWN)
def test_nothing_that_is_typed_becomes_a_script_a_picture_or_a_handler(text: str) -> None:
    reader = Reader(render_markdown(text))
    allowed = {"h2", "h3", "h4", "p", "ul", "ol", "li", "blockquote", "pre", "code", "hr", "em", "strong", "a", "br"}
    assert reader.tags <= allowed
    assert {name for name, _ in reader.attributes} <= {"href", "rel"}


@pytest.mark.parametrize(
    "text",
    [
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html;base64,PHN2Zz4=)",
        "<javascript:alert(1)>",
        "<script>alert(1)</script>",
        '<a href="javascript:alert(1)">x</a>',
        "![x](https://example.com/pixel.png)",
        "[x](vbscript:x)",
    ],
)
def test_known_tricks_lead_nowhere(text: str) -> None:
    reader = Reader(render_markdown(text))
    assert "script" not in reader.tags
    assert "img" not in reader.tags
    assert all(value.startswith(("https://", "noopener")) for _, value in reader.attributes)


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("# a\n\n## b\n\n# c", ["h2", "h3", "h2"]),
        ("## a\n\n#### b", ["h2", "h3"]),
        ("### a\n\n# b", ["h2", "h2"]),
        ("# a\n\n## b\n\n### c\n\n#### d\n\n##### e", ["h2", "h3", "h4", "h4", "h4"]),
    ],
)
def test_headings_begin_below_the_title_and_leave_no_level_out(text: str, levels: list[str]) -> None:
    assert re.findall(r"<(h\d)>", render_markdown(text)) == levels


def test_the_start_of_a_text_is_plain_words() -> None:
    assert plain_start("# Why\n\nA **bold** & _quiet_ [word](https://example.com/).") == "A bold & quiet word."
    assert plain_start("one two three four", 12) == "one two…"


# --- Keeping and finding ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"texts": []}, "at least one text"),
        ({"texts": [Written("en", "", "b")]}, "Text 1: give it a title"),
        ({"texts": [Written("en", "t" * 121, "b")]}, "at most 120"),
        ({"texts": [Written("en", "t", " ")]}, "there are 0"),
        ({"texts": [Written("en", "t", "b" * 20_001)]}, "1 to 20000"),
        ({"texts": [Written("e", "t", "b")]}, "as a code such as en"),
        ({"texts": [Written("en", "t", "b"), Written("EN", "t", "b")]}, "Two texts are in the same language"),
        ({"texts": [Written("ar", "عنوان", "نص")]}, "an address of Latin letters"),
    ],
)
def test_an_article_that_cannot_be_meant_is_refused_with_what_is_wrong(change: dict[str, Any], words: str) -> None:
    with pytest.raises(DeskError, match=words):
        save_article(article=None, slug="", agent=None, **change)
    assert not Article.objects.exists()


def test_an_address_is_taken_once_and_languages_that_go_are_gone() -> None:
    article = make_article("Your battery")
    assert article.slug == "your-battery"
    with pytest.raises(DeskError, match="already"):
        make_article("Your battery")
    save_article(article=article, slug="batteries", texts=[Written("de", "Akku", "Text")], agent=None)
    assert [text.language for text in article.texts.all()] == ["de"]


def test_articles_are_found_by_all_words_without_case_and_accents() -> None:
    make_article("Batería", "Cargar en frío", language="es")
    make_article("Battery", "Charging in the cold")
    assert [found.slug for found in find_articles(q="BATERIA frio").articles] == ["bateria"]
    assert [found.slug for found in find_articles(q="batt cold").articles] == ["battery"]
    assert find_articles(q="batteria gratis").articles == []
    assert [found.slug for found in find_articles(languages=["es", "en"]).articles] == ["battery", "bateria"]
    assert [found.slug for found in find_articles(languages=["en"]).articles] == ["battery"]


def test_a_page_of_articles_ends_and_goes_on_with_a_fixed_number_of_queries() -> None:
    for number in range(35):
        make_article(f"Article {number}")
    with CaptureQueriesContext(connection) as queries:
        first = find_articles()
    second = find_articles(after=first.next)
    assert len(queries) == 2
    assert (len(first.articles), len(second.articles), second.next) == (30, 5, "")
    assert {found.pk for found in first.articles} & {found.pk for found in second.articles} == set()


def test_a_reader_gets_their_language_or_english_or_what_there_is() -> None:
    texts = [Written(language, f"Title {language}", "b") for language in ("fr", "en", "ar")]
    both = save_article(article=None, slug="both", texts=texts, agent=None)
    only = make_article("Nur deutsch", language="de")
    for article, languages, title in ((both, ["fr"], "Title fr"), (both, ["de"], "Title en"), (only, ["es", "en"], "Nur deutsch")):
        text = text_for(article, languages)
        assert text is not None
        assert text.title == title


# --- The help pages -----------------------------------------------------------------------------------------------------


def test_help_is_for_everybody_in_their_language_and_small() -> None:
    save_article(
        article=None, slug="battery", texts=[Written("en", "Battery", "Warm it."), Written("ar", "البطارية", "دفّئها.")], agent=None
    )
    client = Client()
    home = client.get("/help/?lang=ar")
    assert 'dir="rtl"' in page(home)
    assert "البطارية" in page(home)
    answer = client.get("/help/battery/", headers={"Accept-Language": "ar-EG,en;q=0.5"})
    assert '<html lang="ar" dir="rtl">' in page(answer)
    assert "البطارية" in page(answer)
    assert "<script" not in page(answer)
    assert len(answer.content) < 30_000
    assert not answer.cookies
    assert "Warm it." in page(client.get("/help/battery/?lang=en"))
    assert "<b>x</b>" not in page(client.get("/help/?q=<b>x</b>"))
    assert client.get("/help/?after=nonsense").status_code == 302


def test_what_is_not_published_is_not_there() -> None:
    make_article("Secret", is_published=False)
    client = Client()
    assert client.get("/help/secret/").status_code == 404
    assert client.post("/help/secret/helped/", {"helped": "yes"}).status_code == 404
    assert "Secret" not in page(client.get("/help/"))


def test_an_answer_is_counted_once_an_hour_for_a_browser_and_thanked_either_way() -> None:
    article = make_article("Battery")
    client = Client(headers=BROWSER)
    for _ in range(3):
        answer = client.post("/help/battery/helped/", {"helped": "no", "words": " It  is\nnot enough "})
        assert answer.status_code == 200
        assert "Thank you" in page(answer)
    vote = ArticleVote.objects.get()
    assert (vote.article, vote.helped, vote.words, vote.by_link) == (article, False, "It is not enough", None)


@pytest.mark.parametrize("form", [{}, {"helped": "maybe"}, {"words": "only words"}])
def test_a_form_without_an_answer_is_shown_again_with_what_was_typed(form: dict[str, str]) -> None:
    make_article("Battery")
    answer = Client().post("/help/battery/helped/", form)
    assert answer.status_code == 400
    assert "Choose yes or no" in page(answer)
    assert form.get("words", "") in page(answer)
    assert not ArticleVote.objects.exists()


def test_programs_that_fill_everything_in_are_thanked_and_not_counted() -> None:
    make_article("Battery")
    answer = Client().post("/help/battery/helped/", {"helped": "yes", "website": "https://spam.example"})
    assert answer.status_code == 200
    assert not ArticleVote.objects.exists()


def test_words_of_any_length_and_kind_are_cut_and_kept_as_text() -> None:
    make_article("Battery")
    Client().post("/help/battery/helped/", {"helped": "no", "words": "<script>" + "x" * 100_000 + "\x00"})
    vote = ArticleVote.objects.get()
    assert len(vote.words) == LONGEST_WORDS
    assert vote.words.startswith("<script>x")


# --- By link ------------------------------------------------------------------------------------------------------------


def test_a_link_shows_the_article_in_the_customers_language_and_counts_one_answer(desk: Desk, sam: Agent) -> None:
    article = save_article(
        article=None, slug="battery", texts=[Written("en", "Battery", "Warm it."), Written("de", "Akku", "Wärmen.")], agent=None
    )
    conversation = desk.conversation("@tidewheel mein Fahrrad ist schon wieder nicht gekommen")
    link = give_article(article_id=article.pk, conversation_id=conversation.pk, agent=sam)
    path = link_url(link).partition("/s/")[2]
    client = Client(headers=BROWSER)
    assert "Wärmen." in page(client.get(f"/s/{path}"))
    for helped, words in (("no", "too short"), ("yes", ""), ("yes", "")):
        assert client.post(f"/s/{path}/helped", {"helped": helped, "words": words}).status_code == 200
    vote = ArticleVote.objects.get()
    assert (vote.helped, vote.words, vote.language) == (True, "too short", "de")
    link.refresh_from_db()
    assert (link.progress, link.opens) == ("sent", 1)
    assert client.get(f"/s/{path}/elsewhere").status_code == 404


def test_a_link_that_a_program_made_works_and_one_without_an_article_does_not(desk: Desk, sam: Agent) -> None:
    article, conversation = make_article("Battery"), desk.conversation()
    client = Client(headers=BROWSER)
    for target, status in (({"article": article.pk}, 200), ({"article": 10**9}, 404), ({"article": "1; drop"}, 404), ({}, 404)):
        link = create_link(conversation_id=conversation.pk, kind="article", agent=sam, target=target)
        assert client.get(f"/s/{link.code}").status_code == status
    assert ArticleLink.objects.count() == 1
    Article.objects.update(is_published=False)
    assert client.get(f"/s/{ArticleLink.objects.get().link.code}").status_code == 404


def test_a_revoked_link_shows_nothing_and_takes_no_answer(desk: Desk, sam: Agent) -> None:
    article = make_article("Battery")
    link = give_article(article_id=article.pk, conversation_id=desk.conversation().pk, agent=sam)
    revoke_link(link_id=link.pk, agent=sam)
    client = Client(headers=BROWSER)
    assert client.get(f"/s/{link.code}").status_code == 404
    assert client.post(f"/s/{link.code}/helped", {"helped": "yes"}).status_code == 404
    assert not ArticleVote.objects.exists()


def test_what_is_not_there_cannot_be_given(desk: Desk, sam: Agent) -> None:
    hidden = make_article("Hidden", is_published=False)
    conversation = desk.conversation()
    for pk in (hidden.pk, 999_999, 2**70):
        with pytest.raises(NotFound):
            give_article(article_id=pk, conversation_id=conversation.pk, agent=sam)
    with pytest.raises(NotFound):
        give_article(article_id=make_article("There").pk, conversation_id=999_999, agent=sam)
    assert not ArticleLink.objects.exists()


# --- What they are worth ------------------------------------------------------------------------------------------------


def test_who_writes_again_within_a_week_after_opening_contacted_us_anyway(desk: Desk, sam: Agent) -> None:
    article = make_article("Battery")
    again, never, unopened = (desk.mention(author=name) for name in ("again", "never", "unopened"))
    links = {}
    for mention in (again, never, unopened):
        assert mention.conversation_id is not None
        links[mention.author.username] = give_article(article_id=article.pk, conversation_id=mention.conversation_id, agent=sam)
    client = Client(headers=BROWSER)
    for name in ("again", "never"):
        client.get(f"/s/{links[name].code}")
    assert note_contacts() == 0
    desk.world.reply_as("again", again.external_id, "It still does not work")
    desk.world.reply_as("unopened", unopened.external_id, "Hello?")
    desk.read()
    assert note_contacts() == 1
    assert note_contacts(now=now() + CONTACT + timedelta(hours=1)) == 1
    assert read_figures([article]) == {article.pk: Figures(given=3, opened=2, contacted=1)}
    assert note_contacts(now=now() + timedelta(days=31)) == 1  # the one that was never opened is not waited for
    assert read_figures([article])[article.pk].contacted == 1


def test_a_private_message_is_a_contact_too_and_a_late_one_is_none(desk: Desk, sam: Agent) -> None:
    article = make_article("Battery")
    soon, late = desk.conversation(author="soon"), desk.conversation(author="late")
    for conversation in (soon, late):
        link = give_article(article_id=article.pk, conversation_id=conversation.pk, agent=sam)
        Client(headers=BROWSER).get(f"/s/{link.code}")
    desk.world.message_as("soon", "Here I am again")
    desk.world.message_as("late", "Me too", sent_at=now() + CONTACT + timedelta(days=1))
    desk.read()
    note_contacts(now=now() + CONTACT + timedelta(days=2))
    assert read_figures([article])[article.pk].contacted == 1


def test_the_stale_are_those_nobody_reviewed_and_those_that_seldom_help() -> None:
    old, unhelpful, fine, hidden = (make_article(title) for title in ("Old", "Unhelpful", "Fine", "Hidden"))
    Article.objects.filter(pk__in=[old.pk, hidden.pk]).update(reviewed_at=now() - REVIEW - timedelta(days=3))
    Article.objects.filter(pk=hidden.pk).update(is_published=False)
    for article, votes in ((unhelpful, "nnnyy"), (fine, "yyynn")):
        for vote in votes:
            record_vote(article=article, helped=vote == "y", language="en")
    stale = find_stale()
    figures = read_figures(stale)
    assert {found.slug: why_stale(found, figures[found.pk]) for found in stale} == {
        "old": "not reviewed for 183 days",
        "unhelpful": "helped only 2 of 5 readers",
    }
    assert why_stale(fine, read_figures([fine])[fine.pk]) == ""
    mark_reviewed(article_id=old.pk)
    assert [found.slug for found in find_stale()] == ["unhelpful"]


def test_figures_of_articles_are_two_queries_however_many(desk: Desk, sam: Agent) -> None:
    articles = [make_article(f"Article {number}") for number in range(5)]
    conversation = desk.conversation()
    for article in articles:
        give_article(article_id=article.pk, conversation_id=conversation.pk, agent=sam)
        record_vote(article=article, helped=True, language="en")
    with CaptureQueriesContext(connection) as queries:
        figures = read_figures(articles)
    assert len(queries) == 2
    assert {(figure.given, figure.helped) for figure in figures.values()} == {(1, 1)}
