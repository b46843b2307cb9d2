"""What is read from each kind of feed, and what of nonsense."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socialdesk.lib.clock import now
from socialdesk.networks.base import AuthorData, MediaData, NetworkError, PostData, Unreadable
from socialdesk.networks.rss.parsing import feed_key, read_feed, text_of

FIXTURES = Path(__file__).parents[4] / "fixtures" / "networks" / "rss"
URL = "https://forum.example.com/latest.rss"
KEY = feed_key(URL)


def expected(**fields: Any) -> dict[str, Any]:
    return fields


# A file -> the feed's title, and what is expected of its entries: some fields of a post, or the reason why it is none.
READ: dict[str, tuple[str, list[Any]]] = {
    "rss2_forum.xml": (
        "Two Wheels Forum – latest",
        [
            expected(
                external_id=f"{KEY}:forum-18-1",
                text="Battery dead after two weeks 🚲\n\nMy Tidewheel's battery is dead & nobody answers.\n\nAny ideas?\nThanks",
                author=AuthorData(f"{KEY}:mara k.", "Mara K.", "Mara K."),
                posted_at=datetime(2026, 11, 28, 17, 20, tzinfo=UTC),
                url="https://forum.example.com/t/battery/18",
                language="en-GB",
                media=(MediaData("image", "https://forum.example.com/uploads/dead.jpg"),),
                edited_at=None,
            ),
            expected(
                text="No date, no id, no author\n\nBold & brave",
                author=AuthorData(f"{KEY}:two wheels forum – latest", "Two Wheels Forum – latest", "Two Wheels Forum – latest"),
                url="",
            ),
            "the entry has neither a title nor a text",
        ],
    ),
    "atom_blog.xml": (
        "Rad & Stadt",
        [
            expected(
                external_id=f"{KEY}:tag:blog.example.com,2026:42",
                text="Probefahrt mit dem Tidewheel\n\nLäuft leise.\n\nBremst gut.",
                author=AuthorData(f"{KEY}:jonas weber", "Jonas Weber", "Jonas Weber", url="https://blog.example.com/jonas"),
                posted_at=datetime(2026, 11, 27, 8, tzinfo=UTC),
                edited_at=datetime(2026, 11, 28, 10, tzinfo=UTC),
                url="https://blog.example.com/posts/42.html",
                language="de",
            )
        ],
    ),
    "json_feed.json": (
        "Riders' Journal",
        [
            expected(
                external_id=f"{KEY}:https://journal.example.com/7",
                text="Tidewheel's service\n\nThey answered within minutes.\nRecommended <3",
                author=AuthorData(f"{KEY}:ana sol", "Ana Sol", "Ana Sol", url="https://journal.example.com/ana"),
                posted_at=datetime(2026, 11, 20, 13, tzinfo=UTC),
                edited_at=datetime(2026, 11, 21, 13, tzinfo=UTC),
                media=(MediaData("image", "https://journal.example.com/7.png"),),
            ),
            expected(external_id=f"{KEY}:8", text="By nobody"),
            "the entry has neither a title nor a text",
            "the entry has neither a title nor a text",
        ],
    ),
    "latin1_no_dates.xml": ("Vélo", [expected(external_id=f"{KEY}:a", text="Café à vélo")]),
}


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.iterdir()))
def test_each_feed_is_read(name: str) -> None:
    title, entries = READ[name]
    feed = read_feed((FIXTURES / name).read_bytes(), url=URL)
    assert feed.title == title
    assert len(feed.entries) == len(entries)
    for entry, wanted in zip(feed.entries, entries, strict=True):
        if isinstance(wanted, str):
            assert isinstance(entry, Unreadable)
            assert entry.reason == wanted
        else:
            assert isinstance(entry, PostData)
            assert {name: getattr(entry, name) for name in wanted} == wanted
            assert entry.network == "rss"
            assert entry.posted_at <= now()


def rss(*items: str) -> bytes:
    return f"<rss version='2.0'><channel><title>T</title>{''.join(f'<item>{item}</item>' for item in items)}</channel></rss>".encode()


def only(*items: str) -> PostData:
    [entry] = read_feed(rss(*items), url=URL).entries
    assert isinstance(entry, PostData)
    return entry


def test_an_entry_without_a_date_or_from_the_future_is_as_old_as_it_is_known() -> None:
    for date in ("", "<pubDate>Fri, 01 Jan 2100 00:00:00 GMT</pubDate>", "<pubDate>0</pubDate>"):
        assert now() - only(f"<title>x</title>{date}").posted_at < timedelta(seconds=5)


def test_ids_are_short_and_those_of_two_feeds_differ() -> None:
    long = only(f"<title>x</title><guid>{'g' * 5000}</guid>")
    assert len(long.external_id) <= 200
    first, second = (read_feed(rss("<guid>1</guid><title>x</title>"), url=url).entries[0] for url in (URL, URL + "?page=2"))
    assert first.external_id != second.external_id


@pytest.mark.parametrize("link", ["javascript:alert(1)", "ftp://example.com/", "http://[", "data:text/html,x"])
def test_links_that_lead_nowhere_are_left_out(link: str) -> None:
    assert only(f"<title>x</title><guid isPermaLink='false'>1</guid><link>{link}</link>").url == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"<html><body>404</body></html>",
        b"{",
        b"{}",
        b'{"version": "https://jsonfeed.org/version/1", "items": 5}',
        b"[" * 100_000,
        b"{" * 100_000,
        b"\x00\xff\xfe",
        b"/etc/passwd",
        b"http://127.0.0.1:1/feed",
        b"file:///etc/passwd",
    ],
)
def test_what_is_no_feed_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(NetworkError, match="no feed"):
        read_feed(content, url=URL)


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
<rss version="2.0"><channel><title>&b;</title><item><title>&b;</title></item></channel></rss>"""
SECRET = b"""<?xml version="1.0"?><!DOCTYPE x [<!entity f SYSTEM "file:///etc/passwd">]>
<rss version="2.0"><channel><title>T</title><item><title>&f;</title></item></channel></rss>"""


@pytest.mark.parametrize("content", [BOMB, SECRET, BOMB.decode().encode("utf-16"), SECRET.decode().encode("utf-16-le")])
def test_entities_that_a_document_declares_are_neither_unfolded_nor_followed(content: bytes) -> None:
    with pytest.raises(NetworkError, match="entities"):
        read_feed(content, url=URL)


def test_a_feed_that_breaks_off_gives_what_came() -> None:
    whole = rss(*(f"<guid>{n}</guid><title>entry {n}</title>" for n in range(20)))
    assert len(read_feed(whole[: len(whole) // 2], url=URL).entries) >= 5


def test_plain_text_that_looks_like_html_is_kept_as_it_is() -> None:
    parts = "<id>tag:a</id><title type='text'>Use the &lt;b> tag</title><content type='text'>if a &lt; b &lt;c> &amp;amp; d</content>"
    feed = f"<feed xmlns='http://www.w3.org/2005/Atom'><title>T</title><entry>{parts}</entry></feed>"
    [post] = read_feed(feed.encode(), url=URL).entries
    assert isinstance(post, PostData)
    assert post.text == "Use the <b> tag\n\nif a < b <c> &amp; d"


def test_a_section_that_nobody_knows_is_left_out_and_costs_no_other_entry() -> None:
    assert text_of("before <![foo[ bar ]]> after") == "before after"
    items = [{"id": "1", "content_html": "<![x[y"}, {"id": "2", "content_html": "z"}]
    told = {"version": "https://jsonfeed.org/version/1.1", "items": items}
    entries = read_feed(json.dumps(told).encode(), url=URL).entries
    assert [entry.text for entry in entries if isinstance(entry, PostData)][-1] == "z"


@given(st.text(max_size=200) | st.lists(st.sampled_from(["<![", "<!", "[", "]]>", "<?", "</", "<!--", "-", ">", "a", " "])).map("".join))
def test_any_text_is_read_as_html(html: str) -> None:
    assert isinstance(text_of(html), str)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3), max_leaves=5
) | st.dictionaries(st.sampled_from(["name", "url"]), st.text(max_size=9))
NAMES = ["id", "url", "external_url", "title", "content_html", "content_text", "summary", "date_published", "date_modified", "author"]


@given(st.lists(st.dictionaries(st.sampled_from([*NAMES, "authors", "image", "language"]), anything, max_size=9) | anything, max_size=4))
def test_any_json_in_an_item_is_a_post_or_unreadable(items: list[Any]) -> None:
    told = {"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": items}
    entries = read_feed(json.dumps(told).encode(), url=URL, media_type="application/feed+json").entries
    assert len(entries) == len(items)
    for entry in entries:
        assert isinstance(entry, PostData | Unreadable)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_feed_or_none(content: bytes) -> None:
    for wrapped in (content, b"<rss version='2.0'><channel><item>" + content + b"</item></channel></rss>"):
        try:
            read_feed(wrapped, url=URL)
        except NetworkError:
            continue
