"""From output records to rows of the tables in ``migrations/``.

The records of most topics are rows as they are, and go on undecoded (:mod:`consumers.row_file`): decoding one in Python would cost more
than all the rest of the sink. Those of items are flattened first; dead letters are no Avro, and their rows are made of headers. The rows of
units come from others, who may send anything: each is decoded, and taken in if workers take it in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from consumers.dead_letters import dead_letter_row
from consumers.items import item_row
from consumers.row_file import RowFormat
from streams.agents.reference import reference_row
from streams.contracts import (
    ANOMALY_TOPICS,
    CASE_STATE,
    COVERAGE_PARTIAL,
    DEAD_LETTER,
    HEADER_BYTES,
    ITEM_STATE,
    UNIT_REGISTRY,
    codec,
    topic_contract,
)
from streams.domain.facts import canonical
from streams.encoding import encoder

ORDINAL_SHIFT = 48
"""Bits left of the offset: 2⁴⁸ records per partition and 2¹⁶ lives of a topic are out of reach."""
NOT_STORED = frozenset({"facts", "findings", "review_at"})
"""Fields of the record that no table has: the engine's own memory of the events, and findings, which have a table of their own."""

_TIME = {"type": "long", "logicalType": "timestamp-millis"}
Read = Callable[[Any, int], tuple[RowFormat, bytes]]


def version_of(ordinal: int, offset: int) -> int:
    """Version of a row: which life of its topic, then where in the partition. Never a clock."""
    return ordinal << ORDINAL_SHIFT | offset


@dataclass(frozen=True, slots=True)
class Table:
    """A table, and the topic (without prefix) that fills it.

    Parameters
    ----------
    columns
        Those that the newest schema fills.
    read
        Gives the format and the Avro body of the row of a message (``confluent_kafka.Message``) in this life of its topic. It raises
        :class:`streams.errors.InvalidRecord` if the message is not what the topic's contract says; with rows that are as they were written,
        only the header is looked at.
    """

    name: str
    topic: str
    columns: tuple[str, ...]
    read: Read


def unit_row(value: bytes | None) -> dict[str, Any]:
    """A row of the registry of units as workers take it in, with what decides between two contents of one event, as it does there.

    Raises
    ------
    InvalidRecord
        Workers do not take it in.
    """
    row = reference_row(UNIT_REGISTRY, value)
    return {**row, "content": canonical(row)}


def _as_written(name: str, topic: str) -> Table:
    known = codec(topic)
    # Each schema names just its own columns: what an older one lacks is for the table's defaults.
    formats = {id_: RowFormat(_plain(schema), NOT_STORED) for id_, schema in topic_contract(topic).versions.items()}

    def read(message: Any, _ordinal: int) -> tuple[RowFormat, bytes]:
        schema_id, value = known.framed(message.value())
        return formats[schema_id], value[HEADER_BYTES:]

    return Table(name, topic, formats[known.schema_id].columns, read)


def _made(name: str, topic: str, row: Callable[[Any, int], Mapping[str, Any]], types: Mapping[str, Any]) -> Table:
    schema = {"type": "record", "name": name, "fields": [{"name": field, "type": type_} for field, type_ in types.items()]}
    format_, encode = RowFormat(schema), encoder(schema)

    def read(message: Any, ordinal: int) -> tuple[RowFormat, bytes]:
        return format_, encode(row(message, ordinal))

    return Table(name, topic, format_.columns, read)


def _plain(schema: Any) -> Any:
    """A schema without what fastavro notes in it."""
    if isinstance(schema, dict):
        return {name: _plain(part) for name, part in schema.items() if not name.startswith("__")}
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema


def _types(names: Mapping[str, Any]) -> dict[str, Any]:
    return {name: type_ for spaced, type_ in names.items() for name in spaced.split()}


_ITEM_TYPES = _types(
    {
        "unit_code unit_name district_code item_code item_name main_item_code main_item_name item_type build_mode archiving_mode": "string",
        "schedule_version schedule_retention config_version config_retention config_archiving_mode": "string",
        "schedule_materials config_materials open_anomalies": {"type": "array", "items": "string"},
        "registered expected_online leaf configured schedule_approved unregistered_cases": "boolean",
        "plan_year": "int",
        "case_count_2017": "long",
        "wake_at": ["null", _TIME],
    }
)
_DEAD_LETTER_TYPES = _types(
    {
        "incarnation partition source_partition": "int",
        "offset source_offset value_bytes": "long",
        "written_at": _TIME,
        "source_timestamp": ["null", _TIME],
        "source_topic source_key reason detail": "string",
    }
)
_UNIT_TYPES = _types(
    {
        "unit_code unit_name district_code district_name event_id": "string",
        "content": "bytes",
        "revision": "long",
        "deleted": "boolean",
        "valid_from valid_to": ["null", "int"],
    }
)

TABLES = (
    _as_written("case_state", CASE_STATE),
    # A kind is told on one topic alone, so that the versions of a finding's rows all come from one.
    *(_as_written("anomaly", topic) for topic in ANOMALY_TOPICS),
    _as_written("coverage_partial", COVERAGE_PARTIAL),
    _made("item", ITEM_STATE, lambda message, _: item_row(codec(ITEM_STATE).decode(message.value())), _ITEM_TYPES),
    _made("dead_letter", DEAD_LETTER, dead_letter_row, _DEAD_LETTER_TYPES),
    _made("unit", UNIT_REGISTRY, lambda message, _: unit_row(message.value()), _UNIT_TYPES),
)
