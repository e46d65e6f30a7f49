"""Archiving schedules and module configurations: one row a material, from every kind of file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from ops.importing.faults import Reading
from ops.importing.materials import REQUIRED, read_items
from ops.importing.sheet import NotAValue, Sheet
from ops.importing.table import read_rows
from ops.importing.table_sheet import sheet_rows
from streams.contracts import ARCHIVING_SCHEDULE, MODULE_CONFIG
from streams.errors import BadInputFile
from tests.importing.forms import fill, saved, with_cell

HEADINGS = ("事项编码", "事项名称", "版本", "是否审定", "保管期限", "材料类型", "材料名称", "材料编码", "是否必需", "是否电子")
FIRST = ("许可-00387-000", "中医医疗广告审查", "2018-1", "是", "30年", "证据性", "申请表", "01", "是", "是")
MORE = (None, None, None, None, None, "结果性", "批准文件", "04", None, "否")
OTHER = ("许可-00385-001", "公共场所卫生行政许可（新发证）", None, "否", "永久", None, None, None, None, None)
MATERIALS = [
    {"kind": "EVIDENCE", "name": "申请表", "code": "01", "required": True, "electronic": True},
    {"kind": "RESULT", "name": "批准文件", "code": "04", "required": True, "electronic": False},
]
CONTENT = {
    "item_code": "许可-00387-000",
    "item_name": "中医医疗广告审查",
    "schedule_version": "2018-1",
    "approved": True,
    "retention": "YEARS_30",
    "materials": MATERIALS,
}
OTHER_CONTENT = CONTENT | {
    "item_code": "许可-00385-001",
    "item_name": "公共场所卫生行政许可（新发证）",
    "schedule_version": "",
    "approved": False,
    "retention": "PERMANENT",
    "materials": [],
}
CONFIG = '{"item_code":"许可-00387-000","item_name":"中医医疗广告审查","archiving_mode":"在线","retention":"30年"'


def workbook(tmp_path: Path, rows: Any, merges: tuple[str, ...] = ()) -> Path:
    """A workbook with these rows."""
    book = Workbook()
    fill(book.active, rows)
    for merged in merges:
        book.active.merge_cells(merged)
    return written(tmp_path, "s.xlsx", saved(book))


def written(tmp_path: Path, name: str, content: bytes | str) -> Path:
    """A file."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, topic: str = ARCHIVING_SCHEDULE, encoding: str = "utf-8") -> Reading:
    """What it says."""
    return read_items(topic, read_rows(path, encoding, REQUIRED[topic]))


def contents(reading: Reading) -> list[Any]:
    """What could be read."""
    return [draft.content for draft in reading.drafts]


@pytest.mark.parametrize(
    ("second", "merges"),
    [(MORE, ()), (MORE, tuple(f"{letter}4:{letter}5" for letter in "ABCDE")), ((*FIRST[:5], *MORE[5:]), ()), ((FIRST[0], *MORE[1:]), ())],
)
def test_an_item_is_its_rows_together(second: Any, merges: tuple[str, ...], tmp_path: Path):
    """Its own cells empty, merged, written out again, or the code alone; titles above and other columns beside."""
    rows = [("归档范围和保管期限表",), (), (*HEADINGS, "备注"), FIRST, second, OTHER]
    reading = read(workbook(tmp_path, rows, merges))
    assert (contents(reading), reading.faults, reading.bad) == ([CONTENT, OTHER_CONTENT], [], 0)
    assert [draft.cell for draft in reading.drafts] == ["A4", "A6"]


def test_a_kind_merged_over_materials_holds_for_each(tmp_path: Path):
    """Tables are printed that way."""
    more = with_cell(with_cell(MORE, "F", None), "H", "02")
    (content,) = contents(read(workbook(tmp_path, [HEADINGS, FIRST, more], ("F2:F3",))))
    assert [material["kind"] for material in content["materials"]] == ["EVIDENCE", "EVIDENCE"]


def test_a_csv_says_the_same_in_either_encoding(tmp_path: Path):
    """With Chinese or Avro's headings."""
    rows = [",".join("" if value is None else value for value in row) for row in (FIRST, MORE, OTHER)]
    fields = "item_code,item_name,schedule_version,approved,retention,kind,name,code,required,electronic"
    gbk = written(tmp_path, "g.csv", "\n".join([",".join(HEADINGS), *rows]).encode("gbk"))
    utf8 = written(tmp_path, "u.csv", "\ufeff" + "\n".join([fields, *rows]))
    assert contents(read(gbk, encoding="gbk")) == contents(read(utf8)) == [CONTENT, OTHER_CONTENT]


def test_json_lines_say_the_same(tmp_path: Path):
    """With values of their own types."""
    first = dict(zip(HEADINGS, FIRST, strict=True)) | {"是否审定": True, "是否必需": None}
    more = {"kind": "RESULT", "name": "批准文件", "code": "04", "electronic": False}
    path = written(tmp_path, "s.jsonl", b"\n".join(map(orjson.dumps, (first, more))))
    assert contents(read(path)) == [CONTENT]


def test_a_configuration_has_a_mode_and_no_approval(tmp_path: Path):
    """A column that only the other table has is not read."""
    path = written(tmp_path, "c.jsonl", f'{CONFIG},"kind":"证据性","name":"申请表","approved":"否"}}')
    (content,) = contents(read(path, MODULE_CONFIG))
    assert (content["archiving_mode"], "approved" in content) == ("ONLINE", False)
    assert content["materials"] == [MATERIALS[0] | {"code": ""}]


@pytest.mark.parametrize(
    ("row", "column", "value", "place", "expected"),
    [
        (FIRST, "A", "许可00387", "A2", "事项编码"),
        (FIRST, "B", None, "B2", "不能为空"),
        (FIRST, "D", "大概", "D2", "是 / 否"),
        (FIRST, "E", "5年", "E2", "永久 / 30年 / 10年"),
        (FIRST, "E", None, "E2", "永久 / 30年 / 10年"),
        (FIRST, "E", '="30年"', "E2", "值 a value"),
        (FIRST, "F", "证明性", "F2", "证据性"),
        (FIRST, "G", None, "G2", "不能为空"),
        (FIRST, "J", "有", "J2", "是 / 否"),
        *((FIRST, column, "同上", f"{column}2", "同上") for column in "BCGH"),
        (MORE, "E", "10年", "E3", "各行相同"),
        (MORE, "B", "另一名称", "B3", "各行相同"),
        (MORE, "F", None, "F3", "证据性"),
        ((None,) * 5 + FIRST[5:], "D", None, "G3", "每种材料一行"),
    ],
)
def test_what_is_wrong_is_named_by_cell_and_the_other_items_are_read(
    row: Any, column: str, value: Any, place: str, expected: str, tmp_path: Path
):
    """One bad row keeps its whole item out: half a schedule is another schedule."""
    changed = with_cell(row, column, value)
    rows = [changed, MORE] if row is FIRST else [FIRST, changed]
    reading = read(workbook(tmp_path, [HEADINGS, *rows, OTHER]))
    assert ([fault.cell for fault in reading.faults], reading.bad) == ([place], 1)
    assert expected in reading.faults[0].expected
    assert contents(reading) == [OTHER_CONTENT]


@pytest.mark.parametrize(
    ("column", "value", "field", "read_as"),
    [
        *(("E", value, "retention", "YEARS_30") for value in (30, "30", "定期30年", "定期（30年）", "３０ 年", "□永久 ☑30年 □10年")),
        *(("I", value, "required", False) for value in ("非必需", "□是 ☑否", "×")),
        *(("J", value, "electronic", False) for value in ("纸质", "□是 ☑否")),
        *(("D", value, "approved", False) for value in ("未审定", "否")),
    ],
)
def test_a_cell_is_read_as_people_write_it(column: str, value: Any, field: str, read_as: Any, tmp_path: Path):
    """Numbers, boxes, and the words of its own column."""
    (content,) = contents(read(workbook(tmp_path, [HEADINGS, with_cell(FIRST, column, value)])))
    assert {**content, **content["materials"][0]}[field] == read_as


@pytest.mark.parametrize(("column", "field"), [("I", "required"), ("J", "electronic")])
def test_beside_ticks_an_empty_cell_says_nothing(column: str, field: str, tmp_path: Path):
    """Whoever ticked what is required left the rest empty, or forgot it; where the column says 否 as well, empty is as ever."""
    rows = [with_cell(FIRST, column, "√"), with_cell(MORE, column, None), with_cell(OTHER, "D", None)]
    reading = read(workbook(tmp_path, [HEADINGS, *rows]))
    assert ([fault.cell for fault in reading.faults], reading.bad) == ([f"{column}3"], 1)
    for no in ("否", "×"):
        third = with_cell(with_cell(MORE, column, no), "G", "附图")
        (content, _) = contents(read(workbook(tmp_path, [HEADINGS, *rows[:2], third, rows[2]])))
        assert [material[field] for material in content["materials"]] == [True, True, False]


def test_beside_ticks_an_item_without_one_is_neither_approved_nor_not(tmp_path: Path):
    """An approval that nobody gave would be the yardstick of the module."""
    rows = [with_cell(FIRST, "D", "√"), MORE, with_cell(OTHER, "D", None)]
    reading = read(workbook(tmp_path, [HEADINGS, *rows]))
    assert ([fault.cell for fault in reading.faults], contents(reading)) == (["D4"], [CONTENT])


@pytest.mark.parametrize(
    ("column", "value"), [("I", "纸质"), ("J", "必需"), ("D", "电子"), ("E", "UNKNOWN"), ("E", "□永久 □30年"), ("F", "unknown")]
)
def test_a_word_of_another_column_or_unknown_is_refused(column: str, value: str, tmp_path: Path):
    """A schedule that knows no retention or kind is none."""
    assert [fault.cell for fault in read(workbook(tmp_path, [HEADINGS, with_cell(FIRST, column, value)])).faults] == [f"{column}2"]


def test_a_heading_may_say_more_in_brackets(tmp_path: Path):
    """And be marked as one that must be filled in."""
    headings = ("*事项编码：", "事项名称\u200b", *HEADINGS[2:8], "是否必需（是/否）", HEADINGS[9])
    assert contents(read(workbook(tmp_path, [headings, ("（1）", *range(2, 11)), FIRST, MORE]))) == [CONTENT]


def test_a_list_of_what_the_columns_mean_is_no_table(tmp_path: Path):
    """On a sheet of its own, or below the notes."""
    meanings = [("事项编码", "以数据库为准"), ("事项名称", "x")]
    book = Workbook()
    fill(book.active, [HEADINGS, FIRST, MORE, ("填表说明",), *meanings])
    fill(book.create_sheet("填表说明"), [("列", "说明"), *meanings])
    reading = read(written(tmp_path, "m.xlsx", saved(book)))
    assert (contents(reading), reading.faults) == ([CONTENT], [])


def test_an_item_given_again_in_rows_with_errors_goes_in_from_neither(tmp_path: Path):
    """Which of them holds, only its author knows."""
    reading = read(workbook(tmp_path, [HEADINGS, FIRST, OTHER, with_cell(FIRST, "E", "5年")]))
    assert (contents(reading), reading.bad) == ([OTHER_CONTENT], 2)


def test_a_version_that_excel_took_for_a_date_is_told_as_such(tmp_path: Path):
    """``2018-1`` typed into a cell becomes the first of January."""
    book = Workbook()
    fill(book.active, [HEADINGS, FIRST])
    book.active["C2"] = 43101
    book.active["C2"].number_format = "yyyy-m-d"
    reading = read(written(tmp_path, "d.xlsx", saved(book)))
    assert [(fault.cell, fault.found) for fault in reading.faults] == [("C2", "日期格式的值 a date")]


def test_an_item_whose_rows_are_apart_is_told_at_both_places(tmp_path: Path):
    """Whether the second adds to the first or replaces it, nobody can say."""
    reading = read(workbook(tmp_path, [HEADINGS, FIRST, OTHER, (FIRST[0], *FIRST[1:])]))
    assert [fault.cell for fault in reading.faults] == ["A2", "A4"]
    assert contents(reading) == [OTHER_CONTENT]


@pytest.mark.parametrize(("merged", "place"), [("A2:B2", "A2"), ("G2:H2", "G2")])
def test_a_name_and_a_code_in_one_cell_are_a_fault(merged: str, place: str, tmp_path: Path):
    """One would be taken for the other."""
    reading = read(workbook(tmp_path, [HEADINGS, FIRST, OTHER], (merged,)))
    assert ([fault.cell for fault in reading.faults], contents(reading)) == ([place], [OTHER_CONTENT])


def test_headings_again_and_notes_below_are_no_rows(tmp_path: Path):
    """As tables that were printed have them; a row of a table below the notes is still one."""
    rows = [HEADINGS, FIRST, HEADINGS, OTHER, ("填报说明：1．每种材料一行。",), ("2．版本照审定文件填写。",)]
    reading = read(workbook(tmp_path, rows))
    assert ([draft.cell for draft in reading.drafts], reading.faults) == (["A2", "A4"], [])
    reading = read(workbook(tmp_path, [HEADINGS, FIRST, ("注：见附件",), with_cell(OTHER, "A", "x")]))
    assert [fault.cell for fault in reading.faults] == ["A4"]


def test_an_item_does_not_go_on_from_one_sheet_to_the_next(tmp_path: Path):
    """Whose materials they are, the second sheet has to say."""
    book = Workbook()
    fill(book.active, [HEADINGS, FIRST])
    fill(book.create_sheet("续"), [HEADINGS, MORE])
    reading = read(written(tmp_path, "two.xlsx", saved(book)))
    assert ("续", "A2") in {(fault.sheet, fault.cell) for fault in reading.faults}
    assert contents(reading) == [CONTENT | {"materials": MATERIALS[:1]}]


def test_a_first_row_without_a_code_is_a_fault(tmp_path: Path):
    """There is nothing above that it could continue."""
    reading = read(workbook(tmp_path, [HEADINGS, with_cell(FIRST, "A", None)]))
    assert [fault.cell for fault in reading.faults] == ["A2"]


def test_a_bad_json_value_is_named_by_line_and_field(tmp_path: Path):
    """There are no cells."""
    path = written(tmp_path, "c.jsonl", f'{CONFIG},"kind":"证据性","name":["申请表"]}}\n{{"kind":"?","name":"批文"}}')
    assert [fault.cell for fault in read(path, MODULE_CONFIG).faults] == ["1:name", "2:kind"]


@pytest.mark.parametrize(
    ("headings", "told"),
    [
        (HEADINGS[:4] + HEADINGS[5:], "缺少的列.*保管期限"),
        ((*HEADINGS, "是否必需"), "重复的列.*是否必需"),
        ((*HEADINGS[:-1], "是否电子版"), "未知的列.*是否电子版"),
        (("编码", *HEADINGS[1:]), "事项编码"),
    ],
)
def test_headings_that_cannot_be_told_refuse_the_file(headings: Any, told: str, tmp_path: Path):
    """A heading misspelt would turn its column into the default."""
    with pytest.raises(BadInputFile, match=told):
        read(workbook(tmp_path, [headings, FIRST]))


@pytest.mark.parametrize(("value", "faults"), [("2018", []), ("1.10", ["1:schedule_version"]), ("true", ["1:schedule_version"])])
def test_a_json_number_is_text_only_where_it_can_be_no_other(value: str, faults: list[str], tmp_path: Path):
    """1.10 is the same number as 1.1, and another version."""
    reading = read(written(tmp_path, "c.jsonl", f'{CONFIG},"schedule_version":{value}}}'), MODULE_CONFIG)
    assert [fault.cell for fault in reading.faults] == faults
    assert [content["schedule_version"] for content in contents(reading)] == ([] if faults else [value])


def test_an_unknown_json_field_refuses_the_file(tmp_path: Path):
    """As an unknown column does."""
    with pytest.raises(BadInputFile, match=r"line 1.*colour"):
        read(written(tmp_path, "c.jsonl", f'{CONFIG},"colour":"red"}}'), MODULE_CONFIG)


def test_a_json_field_under_two_names_refuses_the_file(tmp_path: Path):
    """Which of them holds, nobody can say."""
    with pytest.raises(BadInputFile, match="重复的列"):
        read(written(tmp_path, "c.jsonl", f'{CONFIG},"事项名称":"另一名称"}}'), MODULE_CONFIG)


@pytest.mark.parametrize("again", ['"item_name":"另一名称"', '"item_name" : "另一名称"', '"kind":"证据性","name":"申请表","name":"批文"'])
def test_a_json_field_given_twice_refuses_the_file(again: str, tmp_path: Path):
    """As a heading given twice does; a parser would take the last of the two."""
    with pytest.raises(BadInputFile, match=r"line 2.*字段重复"):
        read(written(tmp_path, "c.jsonl", f"{CONFIG}}}\n{CONFIG},{again}}}"), MODULE_CONFIG)


def test_a_line_separator_within_a_json_text_ends_no_line(tmp_path: Path):
    """JSON allows U+2028 as it is; only a line feed ends a line."""
    path = written(tmp_path, "c.jsonl", f'{CONFIG},"kind":"证据性","name":"申请\u2028表"}}')
    assert contents(read(path, MODULE_CONFIG))[0]["materials"][0]["name"] == "申请\u2028表"


cells = st.one_of(
    st.sampled_from([value for row in (HEADINGS, FIRST, MORE, OTHER) for value in row if value is not None]),
    st.sampled_from(["合计", "备注", "填表人：", "1.申请表", NotAValue("公式 a formula")]),
    st.floats() | st.integers() | st.text(max_size=8),
)


@settings(max_examples=200)
@given(
    st.dictionaries(st.tuples(st.integers(1, 6), st.integers(1, 11)), cells, max_size=40),
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 10), st.integers(0, 3), st.integers(0, 3)), max_size=4),
)
def test_any_filling_is_read_or_refused(filling: dict[tuple[int, int], Any], merges: list[tuple[int, int, int, int]]):
    """Whatever stands where: items that are whole, faults that say where, nothing else."""
    heads = {(1, column): heading for column, heading in enumerate(HEADINGS, 1)}
    ranges = [(row, column, row + more, column + wider) for row, column, more, wider in merges]
    try:
        reading = read_items(ARCHIVING_SCHEDULE, sheet_rows(Sheet("s", heads | filling, ranges), "f", REQUIRED[ARCHIVING_SCHEDULE]))
    except BadInputFile:
        return
    assert bool(reading.bad) is bool(reading.faults)
    assert all(draft.content["item_name"] and draft.content["retention"] for draft in reading.drafts)


def test_headings_may_stand_in_two_rows_below_the_title_of_a_group(tmp_path: Path):
    """The materials' own below 归档材料, the others merged down or not; with or without a version."""
    for left_out in ((), ("版本",)):
        upper = [None if title in left_out else title for title in HEADINGS[:5]]
        top = [(*upper, "归档材料", *(None,) * 4), (*(None,) * 5, *HEADINGS[5:])]
        rows = [with_cell(FIRST, "C", None) if left_out else FIRST, MORE, with_cell(OTHER, "C", None)]
        for merges in (("F1:J1",), ("F1:J1", "A1:A2", "B1:B2", "D1:D2", "E1:E2")):
            reading = read(workbook(tmp_path, [*top, *rows], merges))
            assert (contents(reading), reading.faults) == ([CONTENT | ({"schedule_version": ""} if left_out else {}), OTHER_CONTENT], [])
    with pytest.raises(BadInputFile, match=r"缺少的列.*材料名称"):
        read(workbook(tmp_path, [top[0], (*(None,) * 5, "材料类型", None, "材料编码"), FIRST]))


@pytest.mark.parametrize("unit", ["", '"unit_code":"330100012",'])
def test_an_object_may_hold_all_materials_of_its_item_as_a_record_of_the_topic_does(unit: str, tmp_path: Path):
    """Under the names and with the symbols of its schema; what is wrong in one is named by its place."""
    materials = orjson.dumps(MATERIALS).decode()
    head = f'{{{unit}"item_code":"许可-00387-000","item_name":"中医医疗广告审查","schedule_version":"2018-1","retention":"YEARS_30"'
    path = written(tmp_path, "s.jsonl", f'{head},"approved":true,"materials":{materials}}}\n{orjson.dumps(OTHER_CONTENT).decode()}')
    reading = read_items(ARCHIVING_SCHEDULE, read_rows(path, "utf-8", REQUIRED[ARCHIVING_SCHEDULE], "330100012"))
    assert (contents(reading), reading.faults) == ([CONTENT, OTHER_CONTENT], [])
    path = written(tmp_path, "s.jsonl", f'{head},"materials":[{{"kind":"RESULT","name":"批文"}},{{"kind":"?","name":["x"]}}]}}')
    reading = read_items(ARCHIVING_SCHEDULE, read_rows(path, "utf-8", REQUIRED[ARCHIVING_SCHEDULE], "330100012"))
    assert [fault.cell for fault in reading.faults] == ["1:materials[1].kind", "1:materials[1].name"]


@pytest.mark.parametrize(
    ("beside", "told"),
    [
        ('"materials":{"kind":"RESULT"}', "materials"),
        ('"materials":["批文"]', "materials"),
        ('"materials":[{"kind":"RESULT","name":"批文","retention":"永久"}]', "retention"),
        ('"materials":[{"kind":"RESULT","name":"批文","colour":"red"}]', r"materials\[0\]\.colour"),
        ('"materials":[],"kind":"RESULT"', "kind"),
        ('"unit_code":"330100013"', "unit_code"),
    ],
)
def test_an_object_that_contradicts_itself_or_names_another_unit_refuses_the_file(beside: str, told: str, tmp_path: Path):
    """An import is one unit's."""
    path = written(tmp_path, "c.jsonl", f"{CONFIG},{beside}}}")
    with pytest.raises(BadInputFile, match=rf"line 1.*{told}"):
        read_rows(path, "utf-8", REQUIRED[MODULE_CONFIG], "330100012")
