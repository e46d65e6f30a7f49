"""The bytes of an .xlsx -> its visible sheets. Formulas are never evaluated, nor are the results that Excel kept of them taken."""

from __future__ import annotations

import datetime as dt
import io
import logging
import warnings
from collections.abc import Iterator
from typing import Any

from defusedxml.ElementTree import iterparse
from openpyxl import load_workbook
from openpyxl.utils import range_boundaries

from ops.importing.guard import check_workbook
from ops.importing.sheet import LARGEST_COLUMNS, LARGEST_ROWS, NotAValue, Place, Range, Sheet, Value
from streams.errors import BadInputFile

logger = logging.getLogger(__name__)

_LAST_ROW = 1_048_576
_MOST_MERGES = 100_000
_MERGE = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}mergeCell"
_MOMENTS = (dt.datetime, dt.date, dt.time, dt.timedelta)


def workbook_sheets(raw: bytes, name: str) -> list[Sheet]:
    """Read the sheets that a person sees; hidden ones hold lists and last year's drafts, and it is told that they were not read.

    Parameters
    ----------
    raw
        The file.
    name
        How messages call it.

    Raises
    ------
    BadInputFile
        No workbook, a harmful or a broken one (:mod:`ops.importing.guard`), or one with more rows or columns than a form has.
    """
    check_workbook(raw, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what openpyxl leaves out when it *writes* is nothing to us
        try:
            workbook = load_workbook(io.BytesIO(raw), read_only=True, keep_links=False)
            if hidden := [sheet.title for sheet in workbook.worksheets if sheet.sheet_state != "visible"]:
                logger.warning("%s: 隐藏的工作表没有读 hidden sheets are not read: %s", name, ", ".join(hidden))
            return [_sheet(sheet, name) for sheet in workbook.worksheets if sheet.sheet_state == "visible"]
        except BadInputFile:
            raise
        except Exception as error:  # openpyxl raises whatever the XML leads it to
            raise BadInputFile(f"{name}: 工作簿已损坏 a broken workbook: {type(error).__name__}") from error


def _sheet(sheet: Any, name: str) -> Sheet:
    sheet.reset_dimensions()  # writers state them wrongly
    cells: dict[Place, Value] = {}
    rows = 0
    for row in sheet.iter_rows(max_row=_LAST_ROW):
        held = [(cell.row, cell.column, _value(cell)) for cell in row if cell.value is not None]
        kept = {(number, column): value for number, column, value in held if value != ""}
        rows += bool(kept)
        if rows > LARGEST_ROWS:
            raise BadInputFile(f"{name} {sheet.title}: 有内容的行超过 more than {LARGEST_ROWS:,} rows with content")
        if kept and max(column for _, column in kept) > LARGEST_COLUMNS:
            raise BadInputFile(f"{name} {sheet.title}: 有内容的列超过 content beyond column {LARGEST_COLUMNS}")
        cells.update(kept)
    return Sheet(sheet.title, cells, list(_merges(sheet, name)))


def _value(cell: Any) -> Value:
    value = cell.value
    if cell.data_type == "f":
        return NotAValue("公式 a formula")
    if cell.data_type == "e":
        return NotAValue("错误值 an error value")
    if isinstance(value, _MOMENTS):
        return NotAValue("日期格式的值 a date")
    if isinstance(value, str):
        return value.replace("_x000D_", "").strip()  # a carriage return as Office writes it into XML
    return value if isinstance(value, bool | int | float) else NotAValue(type(value).__name__)


def _merges(sheet: Any, name: str) -> Iterator[Range]:
    """Merged ranges stand behind the cells; openpyxl reads them only where it keeps every cell in memory, empty ones too."""
    with sheet._get_source() as part:  # noqa: SLF001 - the open part of the zip, which it has no public name for
        number = 0
        for _, element in iterparse(part):
            if element.tag == _MERGE:
                number += 1
                if number > _MOST_MERGES:
                    raise BadInputFile(f"{name} {sheet.title}: 合并单元格超过 more than {_MOST_MERGES:,} merged ranges")
                bounds = range_boundaries(element.attrib["ref"])
                first_column, first_row, last_column, last_row = (bound or 0 for bound in bounds)  # A:C, which nobody writes, has no rows
                yield first_row, first_column, last_row, last_column
            element.clear()
