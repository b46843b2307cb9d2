"""What every connected system does for us: take news of one person, tell what changed there, say whether it is there at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from profiles.models import Connection
from profiles.services.records import PersonRecord


class RemoteError(Exception):
    """What a system refused, or that it could not be asked. `message` is for people and names neither a secret nor a person.

    `permanent`: the same again would be refused again. `gone`: it wants nothing more of us. `retry_after`: seconds that it asks for.
    """

    def __init__(
        self, message: str, *, status: int | None = None, permanent: bool = False, gone: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.permanent = permanent
        self.gone = gone
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class News:
    """One event about one person as it is told: `payload` is what the changed-since feed shows too (services/telling.py).

    `external_id` is what the system calls the person, "" if it has not told us.
    """

    payload: Mapping[str, Any]
    external_id: str = ""

    @property
    def event_id(self) -> str:
        return str(self.payload["id"])

    @property
    def profile_id(self) -> int:
        return int(self.payload["profile"])

    @property
    def record(self) -> Mapping[str, Any] | None:
        """The person as they are now; None if they were erased."""
        return self.payload["record"]  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Received:
    """What a system said when it took news: its HTTP status, and its number of the person where it tells."""

    status: int
    external_id: str = ""


@dataclass(frozen=True, slots=True)
class Pulled:
    """One page of what changed in a system, the place after it, and whether there is more right now.

    `own_ids` are our own numbers of those people, by theirs, where the system keeps them.
    """

    records: Sequence[PersonRecord]
    cursor: str
    has_more: bool = False
    own_ids: Mapping[str, int] = field(default_factory=dict)


class Remote(Protocol):
    """One connected system. All calls raise RemoteError."""

    pulls: bool  # whether it is asked for changes; the others tell us by themselves

    def push(self, news: News, *, now: datetime) -> Received:
        """Tell it of one event. The same event may come again: it must be able to tell by its id, or by nothing having changed."""
        ...

    def pull(self, cursor: str, *, now: datetime) -> Pulled:
        """What changed there since `cursor`, oldest first; "" means from now on."""
        ...

    def check(self, *, now: datetime) -> str:
        """Ask it for a sign of life that changes nothing; what it said, in words."""
        ...


def remote_of(connection: Connection) -> Remote:
    """The system behind a connection."""
    if connection.kind == Connection.Kind.SALESFORCE:
        from profiles.services.salesforce import SalesforceRemote  # a large library, loaded only where it is used

        return SalesforceRemote(connection)
    from profiles.services.webhook_remote import WebhookRemote

    return WebhookRemote(connection)
