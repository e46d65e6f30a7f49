"""A plain table — one row of headings, in Chinese or Avro's names — from a workbook, a .csv or a .jsonl -> rows by field."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ops.importing.guard import read_bytes
from ops.importing.sheet import NOTES, NotAValue, Sheet, Value, cell_name
from ops.importing.text import csv_sheet, json_lines
from ops.importing.workbook import workbook_sheets
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
_FIELDS = {heading: field for field, headings in HEADINGS.items() for heading in (field, *headings)}
_UNREAD = frozenset({"", "序号", "备注"})
SHEET_SUFFIXES = (".xlsx", ".csv")
LINE_SUFFIXES = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row.

    Parameters
    ----------
    values
        By field; what is empty is absent. A merged cell's value is in each of its rows.
    cells
        Field -> where it stands, for every column of the table.
    """

    sheet: str
    values: Mapping[str, Value]
    cells: Mapping[str, str]


def read_sheets(path: Path, encoding: str) -> list[Sheet]:
    """Read the sheets of a workbook, or the one of a .csv.

    Raises
    ------
    BadInputFile
        Neither, or one that is refused: :mod:`ops.importing.guard`, :mod:`ops.importing.text`.
    """
    raw = read_bytes(path)
    return [csv_sheet(raw, path.name, encoding)] if path.suffix.lower() == ".csv" else workbook_sheets(raw, path.name)


def read_rows(path: Path, encoding: str, required: Iterable[str]) -> list[TableRow]:
    """Read every row that holds something.

    Parameters
    ----------
    required
        Fields that must have a column; in a .jsonl they may be absent, as empty cells are.

    Raises
    ------
    BadInputFile
        The file cannot be read, no sheet has the headings, a column is unknown, missing or there twice, or no row holds anything.
    """
    if path.suffix.lower() in LINE_SUFFIXES:
        rows = list(_of_lines(path, encoding))
    else:
        rows = [row for sheet in read_sheets(path, encoding) for row in _of_sheet(sheet, path.name, tuple(required))]
    if not rows:
        raise BadInputFile(f"{path.name}: 没有一行数据 no row, or no sheet with the heading 事项编码 (item_code)")
    return rows


def _of_lines(path: Path, encoding: str) -> Iterator[TableRow]:
    for line, given in json_lines(read_bytes(path), path.name, encoding):
        if unknown := [name for name in given if _FIELDS.get(name) is None]:
            raise BadInputFile(f"{path.name}: 第 {line} 行有未知的列 unknown columns in line {line}: {_listed(unknown)}")
        held = {_FIELDS[name]: _json_value(value) for name, value in given.items() if value is not None}
        if len({_FIELDS[name] for name in given}) < len(given):
            raise BadInputFile(f"{path.name}: 第 {line} 行有重复的列 columns named twice in line {line}")
        values = {field: value for field, value in held.items() if value != ""}
        yield TableRow("", values, {field: f"{line}:{field}" for field in HEADINGS})


def _json_value(value: object) -> Value:
    if isinstance(value, str):
        return value.strip()
    return value if isinstance(value, bool | int | float) else NotAValue("数组或对象 an array or an object")


def _of_sheet(sheet: Sheet, name: str, required: tuple[str, ...]) -> Iterator[TableRow]:
    columns: dict[str, int] = {}
    noted = False
    for row, held in sheet.rows.items():
        if not columns or _FIELDS.get(_plain(sheet.own((row, columns["item_code"])))) == "item_code":  # again on each page
            columns, noted = _columns(sheet, row, name, required), False
            continue
        noted = noted or NOTES.fullmatch(_plain(sheet.own((row, held[0])))) is not None
        if noted and len(held) == 1:
            continue
        own = {field: sheet.own((row, column)) for field, column in columns.items()}
        if any(value != "" for value in own.values()):
            places = {field: sheet.origin((row, column)) for field, column in columns.items()}
            values = {field: sheet.own(place) for field, place in places.items()}
            cells = {field: cell_name(place) for field, place in places.items()}
            yield TableRow(sheet.name, {field: value for field, value in values.items() if value != ""}, cells)


def _columns(sheet: Sheet, row: int, name: str, required: tuple[str, ...]) -> dict[str, int]:
    """Columns by field where this is the row of headings, else none."""
    titles = {column: _plain(sheet.own((row, column))) for column in sheet.rows[row]}
    if "item_code" not in map(_FIELDS.get, titles.values()):
        return {}
    fields = [_FIELDS[title] for title in titles.values() if title in _FIELDS]
    faults = {
        "未知的列 unknown columns": [title for title in titles.values() if title not in _FIELDS and title not in _UNREAD],
        "重复的列 columns named twice": sorted({HEADINGS[field][0] for field in fields if fields.count(field) > 1}),
        "缺少的列 missing columns": [HEADINGS[field][0] for field in required if field not in fields],
    }
    if found := "；".join(f"{what}: {_listed(names)}" for what, names in faults.items() if names):
        known = " ".join(headings[0] for headings in HEADINGS.values())
        raise BadInputFile(f"{name} {sheet.name}".rstrip() + f": {found}。可用 columns: {known}")
    return {_FIELDS[title]: column for column, title in titles.items() if title in _FIELDS}


def _plain(value: Value) -> str:
    return "".join(unicodedata.normalize("NFKC", value).split()) if isinstance(value, str) else ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(repr, names))
