"""The stretch of time that a page is about: which hours, cut into which buckets, against which stretch before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from typing import Literal, get_args

from socialdesk.lib.clock import EARLIEST, start_of_hour
from socialdesk.lib.errors import DeskError

Name = Literal["24h", "7d", "30d", "custom"]
Per = Literal["hour", "day"]
LABELS: dict[Name, str] = {"24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days", "custom": "From a day to a day"}
MAX_DAYS = 366
MAX_DAYS_BY_HOUR = 14
DAYS_BY_HOUR_UNASKED = 2  # a window of so few days is cut into hours unless days are asked for

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """One hour or day of a window. `start` and `end` are whole hours of UTC; `is_partial` says that it has not ended yet."""

    start: datetime
    end: datetime
    is_partial: bool


@dataclass(frozen=True, slots=True)
class Window:
    """`since` to before `until`, whole hours of UTC, in the desk's time zone `zone` as it was at `now`.

    Counts are kept by the hour of UTC. In a zone that is off by half an hour a day therefore begins with the whole hour
    that its midnight falls into.
    """

    name: Name
    per: Per
    since: datetime
    until: datetime
    now: datetime
    zone: tzinfo
    first_day: date | None = None  # of a window made of days
    last_day: date | None = None

    @property
    def buckets(self) -> list[Bucket]:
        return [Bucket(start, end, is_partial=start <= self.now < end) for start, end in pairwise(self._bounds()) if start < end]

    @property
    def complete_until(self) -> datetime:
        """Where its whole hours end: comparisons leave out the hour that runs."""
        return max(self.since, min(self.until, start_of_hour(self.now)))

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The same hours of the window before, as long as the whole hours of this one. Days keep their clock times when clocks change."""
        if self.first_day is None or self.last_day is None:
            length = self.until - self.since
            return self.since - length, self.complete_until - length
        days = self.last_day - self.first_day + DAY
        if self.complete_until == self.until:
            return _start_of_day(self.first_day - days, self.zone), self.since
        local_end = self.complete_until.astimezone(self.zone)
        shifted = datetime.combine(local_end.date() - days, local_end.timetz().replace(tzinfo=self.zone))
        since = _start_of_day(self.first_day - days, self.zone)
        return since, min(max(since, start_of_hour(shifted)), self.since)  # a zone may have left out a day between the two

    def _bounds(self) -> Iterator[datetime]:
        if self.per == "day" and self.first_day is not None and self.last_day is not None:
            for count in range((self.last_day - self.first_day).days + 2):
                yield _start_of_day(self.first_day + count * DAY, self.zone)
            return
        moment = self.since
        while moment <= self.until:
            yield moment
            moment += HOUR


def make_window(*, name: str, per: str = "", first_day: str = "", last_day: str = "", now: datetime, zone: tzinfo) -> Window:
    """The window that a page asked for, by the words in its address. `first_day` and `last_day` (YYYY-MM-DD, both included) count for
    "custom" only. Raises DeskError with a sentence for what makes no sense."""
    if name not in LABELS:
        raise DeskError(f"“{name[:40]}” is not a window. Choose 24h, 7d, 30d, or custom with two days.")
    if per and per not in get_args(Per):
        raise DeskError(f"“{per[:40]}” is not a step. Choose hour or day.")
    if name == "24h":
        if per == "day":
            raise DeskError("The last 24 hours are shown by the hour. Choose a longer window to see days.")
        until = start_of_hour(now) + HOUR
        return Window("24h", "hour", until - DAY, until, now, zone)
    today = now.astimezone(zone).date()
    if name == "custom":
        first, last = _read_days(first_day, last_day, today)
    else:
        first, last = today - (6 if name == "7d" else 29) * DAY, today
    days = (last - first).days + 1
    if per == "hour" and days > MAX_DAYS_BY_HOUR:
        raise DeskError(f"By the hour, at most {MAX_DAYS_BY_HOUR} days can be shown, and this is {days}. Choose fewer days, or show days.")
    step: Per = "hour" if per == "hour" or (not per and days <= DAYS_BY_HOUR_UNASKED) else "day"
    chosen: Name = "custom" if name == "custom" else "7d" if name == "7d" else "30d"
    return Window(chosen, step, _start_of_day(first, zone), _start_of_day(last + DAY, zone), now, zone, first, last)


def _read_days(first_day: str, last_day: str, today: date) -> tuple[date, date]:
    first, last = _read_day(first_day, "from"), _read_day(last_day, "to")
    if first > last:
        raise DeskError(f"The window ends on {last:%Y-%m-%d}, before it begins on {first:%Y-%m-%d}. Turn the two days round.")
    if last > today:
        raise DeskError(f"{last:%Y-%m-%d} has not come yet. Choose days up to today, {today:%Y-%m-%d}.")
    if first < EARLIEST.date():
        raise DeskError(f"There is nothing before {EARLIEST:%Y-%m-%d}. Choose a later first day.")
    if (last - first).days >= MAX_DAYS:
        raise DeskError(f"At most {MAX_DAYS} days can be shown at once. Choose fewer.")
    return first, last


def _read_day(text: str, which: str) -> date:
    if not text:
        raise DeskError(f"Choose the day that the window is {which} (as 2026-03-31).")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise DeskError(f"“{text[:40]}” is not a day. Write it as 2026-03-31.") from None


def _start_of_day(day: date, zone: tzinfo) -> datetime:
    return start_of_hour(datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC))
