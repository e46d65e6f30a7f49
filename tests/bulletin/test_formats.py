"""XLSX, HTML and PDF, read back by other programs than wrote them."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
import sys
import zipfile
from decimal import ROUND_HALF_UP, Decimal
from html.parser import HTMLParser
from typing import Any

import openpyxl
import pytest
import typst
from openpyxl.utils.escape import unescape
from openpyxl.workbook import Workbook
from pypdf import PdfReader

from ops.bulletin.build import Built, build
from ops.bulletin.contents import tables
from ops.bulletin.document import Document, bulletin_document
from ops.bulletin.font import FONT_PACKAGE, MISSING, chinese_font, preferred
from ops.bulletin.issue import render
from ops.bulletin.page import page
from ops.bulletin.paper import paper
from ops.bulletin.period import parse_period
from ops.bulletin.unit_list import unit_document
from ops.bulletin.workbook import workbook
from streams.errors import DependencyError
from tests.bulletin.figures import MadeUp, finding, unit_code

EDITION = "第 1 版"
RISKY = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(A1)",
    '=HYPERLINK("http://x")',
    "=cmd|' /C calc'!A0",
]
HASHES = """
import hashlib
from tests.bulletin.test_formats import EDITION, made_up
from ops.bulletin.issue import render
for name, content in sorted(render(made_up(), EDITION).items()):
    print(name, hashlib.sha256(content).hexdigest())
"""


def made_up(**fields: Any) -> Built:
    """A made-up city's first quarter."""
    return build(MadeUp(**fields), parse_period("2018-Q1"))


def document(**fields: Any) -> Document:
    """Its document."""
    return bulletin_document(made_up(**fields).bulletin, EDITION)


def named(name: str) -> Document:
    """One in which a unit has a name."""
    return document(overrides={("unit", unit_code(0)): {"name": name}})


def opened(written: bytes) -> Workbook:
    """A workbook read back."""
    return openpyxl.load_workbook(io.BytesIO(written))


def printed(written: bytes) -> str:
    """Text of a PDF."""
    return "".join(leaf.extract_text() for leaf in PdfReader(io.BytesIO(written)).pages)


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and text."""

    def __init__(self, written: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(written.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


def test_the_same_data_and_edition_make_the_same_bytes_in_another_process() -> None:
    """All files, those of the units too; hash seeds of two processes differ."""
    told = [
        subprocess.run([sys.executable, "-c", HASHES], capture_output=True, text=True, check=True, timeout=120).stdout for _ in range(2)
    ]
    assert told[0] == told[1]
    here = {name: hashlib.sha256(content).hexdigest() for name, content in render(made_up(), EDITION).items()}
    assert dict(line.split() for line in told[0].splitlines()) == here


@pytest.mark.parametrize("text", RISKY)
def test_text_that_begins_like_a_formula_is_quoted_text(text: str) -> None:
    """A unit's name comes from outside: it stays what it is, and stays text when the cell is edited or saved as CSV."""
    ranking = opened(workbook(named(text)))["单位排名"]
    cells = [cell for row in ranking.iter_rows() for cell in row if isinstance(cell.value, str) and unescape(cell.value) == text]
    assert [(cell.data_type, cell.quotePrefix) for cell in cells] == [("s", True)]


def test_a_title_that_begins_like_a_formula_is_quoted_text() -> None:
    """A bulletin of one unit has its name on the cover, in the title and among the facts."""
    document = unit_document("U1", "=1+1", [], [], period="2018", as_of="2018-04-01T00:00:00+08:00", edition=EDITION)
    cover = opened(workbook(document))["说明"]
    risky = [cell for row in cover.iter_rows() for cell in row if str(cell.value).startswith("=")]
    assert risky
    assert all((cell.data_type, cell.quotePrefix) == ("s", True) for cell in risky)


def test_a_units_workbook_says_on_which_assumptions_its_list_rests() -> None:
    """Due dates, and what is counted at all; not what only the score, and who is alerted, rest on."""
    of_score = {"policy.score.place": "item", "policy.backfill_age": "24h"}
    files = render(made_up(settings={"policy.deadline": "72h", "policy.count_vertical": True, **of_score}), EDITION)
    said = opened(files[f"units/{unit_code(0)}.xlsx"])["口径"]
    assert [[cell.value for cell in row] for row in said.iter_rows(min_row=2)] == [
        ["policy.count_vertical", "true"],
        ["policy.deadline", "72h"],
    ]


def test_no_cell_of_a_workbook_is_a_formula() -> None:
    """Nothing is left for the reader's program to compute or to fetch."""
    with zipfile.ZipFile(io.BytesIO(workbook(named("=1+1")))) as parts:
        sheets = [parts.read(name).decode() for name in parts.namelist() if "worksheets/sheet" in name]
        assert not any("externalLink" in name for name in parts.namelist())
    assert sheets
    assert not any("<f>" in sheet or "hyperlink" in sheet for sheet in sheets)


def test_numbers_are_numbers_and_times_are_times() -> None:
    """So that a reader can sum and sort; ratios are shown in percent, and none is a blank, not a zero."""
    book = opened(workbook(document(overrides={("unit", unit_code(0)): {"coverage": None, "coverage_due": None, "official": None}})))
    ranking = book["单位排名"]
    titles = [cell.value for cell in ranking[1]]
    first = dict(zip(titles, ranking[2], strict=True))
    assert isinstance(first["办结"].value, int)
    assert isinstance(first["覆盖率"].value, float)
    assert (first["办结"].number_format, first["覆盖率"].number_format) == ("#,##0", "0.00%")
    last = {title: cell.value for title, cell in zip(titles, ranking[ranking.max_row], strict=True)}
    assert (last["名次"], last["覆盖率"]) == (None, None)
    late = book["逾期归档"]
    due = next(cell for cell in late[2] if late.cell(1, cell.column).value == "归档时限")
    assert due.is_date


def test_a_workbook_shows_the_figures_that_page_and_paper_print() -> None:
    """Numbers are kept as they are, unless the reader's program would round one to a whole that it is not, or to a zero with a sign."""
    ratios = {"coverage": 99_997 / 100_000, "coverage_due": 473 / 800, "official": 1.00004, "divergence": -0.00004}
    built = document(overrides={("unit", unit_code(0)): {**ratios, "unarchived": 7, "closed": 400}})
    book = opened(workbook(built))
    for table in built.tables:
        for row, record in enumerate(table.rows, start=2):
            for at, column in enumerate(table.columns, start=1):
                cell = book[table.name].cell(row, at)
                if cell.value is not None and column.kind_in(record) in {"ratio", "points", "score", "days"}:
                    assert as_shown(cell.value, cell.number_format) == column.shown_in(record).replace("−", "-"), (table.name, column.key)
    (units,) = (table for table in built.tables if table.name == "单位排名")
    first = next(row for row, record in enumerate(units.rows, start=2) if record.scope == unit_code(0))
    places = {column.key: at for at, column in enumerate(units.columns, start=1)}
    kept = {name: book["单位排名"].cell(first, places[name]).value for name in ("coverage", "coverage_due")}
    assert kept == {"coverage": 0.9999, "coverage_due": 473 / 800}


def as_shown(value: float, number_format: str) -> str:
    """A number as a spreadsheet shows it, which looks at 15 digits and rounds halves up."""
    signs = ("+" if value > 0 else "") if number_format.startswith("+") else ""
    percent = number_format.endswith("%")
    places = number_format.partition(";")[0].rstrip("%").partition(".")[2]
    digits = Decimal(f"{value:.15g}").scaleb(2 if percent else 0)
    return f"{signs}{digits.quantize(Decimal(1).scaleb(-len(places)), ROUND_HALF_UP)}{'%' if percent else ''}"


def test_headers_are_frozen_and_filter() -> None:
    """On every sheet with a table, over all of its columns and rows."""
    book = opened(workbook(document()))
    for sheet in book.worksheets[1:]:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref is not None
        assert sheet.auto_filter.ref.startswith("A1:")


def test_the_workbook_has_every_row_of_every_table() -> None:
    """Page and paper show the first ones; the workbook is where all are."""
    bulletin = made_up(items_count=120, findings_count=600).bulletin
    book = opened(workbook(bulletin_document(bulletin, EDITION)))
    for table in tables(bulletin):
        assert book[table.name].max_row == len(table.rows) + 1, table.name


def test_the_page_refers_to_nothing_outside() -> None:
    """It opens from a stick: no address, no script, no font, no picture; and it forbids the browser to load any."""
    written = page(document())
    assert not re.search(rb"https?:|//[a-z]|@import|url\(", written)
    found = Page(written)
    assert not {"script", "link", "img", "iframe", "object"} & {tag for tag, _ in found.tags}
    assert any("default-src 'none'" in (values.get("content") or "") for tag, values in found.tags if tag == "meta")
    assert all((values.get("href") or "#").startswith("#") for _, values in found.tags)


def test_the_page_is_for_everybody() -> None:
    """Language, captions, headers with a scope, tables that a keyboard can scroll; what a chart shows is text beside it."""
    found = Page(page(document()))
    assert ("html", {"lang": "zh-CN"}) in found.tags
    count = sum(tag == "table" for tag, _ in found.tags)
    assert count == sum(tag == "caption" for tag, _ in found.tags) > 10
    assert all(values.get("scope") in {"col", "row"} for tag, values in found.tags if tag == "th")
    assert all(values.get("tabindex") == "0" for _, values in found.tags if values.get("class") == "scroll")
    assert all(values.get("aria-hidden") == "true" for tag, values in found.tags if tag == "svg")


def test_colours_are_strong_enough_to_read() -> None:
    """WCAG 2: 4.5 for text, 3 for what a chart is made of."""
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", page(document()).decode()))
    assert min(contrast(colours[name], "#ffffff") for name in ("ink", "soft")) >= 4.5
    assert min(contrast(colours[name], "#ffffff") for name in ("plain", "good", "late", "waiting", "bad")) >= 3


def test_names_cannot_break_out_of_the_page() -> None:
    """They are shown, not obeyed."""
    evil = "<script>alert(1)</script>\"'><b>"
    written = page(named(evil))
    assert b"<script" not in written
    assert evil in Page(written).text


def test_the_pdf_holds_chinese_text_in_an_embedded_font() -> None:
    """It can be read on a machine without Chinese fonts, searched, and kept: PDF/A-2a, tagged."""
    written = paper(document())
    text = printed(written)
    assert "单位排名" in text
    assert "未归档" in text
    read = PdfReader(io.BytesIO(written))
    fonts = [font["/DescendantFonts"][0]["/FontDescriptor"] for font in fonts_of(read)]
    assert fonts
    assert all("/FontFile2" in font or "/FontFile3" in font for font in fonts)
    catalogue: Any = read.trailer["/Root"]
    assert catalogue["/MarkInfo"]["/Marked"]
    assert b"pdfaid:part" in catalogue["/Metadata"].get_data()


@pytest.mark.parametrize("name", ["䶮山局", "\U00030edd局", "控制\x01字符", "😀局"])
def test_a_character_that_the_font_lacks_is_printed_as_missing(name: str) -> None:
    """A rare character in one name must not cost the whole bulletin, nor vanish unseen."""
    text = printed(paper(named(name)))
    assert MISSING in text
    assert "字库中没有的字" in text


def test_names_are_not_read_as_markup_by_the_typesetter() -> None:
    """They are shown as they are."""
    assert "#局*$_" in printed(paper(named("#局*$_"))).replace(" ", "")


def test_a_case_number_can_be_searched_in_the_pdf_and_a_longer_one_is_not_lost() -> None:
    """24 characters are whole; what is longer breaks into lines instead of running over the next column."""
    numbers = ["330100011017759100012686", "9" * 60]
    extra = [finding("ORPHAN_ARCHIVE", number, received_at="2018-03-01T10:00:00+08:00") for number in numbers]
    text = printed(paper(document(findings_count=0, extra_findings=extra)))
    assert numbers[0] in text
    assert text.count("9" * 24) >= 2


def test_a_machine_without_a_chinese_font_is_told_which_package_has_one() -> None:
    """Exit code 4, and what to install."""
    with pytest.raises(DependencyError, match=FONT_PACKAGE) as error:
        preferred(["DejaVu Sans"])
    assert error.value.exit_code == 4
    with pytest.raises(DependencyError):
        chinese_font(typst.Fonts(include_system_fonts=False))


@pytest.mark.slow
def test_a_whole_city_is_rendered_in_time() -> None:
    """300 units, all districts and 5,000 items, with the units' files, far below the 15 s of the goal on a machine at rest."""
    files = render(made_up(units=300, items_count=5_000, findings_count=6_000), EDITION)
    assert len(files) == 304


def fonts_of(read: PdfReader) -> list[Any]:
    """Fonts of all pages."""
    return [font.get_object() for leaf in read.pages for font in leaf["/Resources"]["/Font"].values()]  # type: ignore[index,attr-defined]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2)."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
