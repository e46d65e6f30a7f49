"""Days of the simulated year: workdays with 调休, office hours, due dates by counting in a list."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from random import Random

import chinese_calendar

from streams.domain.policy import Deadline

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
SHANGHAI = dt.timezone(dt.timedelta(hours=8))
_EPOCH = dt.date(1970, 1, 1)
_SATURDAY = 5
_MARGIN_DAYS = 800


def at_ms(date: dt.date, hour: int = 0, minute: int = 0) -> int:
    """Epoch milliseconds of a time of day in Asia/Shanghai."""
    return round(dt.datetime(date.year, date.month, date.day, hour, minute, tzinfo=SHANGHAI).timestamp()) * 1000


def day_number(date: dt.date) -> int:
    """Days since 1970, as the wire has dates."""
    return (date - _EPOCH).days


def day_at(moment_ms: int) -> int:
    """Days since 1970 of the day in Asia/Shanghai."""
    return (moment_ms + 8 * HOUR_MS) // DAY_MS


def midnight_ms(day: int) -> int:
    """When that day begins in Asia/Shanghai."""
    return day * DAY_MS - 8 * HOUR_MS


class WorkCalendar:
    """Workdays around a year, looked up once: due dates are then positions in a list."""

    def __init__(self, year: int) -> None:
        first = day_number(dt.date(year, 1, 1))
        self.workdays = [day for day in range(first - _MARGIN_DAYS, first + _MARGIN_DAYS) if _is_workday(_EPOCH + dt.timedelta(days=day))]

    def due_ms(self, closed_at: int, deadline: Deadline) -> int:
        """Last millisecond at which an archive is on time."""
        if deadline.hours:
            return closed_at + deadline.hours * HOUR_MS
        after = bisect_right(self.workdays, day_at(closed_at))
        return midnight_ms(self.workdays[after + deadline.workdays - 1] + 1) - 1

    def within(self, first: int, last: int) -> list[int]:
        """Workdays from day ``first`` to ``last``."""
        return [day for day in self.workdays if first <= day <= last]


def office_moment(rng: Random, day: int) -> int:
    """Some moment in office hours, 8:30 to 17:30, thinly at noon."""
    minute = rng.randrange(0, 540)
    if 210 <= minute < 300 and rng.random() < 0.8:  # noqa: PLR2004  12:00 to 13:30
        minute = minute - 120 if minute % 2 else minute + 120
    return midnight_ms(day) + (510 + minute) * MINUTE_MS + rng.randrange(60_000)


def nightly_burst(rng: Random, day: int) -> int:
    """The exchange of a day's packages, some minutes after 2:10 in the night that follows it."""
    return midnight_ms(day + 1) + 130 * MINUTE_MS + rng.randrange(12 * MINUTE_MS)


def _is_workday(date: dt.date) -> bool:
    try:
        return bool(chinese_calendar.is_workday(date))
    except NotImplementedError:  # not announced yet
        return date.weekday() < _SATURDAY
