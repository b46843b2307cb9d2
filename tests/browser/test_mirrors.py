"""What the browser computes itself equals what the server computes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.conf import settings

from listening.templatetags import desk as words
from profiles.models import Agent
from socialdesk.lib.clock import now
from socialdesk.lib.text import length
from tests.browser.conftest import Windows

TEXTS = [
    "",
    "plain words, nothing else",
    "naïve café, e\u0301 in two parts",
    "你好，世界。こんにちは",
    "한국어 문장",
    "مرحبا بالعالم",
    "नमस्ते दुनिया",
    "🙂 👍🏽 👩‍👩‍👧‍👦 🏳️‍🌈 🇩🇪🇫🇷 1️⃣ ❤️",
    "see https://example.org/a/very/long/path?with=query#and-fragment please",
    "http://a.b and https://c.d/é，next",
    "look (https://desk.example/s/abc), then at https://b.example/x?y=1. “https://c.example”! https://d.example/…",
    "ask at foo.jp, shop.example.com/help_(new)?x=/1. or care.team@example.com; v2.1.4 e.g. report.zip",
    "見てexample.comです http://日本語.jp/x https://example.comこれは müller.de/ä -no.com @no.com #no.com foo_bar.com x.com.foo",
    "example.com:8080 example.com?x=/1 https://example.com?x=1 EXAMPLE.COM’s a-.com end.In the",
    "“curly” – dashes — and… dots",
    "line\nbreaks\r\nand\ttabs",
    "\u200d\u200b zero width",
    "𝒜𝓁𝑔 mathematical 𐍈",
    "a" * 600,
]


@pytest.mark.parametrize("unit", ["codepoints", "utf16", "graphemes", "weighted"])
def test_the_composer_counts_length_as_the_server_does(windows: Windows, sam: Agent, unit: str) -> None:
    posts = (settings.DEMO_DIR / "posts.jsonl").read_text().splitlines()
    texts = [*TEXTS, *(json.loads(line)["text"] for line in posts)]
    page = windows.open(sam)
    counted = page.evaluate(
        "async ([texts, unit]) => { const { length } = await import('desk/length'); return texts.map((text) => length(text, unit)); }",
        [texts, unit],
    )
    assert [(text, size) for text, size in zip(texts, counted, strict=True)] == [(text, length(text, unit)) for text in texts]


def test_clocks_and_times_say_the_same_words_as_the_server(windows: Windows, sam: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = now()
    monkeypatch.setattr(words, "now", lambda: moment)
    seconds = [0, 1, 59, 60, 61, 119, 3599, 3600, 7199, 36_000, 86_400, 172_799, 172_800, 500_000]
    page = windows.open(sam)
    clocks = page.evaluate(
        "async (all) => { const { clockWords } = await import('desk/page'); return all.map(clockWords); }",
        [*seconds, *(-one for one in seconds if one)],
    )
    ages = page.evaluate("async (all) => { const { agoWords } = await import('desk/page'); return all.map(agoWords); }", seconds)
    spans = [timedelta(seconds=one) for one in [*seconds, *(-one for one in seconds if one)]]
    assert clocks == [words.clock_words(moment + span) for span in spans]
    assert ages == [words.ago(moment - timedelta(seconds=one)) for one in seconds]
