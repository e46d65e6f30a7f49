"""A .csv or .jsonl file -> records ready for the codec, or the rows that cannot be.

One bad row costs one row: a stray quotation mark that swallows what follows is undone at the row where it stands.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ops.publish.encodings import is_mixed, text_codec
from ops.publish.fields import Unreadable, fields_of, heading_shown, read_object, shown
from ops.publish.json_text import BadJson, load_json
from streams.errors import BadInputFile

_LARGEST_CELL = 16 << 20
SUFFIXES = (".csv", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that did not go in.

    Parameters
    ----------
    line
        Number of its first line in the file, from 1.
    column
        Empty where the whole row is meant.
    found, expected
        Never a title or a name.
    """

    line: int
    column: str
    found: str
    expected: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row that can go in, and its line in the file."""

    line: int
    record: dict[str, Any]


class RowReader:
    """Iterates over the rows of one file.

    Parameters
    ----------
    file
        Opened for reading bytes, at its beginning; it must be seekable, since its encoding is settled before the first row.
    name
        How messages call it; its suffix says what it is.
    encoding
        ``utf-8`` (with or without BOM), ``gbk`` or ``gb18030``.

    Raises
    ------
    BadInputFile
        The file as a whole cannot be read: its suffix, its encoding, its columns. Nothing of it has gone in then.
    """

    def __init__(self, topic: str, file: IO[bytes], name: str, encoding: str = "utf-8") -> None:
        self.bytes_read = 0
        self._name = name
        self._file = file
        self._fields = fields_of(topic)
        self._suffix = Path(name).suffix.lower()
        if self._suffix not in SUFFIXES:
            raise BadInputFile(f"{name}: 只认 only {' / '.join(SUFFIXES)}")
        self._codec = text_codec(encoding)
        self._mixed = is_mixed(file, name, self._codec)
        self._lines = _Lines(self._decoded())
        self._columns = self._header() if self._suffix == ".csv" else []

    def __iter__(self) -> Iterator[Row | BadRow]:
        return self._csv_rows() if self._suffix == ".csv" else self._json_rows()

    def _decoded(self) -> Iterator[str]:
        codec, errors = self._codec, "surrogateescape" if self._mixed else "strict"
        for raw in self._file:
            self.bytes_read += len(raw)
            yield raw.decode(codec, errors).removeprefix("\ufeff") if self.bytes_read == len(raw) else raw.decode(codec, errors)

    def _header(self) -> list[str]:
        csv.field_size_limit(_LARGEST_CELL)
        try:
            columns = [column.strip() for column in next(csv.reader(self._lines, strict=True), [])]
        except csv.Error as error:
            raise BadInputFile(f"{self._name}: 表头读不出 the header cannot be read: {error}") from error
        columns = _without_empty_end(columns, 0)
        if not columns:
            raise BadInputFile(f"{self._name}: 空文件，缺表头 empty, without a header; columns: {', '.join(self._fields)}")
        known = [column for column in columns if column in self._fields]
        if 2 * len(known) < sum(map(bool, columns)):  # nothing of it is told: it may be a row, with an applicant's name in it
            raise BadInputFile(
                f"{self._name}: 第一行不是表头，或多数列名不认得 the first line is no header, or most of its columns are unknown。"
                f"什么也没有发布 nothing was published. 可用 columns: {', '.join(self._fields)}"
            )
        faults = [
            ("重复的列 columns named twice", sorted({column for column in columns if columns.count(column) > 1})),
            ("未知的列 unknown columns", [column for column in columns if column not in self._fields]),
            ("缺少的列 missing columns", [name for name, field in self._fields.items() if field.required and name not in columns]),
        ]
        if found := "；".join(f"{what}: {', '.join(map(heading_shown, names))}" for what, names in faults if names):
            raise BadInputFile(f"{self._name}: {found}。什么也没有发布 nothing was published. 可用 columns: {', '.join(self._fields)}")
        return columns

    def _csv_rows(self) -> Iterator[Row | BadRow]:
        lines, columns = self._lines, self._columns
        read = [(field.name, field.required, field.from_text) for field in map(self._fields.__getitem__, columns) if field.from_text]
        reader = csv.reader(lines, strict=True)
        while True:
            line = lines.begin_row()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                lines.keep_first_only()
                reader = csv.reader(lines, strict=True)
                yield BadRow(line, "", f"CSV: {error}", "引号成对的一行 a row whose quotation marks pair")
                continue
            if not any(map(str.strip, cells)):
                continue
            cells = _without_empty_end(cells, len(columns))
            if len(cells) != len(columns):
                lines.keep_first_only()
                yield BadRow(line, "", f"{len(cells)} 列 columns", f"{len(columns)} 列 columns")
                continue
            bad = self._unfit(line, columns, cells)
            if bad:
                yield bad
                continue
            record: dict[str, Any] = dict(zip(columns, cells, strict=True))
            for name, required, from_text in read:
                text = record[name]
                if text == "" and not required:
                    del record[name]
                    continue
                try:
                    record[name] = from_text(text)
                except Unreadable as error:
                    bad = BadRow(line, name + error.inside, error.found, error.expected)
                    break
            yield bad or Row(line, record)

    def _unfit(self, line: int, columns: list[str], cells: list[str]) -> BadRow | None:
        """Text that no consumer could hold: NUL, and bytes that are no character."""
        whole = "".join(cells)
        if "\0" in whole:
            return BadRow(line, _first(columns, cells, "\0"), "NUL 字符 a NUL character", "文本 text")
        if self._mixed:
            for column, cell in zip(columns, cells, strict=True):
                if any("\udc80" <= letter <= "\udcff" for letter in cell):
                    return BadRow(line, column, f"不是 bytes that are not {self._codec}", f"{self._codec} 文本 text")
        return None

    def _json_rows(self) -> Iterator[Row | BadRow]:
        for text in self._lines:
            line = self._lines.begin_row() - 1
            if not text.strip():
                continue
            try:
                value = load_json(text)
            except BadJson as error:
                yield BadRow(line, "", f"JSON: {error}", "一个 JSON 对象 one JSON object")
                continue
            yield self._json_row(line, value, nul="\\u0000" in text)

    def _json_row(self, line: int, value: Any, *, nul: bool) -> Row | BadRow:
        if not isinstance(value, dict):
            return BadRow(line, "", shown(value), "一个 JSON 对象 one JSON object")
        try:
            record = read_object(value, self._fields)
        except Unreadable as error:
            return BadRow(line, error.inside, error.found, error.expected)
        if nul and (column := next((name for name, each in record.items() if isinstance(each, str) and "\0" in each), "")):
            return BadRow(line, column, "NUL 字符 a NUL character", "文本 text")
        return Row(line, record)


class _Lines:
    """Lines of a file, of which those behind the first of a row can be given back."""

    def __init__(self, source: Iterator[str]) -> None:
        self._source = source
        self._given_back: deque[str] = deque()
        self._row: list[str] = []
        self._taken = 0

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._given_back.popleft() if self._given_back else next(self._source)
        self._taken += 1
        self._row.append(line)
        return line

    def begin_row(self) -> int:
        """Number of the line that comes next."""
        self._row.clear()
        return self._taken + 1

    def keep_first_only(self) -> None:
        """Give back every line of the row but its first."""
        behind = self._row[1:]
        self._taken -= len(behind)
        self._given_back.extendleft(reversed(behind))


def _first(columns: list[str], cells: list[str], letter: str) -> str:
    return next(column for column, cell in zip(columns, cells, strict=True) if letter in cell)


def _without_empty_end(cells: list[str], fewest: int) -> list[str]:
    """The cells without the empty ones that a spreadsheet writes behind the last column."""
    end = len(cells)
    while end > fewest and not cells[end - 1].strip():
        end -= 1
    return cells[:end]
