"""Many topics at once: the same answers as one by one, in order, from posts prepared once."""

from __future__ import annotations

import pytest

from listening.query import Doc, Prepared, QueryError, TopicMatcher, parse, prepare
from listening.query.terms import Test


def test_ids_come_in_order_and_queries_may_be_read_before() -> None:
    matcher = TopicMatcher({9: "bike", 2: parse("tide*"), 5: "lang:en bike", 7: "absent", 1: "x OR -bike"})
    assert matcher.match(Doc("Tidewheel bike", language="en")) == [2, 5, 9]
    assert matcher.match(Doc("Tidewheel bike")) == [2, 9]
    assert matcher.match(Doc("nothing")) == [1]


def test_prepared_post_is_accepted_in_place_of_the_post() -> None:
    prepared = prepare(Doc("Größe"))
    assert prepared.folded == "grosse"
    assert TopicMatcher({1: "größe"}).match(prepared) == [1]
    assert parse("grösse").matches(prepared)


def test_no_topics_match_nothing() -> None:
    assert TopicMatcher({}).match(Doc("tidewheel")) == []


def test_unreadable_query_is_reported() -> None:
    with pytest.raises(QueryError, match="Column 3"):
        TopicMatcher({1: "ok", 2: "a OR"})


def test_beginning_of_a_word_seen_before_is_still_found() -> None:
    matcher = TopicMatcher({1: "refund*", 2: "re*"})
    texts = ["reference", "refunded", "bike", "refunded", "reference", "bike"]
    assert [matcher.match(Doc(text)) for text in texts * 2] == [[2], [1, 2], [], [1, 2], [2], []] * 2


def test_only_topics_with_a_word_in_the_text_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    queries = {n: parse(f'brand{n} (battery OR "flat tyre") -jobs OR product{n}x*') for n in range(200)}
    asked: list[int] = []

    def watched(topic_id: int, test: Test) -> Test:
        def ask(prepared: Prepared) -> bool:
            asked.append(topic_id)
            return test(prepared)

        return ask

    for n, query in queries.items():
        monkeypatch.setattr(query, "test", watched(n, query.test))
    matcher = TopicMatcher(queries)
    assert matcher.match(Doc("the battery of my brand17, brand3, a flat tyre and product150xl", language="en")) == [3, 17, 150]
    assert asked == [3, 17, 150]
