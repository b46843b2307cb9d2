"""X's filtered stream: what mentions us or has a topic's words, seconds after it was posted.

It belongs to the desk's app and not to an account, so each account's rules bear a tag, and an account hears what its own rules found. X
repeats nothing after a connection was lost; reading fills the gap.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import requests
from django.conf import settings
from django.core.cache import cache

from socialdesk.lib.outbound import NotPublic
from socialdesk.networks.base import AccountConfig, Batch, NetworkError, Unreadable
from socialdesk.networks.wire import StreamSession, retry_after, unreachable
from socialdesk.networks.x import fields, payloads
from socialdesk.networks.x.client import Client, problem_of, read_json, refused
from socialdesk.networks.x.query import stream_rules

logger = logging.getLogger(__name__)
RULES = "/2/tweets/search/stream/rules"
LONGEST_LINE = 2_000_000  # bytes; no post is a tenth of it
# Seconds until it is tried again where the app has as many connections as its plan allows. X counts one that was closed for some seconds
# more, so the first tries come soon; where another account holds it, all later ones are as far apart as TAKEN.
FIRST_TAKEN, TAKEN = 5.0, 300.0


class XStream:
    """Listens for one account. See Stream."""

    def __init__(self, config: AccountConfig) -> None:
        self._app = Client(config, as_app=True)
        self._us = config.external_id
        self._closed = threading.Event()
        self._response: requests.Response | None = None

    @property
    def tag(self) -> str:
        """By which our rules are told from those of other accounts, and of other programs of the same app."""
        return f"socialdesk:{self._us or self._app.username.lower()}"

    def listen(self, cursor: str) -> Iterator[Batch]:
        self.keep_rules()
        if self._closed.is_set():
            return
        try:
            with self._connect() as self._response:
                cache.delete(self._refusals)
                if self._closed.is_set():  # while it was being opened, when there was nothing yet to break off
                    return
                yield Batch()
                for line in self._lines(self._response):
                    batch = self._read(line)
                    if batch is not None:
                        yield batch
        except (requests.RequestException, NotPublic, OSError, ValueError, AttributeError) as error:
            if self._closed.is_set():
                return  # close() breaks the connection off in the middle of reading
            raise unreachable(error, is_write=False) from error
        if not self._closed.is_set():
            raise NetworkError("X has ended the stream.", retryable=True, code="stream_ended")

    def close(self) -> None:
        self._closed.set()
        response = self._response
        if response is not None:
            with suppress(OSError, ValueError, RuntimeError):  # it has ended by itself meanwhile
                response.raw.shutdown()

    def keep_rules(self) -> None:
        """Add the rules that are missing, then remove those of ours that nothing asks for any more."""
        wanted = stream_rules(self._app.config.terms, us=self._app.username)
        there = self._read_rules()
        if missing := [value for value in wanted if value not in there]:
            self._change({"add": [{"value": value, "tag": self.tag} for value in missing]})
        if obsolete := [rule_id for value, rule_id in there.items() if value not in wanted and rule_id]:
            self._change({"delete": {"ids": obsolete}})

    def drop_rules(self) -> None:
        """Remove our rules: the account is listened for no more."""
        if ids := [rule_id for rule_id in self._read_rules().values() if rule_id]:
            self._change({"delete": {"ids": ids}})

    def _read_rules(self) -> dict[str, str]:
        """The ids of our rules, by their words."""
        data = self._app.get(RULES).get("data")
        ours = [rule for rule in data if isinstance(rule, dict) and rule.get("tag") == self.tag] if isinstance(data, list) else []
        return {str(rule.get("value")): payloads.id_of(rule.get("id")) for rule in ours}

    def _change(self, body: dict[str, Any]) -> None:
        answer = read_json(self._app.library.request("POST", RULES, json=body), is_write=True)
        if answer.get("errors"):
            # Reading searches for the same words, so that nothing is lost but seconds.
            logger.warning("X did not take every rule of the stream of account %s", self._us)

    def _connect(self) -> requests.Response:
        session = StreamSession()
        session.headers["Authorization"] = f"Bearer {self._app.library.bearer_token}"
        response = session.get(settings.X_API + "/2/tweets/search/stream", params=fields.STREAM)
        if response.status_code == 200:
            return response
        try:
            response._content = response.raw.read(100_000, decode_content=True)
            if response.status_code == 429 and _is_taken(response):
                wait = retry_after(response) or self._next_wait()
                said = "X lets the desk's app have no further connection; posts are heard when they are read."
                raise NetworkError(said, retryable=True, retry_after=wait, code="rate_limit")
            raise refused(response, is_write=False, credentials=None)
        finally:
            response.close()

    @property
    def _refusals(self) -> str:
        """Where it is counted how often in a row X had no place for us: each try is another stream, perhaps of another process."""
        return f"x:stream-taken:{self.tag}"

    def _next_wait(self) -> float:
        before: int = cache.get(self._refusals, 0)
        cache.set(self._refusals, before + 1, timeout=2 * TAKEN)
        return min(TAKEN, FIRST_TAKEN * 2.0 ** min(before, 10))

    def _lines(self, response: requests.Response) -> Iterator[bytes]:
        begun = b""
        for chunk in response.iter_content(512):
            *lines, begun = (begun + chunk).split(b"\n")
            yield from lines
            if len(begun) > LONGEST_LINE:
                raise NetworkError("X sent a post without an end.", retryable=True, code="too_long")
            if self._closed.is_set():
                return

    def _read(self, line: bytes) -> Batch | None:
        """What one line brought; None where it is another account's. Raises NetworkError where X says that the stream is over."""
        if not line.strip():
            return Batch()
        try:
            body = json.loads(line)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return Batch(unreadable=(Unreadable("it is no object"),))
        if body.get("data") is None:
            return self._read_notice(body)
        matching = body.get("matching_rules")
        tags = [rule.get("tag") for rule in matching if isinstance(rule, dict)] if isinstance(matching, list) else []
        if tags and self.tag not in tags:
            return None
        found, odd = payloads.read_found(body, us=self._us)
        return Batch(tuple(one.post for one in found), unreadable=tuple(odd))

    def _read_notice(self, body: dict[str, Any]) -> Batch:
        errors = body.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else None
        if first is None:
            return Batch(unreadable=(Unreadable("it is of an unknown kind"),))
        said = next((text for text in (first.get("detail"), first.get("title")) if isinstance(text, str)), "no reason given")
        raise NetworkError(f"X has ended the stream: {said}"[:400], retryable=True, code="stream_ended")


def _is_taken(response: requests.Response) -> bool:
    said, kind = problem_of(response)
    return kind == "streaming-connection" or "connection" in said.lower()
