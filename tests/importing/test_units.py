"""A file of several units is refused: an import is of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ops.importing.form import read_form
from ops.importing.text import csv_sheet
from streams.errors import BadInputFile
from tests.importing.forms import MAIN, TOP, fill, form, read, saved, with_cell
from tests.importing.test_form import CODES, codes
from tests.importing.test_headings import IN_ONE_ROW
from tests.importing.test_materials import CONTENT, FIRST, HEADINGS, OTHER, OTHER_CONTENT, contents, written
from tests.importing.test_materials import read as read_table

OTHER_ITEM = with_cell(with_cell(MAIN, "C", "许可-00512-000"), "B", "保安服务许可")
HEALTH = ("单位名称：市卫生计生委",)
POLICE = ("单位名称：市公安局     填报人：",)


def in_two_sheets(first: Any, second: Any) -> Any:
    """The form twice, with these lines above its headings."""
    book = form([MAIN], top=[first, IN_ONE_ROW], below=[], sheet="甲")
    fill(book.create_sheet("乙"), [second, IN_ONE_ROW, OTHER_ITEM])
    return book


@pytest.mark.parametrize(
    "line",
    [
        POLICE,
        ("填报单位：市公安局",),
        ("填报单位（盖章）：市公安局 填报日期：2018",),
        ("单位：市公安局",),
        ("单位名称：", "市公安局"),
        ("填报人：张三   单位名称：__市公安局__填报时间：",),
    ],
)
def test_two_sheets_of_two_units_refuse_the_file(line: Any):
    """However the line is worded; the items of one would go in as the other's."""
    with pytest.raises(BadInputFile, match=r"写了 2 个单位名称.*: 甲!A1, 乙!A1$"):
        read(in_two_sheets(HEALTH, line))


@pytest.mark.parametrize(
    "line",
    [
        ("单位名称：市 卫生计生委      填报人：李某",),
        ("单位名称:市卫生计生委填报人：",),
        ("填报单位：", "市卫生计生委", "填报人："),
        ("单位名称：            填报人：   确认人：",),
        ("单位名称：    填报人：", "张三"),
        ("单位名称：________",),
        ("单位：件",),
        ("责任单位：医政处",),
    ],
)
def test_one_unit_however_it_is_written_is_one(line: Any):
    """With other blanks, in two cells, or not filled in; a department and what cases are counted in are no units."""
    assert codes(read(in_two_sheets(HEALTH, line))) == [CODES[0], "许可-00512-000"]


def test_two_tables_of_two_units_in_one_sheet_refuse_the_file():
    """One below the other, in a workbook or a text file."""
    with pytest.raises(BadInputFile, match=r": Sheet1!A3, Sheet1!A8$"):
        read(form([MAIN, TOP[1], POLICE, *TOP[3:], OTHER_ITEM]))
    rows = [HEALTH, IN_ONE_ROW, MAIN, POLICE, IN_ONE_ROW, OTHER_ITEM]
    text = "\n".join(",".join(f'"{"" if value is None else value}"' for value in row) for row in rows)
    with pytest.raises(BadInputFile, match=r": A1, A4$"):
        read_form([csv_sheet(text.encode(), "f.csv", "utf-8")], "f.csv")


def test_what_is_signed_below_a_table_names_no_other_unit():
    """Its seal has the full name."""
    book = in_two_sheets(HEALTH, HEALTH)
    book["乙"].cell(5, 1, "单位名称：杭州市卫生和计划生育委员会")
    assert codes(read(book)) == [CODES[0], "许可-00512-000"]


@pytest.mark.parametrize("heading", ["单位名称", "填报单位", "单位"])
def test_a_column_of_units_may_name_one_only(heading: str):
    """The cell of each further one is named; merged cells and blank rows are none."""
    top = [(*IN_ONE_ROW, heading)]
    one = form([(*MAIN, "市公安局"), OTHER_ITEM, (3,)], ("K2:K3",), top=top)
    assert codes(read(one)) == [CODES[0], "许可-00512-000"]
    with pytest.raises(BadInputFile, match=r": Sheet1!K2, Sheet1!K3$"):
        read(form([(*MAIN, "市卫计委"), (*OTHER_ITEM, "市公安局")], top=top))


def test_not_every_unit_of_many_is_listed():
    """The message stays short."""
    rows = [(*with_cell(MAIN, "C", f"许可-{number:05}-000"), f"单位{number}") for number in range(30)]
    with pytest.raises(BadInputFile, match=r"写了 30 个单位名称.*Sheet1!K11 …$"):
        read(form(rows, top=[(*IN_ONE_ROW, "单位")]))


def test_a_schedule_of_two_units_is_refused(tmp_path: Path):
    """As the form is; a unit alone is read."""
    book = form([], top=[HEALTH, HEADINGS, FIRST], below=[], sheet="甲")
    fill(book.create_sheet("乙"), [POLICE, HEADINGS, OTHER])
    with pytest.raises(BadInputFile, match=r": 甲!A1, 乙!A1$"):
        read_table(written(tmp_path, "t.xlsx", saved(book)))
    book["乙"].cell(1, 1, HEALTH[0])
    assert contents(read_table(written(tmp_path, "t.xlsx", saved(book)))) == [
        CONTENT | {"materials": CONTENT["materials"][:1]},
        OTHER_CONTENT,
    ]
