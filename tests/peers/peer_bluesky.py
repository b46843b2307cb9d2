"""The connector for Bluesky as it is, against Bluesky's own servers: connected, heard, answered once, taken back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import requests
from django.core.cache import cache
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Batch, Connected, Film, NetworkError, PostData, Reader
from tests import mp4
from tests.peers import servers

PATIENCE = 30.0  # seconds until the app view, which follows the data servers, has seen something


class Person:
    """Somebody with an account there, and the network's own way to write."""

    token = ""

    def __init__(self, service: str, name: str) -> None:
        self.service, self.handle = service, f"{name}.test"
        made = self.call(
            "com.atproto.server.createAccount", {"handle": self.handle, "email": f"{name}@example.org", "password": "long-and-secret"}
        )
        self.did, self.token = made["did"], made["accessJwt"]

    def call(self, method: str, data: dict[str, Any]) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        answer = requests.post(f"{self.service}/xrpc/{method}", json=data, headers=headers, timeout=20)
        assert answer.ok, answer.text
        return dict(answer.json()) if answer.content else {}

    def write(self, collection: str, record: dict[str, Any]) -> dict[str, Any]:
        written = {"$type": collection, "createdAt": datetime.now(UTC).isoformat().replace("+00:00", "Z"), **record}
        return self.call("com.atproto.repo.createRecord", {"repo": self.did, "collection": collection, "record": written})

    def says(self, text: str, *, to: Person) -> str:
        at = text.encode().index(b"@")
        feature = {"$type": "app.bsky.richtext.facet#mention", "did": to.did}
        facet = {"index": {"byteStart": at, "byteEnd": at + len(to.handle) + 1}, "features": [feature]}
        return str(self.write("app.bsky.feed.post", {"text": text, "facets": [facet], "langs": ["en"]})["uri"])


@pytest.fixture(scope="module")
def network() -> Iterator[servers.Bluesky]:
    with servers.bluesky() as network:
        yield network


@pytest.fixture(scope="module")
def people(network: servers.Bluesky) -> tuple[Person, Person]:
    return Person(network.service, "tidewheel"), Person(network.service, "ana")


@pytest.fixture
def connected(network: servers.Bluesky, people: tuple[Person, Person], settings: Settings) -> Connected:
    settings.OUTBOUND_PRIVATE = ["127.0.0.1", "localhost"]
    settings.BLUESKY_SERVICE, settings.BLUESKY_DIRECTORY = network.service, network.directory
    cache.clear()
    us = people[0]
    password = us.call("com.atproto.server.createAppPassword", {"name": f"desk{time.time_ns()}", "privileged": True})["password"]
    connecting = registry.get("bluesky").connecting
    assert connecting is not None
    (connected,) = connecting.finish({"identifier": f"@{us.handle}", "password": password}, answer={}, verifier="", redirect_uri="")
    return connected


@pytest.fixture
def config(connected: Connected) -> AccountConfig:
    grant = connected.grant
    return AccountConfig("bluesky", grant.username, grant.external_id, connected.credentials, ("cargo trailer",))


T = TypeVar("T")


def until(look: Callable[[], T]) -> T:
    """What `look` gives once it gives something."""
    end = time.monotonic() + PATIENCE
    while not (seen := look()):
        assert time.monotonic() < end, "the app view has not seen it"
        time.sleep(0.3)
    return seen


class Following:
    """Reads on from where it stood, as the desk does."""

    def __init__(self, reader: Reader) -> None:
        self.reader, self.cursor = reader, ""

    def read(self) -> Batch:
        batch = self.reader.fetch(self.cursor)
        self.cursor = batch.cursor
        return batch

    def hear(self, which: Callable[[PostData], bool]) -> PostData:
        return until(lambda: next((post for post in self.read().posts if which(post)), None))  # type: ignore[return-value]


def test_an_account_is_connected_renewed_and_refused_once_its_password_is_gone(
    connected: Connected, config: AccountConfig, people: tuple[Person, Person]
) -> None:
    connecting = registry.get("bluesky").connecting
    assert connecting is not None
    assert connected.grant.username == people[0].handle
    fresh = connecting.renew(config)
    assert fresh is not None
    assert fresh["refresh"] != config.credentials["refresh"]  # two access tokens of one second are the same
    assert connecting.probe(AccountConfig("bluesky", "", "", fresh)).external_id == people[0].did
    assert connecting.give_back(AccountConfig("bluesky", "", "", fresh))
    with pytest.raises(NetworkError) as caught:  # neither by the session that was given back nor, as it stands here, by a password
        connecting.renew(AccountConfig("bluesky", "", "", {**fresh, "password": "gone"}))
    assert caught.value.account_revoked
    with pytest.raises(NetworkError) as caught:
        connecting.finish({"identifier": people[0].handle, "password": "wrong"}, answer={}, verifier="", redirect_uri="")
    assert caught.value.code == "wrong_password"


def test_a_mention_is_heard_answered_exactly_once_and_the_answer_taken_back(config: AccountConfig, people: tuple[Person, Person]) -> None:
    us, ana = people
    publisher, following = registry.publisher_for(config), Following(registry.reader_for(config))
    following.read()
    uri = ana.says("Hello @tidewheel.test, my cargo trailer is broken 🚲", to=us)
    heard = following.hear(lambda post: post.external_id == uri)
    assert (heard.text, heard.author.username, heard.language) == ("Hello @tidewheel.test, my cargo trailer is broken 🚲", "ana.test", "en")

    since = datetime.now(UTC) - timedelta(minutes=5)
    text = "We are sorry, @ana.test. See https://tidewheel.example/help?a=1 🙂"
    assert publisher.find(token="t1", text=text, in_reply_to=uri, since=since) is None
    sent = publisher.reply(in_reply_to=uri, text=text, token="t1")
    for _ in range(3):
        assert publisher.reply(in_reply_to=uri, text=text, token="t1") == sent
    assert publisher.find(token="t1", text=text, in_reply_to=uri, since=since) == sent
    echo = following.hear(lambda post: post.external_id == sent.external_id)
    assert (echo.text, echo.in_reply_to, echo.posted_at, echo.url) == (text, uri, sent.sent_at, sent.url)
    ours = requests.get(
        f"{us.service}/xrpc/com.atproto.repo.listRecords", params={"repo": us.did, "collection": "app.bsky.feed.post"}, timeout=20
    ).json()["records"]
    assert [each["uri"] for each in ours] == [sent.external_id]
    assert {feature["$type"] for facet in ours[0]["value"]["facets"] for feature in facet["features"]} == {
        "app.bsky.richtext.facet#link",
        "app.bsky.richtext.facet#mention",
    }

    context = registry.get("bluesky").context
    assert context is not None
    assert [post.external_id for post in context(config).above(sent.external_id)] == [uri]

    publisher.delete(external_id=sent.external_id)
    publisher.delete(external_id=sent.external_id)
    assert following.hear(lambda post: post.external_id == sent.external_id).deleted
    assert publisher.find(token="t1", text=text, in_reply_to=uri, since=since) is None


def test_a_film_is_taken_named_by_one_answer_and_comes_back_as_one(config: AccountConfig, people: tuple[Person, Person]) -> None:
    us, ana = people
    publisher, following = registry.publisher_for(config), Following(registry.reader_for(config))
    uri = ana.says("How is the bell of @tidewheel.test mounted?", to=us)
    following.hear(lambda post: post.external_id == uri)
    film = Film(mp4.film(width=360, height=640), "A hand mounts the bell", 360, 640, 2.0)
    sent = publisher.reply(in_reply_to=uri, text="Like so:", token="t5", film=film)
    assert publisher.reply(in_reply_to=uri, text="Like so:", token="t5", film=film) == sent
    echo = following.hear(lambda post: post.external_id == sent.external_id)
    assert [(medium.kind, medium.alt) for medium in echo.media] == [("video", "A hand mounts the bell")]
    publisher.delete(external_id=sent.external_id)


@pytest.mark.parametrize(
    ("film", "code"),
    [
        (mp4.film().replace(b"isom", b"M4V ", 1), "film_of_another_kind"),
        (mp4.film(size=30_000_000), "file_too_large"),  # a server takes 5 MB if its owner does not say otherwise
    ],
)
def test_a_film_that_the_server_does_not_take_is_refused_for_good(
    config: AccountConfig, people: tuple[Person, Person], film: bytes, code: str
) -> None:
    us, ana = people
    publisher, following = registry.publisher_for(config), Following(registry.reader_for(config))
    uri = ana.says(f"Is that {code}, @tidewheel.test?", to=us)
    following.hear(lambda post: post.external_id == uri)
    with pytest.raises(NetworkError) as caught:
        publisher.reply(in_reply_to=uri, text="Like so:", token=code, film=Film(film, "", 640, 360, 2.0))
    assert (caught.value.permanent, caught.value.code) == (True, code)


def test_what_was_written_by_hand_is_found_by_its_text(config: AccountConfig, people: tuple[Person, Person]) -> None:
    us, ana = people
    publisher = registry.publisher_for(config)
    post = ana.write("app.bsky.feed.post", {"text": "Is there a bell?"})
    refers = {"uri": post["uri"], "cid": post["cid"]}
    by_hand = us.write("app.bsky.feed.post", {"text": "There is.", "reply": {"root": refers, "parent": refers}})
    since = datetime.now(UTC) - timedelta(minutes=5)
    found = publisher.find(token="t9", text="There is.", in_reply_to=post["uri"], since=since)
    assert found is not None
    assert found.external_id == by_hand["uri"]


def test_a_repost_and_a_like_are_made_once(config: AccountConfig, people: tuple[Person, Person]) -> None:
    us, ana = people
    publisher, following = registry.publisher_for(config), Following(registry.reader_for(config))
    uri = ana.says("I love my @tidewheel.test bike", to=us)
    following.hear(lambda post: post.external_id == uri)
    sent = publisher.repost(external_id=uri, token="t2")
    assert publisher.repost(external_id=uri, token="t3") == sent
    for _ in range(2):
        publisher.like(external_id=uri, token="t4")
    echo = following.hear(lambda post: post.repost_of == uri)
    assert (echo.external_id, echo.author.username) == (sent.external_id, us.handle)


def test_a_follow_is_seen_and_somebody_elses_post_is_not_ours_to_delete(config: AccountConfig, people: tuple[Person, Person]) -> None:
    us, ana = people
    publisher = registry.publisher_for(config)
    assert not publisher.follows_us(ana.did)
    ana.write("app.bsky.graph.follow", {"subject": us.did})
    until(lambda: publisher.follows_us(ana.did))
    with pytest.raises(NetworkError) as caught:
        publisher.delete(external_id=ana.says("Hello again @tidewheel.test", to=us))
    assert caught.value.permanent


def test_the_past_is_fetched_newest_first(config: AccountConfig, people: tuple[Person, Person]) -> None:
    us, ana = people
    written = [ana.says(f"Number {number} for @tidewheel.test", to=us) for number in range(3)]
    following = Following(registry.reader_for(config))
    until(lambda: set(written) <= {post.external_id for post in Following(following.reader).read().posts})
    history = registry.get("bluesky").history
    assert history is not None
    posts = history(config).backfill("").posts
    assert [post.external_id for post in posts if post.external_id in written] == written[::-1]
