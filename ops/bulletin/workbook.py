"""A document as XLSX: numbers are numbers, headers are frozen and filter, and no text can become a formula."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.workbook import Workbook
from xlsxwriter.worksheet import Worksheet

from ops.bulletin.document import SOURCE, Document
from ops.bulletin.model import CellKind
from ops.bulletin.tables import Table
from ops.rounding import rounded, share

_RISKY = tuple("=+-@\t\r\n＝＋－＠")
"""Beginnings that a spreadsheet would take for a formula when a cell is edited, or the sheet saved as CSV and opened again (OWASP);
East Asian versions take the full-width ones, too."""
_LONGEST = 32_767
_MOST_ROWS = 200_000
_FONT = "微软雅黑"
_NUMBERS: dict[CellKind, str] = {
    "count": "#,##0",
    "change": '"↑"0;"↓"0;"持平"',
    "ratio": "0.00%",
    "points": "+0.00;-0.00;0.00",
    "score": "0.00",
    "days": "0.0",
    "time": "yyyy-mm-dd hh:mm",
}
_A4, _WIDEST = 9, 60


def workbook(document: Document) -> bytes:
    """Write a workbook: a sheet that says what it is, then one a table, with all rows."""
    written = io.BytesIO()
    as_of = dt.datetime.fromisoformat(document.as_of)
    with xlsxwriter.Workbook(written, {"in_memory": True}) as book:
        book.set_properties({"title": document.title, "created": as_of.astimezone(dt.UTC).replace(tzinfo=None)})
        styles = _Styles(book)
        _cover(book.add_worksheet("说明"), document, styles)
        for table in document.tables:
            _sheet(book.add_worksheet(table.name), table, styles)
    return written.getvalue()


class _TextStyle:
    """A format for text, and the same for text that must be quoted."""

    def __init__(self, book: Workbook, plain: dict[str, Any]) -> None:
        self.plain: Format = book.add_format(plain)
        self.quoted: Format = book.add_format({**plain, "quote_prefix": True})


class _Styles:
    """The formats of a workbook: XLSX keeps each once."""

    def __init__(self, book: Workbook) -> None:
        plain = {"font_name": _FONT, "font_size": 10}
        self.text = _TextStyle(book, plain)
        self.wrapped = _TextStyle(book, {**plain, "text_wrap": True, "valign": "top"})
        self.title = _TextStyle(book, {**plain, "bold": True, "font_size": 16})
        self.header: Format = book.add_format(
            {**plain, "bold": True, "text_wrap": True, "valign": "vcenter", "bg_color": "#DCE6F1", "bottom": 1}
        )
        self.numbers = {kind: book.add_format({**plain, "num_format": code}) for kind, code in _NUMBERS.items()}


def _cover(sheet: Worksheet, document: Document, styles: _Styles) -> None:
    sheet.set_column(0, 0, 14)
    sheet.set_column(1, 1, 100)
    _write_text(sheet, 0, 0, document.title, styles.title)
    lines = [*document.facts, ("摘要", document.lead), ("来源", SOURCE), ("时间", "各表中的时间均为北京时间（UTC+8）。")]
    lines += [(table.name, f"{table.title}：{len(table.rows):,} 行。{table.note}{_cut(table)}") for table in document.tables]
    for row, (name, value) in enumerate(lines, start=2):
        _write_text(sheet, row, 0, name, styles.text)
        _write_text(sheet, row, 1, value, styles.wrapped)


def _sheet(sheet: Worksheet, table: Table, styles: _Styles) -> None:
    for at, column in enumerate(table.columns):
        sheet.write_string(0, at, column.title, styles.header)
        sheet.set_column(at, at, min(column.width + 3, _WIDEST))
    for row, record in enumerate(table.rows[:_MOST_ROWS], start=1):
        for at, column in enumerate(table.columns):
            _write(sheet, row, at, getattr(record, column.key), column.kind_in(record), styles)
    sheet.freeze_panes(1, 0)
    sheet.autofilter(0, 0, max(len(table.rows[:_MOST_ROWS]), 1), len(table.columns) - 1)
    sheet.set_landscape()
    sheet.set_paper(_A4)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)


def _write(sheet: Worksheet, row: int, at: int, value: Any, kind: CellKind, styles: _Styles) -> None:
    if value is None:
        return
    if kind == "time":
        sheet.write_datetime(row, at, dt.datetime.fromisoformat(value).replace(tzinfo=None, microsecond=0), styles.numbers[kind])
    elif kind in styles.numbers:
        sheet.write_number(row, at, _number(value, kind), styles.numbers[kind])
    else:
        _write_text(sheet, row, at, str(value), styles.text)


def _number(value: float, kind: CellKind) -> float:
    """The value as it is, unless the reader's program, which rounds it, would show a whole, or a sign at zero, where none is printed."""
    if kind == "ratio":
        shown = share(value)
        return value if shown and shown == rounded(value, 4) else float(shown)
    if kind == "points":
        return value * 100 if rounded(value * 100, 2) else 0
    return value


def _write_text(sheet: Worksheet, row: int, at: int, value: str, style: _TextStyle) -> None:
    sheet.write_string(row, at, value[:_LONGEST], style.quoted if value.startswith(_RISKY) else style.plain)


def _cut(table: Table) -> str:
    return f"此表只写前 {_MOST_ROWS:,} 行。" if len(table.rows) > _MOST_ROWS else ""
