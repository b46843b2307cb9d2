"""Which template fits: the wording for the customer, the order of the list, its reasons, and what is filled in."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from engagement.models import Template, TemplateWord
from engagement.services.filling import VARIABLES, fill, find_variables, values_for
from engagement.services.ranking import Suggestion, rank_templates, words_of
from engagement.services.spans import LANGUAGES, find_promise, pattern_of_spans, say_within
from engagement.services.suggest import suggest_articles
from engagement.services.templates import Wording, find_wordings, languages_for, save_template
from engagement.services.wordings import name_of
from listening.models import Conversation, Topic
from listening.services.topics import save_topic
from profiles.models import Agent, Handle, Role
from socialdesk.lib.clock import now
from socialdesk.lib.errors import DeskError
from tests.engagement.desk import Desk
from tests.engagement.texts import make_article, make_template
from tests.factories import make_agent

pytestmark = pytest.mark.django_db


def make_topic(name: str, query: str) -> Topic:
    return save_topic(topic=None, name=name, query=query, agent=make_agent(Role.LEAD))


def loaded(conversation: Conversation) -> Conversation:
    return Conversation.objects.select_related("author", "account", "last_mention").get(pk=conversation.pk)


def ranked(conversation: Conversation, agent: Agent, audience: str = "public") -> list[Suggestion]:
    return rank_templates(conversation=loaded(conversation), agent=agent, audience=audience)


def names(suggestions: list[Suggestion]) -> list[str]:
    return [suggestion.name for suggestion in suggestions]


# --- The wording --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wordings", "audience", "taken"),
    [
        (["en", "de", "de sandbox"], "public", "de sandbox"),
        (["en", "de", "de mastodon"], "public", "de"),
        (["en sandbox", "de"], "public", "de"),
        (["en", "en sandbox", "fr"], "public", "en sandbox"),
        (["fr"], "public", None),
        (["de private"], "public", None),
        (["de", "de private"], "private", "de private"),
        (["de sandbox", "de private"], "private", "de sandbox"),
        (["de", "en private"], "private", "de"),
    ],
)
def test_the_wording_is_taken_by_language_then_network_then_audience(
    desk: Desk, wordings: list[str], audience: str, taken: str | None
) -> None:
    conversation = desk.conversation()
    Conversation.objects.update(language="de-at")
    conversation.refresh_from_db()
    rows = []
    for key in wordings:
        language, *more = key.split()
        network = next((word for word in more if word != "private"), "")
        rows.append(Wording(language, key, network, "private" if "private" in more else "public"))
    save_template(template=None, name="T", purpose="answer", wordings=rows, agent=None)
    found = [variant.text for variant in find_wordings(conversation, audience=audience).values()]
    assert found == ([taken] if taken else [])


def test_a_template_that_is_off_is_not_offered(desk: Desk, sam: Agent) -> None:
    make_template(name="On", purpose="answer", en="a")
    make_template(name="Off", purpose="answer", en="b")
    Template.objects.filter(name="Off").update(is_active=False)
    assert names(ranked(desk.conversation(), sam)) == ["On"]


# --- The order ----------------------------------------------------------------------------------------------------------


def test_what_is_for_its_topic_comes_first_and_says_so(desk: Desk, sam: Agent) -> None:
    battery, brakes = make_topic("Battery", "battery"), make_topic("Brakes", "brake*")
    make_template("Any", "answer", en="a")
    make_template("About brakes", "answer", brakes, en="b")
    make_template("About batteries", "answer", battery, en="c")
    suggestions = ranked(desk.conversation("@tidewheel my battery is flat"), sam)
    assert names(suggestions) == ["About batteries", "Any", "About brakes"]
    assert "topic Battery" in suggestions[0].reasons
    assert "for another topic" in suggestions[2].reasons


def test_words_of_posts_that_it_was_used_on_raise_it_the_more_the_rarer(desk: Desk, sam: Agent) -> None:
    plain, charger, both = (make_template(name, "answer", en=name) for name in ("Plain", "Charger", "Both"))
    for template, word in ((charger, "charger"), (charger, "blinks"), (both, "blinks"), (plain, "unrelated")):
        TemplateWord.objects.create(template=template, word=word)
    suggestions = ranked(desk.conversation("@tidewheel the charger blinks red"), sam)
    assert names(suggestions) == ["Charger", "Both", "Plain"]
    assert suggestions[0].reasons[0] == "used on posts with charger, blinks"
    assert suggestions[2].points < suggestions[1].points


def test_what_went_well_before_comes_before_what_did_not(desk: Desk, sam: Agent) -> None:
    make_template("Unknown", "answer", en="a")
    for name, well, badly in (("Good", 8, 1), ("Bad", 1, 8)):
        Template.objects.filter(pk=make_template(name, "answer", en=name).pk).update(went_well=well, went_badly=badly)
    suggestions = ranked(desk.conversation(), sam)
    assert names(suggestions) == ["Good", "Unknown", "Bad"]
    assert suggestions[0].reasons[-1] == "went well 8 of 9 times"


def test_the_state_of_the_conversation_decides_what_is_called_for(desk: Desk, sam: Agent) -> None:
    for name in ("acknowledge", "answer", "offer_choice", "thank_you", "closing"):
        make_template(name, name, en="text {due}" if name == "acknowledge" else "text")
    conversation = desk.conversation("@tidewheel my bike is late again")

    def first(**facts: object) -> str:
        Conversation.objects.filter(pk=conversation.pk).update(**facts)
        return ranked(conversation, sam)[0].name

    assert first(sentiment="negative") == "acknowledge"
    assert first(acknowledged_at=now()) == "answer"
    assert first(first_answered_at=now()) == "offer_choice"
    assert first(sentiment="positive", first_answered_at=None, status="open") == "thank_you"


def test_english_for_want_of_their_language_says_so_and_comes_later(desk: Desk, sam: Agent) -> None:
    make_template("English", "answer", en="a")
    make_template("German", "answer", de="b")
    conversation = desk.conversation("@tidewheel mein Fahrrad ist schon wieder nicht gekommen")
    suggestions = ranked(conversation, sam)
    assert names(suggestions) == ["German", "English"]
    assert "in en, the customer writes de" in suggestions[1].reasons


def test_ranking_costs_five_queries_however_many_templates_there_are(desk: Desk, sam: Agent) -> None:
    conversation = loaded(desk.conversation("@tidewheel my battery is flat"))

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            rank_templates(conversation=conversation, agent=sam, audience="public")
        return len(queries)

    make_template("First", "answer", make_topic("Battery", "battery"), en="a", de="b")
    few = count()
    for number in range(30):
        template = make_template(f"T{number}", "answer", *Topic.objects.all(), en="a", de="b")
        TemplateWord.objects.create(template=template, word="battery")
    assert count() == few == 5


def test_names_numbers_and_addresses_are_no_words() -> None:
    text = "@mara_k my Báttery battery TW-123456 died, see https://example.com/battery #fail 2nd time"
    assert words_of(text) == ["battery", "died", "time"]


def test_articles_of_its_topic_come_before_those_whose_title_shares_a_word(desk: Desk, sam: Agent) -> None:
    make_article("Zebra", "stripes")
    make_article("Your battery", "cold")
    make_article("Charging", "plug", make_topic("Battery", "battery"))
    readings = suggest_articles(conversation=loaded(desk.conversation("@tidewheel my battery is flat")))
    assert [(reading.text.title, reading.reason) for reading in readings] == [
        ("Charging", "its topic"),
        ("Your battery", "its title has battery"),
        ("Zebra", ""),
    ]


# --- Filling ------------------------------------------------------------------------------------------------------------


def test_variables_are_filled_from_the_conversation(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation(author="mara")
    values = values_for(conversation=loaded(conversation), agent=sam, company="Tidewheel", language="en")
    filled = fill("{name} {handle} {agent} {company} {link} {due}", values)
    assert filled.text == "mara @mara Sam Tidewheel {link} {due}"
    assert filled.missing == ("link", "due")


def test_an_open_promise_is_what_due_means_and_a_late_one_is_not_said(desk: Desk, sam: Agent) -> None:
    conversation = desk.conversation()

    def due(minutes: float) -> str:
        Conversation.objects.update(promise_due_at=now() + timedelta(minutes=minutes))
        return values_for(conversation=loaded(conversation), agent=sam, company="Tidewheel", language="en")["due"]

    assert due(110) == "within 2 hours"
    assert due(50) == "within 1 hour"
    assert due(20) == "within 30 minutes"
    assert due(-1) == ""


def test_people_are_called_as_they_call_themselves() -> None:
    assert name_of(Handle(username="mara_k", display_name="  Mara   K. ")) == "Mara K."
    assert name_of(Handle(username="mara_k", display_name="")) == "@mara_k"


TEXTS = st.text(alphabet="ab{}link due\n", max_size=60)


@given(TEXTS, st.dictionaries(st.sampled_from(sorted(VARIABLES)), st.text(max_size=12)))
def test_nothing_is_invented_and_nothing_else_is_touched(text: str, values: dict[str, str]) -> None:
    filled = fill(text, values)
    assert set(filled.missing) == {name for name in find_variables(text) if not values.get(name)}
    if not any(values.get(name) for name in find_variables(text)):
        assert filled.text == text


@given(st.integers(min_value=1, max_value=20_000), st.sampled_from(LANGUAGES))
def test_every_promise_is_said_with_its_number_and_recognised(minutes: int, language: str) -> None:
    words = say_within(minutes, language)
    assert re.fullmatch(pattern_of_spans(language), words)
    number = re.findall(r"\d+", words)
    assert not number or int(number[0]) in {minutes, minutes // 60, minutes // 1440}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_promise_is_found_in_its_text(language: str) -> None:
    for minutes in (30, 60, 120, 240, 480, 1440):
        found = find_promise(f"... {say_within(minutes, language)}.", language, usual=120)
        assert found is not None
        assert found.minutes == minutes
    assert find_promise("soon", language, usual=120) is None


def test_a_language_without_words_promises_nothing() -> None:
    assert say_within(120, "pt") == ""
    assert find_promise("em 2 horas", "pt", usual=120) is None


# --- Keeping ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": " "}, "Give the template a name"),
        ({"purpose": "shout"}, "Choose what the template is for"),
        ({"wordings": []}, "at least one text"),
        ({"wordings": [Wording("en", " ")]}, "Text 1: it is empty"),
        ({"wordings": [Wording("english!", "a")]}, "give its language as a code"),
        ({"wordings": [Wording("en", "a", "friendster")]}, "knows no network"),
        ({"wordings": [Wording("en", "a", "", "everybody")]}, "public replies or private messages"),
        ({"wordings": [Wording("en", "Hi {first_name}")]}, "no variable {first_name}"),
        ({"wordings": [Wording("en", "a"), Wording("EN ", "b")]}, "Texts 1 and 2 are for the same"),
        ({"wordings": [Wording("en", "x" * 10_001)]}, "at most 10000"),
        ({"purpose": "acknowledge", "wordings": [Wording("en", "On it.")]}, "Write {due}"),
    ],
)
def test_a_template_that_cannot_be_meant_is_refused_with_what_is_wrong(change: dict[str, object], words: str) -> None:
    given = {"name": "T", "purpose": "answer", "wordings": [Wording("en", "a")], **change}
    with pytest.raises(DeskError, match=words):
        save_template(template=None, agent=None, **given)  # type: ignore[arg-type]
    assert not Template.objects.exists()


def test_a_name_is_taken_once_and_changing_keeps_the_rows_that_stay() -> None:
    first = make_template("T", "answer", en="a", de="b")
    with pytest.raises(DeskError, match="already"):
        make_template("T", "answer", en="c")
    rows = {variant.language: variant.pk for variant in first.variants.all()}
    save_template(template=first, name="T2", purpose="answer", wordings=[Wording("en", "new"), Wording("fr", "c")], agent=None)
    kept = {variant.language: variant for variant in first.variants.all()}
    assert set(kept) == {"en", "fr"}
    assert (kept["en"].pk, kept["en"].text) == (rows["en"], "new")


def test_languages_are_tried_from_the_closest_to_english(desk: Desk) -> None:
    conversation = desk.conversation()
    tried = {}
    for language in ("pt-br", "de", "en", ""):
        conversation.language = language
        tried[language] = languages_for(conversation)
    assert tried == {"pt-br": ["pt-br", "pt", "en"], "de": ["de", "en"], "en": ["en"], "": ["en"]}
