"""What is read of a workbook: values as a person sees them, from files of every writer, and nothing that others get wrong."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.styles import Font

from ops.importing.form import read_form
from ops.importing.formats import as_shown
from ops.importing.sheet import NotAValue
from ops.importing.workbook import workbook_sheets
from streams.errors import BadInputFile
from tests.importing.forms import MAIN, NOTICE, SUB_1, TOP, fill, form, read, saved, with_cell, with_part
from tests.importing.test_form import CODES, codes
from tests.importing.test_materials import FIRST, HEADINGS, written
from tests.importing.test_materials import read as read_table

GOOD = saved(form(NOTICE))
SHEET, STYLES, CORE, TYPES = "xl/worksheets/sheet1.xml", "xl/styles.xml", "docProps/core.xml", "[Content_Types].xml"
MAIN_NAMESPACE = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'


def part(name: str) -> str:
    """A part of the good workbook."""
    with ZipFile(io.BytesIO(GOOD)) as archive:
        return archive.read(name).decode()


def one_cell(value: Any, number_format: str = "General") -> Any:
    """What is read of a cell."""
    book = Workbook()
    book.active["A1"] = value
    book.active["A1"].number_format = number_format
    (sheet,) = workbook_sheets(saved(book), "a.xlsx")
    return sheet.own((1, 1))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        (STYLES, '<family val="2" />', '<family val="34" /><u val="1"/>'),
        (STYLES, "<fills", "<fills count='1'><fill/></fills><fills"),
        (STYLES, "rgb=", "rgb='F' x="),
        (CORE, "</cp:coreProperties>", "<dcterms:created>2018/5/1 10:00:00</dcterms:created></cp:coreProperties>"),
        (SHEET, "</sheetData>", "</sheetData><conditionalFormatting><cfRule type='?'/></conditionalFormatting>"),
        (SHEET, "</sheetData>", "</sheetData><dataValidations><dataValidation type='?'/></dataValidations>"),
    ],
)
def test_what_no_reader_needs_refuses_no_workbook(name: str, old: str, new: str):
    """Other writers get fonts, properties and rules wrong, and Excel opens their files all the same."""
    raw = with_part(GOOD, name, part(name).replace(old, new, 1).encode())
    assert codes(read_form(workbook_sheets(raw, "a.xlsx"), "a.xlsx")) == CODES


@pytest.mark.parametrize("font", ['<family val="34"/>', '<u val="1"/>', '<color rgb="F"/>', "<x/>"])
def test_text_in_several_fonts_is_read_whatever_the_fonts(font: str):
    """Within a cell or shared by several; how it is pronounced is no part of it."""
    runs = f"<r><rPr>{font}</rPr><t>中医</t></r><r><t>医疗</t></r><rPh sb='0' eb='x'><t>zhong</t></rPh><phoneticPr fontId='x'/>"
    shared = f"<sst {MAIN_NAMESPACE.decode()}><si>{runs}</si><si><t>_x005F_x0041_</t></si></sst>"
    cells = f'<c t="s"><v>0</v></c><c t="inlineStr"><is>{runs}</is></c><c t="s"><v>1</v></c><c t="inlineStr"><is><t>x</t></is><f>1</f></c>'
    sheet = f"<worksheet {MAIN_NAMESPACE.decode()}><sheetData><row>{cells}</row></sheetData></worksheet>"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    types = part(TYPES).replace("</Types>", f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>')
    raw = with_part(with_part(GOOD, SHEET, sheet.encode()), "xl/sharedStrings.xml", shared.encode())
    raw = with_part(raw, TYPES, types.encode())
    (read_sheet,) = workbook_sheets(raw, "a.xlsx")
    assert list(read_sheet.cells.values()) == ["中医医疗", "中医医疗", "_x0041_", NotAValue("公式 a formula")]


@pytest.mark.parametrize("encoding", ["foo", "GBK", "utf-16"])
def test_a_part_in_a_strange_encoding_that_nobody_needs_refuses_no_workbook(encoding: str):
    """And one that is needed does, as a broken workbook, without a traceback."""
    declared = f'<?xml version="1.0" encoding="{encoding}"?>'
    raw = with_part(GOOD, "customXml/item1.xml", f"{declared}<a/>".encode())
    assert codes(read_form(workbook_sheets(raw, "a.xlsx"), "a.xlsx")) == CODES
    with pytest.raises(BadInputFile, match="已损坏"):
        workbook_sheets(with_part(GOOD, SHEET, (declared + part(SHEET)).encode()), "a.xlsx")


def test_a_picture_with_a_document_type_refuses_no_workbook():
    """SVG has one by custom, and nobody reads pictures."""
    svg = b'<?xml version="1.0"?><!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/svg11.dtd"><svg/>'
    assert workbook_sheets(with_part(GOOD, "xl/media/image1.svg", svg), "a.xlsx")


def test_a_strict_workbook_is_told_what_to_do():
    """Its cells have other names: none would be found."""
    strict = part(SHEET).replace(
        "http://schemas.openxmlformats.org/spreadsheetml/2006/main", "http://purl.oclc.org/ooxml/spreadsheetml/main"
    )
    with pytest.raises(BadInputFile, match="Strict"):
        workbook_sheets(with_part(GOOD, SHEET, strict.encode()), "a.xlsx")


@pytest.mark.parametrize(
    ("value", "number_format", "shown"),
    [
        *((1, "00", "01"), (1.1, "0.00", "1.10"), (2, "0.0", "2.0"), (7, "000_ ", "007"), (19, "0_);[Red]\\(0\\)", "19")),
        *((19, "General", "19"), (19.0, "General", "19"), (2018.1, "General", "2018.1"), (20180001, "@", "20180001")),
        *((1.06, "0.0", 1.06), (1234, "#,##0", 1234), (1.1, '"v"0.0', 1.1), (-3, "0", -3), (123456789012, "General", 123456789012)),
        *((0.1 + 0.2, "General", 0.1 + 0.2), (float("inf"), "General", float("inf")), (1e300, "0", 1e300), (10**400, "0", 10**400)),
    ],
)
def test_a_number_is_the_text_that_its_cell_shows(value: float, number_format: str, shown: Any):
    """Where the text is no other number; else it stays a number, which no code can be."""
    found = as_shown(value, number_format)
    assert (found, type(found)) == (shown, type(shown))


@pytest.mark.parametrize(
    ("value", "number_format", "read_as"),
    [
        *((1, "00", "01"), ("01", "@", "01"), ("=1+1", "General", None), (True, "General", True)),
        *((43221, "yyyy-m-d", "2018-05-01"), (43221.375, "yyyy-m-d h:mm", "2018-05-01T09:00:00")),
        *(
            (43221, "yyyy年m月", "2018-05-01"),
            (0.375, "[h]:mm", "9:00:00"),
            ("a_x0009_b", "General", "a\tb"),
            ("_x005F_x0041_", "General", "_x0041_"),
        ),
    ],
)
def test_a_cell_is_read_as_it_is_shown(value: Any, number_format: str, read_as: Any):
    """Days and formulas are no values, and characters that XML cannot hold are what Office means by them."""
    found = one_cell(value, number_format)
    assert (found.text or None if isinstance(found, NotAValue) else found) == read_as


@pytest.mark.parametrize("number", [31, 57])
def test_days_in_chinese_formats_are_days(number: int):
    """Excel writes only the number of the format; in a list of English ones it is missing."""
    styles = f'<styleSheet {MAIN_NAMESPACE.decode()}><cellXfs><xf numFmtId="0"/><xf numFmtId="{number}"/></cellXfs></styleSheet>'
    sheet = b"<worksheet " + MAIN_NAMESPACE + b'><sheetData><row r="1"><c r="A1" s="1"><v>43221</v></c></row></sheetData></worksheet>'
    (read_sheet,) = workbook_sheets(with_part(with_part(GOOD, STYLES, styles.encode()), SHEET, sheet), "a.xlsx")
    assert read_sheet.own((1, 1)) == NotAValue("日期格式的值 a date", "2018-05-01")


def test_a_code_or_version_is_what_its_cell_shows_or_a_fault(tmp_path: Path):
    """01 and 1.10 are other codes and versions than 1 and 1.1: a schedule would differ from what the module says."""
    book = Workbook()
    row = with_cell(with_cell(FIRST, "C", 1.1), "H", 1)
    fill(book.active, [HEADINGS, row, with_cell(row, "A", "许可-00388-000")])
    for cell, number_format in {"C2": "0.00", "H2": "00", "C3": '"v"0.0', "H3": "#,##0"}.items():
        book.active[cell].number_format = number_format
    reading = read_table(written(tmp_path, "t.xlsx", saved(book)))
    (draft,) = reading.drafts
    assert (draft.content["schedule_version"], draft.content["materials"][0]["code"]) == ("1.10", "01")
    assert [(fault.cell, "文本格式" in fault.expected) for fault in reading.faults] == [("C3", True), ("H3", True)]


@pytest.mark.parametrize("row", ['<row r="{0}"><c r="XFD{0}" s="0"/></row>', '<row r="{0}"><c r="A{0}"><v/></c></row>'])
def test_cells_without_content_cost_no_time(row: str):
    """Columns far to the right and rows far below are not made up."""
    rows = "".join(row.format(number) for number in range(1, 50_001)) + '<row r="1048576"><c r="A1048576" t="str"><v>x</v></c></row>'
    begun = time.process_time()
    (sheet,) = workbook_sheets(
        with_part(GOOD, SHEET, b"<worksheet " + MAIN_NAMESPACE + f"><sheetData>{rows}</sheetData></worksheet>".encode()), "a.xlsx"
    )
    assert (sheet.cells, time.process_time() - begun < 5) == ({(1_048_576, 1): "x"}, True)


def test_a_row_of_more_cells_than_a_sheet_has_columns_is_refused():
    """It would be held whole."""
    raw = with_part(
        GOOD, SHEET, b"<worksheet " + MAIN_NAMESPACE + b'><sheetData><row r="1">' + b"<c/>" * 16_385 + b"</row></sheetData></worksheet>"
    )
    with pytest.raises(BadInputFile, match="一行里"):
        workbook_sheets(raw, "a.xlsx")


def test_content_below_the_last_row_there_is_refuses_the_file():
    """Not read, and not left out unseen."""
    row = b'><sheetData><row r="1048577"><c t="str"><v>x</v></c></row></sheetData></worksheet>'
    with pytest.raises(BadInputFile, match="1048577"):
        workbook_sheets(with_part(GOOD, SHEET, b"<worksheet " + MAIN_NAMESPACE + row), "a.xlsx")


def test_a_sheet_of_examples_is_named_and_not_read(caplog: pytest.LogCaptureFixture):
    """Its items are nobody's; filled in itself, it is the form."""
    book = form([MAIN], sheet="许可")
    fill(book.create_sheet("填表示例"), [*TOP, SUB_1])
    assert codes(read(book)) == CODES[:1]
    assert "examples are not read: 填表示例" in caplog.text
    caplog.clear()
    assert codes(read(form([MAIN], sheet="附件1样表"))) == CODES[:1]
    assert caplog.text == ""


@pytest.mark.parametrize("beside", [(), ("填报说明：1．编码以数据库为准。", "2．建设模式包含省统建。")])
def test_the_example_itself_is_read_where_no_other_sheet_is_a_table(beside: tuple[str, ...], caplog: pytest.LogCaptureFixture):
    """Excel begins with three sheets, of which two stay empty; notes have a sheet of their own."""
    book = form([MAIN], sheet="附件1样表")
    book.create_sheet("Sheet2")
    fill(book.create_sheet("填报说明"), [(text,) for text in beside])
    assert codes(read(book)) == CODES[:1]
    assert "examples" not in caplog.text


@pytest.mark.parametrize("own", [TOP, [with_cell(MAIN, "C", "许可00388-000")], [SUB_1]])
def test_an_example_is_not_read_in_the_place_of_a_form_or_of_rows_without_headings(own: Any, caplog: pytest.LogCaptureFixture):
    """Its items are nobody's, however little there is beside it."""
    book = form([MAIN], sheet="附件1样表")
    fill(book.create_sheet("附件1"), own)
    with pytest.raises(BadInputFile, match=r"没有填写事项|没有附件1的表头"):
        read(book)
    assert "examples are not read: 附件1样表" in caplog.text


def test_hidden_rows_are_read_and_told(caplog: pytest.LogCaptureFixture):
    """A filter hides rows as well: they are part of the form."""
    book = form([MAIN, SUB_1])
    book.active.row_dimensions[7].hidden = True
    assert codes(read(book)) == CODES[:2]
    assert "Sheet1: 隐藏的行也读了 hidden rows are read too: 7" in caplog.text


def test_a_sheet_that_is_a_chart_is_not_read():
    """Nothing is filled in there."""
    book = form([MAIN])
    book.create_chartsheet("图")
    assert codes(read(book)) == CODES[:1]


STRUCK, RAISED, BOLD = InlineFont(strike=True), InlineFont(vertAlign="superscript"), InlineFont(b=True)


@pytest.mark.parametrize(
    ("runs", "told"),
    [
        ((TextBlock(STRUCK, "19"), "21"), "删除线"),
        (("中医", TextBlock(STRUCK, "医疗"), "审查"), "删除线"),
        ((TextBlock(STRUCK, "19"),), "删除线"),
        (("19", TextBlock(RAISED, "1")), "上标"),
        (("许可-00387-000", TextBlock(BOLD, ""), TextBlock(InlineFont(vertAlign="subscript"), "1")), "上标"),
        ((TextBlock(RAISED, "1"), "19"), "上标"),
    ],
)
def test_text_that_is_struck_out_or_raised_in_part_is_no_value(runs: tuple[Any, ...], told: str):
    """The old number and the new one would be one; so would a number and its footnote's."""
    found = one_cell(CellRichText(*runs))
    assert isinstance(found, NotAValue)
    assert told in found.what


@pytest.mark.parametrize(
    ("runs", "read_as"),
    [
        (("面积300m", TextBlock(RAISED, "2"), "以下"), "面积300m2以下"),
        ((TextBlock(RAISED, "19"), TextBlock(RAISED, "1")), "191"),
        (("中医", TextBlock(STRUCK, " "), TextBlock(InlineFont(strike=False), "审查")), "中医 审查"),
    ],
)
def test_text_that_can_be_read_in_one_way_only_is_read(runs: tuple[Any, ...], read_as: str):
    """Square metres have a raised digit; a line through a blank is no line."""
    assert one_cell(CellRichText(*runs)) == read_as


def test_an_item_that_is_struck_out_is_told_and_not_imported():
    """Whoever struck it out meant it to be gone, or wanted to ask; only the empty cells of the row stay silent."""
    book = form([MAIN, SUB_1])
    for cell in book.active[7]:
        cell.font = Font(strike=True)
    reading = read(book)
    assert codes(reading) == CODES[:1]
    assert [fault.cell for fault in reading.faults] == ["B7", "C7", "E7", "D7", "F7", "G7"]
    assert all("删除线" in fault.found for fault in reading.faults)


@pytest.mark.parametrize("kind", ["array", "dataTable"])
def test_results_that_a_formula_spills_into_other_cells_are_no_values(kind: str):
    """Only the first of them holds the formula."""
    book = form(NOTICE)
    cells = part(SHEET).replace('<c r="G6" t="n">', f'<c r="G6"><f t="{kind}" ref="G6:G7">A1:A2</f>')
    reading = read_form(workbook_sheets(with_part(saved(book), SHEET, cells.encode()), "a.xlsx"), "a.xlsx")
    assert [(fault.cell, fault.found) for fault in reading.faults] == [("G6", "公式 a formula"), ("G7", "公式 a formula")]


def test_formulas_over_more_ranges_than_a_form_has_refuse_the_file():
    """Each would be held."""
    rows = ("".join(f'<c r="A{row}"><f t="array" ref="A{row}:B{row * column}"/></c>' for column in range(2, 202)) for row in range(1, 502))
    sheet = b"<worksheet " + MAIN_NAMESPACE + f"><sheetData><row>{'</row><row>'.join(rows)}</row></sheetData></worksheet>".encode()
    with pytest.raises(BadInputFile, match="数组公式"):
        workbook_sheets(with_part(GOOD, SHEET, sheet), "a.xlsx")


@pytest.mark.parametrize("value", ["<c r='G6'><v>1,019</v></c>", "<c r='G6' t='s'><v>999</v></c>", "<c r='G6' t='b'><v>x</v></c>"])
def test_a_value_that_cannot_be_read_is_told_by_its_cell(value: str):
    """Programs write numbers as they show them; the workbook is not broken for that."""
    cells = re.sub('<c r="G6".*?</c>', value, part(SHEET))
    reading = read_form(workbook_sheets(with_part(GOOD, SHEET, cells.encode()), "a.xlsx"), "a.xlsx")
    assert [(fault.cell, fault.found) for fault in reading.faults] == [("G6", "读不出的值 a value that cannot be read")]


def test_rows_and_columns_of_no_size_are_told_as_hidden(caplog: pytest.LogCaptureFixture):
    """Drawn together with the mouse, they are as little seen."""
    cells = part(SHEET).replace('<row r="7"', '<row r="7" ht="0" customHeight="1"')
    cells = cells.replace("<sheetData>", '<cols><col min="10" max="10" width="0" customWidth="1"/></cols><sheetData>')
    assert codes(read_form(workbook_sheets(with_part(GOOD, SHEET, cells.encode()), "a.xlsx"), "a.xlsx")) == CODES
    assert "Sheet1: 隐藏的行也读了 hidden rows are read too: 7" in caplog.text
    assert "Sheet1: 隐藏的列也读了 hidden columns are read too: J" in caplog.text


@pytest.mark.parametrize("called", ["模板", "填写范本", "样本", "填报说明", "说明"])
def test_a_sheet_that_shows_how_to_fill_in_another_is_named_and_not_read(called: str, caplog: pytest.LogCaptureFixture):
    """Where it is the only table, somebody has filled it in."""
    book = form([MAIN], sheet="附件1")
    fill(book.create_sheet(called), [*TOP, SUB_1])
    assert codes(read(book)) == CODES[:1]
    assert f"examples are not read: {called}" in caplog.text
    assert codes(read(form([MAIN], sheet=called))) == CODES[:1]
