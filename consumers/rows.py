"""From output records to the columns of the tables in ``migrations/``, as Arrow.

Columns, and Arrow ones, because building and encoding them costs 6 µs a case instead of 45 as lists through the client's own Native format
(docs/design/sink.md). Times stay the integers they are on the wire: an Arrow timestamp is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter
from typing import Any

import pyarrow as pa

from streams.contracts import ANOMALY_TOPICS, CASE_STATE, COVERAGE_PARTIAL, DEAD_LETTER, ITEM_STATE

Record = Mapping[str, Any]

TEXT, FLAG, COUNT, SMALL, ORDINAL = pa.string(), pa.bool_(), pa.int64(), pa.int32(), pa.uint16()
TEXTS, COUNTS = pa.list_(TEXT), pa.map_(TEXT, COUNT)
TIME, DATE = pa.timestamp("ms", tz="Asia/Shanghai"), pa.date32()
ORDINAL_SHIFT = 48
"""Bits left of the offset: 2⁴⁸ records per partition and 2¹⁶ lives of a topic are out of reach."""


def version_of(ordinal: int, offset: int) -> int:
    """Version of a row: which life of its topic, then where in the partition. Never a clock."""
    return ordinal << ORDINAL_SHIFT | offset


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and the topic (without prefix) that fills it.

    Parameters
    ----------
    fields
        Fields of the record, which are the columns' names too, and their types.
    nested
        Fields that are lists of records: each field of those is a column ``field.name`` of lists.
    """

    name: str
    topic: str
    fields: Mapping[str, pa.DataType]
    nested: Mapping[str, Mapping[str, pa.DataType]]

    def block(self, records: Sequence[Record], versions: Sequence[int]) -> pa.Table:
        """Columns of these records, ``version`` among them."""
        columns = {name: _array(records, name, type_) for name, type_ in self.fields.items()}
        for field, parts in self.nested.items():
            lists = [record[field] for record in records]
            offsets = pa.array(list(accumulate(map(len, lists), initial=0)), pa.int32())
            flat = [part for parts_of_one in lists for part in parts_of_one]
            for name, type_ in parts.items():
                values = _array(flat, name, type_)
                columns[f"{field}.{name}"] = pa.ListArray.from_arrays(offsets, values)
        columns["version"] = pa.array(versions, pa.uint64())
        return pa.table(columns)


def _array(records: Sequence[Record], name: str, type_: pa.DataType) -> pa.Array:
    values = list(map(itemgetter(name), records))
    return pa.array([list(value.items()) for value in values] if type_ is COUNTS else values, type_)


def _fields(types: Mapping[pa.DataType, str]) -> dict[str, pa.DataType]:
    return {name: type_ for type_, names in types.items() for name in names.split()}


_PLACE = "unit_code district_code item_code main_item_code item_type"
_NAMED_PLACE = f"{_PLACE} unit_name item_name"

_CASE_STATE = Table(
    "case_state",
    CASE_STATE,
    _fields(
        {
            TEXT: f"case_no status reason source_system build_mode archiving_mode title_hash {_NAMED_PLACE}",
            TIME: "accepted_at closed_at due_at received_at wake_at feed_through",
            FLAG: "due_provisional due_passed registered",
            COUNT: "delay_ms",
            TEXTS: "open_anomalies flags",
        }
    ),
    {"archives": _fields({TEXT: f"archive_no receipt source_system title_hash {_PLACE}", TIME: "accepted_at refused_at last_refused_at"})},
)

_ANOMALY_FIELDS = _fields(
    {
        TEXT: f"anomaly_id kind state subject reason resolution detail waived_by waived_reason {_NAMED_PLACE}",
        TIME: "since closed_at due_at received_at",
        DATE: "waived_from waived_until",
        FLAG: "backfill waived",
        COUNT: "late_ms",
    }
)
# A kind is told on one topic alone, so that the versions of a finding's rows all come from one.
_ANOMALIES = tuple(Table("anomaly", topic, _ANOMALY_FIELDS, {}) for topic in ANOMALY_TOPICS)

_ITEM = Table(
    "item",
    ITEM_STATE,
    _fields(
        {
            TEXT: f"{_NAMED_PLACE} main_item_name build_mode archiving_mode schedule_version schedule_retention"
            " config_version config_retention config_archiving_mode",
            TEXTS: "schedule_materials config_materials open_anomalies",
            FLAG: "registered expected_online leaf configured schedule_approved unregistered_cases",
            SMALL: "plan_year",
            COUNT: "case_count_2017",
            TIME: "wake_at",
        }
    ),
    {},
)

_COVERAGE_PARTIAL = Table(
    "coverage_partial",
    COVERAGE_PARTIAL,
    _fields(
        {
            TEXT: f"granularity {_PLACE}",
            TIME: "bucket_start",
            SMALL: "input_partition",
            COUNT: "archived archived_late unarchived awaiting refused orphan due due_archived due_awaiting official_closed"
            " official_archived unregistered",
            COUNTS: "excluded",
        }
    ),
    {},
)

_DEAD_LETTER = Table(
    "dead_letter",
    DEAD_LETTER,
    _fields(
        {
            ORDINAL: "incarnation",
            SMALL: "partition source_partition",
            COUNT: "offset source_offset value_bytes",
            TIME: "written_at source_timestamp",
            TEXT: "source_topic source_key reason detail",
        }
    ),
    {},
)

TABLES = (_CASE_STATE, *_ANOMALIES, _COVERAGE_PARTIAL, _ITEM, _DEAD_LETTER)
NOT_STORED = frozenset({"facts", "findings", "review_at"})
"""Fields of the record that no table has: the engine's own memory of the events, and findings, which have a table of their own."""
