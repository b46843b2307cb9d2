"""What every carrier of text messages does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class BadSignature(Exception):
    """A request that says it is the provider's, and cannot prove it."""


@dataclass(frozen=True, slots=True)
class IncomingText:
    """A text message that a customer sent us. `sender` is in E.164."""

    external_id: str
    sender: str
    text: str


class SmsSender(Protocol):
    """Sends text messages. Raises NetworkError, whose kind says whether it may be tried again (see networks/base.py)."""

    longest: int  # characters of one message
    can_look: bool  # whether `find` can tell what became of an earlier try
    opted_out: frozenset[str]  # codes of its refusals that mean: this person told the provider to stop

    def send(self, *, to: str, text: str) -> str:
        """Hand one message over; gives the provider's id for it. `to` is in E.164."""
        ...

    def find(self, *, to: str, text: str, since: datetime) -> str | None:
        """The provider's id of a message with that text that it took for `to` after `since`; None if it has none."""
        ...

    def read_incoming(self, *, url: str, form: Mapping[str, str], signature: str) -> IncomingText | None:
        """What the provider told us at `url`; None for news that is no message. Raises BadSignature."""
        ...
