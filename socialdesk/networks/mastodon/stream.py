"""What a server pushes: one open connection for the account, one for each of its hashtags, one for its list.

The lines are read here and not by the library, which ends a connection at the first event that it cannot read. Nothing is said again
after a connection was lost: what was missed meanwhile is read by MastodonReader.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import requests

from socialdesk.networks.base import AccountConfig, AuthorData, Batch, MessageData, NetworkError, PostData, Unreadable
from socialdesk.networks.mastodon.client import Client
from socialdesk.networks.mastodon.entities import NETWORK, Entry, Us, identity, mentioned, read_status
from socialdesk.networks.mastodon.feeds import HEARD, TAGS, tags_of
from socialdesk.networks.mastodon.reader import make_batch
from socialdesk.networks.wire import unreachable

PULSE = 15.0  # seconds after which silence is told as an empty batch; a connection without a byte for a minute is lost
LONGEST_EVENT = 1_000_000  # bytes
REMEMBERED = 2_000  # posts whose authors are known when their deletion is told, by nothing but an id
TOGETHER = 100  # events that are handed on as one batch
WAITING = 1_000  # events that wait to be taken in; then the server has to wait too

logger = logging.getLogger(__name__)


class MastodonStream:
    """See Stream. `unknown` counts the kinds of events that were passed over."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config)
        self._events: queue.Queue[tuple[str, str, str] | Exception | None] = queue.Queue(WAITING)
        self._open: list[requests.Response] = []
        self._closed = threading.Event()
        self._authors: OrderedDict[str, AuthorData] = OrderedDict()
        self.unknown: Counter[str] = Counter()

    def listen(self, cursor: str) -> Iterator[Batch]:
        us = Us(self._client.our_id, self._client.config.username, self._client.domain)
        try:
            base = self._client.streaming_address()
            for name, path in self._paths():
                if self._closed.is_set():
                    return
                response = self._client.open(base + path)
                self._open.append(response)
                threading.Thread(target=self._hear, args=(name, response), name=f"mastodon {name}", daemon=True).start()
            yield Batch(cursor=cursor)  # it holds
            while not self._closed.is_set():
                events = self._waiting()
                told = (self._read(*event, us) for event in events if isinstance(event, tuple))
                entries = [entry for entry in told if entry is not None]
                # A sign of life, or none for so long while the connections hold: an empty one says that they do.
                yield make_batch(entries, cursor, more=False)
                for event in events:
                    if isinstance(event, Exception):
                        raise event
        finally:
            self.close()

    def close(self) -> None:
        self._closed.set()
        for response in self._open:
            with suppress(Exception):  # it may have ended by itself, in whatever state
                response.raw.shutdown()
        with suppress(queue.Full):
            self._events.put_nowait(None)

    def _waiting(self) -> list[tuple[str, str, str] | Exception | None]:
        """What came, as much as waits and one transaction takes well; nothing after PULSE seconds of silence."""
        events: list[tuple[str, str, str] | Exception | None] = []
        with suppress(queue.Empty):
            events.append(self._events.get(timeout=PULSE))
            while len(events) < TOGETHER:
                events.append(self._events.get_nowait())
        return events

    def _paths(self) -> list[tuple[str, str]]:
        config = self._client.config
        paths = [("user", "/api/v1/streaming/user")]
        if named := config.credentials.get("list", ""):
            paths.append(("list", f"/api/v1/streaming/list?list={quote(named, safe='')}"))
        tags = tags_of(config.terms)[:TAGS]
        return paths + [(f"#{tag}", f"/api/v1/streaming/hashtag?tag={quote(tag, safe='')}") for tag in tags]

    def _hear(self, name: str, response: requests.Response) -> None:
        """Put what one connection brings into the queue, for as long as it holds."""
        lost: Exception = NetworkError("The server ended the connection.", retryable=True, code="stream_ended")
        try:
            for kind, data in read_events(response):
                if self._closed.is_set():
                    return
                self._hand_over((name, kind, data) if kind else None)
        except Exception as error:
            lost = unreachable(error, is_write=False)
        finally:
            response.close()
        self._hand_over(lost)

    def _hand_over(self, event: tuple[str, str, str] | Exception | None) -> None:
        while not self._closed.is_set():
            with suppress(queue.Full):
                self._events.put(event, timeout=1)
                return

    def _read(self, name: str, kind: str, data: str, us: Us) -> Entry | None:
        """One event; None where there is nothing in it for us."""
        if kind == "delete":
            external_id = identity(data.strip().strip('"'))
            return self._deleted(external_id) if 0 < len(external_id) <= 200 else None
        if kind not in ("update", "status.update", "notification"):
            if not self.unknown[kind]:
                logger.info("Mastodon sent an event of a kind that is passed over: %.40r", kind)
            if len(self.unknown) < 100 or kind in self.unknown:
                self.unknown[kind] += 1
            return None
        try:
            given = json.loads(data)
        except (ValueError, RecursionError):
            return Unreadable("The server pushed what is no JSON.")
        if kind == "notification":
            if not isinstance(given, Mapping) or given.get("type") not in HEARD:
                return None
            given = given.get("status")
        elif name == "user" and not _is_for_us(given, us):
            return None  # what those wrote whom we follow
        entry = read_status(given, us)
        if isinstance(entry, PostData | MessageData):
            self._remember(entry)
        return entry

    def _remember(self, entry: PostData | MessageData) -> None:
        self._authors[entry.external_id] = entry.author
        self._authors.move_to_end(entry.external_id)
        if len(self._authors) > REMEMBERED:
            self._authors.popitem(last=False)

    def _deleted(self, external_id: str) -> PostData:
        author = self._authors.get(external_id) or AuthorData("unknown", "unknown")
        return PostData(NETWORK, external_id, "", author, datetime.now(UTC), deleted=True)


def read_events(response: requests.Response) -> Iterator[tuple[str, str]]:
    """(kind, data) of each server-sent event; ("", "") for a sign of life. What is longer than LONGEST_EVENT is left out."""
    kind, data, size, told = "", list[str](), 0, 0.0
    for line in _lines(response):
        if line == "":
            if kind and size <= LONGEST_EVENT:
                yield kind, "\n".join(data)
            kind, data, size = "", [], 0
        elif line is None:
            size = LONGEST_EVENT + 1
        elif line.startswith(":"):
            if time.monotonic() - told >= 1:  # a server may send as many as it likes
                told = time.monotonic()
                yield "", ""
        else:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            size += len(value) + 1  # an empty line is one too
            if name == "event":
                kind = value.strip()
            elif name == "data" and size <= LONGEST_EVENT:
                data.append(value)


def _lines(response: requests.Response) -> Iterator[str | None]:
    """Line by line as they come; None for one that is too long to be kept."""
    kept = bytearray()
    is_cut = False
    while chunk := response.raw.read1(65_536, decode_content=True):
        *whole, rest = (bytes(kept) + chunk).replace(b"\r\n", b"\n").split(b"\n")
        for line in whole:
            yield None if is_cut else line.decode("utf-8", "replace")
            is_cut = False
        kept = bytearray(rest)
        if len(kept) > LONGEST_EVENT:
            kept, is_cut = bytearray(), True


def _is_for_us(status: Any, us: Us) -> bool:
    if not isinstance(status, Mapping):
        return True  # it is counted as unreadable
    author = status.get("account")
    is_ours = isinstance(author, Mapping) and identity(author.get("id")) == us.id
    return is_ours or any(identity(person.get("id")) == us.id for person in mentioned(status))
