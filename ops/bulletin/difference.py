"""What changed from one edition to the next: which figure, of whom, from what to what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ops.bulletin.contents import tables
from ops.bulletin.model import Bulletin
from ops.bulletin.tables import Column, Table

_WHOLE, _ABSENT, _PRESENT = "整行", "无", "有"


@dataclass(frozen=True, slots=True)
class Change:
    """One changed figure, before and after as they are printed."""

    table: str
    row: str
    column: str
    before: str
    after: str


def changes(before: Bulletin, after: Bulletin) -> list[Change]:
    """Every figure that the two bulletins print differently, in the order of their contents; order of rows is no figure."""
    found: list[Change] = []
    for old, new in zip(tables(before), tables(after), strict=True):
        found.extend(_table(old, new))
    return found


def difference_table(found: Sequence[Change], last: int) -> Table:
    """The changes since an edition as a table of the bulletin."""
    columns = (
        Column("table", "表", width=14),
        Column("row", "对象", width=36),
        Column("column", "栏", width=16),
        Column("before", "原", width=16),
        Column("after", "现", width=16),
    )
    return Table("与上一版差异", f"与第 {last} 版的差异", f"共 {len(found):,} 处。", columns, found, ("table", "row", "column"), shown=20)


def difference_text(found: Sequence[Change], title: str, last: int, this: int) -> bytes:
    """The changes as Markdown, for people."""
    lines = [f"# {title}：第 {this} 版与第 {last} 版的差异", "", f"共 {len(found):,} 处。"]
    for table, group in groupby(found, key=lambda change: change.table):
        lines += ["", f"## {table}", "", "| 对象 | 栏 | 原 | 现 |", "|---|---|---|---|"]
        lines += [f"| {' | '.join(map(_escaped, (one.row, one.column, one.before, one.after)))} |" for one in group]
    return ("\n".join(lines) + "\n").encode()


def _table(old: Table, new: Table) -> Iterator[Change]:
    was, now = _by_key(old), _by_key(new)
    for key in [*now, *(key for key in was if key not in now)]:
        name = " ".join(filter(None, _values(now.get(key) or was[key], new.naming)))
        if key not in was or key not in now:
            yield Change(new.title, name, _WHOLE, _PRESENT if key in was else _ABSENT, _PRESENT if key in now else _ABSENT)
            continue
        for column in new.columns:
            before, after = column.shown_in(was[key]), column.shown_in(now[key])
            if before != after:
                yield Change(new.title, name, column.title, before, after)


def _by_key(table: Table) -> Mapping[tuple[str, ...], Any]:
    return {_values(row, table.key): row for row in table.rows}


def _values(row: Any, fields: Sequence[str]) -> tuple[str, ...]:
    return tuple(str(getattr(row, name)) for name in fields)


def _escaped(text: str) -> str:
    """Text of a Markdown cell: names come from outside."""
    for special in "\\|<>[]*_`":
        text = text.replace(special, "\\" + special)
    return text.replace("\n", " ").replace("\r", " ")
