"""The time, in one place: always aware, always UTC, and the same call everywhere so that tests can move it."""

from __future__ import annotations

from datetime import UTC, datetime

EARLIEST = datetime(2004, 1, 1, tzinfo=UTC)  # before this no network that we know existed


def now() -> datetime:
    return datetime.now(UTC)


def start_of_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
