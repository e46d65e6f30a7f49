"""The bytes of an .xlsx -> its visible sheets. Formulas are never evaluated, nor are the results that Excel kept of them taken."""

from __future__ import annotations

import datetime as dt
import io
import logging
import re
import warnings
from collections.abc import Iterable, Iterator
from typing import IO, Any

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.numbers import is_date_format, is_timedelta_format
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.utils.escape import unescape
from openpyxl.worksheet._reader import WorkSheetParser
from openpyxl.xml.constants import SHARED_STRINGS, STYLES_TYPE

from ops.importing.codes import is_item_code, is_like_code
from ops.importing.formats import Style, as_shown, cell_styles, is_struck
from ops.importing.guard import check_workbook
from ops.importing.labels import label
from ops.importing.parts import elements
from ops.importing.sheet import LARGEST_COLUMNS, LARGEST_ROWS, LONGEST_TEXT, NotAValue, Place, Range, Sheet, Value, cell_name
from streams.errors import BadInputFile

logger = logging.getLogger(__name__)

_LAST_ROW, _LAST_COLUMN = 1_048_576, 16_384
_MOST_RANGES = 100_000
_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_READ = _ROW, _COLUMN, _ = f"{_MAIN}row", f"{_MAIN}col", f"{_MAIN}mergeCell"
_MOMENTS = (dt.datetime, dt.date, dt.time, dt.timedelta)
_FORMULA = NotAValue("公式 a formula")
_STRUCK = NotAValue("有删除线的文字：请删去，或去掉删除线 struck-out text: delete it, or take out the line")
_UNREADABLE = NotAValue("读不出的值 a value that cannot be read")
_WORKSHEET = "/worksheet"
_SPILLING = frozenset({"array", "dataTable"})
_NO_SIZE = re.compile(r"0+(?:\.0*)?")
_TRUE = frozenset({"1", "true"})
_CODES = re.compile(r".{0,6}(?:编码|代码|编号)(?:\([^)]*\))?|item_code")
"""The heading that each table has, as a cell of its own."""
_EXAMPLE = re.compile(r"示例|样表|样例|范例|范本|样本|模板|^\s*(?:填[报表写])?(?:说明|须知|要求)\s*$")
"""What a sheet is called that shows how to fill in another one."""


def workbook_sheets(raw: bytes, name: str) -> list[Sheet]:
    """Read the sheets that a person sees; it is told which were not read: hidden ones, with lists and last year's drafts, and examples.

    Parameters
    ----------
    raw
        The file.
    name
        How messages call it.

    Raises
    ------
    BadInputFile
        No workbook, a harmful or a broken one (:mod:`ops.importing.guard`), or one with more rows or columns than a form has.
    """
    check_workbook(raw, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what openpyxl leaves out when it *writes* is nothing to us
        try:
            return _Book(raw, name).sheets()
        except BadInputFile:
            raise
        except Exception as error:  # openpyxl raises whatever the XML leads it to
            raise BadInputFile(f"{name}: 工作簿已损坏 a broken workbook: {type(error).__name__}") from error


class _Book:
    """An open workbook, of which only cells, merged ranges, number formats and lines through text are read.

    Writers err in the rest, which Excel forgives.
    """

    def __init__(self, raw: bytes, name: str) -> None:
        self._name = name
        self._reader = ExcelReader(io.BytesIO(raw), read_only=True, keep_links=False)
        self._reader.read_manifest()
        self._reader.read_workbook()
        self._strings = self._shared_texts()
        self._texts: dict[str, str] = {}
        self._styles: list[Style] = []
        for styles in (part for part in self._reader.package.Override if part.ContentType == STYLES_TYPE):
            with self._reader.archive.open(styles.PartName[1:]) as part:
                self._styles = cell_styles(part)
        self._dates = {number for number, style in enumerate(self._styles) if is_date_format(style.code)}
        self._durations = {number for number in self._dates if is_timedelta_format(self._styles[number].code)}

    def _shared_texts(self) -> list[Any]:
        """Texts that cells refer to by their number, or what keeps them from being values."""
        texts: list[str | NotAValue] = []
        for table in (part for part in self._reader.package.Override if part.ContentType == SHARED_STRINGS):
            with self._reader.archive.open(table.PartName[1:]) as part:
                texts += (_text(element) for _, element in elements(part, f"{_MAIN}si"))
        return texts

    def sheets(self) -> list[Sheet]:
        """The sheets that are read."""
        found = [(sheet, part) for sheet, part in self._reader.parser.find_sheets() if part.Type.endswith(_WORKSHEET)]
        if len({part.target for _, part in found}) < len(found):  # as often as a small file likes
            raise BadInputFile(f"{self._name}: 工作簿已损坏 a broken workbook: 两个工作表是同一个 two of its sheets are one")
        visible = [(sheet, part) for sheet, part in found if sheet.state == "visible"]
        examples = [(sheet, part) for sheet, part in visible if _EXAMPLE.search(sheet.name)]
        self._tell("隐藏的工作表没有读 hidden sheets are not read", (sheet.name for sheet, _ in found if sheet.state != "visible"))
        own = [self._sheet(sheet.name, part.target) for sheet, part in visible if not _EXAMPLE.search(sheet.name)]
        if examples and not any(map(_is_table, own)):  # somebody filled in the example itself
            return own + [self._sheet(sheet.name, part.target) for sheet, part in examples]
        self._tell("示例工作表没有读 sheets of examples are not read", (sheet.name for sheet, _ in examples))
        return own

    def _sheet(self, title: str, target: str) -> Sheet:
        cells: dict[Place, Value] = {}
        merges: list[Range] = []
        spilled: list[Range] = []
        hidden_rows: list[str] = []
        hidden_columns: set[int] = set()
        rows = 0
        with self._reader.archive.open(target) as part:
            parser = self._parser(part)
            for _, element in elements(part, *_READ):
                if element.tag == _ROW:
                    held = self._row(parser, element, title)
                    rows += bool(held)
                    hidden_rows += [str(row) for row, _ in list(held)[:1] if _is_unseen(element, "ht")]
                    spilled += map(_range, _results(element))
                    cells.update(held)
                elif element.tag == _COLUMN:
                    hidden_columns.update(_hidden_columns(element))
                else:
                    merges.append(_range(element.attrib["ref"]))
                if rows > LARGEST_ROWS:
                    raise BadInputFile(f"{self._name} {title}: 有内容的行超过 more than {LARGEST_ROWS:,} rows with content")
                if len(merges) > _MOST_RANGES:
                    raise BadInputFile(f"{self._name} {title}: 合并单元格超过 more than {_MOST_RANGES:,} merged ranges")
                if len(spilled) > _MOST_RANGES:
                    raise BadInputFile(f"{self._name} {title}: 数组公式超过 more than {_MOST_RANGES:,} array formulas")
        if spilled:
            results = Sheet(title, {}, spilled)
            cells = {place: _FORMULA if results.range_of(place) else value for place, value in cells.items()}
        self._tell(f"{title}: 隐藏的行也读了 hidden rows are read too", hidden_rows)
        held_columns = sorted(hidden_columns & {column for _, column in cells})
        self._tell(f"{title}: 隐藏的列也读了 hidden columns are read too", map(get_column_letter, held_columns))
        return Sheet(title, cells, merges, frozenset(hidden_columns))

    def _parser(self, part: IO[bytes]) -> WorkSheetParser:
        """Makes values of cells; formulas, which it would take apart, are left to :meth:`_value`."""
        return _Cells(
            part,
            self._strings,
            data_only=True,
            epoch=self._reader.wb.epoch,
            date_formats=self._dates,
            timedelta_formats=self._durations,
        )

    def _row(self, parser: WorkSheetParser, element: Any, title: str) -> dict[Place, Value]:
        """The cells of a row that hold something."""
        if len(element) > _LAST_COLUMN:
            raise BadInputFile(f"{self._name} {title}: 一行里的单元格过多 too many cells in a row")
        _, cells = parser.parse_row(element)
        parser.row_dimensions.clear()  # it keeps the height of each row
        held: dict[Place, Value] = {}
        for tag, cell in zip(element, cells, strict=True):
            style = self._styles[cell["style_id"]] if cell["style_id"] < len(self._styles) else Style()
            value = self._value(cell, style, is_formula=tag.find(f"{_MAIN}f") is not None)
            if value == "":
                continue
            if style.is_struck:
                value = _STRUCK
            row, column = cell["row"], cell["column"]
            if not 1 <= row <= _LAST_ROW:
                raise BadInputFile(f"{self._name} {title}: 没有这样的行 no such row: {row}")
            if column > LARGEST_COLUMNS:
                told = f"{cell_name((row, column))} 有内容，列数超过 content beyond column {LARGEST_COLUMNS}"
                raise BadInputFile(f"{self._name} {title}: {told}")
            if isinstance(value, str) and len(value) > LONGEST_TEXT:
                told = f"{cell_name((row, column))} 的文字超过 more than {LONGEST_TEXT:,} characters in a cell"
                raise BadInputFile(f"{self._name} {title}: {told}")
            held[row, column] = value
        return held

    def _value(self, cell: Any, style: Style, *, is_formula: bool) -> Value:
        value = cell["value"]
        if is_formula:
            return _FORMULA
        if cell["data_type"] == "e":
            return NotAValue("错误值 an error value")
        if isinstance(value, _MOMENTS):
            return NotAValue("日期格式的值 a date", _day(value))
        if value is None or isinstance(value, str):
            return self._text(value or "")
        return value if isinstance(value, bool | NotAValue) else as_shown(value, style.code)

    def _text(self, value: str) -> str:
        """A text as a person sees it, made once, however many cells share it: a file that says it once would else fill the machine."""
        text = self._texts.get(value)
        if text is None:
            text = self._texts[value] = unescape(value).replace("\r\n", "\n").strip()
        return text

    def _tell(self, what: str, names: Iterable[str]) -> None:
        """Tell the person who imports; nothing of a file is left out unseen."""
        if listed := ", ".join(names):
            logger.warning("%s: %s: %s", self._name, what, listed)


class _Cells(WorkSheetParser):
    """Cells one by one. Text that stands within one is read here: openpyxl would look at its fonts, and fail at wrong ones."""

    def parse_cell(self, element: Any) -> Any:
        """Give value, type and style of a cell."""
        inline, written = element.find(f"{_MAIN}is"), element.find(f"{_MAIN}v")
        if element.get("t") == "inlineStr" and inline is not None:
            element.remove(inline)
            return super().parse_cell(element) | {"value": _text(inline), "data_type": "s"}
        try:
            return super().parse_cell(element)
        except (ValueError, IndexError):  # ``1,019``, or a shared text that is not there
            if written is None:
                raise
            element.remove(written)
            return super().parse_cell(element) | {"value": _UNREADABLE}


def _text(element: Any) -> str | NotAValue:
    """What a text says, in one piece or in runs of different fonts; how it is pronounced (``rPh``) is no part of it.

    A text of which a part has a line through it says two things, and so does a number with a raised one behind it.
    """
    pieces = [piece.text or "" for piece in element.findall(f"{_MAIN}t")]
    last, was_raised = "", False
    for run in element.findall(f"{_MAIN}r"):
        font = run.find(f"{_MAIN}rPr")
        if not (piece := "".join(each.text or "" for each in run.findall(f"{_MAIN}t"))):
            continue
        if font is not None and piece.strip() and is_struck(font):
            return _STRUCK
        is_raised = font is not None and font.find(f"{_MAIN}vertAlign") is not None
        if is_raised is not was_raised and last.isdigit() and piece[0].isdigit():
            return NotAValue("数字紧接上标或下标 a number with a raised or lowered one beside it")
        pieces.append(piece)
        last, was_raised = piece[-1], is_raised
    return "".join(pieces)


def _is_table(sheet: Sheet) -> bool:
    """Whether a sheet has the heading that each table has, or a code: one that is empty or holds notes has neither."""
    return any(_CODES.fullmatch(label(value)) or is_item_code(value) or is_like_code(value) for value in sheet.cells.values())


def _is_unseen(element: Any, size: str) -> bool:
    """Whether a row or a column is hidden, or drawn together until nothing is left of it."""
    return element.get("hidden") in _TRUE or _NO_SIZE.fullmatch(element.get(size, "")) is not None


def _results(row: Any) -> Iterator[str]:
    """Ranges into which formulas of a row put their results; only their first cell holds the formula."""
    for formula in row.iterfind(f"{_MAIN}c/{_MAIN}f"):
        if formula.get("t") in _SPILLING and ":" in (reference := formula.get("ref", "")):
            yield reference


def _hidden_columns(element: Any) -> range:
    """Columns of a ``col`` where it hides them, as far as any content is read."""
    if not _is_unseen(element, "width"):
        return range(0)
    return range(max(1, int(element.get("min"))), min(int(element.get("max")), LARGEST_COLUMNS) + 1)


def _day(moment: dt.datetime | dt.date | dt.time | dt.timedelta) -> str:
    """A date as ISO writes it, with its time only where there is one."""
    if isinstance(moment, dt.timedelta):
        return str(moment)
    if isinstance(moment, dt.datetime) and moment.time() == dt.time():
        return moment.date().isoformat()
    return moment.isoformat()


def _range(reference: str) -> Range:
    """``A1:B2`` as numbers; A:C, which nobody writes, has no rows."""
    first_column, first_row, last_column, last_row = (bound or 0 for bound in range_boundaries(reference))
    return first_row, first_column, last_row, last_column
