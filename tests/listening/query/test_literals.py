"""The words that a network is asked for on behalf of a topic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.query import Doc, literal_words, parse
from tests.listening.query.test_properties import combined, docs, read


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("battery", {"battery"}),
        ("Café OR #Tidewheel OR @tidewheel", {"Café", "#Tidewheel", "@tidewheel"}),
        ('"flat tyre" bike', {"flat tyre"}),
        ("tidewheel (late OR delayed)", {"tidewheel"}),
        ("a (insurance OR guarantee)", {"insurance", "guarantee"}),
        ("battery NOT toy", {"battery"}),
        ("NOT (a OR NOT battery)", {"battery"}),
        ("battery lang:de", {"battery"}),
        ("deliver* tidewheel", {"tidewheel"}),
        ('"late deliver*"', {"late"}),
        ("自行车", {"自行车"}),
        ("🚲", {"🚲"}),
        ("deliver*", {"deliver"}),
        ("battery OR deliver*", {"battery", "deliver"}),
        ("del* OR battery", None),
        ("battery OR lang:de", None),
        ("lang:de NOT battery", None),
        ("from:mara", None),
        ('":-)"', None),
    ],
)
def test_a_query_gives_words_of_which_each_match_holds_one(query: str, words: set[str] | None) -> None:
    assert literal_words(parse(query)) == words


@given(
    combined(st.sampled_from(["a", "b", "cc", "C++", "#a", "@b", "mai*", '"a b"', '"cc a*"', "e-mail", "東京", "lang:en", '"..."'])), docs
)
def test_no_match_is_without_all_of_them(source: str, post: Doc) -> None:
    query = read(source)
    words = literal_words(query) if query else None
    if query is None or words is None or not query.matches(post):
        return
    assert any(parse(f'"{word}"').matches(post) or (word.isalnum() and parse(f"{word}*").matches(post)) for word in words)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("tidewheel OR network:web", {"tidewheel"}),
        ("network:web late", set()),
        ("network:web", set()),
        ("network:x late", {"late"}),
        ("network:x", None),
        ("late NOT network:web", {"late"}),
        ("(tidewheel* OR network:web) (app OR lang:de)", {"tidewheel"}),
    ],
)
def test_what_is_never_asked_for_needs_no_words(query: str, words: set[str] | None) -> None:
    assert literal_words(parse(query), elsewhere={"web", "rss"}) == words
