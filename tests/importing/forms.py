"""Workbooks as units send them, made on the spot."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

from openpyxl import Workbook

from ops.importing.faults import Reading
from ops.importing.form import read_form
from ops.importing.workbook import workbook_sheets

Rows = Iterable[Sequence[Any]]

TOP = (
    ("附件1",),
    ("“最多跑一次”行政类事项基础信息确认表",),
    ("单位名称：市卫计委       填报人：  确认人：  填报时间：",),
    ("序号", "权力事项信息", None, None, None, "建设模式", "2017年办件量", "归档计划", "归档方式", "备注"),
    (None, "主项名称", "主项编码", "子项名称", "子项编码"),
)
TOP_MERGES = ("A1:J1", "A2:J2", "A3:J3", "B4:E4", "A4:A5", "F4:F5", "G4:G5", "H4:H5", "I4:I5", "J4:J5")
MAIN = (1, "中医医疗广告审查", "许可-00387-000", "无", "无", "□省统建  ☑市统建\n□自建    □垂建", 19, None, None, None)
SUB_1 = (
    2,
    "公共场所卫生行政许可",
    "许可-00385-000",
    "公共场所卫生行政许可（新发证）",
    "许可-00385-001",
    "□省统建  □市统建\n☑自建    □垂建",
    14,
    "☑2018 □2019",
    "☑在线\n□离线",
    None,
)
SUB_2 = (
    None,
    None,
    None,
    "公共场所卫生行政许可（变更）",
    "许可-00385-002",
    "□省统建  □市统建\n☑自建    □垂建",
    83,
    "☑2018\n□2019",
    "□在线\n☑离线",
    None,
)
NOTICE = (MAIN, SUB_1, SUB_2)
"""The rows that the notice gives as examples; they begin in row 6 of the form."""
NOTICE_MERGES = ("A7:A8", "B7:B8", "C7:C8")
NOTES = (("填报说明：1．名称和编码以最新的行政权力事项数据库为准。",), ("2．建设模式包含省统建、市统建、自建、垂建。",))


def with_cell(row: Sequence[Any], column: str, value: Any) -> tuple[Any, ...]:
    """A row with another value in one column, by its letter."""
    changed = list(row)
    changed[ord(column) - ord("A")] = value
    return tuple(changed)


def form(rows: Rows, merges: Iterable[str] = (), *, below: Rows = NOTES, top: Rows = TOP, sheet: str = "Sheet1") -> Workbook:
    """The form with these rows in it."""
    workbook = Workbook()
    workbook.active.title = sheet
    fill(workbook.active, [*top, *rows, *below])
    for merged in (*(TOP_MERGES if top is TOP else ()), *merges):
        workbook.active.merge_cells(merged)
    return workbook


def fill(sheet: Any, rows: Rows) -> None:
    """Write rows into a sheet, from its top."""
    for row, values in enumerate(rows, 1):
        for column, value in enumerate(values, 1):
            if value is not None:
                sheet.cell(row, column, value)


def saved(workbook: Workbook) -> bytes:
    """The workbook as a file."""
    buffer = io.BytesIO()
    workbook.save(buffer)
    return buffer.getvalue()


def read(workbook: Workbook, name: str = "附件1.xlsx") -> Reading:
    """What the form says."""
    return read_form(workbook_sheets(saved(workbook), name), name)


def with_part(raw: bytes, name: str, content: bytes) -> bytes:
    """A workbook with a part put in, or in the place of the one of that name."""
    with ZipFile(io.BytesIO(raw)) as source:
        parts = {entry.filename: source.read(entry) for entry in source.infolist()}
    return zipped({**parts, name: content})


def zipped(parts: dict[str, bytes]) -> bytes:
    """A zip of parts."""
    buffer = io.BytesIO()
    with ZipFile(buffer, "w", ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()
