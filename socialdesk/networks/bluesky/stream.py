"""What the whole network posts, as Jetstream tells it: of it, what is for us, by us, or has a topic's words; and what was deleted.

The poll reads the same a little later and with more beside it, so nothing hangs on this connection but speed.
"""

from __future__ import annotations

import json
import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from socialdesk.lib import text as texts
from socialdesk.networks.base import AccountConfig, Batch, NetworkError, PostData, QuoteData
from socialdesk.networks.bluesky.client import AGENT, Client
from socialdesk.networks.bluesky.embeds import handle_of, web_address
from socialdesk.networks.bluesky.feeds import terms_of
from socialdesk.networks.bluesky.people import heard, look_up, remember
from socialdesk.networks.bluesky.posts import Entry, deleted_post, read_post
from socialdesk.networks.bluesky.reader import look_up_posts, make_batch
from socialdesk.networks.bluesky.texts import full_text, mentions
from socialdesk.networks.bluesky.values import POST, is_did, part, split_uri, words

PULSE = 10.0  # seconds after which what came is handed on, if it is nothing
SOON = 0.2  # seconds that a post waits for others, to be handed on with them
TOGETHER = 50
BACK = 5_000_000  # microseconds that are heard again after a connection was lost
LONGEST = 2_000_000  # bytes of one event
FIRST_WITHOUT_SPACES = 0x2E80  # from here on are scripts that write words without spaces between them

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Heard:
    """What came, with the time of the last event in microseconds."""

    posts: list[tuple[str, Mapping[str, Any], str]] = field(default_factory=list)  # address, record, when it was seen
    gone: list[str] = field(default_factory=list)
    position: int = 0
    ended: Exception | None = None


class BlueskyStream:
    """See Stream. `unknown` counts the kinds of events that were passed over."""

    def __init__(self, config: AccountConfig) -> None:
        self._client = Client(config)
        self._terms = _patterns(terms_of(config.terms))
        self._closed = threading.Event()
        self._connection: Any = None
        self.unknown: Counter[str] = Counter()

    def listen(self, cursor: str) -> Iterator[Batch]:
        position = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 20 else 0
        with ExitStack() as stack:
            stack.callback(self.close)
            try:
                self._connection = stack.enter_context(_connect(position))
            except Exception:
                raise NetworkError("Bluesky's stream cannot be reached.", retryable=True, code="unreachable") from None
            yield Batch(cursor=cursor)  # it holds
            while not self._closed.is_set():
                came = self._wait()
                # Events that are heard again do not put the cursor back.
                position = max(position, came.position)
                if not (self._closed.is_set() and came.ended):
                    yield make_batch(self._read(came), str(position or ""), more=False)
                if came.ended is not None and not self._closed.is_set():
                    raise NetworkError("Bluesky ended the connection.", retryable=True, code="stream_ended")

    def close(self) -> None:
        self._closed.set()
        if self._connection is not None:
            with suppress(Exception):  # it may have ended by itself, in whatever state
                self._connection.close()

    def _wait(self) -> _Heard:
        came, until = _Heard(), time.monotonic() + PULSE
        while len(came.posts) < TOGETHER and not self._closed.is_set():
            left = until - time.monotonic()
            if left <= 0:
                break
            try:
                event = self._connection.recv(timeout=left)
            except TimeoutError:
                break
            except Exception as error:  # closed, by whomever, or no protocol any more
                came.ended = error
                break
            if self._sort(event, came):
                until = min(until, time.monotonic() + SOON)
        return came

    def _sort(self, event: str | bytes, came: _Heard) -> bool:
        """Put one event where it belongs. True if it is one for us."""
        try:
            given = part(json.loads(event))
        except (ValueError, RecursionError):
            self._pass_over("no JSON")
            return False
        at, kind, commit = given.get("time_us"), given.get("kind"), part(given.get("commit"))
        if type(at) is int and 0 < at < 10**18:
            came.position = max(came.position, at)
        did, key, doing = given.get("did"), commit.get("rkey"), commit.get("operation")
        uri = f"at://{did}/{POST}/{key}"
        if kind != "commit" or commit.get("collection") != POST or doing not in ("create", "delete") or split_uri(uri) is None:
            # Who changed a name or closed an account; records changed afterwards, which the network does not show.
            if kind not in ("commit", "identity", "account"):
                self._pass_over(str(kind)[:40])
            return False
        if doing == "delete":
            came.gone.append(uri)
            return False
        record = part(commit.get("record"))
        if not self._is_for_us(str(did), record):
            return False
        seen = datetime.fromtimestamp(at / 1_000_000, UTC).isoformat() if type(at) is int and 0 < at < 10**16 else ""
        came.posts.append((uri, record, seen))
        return True

    def _pass_over(self, kind: str) -> None:
        if not self.unknown[kind]:
            logger.info("Jetstream sent an event of a kind that is passed over: %r", kind)
        if len(self.unknown) < 100 or kind in self.unknown:
            self.unknown[kind] += 1

    def _is_for_us(self, did: str, record: Mapping[str, Any]) -> bool:
        us = self._client.our_did
        thread = part(record.get("reply"))
        refers = [words(part(thread.get(name)).get("uri")) for name in ("parent", "root")] + [_quoted(record)]
        if did == us or any(uri.startswith(f"at://{us}/") for uri in refers) or us in mentions(record):
            return True
        if not self._terms:
            return False
        folded = texts.fold(full_text(record))
        return any(word in folded and pattern.search(folded) is not None for word, pattern in self._terms)

    def _read(self, came: _Heard) -> list[Entry]:
        people = look_up(self._client, (uri.split("/")[2] for uri, _, _ in came.posts))
        quotes = self._quotes([_quoted(record) for _, record, _ in came.posts])
        entries: list[Entry] = []
        for uri, record, seen in came.posts:
            author = {"did": uri.split("/")[2]}
            entry = read_post(uri, record, author, indexed_at=seen, embed=record.get("embed"), people=people)
            if isinstance(entry, PostData) and (quote := quotes.get(_quoted(record))) is not None:
                entry = replace(entry, quote=quote)
            entries.append(entry)
        remember(entry.author for entry in entries if isinstance(entry, PostData))
        # Of all that is deleted there, what may have been one of the desk's.
        known = heard({uri.split("/")[2] for uri in came.gone})
        return entries + [deleted_post(uri) for uri in came.gone if uri.split("/")[2] in known]

    def _quotes(self, uris: list[str]) -> dict[str, QuoteData]:
        """What those posts show within themselves; nothing where it cannot be looked up now."""
        try:
            views = look_up_posts(self._client, [uri for uri in uris if uri])
        except NetworkError as error:
            if error.account_revoked:
                raise
            return {}
        return {
            uri: QuoteData(uri, handle_of(view.get("author")), full_text(part(view.get("record"))), web_address(uri))
            for uri, view in views.items()
        }


def _connect(position: int) -> AbstractContextManager[Any]:
    from websockets.sync.client import connect

    asked: dict[str, Any] = {"wantedCollections": POST}
    if position:
        asked["cursor"] = max(1, position - BACK)
    address = f"{settings.BLUESKY_JETSTREAM}/subscribe?{urlencode(asked)}"
    return connect(address, max_size=LONGEST, open_timeout=10, close_timeout=1, proxy=None, user_agent_header=AGENT)


def _quoted(record: Mapping[str, Any]) -> str:
    """The post that a record shows within itself."""
    embed = part(record.get("embed"))
    quoted = part(embed.get("record"))
    uri = words(quoted.get("uri")) or words(part(quoted.get("record")).get("uri"))
    whose = split_uri(uri)
    return uri if whose and whose[1] == POST and is_did(whose[0]) else ""


def _patterns(terms: list[str]) -> list[tuple[str, re.Pattern[str]]]:
    """Each term, folded: its longest word, and itself as whole words where its script sets them apart, with any space between them.

    The whole network passes here: nearly all of it is told by a word that it does not hold, which costs a hundredth of a pattern.
    """
    found: list[tuple[str, re.Pattern[str]]] = []
    for term in terms:
        if words_of := texts.fold(term).split():
            inner = r"\s+".join(re.escape(word) for word in words_of)
            whole = _edge(words_of[0][0], r"(?<!\w)") + inner + _edge(words_of[-1][-1], r"(?!\w)")
            found.append((max(words_of, key=len), re.compile(whole)))
    return found


def _edge(sign: str, around: str) -> str:
    return around if ord(sign) < FIRST_WITHOUT_SPACES else ""
