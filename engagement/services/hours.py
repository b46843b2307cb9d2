"""When people may be reached: the company's quiet hours in the customer's own day, and the windows in which a call can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from engagement.models import CallbackRequest, Company
from engagement.services.places import zones_of_number
from profiles.models import ContactPoint
from profiles.services.people import person_of

SOON = "soon"  # the window of who wants to be called as soon as possible
SOON_LASTS = timedelta(hours=2)
STARTS = (8, 10, 12, 14, 16, 18)  # o'clock; each window lasts until the next
LENGTH = timedelta(hours=2)
DAYS = 5  # today and the days after it
_STEP = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Window:
    """When somebody wants to be called, and the zone in which they said so. `value` is its name in the form."""

    value: str
    starts: datetime
    ends: datetime
    zone: str


class BadWindow(ValueError):
    """No window that can be kept. `code` is unknown, past or quiet."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def customer_zones(contact_point: ContactPoint, company: Company) -> list[ZoneInfo]:
    """The customer's time zone as they said it last, else those that their number may be in, else the company's. One query."""
    asked = CallbackRequest.objects.filter(profile__person=person_of(contact_point.profile_id)).order_by("-created_at", "-pk")
    said = asked.values_list("zone", flat=True).first()
    names = [said] if said else zones_of_number(contact_point)
    return [ZoneInfo(name) for name in names] or [ZoneInfo(company.time_zone)]


def is_quiet(moment: datetime, zones: Sequence[ZoneInfo], company: Company) -> bool:
    """Whether it is a quiet hour in any of `zones`."""
    return any(_is_quiet_time(moment.astimezone(zone).time(), company) for zone in zones)


def next_loud(moment: datetime, zones: Sequence[ZoneInfo], company: Company) -> datetime:
    """`moment` if it is no quiet hour, else the end of the quiet hours.

    Zones so far apart that there is always one asleep cannot be all the customer's: then the company's day counts.
    """
    if not is_quiet(moment, zones, company):
        return moment
    for zones_tried in (zones, [ZoneInfo(company.time_zone)]):
        later = moment.replace(second=0, microsecond=0) - timedelta(minutes=moment.minute % 15)
        for _ in range(2 * 24 * 4):
            later += _STEP
            if not is_quiet(later, zones_tried, company):
                return later
    return moment  # the whole day is quiet: nothing of it can be kept


def _is_quiet_time(clock: time, company: Company) -> bool:
    start, end = company.quiet_from, company.quiet_until
    if start <= end:
        return start <= clock < end
    return clock >= start or clock < end


def offer_windows(zone: ZoneInfo, company: Company, now: datetime) -> list[tuple[date, list[Window]]]:
    """The windows of the next days in `zone` that are not over and not quiet, by day."""
    today = now.astimezone(zone).date()
    days = []
    for number in range(DAYS):
        day = today + timedelta(days=number)
        windows = [_window(day, hour, zone) for hour in STARTS]
        days.append((day, [window for window in windows if window.ends > now and not _touches_quiet(window, zone, company)]))
    return [(day, windows) for day, windows in days if windows]


def read_window(value: str, zone: ZoneInfo, company: Company, now: datetime) -> Window:
    """The window that the form named: `soon`, or day and hour as in 2026-05-04T10. Raises BadWindow."""
    if value == SOON:
        if is_quiet(now, [zone], company):
            raise BadWindow("quiet")
        return Window(SOON, now, now + SOON_LASTS, zone.key)
    day_given, _, hour_given = value.partition("T")
    try:
        day, hour = date.fromisoformat(day_given), int(hour_given)
    except ValueError:
        raise BadWindow("unknown") from None
    if hour not in STARTS or abs((day - now.date()).days) > DAYS + 1:
        raise BadWindow("unknown")
    window = _window(day, hour, zone)
    if window.ends <= now:
        raise BadWindow("past")
    if _touches_quiet(window, zone, company):
        raise BadWindow("quiet")
    return window


def _window(day: date, hour: int, zone: ZoneInfo) -> Window:
    starts = datetime.combine(day, time(hour), zone)
    return Window(f"{day.isoformat()}T{hour:02}", starts, datetime.combine(day, time(hour + 2), zone), zone.key)


def _touches_quiet(window: Window, zone: ZoneInfo, company: Company) -> bool:
    steps = int(LENGTH / _STEP)
    return any(is_quiet(window.starts + number * _STEP, [zone], company) for number in range(steps))
