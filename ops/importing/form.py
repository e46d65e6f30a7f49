"""《“最多跑一次”行政类事项基础信息确认表》 (notice, 附件1) as units fill it in -> drafts of ``item-registry``.

The form has two rows of headings, a row for each sub-item (子项) with its main item's cells merged over them, 无 where there is none,
boxes to tick, and notes (填报说明) below. Units move columns, break pages with the headings again, leave rows empty, and put the form
on several sheets.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ops.importing.cells import is_count, is_none, names_build_mode, says_build_mode, seen, ticks_build_mode
from ops.importing.codes import is_assessed_code, is_item_code, is_like_code
from ops.importing.faults import Fault, Named, Reading, example_fault
from ops.importing.form_row import FormRow
from ops.importing.form_span import Main, Span, span
from ops.importing.headings import NAMES, Columns, Headings, find_headings
from ops.importing.labels import (
    announces_examples,
    is_example,
    is_explanation,
    is_note,
    is_numbered,
    is_signature,
    is_stamp,
    is_title,
    is_total,
    label,
    names_example,
    numbers_columns,
)
from ops.importing.sheet import Place, Sheet, cell_name
from ops.importing.units import COLUMNS, Units
from streams.errors import BadInputFile


def read_form(sheets: Iterable[Sheet], name: str) -> Reading:
    """Read every table of the form that the sheets hold.

    Raises
    ------
    BadInputFile
        No sheet has the headings, some of them are missing or there twice, no row is filled in, or several units are named.
    """
    reading, units, main_names = Reading(), Units(), dict[str, tuple[str, str]]()
    tables = sum(_FormSheet(sheet, name, reading, units, main_names).read() for sheet in sheets)
    if not tables:
        raise BadInputFile(f"{name}: 没有附件1的表头 no sheet has the headings of the form (附件1): {' '.join(NAMES)}")
    if not reading.drafts and not reading.bad:
        raise BadInputFile(f"{name}: 表中没有填写事项 the form has no item")
    units.refuse_several(name)
    reading.conclude()
    return reading


@dataclass(slots=True)
class _FormSheet:
    """One sheet, read from its top.

    Parameters
    ----------
    main_names
        Main items of the file so far: code -> name, and where it stands.
    headings
        Those of the table that was read last; None above them.
    main
        Main item of the row above.
    ended
        Where a note or a signature ended the table; None within it.
    explained
        Whether notes on how to fill in the form have come: below them nothing is read as an item.
    announced
        Whether a row since the last headings says that an example follows.
    exemplary
        Whether the table is one, by what stood above its headings.
    """

    sheet: Sheet
    name: str
    reading: Reading
    units: Units
    main_names: dict[str, tuple[str, str]]
    headings: Headings | None = None
    main: Main | None = None
    ended: Place | None = None
    explained: bool = False
    announced: bool = False
    exemplary: bool = False

    def read(self) -> int:
        """Read the tables; return how many there are."""
        tables, done, below = set[int](), 0, 0
        for row in self.sheet.rows:
            if row <= done:
                continue
            if found := find_headings(self.sheet, row, self.name, below=below):
                # The main item goes on: where a page ends within one, its further sub-items stand below the headings that come again.
                self.headings, self.ended, self.explained = found, None, False
                self.exemplary, self.announced = self.announced, False
                tables.add(row)
                below = done = found.last + numbers_columns([self.sheet.own(place) for place in self._places(found.last + 1)])
            elif self.headings is None:
                self.reading.refuse(self._stray(row))
                self._hear_of_examples(row)
            elif self.headings.come_again(self.sheet, row):
                continue  # the row that has the code of the main item in it follows
            elif self._is_apart(row, self.headings.columns):
                self._end_at_note(row, self.headings.columns)
                self._hear_of_examples(row)
            elif self.ended and not self._resumes(row, self.headings.columns):
                self.reading.refuse(self._stray(row))
                self._hear_of_examples(row)
            else:
                self.ended = None
                below = done = self._read_item(row, self.headings)
        if not tables and self.sheet.cells:
            self.reading.remarks.append(f"{self.sheet.name}: 没有表头，没有读 not read, since it has no headings")
        self.units.read_lines(self.sheet, tables)
        return len(tables)

    def _read_item(self, row: int, headings: Headings) -> int:
        """Read the item that begins in a row; return its last row."""
        form_row = FormRow(span(self.sheet, headings.columns, row, self.main), self.main_names)
        self.main = form_row.span.main()
        form_row.faults += self._beyond(form_row.span, headings) + self._example(form_row.span, headings)
        if form_row.is_blank():
            self.reading.refuse(form_row.faults)
        else:
            for column in (headings.titles[title] for title in COLUMNS if title in headings.titles):
                self.units.read_cell(self.sheet, self.sheet.origin((row, column)))
            self.reading.take(form_row.draft(), form_row.faults, form_row.named)
            self.reading.remarks += form_row.remarks
        return form_row.span.last

    def _is_apart(self, row: int, columns: Columns) -> bool:
        """Whether a row is a total, a title, a note or a signature, and says nothing of an item."""
        values = [self.sheet.own(place) for place in self._places(row)]
        mode = self.sheet.own((row, columns["build_mode"]))
        if any(map(is_item_code, values)) or (says_build_mode(mode) and not self._sums_up(row, columns)):
            return False
        if self._is_note(row, columns):
            return not (self._counts(row, columns) or self._tells_of_item(row, columns))
        if len(values) == 1:
            banner = self.sheet.is_banner(row, (columns["main_code"], columns["build_mode"]))
            is_below = self.sheet.origin((row, columns["main_code"]))[0] == row  # else a main item is merged down to here
            titled = is_title(values[0]) or announces_examples(values[0])
            return banner or titled or is_total(label(values[0])) or (is_below and is_stamp(values[0]))
        return self._says_total(row, columns)

    def _sums_up(self, row: int, columns: Columns) -> bool:
        """Whether a row begins as a total and counts build modes (省统建3项，市统建5项): an item's are ticked."""
        begins = is_total(label(self.sheet.own(self._first(row))))
        return begins and self._says_total(row, columns) and not ticks_build_mode(self.sheet.own((row, columns["build_mode"])))

    def _says_total(self, row: int, columns: Columns) -> bool:
        codes = [self.sheet.own((row, columns[heading])) for heading in ("main_code", "sub_code")]
        says_total = any(is_total(label(self.sheet.own(place))) for place in self._places(row) if place[1] != columns.get("note"))
        return says_total and all(is_none(code) or is_total(label(code)) for code in codes)

    def _counts(self, row: int, columns: Columns) -> bool:
        """Whether a row has a number of cases: behind 联系电话 or another label of a row of signatures it is none."""
        before = [place for place in self._places(row)[1:] if place[1] < columns["count"]]
        behind_label = bool(before) and is_signature(self.sheet.own(before[-1]))
        return is_count(self.sheet.own((row, columns["count"]))) and not behind_label

    def _hear_of_examples(self, row: int) -> None:
        self.announced |= announces_examples(self.sheet.own(self._first(row)))

    def _is_note(self, row: int, columns: Columns) -> bool:
        place = self._first(row)
        value = self.sheet.own(place)
        return is_note(value) or (is_numbered(value) and place[1] <= columns["main_name"])

    def _end_at_note(self, row: int, columns: Columns) -> None:
        """A table ends where notes or signatures begin; what is not plainly one is told, since it may be a title or an item's name."""
        if not self._is_note(row, columns):
            return
        place = self._first(row)
        explains = is_explanation(self.sheet.own(place))
        if self.ended is None and (not explains or place[1] in {columns["main_name"], columns["sub_name"]}):
            where = Named(self.sheet.name, cell_name(place), "").where
            self.reading.remarks.append(f"{where}: 当作表下的说明，表到此为止 taken for a note, at which the table ends")
        if self.ended is None or (explains and not self.explained):
            self.ended = place
        self.explained = self.explained or explains

    def _tells_of_item(self, row: int, columns: Columns) -> bool:
        """Whether a row is an item's for all that it begins like: by a code, be it misspelt, by a 无, or by what is merged down to it."""
        own = self.sheet.own
        codes = [own((row, columns[heading])) for heading in ("main_code", "sub_code")]
        if any(is_item_code(code) or is_like_code(code) for code in codes):
            return True
        if is_numbered(own(self._first(row))) and not all(is_none(code) or is_note(code) for code in codes):
            return True
        if any(own((row, columns[heading])) != "" and is_none(own((row, columns[heading]))) for heading in ("sub_name", "sub_code")):
            return True
        origins = [(self.sheet.origin((row, columns[heading])), columns[heading]) for heading in ("main_name", "main_code", "build_mode")]
        return any(place[0] < row and place[1] == column and not is_none(own(place)) for place, column in origins)

    def _resumes(self, row: int, columns: Columns) -> bool:
        """Whether a table goes on behind what ended it: that was a title over some of its items, or a signature in between."""
        return not self.explained and self._tells_of_item(row, columns)

    def _stray(self, row: int) -> list[Fault]:
        """What looks like an item where none is read: below the notes, in a sheet without headings. It must not be lost unseen."""
        own, places = self.sheet.own, self._places(row)
        codes = [place for place in places if is_item_code(own(place))]
        likely = [place for place in places if is_like_code(own(place))]
        assessed = self.headings is not None and any(is_assessed_code(own(place)) for place in codes)
        described = any(names_build_mode(own(place)) for place in places if place not in likely)
        stated = [place for place in places if ticks_build_mode(own(place))]
        if self.headings is not None:
            columns = self.headings.columns
            mode, cases = (row, columns["build_mode"]), (row, columns["count"])
            stated += [mode] * (says_build_mode(own(mode)) and not self._sums_up(row, columns)) + [cases] * self._counts(row, columns)
        if not (assessed or stated or (described and (codes or likely))):
            return []
        expected = "表头之下、填报说明之上 between headings and notes"
        if self.ended:
            expected += f"；表止于 the table ends at {cell_name(self.ended)}"
        return [Fault(self.sheet.name, cell_name((codes[-1:] or stated or likely)[0]), "表外的事项 an item outside the table", expected)]

    def _beyond(self, found: Span, headings: Headings) -> list[Fault]:
        """A cell that no heading stands over: below one that is merged sideways, or, where a comma was not quoted, behind the last."""
        places = [place for row in range(found.row, found.last + 1) for place in self._places(row)]
        beyond = [place for place in places if place[1] in headings.beside or (place[1] > headings.width and not self.sheet.name)]
        expected = "标题之下第一列；CSV 里有逗号的文字要加引号 the first column below a heading; in a CSV, text with a comma in it quoted"
        return [Fault(self.sheet.name, cell_name(place), seen(self.sheet.own(place)), expected) for place in beyond[:1]]

    def _example(self, found: Span, headings: Headings) -> list[Fault]:
        """Where an item is marked as an example, as those of the empty form are: beside it, or in its name."""
        marks = [*self._places(found.row), self.sheet.origin((found.row, headings.titles.get("序号", headings.columns["main_name"])))]
        named = [place for heading in ("main_name", "sub_name") if names_example(self.sheet.own(place := found.place(heading)))]
        examples = [place for place in marks if is_example(self.sheet.own(place))] or named or [found.place("main_code")] * self.exemplary
        return [example_fault(self.sheet.name, cell_name(place)) for place in examples[:1]]

    def _first(self, row: int) -> Place:
        """Where the text of a row begins: behind its serial number, if it has one."""
        places = self._places(row)
        return next((place for place in places if not is_count(self.sheet.own(place))), places[0])

    def _places(self, row: int) -> list[Place]:
        return [(row, column) for column in self.sheet.rows.get(row, ())]
