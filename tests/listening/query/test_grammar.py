"""How queries are read: precedence, what is refused, where and in which words."""

from __future__ import annotations

import time

import pytest

from listening.query import HELP, Doc, QueryError, parse


@pytest.mark.parametrize(
    ("query", "tree"),
    [
        ("a b", "a b"),
        ("a AND b", "a b"),
        ("a b OR c", "(a b) OR c"),
        ("a OR b c", "a OR (b c)"),
        ("a AND b OR c AND d", "(a b) OR (c d)"),
        ("(a OR b) c", "(a OR b) c"),
        ("a -b OR c", "(a NOT b) OR c"),
        ("a NOT b c", "a NOT b c"),
        ("a NOT (b OR c)", "a NOT (b OR c)"),
        ("a -(b c)", "a NOT (b c)"),
        ('a -"b c"', 'a NOT "b c"'),
        ("a -#b -@c -from:d", "a NOT #b NOT @c NOT from:d"),
        ("NOT NOT a", "a"),
        ("NOT -a", "a"),
        ("a(b)c", "a b c"),
        ('a"b c"d', 'a "b c" d'),
        ("a\u3000b\nc\td\u00a0e", "a b c d e"),
        ("a –b −c", "a NOT b NOT c"),
        ("“a b” OR „c d“ OR «e f»", '"a b" OR "c d" OR "e f"'),
        ("（a OR b）c －d", "(a OR b) c NOT d"),
        ("\u200f#a \u200e-b", "#a NOT b"),
        ("and or not", "and or not"),
        ("And Or Not", "And Or Not"),
        ("ORANGE ANDROID NOTE", "ORANGE ANDROID NOTE"),
        ('"OR" "AND" "NOT"', '"OR" "AND" "NOT"'),
        ("NOT(a) b", "NOT a b"),
        ("from:@Name FROM:Name", "from:name from:name"),
        ("lang:PT_br", "lang:pt-br"),
        ("min_followers:0100", "min_followers:100"),
        ("http://tidewheel.example/a?b=c", "http://tidewheel.example/a?b=c"),
        ("10:30", "10:30"),
        ("lang：de", "lang:de"),
    ],
)
def test_query_is_read_as(query: str, tree: str) -> None:
    assert str(parse(query)) == tree


@pytest.mark.parametrize(
    ("query", "column", "words"),
    [
        ("", 1, "empty"),
        (" \n ", 1, "empty"),
        ("a OR", 3, "OR needs a word after it"),
        ("a AND", 3, "AND needs a word after it"),
        ("a NOT", 3, "NOT needs a word after it"),
        ("OR a", 1, "OR needs a word before it"),
        ("b (AND a)", 4, "AND needs a word before it"),
        ("a OR OR b", 6, "OR and OR stand next to each other"),
        ("a OR AND b", 6, "OR and AND stand next to each other"),
        ("a (b OR)", 6, "OR needs a word after it"),
        ("a (-)", 4, "- needs a word after it"),
        ("a --b", 4, "- and - stand next to each other"),
        ("a - b", 3, "directly before it, as in -word"),
        ("a && b", 3, "AND"),
        ("a || b", 3, "write OR"),
        ("a () b", 3, "empty"),
        ("(a OR b", 1, 'Write ")"'),
        ("(a OR (b)", 1, 'Write ")"'),
        ("a)", 2, "closes nothing"),
        ("love it :)", 10, "quotes"),
        ('a "b c', 3, "not closed"),
        ("a “b c", 3, "not closed"),
        ('a ""', 3, "empty"),
        ("*", 1, "as in tidewheel*"),
        ("a *b", 3, "as in tidewheel*"),
        ("a b*c", 4, "as in tidewheel*"),
        ("a b**c", 4, "as in tidewheel*"),
        ("C++*", 4, "as in tidewheel*"),
        ("a !!!", 3, "no letter, digit or emoji"),
        ("a #", 3, "no letter, digit or emoji"),
        ("a foo:bar", 3, 'no field "foo:"'),
        ("a form:bar", 3, "Did you mean from:?"),
        ("a from: b", 8, "directly after from:"),
        ('a from:"b"', 8, "directly after from:"),
        ("from:(a OR b)", 6, "directly after from:"),
        ("from:a*", 6, "one user name"),
        ("a has:nonsense", 7, "link or media"),
        ("a lang:english", 8, "two or three letters"),
        ("a network:?", 11, "short name"),
        ("a min_followers:abc", 17, "whole number"),
        ("a min_followers:1.5", 17, "whole number"),
        ("a min_followers:" + "9" * 5_000, 17, "whole number"),
        ("-a", 1, "only says what to leave out"),
        ("-a -b", 1, "only says what to leave out"),
        (" -a OR -b", 2, "only says what to leave out"),
        ("NOT (a OR b)", 1, "only says what to leave out"),
        ("NOT (a (b OR NOT NOT c)) -f", 1, "only says what to leave out"),
        ("-from:a -has:link", 1, "only says what to leave out"),
    ],
)
def test_refused_query_names_column_and_mending(query: str, column: int, words: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query)
    assert caught.value.column == column
    assert words in caught.value.message
    assert str(column) in str(caught.value)


@pytest.mark.parametrize("query", ["a OR -b", "-(-a)", "-(a -b)", "from:a", "lang:de -has:link", "NOT (NOT a OR b)"])
def test_query_with_something_positive_is_accepted(query: str) -> None:
    parse(query)


def test_forty_parentheses_are_read_and_a_thousand_are_refused() -> None:
    assert parse("(" * 40 + "a" + ")" * 40).matches(Doc("a"))
    for query in ("(" * 1_000 + "a" + ")" * 1_000, "-(" * 1_000 + "a" + ")" * 1_000, "(a OR " * 1_000 + "b" + ")" * 1_000):
        with pytest.raises(QueryError, match="within each other"):
            parse(query)
    assert parse("NOT " * 4_000 + "a").matches(Doc("a"))


@pytest.mark.parametrize("joint", [" ", " OR ", " -", ' "x y" OR '])
def test_ten_kilobytes_of_query_are_read_in_under_a_second(joint: str) -> None:
    words = [f"word{n}" for n in range(10_000 // (len(joint) + 7))]
    started = time.process_time()
    query = parse(joint.join(words))
    assert time.process_time() - started < 1
    assert query.matches(Doc(f"x y {joint.join(words).replace(' -', ' not')}"))


def test_query_beyond_the_limit_is_refused() -> None:
    with pytest.raises(QueryError, match="Split it into several topics"):
        parse("tidewheel OR " * 2_000 + "bike")


def test_every_example_of_the_help_is_a_query() -> None:
    for example, meaning in HELP:
        parse(example)
        assert meaning.endswith(".")
