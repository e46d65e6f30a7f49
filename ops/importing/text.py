"""The bytes of a .csv -> one sheet; of a .jsonl -> its objects."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import orjson

from ops.importing.sheet import LARGEST_COLUMNS, LARGEST_ROWS, Sheet
from ops.publish.encodings import is_mixed, text_codec
from streams.errors import BadInputFile


def csv_sheet(raw: bytes, name: str, encoding: str) -> Sheet:
    """Read a sheet saved as text; rows are counted as a spreadsheet shows them, not by lines.

    Raises
    ------
    BadInputFile
        Another encoding, quotation marks that do not pair, too many rows or columns.
    """
    cells = {}
    reader = csv.reader(io.StringIO(_decoded(raw, name, encoding), newline=""), strict=True)
    try:
        for row, texts in enumerate(reader, start=1):
            if row > LARGEST_ROWS:
                raise BadInputFile(f"{name}: 行数超过 more than {LARGEST_ROWS:,} rows")
            if len(texts) > LARGEST_COLUMNS:
                raise BadInputFile(f"{name}: 第 {row} 行的列数超过 row {row} has more than {LARGEST_COLUMNS} columns")
            cells.update({(row, column): text.strip() for column, text in enumerate(texts, start=1) if text.strip()})
    except csv.Error as error:
        raise BadInputFile(f"{name}: 第 {reader.line_num} 行附近 CSV 读不出 cannot be read near line {reader.line_num}: {error}") from error
    return Sheet("", cells)


def json_lines(raw: bytes, name: str, encoding: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object.

    Raises
    ------
    BadInputFile
        Another encoding, a line that is no JSON object, too many lines.
    """
    for number, line in enumerate(_decoded(raw, name, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        if number > LARGEST_ROWS:
            raise BadInputFile(f"{name}: 行数超过 more than {LARGEST_ROWS:,} lines")
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise BadInputFile(f"{name}: 第 {number} 行不是 JSON line {number} is no JSON: {error.msg}") from error
        if not isinstance(value, dict):
            raise BadInputFile(f"{name}: 第 {number} 行不是 JSON 对象 line {number} is no JSON object")
        yield number, value


def _decoded(raw: bytes, name: str, encoding: str) -> str:
    codec = text_codec(encoding)
    if is_mixed(io.BytesIO(raw), name, codec):
        raise BadInputFile(f"{name}: 有的行不是 {codec.upper()} 编码 some lines are not in {codec.upper()}")
    return raw.decode(codec).removeprefix("\ufeff")
