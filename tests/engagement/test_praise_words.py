"""What is said to authors, what is read in their answers, and that the practice network's people understand both."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from engagement.models import Compliment
from engagement.services import wordings
from engagement.services.readings import read_answer
from listening.models import Mention
from profiles.models import Handle
from socialdesk.lib.text import length
from socialdesk.networks.base import Capabilities
from socialdesk.networks.sandbox.authors import asks_permission, asks_to_follow

LANGUAGES = ["en", "de", "fr", "es", "ar"]
PURPOSES = list(Compliment.Purpose)


def mention(text: str = "Lovely!", *, name: str = "Mara K.", language: str = "en", url: str = "https://x.example/1") -> Mention:
    return Mention(text=text, language=language, url=url, author=Handle(username="mara_k", display_name=name))


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_question_names_the_author_fits_everywhere_and_is_understood(language: str, purpose: str) -> None:
    text = wordings.ask(mention(language=language), purpose)
    assert "Mara K." in text
    assert "{" not in text
    assert length(text, "weighted") <= 280
    assert asks_permission(text)
    assert not asks_to_follow(text)
    assert "{" not in wordings.thank(mention(language=language))
    assert not asks_permission(wordings.thank(mention(language=language)))


def test_the_two_questions_differ_in_each_language() -> None:
    said = {wordings.ask(mention(language=language), purpose) for language in LANGUAGES for purpose in PURPOSES}
    assert len(said) == len(LANGUAGES) * len(PURPOSES)


@pytest.mark.parametrize(("language", "spoken"), [("de-AT", "de"), ("EN", "en"), ("", "en"), ("tlh", "en"), ("ar-EG", "ar")])
def test_other_languages_are_answered_in_english(language: str, spoken: str) -> None:
    assert wordings.spoken(language) == spoken


@pytest.mark.parametrize(
    ("name", "called"),
    [
        ("Mara K.", "Mara K."),
        ("  Mara \n K. ", "Mara K."),
        ("أمل", "أمل"),
        ("", "@mara_k"),
        ("Mara @other", "@mara_k"),
        ("buy at https://spam.example", "@mara_k"),
        ("www.spam.example", "@mara_k"),
        ("#winning", "@mara_k"),
        ("12345", "@mara_k"),
        ("🚲🚲", "@mara_k"),
        ("x" * 41, "@mara_k"),
    ],
)
def test_a_name_that_is_more_than_a_name_is_not_said_in_public(name: str, called: str) -> None:
    assert wordings.name_of(Handle(username="mara_k", display_name=name)) == called


@given(st.text(max_size=600), st.integers(100, 500), st.sampled_from(["codepoints", "utf16", "graphemes", "weighted"]))
def test_a_quote_always_fits_and_always_gives_credit(text: str, limit: int, unit: Any) -> None:
    said = wordings.quote(mention(text), Capabilities(post=True, max_length=limit, length_unit=unit))
    assert length(said, unit) <= limit
    assert said.endswith("\nMara K. (@mara_k)\nhttps://x.example/1")
    assert said.startswith("“")


def test_a_quote_is_whole_where_there_is_room_and_says_where_it_is_cut() -> None:
    assert wordings.quote(mention("So  good\n\nreally"), Capabilities(post=True)).startswith("“So good really”\n")
    cut = wordings.quote(mention("word " * 100), Capabilities(post=True, max_length=120))
    assert "word…”" in cut


def test_answers_of_the_demos_people_are_read_as_they_are_meant() -> None:
    answers = json.loads((settings.DEMO_DIR / "answers.json").read_text())
    wrong = [
        (language, meant, text, read_answer(text, language=language))
        for language, moods in answers.items()
        for phrases in moods.values()
        for meant in ("yes", "no", "unclear")
        for text in phrases[f"permission_{meant}"]
        if read_answer(text, language=language) != meant
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("language", "text", "meant"),
    [
        ("en", "Yes please", "yes"),
        ("en", "no problem!", "yes"),
        ("en", "Sure, why not", "yes"),
        ("en", "No", "no"),
        ("en", "I'd rather you didn't", "no"),
        ("en", "Please don’t", "no"),
        ("en", "yes but not my name", "unclear"),
        ("en", "Yes, if you leave my name out", "unclear"),
        ("en", "Yes?", "unclear"),
        ("en", "yes and no", "unclear"),
        ("en", "not sure", "unclear"),
        ("en", "yesterday", "unclear"),
        ("en", "", "unclear"),
        ("de", "JA, gerne!!", "yes"),
        ("de", "Ja, aber ohne Namen", "unclear"),
        ("de", "Nö", "no"),
        ("de", "yes of course", "yes"),
        ("fr", "Mais oui !", "yes"),
        ("fr", "Oui mais sans mon nom", "unclear"),
        ("fr", "surtout pas", "no"),
        ("es", "Si, claro", "yes"),
        ("es", "mejor no", "no"),
        ("ar", "نَعَم", "yes"),
        ("ar", "لا مانع", "yes"),
        ("ar", "لا", "no"),
        ("ar", "نعم بس بدون اسمي", "unclear"),
        ("pt-BR", "ok", "yes"),
    ],
)
def test_an_answer_is_read_with_care(language: str, text: str, meant: str) -> None:
    assert read_answer(text, language=language) == meant


@given(st.text(max_size=300), st.sampled_from([*LANGUAGES, "", "ja"]))
def test_any_text_is_read_as_something(text: str, language: str) -> None:
    assert read_answer(text, language=language) in ("yes", "no", "unclear")


def test_no_saved_reply_is_taken_for_the_question() -> None:
    templates = json.loads((settings.DEMO_DIR / "templates.json").read_text())
    assert [text["text"] for template in templates for text in template["texts"] if asks_permission(text["text"])] == []
