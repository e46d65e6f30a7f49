"""A document as PDF/A-2a, the form in which archives keep documents: tagged, its font embedded, nothing outside."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from importlib.resources import files
from typing import Any

import orjson
import typst

from ops.bulletin.document import SOURCE, Document
from ops.bulletin.font import MISSING, Font, chinese_font, system_fonts
from ops.bulletin.tables import Table

_STANDARD: typst.PDFStandards = "a-2a"
_GAPS = f" {MISSING} 为字库中没有的字，见电子表格。"


def paper(document: Document) -> bytes:
    """Write the PDF; its date is that of the data.

    Raises
    ------
    DependencyError
        This machine has no Chinese font.
    """
    fonts = system_fonts()
    font = chinese_font(fonts)
    said = _printable(_plain(document), font)
    said["source"] += _GAPS if MISSING.encode() in orjson.dumps(said) else ""
    template = (files("ops.bulletin") / "templates" / "bulletin.typ").read_bytes()
    printed: bytes = typst.compile(
        template,
        font_paths=fonts,
        sys_inputs={"font": font.family, "document": orjson.dumps(said).decode()},
        timestamp=round(dt.datetime.fromisoformat(document.as_of).timestamp()),
        pdf_standards=_STANDARD,
    )
    return printed


def _plain(document: Document) -> dict[str, Any]:
    return {
        "title": document.title,
        "facts": document.facts,
        "lead": document.lead,
        "source": SOURCE,
        "charts": [asdict(chart) for chart in document.charts],
        "tables": [_plain_table(table) for table in document.tables],
    }


def _plain_table(table: Table) -> dict[str, Any]:
    return {
        "title": table.title,
        "note": table.note,
        "rest": table.rest,
        "columns": [
            {"title": column.title, "left": column.is_text, "width": None if column.kind == "time" else column.width}
            for column in table.columns
        ],
        "rows": [[column.shown_in(row) for column in table.columns] for row in table.head],
    }


def _printable(value: Any, font: Font) -> Any:
    match value:
        case str():
            return font.printable(value)
        case dict():
            return {key: _printable(inner, font) for key, inner in value.items()}
        case list() | tuple():
            return [_printable(inner, font) for inner in value]
        case _:
            return value
