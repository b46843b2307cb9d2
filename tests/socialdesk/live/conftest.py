"""A hub on a fresh in-memory layer, and browsers that remember what they were sent."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
from channels.layers import channel_layers

from socialdesk.lib.hub import Connection, Hub, Viewer
from socialdesk.lib.memory_layer import MemoryLayer

GUARD = 30  # seconds after which a test that hangs is given up; how long something takes is no business of these tests


class Browser:
    """The far end of a connection. `stuck` blocks its reading until it is cleared."""

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.connection: Connection | None = None

    async def send(self, message: dict[str, Any]) -> None:
        await self.reading.wait()
        self.frames.append(json.loads(message["text"]))

    def of_type(self, kind: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame["type"] == kind]

    async def wait_for(self, condition: Callable[[Browser], Any], timeout: float = GUARD) -> Any:
        """The first true answer of `condition`."""
        async with asyncio.timeout(timeout):
            while not (answer := condition(self)):
                await asyncio.sleep(0.002)
        return answer

    async def wait_for_type(self, kind: str, count: int = 1) -> dict[str, Any]:
        frame: dict[str, Any] = await self.wait_for(lambda me: len(me.of_type(kind)) >= count and me.of_type(kind)[count - 1])
        return frame


@pytest.fixture(autouse=True)
def fresh_layer() -> MemoryLayer:
    layer = MemoryLayer()
    channel_layers.set("default", layer)
    return layer


@pytest_asyncio.fixture
async def make_hub() -> AsyncIterator[Callable[..., Hub]]:
    hubs: list[Hub] = []

    def make(*args: Any, **options: Any) -> Hub:
        hubs.append(Hub(*args, **{"pause": 0.05, **options}))
        return hubs[-1]

    yield make
    for hub in hubs:
        await hub.stop()


async def connect(hub: Hub, agent: int = 1, name: str = "Sam") -> Browser:
    browser = Browser()
    browser.connection = await hub.join(Viewer(agent, name), browser.send)
    await browser.wait_for_type("hello")
    return browser
