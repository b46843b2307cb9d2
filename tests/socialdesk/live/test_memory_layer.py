"""The in-memory channel layer: wakes its reader at once, from any thread, and loses nothing on the way."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.exceptions import ChannelFull

from socialdesk.lib.memory_layer import MemoryLayer
from tests.socialdesk.live.conftest import GUARD


async def _in_thread(call: Any) -> None:
    """Run `call` in a thread of its own, as a Celery worker would; the loop stays free."""
    thread = threading.Thread(target=call)
    thread.start()
    while thread.is_alive():
        await asyncio.sleep(0.005)


async def test_group_send_from_a_worker_thread_wakes_the_reader_by_itself() -> None:
    layer = MemoryLayer()
    channel = await layer.new_channel()
    await layer.group_add("desk", channel)
    heard = threading.Event()

    def publish() -> None:
        for number in range(50):
            time.sleep(0.01)  # the reader's loop falls asleep, which is what the stock layer does not survive
            async_to_sync(layer.group_send)("desk", {"type": "x", "number": number})
            if not heard.wait(GUARD):  # nothing more is sent before this was heard: nothing else wakes the loop
                return
            heard.clear()

    thread = threading.Thread(target=publish)
    thread.start()
    for number in range(50):
        assert (await asyncio.wait_for(layer.receive(channel), GUARD))["number"] == number
        heard.set()
    thread.join()


async def test_messages_of_one_sender_keep_their_order() -> None:
    layer = MemoryLayer()
    channel = await layer.new_channel()
    await layer.group_add("desk", channel)

    async def publish() -> None:
        for number in range(500):
            await layer.group_send("desk", {"type": "x", "number": number})

    await _in_thread(lambda: asyncio.run(publish()))
    received = [(await asyncio.wait_for(layer.receive(channel), GUARD))["number"] for _ in range(500)]
    assert received == list(range(500))


async def test_threads_that_send_at_once_lose_and_double_nothing() -> None:
    layer = MemoryLayer(capacity=10_000)
    channel = await layer.new_channel()
    await layer.group_add("desk", channel)

    def publish(sender: int) -> None:
        async def send_all() -> None:
            for number in range(500):
                await layer.group_send("desk", {"type": "x", "of": (sender, number)})

        asyncio.run(send_all())

    threads = [threading.Thread(target=publish, args=(sender,)) for sender in range(8)]
    for thread in threads:
        thread.start()
    received = [(await asyncio.wait_for(layer.receive(channel), GUARD))["of"] for _ in range(8 * 500)]
    for thread in threads:
        thread.join()
    assert sorted(received) == [(sender, number) for sender in range(8) for number in range(500)]


async def test_full_channel_refuses_send_and_drops_group_send() -> None:
    layer = MemoryLayer(capacity=3)
    channel = await layer.new_channel()
    await layer.group_add("desk", channel)
    for number in range(5):
        await layer.group_send("desk", {"type": "x", "number": number})
    with pytest.raises(ChannelFull):
        await layer.send(channel, {"type": "x", "number": 9})
    assert [(await layer.receive(channel))["number"] for _ in range(3)] == [0, 1, 2]


async def test_every_member_gets_its_own_copy_and_who_left_gets_none() -> None:
    layer = MemoryLayer()
    first, second, gone = [await layer.new_channel() for _ in range(3)]
    for channel in (first, second, gone):
        await layer.group_add("desk", channel)
    await layer.group_discard("desk", gone)
    await layer.group_send("desk", {"type": "x", "ids": [1]})
    one, two = await layer.receive(first), await layer.receive(second)
    one["ids"].append(2)
    assert two["ids"] == [1]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(layer.receive(gone), 0.05)


async def test_channel_that_nobody_reads_leaves_its_groups() -> None:
    layer = MemoryLayer(expiry=0.01)
    channel = await layer.new_channel()
    await layer.group_add("desk", channel)
    await layer.group_send("desk", {"type": "x"})
    await asyncio.sleep(0.02)
    await layer.group_send("desk", {"type": "x"})
    assert channel not in layer._groups["desk"]


def test_reader_whose_loop_is_closed_does_not_break_the_sender() -> None:
    layer = MemoryLayer()

    async def read_in_vain() -> str:
        channel = await layer.new_channel()
        await layer.group_add("desk", channel)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(layer.receive(channel), 0.01)
        return channel

    channel = asyncio.run(read_in_vain())
    asyncio.run(layer.group_send("desk", {"type": "x"}))
    assert channel not in layer._groups["desk"]
