"""A small workbook that says one long thing in a million cells costs about what it says, not a million times that."""

from __future__ import annotations

import io
import re
import tracemalloc
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from zipfile import ZipFile

import pytest
from openpyxl import Workbook

from ops.importing.cells import filled, is_none, names_build_mode, says_build_mode, text_of, ticks_build_mode
from ops.importing.codes import is_item_code
from ops.importing.form import read_form
from ops.importing.formats import cell_styles
from ops.importing.labels import is_note, is_title
from ops.importing.materials import read_items
from ops.importing.sheet import LONGEST_TEXT, Place, Sheet, Value
from ops.importing.table_sheet import sheet_rows
from ops.importing.workbook import workbook_sheets
from streams.contracts import ARCHIVING_SCHEDULE
from streams.errors import BadInputFile
from tests.importing.forms import MAIN, NOTICE, fill, form, read, saved, with_cell, with_part
from tests.importing.test_form import places
from tests.importing.test_materials import HEADINGS

GOOD = saved(form(NOTICE))
LONG = "王" * LONGEST_TEXT
FORM = ("序号", "主项名称", "主项编码", "子项名称", "子项编码", "建设模式", "2017年办件量", "归档计划", "归档方式", "备注")
MAIN_NAMESPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHEET = "xl/worksheets/sheet1.xml"
SHARED_TYPE = (
    '<Override PartName="/xl/sharedStrings.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)


@pytest.mark.parametrize("headings_at", [1, 12], ids=["below the headings", "above them"])
@pytest.mark.parametrize(
    ("headings", "parse"),
    [
        (FORM, lambda sheet: read_form([sheet], "f")),
        (HEADINGS, lambda sheet: read_items(ARCHIVING_SCHEDULE, sheet_rows(sheet, "f", ()))),
    ],
    ids=["form", "table"],
)
def test_a_long_text_is_not_looked_at_in_each_cell_that_shares_it(
    headings: tuple[str, ...], parse: Callable[[Sheet], object], headings_at: int, monkeypatch: pytest.MonkeyPatch
):
    """Counted: no reader looks at as many characters as one of the cells has."""
    seen: list[int] = []
    for name in ("normalize", "category"):
        real = getattr(unicodedata, name)
        monkeypatch.setattr(unicodedata, name, lambda *given, real=real: (seen.append(len(given[-1])), real(*given))[1])
    long = LONG.replace("王", chr(ord("王") + headings_at + 100 * (headings is FORM)))  # another each time: caches
    cells: dict[Place, Value] = {(row, column): long for row in range(2, 12) for column in range(1, len(headings) + 1)}
    cells |= {(headings_at, column): heading for column, heading in enumerate(headings, 1)}
    codes = ["编码" in heading for heading in headings].index(True) + 1
    cells |= {(row, codes): f"许可-{row:05}-000" for row in (3, 5, 6)}
    with suppress(BadInputFile):
        parse(Sheet("s", cells))
    assert 0 < sum(seen) < len(long)


def test_a_text_longer_than_any_word_is_no_word_and_still_a_note():
    """It is known by its beginning; what only begins like a word is none."""
    note = "填报说明：1．名称和编码以最新的行政权力事项数据库为准。" * 50
    assert is_note(note)
    for text in (note, f"市统建{' ' * 300}自建", f"许可-00387-000{' ' * 300}", f"无{' ' * 300}。", f"基础信息确认表{' ' * 300}"):
        assert not any(says(text) for says in (is_item_code, is_none, ticks_build_mode, is_title))
    assert names_build_mode("□省统建" * 100)
    assert says_build_mode("□省统建" * 100)


def test_a_choice_longer_than_any_is_a_fault():
    """Rather than read in part."""
    assert places(read(form([with_cell(MAIN, "F", f"☑市统建{' ' * 300}☑自建")]))) == ["F6"]


@pytest.mark.parametrize("parse", [text_of, filled])
@pytest.mark.parametrize("blank", " \u3000")
def test_a_million_blanks_within_a_text_cost_what_other_characters_do(parse: Callable[[Value], str], blank: str):
    """With a pattern that tries each of them with all behind it, this would not end today."""
    assert parse(f"申请{blank * 1_000_000}表 \n 格") == f"申请{blank * 1_000_000}表格"


@pytest.mark.parametrize("more", ["", "王"])
@pytest.mark.parametrize("cell", ['<c t="s"><v>0</v></c>', '<c t="inlineStr"><is><t>{}</t></is></c>'], ids=["shared", "inline"])
def test_a_cell_has_no_more_characters_than_a_spreadsheet_takes(cell: str, more: str):
    """Wherever the workbook keeps them."""
    text = LONG + more
    sheet = f'<worksheet xmlns="{MAIN_NAMESPACE}"><sheetData><row r="7">{cell.format(text)}</row></sheetData></worksheet>'
    shared = f'<sst xmlns="{MAIN_NAMESPACE}"><si><t>{text}</t></si></sst>'
    with ZipFile(io.BytesIO(GOOD)) as archive:
        types = archive.read("[Content_Types].xml").decode().replace("</Types>", f"{SHARED_TYPE}</Types>")
    raw = with_part(with_part(GOOD, "xl/worksheets/sheet1.xml", sheet.encode()), "xl/sharedStrings.xml", shared.encode())
    raw = with_part(raw, "[Content_Types].xml", types.encode())
    if more:
        with pytest.raises(BadInputFile, match=r"A7 的文字超过 more than 32,767 characters"):
            workbook_sheets(raw, "a.xlsx")
    else:
        assert workbook_sheets(raw, "a.xlsx")[0].cells == {(7, 1): text}


def test_cells_that_share_a_text_share_what_is_read_of_it():
    """Each with a copy of its own, a text with a blank to be taken off would fill the machine."""
    book = Workbook()
    fill(book.active, [[" 中医医疗广告审查\n"] * 10] * 10)
    (sheet,) = workbook_sheets(saved(book), "a.xlsx")
    assert len({id(value) for value in sheet.cells.values()}) == 1


def test_cells_of_one_item_together_are_no_longer_than_a_cell_can_be():
    """A table out of Word splits an item over rows; a crafted one over twenty thousand."""
    rows: list[Any] = [with_cell(MAIN, "J", LONG), (None,) * 9 + ("附件",)]
    reading = read(form(rows, [f"{column}6:{column}7" for column in "BCDEG"]))
    assert [(fault.cell, fault.found) for fault in reading.faults] == [("J6", "32,769 个字符 characters")]


def test_a_part_that_is_two_sheets_is_a_broken_workbook():
    """It could be thousands, and each would be read anew."""
    book = form(NOTICE)
    book.create_sheet("b")
    raw = saved(book)
    with ZipFile(io.BytesIO(raw)) as archive:
        listed = archive.read("xl/workbook.xml").decode()
    first, second = re.findall(r'<sheet [^>]*r:id="[^"]+"', listed)
    same = second.rpartition("r:id=")[0] + "r:id=" + first.rpartition("r:id=")[2]
    with pytest.raises(BadInputFile, match="两个工作表是同一个"):
        workbook_sheets(with_part(raw, "xl/workbook.xml", listed.replace(second, same).encode()), "a.xlsx")


@pytest.mark.parametrize(
    ("part", "around", "element"),
    [
        (SHEET, "worksheet><sheetData", '<row r="{0}" ht="{1}" customHeight="1"/>'),
        (SHEET, "worksheet><cols", '<col min="{0}" max="{0}" width="{1}"/>'),
        (SHEET, "worksheet><extLst><ext", '<x a="{1}"><y/></x>'),
        ("xl/styles.xml", "styleSheet><cellXfs", '<xf numFmtId="0" fillId="{1}"><alignment/></xf>'),
    ],
)
def test_elements_without_content_are_not_held(part: str, around: str, element: str):
    """Lines that are drawn down to the last row there is: a person sees none of them, a parser would hold a million."""
    many = "".join(element.format(number, number * 7_919 % 999_983) for number in range(1, 50_001))
    first, *inner = around.split("><")
    closing = "></".join(reversed([first, *inner]))
    xml = f"<{'><'.join([f'{first} xmlns={MAIN_NAMESPACE!r}', *inner])}>{many}</{closing}>"
    raw = with_part(GOOD, part, xml.encode())
    tracemalloc.start()
    try:
        workbook_sheets(raw, "a.xlsx")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_no_more_of_a_number_format_is_looked_at_than_excel_takes():
    """It is looked at for each number."""
    styles = f'<styleSheet xmlns="{MAIN_NAMESPACE}"><numFmts><numFmt numFmtId="170" formatCode="0;{"x" * 1_000_000}"/></numFmts>'
    styles += '<cellXfs><xf numFmtId="170"/></cellXfs></styleSheet>'
    assert [len(style.code) for style in cell_styles(io.BytesIO(styles.encode()))] == [255]
