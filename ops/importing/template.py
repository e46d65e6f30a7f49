"""The empty forms, as workbooks that :mod:`ops.importing` reads once they are filled in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Alignment, Border, Font, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from ops.importing.table_sheet import HEADINGS
from ops.importing.words import ARCHIVING_MODE, BUILD_MODE, PLAN_YEAR
from streams.errors import BadInputFile

BLANK_ROWS = 200
_TEXT = "@"
"""Cell format: what is typed stays as it is; else a spreadsheet takes version 2018-1 for a day in January."""
_EDGE = Border(*(Side(style="thin"),) * 4)
_CENTRED = Alignment(horizontal="center", vertical="center", wrap_text=True)
_WRAPPED = Alignment(vertical="center", wrap_text=True)
_YES_NO = ("是", "否")


@dataclass(frozen=True, slots=True)
class _Column:
    title: str
    width: int
    note: str = ""
    choices: tuple[str, ...] = ()


_FORM = (
    _Column("序号", 6),
    _Column("主项名称", 26, "例：中医医疗广告审查\n一个主项有多个子项时，子项分行罗列，主项合并单元格。"),
    _Column("主项编码", 18, "例：许可-00387-000"),
    _Column("子项名称", 30, "例：公共场所卫生行政许可（新发证）\n没有子项填“无”。"),
    _Column("子项编码", 18, "例：许可-00385-001\n没有子项填“无”。"),
    _Column("建设模式", 16, "选一项，或写成：□省统建 ☑市统建 □自建 □垂建", tuple(BUILD_MODE.words)),
    _Column("2017年办件量", 12, "例：19"),
    _Column("归档计划", 12, "自建才填。选一项，或写成：☑2018 □2019", tuple(PLAN_YEAR.words)),
    _Column("归档方式", 12, "自建才填。选一项，或写成：☑在线 □离线", tuple(ARCHIVING_MODE.words)),
    _Column("备注", 20),
)
_NOTES = (
    "填报说明：1．名称和编码以最新的行政权力事项数据库为准，若主项名称对应多个子项名称，子项分行罗列，并将主项合并单元格。",
    "2．建设模式包含省统建（使用省政务服务网平台）、市统建（使用市政务服务网平台）、自建（使用部门自行开发系统）、垂建（使用上级部门开发系统）。",
    "3．2017年办件量为去除测试办件后的真实办件量。",
    "4．如建设模式为自建，请勾选归档计划和归档方式。",
)
_OF_ITEM = "同一事项有多种材料时，下面各行可以不填。"
_TABLE = {
    "item_code": _Column("", 20, f"例：许可-00387-000\n{_OF_ITEM}"),
    "item_name": _Column("", 30, f"例：中医医疗广告审查\n{_OF_ITEM}"),
    "schedule_version": _Column("", 12, f"例：2018-1\n{_OF_ITEM}"),
    "approved": _Column("", 10, f"不填即为“是”。{_OF_ITEM}", _YES_NO),
    "archiving_mode": _Column("", 10, _OF_ITEM, tuple(ARCHIVING_MODE.words)),
    "retention": _Column("", 10, _OF_ITEM, ("永久", "30年", "10年")),
    "kind": _Column("", 12, "", ("证据性", "程序性", "结果性")),
    "name": _Column("", 30, "例：申请表"),
    "code": _Column("", 12, "例：01"),
    "required": _Column("", 10, "不填即为“是”。", _YES_NO),
    "electronic": _Column("", 10, "电子材料填“是”，纸质材料填“否”；不填即为“是”。", _YES_NO),
}
_MATERIAL = ("kind", "name", "code", "required", "electronic")
KINDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "items": ("基础信息确认表", ()),
    "schedule": ("归档范围和保管期限表", ("item_code", "item_name", "schedule_version", "approved", "retention", *_MATERIAL)),
    "config": ("归档模块配置", ("item_code", "item_name", "schedule_version", "archiving_mode", "retention", *_MATERIAL)),
}
"""What there is an empty form of -> its title, and its fields where it is a plain table."""


def write_template(kind: str, path: Path) -> None:
    """Write an empty form.

    Parameters
    ----------
    kind
        One of :data:`KINDS`.

    Raises
    ------
    BadInputFile
        The file is there already, or cannot be written.
    """
    workbook = Workbook()
    sheet: Any = workbook.active
    sheet.title, fields = KINDS[kind]
    if fields:
        _lay_out_table(sheet, fields)
    else:
        _lay_out_form(sheet)
    try:
        with path.open("xb") as file:
            workbook.save(file)
    except FileExistsError as error:
        raise BadInputFile(f"{path}: 已存在，不覆盖 is there already, and is not overwritten") from error
    except OSError as error:
        raise BadInputFile(f"{path}: 写不了 cannot be written: {error.strerror}") from error


def _lay_out_form(sheet: Worksheet) -> None:
    last = get_column_letter(len(_FORM))
    for row, text in enumerate(
        ("附件1", "“最多跑一次”行政类事项基础信息确认表", "单位名称：          填报人：          确认人：          填报时间："), 1
    ):
        sheet.cell(row, 1, text)
        sheet.merge_cells(f"A{row}:{last}{row}")
    sheet["A2"].alignment, sheet["A2"].font = _CENTRED, Font(bold=True, size=16)
    sheet["B4"] = "权力事项信息"
    sheet.merge_cells("B4:E4")
    for number, column in enumerate(_FORM, 1):
        grouped = 2 <= number <= 5  # noqa: PLR2004 - columns B to E, under 权力事项信息
        _head(sheet, 5 if grouped else 4, number, column)
        if not grouped:
            sheet.merge_cells(start_row=4, end_row=5, start_column=number, end_column=number)
    _rule(sheet, 4, 5 + BLANK_ROWS)
    _offer_choices(sheet, _FORM, 6, 5 + BLANK_ROWS)
    for row in range(6, 6 + BLANK_ROWS):
        sheet.cell(row, 1, row - 5)
    for row, text in enumerate(_NOTES, 6 + BLANK_ROWS):
        sheet.cell(row, 1, text).alignment = _WRAPPED
        sheet.merge_cells(f"A{row}:{last}{row}")
    sheet.freeze_panes = "A6"


def _lay_out_table(sheet: Worksheet, fields: Iterable[str]) -> None:
    columns = [_Column(HEADINGS[field][0], _TABLE[field].width, _TABLE[field].note, _TABLE[field].choices) for field in fields]
    for number, column in enumerate(columns, 1):
        _head(sheet, 1, number, column)
    _rule(sheet, 1, 1 + BLANK_ROWS, len(columns))
    _offer_choices(sheet, columns, 2, 1 + BLANK_ROWS)
    sheet.freeze_panes = "A2"


def _head(sheet: Worksheet, row: int, number: int, column: _Column) -> None:
    cell = sheet.cell(row, number, column.title)
    cell.font = Font(bold=True)
    if column.note:
        cell.comment = Comment(column.note, "附件1", width=320, height=90)
    sheet.column_dimensions[get_column_letter(number)].width = column.width


def _rule(sheet: Worksheet, first: int, last: int, columns: int = len(_FORM)) -> None:
    for row in sheet.iter_rows(min_row=first, max_row=last, max_col=columns):
        for cell in row:
            cell.border, cell.alignment, cell.number_format = _EDGE, _CENTRED, _TEXT


def _offer_choices(sheet: Worksheet, columns: Iterable[_Column], first: int, last: int) -> None:
    """Offer words to choose from, without refusing others: boxes ticked by hand are as good."""
    for number, column in enumerate(columns, 1):
        if column.choices:
            letter = get_column_letter(number)
            offered = DataValidation(type="list", formula1=f'"{",".join(column.choices)}"', allow_blank=True, showErrorMessage=False)
            offered.add(f"{letter}{first}:{letter}{last}")
            sheet.add_data_validation(offered)
