"""Length as X counts it: what is a link there and what is none, other scripts, emoji. The figures are those of its own twitter-text 3.1."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.lib.weighted import as_module, weighted_length


@pytest.mark.parametrize(
    "text",
    [
        "example.com",
        "EXAMPLE.COM",
        "https://example.com",
        "http://example.com/a/very/long/path/that/goes/on?and=on#and-on",
        "shop.example.com/help",
        "foo.jp",
        "www.foo.co.uk",
        "report.zip",
        "example.com:8080/a",
        "müller.de",
        "https://müller.de/ä",
        "https://en.wikipedia.org/wiki/Tide_(x)",
        "http://日本語.jp/x",
    ],
)
def test_a_link_counts_the_same_however_long_it_is(text: str) -> None:
    assert weighted_length(text) == 23
    assert weighted_length(f"see ({text}), please") == 23 + 14


@pytest.mark.parametrize(
    "text",
    [
        "v2.1.4",
        "e.g.",
        "U.S.A.",
        "http://foo",
        "https://",
        "care@example.com",
        "care.team@example.com",
        "@example.com",
        "#example.com",
        "$TWH.CA",
        "-example.com",
        "a-.com",
        "foo_bar.com",
        "test.tar.bz2",
        "...",
    ],
)
def test_what_looks_like_one_counts_its_letters(text: str) -> None:
    assert weighted_length(text) == len(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("example.com.", 24),
        ("end.In the", 27),
        ("x.com.foo bar", 27),
        ("example.com?x=1", 27),
        ("example.com:8080", 28),
        ("https://example.com?x=1", 23),
        ("https://example.com#frag", 28),
        ("見てexample.comです", 31),
        ("https://example.comこれは", 29),
        ("twitter.com\nexample.com/path", 47),
        ("こんにちは", 10),
        ("👩‍👩‍👧‍👦 🇩🇪 👍🏽", 8),
        ("e\u0301", 1),
        ("", 0),
    ],
)
def test_what_stands_around_a_link_counts_by_itself(text: str, size: int) -> None:
    assert weighted_length(text) == size


@given(st.text(st.sampled_from("ab.:/?@_-(é日 \n"), max_size=60))
def test_any_text_is_counted(text: str) -> None:
    assert 0 <= weighted_length(text) <= 23 * max(1, len(text))


def test_a_text_that_was_made_to_take_long_does_not() -> None:
    for text in ("a." * 5000, "https://a.com/" + "(" * 5000, "https://a.com/" + "a(b)" * 2000 + ".", "a-" * 5000 + ".com", "://" * 3000):
        weighted_length(text)  # the time limit of a test is what it must keep to


def test_the_browser_knows_the_same_top_level_domains() -> None:
    module = Path(settings.BASE_DIR) / "socialdesk/static/socialdesk/js/tlds.js"
    assert module.read_text(encoding="utf-8") == as_module(), "run `make tlds`"
