"""《“最多跑一次”行政类事项基础信息确认表》 (notice, 附件1) as units fill it in -> drafts of ``item-registry``.

The form has two rows of headings, a row for each sub-item (子项) with its main item's cells merged over them, 无 where there is none,
boxes to tick, and notes (填报说明) below. Units move columns, break pages with the headings again, leave rows empty, and put the form
on several sheets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from ops.importing.cells import is_item_code, says_build_mode
from ops.importing.faults import Fault, Reading
from ops.importing.form_row import Columns, FormRow
from ops.importing.sheet import NOTES, Sheet, Value, cell_name
from streams.errors import BadInputFile

_HEADINGS = {
    "main_name": re.compile(r"(?:权力事项)?主项名称"),
    "main_code": re.compile(r"(?:权力事项)?主项(?:编码|代码)"),
    "sub_name": re.compile(r"(?:权力事项)?子项名称"),
    "sub_code": re.compile(r"(?:权力事项)?子项(?:编码|代码)"),
    "build_mode": re.compile(r"建设模式.*"),
    "count": re.compile(r"(?:2017年度?)?办件(?:量|数).*"),
    "plan_year": re.compile(r"归档计划.*"),
    "archiving_mode": re.compile(r"归档方式.*"),
    "note": re.compile(r"备注.*"),
}
_NAMES = ("主项名称", "主项编码", "子项名称", "子项编码", "建设模式", "2017年办件量", "归档计划", "归档方式")
_OPTIONAL = {"note"}
_TOTAL = re.compile(r"[合总小]计")


def read_form(sheets: Iterable[Sheet], name: str) -> Reading:
    """Read every table of the form that the sheets hold.

    Raises
    ------
    BadInputFile
        No sheet has the headings, some of them are missing or there twice, or no row is filled in.
    """
    reading, tables = Reading(), 0
    for sheet in sheets:
        tables += _read_sheet(sheet, name, reading)
    if not tables:
        raise BadInputFile(f"{name}: 没有附件1的表头 no sheet has the headings of the form (附件1): {' '.join(_NAMES)}")
    if not reading.drafts and not reading.bad:
        raise BadInputFile(f"{name}: 表中没有填写事项 the form has no item")
    reading.refuse_repeated()
    return reading


def _read_sheet(sheet: Sheet, name: str, reading: Reading) -> int:
    """Read the tables of one sheet; return how many there are."""
    tables, columns, main = 0, None, None
    for row, held in sheet.rows.items():
        shown = [_heading(sheet.own((row, column))) for column in held]
        if any(_HEADINGS["main_code"].fullmatch(text) for text in shown):
            columns, main = _columns(sheet, row, name), None
            tables += 1
        elif columns is None or any(map(_TOTAL.fullmatch, shown)):
            reading.refuse(_stray(sheet, row))
        elif NOTES.fullmatch(shown[0]):
            columns = None
        else:
            form_row = FormRow(sheet, row, columns, main)
            main = form_row.main
            if not form_row.is_blank():
                _take(form_row, reading)
    return tables


def _stray(sheet: Sheet, row: int) -> list[Fault]:
    """What looks like an item where none is read: below the notes, in a sheet without headings. It must not be lost unseen."""
    places = [(row, column) for column in sheet.rows[row]]
    codes = [place for place in places if is_item_code(sheet.own(place))]
    if not codes or not any(says_build_mode(sheet.own(place)) for place in places):
        return []
    expected = "表头之下、填报说明之上 between headings and notes"
    return [Fault(sheet.name, cell_name(codes[-1]), "表外的事项 an item outside the table", expected)]


def _take(row: FormRow, reading: Reading) -> None:
    draft = row.draft()
    if draft is None:
        reading.refuse(row.faults)
    else:
        reading.drafts.append(draft)


def _heading(value: Value) -> str:
    return "".join(unicodedata.normalize("NFKC", value).split()) if isinstance(value, str) else ""


def _columns(sheet: Sheet, row: int, name: str) -> Columns:
    """Columns by their headings: those of a row, and of the row above, whose cells are merged down into it."""
    found: dict[str, set[int]] = {}
    for place in ((at, column) for at in (row - 1, row) for column in sheet.rows.get(at, ())):
        text = _heading(sheet.own(place))
        for heading in (heading for heading, pattern in _HEADINGS.items() if pattern.fullmatch(text)):
            found.setdefault(heading, set()).add(place[1])
    where = f"{name} {sheet.name} 第 {row} 行表头 headings in row {row}".replace("  ", " ")
    if twice := [cell_name((row, column)) for columns in found.values() if len(columns) > 1 for column in sorted(columns)]:
        raise BadInputFile(f"{where}: 同一列标题出现两次 the same heading twice: {', '.join(twice)}")
    required = dict(zip((heading for heading in _HEADINGS if heading not in _OPTIONAL), _NAMES, strict=True))
    if missing := [title for heading, title in required.items() if heading not in found]:
        raise BadInputFile(f"{where}: 缺少列 columns missing: {' '.join(missing)}")
    return {heading: min(columns) for heading, columns in found.items()}
