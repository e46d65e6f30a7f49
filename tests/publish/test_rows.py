"""Files -> records: what is wrong is named by line and column, the rest is read."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from ops.publish.rows import BadRow, Row, RowReader
from streams.contracts import codec
from streams.errors import BadInputFile

CLOSED = "event_id,case_no,item_code,item_name,unit_code,unit_name,district_code,title,accepted_at,closed_at"
GOOD = "e1,N-1,许可-00387-000,中医医疗广告审查,330100012,市卫计委,330100,王某某申请,2018-03-01T09:00:00+08:00,2018-03-05T10:07:00+08:00"
APPLICANT = "赵钱孙李申请公共场所卫生行政许可"


def read(topic: str, name: str, content: str | bytes, encoding: str = "utf-8") -> list[Row | BadRow]:
    """Read a file of this name and content."""
    raw = content.encode() if isinstance(content, str) else content
    return list(RowReader(topic, io.BytesIO(raw), name, encoding))


def closed(*lines: str, header: str = CLOSED) -> list[Row | BadRow]:
    """Read a CSV of closings."""
    return read("case-closed", "closed.csv", "\n".join((header, *lines)) + "\n")


def test_a_row_becomes_the_record_that_the_codec_takes():
    """A row becomes the record that the codec takes."""
    (row,) = closed(GOOD)
    assert isinstance(row, Row)
    assert row.line == 2
    record = codec("case-closed").decode(codec("case-closed").encode(row.record))
    assert (record["case_no"], record["closed_at"], record["closing_state"]) == ("N-1", 1_520_215_620_000, "CLOSED")
    assert (record["revision"], record["deleted"], record["source_system"]) == (1, False, "")


@pytest.mark.parametrize(
    ("column", "text", "expected"),
    [
        ("closed_at", "2018-03-05T10:07:00", "offset"),
        ("closed_at", "2018-02-30T10:07:00+08:00", "ISO-8601"),
        ("closed_at", "1520215620000", "ISO-8601"),
        ("closed_at", "1991-12-31T23:59:59+08:00", "1992"),
        ("closed_at", "2100-01-01T00:00:00+08:00", "2099"),
        ("closed_at", "0001-01-01T00:00:00+23:59", "1992"),
        ("closed_at", "", "ISO-8601"),
        ("closing_state", "DONE", "FORWARDED"),
        ("revision", "1.0", "whole number"),
        ("revision", "1_0", "whole number"),
        ("revision", "99999999999999999999", "64 bits"),
        ("deleted", "yes", "true / false"),
        ("case_no", "", "not empty"),
        ("event_id", "", "not empty"),
    ],
)
def test_a_bad_value_is_named_by_line_and_column_and_the_rest_goes_in(column: str, text: str, expected: str):
    """A bad value is named by line and column and the rest goes in."""
    header = CLOSED + ",closing_state,revision,deleted"
    names, cells = header.split(","), (GOOD + ",CLOSED,1,false").split(",")
    cells[names.index(column)] = text
    first, bad, last = closed(GOOD + ",,,", ",".join(cells), GOOD + ",VOIDED,2,TRUE", header=header)
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column) == (3, column)
    assert expected in bad.expected


@pytest.mark.parametrize(("year", "is_taken"), [("2018", True), ("0", True), ("18", False), ("20189", False)])
def test_a_plan_that_is_no_sensible_year_is_named_by_line_and_column(year: str, is_taken: bool):
    """In either kind of file."""
    given = {"event_id": "i1", "unit_code": "U", "item_code": "许可-00387-000", "item_name": "", "build_mode": "SELF_BUILT", "note": ""}
    lines = (",".join([*given, "plan_year"]), ",".join([*given.values(), year]))
    rows = read("item-registry", "items.csv", "\n".join(lines))
    rows += read("item-registry", "items.jsonl", json.dumps(given | {"plan_year": int(year)}))
    assert len(rows) == 2
    for row in rows:
        assert isinstance(row, Row) if is_taken else isinstance(row, BadRow) and row.column == "plan_year"


def test_an_empty_cell_with_a_default_means_the_default():
    """An empty cell with a default means the default."""
    (row,) = closed(GOOD + ",,,", header=CLOSED + ",closing_state,revision,is_test")
    assert isinstance(row, Row)
    assert not {"closing_state", "revision", "is_test"} & set(row.record)


@pytest.mark.parametrize("line", [GOOD.replace("王某某申请,", f"{APPLICANT},x,"), GOOD.replace("2018-03-01T09:00:00+08:00", APPLICANT)])
def test_no_title_is_ever_told(line: str):
    """No title is ever told."""
    (bad,) = closed(line)
    assert isinstance(bad, BadRow)
    assert APPLICANT not in f"{bad}"


def test_a_stray_quotation_mark_costs_its_own_row_only():
    """A stray quotation mark costs its own row only."""
    rows = closed(GOOD, GOOD.replace("王", '"王'), *[GOOD] * 50, GOOD.replace("王某某申请", '"两\n行"'), GOOD)
    assert [row.line for row in rows if isinstance(row, BadRow)] == [3]
    assert [row.line for row in rows if isinstance(row, Row)] == [2, *range(4, 54), 54, 56]


def test_a_quotation_mark_open_to_the_end_costs_its_own_row_only():
    """A quotation mark open to the end costs its own row only."""
    rows = closed(GOOD, GOOD, GOOD.replace("王", '"王'))
    assert [type(row) for row in rows] == [Row, Row, BadRow]


def test_too_few_cells_and_nul_are_bad_rows_and_blank_lines_are_none():
    """Too few cells and NUL are bad rows and blank lines are none."""
    rows = closed(GOOD, "e2,N-2", "", GOOD.replace("王", "\0"), GOOD)
    assert [(row.line, row.column) for row in rows if isinstance(row, BadRow)] == [(3, ""), (5, "title")]
    assert [row.line for row in rows if isinstance(row, Row)] == [2, 6]


def test_what_a_spreadsheet_writes_behind_the_last_column_and_below_the_last_row_is_nothing():
    """Empty cells; one that holds something is a column too many, and an empty heading between others is unknown."""
    first, bad = closed(GOOD + ",,", "," * 11, GOOD + ",x,", header=CLOSED + ",,")
    assert isinstance(first, Row)
    assert (bad.line, bad.found) == (4, "11 列 columns")
    with pytest.raises(BadInputFile, match="未知的列"):
        closed(GOOD, header=CLOSED.replace(",title", ",,title"))


def test_a_title_of_two_megabytes_is_read_whole():
    """A title of two megabytes is read whole."""
    (row,) = closed(GOOD.replace("王某某", "王" * 700_000))
    assert isinstance(row, Row)
    assert len(row.record["title"]) == 700_002


@pytest.mark.parametrize(
    ("header", "named"),
    [
        (CLOSED.replace(",closed_at", ""), "'closed_at'"),
        (CLOSED.replace("title,", "").replace(",closed_at", ""), "'title', 'closed_at'"),
        (CLOSED + ",办件名称", "'办件名称'"),
        (CLOSED + ",title", "'title'"),
        ("", "header"),
    ],
)
def test_a_file_with_wrong_columns_is_refused_whole_and_they_are_named(header: str, named: str):
    """A file with wrong columns is refused whole and they are named."""
    with pytest.raises(BadInputFile, match=named):
        closed(GOOD, header=header)


@pytest.mark.parametrize("first", [GOOD, f"{APPLICANT},1,2", f"event_id,{APPLICANT},13805710999"])
def test_a_first_row_that_is_no_header_is_told_and_not_quoted(first: str):
    """It has an applicant's name in it."""
    with pytest.raises(BadInputFile, match=r"第一行不是表头.*the first line is no header.*columns: event_id, case_no") as caught:
        closed(GOOD, header=first)
    assert not any(text in str(caught.value) for text in ("王某某", APPLICANT, "13805710999"))


@pytest.mark.parametrize("column", [f'"备注\n{GOOD}"', f"{APPLICANT}（来自杭州）", "电话13805710999"])
def test_what_is_no_heading_is_not_quoted_among_the_columns(column: str):
    """Such as what stands between two quotation marks that went astray."""
    with pytest.raises(BadInputFile, match=r"unknown columns: \d+ 个字符 characters") as caught:
        closed(GOOD, header=f"{CLOSED},{column}")
    assert not any(text in str(caught.value) for text in ("王某某", APPLICANT, "13805710999"))


def test_bom_is_no_part_of_the_first_column():
    """BOM is no part of the first column."""
    (row,) = read("case-closed", "closed.csv", ("\ufeff" + CLOSED + "\r\n" + GOOD + "\r\n").encode())
    assert isinstance(row, Row)
    (row,) = read(
        "feed-heartbeat", "h.jsonl", '\ufeff{"event_id":"h","source_system":"s","topic":"t","complete_through":"2018-03-05T00:00:00Z"}'
    )
    assert isinstance(row, Row)
    assert row.record["complete_through"] == 1_520_208_000_000


def test_gbk_bytes_are_told_as_such_with_the_place_and_the_way_out():
    """GBK bytes are told as such with the place and the way out."""
    raw = f"{CLOSED}\n{GOOD}\n".encode("gbk")
    with pytest.raises(BadInputFile, match=r"line 2, byte 8 .*--encoding gbk"):
        read("case-closed", "closed.csv", raw)
    (row,) = read("case-closed", "closed.csv", raw, "gbk")
    assert isinstance(row, Row)
    assert row.record["title"] == "王某某申请"


def test_bytes_of_no_encoding_we_take_are_told_as_such():
    """Bytes of no encoding we take are told as such."""
    with pytest.raises(BadInputFile, match="UTF-8"):
        read("case-closed", "closed.csv", CLOSED.encode("utf-16"))
    with pytest.raises(BadInputFile, match="utf-16"):
        read("case-closed", "closed.csv", CLOSED, "utf-16")


def test_a_gbk_row_among_utf_8_rows_is_one_bad_row():
    """A GBK row among UTF-8 rows is one bad row."""
    raw = f"{CLOSED}\n{GOOD}\n".encode() + f"{GOOD}\n".encode("gbk") + f"{GOOD}\n".encode()
    rows = read("case-closed", "closed.csv", raw)
    assert [(type(row), row.line) for row in rows] == [(Row, 2), (BadRow, 3), (Row, 4)]


EVEN = GOOD.replace("王某某申请", "王某某的申请")


@pytest.mark.parametrize("encoding", ["gbk", "GB2312", "gb18030"])
@pytest.mark.parametrize(
    "raw",
    [
        f"{CLOSED}\n{EVEN}\n{EVEN}\n".encode(),
        f"\ufeff{CLOSED}\n{EVEN}\n".encode(),
        f"{CLOSED}\n{EVEN}\n{GOOD}\n{EVEN}\n".encode(),
        f"{CLOSED}\n{EVEN}\n{EVEN}\n".encode() + f"{EVEN}\n".encode("gbk"),
    ],
    ids=["whole", "with BOM", "a line that is no GBK", "a line of GBK"],
)
def test_a_file_in_utf_8_that_is_said_to_be_gbk_is_refused_whole(raw: bytes, encoding: str):
    """Most characters of UTF-8 are characters of GBK as well: others."""
    assert f"{EVEN}\n".encode().decode("gb18030")
    with pytest.raises(BadInputFile, match="is in UTF-8: 去掉 leave out --encoding"):
        read("case-closed", "closed.csv", raw, encoding)


def test_a_word_of_gbk_that_is_utf_8_by_chance_is_what_it_is_said_to_be():
    """A line of it proves nothing, and nothing outweighs the lines that do."""
    beat = '{{"event_id":"h","source_system":"{}","topic":"t","complete_through":"2018-03-05T00:00:00Z"}}\n'
    raw = beat.format("通").encode("gbk")
    assert raw.decode()
    (row,) = read("feed-heartbeat", "h.jsonl", raw, "gbk")
    assert isinstance(row, Row)
    assert row.record["source_system"] == "通"
    rows = read("feed-heartbeat", "h.jsonl", raw * 9 + beat.format("政务服务网").encode("gbk"), "gbk")
    assert [row.record["source_system"] for row in rows if isinstance(row, Row)] == [*"通" * 9, "政务服务网"]


def test_another_suffix_is_refused():
    """Another suffix is refused."""
    with pytest.raises(BadInputFile, match=r"\.jsonl"):
        read("case-closed", "closed.xlsx", CLOSED)


ARCHIVE = (
    '{"event_id":"a1","archive_no":"A-1","case_no":"N-1","item_code":"许可-1-0","unit_code":"U","title":"t",'
    '"received_at":"2018-03-06T02:00:00+08:00","receipt":"ACCEPTED"'
)


@pytest.mark.parametrize(
    ("rest", "column"),
    [
        (',"materials":[{"kind":"RESULT","name":"批文","code":"1","byte_size":"9","sha256":""}]}', "materials[0].byte_size"),
        (',"materials":[{"kind":"RESULT","name":"批文"}]}', "materials[0].code"),
        (',"revision":true}', "revision"),
        (',"deleted":null}', "deleted"),
        (',"colour":"red"}', "colour"),
        (',"batch_no":"\\u0000"}', "batch_no"),
        (',"title":"another"}', ""),
        (',"title" :"another"}', ""),
        (',"materials":[{"kind":"RESULT","name":"批文","name":"另一批文","code":"1","byte_size":9,"sha256":""}]}', ""),
        ("", ""),
    ],
)
def test_a_bad_json_line_is_named_by_line_and_column_and_the_rest_goes_in(rest: str, column: str):
    """A bad JSON line is named by line and column and the rest goes in."""
    first, bad, last = read("archive-received", "a.jsonl", f"{ARCHIVE}}}\n\n{ARCHIVE}{rest}\n{ARCHIVE}}}\n")
    assert isinstance(first, Row)
    assert isinstance(last, Row)
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column) == (3, column)


def test_a_field_given_twice_is_told_as_such():
    """A parser would take the last of the two, and say nothing."""
    (bad,) = read("archive-received", "a.jsonl", f'{ARCHIVE},"title":"another"}}')
    assert isinstance(bad, BadRow)
    assert bad.found == "JSON: 字段重复 a field given twice: title"


def test_materials_are_json_text_in_a_csv():
    """Materials are JSON text in a CSV."""
    header = "event_id,archive_no,case_no,item_code,unit_code,title,received_at,receipt,materials"
    cells = "a1,A-1,N-1,许可-1-0,U,t,2018-03-06T02:00:00+08:00,ACCEPTED"
    text = '"[{""kind"":""RESULT"",""name"":""批文"",""code"":""1"",""byte_size"":9,""sha256"":""""}]"'
    twice = text.replace('""name""', '""code"":""0"",""name""')
    good, bad, repeated = read("archive-received", "a.csv", f"{header}\n{cells},{text}\n{cells},[{{]\n{cells},{twice}\n")
    assert isinstance(good, Row)
    assert good.record["materials"][0]["byte_size"] == 9
    assert isinstance(bad, BadRow)
    assert bad.column == "materials"
    assert isinstance(repeated, BadRow)
    assert (repeated.line, repeated.column) == (4, "materials")


def test_dates_are_days_and_empty_ones_are_open():
    """Dates are days and empty ones are open."""
    header = "event_id,unit_code,unit_name,district_code,district_name,valid_from,valid_to"
    good, bad = read("unit-registry", "u.csv", f"{header}\nu1,U,n,330103,下城区,2018-01-02,\nu2,U,n,330105,拱墅区,2018/07/01,\n")
    assert isinstance(good, Row)
    assert good.record["valid_from"] == 17_533
    assert "valid_to" not in good.record
    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column, bad.found) == (3, "valid_from", "'2018/07/01'")


SCHEDULE = '{"event_id":"s1","unit_code":"U","item_code":"许可-1-000","item_name":"n","retention":"YEARS_30"'


@pytest.mark.parametrize(
    ("rest", "column", "expected"),
    [
        (',"materials":[{"kind":"证据性","name":"申请表"}]}', "materials[0].kind", "EVIDENCE / PROCEDURE / RESULT / UNKNOWN"),
        (',"materials":[{"name":"申请表"},{"name":"批文","required":"是"}]}', "materials[1].required", "true / false"),
        (',"materials":[{"name":"批文","pages":3}]}', "materials[0].pages", "electronic"),
        (',"materials":[{"kind":"RESULT"}]}', "materials[0].name", "required"),
        (',"materials":{"name":"批文"}}', "materials", "array"),
        (',"valid_from":"2018-13-01"}', "valid_from", "2018-03-05"),
        (',"item_code":""}', "item_code", "not empty"),
        (',"unit_code":""}', "unit_code", "not empty"),
    ],
)
def test_a_bad_place_within_an_array_of_records_is_named(rest: str, column: str, expected: str):
    """Which material, which of its fields, and what it may hold."""
    once = json.dumps(json.loads(f"{SCHEDULE}{rest}"))  # what the rest says again in the place of what it was
    (bad,) = read("archiving-schedule", "s.jsonl", f"{once}\n")
    assert isinstance(bad, BadRow)
    assert bad.column == column
    assert expected in bad.expected


@pytest.mark.parametrize("until", ["", "2018-12", "永久"])
def test_a_waiver_has_a_last_day(until: str):
    """One without would be for ever."""
    (bad,) = read("waiver", "w.csv", f"event_id,anomaly_id,author,reason,until\nw1,3f6c,a,r,{until}\n")
    assert isinstance(bad, BadRow)
    assert (bad.column, bad.expected) == ("until", "日期 a date, 2018-03-05")


@pytest.mark.parametrize(("name", "topic", "rows"), [("closed.csv", "case-closed", 700), ("archives.csv", "archive-received", 626)])
def test_the_real_log_is_read_whole(name: str, topic: str, rows: int):
    """The real log is read whole."""
    path = Path(__file__).parents[3] / "shared/data/permits" / name
    if not path.exists():
        pytest.skip("没有 ../shared/data/permits：真实日志不随仓库分发 the real log does not come with the repository")
    with path.open("rb") as file:
        read_rows = list(RowReader(topic, file, name))
    assert all(isinstance(row, Row) for row in read_rows)
    assert len(read_rows) == rows


@pytest.mark.parametrize(("name", "topic"), [("closed.csv", "case-closed"), ("archives.csv", "archive-received")])
def test_the_real_log_said_to_be_in_gbk_is_refused(name: str, topic: str):
    """It can be decoded as such, each line of it."""
    path = Path(__file__).parents[3] / "shared/data/permits" / name
    if not path.exists():
        pytest.skip("没有 ../shared/data/permits：真实日志不随仓库分发 the real log does not come with the repository")
    with path.open("rb") as file, pytest.raises(BadInputFile, match="leave out --encoding"):
        RowReader(topic, file, name, "gbk")
