"""A workbook, a .csv or a .jsonl -> sheets, or rows by field."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from ops.importing.guard import read_bytes
from ops.importing.sheet import NotAValue, Sheet, Value
from ops.importing.table_sheet import FIELDS, HEADINGS, TableRow, is_headings, listed, sheet_rows
from ops.importing.text import csv_sheet, json_lines
from ops.importing.units import Units
from ops.importing.workbook import workbook_sheets
from streams.errors import BadInputFile

logger = logging.getLogger(__name__)

SHEET_SUFFIXES = (".xlsx", ".csv")
LINE_SUFFIXES = (".jsonl", ".ndjson")


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
        The file cannot be read, no sheet has the headings, a column is unknown, missing or there twice, several units are named,
        or no row holds anything.
    """
    if path.suffix.lower() in LINE_SUFFIXES:
        rows = list(_of_lines(path, encoding))
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


def _of_lines(path: Path, encoding: str) -> Iterator[TableRow]:
    for line, given in json_lines(read_bytes(path), path.name, encoding):
        if unknown := [name for name in given if FIELDS.get(name) is None]:
            raise BadInputFile(f"{path.name}: 第 {line} 行有未知的列 unknown columns in line {line}: {listed(unknown)}")
        held = {FIELDS[name]: _json_value(value) for name, value in given.items() if value is not None}
        if len({FIELDS[name] for name in given}) < len(given):
            raise BadInputFile(f"{path.name}: 第 {line} 行有重复的列 columns named twice in line {line}")
        values = {field: value for field, value in held.items() if value != ""}
        yield TableRow("", values, {field: f"{line}:{field}" for field in HEADINGS})


def _json_value(value: object) -> Value:
    if isinstance(value, str):
        return value.strip()
    if type(value) is int:
        return str(value)
    return value if isinstance(value, bool | float) else NotAValue("数组或对象 an array or an object")
