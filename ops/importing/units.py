"""Whose items a file says it has: an import is one unit's (谁产生，谁归档), and nobody would see those of another among them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache

from ops.importing.cells import is_none
from ops.importing.characters import LONGEST_WORD, compact, visible
from ops.importing.faults import Named
from ops.importing.sheet import Place, Sheet, cell_name
from streams.errors import BadInputFile

COLUMNS = ("单位名称", "填报单位", "单位")
"""What a column may be called that says of each item whose it is."""
_LINE = re.compile(r"(?:^|[\s_])(?:填报)?单位(?:名称)?\s*(?:\([^)]{0,20}\))?\s*:(.*)")
_SIGNATURES = re.compile(r"(?:(?:填[报表]|确认|审核|经办|负责|联系)人|填[报表](?:时间|日期)|联系电话)(?:\([^)]{0,20}\))?:")
_NEXT = re.compile(r"(?:^|[\s_])[^\s:_]{1,20}:")
_NOT_A_UNIT = re.compile(r"件次?|[个项份宗]")
"""What cases are counted in: ``单位：件``."""
_MOST_LISTED = 10


@dataclass(slots=True)
class Units:
    """The units that a file names, and where it does so first."""

    _first: dict[str, str] = field(default_factory=dict)

    def read_lines(self, sheet: Sheet, headings: Collection[int]) -> None:
        """Take in what the last line of a unit above each of these headings says; what is signed below a table may be worded otherwise."""
        line: tuple[Place, str] | None = None
        for row in sheet.rows if headings else ():
            if row in headings:
                if line:
                    self._add(sheet, *line)
                line = None
            else:
                line = _line(sheet, row) or line

    def read_cell(self, sheet: Sheet, place: Place) -> None:
        """Take in what an item's cell in a column of units says."""
        value = sheet.own(place)
        if isinstance(value, str) and not is_none(value):
            self._add(sheet, place, value)

    def refuse_several(self, name: str) -> None:
        """Refuse a file of more than one unit.

        Raises
        ------
        BadInputFile
            It is one, or it spells its unit in more than one way.
        """
        if len(self._first) > 1:
            where = ", ".join([*self._first.values()][:_MOST_LISTED]) + (" …" if len(self._first) > _MOST_LISTED else "")
            told = f"写了 {len(self._first)} 个单位名称，一次只能导入一个单位的 several units are named, and an import is of one"
            raise BadInputFile(f"{name}: {told}: {where}")

    def _add(self, sheet: Sheet, place: Place, unit: str) -> None:
        unit = compact(unit).strip("_")
        if not _NOT_A_UNIT.fullmatch(unit):
            self._first.setdefault(unit, Named(sheet.name, cell_name(place), "").where)


def _line(sheet: Sheet, row: int) -> tuple[Place, str] | None:
    """Where a row names a unit, and which: in the cell that says 单位名称, or else in the one behind it."""
    columns = sheet.rows[row]
    for number, column in enumerate(columns):
        value = sheet.own((row, column))
        unit = _unit(value[:LONGEST_WORD]) if isinstance(value, str) else None
        if unit == "":
            behind = [sheet.own((row, each)) for each in columns[number + 1 : number + 2]]
            unit = next((each for each in behind if isinstance(each, str) and ":" not in compact(each)), None)
        if unit is not None and not is_none(unit):
            return (row, column), unit
    return None


@lru_cache(maxsize=4096)
def _unit(text: str) -> str | None:
    """The unit that a text names; empty where it ends before its name, None where it names none."""
    found = _LINE.search(unicodedata.normalize("NFKC", visible(text)).replace("\n", " "))
    if not found:
        return None
    unit = _NEXT.split(_SIGNATURES.split(found[1])[0])[0].strip(" _")
    return unit or ("" if not found[1].strip(" _") else None)
