"""Days of the oracle, walked one by one."""

from __future__ import annotations

import datetime as dt
import re
from functools import cache, lru_cache

import chinese_calendar

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
OFFSET_MS = 8 * HOUR_MS
"""Asia/Shanghai; it has had no summer time since 1991."""
_EPOCH = dt.date(1970, 1, 1)


def shanghai_day(moment_ms: int) -> int:
    """Days since 1970, in Asia/Shanghai."""
    return (moment_ms + OFFSET_MS) // DAY_MS


def day_start_ms(day: int) -> int:
    """First millisecond of a day."""
    return day * DAY_MS - OFFSET_MS


def day_of(date: dt.date) -> int:
    """Days since 1970."""
    return (date - _EPOCH).days


@cache
def is_workday(day: int) -> bool:
    """State Council calendar, 调休 included; Monday to Friday where it is not known yet."""
    date = _EPOCH + dt.timedelta(days=day)
    try:
        return bool(chinese_calendar.is_workday(date))
    except NotImplementedError:
        return date.weekday() < 5


@lru_cache(maxsize=1024)
def due_ms(closed_at: int, limit: str) -> int:
    """Last millisecond at which an archive is on time: ``3 workdays`` after the closing day, or ``72h`` after closing."""
    if hours := re.fullmatch(r"(\d+)h", limit):
        return closed_at + int(hours[1]) * HOUR_MS
    left, day = int(limit.split(maxsplit=1)[0]), shanghai_day(closed_at)
    while left:
        day += 1
        left -= is_workday(day)
    return day_start_ms(day + 1) - 1
