"""All networks that the desk knows by name, and how to reach those that have a connector: one line each."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from socialdesk.networks.base import AccountConfig, Context, History, Network, Publisher, Reader
from socialdesk.networks.bluesky import NETWORK as BLUESKY
from socialdesk.networks.facebook import INSTAGRAM_NETWORK as INSTAGRAM
from socialdesk.networks.facebook import NETWORK as FACEBOOK
from socialdesk.networks.json_hook import NETWORK as JSON_HOOK
from socialdesk.networks.mastodon import NETWORK as MASTODON
from socialdesk.networks.rss import NETWORK as RSS
from socialdesk.networks.sandbox.client import Client
from socialdesk.networks.sandbox.context import SandboxContext
from socialdesk.networks.sandbox.history import SandboxHistory
from socialdesk.networks.sandbox.pictures import picture_at
from socialdesk.networks.sandbox.publisher import CAPABILITIES as SANDBOX_CAPABILITIES
from socialdesk.networks.sandbox.publisher import SandboxPublisher
from socialdesk.networks.sandbox.reader import SandboxReader
from socialdesk.networks.sandbox.world import World
from socialdesk.networks.x import NETWORK as X


class UnknownNetwork(ValueError):
    """No network has that key."""


class NoConnector(LookupError):
    """The network is known, but it cannot be read, or written to, from here."""


def sandbox_world() -> World:
    """The world at the setting SANDBOX_PATH, made where there is none."""
    path: Path | None = getattr(settings, "SANDBOX_PATH", None)
    if path is None:
        raise NoConnector("The sandbox has no world on this desk: the setting SANDBOX_PATH is empty.")
    return _world_at(Path(path))


@lru_cache(maxsize=16)
def _world_at(path: Path) -> World:
    # One object per file, so that the threads of a process queue for it in the process and not at the file.
    return World(path)


def _sandbox_reader(config: AccountConfig) -> Reader:
    return SandboxReader(Client(sandbox_world(), config.username))


def _sandbox_publisher(config: AccountConfig) -> Publisher:
    return SandboxPublisher(Client(sandbox_world(), config.username), admits_strangers=True)


def _sandbox_history(config: AccountConfig) -> History:
    return SandboxHistory(Client(sandbox_world(), config.username))


def _sandbox_context(config: AccountConfig) -> Context:
    return SandboxContext(Client(sandbox_world(), config.username))


def _sandbox_picture(url: str) -> bytes | None:
    path: Path | None = getattr(settings, "SANDBOX_PATH", None)
    return picture_at(sandbox_world(), url) if path is not None and Path(path).exists() else None


def _web_reader(config: AccountConfig) -> Reader:
    path: Path | None = getattr(settings, "SANDBOX_PATH", None)
    if path is None or not Path(path).exists():
        raise NoConnector("Web reviews can be read from the sandbox only, and this desk has no sandbox. Import or push them instead.")
    return SandboxReader(Client(sandbox_world(), config.username, network="web"))


NETWORKS: dict[str, Network] = {
    network.key: network
    for network in (
        X,
        FACEBOOK,
        INSTAGRAM,
        MASTODON,
        BLUESKY,
        RSS,
        JSON_HOOK,
        Network("web", "Web reviews", reader=_web_reader, picture=_sandbox_picture),
        Network(
            "sandbox",
            "Sandbox",
            SANDBOX_CAPABILITIES,
            _sandbox_reader,
            _sandbox_publisher,
            history=_sandbox_history,
            context=_sandbox_context,
            picture=_sandbox_picture,
        ),
    )
}


def get(key: str) -> Network:
    """The network with that key. Raises UnknownNetwork, which names the known ones."""
    try:
        return NETWORKS[key]
    except KeyError:
        raise UnknownNetwork(f"There is no network {key!r}; known are: {', '.join(NETWORKS)}.") from None


def reader_for(config: AccountConfig) -> Reader:
    """The listening side of that account. Raises UnknownNetwork and NoConnector."""
    network = get(config.network)
    if network.reader is None:
        raise NoConnector(
            f"{network.label} cannot be read yet: it has no connector. Import its posts from a file or push them over the API."
        )
    return network.reader(config)


def context_for(config: AccountConfig) -> Context:
    """What reads the thread above a post, as that account. Raises UnknownNetwork and NoConnector."""
    network = get(config.network)
    if network.context is None:
        raise NoConnector(f"{network.label} does not tell the desk what stands above a post.")
    return network.context(config)


def publisher_for(config: AccountConfig) -> Publisher:
    """The speaking side of that account. Raises UnknownNetwork and NoConnector."""
    network = get(config.network)
    if network.publisher is None:
        raise NoConnector(f"Nothing can be sent to {network.label} from here: it has no connector that writes.")
    return network.publisher(config)
