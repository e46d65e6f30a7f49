"""Items of 附件1 in rows of every kind."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from ops.importing.form import read_form
from ops.importing.sheet import Sheet
from tests.importing.forms import MAIN, NOTES, SUB_1, SUB_2, TOP, form, read, with_cell
from tests.importing.test_form import CODES, MAIN_CONTENT, SUB_CONTENT, codes, places


@pytest.mark.parametrize("code", ["xk-00387-000", "行政许可-00387-000"])
def test_a_code_of_none_of_the_eight_types_goes_in_and_is_told(code: str, caplog: pytest.LogCaptureFixture):
    """Its cases are not assessed: right for some items, and misspelt for others."""
    assert codes(read(form([with_cell(MAIN, "C", code), SUB_1]))) == [code, CODES[1]]
    assert "不属八类行政事项，不计入考核 of none of the eight types, not assessed: Sheet1!C6" in caplog.text
    caplog.clear()
    read(form([with_cell(MAIN, "C", f"服务-{number:05}-000") for number in range(12)]))
    assert "Sheet1!C15 … (12)" in caplog.text
    assert "C16" not in caplog.text


def test_a_code_with_a_fourth_place_is_an_item_under_its_main_item():
    """Real data has them; a sub-item's main item is meant without it."""
    content = read(form([with_cell(MAIN, "C", "许可-00387-000-02")])).drafts[0].content
    above = {"main_item_code": "许可-00387-000", "main_item_name": MAIN_CONTENT["item_name"]}
    assert content == MAIN_CONTENT | {"item_code": "许可-00387-000-02", **above}
    (draft,) = read(form([with_cell(with_cell(SUB_1, "C", "许可-00385-000-02"), "E", "许可-00385-001-02")])).drafts
    assert draft.content == SUB_CONTENT | {"item_code": "许可-00385-001-02"}


@pytest.mark.parametrize("code", ["许可-00385-1", "许可-00385-0001"])
def test_a_code_of_other_lengths_goes_in_and_is_told(code: str, caplog: pytest.LogCaptureFixture):
    """Other registers may number that way; more often a digit is missing, and no case would meet it."""
    assert codes(read(form([with_cell(MAIN, "C", "许可-00387-000-02"), with_cell(SUB_1, "E", code)]))) == ["许可-00387-000-02", code]
    assert "编码不是五位、三位数字 codes not of five and three digits: Sheet1!E7" in caplog.text
    assert "C6" not in caplog.text


@pytest.mark.parametrize("text", ["中医医疗广告审查 xk-00387-000", "许可-00387-000"])
@pytest.mark.parametrize(("row", "merged", "place"), [(MAIN, "B6:C6", "B6"), (SUB_1, "D6:E6", "D6")])
def test_a_name_and_a_code_in_one_cell_are_a_fault(row: Any, merged: str, place: str, text: str):
    """Merged over both columns: which part of it is which, nobody may guess."""
    reading = read(form([with_cell(row, place[0], text)], [merged]))
    assert ({fault.cell for fault in reading.faults}, codes(reading)) == ({place}, [])
    assert "名称和编码在同一格 name and code in one cell" in [fault.found for fault in reading.faults]


@pytest.mark.parametrize(
    ("note", "taken", "told"),
    [(dt.date(2018, 5, 1), "2018-05-01", ""), (20180501, "20180501", ""), ("=A1", "", "Sheet1!J6: 备注没有采用"), ("#REF!", "", "错误值")],
)
def test_a_note_keeps_no_item_out(note: Any, taken: str, told: str, caplog: pytest.LogCaptureFixture):
    """It is for people; what cannot be taken is told."""
    (draft,) = read(form([with_cell(MAIN, "J", note)])).drafts
    assert draft.content["note"] == taken
    assert told in caplog.text


def test_a_note_of_control_characters_is_a_fault():
    """Somebody's terminal would obey it."""
    cells = {
        (row, column): value
        for row, values in enumerate([*TOP, with_cell(MAIN, "J", "\x1b[2J")], 1)
        for column, value in enumerate(values, 1)
    }
    assert places(read_form([Sheet("s", {place: value for place, value in cells.items() if value is not None})], "f")) == ["J6"]


SPLIT = [
    (*MAIN[:5], "□省统建  ☑市统建", 19, None, None, "见"),
    (None, None, None, None, None, "□自建    □垂建", None, None, None, "附件"),
    (*SUB_1[:5], "□省统建  □市统建", 14, "☑2018", "☑在线"),
    (None, None, None, None, None, "☑自建    □垂建", None, "□2019", "□离线"),
]


@pytest.mark.parametrize("columns", ["BCDEG", "BCDE", "ABCDEGJ"])
def test_boxes_in_rows_of_their_own_belong_to_the_item_above(columns: str):
    """A table out of Word comes that way: all else is merged over the rows."""
    rows = [*SPLIT[:1], with_cell(SPLIT[1], "J", None) if "J" in columns else SPLIT[1], *SPLIT[2:]]
    reading = read(form(rows, [f"{column}{row}:{column}{row + 1}" for column in columns for row in (6, 8)]))
    assert [draft.content for draft in reading.drafts] == [MAIN_CONTENT | {"note": "见" if "J" in columns else "见附件"}, SUB_CONTENT]
    assert reading.faults == []


def test_rows_with_a_number_or_a_sub_item_of_their_own_are_items_of_their_own():
    """Boxes of two items are never joined."""
    merges = [f"{column}6:{column}7" for column in "BCDE"]
    reading = read(form([SPLIT[0], with_cell(SPLIT[1], "G", 3)], merges))
    assert (places(reading), codes(reading)) == (["E6", "F7"], CODES[:1])
    reading = read(form([SPLIT[0], with_cell(SPLIT[1], "E", "许可-00387-001")], [*merges[:3], "G6:G7"]))
    assert (places(reading), codes(reading)) == (["G6", "D6", "F7"], [])


def test_a_row_of_an_item_may_hold_nothing():
    """A table out of Word in double rows: the item is merged over both, its number of cases, too."""
    rows = [MAIN, (), SUB_1, ()]
    reading = read(form(rows, [f"{column}{row}:{column}{row + 1}" for column in "ABCDEFGHIJ" for row in (6, 8)], below=()))
    assert (codes(reading), reading.faults) == ([MAIN[2], SUB_1[4]], [])
    reading = read(form([SPLIT[0], (), SPLIT[1]], [f"{column}6:{column}8" for column in "BCDEG"]))
    assert [draft.content for draft in reading.drafts] == [MAIN_CONTENT | {"note": "见附件"}]


@pytest.mark.timeout(20)
def test_an_item_merged_down_to_the_end_of_the_sheet_takes_no_time():
    """Whoever merges whole columns has one item."""
    cells = {
        (row, column): value for row, values in enumerate([*TOP, MAIN], 1) for column, value in enumerate(values, 1) if value is not None
    }
    reading = read_form([Sheet("s", cells, [(6, column, 1_048_576, column) for column in (2, 3, 4, 5, 7)])], "f")
    assert (codes(reading), reading.faults) == ([MAIN[2]], [])


def test_a_main_item_goes_on_where_its_headings_come_again():
    """A page ends within it; a sub-item of another one needs its own."""
    other = with_cell(SUB_2, "E", "许可-00386-002")
    for between in ((), NOTES):
        assert codes(read(form([SUB_1, *between, *TOP, SUB_2]))) == [SUB_1[4], SUB_2[4]]
        assert codes(read(form([SUB_1, *between, *TOP, other]))) == [SUB_1[4]]
