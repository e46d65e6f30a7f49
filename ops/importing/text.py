"""The bytes of a .csv -> one sheet; of a .jsonl -> its objects."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any

from ops.importing.sheet import LARGEST_COLUMNS, LARGEST_ROWS, Place, Sheet, Value, cell_name
from ops.publish.encodings import is_mixed, text_codec
from ops.publish.json_text import BadJson, load_json
from streams.errors import BadInputFile

_CODE = re.compile("编码|代码|编号|item_code")
"""A heading that each table has."""
_DELIMITERS = {"\t": "制表符 a tab", ";": "分号 a semicolon", "；": "全角分号 a full-width semicolon", "，": "全角逗号 a full-width comma"}


def csv_sheet(raw: bytes, name: str, encoding: str) -> Sheet:
    """Read a sheet saved as text; rows are counted as a spreadsheet shows them, not by lines.

    Raises
    ------
    BadInputFile
        Another encoding, quotation marks that do not pair, too many rows or columns with content.
    """
    cells: dict[Place, Value] = {}
    rows = 0
    reader = csv.reader(io.StringIO(_decoded(raw, name, encoding), newline=""), strict=True)
    try:
        for row, texts in enumerate(reader, start=1):
            held = {(row, column): text.strip() for column, text in enumerate(texts, start=1) if text.strip()}
            rows += bool(held)
            if rows > LARGEST_ROWS:
                raise BadInputFile(f"{name}: 有内容的行超过 more than {LARGEST_ROWS:,} rows with content")
            if held and max(held) > (row, LARGEST_COLUMNS):
                raise BadInputFile(f"{name}: {cell_name(max(held))} 有内容，列数超过 content beyond column {LARGEST_COLUMNS}")
            cells.update(held)
    except csv.Error as error:
        raise BadInputFile(f"{name}: 第 {reader.line_num} 行附近 CSV 读不出 cannot be read near line {reader.line_num}: {error}") from error
    sheet = Sheet("", cells)
    if other := _delimiter(sheet):
        raise BadInputFile(f"{name}: 列之间是{other}: 请以逗号分隔另存 save it with commas between the columns")
    return sheet


def _delimiter(sheet: Sheet) -> str:
    """What stands between columns where commas do not, if anything does: the headings tell, since other texts have commas in them."""
    rows = [[str(sheet.own((row, column))) for column in columns] for row, columns in sheet.rows.items()]
    headings = max((texts for texts in rows if any(map(_CODE.search, texts))), key=len, default=[])
    if not headings and any(len(texts) > 1 for texts in rows):
        return ""
    looked_at = "".join(headings or chain.from_iterable(rows))
    return next((called for mark, called in _DELIMITERS.items() if looked_at.count(mark) >= max(1, len(headings))), "")


def json_lines(raw: bytes, name: str, encoding: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield line number and object.

    Raises
    ------
    BadInputFile
        Another encoding, a line that is no JSON object or has a field twice, too many lines.
    """
    for number, line in enumerate(_decoded(raw, name, encoding).split("\n"), start=1):
        if not line.strip():
            continue
        if number > LARGEST_ROWS:
            raise BadInputFile(f"{name}: 行数超过 more than {LARGEST_ROWS:,} lines")
        try:
            value = load_json(line)
        except BadJson as error:
            raise BadInputFile(f"{name}: 第 {number} 行的 JSON 读不出 the JSON of line {number} cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise BadInputFile(f"{name}: 第 {number} 行不是 JSON 对象 line {number} is no JSON object")
        yield number, value


def _decoded(raw: bytes, name: str, encoding: str) -> str:
    codec = text_codec(encoding)
    if is_mixed(io.BytesIO(raw), name, codec):
        raise BadInputFile(f"{name}: 有的行不是 {codec.upper()} 编码 some lines are not in {codec.upper()}")
    return raw.decode(codec).removeprefix("\ufeff")
