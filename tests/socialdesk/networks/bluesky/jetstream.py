"""A Jetstream on this machine: tells every post of the simulated network over a websocket, from a cursor on."""

from __future__ import annotations

import json
import threading
import time
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.socialdesk.networks.bluesky.world import World


class Jetstream:
    """Starts at once, on a free port. `asked` has the query of each connection."""

    def __init__(self, world: World) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.events: list[tuple[int, str]] = []  # time_us, as it is sent
        self._news = threading.Condition()
        self._open: list[ServerConnection] = []
        self._last = 0
        self.refuses = False
        self._server = serve(self._tell, "127.0.0.1", 0)
        self.address = f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        world.listener = self._hear

    @property
    def is_heard(self) -> bool:
        """Whether somebody is told of what comes from now on."""
        return bool(self._open)

    def stop(self) -> None:
        self.drop()
        self._server.shutdown()

    def drop(self) -> None:
        """End every connection, without a word."""
        for connection in self._open:
            with suppress(OSError):
                connection.socket.shutdown(2)
        self._open.clear()

    def push(self, event: Any) -> None:
        """One event, as it is given: it may be of any kind, and no JSON."""
        with self._news:
            self._last = max(time.time_ns() // 1000, self._last + 1)
            if isinstance(event, dict):
                event = json.dumps({"time_us": self._last, **event})
            self.events.append((self._last, event))
            self._news.notify_all()

    def push_again(self, count: int) -> None:
        """The last events once more, newest first."""
        with self._news:
            self.events += self.events[-count:][::-1]
            self._news.notify_all()

    def _hear(self, operation: str, did: str, collection: str, key: str, record: dict[str, Any] | None, cid: str) -> None:
        commit: dict[str, Any] = {"rev": "3l3qo2vutsw2b", "operation": operation, "collection": collection, "rkey": key}
        if record is not None:
            commit |= {"record": {**record, "$type": collection}, "cid": cid}
        self.push({"did": did, "kind": "commit", "commit": commit})

    def _tell(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        parts = urlsplit(connection.request.path)
        query = parse_qs(parts.query)
        self.asked.append(query)
        if parts.path != "/subscribe" or self.refuses:
            return
        wanted = query.get("wantedCollections", [])
        after = int(query["cursor"][0]) if "cursor" in query else None
        with self._news:
            place = len(self.events) if after is None else sum(at < after for at, _ in self.events)
        self._open.append(connection)
        with suppress(ConnectionClosed, OSError):
            while connection in self._open:
                with self._news:
                    self._news.wait_for(lambda: len(self.events) > place, timeout=0.05)  # noqa: B023
                    fresh = self.events[place:]
                    place = len(self.events)
                for _, event in fresh:
                    if _is_wanted(event, wanted):
                        connection.send(event)


def _is_wanted(event: str, wanted: list[str]) -> bool:
    with suppress(ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return not wanted or json.loads(event)["commit"]["collection"] in wanted
    return True
