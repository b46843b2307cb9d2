"""The channel layer of a desk that is one process: any thread may send, and the receiver's own event loop is woken at once."""

from __future__ import annotations

import asyncio
import threading
import time
import uuid
from collections import deque
from copy import deepcopy
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import BaseChannelLayer

Message = dict[str, Any]


class _Channel:
    """One queue of messages, read on one event loop."""

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None  # its reader's; none has come yet
        self.messages: deque[tuple[float, Message]] = deque()  # (when it was sent, monotonic seconds; the message)
        self.arrived = asyncio.Event()  # touched on the loop only


class MemoryLayer(BaseChannelLayer):
    """Channels' layer interface in memory, for several threads and loops of one process.

    The stock in-memory layer puts into an asyncio queue from whatever thread calls it: the receiver's loop sleeps on, and two
    threads corrupt the queue. Here a lock guards what all threads see and the receiver is woken by `call_soon_threadsafe`.
    A channel belongs to the loop on which it is read. Past `capacity` messages `send` raises ChannelFull and `group_send`
    drops, as every layer of Channels does; a channel that nobody has read for `expiry` seconds leaves its groups.
    """

    extensions = ["groups", "flush"]

    def __init__(self, expiry: float = 60, capacity: int = 1000) -> None:
        super().__init__(expiry=expiry, capacity=capacity)
        self._lock = threading.Lock()
        self._channels: dict[str, _Channel] = {}
        self._groups: dict[str, dict[str, None]] = {}  # ordered sets of channel names

    async def new_channel(self, prefix: str = "specific.") -> str:
        name = f"{prefix}memory!{uuid.uuid4().hex}"
        with self._lock:
            self._channels[name] = _Channel()
        return name

    async def send(self, channel: str, message: Message) -> None:
        self.require_valid_channel_name(channel)
        with self._lock:
            fitted = self._put(channel, message)
        if not fitted:
            raise ChannelFull(channel)

    async def receive(self, channel: str) -> Message:
        self.require_valid_channel_name(channel)
        loop = asyncio.get_running_loop()
        with self._lock:
            queue = self._channels.setdefault(channel, _Channel())
            if queue.loop not in (None, loop):
                raise RuntimeError(f"channel {channel} is read on another event loop")
            queue.loop = loop
        while True:
            with self._lock:
                if queue.messages:
                    return queue.messages.popleft()[1]
                queue.arrived.clear()
            await queue.arrived.wait()

    async def group_add(self, group: str, channel: str) -> None:
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            self._channels.setdefault(channel, _Channel())
            self._groups.setdefault(group, {})[channel] = None

    async def group_discard(self, group: str, channel: str) -> None:
        self.require_valid_group_name(group)
        self.require_valid_channel_name(channel)
        with self._lock:
            self._groups.get(group, {}).pop(channel, None)

    async def group_send(self, group: str, message: Message) -> None:
        self.require_valid_group_name(group)
        with self._lock:
            for channel in list(self._groups.get(group, ())):
                self._put(channel, message)

    async def flush(self) -> None:
        with self._lock:
            self._channels.clear()
            self._groups.clear()

    def _put(self, name: str, message: Message) -> bool:
        """Queue a copy of `message` and wake the reader. Call with the lock held. False if there was no room."""
        queue = self._channels.setdefault(name, _Channel())
        now = time.monotonic()
        if queue.messages and now - queue.messages[0][0] > self.expiry:
            self._forget(name)
            return False
        if len(queue.messages) >= self.get_capacity(name):
            return False
        queue.messages.append((now, deepcopy(message)))
        if queue.loop is not None and len(queue.messages) == 1:  # a reader waits only on an empty queue
            try:
                queue.loop.call_soon_threadsafe(queue.arrived.set)
            except RuntimeError:  # its loop is closed: nobody will read it again
                self._forget(name)
                return False
        return True

    def _forget(self, name: str) -> None:
        self._channels.pop(name, None)
        for members in self._groups.values():
            members.pop(name, None)
