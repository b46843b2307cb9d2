"""What is read from what servers send: one case for each file, and whatever else may stand in their fields."""

from __future__ import annotations

import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.networks.base import MessageData, PostData, Unreadable
from socialdesk.networks.mastodon.entities import Us, read_status, without_names
from socialdesk.networks.mastodon.markup import plain
from socialdesk.networks.mastodon.server import Limits, read_domain, read_limits

FIXTURES = Path(__file__).resolve().parents[4] / "fixtures" / "networks" / "mastodon"
US = Us("110812233445566778", "tidewheel@harbour.example", "harbour.example")
KINDS = {PostData: "post", MessageData: "message", Unreadable: "unreadable"}
CASES = sorted(path.stem for path in FIXTURES.glob("*.json"))


def load(case: str) -> Any:
    return json.loads((FIXTURES / f"{case}.json").read_text())


@pytest.mark.parametrize("case", CASES)
def test_a_status_is_read_as_its_file_says(case: str) -> None:
    given = load(case)
    entry = read_status(given["payload"], US)
    read = given["read"]
    assert KINDS[type(entry)] == read.pop("kind")
    for name, expected in read.items():
        value = getattr(entry, name)
        if isinstance(value, datetime):
            assert value.isoformat() == expected
        elif name == "media":
            assert [[part.kind, part.url, part.alt, *filter(None, [part.preview])] for part in value] == expected
        elif name == "poll":
            assert list(value) == expected
        elif isinstance(expected, dict):
            assert {key: getattr(value, key) for key in expected} == expected
        else:
            assert value == expected, name


def test_there_are_files_of_every_kind() -> None:
    assert {load(case)["read"]["kind"] for case in CASES} == set(KINDS.values())
    assert len(CASES) > 30


TELLING = st.sampled_from(["direct", "2025-06-01T06:40:12Z", "<p>", "&#0;", "7"])
KEYS = st.text(max_size=8) | st.sampled_from(["id", "acct", "url"])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | TELLING,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = sorted(load("mention")["payload"])
INNER = sorted(load("mention")["payload"]["account"])


@given(st.dictionaries(st.sampled_from(FIELDS), ANYTHING, max_size=6), st.dictionaries(st.sampled_from(INNER), ANYTHING, max_size=4))
def test_anything_in_any_field_is_read_or_said_to_be_unreadable(changes: dict[str, Any], of_account: dict[str, Any]) -> None:
    payload = load("mention")["payload"]
    payload["account"] |= of_account
    entry = read_status(payload | changes, US)
    assert isinstance(entry, PostData | MessageData | Unreadable)
    if isinstance(entry, PostData):
        assert entry.posted_at.tzinfo is not None
        assert entry.author.external_id
        assert entry.author.username
        assert all(isinstance(getattr(entry, name), str) for name in ("text", "url", "in_reply_to", "repost_of", "language", "warning"))


@given(ANYTHING)
def test_anything_at_all_is_read_or_said_to_be_unreadable(payload: Any) -> None:
    assert isinstance(read_status(payload, US), PostData | MessageData | Unreadable)


@given(ANYTHING)
def test_any_description_of_a_server_gives_limits(instance: Any) -> None:
    assert read_limits(instance).characters > 0
    assert read_limits({"configuration": {"statuses": instance, "media_attachments": instance}}).pictures > 0
    assert read_domain(instance, "https://harbour.example")


@given(st.text())
def test_any_html_becomes_text(html: str) -> None:
    assert isinstance(plain(html), str)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("<p></p>", ""),
        ("one<br>two<br/><br/>three", "one\ntwo\n\nthree"),
        ("<p>one</p>\n<p>two</p><p></p><p>three</p>", "one\n\ntwo\n\nthree"),
        ("<blockquote><p>said</p></blockquote><p>answered</p>", "said\n\nanswered"),
        ("a &lt;b&gt; &amp;amp; &#128690;", "a <b> &amp; 🚲"),
        ("<p>un<b>closed", "unclosed"),
        ('<a href="https://x.example/ü">https://x.example/ü</a>', "https://x.example/ü"),
        ('<a href="https://x.example">x.example</a>.', "https://x.example."),
        ('<a href="https://bank.example">https://evil.example</a>', "https://evil.example (https://bank.example)"),
        ('<a href="https://x.example/@ana" class="mention">@ana</a>', "@ana@x.example"),
        ('<a href="https://x.example/@ana" class="mention">@ana@y.example</a>', "@ana@y.example"),
        ('<a href="/tags/a" class="mention hashtag">#a</a>', "#a"),
        ("<script>1</script><p>seen<style>p{}</style></p>", "seen"),
        ("before <![foo[ bar ]]> after", "before  after"),
        ("before <!-- <b>not</b> --> after", "before  after"),
        ("<script>if (a<b) { say('<b>') }</script>seen", "seen"),
        ("""<a href='https://x.example/?a=1&amp;b=">"' CLASS=x>x.example</a>""", 'https://x.example/?a=1&b=">"'),
        ("1 < 2, I <3 it, <a never closed", "1 < 2, I <3 it, <a never closed"),
    ],
)
def test_html_is_read_as_people_see_it(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize("again", ["<a ", "<!--", "<![", "<a x='", "<a =", "</", "<script>", "<p>", "<a x='>", "&"])
def test_html_that_is_never_closed_takes_no_time(again: str) -> None:
    began = time.process_time()
    plain(again * 50_000)
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("@ana@harbour.example hello", "hello"),
        ("@ana hello", "hello"),
        ("@ana @ben@pedals.example\nhello @ana", "hello @ana"),
        ("@anabel hello", "@anabel hello"),
        ("@ana@elsewhere.example hello", "@ana@elsewhere.example hello"),
        ("@ana", "@ana"),
        ("hello @ana", "hello @ana"),
        ("@ANA: hello", "@ANA: hello"),
        ("", ""),
    ],
)
def test_names_that_only_address_a_text_are_told_from_it(text: str, rest: str) -> None:
    assert without_names(text, {"ana@harbour.example", "ben@pedals.example"}, US) == rest


@pytest.mark.parametrize(
    ("instance", "limits", "domain"),
    [
        ({}, Limits(), "harbour.example"),
        ({"domain": "Pedals.example", "configuration": {"statuses": {"max_characters": 5000}}}, Limits(characters=5000), "pedals.example"),
        ({"uri": "https://pleroma.example", "max_toot_chars": 9000}, Limits(characters=9000), "pleroma.example"),
        ({"uri": "pleroma.example"}, Limits(), "pleroma.example"),
        (
            {"domain": "x y", "configuration": {"statuses": {"max_characters": -1, "max_media_attachments": True}}},
            Limits(),
            "harbour.example",
        ),
        (
            {"configuration": {"statuses": {"characters_reserved_per_url": 25}, "media_attachments": {"image_size_limit": 41943040}}},
            Limits(per_link=25, picture_bytes=41943040),
            "harbour.example",
        ),
        (
            {"configuration": {"media_attachments": {"supported_mime_types": ["image/png", "video/mp4"], "video_size_limit": 103_809_024}}},
            Limits(film_bytes=103_809_024),
            "harbour.example",
        ),
        (
            {"configuration": {"media_attachments": {"supported_mime_types": ["image/png"], "video_size_limit": 103_809_024}}},
            Limits(film_bytes=0),
            "harbour.example",
        ),
        (  # Pleroma: any kind of file
            {
                "configuration": {
                    "media_attachments": {"supported_mime_types": ["application/octet-stream"], "video_size_limit": 16_000_000}
                }
            },
            Limits(film_bytes=16_000_000),
            "harbour.example",
        ),
        (
            {"configuration": {"media_attachments": {"description_limit": 500}}},
            Limits(alt=500),
            "harbour.example",
        ),
        (
            {"configuration": {"media_attachments": {"supported_mime_types": [], "video_size_limit": "40 MB", "description_limit": 0}}},
            Limits(),
            "harbour.example",
        ),
    ],
)
def test_a_server_says_its_limits_and_its_name(instance: Any, limits: Limits, domain: str) -> None:
    assert read_limits(instance) == limits
    assert read_domain(instance, "https://harbour.example") == domain
