"""How long a source may be silent before something is wrong, from its own past: arithmetic, no clock.

Silence is counted in working time, 08:30–17:30 on the days the State Council has worked, so that a night, a weekend and the National
Day week are no outage, and an outage on a Tuesday is not forgiven for being shorter than a weekend. The longest gap between events is
an earlier outage as often as not: the second longest counts, and half as much again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from streams.domain.calendar import WorkCalendar
from streams.domain.time import DAY_MS, HOUR_MS, OFFSET_MS, day_of, day_start_ms

LOOKBACK_MS: Final = 28 * DAY_MS
"""How much of the past, ending with the last event, a rhythm is taken from; also how long a source that has stopped is spoken of."""
LEAST_GAPS: Final = 10
FACTOR: Final = 1.5
FLOOR_MS: Final = HOUR_MS
_BEGIN_MS, _END_MS = int(8.5 * HOUR_MS), int(17.5 * HOUR_MS)
WORKDAY_MS: Final = _END_MS - _BEGIN_MS
CEILING_MS: Final = 4 * WORKDAY_MS
"""A source that may be silent for longer than four working days has no rhythm that anybody could be woken by."""
_MOST_DAYS = 60

Times = npt.NDArray[np.int64]


def expected_gap_ms(
    times_ms: Sequence[int], last_ms: int, calendar: WorkCalendar, *, delay_ms: int = 0, floor_ms: int = FLOOR_MS
) -> int | None:
    """How long after ``last_ms`` the source may be silent, nights and free days included; ``None``: too little is known, or it is too rare.

    Parameters
    ----------
    times_ms
        When it was heard of, rising.
    delay_ms
        How long after a time it is usually heard of: a claim about the past is late by nature.
    floor_ms
        Least working time to wait.
    """
    times = np.asarray(times_ms, np.int64)
    times = times[(times > last_ms - LOOKBACK_MS) & (times <= last_ms)]
    gaps = np.sort(np.diff(_worked_ms(times, calendar))) if len(times) else times
    if len(gaps) < LEAST_GAPS:
        return None
    allowed_ms = max(round(int(gaps[-2]) * FACTOR), floor_ms)
    if allowed_ms > CEILING_MS:
        return None
    return _after_working(last_ms + delay_ms, allowed_ms, calendar) - last_ms


def worked_ms(from_ms: int, until_ms: int, calendar: WorkCalendar) -> int:
    """Working time between two moments; 0 when they are the wrong way round, as after a clock was put back."""
    first, last = _worked_ms(np.array([from_ms, until_ms], np.int64), calendar)
    return max(int(last - first), 0)


def _worked_ms(times: Times, calendar: WorkCalendar) -> Times:
    """Working time from some beginning to each time."""
    days, in_day = np.divmod(times + OFFSET_MS, DAY_MS)
    first = int(days.min())
    worked = np.array([calendar.is_workday(day) for day in range(first, int(days.max()) + 1)], np.int64)
    before = np.concatenate(([0], np.cumsum(worked) * WORKDAY_MS))
    today = worked[days - first] * np.clip(in_day - _BEGIN_MS, 0, WORKDAY_MS)
    summed: Times = before[days - first] + today
    return summed


def _after_working(from_ms: int, working_ms: int, calendar: WorkCalendar) -> int:
    """The moment by which so much working time has passed."""
    day = day_of(from_ms)
    for _ in range(_MOST_DAYS):
        if calendar.is_workday(day):
            begin = max(from_ms, day_start_ms(day) + _BEGIN_MS)
            left_today = max(day_start_ms(day) + _END_MS - begin, 0)
            if working_ms <= left_today:
                return begin + working_ms
            working_ms -= left_today
        day += 1
    raise ValueError(f"{_MOST_DAYS} 天内没有足够的工作日 not enough working days in {_MOST_DAYS} days")
