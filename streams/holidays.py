"""The calendar of working days, from a maintained holiday library."""

from __future__ import annotations

import datetime as dt
from functools import cache

from chinese_calendar import constants

from streams.domain.calendar import WorkCalendar
from streams.domain.time import day_number

_SATURDAY = 5


@cache
def china_calendar() -> WorkCalendar:
    """State Council holidays and 调休, for all years that ``chinesecalendar`` knows."""
    off = {day_number(day) for day in constants.holidays if day.weekday() < _SATURDAY}
    on = {day_number(day) for day in constants.workdays}
    years = [day.year for day in constants.holidays]
    return WorkCalendar(off, on, day_number(dt.date(min(years), 1, 1)), day_number(dt.date(max(years), 12, 31)))
