"""Workbooks that could do harm are refused before anything reads them; those that are broken are told as such."""

from __future__ import annotations

import codecs
import io
import struct
import time
from contextlib import suppress
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import openpyxl
import pytest
from openpyxl import Workbook

from ops.importing.form import read_form
from ops.importing.guard import LARGEST_FILE_BYTES, check_workbook, read_bytes
from ops.importing.sheet import LARGEST_ROWS, Sheet
from ops.importing.table_sheet import sheet_rows
from ops.importing.text import csv_sheet, json_lines
from ops.importing.workbook import workbook_sheets
from streams.errors import BadInputFile
from tests.importing.forms import MAIN, NOTICE, fill, form, saved, with_part, zipped

GOOD = saved(form(NOTICE))
SHEET = "xl/worksheets/sheet1.xml"
BILLION_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
EXTERNAL = b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>'
UTF_16 = '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x [<!ENTITY a "ha">]><x>&a;</x>'.encode("utf-16")


def encrypted_zip() -> bytes:
    """A zip whose entries say that they are encrypted (bit 0 of their flags, in both places)."""
    raw = bytearray(GOOD)
    with ZipFile(io.BytesIO(GOOD)) as archive:
        for entry in archive.infolist():
            raw[entry.header_offset + 6] |= 1
    at = raw.find(b"PK\x01\x02")
    while at >= 0:
        raw[at + 8] |= 1
        at = raw.find(b"PK\x01\x02", at + 4)
    return bytes(raw)


def beyond_any_file(offset: int) -> bytes:
    """A zip with an entry that ZIP64 says begins so far away."""
    buffer, entry = io.BytesIO(), ZipInfo("a.xml")
    entry.extra = struct.pack("<HHQ", 1, 8, offset)
    with ZipFile(buffer, "w") as archive:
        archive.writestr(entry, b"<a/>")
    raw = bytearray(buffer.getvalue())
    at = raw.find(b"PK\x01\x02") + 42
    raw[at : at + 4] = b"\xff" * 4
    return bytes(raw)


def ole(*streams: str) -> bytes:
    """The beginning of a file of the old Office formats, with names of streams in it."""
    return bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512) + "\0".join(streams).encode("utf-16-le") + bytes(512)


@pytest.mark.parametrize(
    ("raw", "name", "told"),
    [
        (GOOD, "附件1.xls", r"\.xlsx"),
        (GOOD, "附件1.XLSM", "宏"),
        (GOOD, "附件1.et", "WPS"),
        *((GOOD, f"附件1.{suffix}", r"Word.*\.xlsx") for suffix in ("doc", "DOCX", "wps")),
        (GOOD, "附件1.ods", r"OpenDocument.*另存为.*\.xlsx"),
        (ole("WordDocument"), "附件1.xlsx", "Word"),
        (ole("Workbook", "WordDocument"), "附件1.xlsx", "旧版"),
        (zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}), "附件1.xlsx", "Word"),
        (zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<o/>"}), "附件1.xlsx", "OpenDocument"),
        (ole("Workbook"), "附件1.xlsx", "旧版"),
        (ole("EncryptionInfo", "EncryptedPackage"), "附件1.xlsx", "密码"),
        (encrypted_zip(), "附件1.xlsx", "密码"),
        (with_part(GOOD, "xl/vbaProject.bin", b"x"), "附件1.xlsx", "宏"),
        (with_part(GOOD, "[Content_Types].xml", b'<Types><Override ContentType="x.macroEnabled.main+xml"/></Types>'), "附件1.xlsx", "宏"),
        (with_part(GOOD, SHEET, BILLION_LAUGHS), "附件1.xlsx", "实体"),
        (with_part(GOOD, "xl/sharedStrings.xml", EXTERNAL), "附件1.xlsx", "实体"),
        (with_part(GOOD, "xl/hidden.part", UTF_16), "附件1.xlsx", "实体"),
        (with_part(GOOD, "xl/media/a.bin", bytes(2_000_000)), "附件1.xlsx", "压缩比"),
        (zipped({f"x{number}": bytes(900_000) for number in range(20)}), "附件1.xlsx", "压缩比"),
        (zipped({f"x{number}": b"" for number in range(2_001)}), "附件1.xlsx", "2000"),
        (b"", "附件1.xlsx", "已损坏"),
        (GOOD[: len(GOOD) // 2], "附件1.xlsx", "已损坏"),
        (b"PK\x03\x04" + bytes(100), "附件1.xlsx", "已损坏"),
        (zipped({"a.txt": b"x"}), "附件1.xlsx", "已损坏"),
        (with_part(GOOD, SHEET, b"<worksheet"), "附件1.xlsx", "已损坏"),
    ],
)
def test_a_workbook_that_is_refused_is_told_what_it_is(raw: bytes, name: str, told: str):
    """With the way out, where there is one."""
    with pytest.raises(BadInputFile, match=told):
        workbook_sheets(raw, name)


def test_a_workbook_that_would_unpack_to_too_much_is_refused_unopened():
    """By what the zip says of itself; zipfile reads no more than that."""
    noise = b"".join(number.to_bytes(4, "big") * 16 for number in range(1_050_000))
    with pytest.raises(BadInputFile, match="解压后过大"):
        check_workbook(zipped({f"x{number}": noise for number in range(3)}), "附件1.xlsx")


@pytest.mark.parametrize("at", range(0, len(GOOD), 211))
def test_a_workbook_with_a_broken_byte_is_read_or_refused(at: int):
    """Nothing but our error comes out of zip, XML and openpyxl."""
    raw = bytearray(GOOD)
    raw[at] ^= 0xFF
    with suppress(BadInputFile):
        assert len(workbook_sheets(bytes(raw), "附件1.xlsx")) <= 1


@pytest.mark.parametrize("offset", [1 << 31, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
def test_an_entry_beyond_any_file_is_a_broken_workbook(offset: int):
    """No file is as long as ZIP64 can say, and some of what it can say is no number for a machine."""
    with pytest.raises(BadInputFile, match="已损坏"):
        check_workbook(beyond_any_file(offset), "附件1.xlsx")


def test_a_zip_with_any_of_its_numbers_wrong_is_read_or_refused():
    """Versions, methods, encryption, times, sizes, places, in the entry and in the directory; nothing but our error comes out."""
    good = zipped({"xl/a.xml": b"<a>" + bytes(range(32, 60)) * 9 + b"</a>"})
    for raw in (good, beyond_any_file(0)):
        for at in range(len(raw)):
            for byte in (0x00, 0x01, 0x0C, 0x63, 0x7F, 0x80, 0xFF):
                with suppress(BadInputFile):
                    check_workbook(raw[:at] + bytes([byte]) + raw[at + 1 :], "附件1.xlsx")


def test_a_sheet_of_formats_without_content_is_refused_unparsed():
    """Somebody coloured whole columns; an XML parser would be at it for minutes."""
    rows = b"".join(f'<row r="{row}">{"<c/>" * 200}</row>'.encode() for row in range(1, 21_000))
    begun = time.process_time()
    with pytest.raises(BadInputFile, match="清除"):
        check_workbook(with_part(GOOD, SHEET, b"<worksheet><sheetData>" + rows), "a.xlsx")
    assert time.process_time() - begun < 5


def test_openpyxl_reads_xml_with_defusedxml():
    """It does so only where that is installed, and says nothing where it is not."""
    assert openpyxl.DEFUSEDXML
    assert not openpyxl.LXML


@pytest.mark.parametrize("headings", [(), ("事项编码", "x"), ("主项编码", "主项编码")])
def test_a_large_sheet_without_a_table_is_told_in_time(headings: tuple[str, ...]):
    """The search for headings looks at each cell a fixed number of times."""
    cells = {(row, column): "x" for row in range(1, LARGEST_ROWS + 1) for column in range(1, 11)}
    cells |= {(1, column): heading for column, heading in enumerate(headings, 1)}
    begun = time.process_time()
    for read in (lambda sheet: read_form([sheet], "f"), lambda sheet: list(sheet_rows(sheet, "f", ()))):
        with suppress(BadInputFile):
            assert read(Sheet("s", cells)) == []
    assert time.process_time() - begun < 20


def test_more_rows_or_columns_than_a_form_has_are_refused():
    """Counted by content: formats alone do not make a row."""
    tall, wide, formatted = Workbook(), Workbook(), Workbook()
    for _ in range(LARGEST_ROWS + 1):
        tall.active.append(["x"])
    wide.active.cell(1, 201, "x")
    for row in range(1, LARGEST_ROWS + 100):
        formatted.active.cell(row, 1).number_format = "@"
    with pytest.raises(BadInputFile, match="20,000"):
        workbook_sheets(saved(tall), "a.xlsx")
    with pytest.raises(BadInputFile, match=r"GS1 .*200"):
        workbook_sheets(saved(wide), "a.xlsx")
    assert workbook_sheets(saved(formatted), "a.xlsx")[0].cells == {}


@pytest.mark.parametrize("row", ["999999999999", "1048577", "-7", "1e9", "x"])
def test_a_row_number_beyond_any_sheet_costs_no_time(row: str):
    """Rows that are missing in between are not made up."""
    xml = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="A1:XFD1048576"/>'
        f'<sheetData><row r="{row}"><c t="str"><v>x</v></c></row></sheetData>'
        '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells></worksheet>'
    )
    begun = time.process_time()
    with suppress(BadInputFile):
        workbook_sheets(with_part(GOOD, SHEET, xml.encode()), "a.xlsx")
    assert time.process_time() - begun < 5


def test_formulas_dates_and_errors_are_no_values():
    """Neither evaluated, nor taken from what Excel kept of them."""
    workbook = form([MAIN])
    workbook.active["G6"] = "=1+18"
    workbook.active["C6"] = "#REF!"
    (sheet,) = workbook_sheets(saved(workbook), "a.xlsx")
    assert [sheet.own(place) for place in ((6, 7), (6, 3))] == [sheet.own((6, 7)), sheet.own((6, 3))]
    assert "公式" in str(sheet.own((6, 7)))
    assert "错误值" in str(sheet.own((6, 3)))


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path):
    """Workbook or text."""
    path = tmp_path / "a.csv"
    path.write_bytes(bytes(LARGEST_FILE_BYTES + 1))
    with pytest.raises(BadInputFile, match="20 MB"):
        read_bytes(path)
    with pytest.raises(BadInputFile, match="打不开"):
        read_bytes(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ("事项编码\n".encode("gbk"), "--encoding gbk"),
        ("事项编码\n".encode() + "事项\n".encode("gbk"), "有的行"),
        (b'a,"b\n', "CSV"),
        ("事项编码;事项名称\n".encode(), "分号"),
        ("事项编码\t事项名称\n".encode(), "制表符"),
        ("事项编码，事项名称\n".encode(), "全角逗号"),
        ("附件1\n序号;主项编码;建设模式(省统建,市统建);备注\n1;许可-00387-000;市统建;见附件,第二条\n".encode(), "分号"),
        ("事项编码\t事项名称\n许可-00387-000\t中医,医疗\n".encode(), "制表符"),
        ("事项编码\t事项名称\n".encode("utf-16"), "UTF-16.*CSV UTF-8"),
        (codecs.BOM_UTF16_BE + "事项编码\t事项名称\n".encode("utf-16-be"), "UTF-16.*CSV UTF-8"),
        (b"x\n" * (LARGEST_ROWS + 1), "20,000"),
        (b"\n" + b"," * 200 + b"x\n", "GS2.*200"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_with_the_place(raw: bytes, told: str):
    """Encoding, quotation marks, size."""
    with pytest.raises(BadInputFile, match=told):
        csv_sheet(raw, "a.csv", "utf-8")


def test_other_marks_within_a_text_with_commas_stay_there():
    """In notes above the headings, too, and where there are none."""
    lines = ["填报说明：1、编码；2、名称；3、模式；4、件数", "事项编码,事项名称（全称；规范）", "许可-00387-000,审查；复核；发证；存档"]
    assert len(csv_sheet("\n".join(lines).encode(), "a.csv", "utf-8").cells) == 5
    assert len(csv_sheet("甲;乙;丙,丁\n".encode(), "a.csv", "utf-8").cells) == 2


def test_blank_rows_and_columns_of_a_text_count_for_nothing():
    """Excel saves them where somebody once had a format."""
    raw = b"x\n" + b",,,\n" * (LARGEST_ROWS + 5_000) + b"y" + b"," * 300
    assert csv_sheet(raw, "a.csv", "utf-8").cells == {(1, 1): "x", (LARGEST_ROWS + 5_002, 1): "y"}


@pytest.mark.parametrize("text", ["事项编码,事项名\n许可-00387-000,x\n", "item_code,item_name\n许可-00387-000,审查\n"])
def test_a_text_in_utf_8_that_is_said_to_be_another_is_told_so(text: str):
    """The option is what is wrong, not the file; with an even number of characters in each cell, all of them would be others."""
    with pytest.raises(BadInputFile, match="去掉 leave out --encoding"):
        csv_sheet(text.encode(), "a.csv", "gbk")
    with pytest.raises(BadInputFile, match="去掉 leave out --encoding"):
        list(json_lines('{"item_name":"审查"}'.encode(), "a.jsonl", "gbk"))


@pytest.mark.parametrize(("raw", "told"), [(b'{"a":1}\n{', "line 2"), (b"[1]", "对象"), (b"{}\n" * (LARGEST_ROWS + 1), "20,000")])
def test_json_that_is_none_is_refused_with_its_line(raw: bytes, told: str):
    """A line is one object."""
    with pytest.raises(BadInputFile, match=told):
        list(json_lines(raw, "a.jsonl", "utf-8"))


def test_a_carriage_return_as_office_writes_it_is_no_text():
    """``_x000D_`` within a cell is half a line break."""
    workbook = Workbook()
    fill(workbook.active, [("☑市统建_x000D_\n□自建",)])
    assert workbook_sheets(saved(workbook), "a.xlsx")[0].own((1, 1)) == "☑市统建\n□自建"
