"""Which column of 附件1 is which: by its heading, wherever it stands, in one row or over several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from ops.importing.labels import label
from ops.importing.sheet import Place, Sheet, cell_name
from streams.errors import BadInputFile

Columns = Mapping[str, int]
"""Heading -> its column."""

_ELSE = r"(?!.*(?:[半季月均]|(?<!\d)(?!(?:20)?17(?!\d))\d|(?<!除)(?<!除去|不含|不计)(?<!不包含|不包括)测试))"
"""What a count of 2017 does not say: another year, part of a year, or that test cases are in it (填报说明 3)."""
_CASES = "办件(?:总?量|总?数量?)"
_OF_2017 = rf"2017年?度?(?:实际|全年|真实)?{_CASES}"
_WITHOUT_TESTS = r"\([^)]*(?:不含|不计|不包[含括]|[剔去]除|除去)测试[^)]*\)"
_HARMLESS = "(?:(?:单位:)?件次?|2017(?:年度?)?|17年度?|必填|真实办件量?|(?:不含|去除|剔除)测试(?:办?件|数据)?(?:后的?真实办件量?)?)"
"""What a heading without a year may say in brackets: anything else could make it another count."""


def _worded(exact: str, loose: str = "") -> tuple[str, ...]:
    """A heading, the same with something in brackets, and what else may be it."""
    return (exact, rf"(?:{exact})\([^)]*\)", loose) if loose else (exact, rf"(?:{exact})\([^)]*\)")


_HEADINGS = {
    "main_name": ("主项名称", _worded(r"(?:权力事项)?主项名称")),
    "main_code": ("主项编码", _worded(r"(?:权力事项)?主项(?:编码|代码|编号)")),
    "sub_name": ("子项名称", _worded(r"(?:权力事项)?子项名称")),
    "sub_code": ("子项编码", _worded(r"(?:权力事项)?子项(?:编码|代码|编号)")),
    "build_mode": ("建设模式", _worded("建设模式", "建设模式[^:]*")),
    "count": (
        "2017年办件量",
        (
            _ELSE + _OF_2017 + _WITHOUT_TESTS,
            *_worded(_ELSE + _OF_2017),
            rf"{_ELSE}(?:{_OF_2017}(?:\([^)]*\))+|年?度?{_CASES}(?:\({_HARMLESS}(?:[,、;]{_HARMLESS})*\))*)",
        ),
    ),
    "plan_year": ("归档计划", _worded("归档计划", "归档计划[^:]*")),
    "archiving_mode": ("归档方式", _worded("归档方式", "归档方式[^:]*")),
    "note": ("备注", _worded("备注", "备注[^:]*")),
}
"""Heading -> how messages call it; what it says, the best first: where two columns may be it, that one is read.

A count is that of 2017 only, and one without test cases says it best (填报说明 3).
"""
_PATTERNS = {heading: tuple(map(re.compile, patterns)) for heading, (_, patterns) in _HEADINGS.items()}
NAMES = tuple(name for name, _ in _HEADINGS.values())[:-1]
"""The headings that must be there; only 备注 need not."""
_CODE = re.compile("编码|代码|编号")
_OTHER_YEAR = re.compile(r"(?!(?:20)?17年)(?:(?:20)?\d\d|[上去前今本]|近.{1,2})年度?")
_FEWEST_BESIDE_CODE = 3


@dataclass(frozen=True, slots=True)
class Headings:
    """The headings of one table.

    Parameters
    ----------
    columns
        What the columns are.
    last
        Their last row.
    titles
        What a column is called -> which it is, those that are not read, too.
    words
        All that stands in their rows, such as the groups of the headings.
    width
        Last column that has one.
    beside
        Columns over which a heading that is read is merged besides its own, and that have none of their own.
    """

    columns: Columns
    last: int
    titles: Mapping[str, int]
    words: frozenset[str]
    width: int
    beside: frozenset[int]

    def come_again(self, sheet: Sheet, row: int) -> bool:
        """Whether a row holds nothing but headings, as the upper ones of a new page: an item's cells say something else."""
        texts = [label(sheet.own((row, column))) for column in sheet.rows[row]]
        return len(texts) > 1 and all(text in self.words or _ranks(text) for text in texts)


def find_headings(sheet: Sheet, row: int, name: str, *, below: int) -> Headings | None:
    """The headings where this is their row (the lower one, where there are two, or the one with the code of the main item), else None.

    Lists of what the fields mean have a heading or two in a row as well.

    Parameters
    ----------
    below
        Last row that belongs to something else, above which no heading of this row can stand.

    Raises
    ------
    BadInputFile
        It is, and some are missing or there twice, a column that is hidden says it better than one that is not, or a heading has
        others below it.
    """
    if not any(_CODE.search(label(sheet.own((row, column)))) for column in sheet.rows[row]):
        return None
    if not any("main_code" in _ranks(text) for _, text in _titles(sheet, row) if _CODE.search(text)):
        return None
    titles = _all_titles(sheet, row, below)
    claims = _claims(titles)
    if len(claims.keys() - {"main_code"}) < _FEWEST_BESIDE_CODE:
        return None
    if _missing(claims) and row + 1 in sheet.rows:  # some may stand below, under the heading of their group
        lower = _all_titles(sheet, row + 1, below)
        if not _missing(_claims(lower)):
            row, titles, claims = row + 1, lower, _claims(lower)
    where = f"{name} {sheet.name} 第 {row} 行表头 headings in row {row}".replace("  ", " ")
    found = {heading: {column for column, rank in ranks.items() if rank == min(ranks.values())} for heading, ranks in claims.items()}
    if unseen := [heading for heading, columns in found.items() if columns & sheet.hidden and claims[heading].keys() - sheet.hidden]:
        cells = ", ".join(cell_name((row, column)) for heading in unseen for column in sorted(claims[heading]))
        raise BadInputFile(f"{where}: 隐藏的列与可见的列标题相同 a hidden and a visible column with the same heading: {cells}")
    if twice := [cell_name((row, column)) for columns in found.values() if len(columns) > 1 for column in sorted(columns)]:
        raise BadInputFile(f"{where}: 同一列标题出现两次 the same heading twice: {', '.join(twice)}")
    if missing := _missing(claims):
        others = sorted({column for column, text in _titles(sheet, row) if "办件" in text}) if "2017年办件量" in missing else []
        told = f"；不是它 not taken for it: {', '.join(cell_name((row, column)) for column in others)}" if others else ""
        raise BadInputFile(f"{where}: 缺少列 columns missing: {' '.join(missing)}{told}")
    columns = {heading: min(columns) for heading, columns in found.items()}
    rows = range(max(below, row - 3) + 1, row + 1)
    if further := _further(sheet, rows, columns):
        told = "标题之下另有标题，不知读哪一列 headings below a heading, and no telling which is meant"
        raise BadInputFile(f"{where}: {told}: {', '.join(map(cell_name, further))}")
    held = [(above, column) for above in rows for column in sheet.rows.get(above, ())]
    words = frozenset(label(sheet.own(place)) for place in held) - {""}
    width = max([*columns.values(), *(column for _, column in held)])
    beside = frozenset(_merged_beside(sheet, rows, columns)) - {column for _, column in held}
    return Headings(columns, row, {text: column for column, text in reversed(titles)}, words, width, beside)


def _merged_beside(sheet: Sheet, rows: range, columns: Columns) -> Iterator[int]:
    """Columns behind those of the headings that are read over which these are merged; a note harms nobody."""
    for heading, column in columns.items():
        for place in ((row, column) for row in rows if heading != "note" and heading in _ranks(label(sheet.own((row, column))))):
            if merged := sheet.range_of(place):
                yield from range(column + 1, merged[3] + 1)


def _missing(claims: Mapping[str, object]) -> list[str]:
    """Names of the headings that must be there, and are not."""
    return [title for title, heading in zip(NAMES, _HEADINGS, strict=False) if heading not in claims]


def _further(sheet: Sheet, rows: range, columns: Columns) -> list[Place]:
    """Headings right below those of a table, such as 2016年 and 2017年 below one 办件量."""
    row = rows.stop
    if any(sheet.own((row, columns[heading])) != "" for heading in ("main_name", "main_code")):
        return []  # an item, or numbers of the columns
    headed = sorted({column for above in rows for column in sheet.rows.get(above, ())})
    for column in columns.values():
        end = next((other for other in headed if other > column), column + 1)
        under = [(row, held) for held in sheet.rows.get(row, ()) if column <= held < end]
        if len(under) > 1:
            return under
    year = (row, columns["count"])
    return [year] if _OTHER_YEAR.fullmatch(label(sheet.own(year)).strip("()")) else []


def _claims(titles: Iterable[tuple[int, str]]) -> dict[str, dict[int, int]]:
    """Heading -> columns that may be it, and how well each says it."""
    claims: dict[str, dict[int, int]] = {}
    for column, text in titles:
        for heading, rank in _ranks(text).items():
            ranks = claims.setdefault(heading, {})
            ranks[column] = min(rank, ranks.get(column, rank))
    return claims


@lru_cache(maxsize=4096)
def _ranks(text: str) -> dict[str, int]:
    """Headings that a text may be, and how well it says each."""
    fits = {heading: [bool(pattern.fullmatch(text)) for pattern in patterns] for heading, patterns in _PATTERNS.items()}
    return {heading: fit.index(True) for heading, fit in fits.items() if any(fit)}


def _all_titles(sheet: Sheet, row: int, below: int) -> list[tuple[int, str]]:
    """Columns and what they are called in a row, or above it and below another one."""
    return [*_titles(sheet, row), *_titles_above(sheet, row, [up for up in (row - 1, row - 2) if up > below])]


def _titles(sheet: Sheet, row: int) -> Iterator[tuple[int, str]]:
    """Columns and what they are called in a row: by the cell alone, and under the heading of its group (主项 over 名称)."""
    group = ""
    for column in sorted({*sheet.rows[row], *sheet.rows.get(row - 1, ())}):
        group = label(sheet.own((row - 1, column))).removesuffix("信息") or group
        if text := label(sheet.own((row, column))):
            if not _is_of_another_year(sheet, row, column, text):
                yield column, text
            yield column, group + text


def _titles_above(sheet: Sheet, row: int, above: list[int]) -> Iterator[tuple[int, str]]:
    """Columns that have nothing in a row, and what they are called above it: their heading is merged down into the row."""
    taken = {*sheet.rows[row]}
    for up in above:
        for column in (column for column in sheet.rows.get(up, ()) if column not in taken):
            merged = sheet.range_of((up, column))
            if merged is None or merged[1] == merged[3]:  # else a group, or the title of the form
                taken.add(column)
                text = label(sheet.own((up, column)))
                if not _is_of_another_year(sheet, up, column, text):
                    yield column, text


def _is_of_another_year(sheet: Sheet, row: int, column: int, text: str) -> bool:
    """Whether a heading of a count stands under 2018年 or 上年."""
    return "count" in _ranks(text) and _OTHER_YEAR.fullmatch(label(sheet.own(sheet.origin((row - 1, column))))) is not None
