"""Which language a post is taken to be in."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from listening.sentiment import detect_language
from listening.sentiment.language import language_name, primary_subtag, resolve_language

from .strategies import any_text


def told(text: str, claimed: str) -> str:
    return resolve_language(text, text.split(), claimed)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I have been waiting for three hours", "en"),
        ("thx!!", "en"),
        ("ok", "en"),
        ("DM sent", "en"),
        ("worst service ever", "en"),
        ("I love 'em", "en"),
        ("@tidewheel customer service 👎", "en"),
        ("no tengo internet", "es"),
        ("Muchas gracias", "es"),
        ("Où est mon colis", "fr"),
        ("Ich bin sauer", "de"),
        ("Wo bleibt mein Fahrrad, es sollte gestern kommen", "de"),
        ("Grazie mille!", "it"),
        ("Não consigo falar com vocês", "pt"),
        ("これはひどい", "ja"),
        ("最悪", "ja"),
        ("서비스가 정말 별로예요", "ko"),
        ("الخدمة سيئة جدا", "ar"),
        ("Где мой велосипед, я жду уже три дня", "ru"),
        ("השירות גרוע", "he"),
        ("", ""),
        ("12:30", ""),
        ("😡😡", ""),
        ("@tidewheel https://tidewheel.example/the/and/you", ""),
    ],
)
def test_language_of_short_posts(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_links_handles_and_tags_say_nothing_about_the_language() -> None:
    assert detect_language("@TheBestService #waiting #forever danke für die schnelle Antwort https://the.example/with-you") == "de"


def test_tags_have_to_do_where_there_is_nothing_else() -> None:
    assert detect_language("#worst #fail") == "en"


def test_the_network_is_believed_where_the_words_leave_room() -> None:
    assert told("Pizza Taxi Hotel", "it") == "it"
    assert told("super", "de") == "de"
    assert told("super", "en") == "en"


@pytest.mark.parametrize(
    ("text", "claimed", "language"),
    [
        ("الخدمة سيئة جدا", "en", "ar"),
        ("これはひどい", "en", "ja"),
        ("thx!!", "ja", "en"),
        ("I have been waiting for three hours", "de", "en"),
        ("Ich warte seit drei Stunden auf eine Antwort von euch", "en", "de"),
        ("12345", "en", ""),
    ],
)
def test_the_network_is_not_believed_against_the_script_or_clear_words(text: str, claimed: str, language: str) -> None:
    assert told(text, claimed) == language


@pytest.mark.parametrize(
    ("tag", "subtag"),
    [("en-US", "en"), ("EN_gb", "en"), ("pt-BR", "pt"), ("iw", "he"), ("in", "id"), ("zh-Hant-TW", "zh"), ("fil", "fil")]
    + [(tag, "") for tag in ("und", "zxx", "qme", "", "english", "1", "\ud800", "e", "-en")],
)
def test_tags_of_networks_become_primary_subtags(tag: str, subtag: str) -> None:
    assert primary_subtag(tag) == subtag


def test_languages_have_names_for_sentences() -> None:
    assert [language_name(code) for code in ("ja", "he", "zh", "sr", "no", "id")] == [
        *("Japanese", "Hebrew", "Chinese", "Serbian", "Norwegian", "Indonesian")
    ]
    assert "qzz" in language_name("qzz")


@given(any_text)
@settings(max_examples=500, deadline=None)
def test_no_text_breaks_it(text: str) -> None:
    assert detect_language(text) == primary_subtag(detect_language(text))


def test_every_character_can_be_in_a_post() -> None:
    """The detector raises on some characters; each is tried, in blocks, among letters."""
    for start in range(0, 0x110000, 0x400):
        detect_language("Où est " + " x".join(map(chr, range(start, start + 0x400))))
