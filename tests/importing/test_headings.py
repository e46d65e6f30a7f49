"""Which column is which: headings as units word, group, repeat and explain them."""

from __future__ import annotations

from typing import Any

import pytest

from ops.importing.form import read_form
from ops.importing.text import csv_sheet
from streams.errors import BadInputFile
from tests.importing.forms import MAIN, NOTES, NOTICE, SUB_1, SUB_2, TOP, fill, form, read, with_cell
from tests.importing.test_form import CODES, MAIN_CONTENT, codes

MODES = ("省统建", "市统建", "自建", "垂建")
IN_ONE_ROW = ("序号", "主项名称", "主项编码", "子项名称", "子项编码", "建设模式", "2017年办件量", "归档计划", "归档方式", "备注")


@pytest.mark.parametrize(
    ("column", "heading"),
    [
        *(("C", heading) for heading in ("主项编码（必填）", "主项编码*", "*主项编码", "主项编码：", "主项编号", "主项代码")),
        *(("C", heading) for heading in ("主项编码\u200b", "主项编码\ufeff", "权力事项主项编码", "主 项\n编\u3000码")),
        *(("G", f"{year}") for year in ("2017办件量", "2017年办件总量", "2017年实际办件量", "2017年度\n办件数量", "办件量（2017年）")),
        *(("G", f"{plain}") for plain in ("办件量", "２０１７年办件数", "2017年办件量（件）", "办件量（件）", "办件量（2017，单位：件）")),
        *(("G", f"办件量（{said}）") for said in ("17年", "2017年度", "不含测试件", "去除测试办件后的真实办件量", "必填")),
        *(("G", f"2017年办件量（{said}）") for said in ("核实后", "不含测试件", "除测试件外", "不包括测试数据", "件）（2017年")),
        *(("F", heading) for heading in ("建设模式（四选一）", "建设模式勾选")),
    ],
)
def test_a_heading_is_known_however_it_is_worded(column: str, heading: str):
    """Marks of what must be filled in, explanations in brackets, characters that nobody sees."""
    (draft,) = read(form([MAIN], top=[with_cell(IN_ONE_ROW, column, heading)])).drafts
    assert draft.content == MAIN_CONTENT


@pytest.mark.parametrize(
    "heading",
    [
        *("办件量（2018年）", "2018年办件量", "2016-2018年办件量", "办件数据来源", "办件量（18年）", "办件量（上年）", "办件量（近三年）"),
        *("2017年办件量（2016年）", "2017年办件量（1-6月）", "2017年办件量（上半年）", "2017年办件量排名", "2017年办件量（件）（18年）"),
        *("2017年办件量（含测试件）", "2017年办件量（包括测试数据）", "办件量（含测试件）", "办件量（件，含测试件）", "办件量（网上）"),
    ],
)
def test_another_year_or_another_thing_is_not_the_count_of_2017(heading: str):
    """It would go into the registry as case_count_2017; the column is named."""
    with pytest.raises(BadInputFile, match=r"2017年办件量.*: G1$"):
        read(form([MAIN], top=[with_cell(IN_ONE_ROW, "G", heading)]))


@pytest.mark.parametrize(("year", "is_read"), [("2018年", False), ("上年度", False), ("2017年", True), ("工作量", True)])
@pytest.mark.parametrize("merges", [(), ("G2:G3",)])
def test_a_year_over_the_count_is_the_year_of_the_count(year: str, merges: tuple[str, ...], *, is_read: bool):
    """In a row of its own, over a heading that has none."""
    in_two_rows = [with_cell(TOP[3], "G", year), (*TOP[4], None, "办件量")]
    in_three = [(*(None,) * 6, year), with_cell(TOP[3], "G", "办件量"), TOP[4]]
    top = in_three if merges else in_two_rows
    if is_read:
        assert codes(read(form([MAIN], merges, top=top))) == CODES[:1]
    else:
        with pytest.raises(BadInputFile, match="2017年办件量"):
            read(form([MAIN], merges, top=top))


def test_a_hidden_column_is_not_read_in_the_place_of_one_that_is_seen():
    """It may say better what it is, and have the figures of before: its author decides."""
    book = form([(*MAIN, 21)], top=[(*IN_ONE_ROW, "2017年办件量（核实后）")], below=[])
    book.active.column_dimensions["G"].hidden = True
    with pytest.raises(BadInputFile, match=r"隐藏的列与可见的列标题相同.*: G1, K1$"):
        read(book)


def test_a_hidden_column_that_alone_has_its_heading_is_read_and_told(caplog: pytest.LogCaptureFixture):
    """As hidden rows are; an older one beside a better heading is not read, and told all the same."""
    book = form([(*MAIN, 21)], top=[(*IN_ONE_ROW, "2017年办件量（旧）")], below=[])
    for column in "CKZ":
        book.active.column_dimensions[column].hidden = True
    (draft,) = read(book).drafts
    assert draft.content == MAIN_CONTENT
    assert "Sheet1: 隐藏的列也读了 hidden columns are read too: C, K\n" in caplog.text


@pytest.mark.parametrize(
    "heading",
    ["归档方式说明", "办件数据来源", "备注2", "建设模式说明", "归档计划完成时间", "办件量（2018年）", "2018年办件量", "主项名称（简称）"],
)
@pytest.mark.parametrize("before", [True, False])
def test_a_column_that_explains_another_is_not_that_column(heading: str, *, before: bool):
    """The plain heading says it better; the further column is one of those that are not read."""
    top, row = ((heading, *IN_ONE_ROW), ("x", *MAIN)) if before else ((*IN_ONE_ROW, heading), (*MAIN, "x"))
    (draft,) = read(form([row], top=[top])).drafts
    assert draft.content == MAIN_CONTENT


@pytest.mark.parametrize("line", ["备注：带*为必填", "建设模式：四选一", "归档方式：在线/离线", "办件量为2017年真实办件量"])
def test_a_line_above_the_headings_is_none_of_them(line: str):
    """Even where it begins like one, and the cell below it is empty."""
    for headings in (IN_ONE_ROW, (None, *IN_ONE_ROW[1:])):
        assert codes(read(form(NOTICE, top=[("附件1",), (line,), headings]))) == CODES


@pytest.mark.parametrize(
    "top",
    [
        [("序号", "主项", None, "子项", None, *TOP[3][5:]), (None, "名称", "编码", "名称", "编码")],
        [("序号", "主项信息", None, "子项信息", None, *TOP[3][5:]), (None, "名称", "编码", "名称", "编码")],
        [TOP[3], (None, "（与数据库一致）"), TOP[4]],
        [IN_ONE_ROW, ("栏次", *range(1, 10))],
        [*TOP[3:], ("甲", *(f"（{number}）" for number in range(1, 10)))],
    ],
)
def test_headings_may_stand_in_groups_and_over_several_rows(top: Any):
    """With a row that explains them, or one that numbers the columns."""
    assert codes(read(form(NOTICE, top=top))) == CODES
    text = "\n".join(",".join(f'"{"" if value is None else value}"' for value in row) for row in [*top, *NOTICE])
    reading = read_form([csv_sheet(text.encode(), "f.csv", "utf-8")], "f.csv")
    assert (codes(reading), reading.faults) == (CODES, [])


IN_THREE_ROWS = [TOP[3], (None, "主项", None, "子项"), (None, "名称", "编码", "名称", "编码")]
BROKEN = "第 1 页，共 2 页"


@pytest.mark.parametrize("top", [TOP[3:], IN_THREE_ROWS, [IN_ONE_ROW], [*TOP[3:], ("栏次", *range(1, 10))]])
@pytest.mark.parametrize("between", [[], [TOP[1]], [TOP[0], TOP[1], TOP[2]], [(BROKEN,)], [("小计", *(None,) * 5, 19)], [()]])
def test_all_rows_of_the_headings_may_come_again(top: Any, between: Any):
    """On each page, right behind an item or what ends a page; whether the cells are merged, or a text file has them."""
    rows = [*top, MAIN, *between, *top, SUB_1, SUB_2]
    first = rows.index(top[0], 1) + 1
    merges = [f"{column}{first}:{column}{first + 1}" for column in "AFGHIJ"] if top is TOP[3:] else []
    reading = read(form(rows, merges, top=[]))
    assert (codes(reading), reading.faults) == (CODES, [])
    text = "\n".join(",".join(f'"{"" if value is None else value}"' for value in row) for row in rows)
    reading = read_form([csv_sheet(text.encode(), "f.csv", "utf-8")], "f.csv")
    assert (codes(reading), reading.faults) == (CODES, [])


def test_headings_that_come_again_may_have_words_of_their_own_table():
    """Groups and columns that are not read are known from the first page; what is on neither is an item with faults."""
    top = [(*TOP[3], "联系方式"), (*TOP[4], *(None,) * 5, "（手机）")]
    assert codes(read(form([MAIN, *top, SUB_1, SUB_2], top=top))) == CODES
    with pytest.raises(BadInputFile, match="第 5 行表头"):
        read(form([MAIN, with_cell(top[0], "K", "其他"), top[1], SUB_1, SUB_2], top=top))


MIXED = [
    [
        ("序号", "主项名称", "主项编码", "子项", None, *TOP[3][5:]),
        (None, None, None, "名称", "编码"),
    ],
    [
        (*IN_ONE_ROW[:7], "自建事项填写", None, "备注"),
        (*(None,) * 7, "归档计划", "归档方式"),
    ],
    [
        ("序号", "权力事项信息", None, None, None, *TOP[3][5:]),
        (None, "主项名称", "主项编码", "子项信息"),
        (None, None, None, "名称", "编码"),
    ],
]


@pytest.mark.parametrize("top", MIXED)
def test_headings_of_a_group_may_stand_below_the_code_of_the_main_item(top: Any):
    """The others are merged down beside them, or a text file leaves the cells empty; they may come again as well."""
    rows = [*top, MAIN, *top, SUB_1, SUB_2]
    reading = read(form(rows, ["A1:A2", "J1:J2"], top=[]))
    assert (codes(reading), reading.faults) == (CODES, [])
    text = "\n".join(",".join(f'"{"" if value is None else value}"' for value in row) for row in rows)
    reading = read_form([csv_sheet(text.encode(), "f.csv", "utf-8")], "f.csv")
    assert (codes(reading), reading.faults) == (CODES, [])


IN_PARTS = (*IN_ONE_ROW[:6], "办件量", None, *IN_ONE_ROW[7:9])


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ([IN_PARTS, (*(None,) * 6, "2016年", "2017年")], "G2, H2"),
        ([with_cell(IN_PARTS, "G", "2017年办件量"), (*(None,) * 6, "窗口", "网上")], "G2, H2"),
        ([(*IN_ONE_ROW[:6], None, None, None, *IN_ONE_ROW[6:9]), (*(None,) * 5, *MODES)], "F2, G2, H2, I2"),
        ([IN_PARTS[:7] + IN_PARTS[8:], (*(None,) * 6, "（2016年）")], "G2"),
    ],
)
@pytest.mark.parametrize("is_merged", [True, False])
def test_headings_below_a_heading_refuse_the_file_where_they_divide_it(top: Any, told: str, *, is_merged: bool):
    """The first of them would be read, and with ``--partial`` the figures of 2016 would go in; a text file has no merged cells."""
    merges = [f"{column}1:{column}2" for column in "ABCDE"] if is_merged else []
    with pytest.raises(BadInputFile, match=f"第 1 行表头.*标题之下另有标题.*: {told}$"):
        read(form([(*MAIN[:6], 3, 19)], merges, top=top, below=[]))


def test_a_heading_that_is_merged_over_columns_of_its_own_is_read():
    """A table out of Word has such cells, and what stands below it is merged as well; the first row may be an empty one."""
    wide = [(*row[:6], None, *row[6:]) for row in (IN_ONE_ROW, (1, *(None,) * 4, "□省统建 □市统建", None, "□2018"), *NOTICE)]
    reading = read(form(wide[1:], [f"F{row}:G{row}" for row in range(1, 6)], top=wide[:1]))
    assert (codes(reading), reading.faults) == (CODES, [])


def test_a_list_of_what_the_fields_mean_is_no_table():
    """It has headings in it, one or two in a row: on a sheet of its own, or below the notes."""
    meanings = [("字段", "说明"), ("主项名称", "以数据库为准"), ("主项编码", "如 许可-00387-000"), ("主项名称", "主项编码", "子项名称")]
    workbook = form([MAIN], below=[*NOTES, *meanings])
    fill(workbook.create_sheet("填表说明"), meanings)
    reading = read(workbook)
    assert (codes(reading), reading.faults) == (CODES[:1], [])


def test_a_second_table_that_lacks_a_column_refuses_the_file():
    """Its items would be lost."""
    workbook = form([MAIN])
    fill(workbook.create_sheet("续"), [IN_ONE_ROW[:8], SUB_1[:8]])
    with pytest.raises(BadInputFile, match=r"续.*归档方式"):
        read(workbook)


def test_a_row_of_an_item_is_never_taken_for_numbers_of_columns():
    """Serial number and count are numbers as well."""
    row = (1, "事项", "许可-00001-000", None, None, "市统建", 2)
    assert codes(read(form([row, SUB_1, SUB_2], top=[IN_ONE_ROW]))) == ["许可-00001-000", *CODES[1:]]


@pytest.mark.parametrize(
    "without_tests", ["2017年办件量（去除测试办件）", "2017年办件量（不含测试件）", "2017年度办件量（剔除测试数据后）"]
)
@pytest.mark.parametrize("is_first", [True, False])
def test_the_count_without_test_cases_is_read_where_there_are_two(without_tests: str, *, is_first: bool):
    """As the form asks for (填报说明 3)."""
    headings, numbers = [without_tests, "2017年办件量"][:: 1 if is_first else -1], [19, 25][:: 1 if is_first else -1]
    top = (*IN_ONE_ROW[:6], *headings, *IN_ONE_ROW[7:])
    (draft,) = read(form([(*MAIN[:6], *numbers, *MAIN[7:])], top=[top])).drafts
    assert draft.content["case_count_2017"] == 19


@pytest.mark.parametrize(("column", "value"), [("H", 19), ("H", "☑自建")])
def test_a_cell_below_a_heading_that_is_merged_over_it_is_told(column: str, value: Any):
    """Only the first column is read; what stands in the other must not be lost unseen."""
    top = (*IN_ONE_ROW[:7], None, *IN_ONE_ROW[7:])
    row = (*MAIN[:6], None, value, *MAIN[7:])
    reading = read(form([row], ["G1:H1"], top=[top], below=()))
    assert ([fault.cell for fault in reading.faults], reading.drafts) == ([f"{column}2"], [])
    assert codes(read(form([(*MAIN[:7], None, *MAIN[7:])], ["G1:H1", "G2:H2"], top=[top], below=()))) == CODES[:1]
