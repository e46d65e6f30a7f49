"""Tables in memory with the semantics of ``ReplacingMergeTree(version)`` read with ``FINAL``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

#: Table to its ORDER BY; ``tests/simulation/test_contract.py`` holds it against the migrations.
KEYS: Mapping[str, tuple[str, ...]] = {
    "case_state": ("case_no",),
    "anomaly": ("anomaly_id",),
    "coverage_partial": (
        *("granularity", "bucket_start", "unit_code", "district_code", "item_type", "main_item_code", "item_code"),
        "input_partition",
    ),
    "item": ("unit_code", "item_code"),
    "dead_letter": ("incarnation", "partition", "offset"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One row, left in the block it came in."""

    version: int
    block: pa.Table
    at: int

    def value(self, name: str) -> Any:
        """Value of a column; times are epoch milliseconds."""
        column = self.block.column(name)
        return (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column)[self.at].as_py()


Failure = tuple[int, BaseException]


class FakeTables:
    """A database as the sink's client sees it.

    Parameters
    ----------
    before_insert
        Called with the table and the number of rows; returns how many of them get in and what is raised then, or ``None``
        for all of them and nothing.
    """

    def __init__(self, before_insert: Callable[[str, int], Failure | None] = lambda _table, _rows: None) -> None:
        self.tables: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in KEYS}
        self._tokens: dict[str, set[str]] = {name: set() for name in KEYS}
        self._before_insert = before_insert

    def insert_arrow(self, table: str, block: pa.Table, settings: Mapping[str, str] | None = None) -> None:
        """Insert a block; one whose deduplication token was used before is dropped in silence, as ClickHouse does."""
        failure = self._before_insert(table, block.num_rows)
        token = (settings or {}).get("insert_deduplication_token")
        if token is not None and token in self._tokens[table]:
            return
        kept = self.tables[table]
        versions = block.column("version").to_pylist()
        for at, key in enumerate(zip(*(_plain(block.column(name)) for name in KEYS[table]), strict=True)):
            if failure is not None and at >= failure[0]:
                break
            known = kept.get(key)
            if known is None or versions[at] >= known.version:
                kept[key] = Row(versions[at], block, at)
        if failure is not None:
            raise failure[1]
        if token is not None:
            self._tokens[table].add(token)


def _plain(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = (column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column).to_pylist()
    return values
