"""HTML of others: its texts and tags, in a time that grows as it does."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.lib.html import Tag, pieces


def test_texts_and_tags_come_in_their_order() -> None:
    found = [piece for piece in pieces('A &amp; b<br><A HREF="x?a=1&amp;b=2" class=c>c</a><!-- <p> --><![x[ y ]> d < e') if piece]
    assert [piece if isinstance(piece, str) else (piece.name, piece.is_end) for piece in found] == [
        "A & b",
        ("br", False),
        ("a", False),
        "c",
        ("a", True),
        " d < e",
    ]
    link = found[2]
    assert isinstance(link, Tag)
    assert link.attributes == {"href": "x?a=1&b=2", "class": "c"}


def test_what_stands_in_a_script_is_no_tag() -> None:
    found = [piece for piece in pieces("<script>if (a <b> c) '<p>'</script><p>") if isinstance(piece, Tag)]
    assert [(piece.name, piece.is_end) for piece in found] == [("script", False), ("script", True), ("p", False)]


@given(st.text(alphabet="<>!-[]/a b='\"&;script", max_size=80))
def test_anything_is_texts_and_tags(html: str) -> None:
    for piece in pieces(html):
        assert isinstance(piece, str) or piece.name.isalnum()


@pytest.mark.parametrize("again", ["<a ", "<!--", "<![", "<![x[", "<a x='", "<a =", "</", "<script>", "<a x='>", "&"])
def test_twice_as_much_that_is_never_closed_takes_about_twice_as_long(again: str) -> None:
    def seconds(times: int) -> float:
        began = time.process_time()
        list(pieces(again * times))
        return time.process_time() - began

    short, long = min(seconds(10_000) for _ in range(3)), min(seconds(40_000) for _ in range(3))
    assert long < 10 * short + 0.1  # not the sixteenfold of a search that begins anew at each
