"""A sheet as its reader needs it: the cells that hold something, and the merged ranges."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from openpyxl.utils import get_column_letter

LARGEST_ROWS = 20_000
LARGEST_COLUMNS = 200
NOTES = re.compile(r"(?:(?:填报|填表)?说明|备?注|单位名称|填报人|填表人|制表人|确认人|审核人|(?:单位)?负责人|联系人|联系电话|填报时间):.*")
"""Notes and signatures below a table: how their first cell begins, half width and without blanks."""


@dataclass(frozen=True, slots=True)
class NotAValue:
    """A cell that holds something from which no value may be taken: a formula, a date, an error value.

    Parameters
    ----------
    what
        How messages call it.
    """

    what: str


Value = str | int | float | bool | NotAValue
Place = tuple[int, int]
"""Row and column, from 1."""
Range = tuple[int, int, int, int]
"""First row, first column, last row, last column."""


@dataclass(slots=True)
class Sheet:
    """One sheet.

    Parameters
    ----------
    name
        Empty for a text file.
    cells
        Those that hold something.
    merges
        Merged ranges; those that overlap others are a broken file's, and any of them may count.
    rows
        Row -> its columns that hold something, both in order; made from the cells.
    """

    name: str
    cells: Mapping[Place, Value]
    merges: Iterable[Range] = ()
    rows: Mapping[int, list[int]] = field(init=False)
    _by_column: dict[int, list[Range]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.merges = sorted(self.merges)
        rows: dict[int, list[int]] = {}
        for row, column in sorted(self.cells):
            rows.setdefault(row, []).append(column)
        self.rows = rows

    def own(self, place: Place) -> Value:
        """What stands in a cell itself; empty text where nothing does."""
        return self.cells.get(place, "")

    def origin(self, place: Place) -> Place:
        """The first cell of the merged range in which a cell lies: the one that holds what all of it shows."""
        found = self.range_of(place)
        return found[:2] if found else place

    def range_of(self, place: Place) -> Range | None:
        """The merged range in which a cell lies."""
        row, column = place
        ranges = self._by_column.get(column)
        if ranges is None:
            ranges = self._by_column[column] = [each for each in self.merges if each[1] <= column <= each[3]]
        at = bisect_right(ranges, row, key=lambda each: each[0]) - 1
        return ranges[at] if at >= 0 and row <= ranges[at][2] else None


def cell_name(place: Place) -> str:
    """``(7, 3)`` -> ``C7``, as spreadsheets call it."""
    row, column = place
    return f"{get_column_letter(column)}{row}"
