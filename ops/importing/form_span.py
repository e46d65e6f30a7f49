"""Where the cells of one item of 附件1 stand: main items are merged over their sub-items, and tables out of Word split an item's row."""

from __future__ import annotations

from dataclasses import dataclass

from ops.importing.cells import choice_text, is_none
from ops.importing.headings import Columns
from ops.importing.sheet import LONGEST_TEXT, Place, Sheet, Value
from ops.publish.fields import Unreadable

_OF_ONE_ITEM = ("main_name", "main_code", "sub_name", "sub_code")


@dataclass(frozen=True, slots=True)
class Main:
    """Where the name and the code of a row's main item (主项) stand: there, or in a row above."""

    name: Place
    code: Place


@dataclass(frozen=True, slots=True)
class Span:
    """The rows of one item: one, as a rule.

    Parameters
    ----------
    row, last
        The first and the last.
    above
        Main item of the row above, for rows that leave theirs empty.
    """

    sheet: Sheet
    columns: Columns
    row: int
    last: int
    above: Main | None

    def place(self, heading: str) -> Place:
        """Where the item's cell of a column stands: in its first row, or merged down to it."""
        return self.sheet.origin((self.row, self.columns[heading]))

    def main(self) -> Main | None:
        """The main item: what stands here, merged down to here, or continues from above."""
        here = Main(self.place("main_name"), self.place("main_code"))
        has_name, has_code = (not is_none(self.sheet.own(place)) for place in (here.name, here.code))
        if not has_name and not has_code:
            return self.above
        if self.above and not has_name and self._says_the_same(here.code, self.above.code):
            return Main(self.above.name, here.code)
        if self.above and not has_code and self._says_the_same(here.name, self.above.name):
            return Main(here.name, self.above.code)
        return here

    def joined(self, heading: str) -> Value:
        """What stands in a column, in all rows of the item.

        Raises
        ------
        Unreadable
            Several cells, and not all of them are text, or together they are longer than one cell can be.
        """
        rows = [row for row in range(self.row, self.last + 1) if row in self.sheet.rows]
        places = dict.fromkeys(self.sheet.origin((row, self.columns[heading])) for row in rows)
        values = [value for place in places if (value := self.sheet.own(place)) != ""]
        if len(values) == 1:
            return values[0]
        texts = [choice_text(value) for value in values]
        if (characters := sum(map(len, texts))) > LONGEST_TEXT:
            raise Unreadable(f"{characters:,} 个字符 characters", f"至多 at most {LONGEST_TEXT:,}")
        return "\n".join(texts)

    def _says_the_same(self, one: Place, other: Place) -> bool:
        return self.sheet.own(one) == self.sheet.own(other)


def span(sheet: Sheet, columns: Columns, row: int, above: Main | None) -> Span:
    """The rows of the item that begins in a row.

    A table out of Word has an item's boxes one below the other in rows of their own, and all else merged over these; some of the rows hold
    nothing.
    """
    merged = [sheet.range_of((row, columns[heading])) for heading in _OF_ONE_ITEM]
    end = min([each[2] if each else row for each in merged])
    last = row
    while last < end and (last + 1 not in sheet.rows or _goes_on(sheet, columns, last + 1)):
        last += 1
    return Span(sheet, columns, row, last, above)


def _goes_on(sheet: Sheet, columns: Columns, row: int) -> bool:
    """Whether a row belongs to the item of the row above: it has no names, codes and number of its own."""
    cases = columns["count"]
    if not _is_merged_up(sheet, row, cases) and not is_none(sheet.own(sheet.origin((row, cases)))):
        return False
    return all(_is_merged_up(sheet, row, columns[heading]) for heading in _OF_ONE_ITEM)


def _is_merged_up(sheet: Sheet, row: int, column: int) -> bool:
    return sheet.origin((row, column)) == sheet.origin((row - 1, column))
