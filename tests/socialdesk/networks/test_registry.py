"""The registry: every network by name, and clear words where there is no connector."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from socialdesk.networks import registry
from socialdesk.networks.base import AccountConfig


def test_all_networks_are_known_by_name() -> None:
    assert set(registry.NETWORKS) == {"x", "facebook", "instagram", "mastodon", "bluesky", "rss", "json", "web", "sandbox"}
    assert all(key == network.key and network.label for key, network in registry.NETWORKS.items())


def test_an_unknown_network_is_refused_with_the_known_ones() -> None:
    with pytest.raises(registry.UnknownNetwork, match=r"'myspace'.*x, facebook, .*sandbox") as caught:
        registry.get("myspace")
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("key", "length", "unit"),
    [
        ("x", 280, "weighted"),
        ("mastodon", 468, "graphemes"),
        ("bluesky", 300, "graphemes"),
        ("facebook", 8000, "codepoints"),
        ("instagram", 2200, "codepoints"),
        ("sandbox", 500, "codepoints"),
    ],
)
def test_length_is_counted_as_the_network_counts(key: str, length: int, unit: str) -> None:
    capabilities = registry.get(key).capabilities
    assert (capabilities.max_length, capabilities.length_unit) == (length, unit)


@pytest.mark.parametrize("key", ["json"])
def test_a_network_without_a_reader_can_neither_be_read_nor_answered(key: str) -> None:
    config = AccountConfig(key, "tidewheel")
    assert not registry.get(key).capabilities.reply
    with pytest.raises(registry.NoConnector, match="cannot be read yet"):
        registry.reader_for(config)
    with pytest.raises(registry.NoConnector, match="Nothing can be sent"):
        registry.publisher_for(config)


def test_reviews_are_read_from_the_sandbox_but_never_answered(settings: Settings, tmp_path: Path) -> None:
    settings.SANDBOX_PATH = tmp_path / "world.sqlite3"
    config = AccountConfig("web", "tidewheel")
    with pytest.raises(registry.NoConnector, match="no sandbox"):
        registry.reader_for(config)
    world = registry.sandbox_world()
    review = world.publish("ana", "Four stars.", network="web")
    world.publish("ana", "On the other network.")
    posts = registry.reader_for(config).fetch("").posts
    assert [(post.external_id, post.network, post.text) for post in posts] == [(review.id, "web", "Four stars.")]
    with pytest.raises(registry.NoConnector):
        registry.publisher_for(config)
    assert not registry.get("web").capabilities.reply


def test_a_desk_without_a_sandbox_says_so(settings: Settings) -> None:
    settings.SANDBOX_PATH = None
    with pytest.raises(registry.NoConnector, match="SANDBOX_PATH"):
        registry.reader_for(AccountConfig("sandbox", "tidewheel"))
