"""Feeds over HTTP: what is new is read once, nothing private is asked, and a server's misbehaviour has an end."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest

from listening.models import IntakeBatch, Mention, Source
from listening.services.connecting import NotConnected, connect_account, sign_in
from socialdesk.networks.base import AccountConfig, NetworkError
from socialdesk.networks.rss import client
from socialdesk.networks.rss.reader import FeedReader
from socialdesk.polling import read_source
from tests.factories import make_agent
from tests.socialdesk.networks.harnesses import read_all
from tests.socialdesk.networks.rss.feeds import FeedServer, serving
from tests.socialdesk.networks.rss.test_parsing import FIXTURES, rss


@pytest.fixture
def feeds(settings: Any) -> Iterator[FeedServer]:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1"]
    with serving() as server:
        yield server


def reader(feeds: FeedServer) -> FeedReader:
    return FeedReader(AccountConfig("rss", "T", credentials={"url": feeds.url}))


def item(number: int, text: str = "") -> str:
    date = f"<pubDate>Sat, 28 Nov 2026 10:{number:02}:00 GMT</pubDate>"
    return f"<guid isPermaLink='false'>{number}</guid><title>{text or f'entry {number}'}</title>{date}"


def ids(batch: Any) -> list[str]:
    return [post.external_id.partition(":")[2] for post in batch.posts]


def test_what_is_new_is_read_once_and_an_unchanged_feed_costs_nothing(feeds: FeedServer) -> None:
    feeds.content = rss(item(2), item(1))
    first = reader(feeds).fetch("")
    assert ids(first) == ["1", "2"]
    second = reader(feeds).fetch(first.cursor)
    assert (second.posts, second.cursor, feeds.given) == ((), first.cursor, [200, 304])
    feeds.content = rss(item(3), item(2), item(1))
    third = reader(feeds).fetch(first.cursor)
    assert ids(third) == ["3"]


def test_a_changed_entry_comes_again_as_an_edit(feeds: FeedServer) -> None:
    feeds.content = rss(item(1))
    cursor = reader(feeds).fetch("").cursor
    feeds.content = rss(item(1, "mended"))
    [post] = reader(feeds).fetch(cursor).posts
    assert (post.text, post.edited_at is not None) == ("mended", True)


def test_pages_of_a_long_feed_come_oldest_first_and_none_is_lost(feeds: FeedServer) -> None:
    feeds.content = rss(*(item(number) for number in range(25, 0, -1)))
    assert ids(read_all(reader(feeds), limit=7)) == [str(number) for number in range(1, 26)]
    cursor = read_all(reader(feeds), limit=7).cursor
    assert reader(feeds).fetch(cursor).posts == ()


def test_an_entry_that_stands_twice_is_read_once(feeds: FeedServer) -> None:
    feeds.content = rss(item(1), item(1, "older"), item(2))
    assert ids(reader(feeds).fetch("")) == ["1", "2"]


def test_a_cursor_of_another_make_is_an_error(feeds: FeedServer) -> None:
    for cursor in ("certainly none", "[]", '{"held": 5}', "[" * 100_000):
        with pytest.raises(NetworkError):
            reader(feeds).fetch(cursor)


@pytest.mark.parametrize(
    ("answer", "words", "permanent"),
    [
        ((302, {"Location": "http://169.254.169.254/latest/"}, b""), "has moved to 169.254.169.254", True),
        ((301, {"Location": "http://["}, b""), "The feed has moved. Connect", True),
        ((404, {}, b""), "HTTP 404", True),
        ((401, {}, b""), "Only public feeds", True),
        ((500, {}, b""), "HTTP 500", False),
        ((429, {"Retry-After": "120"}, b""), "HTTP 429", False),
        ((200, {"Content-Encoding": "gzip"}, gzip.compress(b"x" * 20_000_000)), "longer than 5 MB", False),
        ((200, {}, b"x" * 6_000_000), "longer than 5 MB", False),
        ((200, {"Content-Encoding": "gzip"}, b"no gzip"), "cannot be reached", False),
        ((200, {}, b"hello"), "no feed", True),
    ],
)
def test_a_server_that_misbehaves_is_an_error_in_words(feeds: FeedServer, answer: Any, words: str, permanent: bool) -> None:
    feeds.answers = [answer]
    with pytest.raises(NetworkError, match=words) as raised:
        reader(feeds).fetch("")
    assert raised.value.permanent == permanent
    assert not raised.value.account_revoked
    assert "latest.rss" not in str(raised.value)
    assert len(feeds.asked) == 1
    if words == "HTTP 429":
        assert (raised.value.retry_after, raised.value.code) == (120, "rate_limit")


def test_a_feed_that_moved_is_read_where_it_is_and_its_entries_stay_the_same(feeds: FeedServer) -> None:
    feeds.content = rss(item(1))
    first = reader(feeds).fetch("")
    feeds.content = rss(item(2), item(1))
    feeds.answers = [(301, {"Location": "/elsewhere"}, b""), (302, {"Location": f"{feeds.url}?again"}, b"")]
    assert ids(reader(feeds).fetch(first.cursor)) == ["2"]
    feeds.answers = [(302, {"Location": "/round"}, b"")] * 9
    with pytest.raises(NetworkError, match="has moved"):
        reader(feeds).fetch("")
    assert len(feeds.answers) == 5


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/", "https://10.0.0.1/feed", "https://[::1]/", "file:///etc/passwd", "", "https://", "x"]
)
def test_private_addresses_and_nonsense_are_not_asked(url: str) -> None:
    with pytest.raises(NetworkError) as raised:
        client.ask(url)
    assert raised.value.permanent


@pytest.mark.django_db
def test_a_feed_is_connected_by_its_address_and_read_into_the_desk(feeds: FeedServer) -> None:
    feeds.content = (FIXTURES / "rss2_forum.xml").read_bytes()
    admin = make_agent("admin")
    [connected] = sign_in(network="rss", values={"url": feeds.url}, agent=admin, redirect_uri="")
    account = connect_account(network="rss", connected=connected, agent=admin)
    assert account.username == "Two Wheels Forum – latest (127.0.0.1)"
    source = Source.objects.get(account=account)
    assert (source.kind, source.interval) == ("poll", 300)
    read_source(source.pk)
    mention = Mention.objects.select_related("author").get(text__startswith="Battery")
    assert (mention.author.username, mention.is_own) == ("Mara K.", False)
    batch = IntakeBatch.objects.get()
    assert (batch.seen, batch.stored, batch.rejected) == (3, 2, 1)
    Source.objects.update(next_poll_at=None)
    read_source(source.pk)
    assert IntakeBatch.objects.count() == 1
    source.refresh_from_db()
    assert source.failures == 0


@pytest.mark.django_db
def test_what_is_no_feed_is_not_connected(feeds: FeedServer) -> None:
    admin = make_agent("admin")
    feeds.content = b"<html><title>Forum</title></html>"
    for url, words in ((feeds.url, "no feed"), ("https://10.0.0.1/feed", "private network"), ("nonsense", "web address")):
        with pytest.raises(NotConnected, match=rf"^RSS could not be connected\. .*{words}"):
            sign_in(network="rss", values={"url": url}, agent=admin, redirect_uri="")


@pytest.mark.django_db
def test_two_feeds_of_one_site_that_are_called_the_same_are_both_read(feeds: FeedServer) -> None:
    feeds.content = (FIXTURES / "rss2_forum.xml").read_bytes()
    admin = make_agent("admin")
    names = []
    for url in (feeds.url, f"{feeds.url}?topic=2", feeds.url):
        [connected] = sign_in(network="rss", values={"url": url}, agent=admin, redirect_uri="")
        names.append(connect_account(network="rss", connected=connected, agent=admin).username)
    assert names[0] == names[2]
    assert names[1].startswith(f"{names[0]} #")
    assert Source.objects.filter(network="rss", removed_at=None).count() == 2
