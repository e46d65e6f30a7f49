"""What stands around a table: told from its items, and never an item lost in it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from ops.importing.form import read_form
from ops.importing.text import csv_sheet
from streams.errors import BadInputFile
from tests.importing.forms import MAIN, NOTES, NOTICE, NOTICE_MERGES, SUB_1, SUB_2, TOP, fill, form, read, saved, with_cell
from tests.importing.test_form import CODES, codes, places
from tests.importing.test_headings import IN_ONE_ROW
from tests.importing.test_materials import CONTENT, FIRST, HEADINGS, MORE, OTHER, OTHER_CONTENT, contents, workbook, written
from tests.importing.test_materials import read as read_table

TOTALS = ["合计", "合计：", "合计:116", "总计（件）", "合计(件)", "本页小计", "共计", "总数"]
SIGNATURES = [
    *("经办人：李某", "填表日期：2018年4月", "填报日期：2018", "审核：", "分管领导：", "填报单位（盖章）：", "联系方式：", "日期：2018"),
    *("主要领导签字：", "填表人（签字）：", "填表人", "制表：", "单位（公章）：", "审核意见：同意", "单位名称：市卫计委", "单位负责人："),
    *("填报人签名", "负责人签字", "单位（盖章）", "填报单位盖章", "经办科室（公章）", "部门负责人签章"),
]
STAMPS = [
    *("2018年4月20日", "二〇一八年四月二十日", "    年  月  日", "2018-04-20", "2018.4.20", dt.date(2018, 4, 20)),
    *("（公章）", "（盖章）", "单位盖章", "（加盖公章）", "（盖章）2018年4月20日", "第1页", "第 1 页，共 2 页"),
]
NUMBERED = "1．名称和编码以数据库为准"


@pytest.mark.parametrize("total", TOTALS)
def test_a_total_is_no_item(total: str, tmp_path: Path):
    """However it is called, in whichever column; the table may go on behind it."""
    for row in ((total, None, None, None, None, None, 33), (3, total, None, None, None, "□省统建 □市统建", 33)):
        reading = read(form([MAIN, row, SUB_1, SUB_2, row]))
        assert (codes(reading), reading.faults) == (CODES, [])
    reading = read_table(workbook(tmp_path, [HEADINGS, FIRST, MORE, (total, None, None, None, None, None, 2), OTHER]))
    assert (contents(reading), reading.faults) == ([CONTENT, OTHER_CONTENT], [])


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("column", [0, 1])
def test_a_signature_is_no_item(signature: str, column: int, tmp_path: Path):
    """Alone, or with a telephone number further right."""
    for row in ((signature,), (signature, None, None, "联系电话：0571-1")):
        below = [(None,) * column + row]
        reading = read(form(NOTICE, NOTICE_MERGES, below=below))
        assert (codes(reading), reading.faults) == (CODES, [])
        reading = read_table(workbook(tmp_path, [HEADINGS, FIRST, MORE, *below]))
        assert (contents(reading), reading.faults) == ([CONTENT], [])


@pytest.mark.parametrize(
    "row",
    [
        (None, "填报人签名", None, "张三", None, "负责人签名"),
        (None, "单位（盖章）", *(None,) * 4, "2018年4月20日"),
        ("经办人签字", "李某", "审核人签字", None, "王某"),
    ],
)
def test_a_row_of_signatures_without_colons_is_no_item(row: Any):
    """With names and a day between them, in whichever columns."""
    reading = read(form(NOTICE, NOTICE_MERGES, below=[row]))
    assert (codes(reading), reading.faults) == (CODES, [])


@pytest.mark.parametrize("column", range(1, 11))
@pytest.mark.parametrize("number", [10, 30])
def test_a_total_that_reads_like_a_retention_period_is_no_item(number: int, column: int, tmp_path: Path):
    """In its own column it may be one, and that is told."""
    total = [None] * 10
    total[0], total[column - 1] = "合计", number if column > 1 else "合计"
    reading = read_table(workbook(tmp_path, [HEADINGS, FIRST, MORE, total, OTHER]))
    in_its_own = column == HEADINGS.index("保管期限") + 1
    assert (contents(reading), bool(reading.faults)) == ([CONTENT, OTHER_CONTENT], in_its_own)


@pytest.mark.parametrize("stamp", STAMPS)
@pytest.mark.parametrize("column", [0, 1, 6, 7, 9])
def test_a_day_a_stamp_or_a_page_number_alone_is_no_item(stamp: Any, column: int, tmp_path: Path):
    """At the end of a page, wherever it stands: the table may go on behind it."""
    row = (None,) * column + (stamp,)
    reading = read(form([MAIN, row, SUB_1, SUB_2], below=[row]))
    assert (codes(reading), reading.faults) == (CODES, [])
    reading = read_table(workbook(tmp_path, [HEADINGS, FIRST, MORE, row, OTHER, row]))
    assert (contents(reading), reading.faults) == ([CONTENT, OTHER_CONTENT], [])


def test_a_day_alone_in_a_row_of_an_item_is_told(tmp_path: Path):
    """A count in the format of days, under a main item that is merged down to it; a version, under a code that is."""
    assert places(read(form([MAIN, (None,) * 6 + (dt.date(1900, 1, 19),)], ("B6:B7", "C6:C7")))) == ["E7", "F7", "G7"]
    rows = [HEADINGS, FIRST, (None, None, dt.date(2018, 1, 1))]
    assert places(read_table(workbook(tmp_path, rows, ("A2:A3",)))) == ["C3"]


@pytest.mark.parametrize(
    "notes",
    [
        [("填报说明", NUMBERED), (None, "2．建设模式包含省统建")],
        [("填表须知",), (NUMBERED,)],
        [("注", NUMBERED)],
        [(None, "※自建才填归档计划")],
        [(None, NUMBERED), (None, "2．建设模式")],
        [("备注：", "见文件")],
    ],
)
def test_notes_are_no_items(notes: Any, tmp_path: Path):
    """With or without a heading of their own, in one column or two."""
    reading = read(form(NOTICE, NOTICE_MERGES, below=notes))
    assert (codes(reading), reading.faults) == (CODES, [])
    reading = read_table(workbook(tmp_path, [HEADINGS, FIRST, MORE, *notes]))
    assert (contents(reading), reading.faults) == ([CONTENT], [])


def test_a_note_in_a_row_with_a_serial_number_is_no_item():
    """The empty form has them printed."""
    reading = read(form([MAIN, (2, "注：见文件")]))
    assert (codes(reading), reading.faults) == (CODES[:1], [])


def test_a_note_where_an_item_could_stand_is_told(caplog: pytest.LogCaptureFixture):
    """Somebody may have numbered an item, and filled in no more than its name."""
    read(form([MAIN], below=[(None, "2、公共场所卫生行政许可")]))
    assert "Sheet1!B7: 当作表下的说明" in caplog.text


@pytest.mark.parametrize("between", ["1、行政许可", "责任科室：医政处", "单位负责人："])
def test_a_table_goes_on_behind_a_title_that_reads_like_a_note(between: str, caplog: pytest.LogCaptureFixture):
    """Numbered, or of a department, over some of the items: what was taken for its end is told."""
    reading = read(form([(between,), MAIN, (between,), SUB_1, SUB_2], ("A6:J6", "A8:J8")))
    assert (codes(reading), reading.faults) == (CODES, [])
    assert "Sheet1!A6: 当作表下的说明" in caplog.text
    assert "Sheet1!A8: 当作表下的说明" in caplog.text
    assert "A11" not in caplog.text


def test_behind_such_a_title_a_code_that_cannot_be_read_is_told_at_its_cell():
    """Not passed over until the next good row; nor is one that no code is like, but has 无 for its sub-item, or a mode or a number."""
    unlike = with_cell(MAIN, "C", "见附件")
    without = with_cell(with_cell(unlike, "D", None), "E", None)
    rows = [("1、行政许可",), with_cell(MAIN, "C", "许可00387-000"), ("2、其他",), unlike, ("3、其他",), without]
    reading = read(form(rows, ("A6:J6", "A8:J8", "A10:J10")))
    assert (places(reading), reading.bad) == (["C7", "C9", "F11"], 3)


def test_no_item_comes_behind_notes_on_the_form_and_the_fault_names_them():
    """There it may be an example. Whoever wrote the note sees where the table ends for us."""
    reading = read(form([MAIN, ("经办人：李某",), ("注：以下为示例",), SUB_1]))
    assert (places(reading), codes(reading)) == (["E9"], CODES[:1])
    assert reading.faults[0].expected.endswith("ends at A8")


@pytest.mark.parametrize("says", ["例1", "例", "（例）", "示例", "（示例1）", "样例", "范例：", "例 2", "示例（填写时删除）"])
def test_an_item_that_is_marked_as_an_example_is_a_fault(says: str):
    """It has a code that nobody would miss; the notice's own examples are of another unit. The mark may be merged over sub-items."""
    other = with_cell(MAIN, "C", "许可-00512-000")
    for column in "AJ":
        reading = read(form([with_cell(MAIN, column, says), other]))
        assert (places(reading), codes(reading), reading.bad) == ([f"{column}6"], ["许可-00512-000"], 1)
        assert "示例" in reading.faults[0].found
    reading = read(form([other, with_cell(SUB_1, "A", says), SUB_2], NOTICE_MERGES))
    assert (places(reading), codes(reading), reading.bad) == (["A7"], ["许可-00512-000"], 2)


@pytest.mark.parametrize(
    "name", ["（示例）公共场所", "公共场所（示例）", "例：公共场所", "如：公共场所", "示例1：公共场所", "例如：公共场所"]
)
@pytest.mark.parametrize("column", ["B", "D"])
def test_an_item_whose_name_says_that_it_is_an_example_is_a_fault(name: str, column: str):
    """Of the main item or of the sub-item."""
    reading = read(form([with_cell(SUB_1, column, name), MAIN]))
    assert (places(reading), codes(reading)) == ([f"{column}6"], CODES[:1])


@pytest.mark.parametrize("name", ["案例审查", "如家酒店登记", "例外审批", "惯例（确认）"])
def test_a_name_with_a_character_of_an_example_in_it_is_none(name: str):
    """They are ordinary ones."""
    assert codes(read(form([with_cell(MAIN, "B", name)]))) == CODES[:1]


@pytest.mark.parametrize(
    "heading",
    [
        *(
            "填写说明：",
            "填写示例：",
            "填报要求：",
            "示例：",
            "例如：",
            "注意事项：",
            "填表示例",
            "填写说明：1．名称与数据库一致",
            "填写要求",
        ),
        *("填报注意事项", "填报说明及示例", "样例：", "填表说明（必读）："),
    ],
)
def test_items_below_notes_and_examples_are_told_however_these_are_called(heading: str, tmp_path: Path):
    """Merged over the columns, or in the column of names."""
    reading = read(form([MAIN], ("A7:J7",), below=[(heading,), SUB_1]))
    assert (places(reading), codes(reading)) == (["E8"], CODES[:1])
    reading = read(form([MAIN], below=[(None, heading), (None, "2．建设模式四选一")]))
    assert (places(reading), codes(reading)) == ([], CODES[:1])
    reading = read_table(workbook(tmp_path, [HEADINGS, FIRST, MORE, (heading,), ("2．版本",)]))
    assert (contents(reading), reading.faults) == ([CONTENT], [])


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (("2、公共场所卫生许可", "许可00385-000", "无", "无"), "C7"),
        (("2、公共场所卫生许可", "00385-000"), "C7"),
        (("2、公共场所卫生许可", "见附件", "无", "无"), "C7"),
        (("事业单位：设立登记", "确认00385-000", "无", "无", None, "约5"), "C7"),
        (("民办非企业单位：变更", None, "无", "无"), "C7"),
        ((None, None, "民办非企业单位：变更", "许可00385-002"), "E7"),
    ],
)
@pytest.mark.parametrize("is_titled", [True, False])
def test_an_item_that_begins_like_a_note_is_told_whatever_is_wrong_with_its_code(row: Any, place: str, *, is_titled: bool):
    """It has no mode of its own and no number; all the others would go in without it. A title may stand over it."""
    first = SUB_1 if row[0] is None else MAIN
    title: list[Any] = [("1、行政许可",)] if is_titled and row[0] else []
    reading = read(form([first, *title, (2, *row), with_cell(MAIN, "C", "许可-00512-000")]))
    expected = place.replace("7", "8") if title else place
    assert (expected in places(reading), reading.bad) == (True, 1)


@pytest.mark.parametrize("name", ["2、公共场所卫生许可", "事业单位：设立登记", "备注"])
def test_a_row_that_begins_like_a_note_is_an_item_where_one_above_is_merged_into_it(name: str):
    """A mode of several items, or a main item."""
    assert "C7" in places(read(form([MAIN, (2, name)], ("F6:F7",))))
    assert "E7" in places(read(form([SUB_1, (None, None, None, name)], ("B6:B7", "C6:C7"))))


def test_a_note_that_says_total_leaves_no_item_without_a_code_out():
    """What sums up others says so before their modes, not in the notes on them."""
    row = (2, "另一事项", *(None,) * 4, 3, None, None, "合计")
    assert places(read(form([MAIN, row], ("F6:F7",)))) == ["C7"]
    total = (None, None, None, "小计", "—", None, 97)
    assert places(read(form([SUB_1, SUB_2, total], ("B6:B8", "C6:C8", "F7:F8")))) == []


@pytest.mark.parametrize("changed", [{"E": "许可00385"}, {"E": None, "C": None, "G": None}, {"F": None}])
def test_a_row_that_begins_like_a_note_and_says_something_of_an_item_is_one(changed: dict[str, Any]):
    """A code, a ticked box or a number: then what is missing is told."""
    row: Any = with_cell(SUB_1, "A", "备注")
    for column, value in changed.items():
        row = with_cell(row, column, value)
    assert read(form([MAIN, row])).bad == 1


def test_a_title_over_part_of_a_table_is_no_item(tmp_path: Path):
    """Merged over the columns, on one page or at the top of the next."""
    rows = [("一、行政许可",), MAIN, ("第1页 共2页",), SUB_1, SUB_2]
    reading = read(form(rows, ("A6:J6", "A8:J8")))
    assert (codes(reading), reading.faults) == (CODES, [])
    rows = [HEADINGS, ("一、行政许可",), FIRST, MORE, ("归档范围和保管期限表（续）",), HEADINGS, OTHER]
    reading = read_table(workbook(tmp_path, rows, ("A2:J2",)))
    assert (contents(reading), reading.faults) == ([CONTENT, OTHER_CONTENT], [])


@pytest.mark.parametrize("mode", ["☑自建（卫生许可系统）", None, "见附件"])
def test_an_item_below_the_notes_is_told_whatever_else_is_filled_in(mode: Any):
    """Its code is enough; also with characters in it that nobody sees."""
    for code in (SUB_1[4], "许可\xad-00385\u200b-001"):
        reading = read(form([MAIN], below=[*NOTES, with_cell(with_cell(SUB_1, "F", mode), "E", code)]))
        assert (places(reading), reading.bad, codes(reading)) == (["E9"], 1, CODES[:1])


def test_an_item_below_the_notes_without_a_readable_code_is_told_by_its_boxes():
    """Below the notes as on a sheet without headings; what the words mean has no boxes."""
    row = with_cell(with_cell(SUB_1, "E", "许可00385"), "C", None)
    workbook = form([MAIN], below=[*NOTES, row, ("自建", "使用部门自行开发系统"), ("建设模式包含☑省统建（使用省平台）",)])
    fill(workbook.create_sheet("续"), [row])
    assert [(fault.sheet, fault.cell) for fault in read(workbook).faults] == [("Sheet1", "F9"), ("续", "F1")]


@pytest.mark.parametrize(
    ("changed", "place"),
    [({}, "F9"), ({"F": None}, "G9"), ({"C": "见附件"}, "F9"), ({"C": "见附件", "F": None, "G": "19 20"}, "G9")],
)
def test_an_item_below_the_notes_is_told_by_its_mode_or_its_count(changed: dict[str, Any], place: str):
    """With its code misspelt, and the mode as the plain word."""
    row: Any = (201, "某事项", "许可00385-000", "无", "无", "市统建", 12)
    for column, value in changed.items():
        row = with_cell(row, column, value)
    reading = read(form([MAIN], below=[*NOTES, row]))
    assert (places(reading), reading.bad, codes(reading)) == ([place], 1, CODES[:1])


@pytest.mark.parametrize("code", ["许可00385-000", "许可-00385", "行政许可00385000", "许可一00385一000", "许可-O0385-000"])
def test_an_item_without_headings_is_told_by_what_is_like_its_code(code: str):
    """Beside a mode in any column; a sentence about codes and modes is none."""
    workbook = form([MAIN])
    fill(workbook.create_sheet("续"), [(201, "某事项", code, "无", "无", "市统建", 12), ("其他3项事项为自建", "市统建")])
    reading = read(workbook)
    assert [(fault.sheet, fault.cell) for fault in reading.faults] == [("续", "C1")]


@pytest.mark.parametrize("name", ["1.申请表", "申请人：身份证明", "法定代表人(签字)：委托书", "备注", "附件1"])
def test_a_material_whose_name_begins_like_a_note_is_one(name: str, tmp_path: Path):
    """Its kind is merged down to it: nothing else tells that it is a material."""
    rows = [HEADINGS, FIRST, (*(None,) * 6, name, "02"), (*(None,) * 6, f"{name}二")]
    (content,) = contents(read_table(workbook(tmp_path, rows, ("F2:F4",))))
    assert [material["name"] for material in content["materials"]] == ["申请表", name, f"{name}二"]


def test_a_material_beside_a_numbered_item_name_is_one(tmp_path: Path):
    """The name of the item is written out again, its code is not, and the kind is merged down."""
    first = with_cell(FIRST, "B", "1.中医医疗广告审查")
    rows = [HEADINGS, first, (None, first[1], None, None, None, None, "批准文件", "04", None, "合计")]
    reading = read_table(workbook(tmp_path, rows, ("F2:F3",)))
    assert places(reading) == ["J3"]


def test_a_sub_item_whose_name_is_numbered_is_one():
    """Nothing but its code is missing, and that is told."""
    sub = with_cell(with_cell(with_cell(SUB_2, "D", "2.变更"), "E", None), "F", None)
    reading = read(form([SUB_1, sub], ("B6:B7", "C6:C7", "F6:F7")))
    assert places(reading) == ["E7"]


def test_a_total_with_a_code_that_cannot_be_read_is_an_item_with_faults():
    """Not passed over."""
    row = with_cell(with_cell(with_cell(SUB_1, "J", "小计"), "E", "许可00385"), "F", None)
    assert "E7" in places(read(form([MAIN, row])))


@pytest.mark.parametrize("listed", [[("许可-00001-000", "另一事项")], [("批准文件", "04")]])
def test_a_sheet_without_headings_is_named(listed: Any, caplog: pytest.LogCaptureFixture, tmp_path: Path):
    """A list of codes or names is no fault; that it was not read is worth knowing."""
    book = form([MAIN])
    fill(book.create_sheet("代码表"), listed)
    assert read(book).faults == []
    assert "代码表: 没有表头" in caplog.text
    caplog.clear()
    table = form([], top=[HEADINGS, FIRST], below=[])
    fill(table.create_sheet("代码表"), listed)
    assert read_table(written(tmp_path, "t.xlsx", saved(table))).faults == []
    assert "代码表: 没有表头" in caplog.text


@pytest.mark.parametrize("code", [FIRST[0], "许可00387-000"])
@pytest.mark.parametrize("row", [FIRST, with_cell(FIRST, "E", "长期"), (None, None, None, None, "永久"), (None, FIRST[1], 30)])
def test_rows_of_a_schedule_outside_a_table_are_told(row: Any, code: str, tmp_path: Path):
    """With ``--replace`` their items would be taken back; of a schedule that goes on, materials would be missing."""
    outside = with_cell(row, "A", code)
    book = form([], top=[outside, HEADINGS, OTHER], below=[])
    fill(book.create_sheet("续"), [MORE, outside])
    reading = read_table(written(tmp_path, "t.xlsx", saved(book)))
    assert [(fault.sheet, fault.cell) for fault in reading.faults] == [("Sheet1", "A1"), ("续", "F1"), ("续", "A2")]
    assert (contents(reading), reading.bad) == ([OTHER_CONTENT], 3)


@pytest.mark.parametrize("title", ["二、公共场所卫生行政许可（许可-00385-001）", "2、公共场所卫生行政许可"])
def test_materials_behind_the_title_of_an_item_are_not_those_of_the_item_before(title: str, tmp_path: Path):
    """The title is all that says whose they are, and it is not read."""
    rows = [HEADINGS, FIRST, (title,), MORE, OTHER]
    whole = [CONTENT | {"materials": CONTENT["materials"][:1]}, OTHER_CONTENT]
    reading = read_table(workbook(tmp_path, rows, ("A3:J3",)))
    assert (places(reading)[0], contents(reading)) == ("A4", whole)
    reading = read_table(workbook(tmp_path, [*rows[:3], HEADINGS, *rows[3:]], ("A3:J3",)))
    assert (places(reading)[0], contents(reading)) == ("A5", whole)


@pytest.mark.parametrize("between", ["第1页 共2页", "归档范围和保管期限表（续）", "市卫计委", "二、结果性材料", "经办人：李某"])
def test_materials_go_on_behind_the_end_of_a_page_and_a_title_of_materials(between: str, tmp_path: Path):
    """Neither names another item."""
    reading = read_table(workbook(tmp_path, [("市卫计委",), HEADINGS, FIRST, (between,), MORE, OTHER], ("A1:J1", "A4:J4")))
    assert (contents(reading), reading.faults) == ([CONTENT, OTHER_CONTENT], [])


def test_a_misspelt_code_alone_in_its_row_is_no_note(tmp_path: Path):
    """Its materials come below, and would be those of the item before."""
    rows = [HEADINGS, FIRST, ("经办人：李某",), ("许可00388",), MORE, OTHER]
    reading = read_table(workbook(tmp_path, rows))
    assert "A4" in places(reading)
    assert contents(reading) == [CONTENT | {"materials": CONTENT["materials"][:1]}, OTHER_CONTENT]


def test_a_table_alone_without_headings_is_refused(tmp_path: Path):
    """There is nothing to read."""
    with pytest.raises(BadInputFile, match="保管期限"):
        read_table(workbook(tmp_path, [FIRST, MORE]))


def test_a_cell_behind_the_last_heading_of_a_text_is_a_fault(tmp_path: Path):
    """A comma that is not quoted has cut a text in two."""
    text = "\n".join([",".join(IN_ONE_ROW), "1,中医,许可-00387-000,无,无,市统建,19,,,见附件,第二条", ",,,,,,,,,,第三条"])
    reading = read_form([csv_sheet(text.encode(), "f.csv", "utf-8")], "f.csv")
    assert (places(reading), codes(reading), reading.bad) == (["K2", "K3"], [], 2)
    rows = [",".join("" if value is None else value for value in row) for row in (HEADINGS, FIRST, MORE, OTHER)]
    reading = read_table(written(tmp_path, "t.csv", "\n".join([*rows[:2], f"{rows[2]},x,y", rows[3]])))
    assert (places(reading), contents(reading), reading.bad) == (["K3"], [OTHER_CONTENT], 1)


def test_a_cell_without_a_heading_is_a_fault_in_a_table(tmp_path: Path):
    """Nobody can say what it is; serial numbers before the first heading need none."""
    headings, rows = (None, *HEADINGS), [(1, *FIRST), (2, *MORE), (3, *OTHER, "甲处")]
    reading = read_table(workbook(tmp_path, [headings, *rows]))
    assert (places(reading), contents(reading)) == (["L4"], [CONTENT])


@pytest.mark.parametrize("title", ["填写示例：", "示例", "附件1范例（供参考）", "附件1样表", "填报说明及示例："])
def test_a_table_that_is_announced_as_an_example_has_no_items(title: str, tmp_path: Path):
    """With headings of its own, below the unit's table or above it; each of its rows is told."""
    other = with_cell(MAIN, "C", "许可-00512-000")
    reading = read(form([other], below=[(title,), *TOP[3:], MAIN, SUB_1]))
    assert (codes(reading), places(reading), reading.bad) == (["许可-00512-000"], ["C10", "C11"], 2)
    reading = read(form([MAIN], below=[("附件1",), *TOP[3:], other], top=[(title,), *TOP[3:]]))
    assert (codes(reading), places(reading)) == (["许可-00512-000"], ["C4"])
    for rows, faults in (
        ([HEADINGS, OTHER, (title,), HEADINGS, FIRST, MORE], ["A5", "A6"]),
        ([(title,), HEADINGS, FIRST, (), HEADINGS, OTHER], ["A3"]),
    ):
        read_so = read_table(workbook(tmp_path, rows))
        assert (contents(read_so), [fault.cell for fault in read_so.faults]) == ([OTHER_CONTENT], faults)


@pytest.mark.parametrize("line", ["示例：许可-00387-000", "填写示例见第二张表", "编码样例：许可-00387-000"])
def test_an_example_of_a_single_thing_announces_no_table(line: str, tmp_path: Path):
    """Above the headings it shows how a code is written."""
    assert codes(read(form([MAIN], top=[(line,), *TOP[3:]]))) == CODES[:1]
    assert contents(read_table(workbook(tmp_path, [(line,), HEADINGS, FIRST, MORE]))) == [CONTENT]


@pytest.mark.parametrize(
    "row",
    [
        ("填报人：", None, None, None, None, "联系电话：", 87654321),
        ("填报人：", "李某", None, None, None, "联系电话", "87654321"),
        ("合计", None, None, None, None, "省统建3项，市统建5项", 33),
        ("合计25项", None, None, None, None, None, 116),
        ("合计116件", None, None, None, None, None, 116),
    ],
)
def test_a_number_behind_a_label_and_a_total_of_modes_make_no_item(row: Any):
    """A telephone number is none of cases; below the notes neither."""
    for below in ([row], [*NOTES, row]):
        reading = read(form(NOTICE, NOTICE_MERGES, below=below))
        assert (codes(reading), reading.faults) == (CODES, [])


def test_a_number_of_cases_behind_a_name_like_a_label_is_an_item():
    """Not lost: the first text of a row may be an item's name."""
    reading = read(form([MAIN, (None, "负责人：变更", None, None, None, None, 19)]))
    assert (codes(reading), reading.bad) == (CODES[:1], 1)


@pytest.mark.parametrize("column", [0, 5, 7, 9])
@pytest.mark.parametrize("text", ["审核人：李某", "单位（盖章）：", "续表", "（续表）", "续表1", "接上页"])
def test_a_signature_or_a_mark_of_the_next_page_alone_at_the_right_is_no_material(text: str, column: int, tmp_path: Path):
    """It would spoil the item above."""
    below = [(*(None,) * column, text)]
    reading = read_table(workbook(tmp_path, [HEADINGS, FIRST, MORE, *below, OTHER]))
    assert (contents(reading), reading.faults) == ([CONTENT, OTHER_CONTENT], [])
    reading = read(form([MAIN, *below], below=()))
    assert (codes(reading), reading.faults) == (CODES[:1], [])
