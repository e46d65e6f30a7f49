"""Windows of coverage (统计区间), on integers: ``1h 24h 7d 30d ytd FROM..TO``.

All end at *now*. Those of hours begin on a full hour, all others with a day of Asia/Shanghai.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from streams.domain.time import DAY_MS, HOUR_MS, OFFSET_MS, day_number, day_of, day_start_ms, hour_start_ms, year_start_ms
from streams.errors import ConfigurationError

DEFAULT_WINDOW = "ytd"
_HOURS = {"1h": 1, "24h": 24}
_DAYS = {"7d": 7, "30d": 30}
_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})\.\.(\d{4}-\d{2}-\d{2})")


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time.

    Parameters
    ----------
    start_ms
        First millisecond.
    end_ms
        The millisecond behind the last.
    """

    start_ms: int
    end_ms: int

    @property
    def begins_with_a_year(self) -> bool:
        """Whether it begins with the first millisecond of a local year."""
        return self.start_ms == year_start_ms(self.start_ms)

    @property
    def year_end_ms(self) -> int:
        """The millisecond behind the local year in which it ends."""
        return day_start_ms(day_number(dt.date(_local(self.end_ms - 1).year + 1, 1, 1)))


def parse_window(text: str, now_ms: int) -> Window:
    """Read a window that ends at ``now_ms``.

    Dates of ``FROM..TO`` are inclusive; a window that would end after now ends now.

    Raises
    ------
    ConfigurationError
        No window, no date of the calendar, TO before FROM, or FROM in the future.
    """
    now_end_ms = now_ms + 1
    if text in _HOURS:
        return Window(hour_start_ms(now_ms - _HOURS[text] * HOUR_MS), now_end_ms)
    if text in _DAYS:
        return Window(day_start_ms(day_of(now_ms - _DAYS[text] * DAY_MS)), now_end_ms)
    if text == "ytd":
        year = _local(now_ms).year
        return Window(day_start_ms(day_number(dt.date(year, 1, 1))), now_end_ms)
    found = _SPAN.fullmatch(text)
    if not found:
        raise ConfigurationError(f"不是统计区间 not a window: {text!r}（1h 24h 7d 30d ytd 2018-01-01..2018-12-31）")
    try:
        first, last = (day_number(dt.date.fromisoformat(part)) for part in found.groups())
    except ValueError as error:
        raise ConfigurationError(f"不是日期 not a date: {text!r}: {error}") from error
    if last < first:
        raise ConfigurationError(f"区间的终点早于起点 the window ends before it begins: {text!r}")
    if day_start_ms(first) > now_ms:
        raise ConfigurationError(f"区间尚未开始 the window lies in the future: {text!r}")
    return Window(day_start_ms(first), min(day_start_ms(last + 1), now_end_ms))


def _local(time_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp((time_ms + OFFSET_MS) / 1000, dt.UTC)
