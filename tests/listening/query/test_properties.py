"""What holds for any query and any text, tried on made-up ones."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from listening.query import Doc, Query, QueryError, TopicMatcher, find_spans, fold_text, parse
from listening.query.folding import fold_with_places
from listening.query.terms import Words
from socialdesk.lib.text import fold

WORDS = ["a", "b", "cc", "don't", "n", "t", "I'm", "e-mail", "mail", "C++", "c", "x_y", "x"]
WORDS += ["東京", "京", "iPhone手机", "é", "ß", "ss", "😍", "🇺🇸"]
LEAVES = [*WORDS, "#a", "@b", "#東京", "#x_y", "a*", "mai*", "#a*", '"a b"', '"cc a*"', '"a #b"', '"a 😍"', '"..."']
FIELDS = ["from:a", "lang:en", "has:link"]
GAPS = [" ", "  ", "\n", ", ", "-", "'", ".", "#", " #", " @", "@", "_", "&", "/", "", "! ", "...", " https://", "😍", "\u0301", "\ufe0f"]

texts = st.lists(st.sampled_from(WORDS + GAPS + ["A", "B", "E\u0301", "mailing", "STRASSE"]), max_size=14).map("".join)
docs = st.builds(Doc, texts, author=st.sampled_from(["", "a", "b@c"]), language=st.sampled_from(["", "en", "en-GB", "de"]))


def combined(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(" ".join),
            st.tuples(inner, inner).map(" AND ".join),
            st.tuples(inner, inner).map(" OR ".join),
            inner.map("NOT ({})".format),
            inner.map("-({})".format),
            inner.map("({})".format),
        ),
        max_leaves=8,
    )


queries = combined(st.sampled_from(LEAVES + FIELDS))


def read(query: str) -> Query | None:
    try:
        return parse(query)
    except QueryError as error:
        if "only says what to leave out" not in error.message:
            raise
        return None


@given(st.one_of(st.text(), st.text(alphabet='ab"“”()-*:#@ \nANDORT&.\u2212'), queries, st.text(st.characters(exclude_categories=[]))))
@example("\x00")
@example('-"')
@example("a\ud800*")
def test_any_text_is_a_query_or_a_query_error(text: str) -> None:
    refused: QueryError | None = None
    try:
        query = parse(text)
    except QueryError as error:
        refused = error
    if refused:
        assert 1 <= refused.column <= len(text) + 1
        assert refused.message
    else:
        query.matches(Doc(text))
        find_spans(query, text)


@settings(max_examples=300)
@given(st.lists(queries, max_size=12), st.lists(docs, max_size=6))
def test_matcher_answers_as_each_query_does(sources: list[str], posts: list[Doc]) -> None:
    topics = {n: query for n, query in enumerate(map(read, sources)) if query}
    matcher = TopicMatcher(topics)
    for doc in posts:
        assert matcher.match(doc) == [n for n, query in topics.items() if query.matches(doc)]


@settings(max_examples=300)
@given(queries, st.lists(docs, min_size=1, max_size=6))
def test_printed_query_means_the_same(source: str, posts: list[Doc]) -> None:
    query = read(source)
    if query:
        again = parse(str(query))
        assert str(again) == str(query)
        assert [query.matches(doc) for doc in posts] == [again.matches(doc) for doc in posts]


# Words, AND, OR and NOT once more, by the shortest way there is: the query handed to Python itself.
@settings(max_examples=300)
@given(combined(st.sampled_from(["a", "b", "c", "d"])), st.lists(st.sampled_from("abcde"), max_size=5))
def test_operators_agree_with_python(source: str, held: list[str]) -> None:
    query = read(source)
    if query:
        spelled = re.sub(r"(?<=[a-d)]) (?=[a-d(]|NOT|-)", " and ", source).replace("-(", " not (")
        spelled = spelled.replace("AND", "and").replace("OR", "or").replace("NOT", "not")
        names: dict[str, Any] = {letter: letter in held for letter in "abcd"}
        assert query.matches(Doc(" ".join(held))) is bool(eval(spelled, {}, names))


@settings(max_examples=500)
@given(st.sampled_from(LEAVES), texts)
def test_term_is_marked_exactly_where_it_matches(leaf: str, text: str) -> None:
    query = parse(leaf)
    spans = find_spans(query, text)
    assert query.matches(Doc(text)) is bool(spans)
    (term,) = query.highlight_terms
    for start, end in spans:
        folded = fold_text(text[start:end])
        if isinstance(term, Words):
            assert all(piece.text in folded for piece in term.pieces)
        else:
            assert fold_text(leaf.strip('*"')) in folded
    assert spans == sorted(spans)
    assert all(left[1] < right[0] for left, right in pairwise(spans))


@settings(max_examples=300)
@given(st.sampled_from(LEAVES), texts, st.sampled_from(["NFC", "NFD"]), st.sampled_from([str.upper, str.lower, str.swapcase]))
def test_case_and_way_of_writing_accents_make_no_difference(leaf: str, text: str, form: Any, recase: Any) -> None:
    query = parse(leaf)
    expected = query.matches(Doc(text))
    assert query.matches(Doc(unicodedata.normalize(form, text))) is expected
    assert query.matches(Doc(recase(text))) is expected


@given(st.one_of(st.text(), texts, st.text(alphabet="e\u0301ßİ\ufe0f\u200dカ\u3099ｶﾞ각\u1100\u1161\u11a8한 ")))
def test_every_folded_character_knows_its_place(text: str) -> None:
    folded, places = fold_with_places(text)
    assert folded == fold_text(text)
    assert len(places) == len(folded)
    assert all(0 <= start < end <= len(text) for start, end in places)
    assert places == sorted(places)


@given(st.text(st.characters(max_codepoint=0x24F)))
def test_latin_text_folds_as_everywhere_else(text: str) -> None:
    plain = re.sub("[´©®\u00ad]", "", text)
    assert fold_text(plain) == fold(plain)
