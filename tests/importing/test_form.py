"""附件1 as units really fill it in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from ops.importing.faults import Reading
from ops.importing.form import read_form
from ops.importing.sheet import NotAValue, Sheet
from ops.importing.text import csv_sheet
from streams.errors import BadInputFile
from tests.importing.forms import MAIN, NOTES, NOTICE, NOTICE_MERGES, SUB_1, SUB_2, TOP, fill, form, read, with_cell

MAIN_CONTENT = {
    "item_code": "许可-00387-000",
    "item_name": "中医医疗广告审查",
    "main_item_code": "",
    "main_item_name": "",
    "build_mode": "MUNICIPAL",
    "plan_year": 0,
    "archiving_mode": "UNKNOWN",
    "case_count_2017": 19,
    "note": "",
}
SUB_CONTENT = {
    "item_code": "许可-00385-001",
    "item_name": "公共场所卫生行政许可（新发证）",
    "main_item_code": "许可-00385-000",
    "main_item_name": "公共场所卫生行政许可",
    "build_mode": "SELF_BUILT",
    "plan_year": 2018,
    "archiving_mode": "ONLINE",
    "case_count_2017": 14,
    "note": "",
}
CODES = ["许可-00387-000", "许可-00385-001", "许可-00385-002"]


def codes(reading: Reading) -> list[str]:
    """What could be read."""
    return [draft.content["item_code"] for draft in reading.drafts]


def places(reading: Reading) -> list[str]:
    """Where something is wrong."""
    return [fault.cell for fault in reading.faults]


def test_the_example_of_the_notice_is_read_whole():
    """An item without sub-items, and two sub-items under merged cells, with notes below."""
    reading = read(form([*NOTICE, (3,), (4,), (5,)], NOTICE_MERGES))
    assert (reading.faults, reading.bad) == ([], 0)
    assert [draft.content for draft in reading.drafts[:2]] == [MAIN_CONTENT, SUB_CONTENT]
    assert codes(reading) == CODES
    assert reading.drafts[2].content["archiving_mode"] == "OFFLINE"
    assert [(draft.sheet, draft.cell) for draft in reading.drafts] == [("Sheet1", "C6"), ("Sheet1", "E7"), ("Sheet1", "E8")]


@pytest.mark.parametrize("merges", [NOTICE_MERGES, ("B7:B8",), ()])
def test_a_main_item_continues_over_its_sub_items_merged_or_not(merges: tuple[str, ...]):
    """Also where it is written out again, whole or in part."""
    assert codes(read(form(NOTICE, merges))) == CODES
    again = with_cell(with_cell(SUB_2, "B", SUB_1[1]), "C", SUB_1[2])
    for row in (again, with_cell(again, "B", None), with_cell(again, "C", None)):
        reading = read(form([MAIN, SUB_1, row]))
        assert (codes(reading), reading.faults) == (CODES, [])
        assert reading.drafts[2].content["main_item_name"] == "公共场所卫生行政许可"


def test_boxes_merged_over_sub_items_hold_for_all_of_them():
    """One box list beside three sub-items says the same of each."""
    reading = read(form([SUB_1, *(with_cell(with_cell(SUB_2, "F", None), "E", f"许可-00385-00{n}") for n in (2, 3))], ("F6:F8",)))
    assert [draft.content["build_mode"] for draft in reading.drafts] == ["SELF_BUILT"] * 3


def test_a_number_merged_over_sub_items_is_refused():
    """It is the sum of them, or of one: neither may be given to each."""
    reading = read(form([SUB_1, with_cell(SUB_2, "G", None)], ("G6:G7",)))
    assert (places(reading), reading.bad) == (["G6"], 2)
    assert "6–7" in reading.faults[0].found


@pytest.mark.parametrize(
    "below", [NOTES, (), (("单位负责人：    联系电话：",),), (("合计", None, None, None, None, None, 33),), (("注：见附件",),)]
)
def test_what_stands_below_the_table_is_no_item(below: Any):
    """Notes, signatures, totals."""
    reading = read(form(NOTICE, NOTICE_MERGES, below=below))
    assert (codes(reading), reading.faults) == (CODES, [])


def test_rows_with_a_number_or_empty_boxes_only_are_blank():
    """The form comes with them."""
    empty = (9, None, None, "无", None, "□省统建  □市统建\n□自建    □垂建", None, "□2018 □2019", "□在线\n□离线")
    reading = read(form([(1,), empty, (), *NOTICE, (4,), empty]))
    assert (codes(reading), reading.faults) == (CODES, [])


def test_an_item_below_the_notes_or_without_headings_is_told_not_lost():
    """Somebody who ran out of rows went on where there was room."""
    workbook = form([MAIN], below=[*NOTES, SUB_1])
    fill(workbook.create_sheet("续"), [SUB_2])
    fill(workbook.create_sheet("代码表"), [("许可-00001-000", "另一事项")])
    reading = read(workbook)
    assert ([(fault.sheet, fault.cell) for fault in reading.faults], reading.bad) == ([("Sheet1", "E9"), ("续", "E1")], 2)
    assert codes(reading) == CODES[:1]


def test_a_note_that_says_total_takes_no_item_out():
    """Rows with 合计 are no items, unless they say something of one."""
    reading = read(form([MAIN, with_cell(SUB_1, "J", "小计")]))
    assert (codes(reading), places(reading)) == (CODES[:2], [])
    reading = read(form([MAIN, with_cell(with_cell(SUB_1, "J", "小计"), "E", "许可00385001")]))
    assert (codes(reading), places(reading)) == (CODES[:1], ["E7"])


def test_columns_may_have_moved():
    """To the right, and among themselves; others may have come between."""
    order = [3, 8, 1, 2, 7, 4, 6, 5]
    top = [*TOP[:3], [None, None, "联系方式", *(TOP[3][i] if i > 4 else "权力事项信息" for i in order)]]
    top.append([None, None, None, *(TOP[4][i] if i < 5 else None for i in order)])
    rows = [[None, row[0], "x", *(row[i] for i in order)] for row in (MAIN, SUB_1)]
    reading = read(form(rows, top=top))
    assert [draft.content for draft in reading.drafts] == [MAIN_CONTENT, SUB_CONTENT]
    assert reading.drafts[0].cell == "G6"


def test_headings_may_stand_in_one_row_with_blanks_and_breaks_in_them():
    """As they are when somebody took the merged cells apart."""
    heading = (
        "序号",
        "主项\n名称",
        "主 项 编 码",
        "子项名称",
        "子项编码",
        "建设模式\n（勾选）",
        "2017年\n办件量（件）",
        "归档计划",
        "归档方式",
        "备注",
    )
    assert codes(read(form(NOTICE, top=[heading]))) == CODES


def test_every_visible_sheet_with_the_form_is_read(caplog: pytest.LogCaptureFixture):
    """And no other, which is told."""
    workbook = form([MAIN], sheet="许可")
    fill(workbook.create_sheet("说明"), [("填表须知",), ("主项编码是什么", "…")])
    fill(workbook.create_sheet("续"), [*TOP, SUB_1])
    hidden = workbook.create_sheet("去年")
    fill(hidden, [*TOP, SUB_2])
    hidden.sheet_state = "hidden"
    reading = read(workbook)
    assert [(draft.sheet, draft.content["item_code"]) for draft in reading.drafts] == [("许可", CODES[0]), ("续", CODES[1])]
    assert "hidden sheets are not read: 去年" in caplog.text


def test_headings_may_come_again_on_each_page():
    """The table goes on behind them."""
    assert codes(read(form([MAIN, *NOTES, *TOP, SUB_1]))) == CODES[:2]


def test_a_csv_of_the_form_is_read_too():
    """As Excel saves it, in GBK, which has no ☑: Excel puts a question mark in its place, and that is refused."""
    rows = [*TOP, MAIN, with_cell(SUB_1, "F", "□省统建\n√自建")]
    text = "\n".join(",".join(f'"{"" if value is None else value}"' for value in row) for row in rows)
    reading = read_form([csv_sheet(text.replace("☑", "√").encode("gbk"), "form.csv", "gbk")], "form.csv")
    assert [draft.content for draft in reading.drafts] == [MAIN_CONTENT, SUB_CONTENT]
    reading = read_form([csv_sheet(text.encode("gbk", "replace"), "form.csv", "gbk")], "form.csv")
    assert places(reading) == ["F6", "H7", "I7"]


@pytest.mark.parametrize(
    ("row", "column", "value", "place", "expected"),
    [
        (MAIN, "C", "许可-00387", "C6", "许可-00385-001"),
        (MAIN, "C", "见附件", "C6", "事项编码"),
        (MAIN, "C", None, "C6", "事项编码"),
        (MAIN, "B", None, "B6", "不能为空"),
        (MAIN, "C", "许可-00387-001", "C6", "许可-00387-000"),
        (MAIN, "C", "许可-00387-0", "C6", "许可-00387-000"),
        (MAIN, "F", "□省统建  □市统建\n□自建    □垂建", "F6", "勾选一项"),
        (MAIN, "F", None, "F6", "勾选一项"),
        (MAIN, "F", "☑省统建  ☑市统建\n□自建    □垂建", "F6", "勾选一项"),
        (MAIN, "F", "区统建", "F6", "勾选一项"),
        (MAIN, "H", "☑2018 □2019", "H6", "自建"),
        (MAIN, "I", "☑在线 □离线", "I6", "自建"),
        (MAIN, "G", "约20", "G6", "件数"),
        (MAIN, "G", "19\n20", "G6", "件数"),
        (MAIN, "B", "同上", "B6", "同上"),
        (SUB_1, "D", "〃", "D6", "同上"),
        (MAIN, "G", "=SUM(1,2)", "G6", "值 a value"),
        (MAIN, "C", '="许可-00387-000"', "C6", "值 a value"),
        (MAIN, "F", '="市统建"', "F6", "值 a value"),
        (SUB_1, "H", "□2018 □2019", "H6", "2018"),
        (SUB_1, "H", None, "H6", "2018"),
        (SUB_1, "H", "2020", "H6", "2018"),
        (SUB_1, "H", "2020/12/31", "H6", "2018"),
        (SUB_1, "H", "☑2018 ☑2019", "H6", "2018"),
        (SUB_1, "I", None, "I6", "在线"),
        (SUB_1, "E", "许可-00386-001", "E6", "'许可-00385-000'"),
        (SUB_1, "E", "许可-00385-000", "E6", "'许可-00385-000'"),
        (SUB_1, "E", "无", "E6", "事项编码"),
        (SUB_1, "D", "无", "D6", "不能为空"),
    ],
)
def test_what_is_wrong_is_named_by_cell_and_the_rest_can_go_in(row: Any, column: str, value: Any, place: str, expected: str):
    """One fault, one bad item, and every other item read."""
    good = with_cell(with_cell(MAIN, "C", "许可-00001-000"), "B", "另一事项")
    reading = read(form([with_cell(row, column, value), good]))
    assert (places(reading), reading.bad, codes(reading)) == ([place], 1, ["许可-00001-000"])
    assert reading.faults[0].sheet == "Sheet1"
    assert expected in reading.faults[0].expected


def test_boxes_left_empty_beside_another_mode_are_no_fault():
    """Many units leave the form's boxes where they do not apply."""
    reading = read(form([with_cell(with_cell(MAIN, "H", "□2018 □2019"), "I", "无")]))
    assert (codes(reading), reading.faults) == (CODES[:1], [])


def test_all_that_is_wrong_in_a_row_is_told_at_once():
    """A unit should not have to send its form three times."""
    wrong = with_cell(with_cell(with_cell(SUB_1, "E", "x"), "G", "y"), "I", None)
    assert places(read(form([wrong]))) == ["E6", "I6", "G6"]


def test_a_main_item_in_error_is_told_once_and_keeps_its_sub_items_out():
    """One cell is wrong; three rows rest on it."""
    reading = read(form([with_cell(SUB_1, "C", "许可00385"), SUB_2, with_cell(SUB_2, "E", "许可-00385-003")], ("C6:C8",)))
    assert (places(reading), reading.bad, codes(reading)) == (["C6"], 3, [])


def test_a_code_given_twice_is_told_at_both_places_and_neither_goes_in():
    """Only the unit knows which holds; other spellings are the same code."""
    workbook = form([MAIN, SUB_1])
    fill(workbook.create_sheet("续"), [*TOP, with_cell(MAIN, "C", "许可－００３８７－０００")])
    reading = read(workbook)
    assert [(fault.sheet, fault.cell) for fault in reading.faults] == [("Sheet1", "C6"), ("续", "C6")]
    assert all("Sheet1!C6, 续!C6" in fault.found for fault in reading.faults)
    assert (reading.bad, codes(reading)) == (2, CODES[1:2])


def test_a_code_given_in_each_row_is_told_in_bounds():
    """Dragged down, a spreadsheet copies it: each row is named, and each names no more than the first ten."""
    faults = read(form([MAIN] * 3_000)).faults
    assert [fault.cell for fault in faults] == [f"C{row}" for row in range(6, 3_006)]
    assert all(fault.found.endswith("Sheet1!C15 … (3000)") for fault in faults)


def test_a_code_given_again_in_a_row_with_errors_goes_in_from_neither():
    """With ``--partial`` the good row would go in, and it may be the wrong one."""
    reading = read(form([MAIN, with_cell(MAIN, "G", "约20"), SUB_1]))
    assert (places(reading), reading.bad, codes(reading)) == (["G7", "C6", "C7"], 2, CODES[1:2])


def test_a_main_item_called_otherwise_further_down_is_told_with_both_places():
    """One of the two names is wrong, in whichever sheet; blanks and full width make no other name."""
    other = with_cell(with_cell(SUB_2, "B", "另一主项"), "C", "许可－００３８５－０００")
    workbook = form([SUB_1, other])
    fill(workbook.create_sheet("续"), [*TOP, with_cell(other, "E", "许可-00385-003")])
    reading = read(workbook)
    assert [(fault.sheet, fault.cell) for fault in reading.faults] == [("Sheet1", "B7"), ("续", "B6")]
    assert all("Sheet1!B6" in fault.found for fault in reading.faults)
    assert (reading.bad, codes(reading)) == (2, CODES[1:2])
    assert codes(read(form([SUB_1, with_cell(other, "B", "公共场所 卫生行政许可")]))) == CODES[1:]


@pytest.mark.parametrize(
    ("row", "place"),
    [
        ((1, None, None, None, None, "市统建", 3), "C6"),
        ((1, None, None, "子项", "许可-00385-001", "市统建", 3), "C6"),
        ((1, "=A1", "许可-00385-000", "无", "无", "市统建", 3), "B6"),
    ],
)
def test_a_row_without_a_main_item_is_a_fault(row: Any, place: str):
    """Something is filled in, and nobody can say of what."""
    reading = read(form([row]))
    assert (places(reading), reading.bad) == ([place], 1)


def test_a_second_row_of_a_main_item_needs_a_sub_item():
    """Else it would be the main item twice."""
    reading = read(form([MAIN, (None, None, None, None, None, "市统建", 3)], ("B6:B7", "C6:C7")))
    assert (places(reading), reading.bad, codes(reading)) == (["E7"], 1, CODES[:1])


def test_a_formula_in_a_column_that_is_not_read_harms_nobody():
    """Serial numbers often are."""
    assert codes(read(form([with_cell(MAIN, "A", "=ROW()-5")]))) == CODES[:1]


@pytest.mark.parametrize(
    ("top", "told"),
    [
        ((("事项", "编码"),), "附件1"),
        ([*TOP[:4], (None, "主项名称", "主项编码", "子项名称")], "子项编码"),
        ([*TOP[:3], with_cell(TOP[3], "J", "建设模式"), TOP[4]], "F5, J5"),
    ],
)
def test_a_file_without_the_headings_is_refused_whole(top: Any, told: str):
    """Nothing is read by guessing what a column is."""
    with pytest.raises(BadInputFile, match=told):
        read(form([MAIN], top=top))


def test_an_empty_form_is_refused():
    """With ``--replace`` it would take everything back."""
    with pytest.raises(BadInputFile, match="没有填写"):
        read(form([(1,), (2,)]))
    with pytest.raises(BadInputFile, match="附件1"):
        read(Workbook())


cells = st.one_of(
    st.sampled_from([value for row in (*TOP, *NOTICE, *NOTES) for value in row if value is not None]),
    st.integers(-5, 3000),
    st.floats(),
    st.text(max_size=12),
    st.just(NotAValue("公式 a formula")),
)


@settings(max_examples=300)
@given(
    st.dictionaries(st.tuples(st.integers(6, 12), st.integers(1, 11)), cells, max_size=50),
    st.lists(st.tuples(st.integers(3, 12), st.integers(1, 10), st.integers(0, 4), st.integers(0, 3)), max_size=6),
)
def test_any_filling_is_read_or_refused(filling: dict[tuple[int, int], Any], merges: list[tuple[int, int, int, int]]):
    """Whatever stands where: items that are whole, faults that say where, nothing else."""
    heads = {(row, column): value for row, values in enumerate(TOP, 1) for column, value in enumerate(values, 1) if value is not None}
    ranges = [(row, column, row + more, column + wider) for row, column, more, wider in merges]
    try:
        reading = read_form([Sheet("s", heads | filling, ranges)], "f")
    except BadInputFile:
        return
    assert bool(reading.bad) is bool(reading.faults)
    assert len(set(codes(reading))) == len(reading.drafts)
    for draft in reading.drafts:
        assert draft.content["item_name"]
        assert (draft.content["build_mode"] == "SELF_BUILT") is (draft.content["plan_year"] != 0)
