"""The ways that are walked through each network's simulator to see what its connector says: the whole contract, and what is beside it."""

from __future__ import annotations

import inspect
import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from PIL import Image
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig, Batch, NetworkError, Picture
from socialdesk.networks.x.client import usage
from tests.socialdesk.networks.contract import ConnectorContract
from tests.socialdesk.networks.facebook import test_connecting as facebook_connecting
from tests.socialdesk.networks.facebook.graph import DAY
from tests.socialdesk.networks.facebook.harness import FacebookHarness, InstagramHarness, MetaHarness
from tests.socialdesk.networks.harnesses import UNKNOWN, read_all
from tests.socialdesk.networks.mastodon import test_connect as mastodon_connecting
from tests.socialdesk.networks.mastodon.harness import MastodonHarness
from tests.socialdesk.networks.openapi import Exchange
from tests.socialdesk.networks.x import test_connecting as x_connecting
from tests.socialdesk.networks.x.conftest import Stage
from tests.socialdesk.networks.x.harness import XHarness


def contract_of(make: Callable[[], Any]) -> Iterator[Any]:
    """Every test of the contract on a harness of its own; yields each harness afterwards, as long as it stands."""
    for name, test in inspect.getmembers(ConnectorContract, inspect.isfunction):
        if not name.startswith("test_"):
            continue
        for failure in UNKNOWN if "failure" in inspect.signature(test).parameters else [None]:
            harness = make()
            with suppress(pytest.skip.Exception):
                test(ConnectorContract(), harness, *([failure] if failure else []))
            yield harness
            if close := getattr(harness, "close", None):
                close()


def picture() -> Picture:
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(out, "PNG")
    return Picture(out.getvalue(), "image/png", "A teal square")


def beyond_the_contract(harness: Any, config: AccountConfig) -> None:
    """What else an account of the network can do."""
    network, able = registry.get(config.network), registry.get(config.network).capabilities
    reader, publisher = registry.reader_for(config), registry.publisher_for(config)
    assert network.connecting is not None
    network.connecting.probe(config)
    post = harness.customer_posts("ana", "@tidewheel it broke https://example.org/photo #bikes")
    cursor = read_all(reader).cursor
    pictures = [picture()] if able.max_pictures else []
    sent = publisher.reply(in_reply_to=post, text="Like so: https://example.com/help", token="w1", pictures=pictures)
    below = harness.customer_posts("ana", "@tidewheel thanks", in_reply_to=sent.external_id)
    harness.customer_posts("Ana", "a question of the same thread", in_reply_to=post)
    if network.context:
        assert network.context(config).above(below)
    read_all(reader, cursor)
    if network.history:
        history, at = network.history(config), ""
        for _ in range(20):
            batch = history.backfill(at, limit=20)
            at = batch.cursor
            if not batch.more:
                break
    if able.direct_message:
        harness.customer_messages("ana", "privately")
        with suppress(NetworkError):  # some do not say
            publisher.follows_us(harness.customer_id("ana"))
        publisher.direct_message(to=harness.customer_id("ana"), text="Your number, please?", token="w2", about=post)
        publisher.find(token="w2", text="Your number, please?", to=harness.customer_id("ana"), since=sent.sent_at)
    if able.repost:
        made = publisher.repost(external_id=post, token="w3")
        publisher.delete(external_id=made.external_id)
    if able.post:
        made = publisher.post(text="We are open again.", token="w4")
        rude = harness.customer_posts("ben", "you would", in_reply_to=made.external_id)
        if able.hide:
            publisher.hide(external_id=rude)
        publisher.delete(external_id=made.external_id)
    if able.like:
        publisher.like(external_id=post, token="w5")
    if able.delete:
        publisher.delete(external_id=sent.external_id)


@contextmanager
def listening(config: AccountConfig, *, until: Callable[[], bool]) -> Iterator[list[Batch]]:
    """A stream that is open as long as this lasts. `until` says that it is."""
    network = registry.get(config.network)
    assert network.stream is not None
    stream, heard = network.stream(config), list[Batch]()

    def listen() -> None:
        with suppress(NetworkError):
            heard.extend(stream.listen(""))

    thread = threading.Thread(target=listen)
    thread.start()
    try:
        wait_for(until)
        yield heard
    finally:
        stream.close()
        thread.join(30)
        assert not thread.is_alive()


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(3000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come")


# --- One for each network: what was said, in the order in which it was


def walk_x(folder: Path, settings: Settings) -> list[Exchange]:
    said: list[Any] = []
    for harness in contract_of(lambda: XHarness(folder, settings)):
        said += harness.simulator.log
    harness, stage = XHarness(folder, settings), Stage(settings)  # one simulator, and the stage's people on it
    harness._us = stage.us
    connected = x_connecting.finish(x_connecting.allowed(stage))
    config = AccountConfig("x", "tidewheel", stage.us.id, connected.credentials, terms=("bikes",))
    assert x_connecting.CONNECTING.renew(config)
    other = x_connecting.finish(x_connecting.allowed(stage, code="code-2"))
    x_connecting.CONNECTING.give_back(replace(config, credentials=other.credentials))
    stage.simulator.finds = lambda query, post: query.startswith("from:") == (post.author is stage.us)
    stage.ben.open_messages = True
    beyond_the_contract(harness, config)
    stage.world.publish(stage.ana, "@tidewheel look", quotes=stage.ana_posts("first").id, poll=("Yes", "No"))
    stage.reader.fetch("")
    usage(config)
    with listening(config, until=lambda: bool(stage.simulator.streams)) as heard:
        stage.simulator.push_post(stage.ana_posts("@tidewheel bikes"))
        wait_for(lambda: any(batch.posts for batch in heard))
        stream = registry.get("x").stream
        assert stream is not None
        with pytest.raises(NetworkError, match="no further connection"):
            next(stream(config).listen(""))
    wait_for(lambda: not stage.simulator.streams)  # it sees that one has hung up when it next says something
    with_fewer_words = replace(config, terms=())
    with listening(with_fewer_words, until=lambda: bool(stage.simulator.streams)):
        pass
    said += stage.simulator.log
    return [
        Exchange(
            call.method,
            call.path,
            {name: [value] for name, value in call.query.items()},
            parse_qs(call.body) if isinstance(call.body, str) else call.body,
            call.status,
            call.answer,
            isinstance(call.body, str),
        )
        for call in said
    ]


def walk_mastodon(folder: Path, settings: Settings) -> list[Exchange]:
    said: list[Any] = []
    for harness in contract_of(lambda: MastodonHarness(folder, settings)):
        said += harness.simulator.log
    harness = MastodonHarness(folder, settings)
    harness.simulator.routes.oauth.expires_in = 7200
    connected = mastodon_connecting.connect(harness, list="Customers")
    config = replace(mastodon_connecting.config_of(connected), terms=("bikes",))
    connecting = registry.get("mastodon").connecting
    assert connecting is not None
    connecting.renew(config)
    connecting.give_back(mastodon_connecting.config_of(mastodon_connecting.connect(harness)))
    beyond_the_contract(harness, config)
    with listening(config, until=lambda: len(harness.simulator.streaming) == 3) as heard:
        harness.customer_posts("ana", "@tidewheel bikes")
        wait_for(lambda: any(batch.posts for batch in heard))
    said += harness.simulator.log
    harness.close()
    return [_of_mastodon(call) for call in said if call.path != "/oauth/authorize"]  # where the person's browser goes


def _of_mastodon(call: Any) -> Exchange:
    kind = call.headers.get("content-type", "")
    body: Any = call.form if call.body else None
    if kind.startswith("multipart/"):
        body = {name: ["…"] for name in mastodon_parts(call)}
    is_told = call.status and not callable(call.answer)
    return Exchange(call.method, call.path, call.query, body, call.status, call.answer if is_told else None, is_form=True)


def mastodon_parts(call: Any) -> list[str]:
    from email.parser import BytesParser

    whole = BytesParser().parsebytes(b"Content-Type: " + call.headers["content-type"].encode() + b"\r\n\r\n" + call.body)
    return [str(part.get_param("name", header="content-disposition")) for part in whole.walk() if not part.is_multipart()]


def walk_meta(make: type[MetaHarness], folder: Path, settings: Settings) -> list[tuple[Exchange, dict[str, str]]]:
    """With each exchange the kinds of all nodes that were there by then."""
    said: list[tuple[Any, dict[str, str]]] = []

    def note(harness: MetaHarness, kinds: dict[str, str]) -> None:
        said.extend((call, kinds) for call in harness.simulator.log)

    def remembering() -> MetaHarness:
        harness = make(folder, settings)
        kinds = harness.kinds = dict[str, str]()  # type: ignore[attr-defined]
        add = harness.world._add

        def keep(thing_id: str, kind: str, *args: Any, **more: Any) -> Any:
            kinds[thing_id] = kind
            return add(thing_id, kind, *args, **more)

        harness.world._add = keep  # type: ignore[method-assign]
        kinds.update({thing.id: thing.kind for thing in harness.world.things.values()})
        return harness

    for harness in contract_of(remembering):
        note(harness, harness.kinds)
    harness = remembering()
    connected = facebook_connecting.choose(make.NETWORK, *facebook_connecting.sign_in(harness))
    config = AccountConfig(make.NETWORK, connected.grant.username, connected.grant.external_id, connected.credentials)
    beyond_the_contract(harness, config)
    _meta_beyond(harness, config)
    facebook_connecting.connecting(make.NETWORK).give_back(replace(config, others=()))
    note(harness, harness.kinds)  # type: ignore[attr-defined]
    harness.close()
    return [(_of_meta(call), kinds) for call, kinds in said]


def _meta_beyond(harness: MetaHarness, config: AccountConfig) -> None:
    world, ana = harness.world, harness.world.person(harness.NETWORK, "ana")
    reader, publisher = registry.reader_for(config), registry.publisher_for(config)
    if isinstance(harness, InstagramHarness):
        elsewhere = world.media(ana, "with @tidewheel", tagged="17841400000001")
        elsewhere.alt = "tagged"
        named = world.ig_comment(ana, elsewhere.id, "@tidewheel look")
        world.name_us(named)
        for payload in world.events:
            harness.read_call(payload)
        reader.fetch("")
        with suppress(NetworkError):
            publisher.reply(in_reply_to=named.id, text="We see it.", token="w6")
        rude = world.ig_comment(ana, harness.stands_below, "rude")
        publisher.hide(external_id=rude.id)
    else:
        world.post(ana, "with Tidewheel", tagged=harness.ACCOUNT)
        world.post(ana, "a picture", picture="https://cdn.example/a.jpg")
        reader.fetch("")
    for number in range(60):
        world.letter(ana, world.us(harness.NETWORK), f"letter {number}", network=harness.NETWORK, at=world.now() - DAY + number)
    read_all(reader)


def _of_meta(call: Any) -> Exchange:
    query = {name: [value] for name, value in call.query.items()}
    body = {name: [value] for name, value in call.body.items()} or None
    return Exchange(call.method, call.path, query, body, call.status, call.answer if call.status else None, is_form=True)


def walk_facebook(folder: Path, settings: Settings) -> list[tuple[Exchange, dict[str, str]]]:
    return walk_meta(FacebookHarness, folder, settings)


def walk_instagram(folder: Path, settings: Settings) -> list[tuple[Exchange, dict[str, str]]]:
    return walk_meta(InstagramHarness, folder, settings)
