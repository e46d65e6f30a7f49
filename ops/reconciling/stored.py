"""A table of ClickHouse against the records that fill it: row by row, column by column, streamed, so that no row is held.

A row's version tells which record it comes from. While workers and sink go on, a row may be of a later record than those compared with:
such rows are set against the later records, once the others are done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from consumers.clickhouse import Client
from consumers.row_file import VERSION
from consumers.rows import ORDINAL_SHIFT

Row = Mapping[str, Any]
Later = Callable[[], Mapping[int, tuple[Any, Any]]]
"""Gives the key and the record behind each offset from the end on that records were read to."""
Pair = tuple[Any, Row | None, Row | None]
"""Key, the row as it ought to be, and the row there is."""
OFFSETS = (1 << ORDINAL_SHIFT) - 1
"""The bits of a version that are the offset of the record."""
_COLUMNS = "SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = {table:String}"


def as_written(columns: tuple[str, ...]) -> Callable[[Row], Row]:
    """How a record that goes into a table as it is becomes a row: a list of records fills one column for each of their fields."""
    parts = [column.partition(".") for column in columns if column != VERSION]

    def row(record: Row) -> Row:
        return {name + dot + of: [each[of] for each in record[name]] if dot else record[name] for name, dot, of in parts}

    return row


@dataclass(slots=True)
class StoredTable:
    """A table.

    Parameters
    ----------
    columns
        Those that are filled, the version among them.
    key_of
        Key of a row: that of its record.
    row_of
        The row that a record ought to have become, from what is kept of the record: the columns that are compared.
    """

    client: Client
    name: str
    columns: tuple[str, ...]
    key_of: Callable[[Row], Any]
    row_of: Callable[[Any], Row]
    _selected: str = field(init=False)

    def __post_init__(self) -> None:
        types = dict(self.client.query(_COLUMNS, parameters={"table": self.name}).result_rows)
        self._selected = ", ".join(_plain(name, types.get(name, "")) for name in (VERSION, *self._named))

    @property
    def _named(self) -> list[str]:
        return [name for name in self.columns if name != VERSION]

    def rows(self, where: str, parameters: Mapping[str, Any]) -> Iterator[tuple[int, Row]]:
        """Offset of the record that each row comes from, and the row, times in milliseconds."""
        sql = f"SELECT {self._selected} FROM {self.name} FINAL WHERE {where}"  # noqa: S608 - our own words
        with self.client.query_rows_stream(sql, parameters=parameters) as rows:
            for version, *values in rows:
                yield version & OFFSETS, dict(zip(self._named, values, strict=True))

    def differing(
        self, records: Mapping[Any, Any], end: int, later: Later, where: str, parameters: Mapping[str, Any] | None = None
    ) -> Iterator[Pair]:
        """Rows that are not what their records say, records without a row, and rows without a record.

        Parameters
        ----------
        records
            Last record of each key before ``end``; all of them are in the table by now.
        """
        unseen = set(records)
        beyond: list[tuple[int, Any, Row]] = []
        for offset, row in self.rows(where, parameters or {}):
            key = self.key_of(row)
            unseen.discard(key)
            if offset >= end:
                beyond.append((offset, key, row))
            else:
                yield from self._compared(key, records.get(key), row)
        come = later() if beyond else {}
        for offset, key, row in beyond:
            of, record = come.get(offset, (None, None))
            yield from self._compared(key, record if of == key else records.get(key), row)
        for key in unseen:
            yield key, self.row_of(records[key]), None

    def _compared(self, key: Any, record: Any, row: Row) -> Iterator[Pair]:
        wanted = None if record is None else self.row_of(record)
        if wanted is None or any(row[name] != value for name, value in wanted.items()):
            yield key, wanted, row


def _plain(name: str, type_: str) -> str:
    """What gives a column as records have it: times in milliseconds, days as numbers."""
    column = f"`{name}`"
    if "DateTime64" in type_:
        return f"arrayMap(at -> toUnixTimestamp64Milli(at), {column})" if type_.startswith("Array") else f"toUnixTimestamp64Milli({column})"
    return column
