"""A sheet as its reader needs it: the cells that hold something, and the merged ranges."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from openpyxl.utils import get_column_letter

LARGEST_ROWS = 20_000
LARGEST_COLUMNS = 200
LONGEST_TEXT = 32_767
"""Characters in a cell: a spreadsheet takes no more."""


@dataclass(frozen=True, slots=True)
class NotAValue:
    """A cell that holds something from which no value may be taken: a formula, a date, an error value.

    Parameters
    ----------
    what
        How messages call it.
    text
        A date as ISO writes it, for notes; empty for all else.
    """

    what: str
    text: str = ""


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
    hidden
        Columns that nobody sees.
    rows
        Row -> its columns that hold something, both in order; made from the cells.
    """

    name: str
    cells: Mapping[Place, Value]
    merges: Iterable[Range] = ()
    hidden: frozenset[int] = frozenset()
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

    def is_banner(self, row: int, columns: Iterable[int]) -> bool:
        """Whether the only cell that a row holds is merged over all of these columns: a title of what follows, a page number."""
        held = self.rows[row]
        merged = self.range_of((row, held[0])) if len(held) == 1 else None
        return merged is not None and all(merged[1] <= column <= merged[3] for column in columns)


def cell_name(place: Place) -> str:
    """``(7, 3)`` -> ``C7``, as spreadsheets call it."""
    row, column = place
    return f"{get_column_letter(column)}{row}"
