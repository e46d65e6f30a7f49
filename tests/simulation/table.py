"""Tables in memory with the semantics of ``ReplacingMergeTree(version)`` read with ``FINAL``."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import fastavro
import orjson

from streams.contracts import without_logical_types

#: Table to its ORDER BY; ``tests/simulation/test_contract.py`` holds it against the migrations.
KEYS: Mapping[str, tuple[str, ...]] = {
    "case_state": ("case_no",),
    "anomaly": ("anomaly_id",),
    "coverage_partial": (
        *("granularity", "due_start", "bucket_start", "unit_code", "district_code", "item_type", "main_item_code", "item_code"),
        "input_partition",
    ),
    "item": ("unit_code", "item_code"),
    "dead_letter": ("incarnation", "partition", "offset"),
    "unit": ("unit_code", "revision", "event_id", "content"),
    "sink_position": ("mark", "partition"),
}


Row = Mapping[str, Any]
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
        self.write_compression = None
        self.tables: dict[str, dict[tuple[Any, ...], Row]] = {name: {} for name in KEYS}
        self._tokens: dict[str, set[str]] = {name: set() for name in KEYS}
        self._before_insert = before_insert

    def raw_insert(
        self,
        table: str,
        column_names: Sequence[str],
        insert_block: bytes,
        settings: Mapping[str, str] | None = None,
        fmt: str = "",
        compression: str | None = None,
    ) -> None:
        """Insert an Avro file; one whose deduplication token was used before is dropped in silence, as ClickHouse does."""
        assert fmt == "Avro"
        assert compression is None
        rows = rows_of(insert_block)
        failure = self._before_insert(table, len(rows))
        token = (settings or {}).get("insert_deduplication_token")
        if token is not None and token in self._tokens[table]:
            return
        kept, named = self.tables[table], {name.split(".")[0] for name in column_names}
        for row in rows if failure is None else rows[: failure[0]]:
            assert named <= row.keys()
            key = tuple(row[name] for name in KEYS[table])
            known = kept.get(key)
            if known is None or row["version"] >= known["version"]:
                kept[key] = row
        if failure is not None:
            raise failure[1]
        if token is not None:
            self._tokens[table].add(token)


def rows_of(file: bytes) -> list[Row]:
    """Rows of an Avro file, times as epoch milliseconds."""
    stream, rows = io.BytesIO(file), []
    head: Any = fastavro.schemaless_reader(stream, _HEAD, None)
    assert head["magic"] == b"Obj\x01"
    schema = _reader(head["meta"]["avro.schema"])
    while stream.tell() < len(file):
        block: Any = fastavro.schemaless_reader(stream, _BLOCK, None)
        assert block["count"] == 1
        assert block["marker"] == head["marker"]
        rows.append(fastavro.schemaless_reader(io.BytesIO(block["rows"]), schema, None))
    return rows  # type: ignore[return-value]


@cache
def _reader(schema: bytes) -> Any:
    return without_logical_types(orjson.loads(schema))


def _record(**types: Any) -> Any:
    fields = [{"name": name, "type": type_} for name, type_ in types.items()]
    return fastavro.parse_schema({"type": "record", "name": "part", "fields": fields})


# The specification's own schemas of the parts of a file; fastavro's reader of files parses the rows' schema with every file.
_MARKER = {"type": "fixed", "name": "marker", "size": 16}
_HEAD = _record(magic={"type": "fixed", "name": "magic", "size": 4}, meta={"type": "map", "values": "bytes"}, marker=_MARKER)
_BLOCK = _record(count="long", rows="bytes", marker=_MARKER)
