"""What a panel gets for an answer: tables of plain values, the same from every source."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

MOST_ROWS: Final = 2_000
"""More rows than this nobody reads on a page; the rest is cut off, and said to be."""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of one query.

    Parameters
    ----------
    times
        Names of the columns that hold moments, as epoch milliseconds.
    cut
        There were more than :data:`MOST_ROWS`.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    times: tuple[str, ...] = ()
    cut: bool = False

    @property
    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {"columns": self.columns, "rows": self.rows, "times": self.times, "cut": self.cut}


def table(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> Table:
    """Make plain values of what a driver gave: moments are epoch milliseconds (one without a zone is UTC), dates their ISO text."""
    shown = rows[:MOST_ROWS]
    times = tuple(name for index, name in enumerate(columns) if any(isinstance(row[index], dt.datetime) for row in shown))
    return Table(tuple(columns), tuple(tuple(_plain(value) for value in row) for row in shown), times, len(rows) > MOST_ROWS)


def _plain(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return round((value if value.tzinfo else value.replace(tzinfo=dt.UTC)).timestamp() * 1000)
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)
