"""Which column of 附件1 is which: by its heading, wherever it stands, in one row or over several."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache

from ops.importing.labels import label
from ops.importing.sheet import Sheet, cell_name
from streams.errors import BadInputFile

Columns = Mapping[str, int]
"""Heading -> its column."""

_HEADINGS = {
    "main_name": ("主项名称", r"(?:权力事项)?主项名称", ""),
    "main_code": ("主项编码", r"(?:权力事项)?主项(?:编码|代码|编号)", ""),
    "sub_name": ("子项名称", r"(?:权力事项)?子项名称", ""),
    "sub_code": ("子项编码", r"(?:权力事项)?子项(?:编码|代码|编号)", ""),
    "build_mode": ("建设模式", "建设模式", "建设模式[^:]*"),
    "count": (
        "2017年办件量",
        "2017年?度?(?:实际|全年|真实)?办件(?:总?量|总?数量?)",
        r"(?!.*20(?!17)\d\d)(?:(?:2017)?年?度?)办件总?(?:量|数(?!据))[^:]*",
    ),
    "plan_year": ("归档计划", "归档计划", "归档计划[^:]*"),
    "archiving_mode": ("归档方式", "归档方式", "归档方式[^:]*"),
    "note": ("备注", "备注", "备注[^:]*"),
}
"""Heading -> how messages call it; what it says; what it may say where no other column says it better. A count is that of 2017 only."""
_PATTERNS = {
    heading: tuple(re.compile(pattern) for pattern in (exact, rf"(?:{exact})\([^)]*\)", loose) if pattern)
    for heading, (_, exact, loose) in _HEADINGS.items()
}
NAMES = tuple(name for name, _, _ in _HEADINGS.values())[:-1]
"""The headings that must be there; only 备注 need not."""
_CODE = re.compile("编码|代码|编号")
_FEWEST_BESIDE_CODE = 3


def find_columns(sheet: Sheet, row: int, name: str, *, below: int) -> Columns | None:
    """Columns by heading where this is the row of headings (the lower one, where there are two), else None.

    Lists of what the fields mean have a heading or two in a row as well.

    Parameters
    ----------
    below
        Last row that belongs to something else, above which no heading of this row can stand.

    Raises
    ------
    BadInputFile
        It is, and some are missing or there twice.
    """
    if not any(_CODE.search(label(sheet.own((row, column)))) for column in sheet.rows[row]):
        return None
    if not any("main_code" in _ranks(text) for _, text in _titles(sheet, row) if _CODE.search(text)):
        return None
    above = [up for up in (row - 1, row - 2) if up > below]
    found = _candidates([*_titles(sheet, row), *_titles_above(sheet, row, above)])
    if len(found.keys() - {"main_code"}) < _FEWEST_BESIDE_CODE:
        return None
    where = f"{name} {sheet.name} 第 {row} 行表头 headings in row {row}".replace("  ", " ")
    if twice := [cell_name((row, column)) for columns in found.values() if len(columns) > 1 for column in sorted(columns)]:
        raise BadInputFile(f"{where}: 同一列标题出现两次 the same heading twice: {', '.join(twice)}")
    if missing := [title for title, heading in zip(NAMES, _HEADINGS, strict=False) if heading not in found]:
        raise BadInputFile(f"{where}: 缺少列 columns missing: {' '.join(missing)}")
    return {heading: min(columns) for heading, columns in found.items()}


def _candidates(titles: Iterable[tuple[int, str]]) -> dict[str, set[int]]:
    """Columns of each heading: those that say it best."""
    ranked: dict[str, dict[int, set[int]]] = {}
    for column, text in titles:
        for heading, rank in _ranks(text).items():
            ranked.setdefault(heading, {}).setdefault(rank, set()).add(column)
    return {heading: by_rank[min(by_rank)] for heading, by_rank in ranked.items()}


@lru_cache(maxsize=4096)
def _ranks(text: str) -> dict[str, int]:
    """Headings that a text may be, and how well it says each."""
    fits = {heading: [bool(pattern.fullmatch(text)) for pattern in patterns] for heading, patterns in _PATTERNS.items()}
    return {heading: fit.index(True) for heading, fit in fits.items() if any(fit)}


def _titles(sheet: Sheet, row: int) -> Iterator[tuple[int, str]]:
    """Columns and what they are called in a row: by the cell alone, and under the heading of its group (主项 over 名称)."""
    group = ""
    for column in sorted({*sheet.rows[row], *sheet.rows.get(row - 1, ())}):
        group = label(sheet.own((row - 1, column))).removesuffix("信息") or group
        if text := label(sheet.own((row, column))):
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
                yield column, label(sheet.own((up, column)))
