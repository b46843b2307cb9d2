"""The hub: takes live events once for a whole web process and hands them, merged and encoded once, to every connected browser."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from channels.layers import get_channel_layer
from prometheus_client import Counter, Gauge

from socialdesk.lib import live
from socialdesk.lib.frames import Body, encode, merge_events
from socialdesk.lib.presence import LIFE, PresenceBoard

logger = logging.getLogger(__name__)
Send = Callable[[dict[str, Any]], Awaitable[None]]  # what ASGI gives: one message to one browser

CHANGES_COUNTS = {"mentions.stored", "conversations.changed", "message.changed", "callbacks.changed"}
SUBSCRIBED_WITHIN = 2.0  # seconds; later a browser is greeted without it
CONNECTIONS = Gauge("desk_live_connections", "Browsers and programs connected to the live feed of this process")
FRAMES = Counter("desk_live_frames_total", "Frames made for the live feed, each sent to all connections", ["type"])
RESYNCS = Counter("desk_live_resyncs_total", "Times that a connection lost frames and was told to fetch them")


@dataclass(frozen=True, slots=True)
class Viewer:
    """The agent behind a connection."""

    id: int
    name: str


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of the views (`{view: n}`), and of each agent's own conversations (`{agent id: n}`)."""

    views: dict[str, int]
    mine: dict[int, int]


class Connection:
    """One browser: a bounded queue of frames and the task that writes them. When the queue is full, frames are dropped and
    counted; once it has run dry again the browser is told which ones, and nobody else ever waited."""

    def __init__(self, viewer: Viewer, send: Send, limit: int) -> None:
        self.viewer = viewer
        self.place: tuple[int, str] | None = None  # the conversation it looks at, and what it does there
        self.place_said = 0.0
        self.allowance = Allowance(burst=10, per_second=2)
        self.writer: asyncio.Task[None] | None = None
        self._send = send
        self._limit = limit
        self._frames: deque[dict[str, Any]] = deque()
        self._waiting = asyncio.Event()
        self._lost: tuple[int, int] | None = None  # first and last frame dropped

    def offer(self, seq: int, frame: dict[str, Any]) -> None:
        if self._lost is not None:
            self._lost = (self._lost[0], seq)
        elif len(self._frames) >= self._limit:
            self._lost = (seq, seq)
        else:
            self._frames.append(frame)
            self._waiting.set()

    async def write(self) -> None:
        """Send frames as they come, until cancelled or until the connection fails."""
        try:
            while True:
                while self._frames:
                    await self._send(self._frames.popleft())
                if self._lost is not None:
                    (first, last), self._lost = self._lost, None
                    RESYNCS.inc()
                    await self._send({"type": "websocket.send", "text": encode(last, {"type": "resync", "from": first})})
                    continue
                self._waiting.clear()
                await self._waiting.wait()
        except Exception as error:  # the browser went away; its consumer hears of it and leaves the hub
            logger.debug("a live connection ended: %s", error)


class Allowance:
    """How much a connection may say: `burst` at once, `per_second` in the long run."""

    def __init__(self, burst: float, per_second: float) -> None:
        self._burst, self._per_second = burst, per_second
        self._left, self._at = burst, 0.0

    def take(self, now: float) -> bool:
        self._left = min(self._burst, self._left + (now - self._at) * self._per_second)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


class Hub:
    """One per web process, on one event loop; only used from that loop.

    `count` is called in a thread of the hub's own when counts may have changed, at most every `count_pause` seconds.
    """

    def __init__(
        self,
        count: Callable[[], Counts] | None = None,
        *,
        pause: float = 0.1,
        count_pause: float = 2.0,
        presence_life: float = LIFE,
        queue_limit: int = 100,
    ) -> None:
        self.seq = 0
        self._count, self._pause, self._count_pause, self._queue_limit = count, pause, count_pause, queue_limit
        self._loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._events: list[Body] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._board = PresenceBoard(presence_life)
        self._heard: dict[str, int] = {}  # sender: the number of its last event
        self._subscribed = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._counting: asyncio.Task[None] | None = None
        self._count_again = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live-counts")

    # --- Connections ---------------------------------------------------------------------------------------------------

    async def join(self, viewer: Viewer, send: Send) -> Connection:
        """Greet a browser and let it have every frame from now on."""
        await self._start()
        connection = Connection(viewer, send, self._queue_limit)
        hello = {"type": "hello", "agent": viewer.id, "presence": self._board.snapshot()}
        connection.offer(self.seq, {"type": "websocket.send", "text": encode(self.seq, hello)})
        connection.writer = self._loop.create_task(connection.write())
        self._connections.add(connection)
        CONNECTIONS.set(len(self._connections))
        return connection

    async def leave(self, connection: Connection) -> None:
        self._connections.discard(connection)
        CONNECTIONS.set(len(self._connections))
        if connection.writer is not None:
            await _cancel(connection.writer)
        self._say_left(connection)

    async def stop(self) -> None:
        """Leave the layer and end everything that was started."""
        for connection in list(self._connections):
            await self.leave(connection)
        for task in [*self._tasks, *([self._counting] if self._counting else [])]:
            await _cancel(task)
        if self._flushing is not None:
            self._flushing.cancel()
        self._thread.shutdown(wait=False, cancel_futures=True)
        await asyncio.to_thread(self._thread.shutdown)  # a count that is under way asks the database nothing after this

    async def _start(self) -> None:
        if not self._tasks:
            self._tasks = [self._loop.create_task(self._listen()), self._loop.create_task(self._expire_presence())]
        # A frame's counter means something only to who is subscribed. A layer that is away must not keep the desk from opening.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._subscribed.wait(), SUBSCRIBED_WITHIN)

    # --- From the layer ------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        """Keep the one subscription of this process. After a time without it, everybody is told to fetch what they missed."""
        failed = False
        while True:
            layer: Any = get_channel_layer()
            try:
                channel = await layer.new_channel("desk.")
                await layer.group_add(live.GROUP, channel)
                self._subscribed.set()
                if failed or self._connections:  # who was greeted without it is not up to date either
                    self._tell_all_to_resync()
                try:
                    while True:
                        self._take(await layer.receive(channel))
                finally:
                    with contextlib.suppress(Exception):  # a failure here would hide that the task was cancelled
                        await layer.group_discard(live.GROUP, channel)
            except Exception as error:
                if not failed:
                    logger.warning("the live layer cannot be heard, trying again every second: %s", error)
                failed = True
                await asyncio.sleep(1)

    def _take(self, message: dict[str, Any]) -> None:
        sender, number = message["sender"], message["number"]
        if number > self._heard.get(sender, number) + 1:
            self._tell_all_to_resync()
        self._heard.pop(sender, None)  # at the end again: the oldest are forgotten first
        self._heard[sender] = number
        if len(self._heard) > 1000:
            del self._heard[next(iter(self._heard))]
        event = message["event"]
        if event["type"] == "presence.changed" and not self._board.note(event, self._loop.time()):
            return
        self._queue(event)

    def _queue(self, event: Body) -> None:
        if not self._connections:
            return
        self._events.append(event)
        if self._flushing is None:
            self._flushing = self._loop.call_later(self._pause, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        events, self._events = self._events, []
        try:
            bodies = merge_events(events)
        except Exception:  # an event that this version does not know, or that lacks a field
            logger.exception("live events could not be merged")
            self._tell_all_to_resync()
            return
        for body in bodies:
            self._broadcast(body)
        if any(body["type"] in CHANGES_COUNTS for body in bodies):
            self._count_soon()

    # --- To the browsers -----------------------------------------------------------------------------------------------

    def _broadcast(self, body: Body) -> None:
        self.seq += 1
        frame = {"type": "websocket.send", "text": encode(self.seq, body)}
        for connection in self._connections:
            connection.offer(self.seq, frame)
        FRAMES.labels(body["type"]).inc()

    def _tell_all_to_resync(self) -> None:
        RESYNCS.inc(len(self._connections))
        self._broadcast({"type": "resync", "from": self.seq + 1})

    def _count_soon(self) -> None:
        self._count_again = True
        if self._count is not None and self._counting is None:
            self._counting = self._loop.create_task(self._count_while_changing(self._count))

    async def _count_while_changing(self, count: Callable[[], Counts]) -> None:
        try:
            while self._count_again and self._connections:
                self._count_again = False
                try:
                    self._broadcast_counts(await self._loop.run_in_executor(self._thread, count))
                except Exception as error:  # the database is away; the next change, which may have come already, asks again
                    logger.warning("the views could not be counted: %s", error)
                await asyncio.sleep(self._count_pause)
        finally:
            self._counting = None

    def _broadcast_counts(self, counts: Counts) -> None:
        self.seq += 1
        frames: dict[int, dict[str, Any]] = {}  # by the agent's own number: most agents share a few
        for connection in self._connections:
            mine = counts.mine.get(connection.viewer.id, 0)
            if mine not in frames:
                body = {"type": "counts", "views": counts.views, "mine": mine}
                frames[mine] = {"type": "websocket.send", "text": encode(self.seq, body)}
            connection.offer(self.seq, frames[mine])
        FRAMES.labels("counts").inc()

    # --- Presence ------------------------------------------------------------------------------------------------------

    def say(self, connection: Connection, conversation: int, doing: str) -> None:
        """The agent behind `connection` looks at a conversation, types in it, or left it (DOING). Too much of it is not passed on."""
        now = self._loop.time()
        if not connection.allowance.take(now):
            return
        if doing == "left":
            if connection.place is not None and connection.place[0] == conversation:
                self._say_left(connection)
            return
        if connection.place == (conversation, doing) and now - connection.place_said < LIFE / 3:
            return
        if connection.place is not None and connection.place[0] != conversation:
            self._say_left(connection)
        connection.place, connection.place_said = (conversation, doing), now
        self._publish_presence(connection.viewer, conversation, doing)

    def _say_left(self, connection: Connection) -> None:
        if connection.place is None:
            return
        (conversation, _), connection.place = connection.place, None
        viewer = connection.viewer
        places = (other.place for other in self._connections if other.viewer.id == viewer.id)
        if not any(place is not None and place[0] == conversation for place in places):  # no second window of theirs
            self._publish_presence(viewer, conversation, "left")

    def _publish_presence(self, viewer: Viewer, conversation: int, doing: str) -> None:
        live.send_now(live.PresenceChanged(agent=viewer.id, name=viewer.name, conversation=conversation, doing=doing))

    async def _expire_presence(self) -> None:
        while True:
            await asyncio.sleep(min(1.0, self._board.life / 4))
            for entry in self._board.expire(self._loop.time()):
                self._queue({"type": "presence.changed", **entry})


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
