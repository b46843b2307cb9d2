"""Which stretches of a text are marked for a query."""

from __future__ import annotations

import pytest

from listening.query import find_spans, parse


@pytest.mark.parametrize(
    ("query", "text", "marked"),
    [
        ("tidewheel -jobs", "My Tidewheel, no jobs", ["Tidewheel"]),
        ("tidewheel OR #tidewheel", "see #TideWheel!", ["#TideWheel"]),
        ("tidewheel", "see #TideWheel!", ["TideWheel"]),
        ("@tide*", "hi @tidewheel.", ["@tidewheel"]),
        ("refund*", "Refunds are refunded", ["Refunds", "refunded"]),
        ('"flat tyre"', "a flat,\ntyre", ["flat,\ntyre"]),
        ("flat OR tyre", "flat tyre", ["flat", "tyre"]),
        ("a OR b lang:en from:c", "c a", ["a"]),
        ("strasse", "Die Straße!", ["Straße"]),
        ("ss", "ß ss", ["ß", "ss"]),
        ("cafe", "Un cafe\u0301.", ["cafe\u0301"]),
        ("istanbul", "İSTANBUL'da", ["İSTANBUL"]),
        ("❤", "I ❤️!", ["❤️"]),
        ("C++", "In C++, ok", ["C++"]),
        ("東京", "私は東京大学", ["東京"]),
        ("会社", "㍿です", ["㍿"]),
        ("バス", "ハ\u3099スで", ["ハ\u3099ス"]),
        ("x -(y -z)", "x y z", ["x", "z"]),
        ('":)"', "ok :) :)", [":)", ":)"]),
        ('"a b" OR "b c"', "a b c", ["a b c"]),
        ("absent", "nothing", []),
        ("été", "L’été à l’e\u0301te\u0301", ["été", "e\u0301te\u0301"]),
        ("fi", "ﬁ fi", ["ﬁ", "fi"]),
    ],
)
def test_stretches_are_marked_in_the_original_text(query: str, text: str, marked: list[str]) -> None:
    assert [text[start:end] for start, end in find_spans(parse(query), text)] == marked


def test_several_queries_mark_one_text() -> None:
    text = "Tidewheel One battery"
    assert find_spans([parse("battery"), parse('"tidewheel one"'), parse("tidewheel")], text) == [(0, 13), (14, 21)]
    assert find_spans([], text) == []
