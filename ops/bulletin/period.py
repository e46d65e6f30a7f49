"""Periods of a bulletin: ``2018``, ``2018-Q1``, ``2018-03``, ``2018-W12`` (ISO week), ``FROM..TO`` (dates, inclusive)."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from consumers.windows import Window, parse_window
from streams.errors import ConfigurationError

_DAY = dt.timedelta(days=1)
_WEEK = dt.timedelta(weeks=1)
_NAMED = re.compile(r"(\d{4})(?:-(?:(Q)([1-4])|(W)(\d{2})|(\d{2})))?", re.ASCII)
_QUARTER_NAMES = "一二三四"


@dataclass(frozen=True, slots=True)
class Period:
    """Whole days of Asia/Shanghai.

    Parameters
    ----------
    text
        As it is written on the command line, and the name of its folder.
    label
        As a bulletin says it.
    first, last
        First and last day, both inside.
    """

    text: str
    label: str
    first: dt.date
    last: dt.date

    def window(self, now_ms: int) -> Window:
        """The period as a window of the coverage figures; one that has not ended ends now.

        Raises
        ------
        ConfigurationError
            It has not begun.
        """
        return parse_window(f"{self.first}..{self.last}", now_ms)

    def previous(self) -> Period:
        """The period of the same kind just before; before a span, the span of as many days.

        Raises
        ------
        ConfigurationError
            It would lie before the calendar's first year.
        """
        try:
            before = self.first - _DAY
            if ".." in self.text:
                return _span(before - (self.last - self.first), before)
            if "Q" in self.text:
                return _quarter(before.year, (before.month + 2) // 3)
            if "W" in self.text:
                return _week(*before.isocalendar()[:2])
            return _month(before.year, before.month) if "-" in self.text else _year(before.year)
        except (ValueError, OverflowError) as error:
            raise ConfigurationError(f"{self.text} 之前没有可比的期间 has no period before it") from error


def parse_period(text: str) -> Period:
    """Read a period.

    Raises
    ------
    ConfigurationError
        Not one of the forms, no date of the calendar, or TO before FROM.
    """
    try:
        if found := _NAMED.fullmatch(text):
            year, quarter, q, week, w, month = found.groups()
            if quarter:
                return _quarter(int(year), int(q))
            if week:
                return _week(int(year), int(w))
            return _month(int(year), int(month)) if month else _year(int(year))
        first, dots, last = text.partition("..")
        if dots and len(first) == len(last) == len("2018-01-01"):
            return _span(dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    except (ValueError, OverflowError) as error:
        raise ConfigurationError(f"不是日历上的期间 no period of the calendar: {text!r}: {error}") from error
    raise ConfigurationError(f"不是通报期间 not a period: {text!r}（2018 2018-Q1 2018-03 2018-W12 2018-01-01..2018-03-31）")


def _year(year: int) -> Period:
    return Period(f"{year:04}", f"{year}年", dt.date(year, 1, 1), dt.date(year, 12, 31))


def _quarter(year: int, quarter: int) -> Period:
    first = dt.date(year, 3 * quarter - 2, 1)
    last = _month(year, 3 * quarter).last
    return Period(f"{year:04}-Q{quarter}", f"{year}年第{_QUARTER_NAMES[quarter - 1]}季度", first, last)


def _month(year: int, month: int) -> Period:
    first = dt.date(year, month, 1)
    last = dt.date(year + month // 12, month % 12 + 1, 1) - _DAY
    return Period(f"{year:04}-{month:02}", f"{year}年{month}月", first, last)


def _week(year: int, week: int) -> Period:
    first = dt.date.fromisocalendar(year, week, 1)
    return Period(f"{year:04}-W{week:02}", f"{year}年第{week}周", first, first + _WEEK - _DAY)


def _span(first: dt.date, last: dt.date) -> Period:
    if last < first:
        raise ValueError("终点早于起点 it ends before it begins")
    return Period(f"{first}..{last}", f"{first}至{last}", first, last)
