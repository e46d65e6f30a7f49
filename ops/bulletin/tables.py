"""The bulletin as tables: declared once, written by every renderer, compared from edition to edition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ops.bulletin.cells import text
from ops.bulletin.model import CellKind


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Parameters
    ----------
    key
        Attribute of a row.
    width
        In characters, for sheets and for the shares of a page.
    """

    key: str
    title: str
    kind: CellKind = "text"
    width: int = 9

    def kind_in(self, row: Any) -> CellKind:
        """How this column is shown in a row."""
        kind: CellKind = row.kind if self.kind == "own" else self.kind
        return kind

    def shown_in(self, row: Any) -> str:
        """Its value in a row, written for people."""
        return text(getattr(row, self.key), self.kind_in(row))

    @property
    def is_text(self) -> bool:
        """Set left, not right."""
        return self.kind in {"text", "time"}


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Parameters
    ----------
    name
        Sheet of the workbook (31 characters at most) and anchor on the page.
    note
        What a reader has to know; may be empty.
    key
        Columns that tell a row from all others, in this edition and the next.
    called
        Columns by which people know it, its heading the last; those of the key, if none are given.
    shown
        Rows on page and paper; the workbook has all.
    """

    name: str
    title: str
    note: str
    columns: tuple[Column, ...]
    rows: Sequence[Any]
    key: tuple[str, ...]
    called: tuple[str, ...] = ()
    shown: int = 10_000

    @property
    def naming(self) -> tuple[str, ...]:
        """Columns by which people know a row."""
        return self.called or self.key

    @property
    def heading(self) -> str:
        """Column that heads a row."""
        return self.naming[-1]

    @property
    def head(self) -> Sequence[Any]:
        """Rows shown on page and paper."""
        return self.rows[: self.shown]

    @property
    def rest(self) -> str:
        """What is said below rows that are not all."""
        return f"此处列前 {self.shown} 行，共 {len(self.rows):,} 行；全部见电子表格“{self.name}”。" if len(self.rows) > self.shown else ""
