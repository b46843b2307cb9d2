"""Windows in the desk's time zone: days have as many hours as they have there, and nonsense is refused with a sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listening.trends.windows import HOUR, Window, make_window
from socialdesk.lib.errors import DeskError

BERLIN = ZoneInfo("Europe/Berlin")
KOLKATA = ZoneInfo("Asia/Kolkata")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Pacific/Apia", "Asia/Beirut", "Australia/Lord_Howe"]


def window(name: str = "custom", *, now: str = "2026-11-22T09:40:00Z", zone: str = "Europe/Berlin", **given: str) -> Window:
    return make_window(name=name, now=datetime.fromisoformat(now), zone=ZoneInfo(zone), **given)


def test_last_24_hours_end_with_the_hour_that_runs() -> None:
    buckets = window("24h").buckets
    assert len(buckets) == 24
    assert [bucket.is_partial for bucket in buckets] == [False] * 23 + [True]
    assert buckets[-1].start == datetime(2026, 11, 22, 9, tzinfo=UTC)


def test_days_begin_at_midnight_of_the_desk() -> None:
    days = window("7d").buckets
    assert len(days) == 7
    assert all(day.start.astimezone(BERLIN).hour == 0 for day in days)
    assert [day.is_partial for day in days] == [False] * 6 + [True]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-03-30", 24), ("2026-10-25", 25)])
def test_a_day_on_which_clocks_change_has_the_hours_that_it_has(day: str, hours: int) -> None:
    by_day = window(first_day=day, last_day=day, per="day")
    assert (by_day.until - by_day.since) == timedelta(hours=hours)
    by_hour = window(first_day=day, last_day=day, per="hour").buckets
    assert len(by_hour) == hours


def test_a_day_in_a_zone_off_by_half_an_hour_begins_with_the_whole_hour_of_its_midnight() -> None:
    first = window(first_day="2026-03-04", last_day="2026-03-05", per="day", zone="Asia/Kolkata").buckets[0]
    assert first.start == datetime(2026, 3, 3, 18, tzinfo=UTC)  # midnight there is 18:30


def test_a_finished_window_is_compared_with_the_days_before() -> None:
    past = window(first_day="2026-11-10", last_day="2026-11-16")
    assert past.before == (datetime(2026, 11, 2, 23, tzinfo=UTC), past.since)


def test_a_running_window_is_compared_with_the_same_hours_of_the_days_before() -> None:
    running = window("7d")
    assert running.complete_until == datetime(2026, 11, 22, 9, tzinfo=UTC)
    assert running.before == (datetime(2026, 11, 8, 23, tzinfo=UTC), datetime(2026, 11, 15, 9, tzinfo=UTC))


def test_the_same_clock_times_are_compared_when_clocks_changed_between() -> None:
    running = window("7d", now="2026-10-27T09:40:00Z")  # 10:40 in winter time; a week before it was summer time
    since, until = running.before
    assert until.astimezone(BERLIN).hour == running.complete_until.astimezone(BERLIN).hour == 10
    assert since.astimezone(BERLIN).hour == 0


@given(
    zone=st.sampled_from(ZONES),
    now=st.datetimes(datetime(2010, 1, 1), datetime(2035, 1, 1)),
    name=st.sampled_from(["24h", "7d", "30d"]),
)
def test_buckets_cover_the_window_without_gap_or_overlap(zone: str, now: datetime, name: str) -> None:
    made = make_window(name=name, now=now.replace(tzinfo=UTC), zone=ZoneInfo(zone))
    buckets = made.buckets
    assert buckets[0].start == made.since
    assert buckets[-1].end == made.until
    assert all(one.end == two.start for one, two in pairwise(buckets))
    assert all(bucket.start.minute == bucket.end.minute == 0 for bucket in buckets)
    assert sum(bucket.is_partial for bucket in buckets) <= 1
    since, until = made.before
    assert since <= until <= made.since
    assert (until - since) - (made.complete_until - made.since) <= HOUR * 25  # a change of clocks, or a day that a zone left out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"name": "fortnight"}, "not a window"),
        ({"name": "7d", "per": "minute"}, "not a step"),
        ({"name": "24h", "per": "day"}, "longer window"),
        ({"name": "30d", "per": "hour"}, "at most 14 days"),
        ({"name": "custom"}, "Choose the day"),
        ({"name": "custom", "first_day": "yesterday", "last_day": "2026-11-01"}, "not a day"),
        ({"name": "custom", "first_day": "2026-11-02", "last_day": "2026-11-01"}, "Turn the two days round"),
        ({"name": "custom", "first_day": "2026-11-02", "last_day": "9999-12-31"}, "has not come yet"),
        ({"name": "custom", "first_day": "0001-01-01", "last_day": "2026-11-01"}, "nothing before"),
        ({"name": "custom", "first_day": "2024-01-01", "last_day": "2026-11-01"}, "At most 366 days"),
        ({"name": "custom", "first_day": "2026-11-01", "last_day": "2026-99-01"}, "not a day"),
        ({"name": "custom", "first_day": "\x00", "last_day": "2026-11-01"}, "not a day"),
    ],
)
def test_nonsense_is_refused_with_what_to_do(given: dict[str, str], says: str) -> None:
    with pytest.raises(DeskError, match=says):
        make_window(**given, now=datetime(2026, 11, 22, 9, tzinfo=UTC), zone=BERLIN)
