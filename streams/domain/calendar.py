"""When an archive is due (归档期限).

Working days are those of the State Council's yearly notice: statutory holidays are off, and some weekends are
worked instead (调休). The notice
for a year comes out in the autumn before, so days beyond the known ones are taken as Monday to Friday and the date is marked provisional.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import NamedTuple

from streams.domain.policy import Deadline
from streams.domain.time import HOUR_MS, day_of, day_start_ms

_MONDAY = 4  # 1970-01-05 was a Monday
_WEEK, _WORKED_WEEKDAYS = 7, 5


class Due(NamedTuple):
    """The moment after which an archive is late.

    Parameters
    ----------
    at_ms
        UTC epoch milliseconds, inclusive: an archive received at this very millisecond is on time.
    provisional
        Some day on the way lies outside the known calendar.
    """

    at_ms: int
    provisional: bool


class WorkCalendar:
    """Which local days are worked.

    Parameters
    ----------
    off, on
        Weekdays that are free, and weekend days that are worked, as days since 1970.
    known_from, known_through
        First and last day for which ``off`` and ``on`` are complete.
    fingerprint
        Short name of exactly these days: by another calendar, due dates have to be found anew.
    """

    def __init__(self, off: AbstractSet[int], on: AbstractSet[int], known_from: int, known_through: int) -> None:
        self._off, self._on = off, on
        self._known_from, self._known_through = known_from, known_through
        told = repr((sorted(off), sorted(on), known_from, known_through)).encode()
        self.fingerprint = hashlib.blake2b(told, digest_size=6).hexdigest()
        self._end_of = lru_cache(maxsize=8192)(self._end_of_workdays)

    def is_workday(self, day: int) -> bool:
        """Whether a local day is worked."""
        if day in self._on:
            return True
        return day not in self._off and (day - _MONDAY) % _WEEK < _WORKED_WEEKDAYS

    def due(self, closed_at_ms: int, deadline: Deadline) -> Due:
        """Moment by which the archive of a case closed at ``closed_at_ms`` is due.

        Working days: day 1 is the first one after the closing date, and the moment is 23:59:59.999 of the last. Hours: calendar time.
        """
        if deadline.hours:
            return Due(closed_at_ms + deadline.hours * HOUR_MS, provisional=False)
        return self._end_of(day_of(closed_at_ms), deadline.workdays)

    def _end_of_workdays(self, day: int, count: int) -> Due:
        first = day + 1
        while count:
            day += 1
            count -= self.is_workday(day)
        return Due(day_start_ms(day + 1) - 1, first < self._known_from or day > self._known_through)
