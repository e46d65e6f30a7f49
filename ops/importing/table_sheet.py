"""One sheet with a plain table — headings in Chinese or Avro's names, in one row or in two — -> rows by field."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from ops.importing.cells import seen
from ops.importing.characters import compact
from ops.importing.codes import is_item_code, is_like_code
from ops.importing.faults import Fault, example_fault
from ops.importing.labels import (
    announces_examples,
    is_note,
    is_numbered,
    is_signature,
    is_stamp,
    is_title,
    is_total,
    label,
    numbers_columns,
)
from ops.importing.sheet import Place, Sheet, Value, cell_name
from ops.importing.words import ARCHIVING_MODE, KIND, RETENTION
from streams.errors import BadInputFile

HEADINGS = {
    "item_code": ("事项编码", "权力事项编码", "事项代码"),
    "item_name": ("事项名称", "权力事项名称"),
    "schedule_version": ("版本", "版本号"),
    "approved": ("是否审定", "审定"),
    "retention": ("保管期限",),
    "archiving_mode": ("归档方式",),
    "kind": ("材料类型", "材料类别"),
    "name": ("材料名称",),
    "code": ("材料编码", "材料代码", "材料编号"),
    "required": ("是否必需", "是否必须"),
    "electronic": ("是否电子", "是否电子化"),
}
"""Field -> what its column may be called, besides the field's own name."""
MATERIAL_FIELDS = frozenset({"kind", "name", "code", "required", "electronic"})
FIELDS = {heading: field for field, headings in HEADINGS.items() for heading in (field, *headings)}
"""What a column may be called -> its field."""
_NAMED = (("item_name", "item_code"), ("name", "code"))
"""Names, and the codes beside them."""
_OF_MATERIALS = re.compile("证据性|程序性|结果性|材料$")
_UNREAD = frozenset({"", "序号", "备注"})
_BRACKETS = re.compile(r"\([^)]*\)$")
_FEWEST_FIELDS = 4
_FEWEST_STRAY_CELLS = 4
_WORDS = frozenset(word for word in (*RETENTION, *KIND, *ARCHIVING_MODE.words) if not word.isdecimal())


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row.

    Parameters
    ----------
    values
        By field; what is empty is absent. A merged cell's value is in each of its rows.
    cells
        Field -> where it stands, for every column of the table; none for a row outside of it.
    faults
        What is wrong in it apart from its values.
    is_titled
        Whether a title stands between it and the row above, and may name another item.
    """

    sheet: str
    values: Mapping[str, Value]
    cells: Mapping[str, str]
    faults: tuple[Fault, ...] = ()
    is_titled: bool = False


def sheet_rows(sheet: Sheet, name: str, required: tuple[str, ...]) -> Iterator[TableRow]:
    """Yield the rows of the tables of a sheet, and what looks like one and stands outside.

    Parameters
    ----------
    required
        Fields that must have a column.

    Raises
    ------
    BadInputFile
        A column is unknown, missing or there twice.
    """
    table, done, announced = None, 0, False
    titles: set[str] = set()
    for row, held in sheet.rows.items():
        if row <= done:
            continue
        if headings := _headings(sheet, row, name, required):
            is_titled = table is not None and table.is_titled
            table, announced = _Table(sheet, headings.titles, titles, is_titled=is_titled, is_example=announced), False
            below = headings.last + 1
            done = headings.last + numbers_columns([sheet.own((below, column)) for column in sheet.rows.get(below, ())])
        elif table is None:
            titles.add(label(sheet.own((row, held[0]))))
            yield from _stray(sheet, row)
            announced |= announces_examples(sheet.own((row, held[0])))
        elif table.passes_over(row, held):
            announced |= announces_examples(sheet.own((row, held[0])))
        elif found := table.row(row, held):
            yield found


class _Table:
    """One table, from its headings down.

    Parameters
    ----------
    headings
        Column -> its heading.
    titles
        What stands above the first table, and again on each page.
    is_titled
        Whether a title stands above the next row, and may name another item.
    is_example
        Whether what stood above its headings says so.
    """

    def __init__(self, sheet: Sheet, headings: Mapping[int, str], titles: AbstractSet[str], *, is_titled: bool, is_example: bool) -> None:
        self._sheet = sheet
        self._headings = headings
        self._columns = {FIELDS[title]: column for column, title in headings.items() if title in FIELDS}
        self._noted = False
        self._titles = titles
        self.is_titled = is_titled
        self._is_example = is_example

    def passes_over(self, row: int, held: list[int]) -> bool:
        """Whether a row is a total, a title, a note or a signature, and says nothing of a material."""
        values = [self._sheet.own((row, column)) for column in held]
        is_below = self._sheet.origin((row, self._columns["item_code"]))[0] == row  # else an item is merged down to here
        stamped = len(held) == 1 and is_below and (is_stamp(values[0]) or self._is_signed(row, held[0]))
        if not stamped and self._says_something(row, values):
            return False
        if stamped or any(is_total(label(value)) for value in values):
            return True
        if held[0] >= min(self._columns.get("kind", held[0]), self._columns.get("name", held[0])):
            return False  # a material whose kind is merged down to it, and whose name may begin like a note
        banner = self._sheet.is_banner(row, (self._columns["item_code"], self._columns.get("retention", 0)))
        if is_note(values[0]) or is_numbered(values[0]):
            self._noted = True
            self.is_titled |= self._may_name_an_item(values[0])
            return True
        if len(held) == 1:
            self.is_titled |= banner and self._may_name_an_item(values[0])
            return self._noted or banner or is_title(values[0]) or announces_examples(values[0])
        return self._noted and label(values[0]) in FIELDS  # what a column means

    def _is_signed(self, row: int, column: int) -> bool:
        """Whether a cell, alone in its row, is a signature, and no material called like one: to that, a kind is merged down."""
        kind = self._columns.get("kind", column)
        return (
            column != self._columns.get("name")
            and is_signature(self._sheet.own((row, column)))
            and self._sheet.origin((row, kind))[0] == row
        )

    def _may_name_an_item(self, title: Value) -> bool:
        """Whether a row that is passed over may be an item's title: not a note, a form's title, or one of materials."""
        text = label(title)
        return not (is_note(title) or is_title(title) or text in self._titles or _OF_MATERIALS.search(text))

    def _says_something(self, row: int, values: Iterable[Value]) -> bool:
        """Whether a row has a code, a material, or a word of a schedule; 10 is a word in its own column only, elsewhere a total."""
        retention = self._sheet.own((row, self._columns.get("retention", 0)))
        code = self._sheet.own((row, self._columns["item_code"]))
        known = is_like_code(code) or any(is_item_code(value) or _is_word(value) for value in values)
        return known or self._names_material(row) or compact(str(retention)) in RETENTION

    def _names_material(self, row: int) -> bool:
        """Whether a material is named: in a total, its cell may hold how many there are, and beside a signature another one."""
        name = self._sheet.own((row, self._columns.get("name", 0)))
        return not (name == "" or is_note(name) or is_total(label(name)) or compact(str(name)).isdecimal())

    def row(self, row: int, held: list[int]) -> TableRow | None:
        """What the row says, or None where it is blank."""
        places = {field: self._sheet.origin((row, column)) for field, column in self._columns.items()}
        cells = {field: cell_name(place) for field, place in places.items()}
        own = [self._sheet.own((row, column)) for column in self._columns.values()]
        faults = (*self._beside(row, held), *self._joined(places), *self._example(cells))
        if not faults and all(value == "" for value in own):
            return None
        values = {field: self._sheet.own(place) for field, place in places.items()}
        is_titled, self.is_titled = self.is_titled, False
        return TableRow(self._sheet.name, {field: value for field, value in values.items() if value != ""}, cells, faults, is_titled)

    def _example(self, cells: Mapping[str, str]) -> Iterator[Fault]:
        if self._is_example:
            yield example_fault(self._sheet.name, cells["item_code"])

    def _joined(self, places: Mapping[str, Place]) -> Iterator[Fault]:
        """A name and a code that stand in one merged cell: one would be taken for the other."""
        for name, code in _NAMED:
            place = places.get(code)
            if place is not None and place == places[name] and self._sheet.own(place) != "":
                yield Fault(self._sheet.name, cell_name(place), "名称和编码在同一格 name and code in one cell", "各占一格 a cell for each")

    def _beside(self, row: int, held: list[int]) -> Iterator[Fault]:
        """The first cell without a heading: nobody can say of what it is, or a comma that is not quoted has cut a text in two."""
        first = min(self._headings)
        for column in held:
            value = self._sheet.own((row, column))
            is_number = compact(str(value)).isdecimal()
            if column not in self._headings and not (column < first and is_number):
                expected = "有标题的列；CSV 中有逗号的文字要加引号 a column with a heading; quote text with a comma in it in a CSV"
                yield Fault(self._sheet.name, cell_name((row, column)), seen(value), expected)
                return


def _stray(sheet: Sheet, row: int) -> Iterator[TableRow]:
    """What looks like an item or a material above the headings, or in a sheet without them. It must not be lost unseen."""
    values = {column: sheet.own((row, column)) for column in sheet.rows[row]}
    codes = [column for column, value in values.items() if is_like_code(value)]
    kinds = [column for column, value in values.items() if isinstance(value, str) and compact(value) in KIND]
    has_word = any(_is_word(value) or compact(str(value)) in RETENTION for value in values.values())
    if (codes and (has_word or len(values) >= _FEWEST_STRAY_CELLS)) or (kinds and len(values) > 1):
        place = cell_name((row, (codes or kinds)[0]))
        expected = "表头之下；别的工作表请隐藏 below the headings; hide a sheet that is no table"
        fault = Fault(sheet.name, place, "表外的事项或材料 an item or a material outside the table", expected)
        yield TableRow(sheet.name, {}, {}, (fault,))


def _is_word(value: Value) -> bool:
    """Whether a cell holds a word that only schedules and configurations have; a number without 年 is none."""
    return isinstance(value, str) and compact(value) in _WORDS


@dataclass(frozen=True, slots=True)
class _Headings:
    """The headings of a table: column -> what it is called; and their last row."""

    titles: Mapping[int, str]
    last: int

    @property
    def fields(self) -> list[str]:
        """Fields that have a column, as often as they have one."""
        return [FIELDS[title] for title in self.titles.values() if title in FIELDS]


def is_headings(sheet: Sheet, row: int) -> bool:
    """Whether this is the row of headings, or the upper one: a list of what the columns mean names one or two of them."""
    return _headings_at(sheet, row) is not None


def _headings_at(sheet: Sheet, row: int) -> _Headings | None:
    """Headings in a row, or in two: there may be more of them below the title of a group (归档材料), and none below the others."""
    upper = _titles(sheet, row)
    if "item_code" not in {FIELDS.get(title) for title in upper.values()}:
        return None
    lower = _titles(sheet, row + 1)
    found = _Headings(upper, row)
    if lower and all(title in FIELDS or title in _UNREAD for title in lower.values()):
        both = _Headings(upper | lower, row + 1)
        if len(set(both.fields)) > len(set(found.fields)):
            found = both
    return found if len(set(found.fields)) >= _FEWEST_FIELDS else None


def _titles(sheet: Sheet, row: int) -> dict[int, str]:
    """Columns, and what they are called in a row."""
    return {column: _title(sheet.own((row, column))) for column in sheet.rows.get(row, ())}


def _headings(sheet: Sheet, row: int, name: str, required: tuple[str, ...]) -> _Headings | None:
    """Headings where this is the row of headings, else None."""
    headings = _headings_at(sheet, row)
    if headings is None:
        return None
    titles, fields = headings.titles, headings.fields
    faults = {
        "未知的列 unknown columns": [title for title in titles.values() if title not in FIELDS and title not in _UNREAD],
        "重复的列 columns named twice": sorted({HEADINGS[field][0] for field in fields if fields.count(field) > 1}),
        "缺少的列 missing columns": [HEADINGS[field][0] for field in required if field not in fields],
    }
    if found := "；".join(f"{what}: {listed(names)}" for what, names in faults.items() if names):
        known = " ".join(headings[0] for headings in HEADINGS.values())
        raise BadInputFile(f"{name} {sheet.name}".rstrip() + f": {found}。可用 columns: {known}")
    return _Headings({column: title for column, title in titles.items() if title}, headings.last)


def _title(value: Value) -> str:
    """A heading without what it says in brackets, unless that makes it another."""
    text = label(value)
    bare = _BRACKETS.sub("", text)
    return bare if bare in FIELDS or bare in _UNREAD - {""} else text


def listed(names: Iterable[str]) -> str:
    """Names as messages list them."""
    return ", ".join(map(repr, names))
