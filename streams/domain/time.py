"""Days and hours of Asia/Shanghai, on integers.

Since 1992 the zone has been UTC+8 without summer time, and times before 1992 are not accepted
(:data:`EARLIEST_MS`), so the zone is a constant.
A *day* here is the number of days since 1970-01-01 on the local calendar; a *time* is UTC epoch milliseconds.
"""

from __future__ import annotations

import datetime as dt
from functools import lru_cache

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
OFFSET_MS = 8 * HOUR_MS

EARLIEST_MS = 694_195_200_000
"""1992-01-01 in Asia/Shanghai: earlier times are taken for errors."""
LATEST_MS = 4_102_416_000_000
"""2100-01-01 in Asia/Shanghai: times from there on are taken for errors."""

_EPOCH = dt.date(1970, 1, 1).toordinal()
FIRST_DAY, LAST_DAY = (day.toordinal() - _EPOCH for day in (dt.date.min, dt.date.max))
"""Of the calendar: years 1 to 9999."""


def day_of(time_ms: int) -> int:
    """Local day in which a time lies."""
    return (time_ms + OFFSET_MS) // DAY_MS


def day_start_ms(day: int) -> int:
    """First millisecond of a local day."""
    return day * DAY_MS - OFFSET_MS


def hour_start_ms(time_ms: int) -> int:
    """First millisecond of the hour in which a time lies: hours of UTC and of Asia/Shanghai are the same."""
    return time_ms // HOUR_MS * HOUR_MS


@lru_cache(maxsize=1 << 14)  # asked of hours, of which a year has 8,760
def year_start_ms(time_ms: int) -> int:
    """First millisecond of the local year in which a time lies."""
    return day_start_ms(day_number(dt.date.fromordinal(_EPOCH + day_of(time_ms)).replace(month=1, day=1)))


def day_number(date: dt.date) -> int:
    """Local day of a calendar date."""
    return date.toordinal() - _EPOCH


def iso(time_ms: int) -> str:
    """A time as people read it: ISO 8601 with the offset of Asia/Shanghai.

    One that no calendar has, such as an ``accepted_at`` of which TIME_INVALID tells, stays a number.
    """
    if not FIRST_DAY < day_of(time_ms) < LAST_DAY:
        return f"{time_ms} ms"
    zone = dt.timezone(dt.timedelta(milliseconds=OFFSET_MS))
    return dt.datetime.fromtimestamp(time_ms / 1000, zone).isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds")


def iso_day(day: int) -> str:
    """A day of the calendar as people read it, ISO 8601."""
    return dt.date.fromordinal(_EPOCH + day).isoformat()
