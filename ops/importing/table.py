"""A workbook, a .csv or a .jsonl -> sheets, or rows by field."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from ops.importing.guard import read_bytes
from ops.importing.sheet import NotAValue, Sheet, Value
from ops.importing.table_sheet import FIELDS, HEADINGS, MATERIAL_FIELDS, TableRow, is_headings, listed, sheet_rows
from ops.importing.text import csv_sheet, json_lines
from ops.importing.units import Units
from ops.importing.workbook import workbook_sheets
from streams.errors import BadInputFile

logger = logging.getLogger(__name__)

SHEET_SUFFIXES = (".xlsx", ".csv")
LINE_SUFFIXES = (".jsonl", ".ndjson")
_MATERIALS = "materials"
"""Where an object has all materials of its item, as a record of the topic has."""


def read_sheets(path: Path, encoding: str) -> list[Sheet]:
    """Read the sheets of a workbook, or the one of a .csv.

    Raises
    ------
    BadInputFile
        Neither, or one that is refused: :mod:`ops.importing.guard`, :mod:`ops.importing.text`.
    """
    raw = read_bytes(path)
    return [csv_sheet(raw, path.name, encoding)] if path.suffix.lower() == ".csv" else workbook_sheets(raw, path.name)


def read_rows(path: Path, encoding: str, required: Iterable[str], unit_code: str = "") -> list[TableRow]:
    """Read every row that holds something.

    Parameters
    ----------
    required
        Fields that must have a column; in a .jsonl they may be absent, as empty cells are.
    unit_code
        Of the unit whose items they are; an object of a .jsonl may say it, too.

    Raises
    ------
    BadInputFile
        The file cannot be read, no sheet has the headings, a column is unknown, missing or there twice, several units or another one
        are named, or no row holds anything.
    """
    if path.suffix.lower() in LINE_SUFFIXES:
        rows = list(_of_lines(path, encoding, unit_code))
    else:
        sheets, units = read_sheets(path, encoding), Units()
        rows = [row for sheet in sheets for row in _of_sheet(sheet, path.name, tuple(required))]
        for sheet in sheets:
            units.read_lines(sheet, {row for row in sheet.rows if is_headings(sheet, row)})
        units.refuse_several(path.name)
    if not any(row.cells for row in rows):
        headings = " ".join(HEADINGS[field][0] for field in required)
        raise BadInputFile(f"{path.name}: 没有一行数据，或没有这些列标题 no row, or no sheet with these headings: {headings}")
    return rows


def _of_sheet(sheet: Sheet, name: str, required: tuple[str, ...]) -> list[TableRow]:
    rows = list(sheet_rows(sheet, name, required))
    if not rows and sheet.cells:
        logger.warning("%s %s: 没有表头，没有读 not read, since it has no headings", name, sheet.name)
    return rows


def _of_lines(path: Path, encoding: str, unit_code: str) -> Iterator[TableRow]:
    for line, given in json_lines(read_bytes(path), path.name, encoding):
        if given.pop("unit_code", unit_code) != unit_code:
            told = f"unit_code 不是 is not --unit-code {unit_code}"
            raise BadInputFile(f"{path.name}: 第 {line} 行 line {line}: {told}")
        materials = given.pop(_MATERIALS, None)
        if materials is None:
            yield _of_object(path.name, line, "", given)
            continue
        if not isinstance(materials, list) or not all(isinstance(each, dict) for each in materials):
            raise BadInputFile(f"{path.name}: 第 {line} 行 line {line}: {_MATERIALS} 不是对象的数组 is no array of objects")
        item = _of_object(path.name, line, "", given)
        if both := sorted(item.values.keys() & MATERIAL_FIELDS):
            told = f"{_MATERIALS} 之外另有材料的列 columns of a material beside {_MATERIALS}"
            raise BadInputFile(f"{path.name}: 第 {line} 行 line {line}: {told}: {listed(both)}")
        yield item
        for number, material in enumerate(materials):
            row = _of_object(path.name, line, f"{_MATERIALS}[{number}].", material)
            if alien := sorted(row.values.keys() - MATERIAL_FIELDS):
                told = f"{_MATERIALS} 里有不属于材料的列 no columns of a material"
                raise BadInputFile(f"{path.name}: 第 {line} 行 line {line}: {told}: {listed(alien)}")
            yield row


def _of_object(name: str, line: int, inside: str, given: Mapping[str, object]) -> TableRow:
    """The row of an item, a material, or both. One without any material is an item's, of which materials follow."""
    if unknown := [each for each in given if FIELDS.get(each) is None]:
        raise BadInputFile(f"{name}: 第 {line} 行有未知的列 unknown columns in line {line}: {listed(inside + each for each in unknown)}")
    held = {FIELDS[each]: _json_value(value) for each, value in given.items() if value is not None}
    if len({FIELDS[each] for each in given}) < len(given):
        raise BadInputFile(f"{name}: 第 {line} 行有重复的列 columns named twice in line {line}")
    values = {field: value for field, value in held.items() if value != ""}
    return TableRow("", values, {field: f"{line}:{inside}{field}" for field in HEADINGS})


def _json_value(value: object) -> Value:
    if isinstance(value, str):
        return value.strip()
    if type(value) is int:
        return str(value)
    return value if isinstance(value, bool | float) else NotAValue("数组或对象 an array or an object")
