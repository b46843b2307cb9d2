"""The sandbox as one account reaches it: each call may fail as the world's faults say, and refusals become NetworkErrors."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from socialdesk.networks.base import NetworkError
from socialdesk.networks.sandbox.faults import AFTER_WRITING, BEFORE_WRITING, IN_DELIVERY, Draw
from socialdesk.networks.sandbox.records import SANDBOX, Account, Refused
from socialdesk.networks.sandbox.world import World

T = TypeVar("T")

_WORDS = {
    "rate_limit": "429 Too Many Requests",
    "dropped": "the connection was lost before an answer came",
    "server_error": "500 Internal Server Error",
    "error_after_accept": "500 Internal Server Error",
    "timeout_after_accept": "no answer within the time allowed",
    "lookup_down": "503 Service Unavailable: the search is down",
}


class Client:
    """One account's way to one of the world's networks."""

    def __init__(self, world: World, username: str, *, network: str = SANDBOX) -> None:
        self.world = world
        self.network = network
        self._username = username

    @property
    def account(self) -> Account:
        """Our own account, which is made where the world does not have it (any more)."""
        known = self.world.account(self._username, network=self.network)
        return known or self.world.add_account(self._username, network=self.network)

    def read(self, action: Callable[[Draw], T]) -> T:
        """Fetches something. The action is told in what order and how often to deliver. Failures are retryable."""
        draw = self.world.faults.draw(BEFORE_WRITING, ("slow", *IN_DELIVERY))
        self._fail_reading(draw)
        return self._act(lambda: action(draw))

    def look_up(self, action: Callable[[], T]) -> T:
        """Asks about one thing. Failures are retryable: the question may be asked again."""
        draw = self.world.faults.draw((*BEFORE_WRITING, "lookup_down"), ("slow",))
        self._fail_reading(draw)
        return self._act(action)

    def write(self, action: Callable[[], T]) -> T:
        """Writes something. What fails without an answer of the network's leaves the outcome unknown."""
        draw = self.world.faults.draw((*BEFORE_WRITING, *AFTER_WRITING), ("slow",))
        self._wait(draw)
        if draw.failure in BEFORE_WRITING:
            raise _error(draw, retryable=draw.failure == "rate_limit")
        written = self._act(action)
        if draw.failure:
            raise _error(draw, retryable=False)
        return written

    def _fail_reading(self, draw: Draw) -> None:
        self._wait(draw)
        if draw.failure:
            raise _error(draw, retryable=True)

    @staticmethod
    def _wait(draw: Draw) -> None:
        if "slow" in draw.effects:
            time.sleep(draw.seconds["slow"])

    @staticmethod
    def _act(action: Callable[[], T]) -> T:
        try:
            return action()
        except Refused as refusal:
            raise NetworkError(f"The sandbox refused: {refusal}.", permanent=True, code=refusal.code) from refusal
        except sqlite3.OperationalError as error:
            # Locked for too long, or a full disk: the transaction was undone as a whole.
            raise NetworkError(f"The sandbox's file cannot be used: {error}.", retryable=True, code="unavailable") from error


def _error(draw: Draw, *, retryable: bool) -> NetworkError:
    if draw.failure == "revoked":
        message = "The sandbox answered 401 Unauthorized: the credentials no longer work."
        return NetworkError(message, permanent=True, account_revoked=True, code="revoked")
    wait = draw.seconds["rate_limit"] if draw.failure == "rate_limit" else None
    return NetworkError(f"The sandbox failed: {_WORDS[draw.failure]}.", retryable=retryable, retry_after=wait, code=draw.failure)
