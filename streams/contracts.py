"""The contracts in ``avro/``: topics, schemas and the Confluent framing (0x00, 4-byte schema id, Avro body).

Each topic is a folder: ``topic.yaml`` says what it is, ``v1.avsc`` … are its released schemas, ``good/`` and ``bad/`` hold example records.
Records are read with the schema they were written with, resolved into the latest one (Avro specification, schema resolution).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import fastavro
import fastavro.schema
import orjson
import yaml

from streams.decoding import Doubtful, decoder
from streams.encoding import encoder
from streams.errors import InvalidRecord

FOLDER = Path(__file__).resolve().parent.parent / "avro"
_HEADER = struct.Struct(">bI")
HEADER_BYTES = _HEADER.size
LAST_REVISION = (1 << 63) - 1
"""A ``revision`` is an Avro long: none is higher, so that nothing can follow a record that has this one."""

CASE_CLOSED = "case-closed"
ARCHIVE_RECEIVED = "archive-received"
UNIT_REGISTRY = "unit-registry"
FEED_HEARTBEAT = "feed-heartbeat"
ITEM_REGISTRY = "item-registry"
ARCHIVING_SCHEDULE = "archiving-schedule"
MODULE_CONFIG = "module-config"
WAIVER = "waiver"
CASE_STATE = "case-state"
ITEM_STATE = "item-state"
ITEM_USE = "item-use"
ANOMALY_UNARCHIVED = "anomaly-unarchived"
ANOMALY_MISCONFIGURED = "anomaly-misconfigured"
ANOMALY_QUALITY = "anomaly-quality"
COVERAGE_PARTIAL = "coverage-partial"
DEAD_LETTER = "dead-letter"

CASE_INPUTS = (CASE_CLOSED, ARCHIVE_RECEIVED)
REFERENCE_INPUTS = (UNIT_REGISTRY, FEED_HEARTBEAT, ITEM_REGISTRY, ARCHIVING_SCHEDULE, MODULE_CONFIG, WAIVER)
INTERNAL = (ITEM_USE,)
"""Written by workers and read by workers alone."""
JOB_INPUTS = (*CASE_INPUTS, *INTERNAL)
"""What workers read in their group, and commit."""
ANOMALY_TOPICS = (ANOMALY_UNARCHIVED, ANOMALY_MISCONFIGURED, ANOMALY_QUALITY)
OUTPUTS = (CASE_STATE, ITEM_STATE, *ANOMALY_TOPICS, COVERAGE_PARTIAL, DEAD_LETTER)
SUNK = (*OUTPUTS, UNIT_REGISTRY)
"""What the sink reads: what workers say, and what units are called."""


@dataclass(frozen=True, slots=True)
class TopicContract:
    """What ``topic.yaml`` says of a topic.

    Parameters
    ----------
    key
        Name of the field that is the record's key, or names joined by ``|``, as their values are.
    versions
        Schema id -> parsed schema, oldest first. Empty where the topic carries raw bytes.
    partitions
        ``case``: as many as every case topic; ``one``: a single one.
    retention
        ``input``, ``output`` or ``forever``: which setting gives the time.
    """

    name: str
    description: str
    key: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    compatibility: str
    cleanup: Literal["delete", "compact"]
    retention: Literal["input", "output", "forever"]
    partitions: Literal["case", "one"]
    versions: Mapping[int, Any]

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The fields that make the key, in its order."""
        return tuple(self.key.split("|"))


@cache
def topic_contract(name: str) -> TopicContract:
    """Read the contract of a topic, by its name without prefix."""
    folder = FOLDER / name
    declared = yaml.safe_load((folder / "topic.yaml").read_text(encoding="utf-8"))
    versions = {
        version["id"]: fastavro.parse_schema(orjson.loads((folder / version["file"]).read_bytes()), named_schemas={})
        for version in declared.pop("versions")
    }
    producers, consumers = tuple(declared.pop("producers")), tuple(declared.pop("consumers"))
    return TopicContract(name=name, producers=producers, consumers=consumers, versions=versions, **declared)


@cache
def topic_names() -> tuple[str, ...]:
    """All topics of the contract, inputs and outputs."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/topic.yaml")))


def record_key(topic: str, record: Mapping[str, Any]) -> bytes:
    """Key of an input's record: its key fields, joined by ``|``, as UTF-8; the values are opaque and stay as given."""
    return "|".join(record[field] for field in topic_contract(topic).key_fields).encode()


class Codec:
    """Writes and reads the framed records of one topic.

    Times stay integers (epoch milliseconds; days since 1970 for dates): building ``datetime`` objects costs a third of decoding, and
    everything that compares times compares these integers. :meth:`encode` takes them as integers too.
    """

    def __init__(self, topic: str) -> None:
        contract = topic_contract(topic)
        self.topic = topic
        self.schema_id, schema = list(contract.versions.items())[-1]
        self._writers = {id_: without_logical_types(writer) for id_, writer in contract.versions.items()}
        self._reader = self._writers[self.schema_id]  # the same object: resolving a schema into itself takes half as long again
        self._prefix, self._encode, self._decode = _HEADER.pack(0, self.schema_id), encoder(self._reader), decoder(self._reader)
        self.fields: tuple[str, ...] = tuple(each["name"] for each in schema["fields"])

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """Frame one record; fields with a default may be left out. Raises :class:`streams.encoding.NotInSchema`."""
        return self._prefix + self._encode(record)

    def framed(self, value: bytes | None) -> tuple[int, bytes]:
        """Return the schema id of a framed record, and the value, its body behind :data:`HEADER_BYTES`.

        Raises
        ------
        InvalidRecord
            NULL_VALUE, NOT_FRAMED (JSON, text, too short), UNKNOWN_SCHEMA.
        """
        if value is None:
            raise InvalidRecord("NULL_VALUE", "消息没有内容 the record has no value")
        if len(value) < HEADER_BYTES or value[0] != 0:
            start = value[:1].hex() or "empty"
            raise InvalidRecord("NOT_FRAMED", f"开头应为 0x00 与 4 字节 schema id，实为 begins with {start}, not with 0x00 and a schema id")
        schema_id = _HEADER.unpack_from(value)[1]
        if schema_id not in self._writers:
            known = ", ".join(map(str, self._writers))
            raise InvalidRecord("UNKNOWN_SCHEMA", f"schema id {schema_id} 不属于 is not one of {self.topic} (known: {known})")
        return schema_id, value

    def decode(self, value: bytes | None) -> dict[str, Any]:
        """Read one framed record.

        Raises
        ------
        InvalidRecord
            Those of :meth:`framed`, BROKEN_AVRO, TRAILING_BYTES.
        """
        schema_id, value = self.framed(value)
        if schema_id == self.schema_id:
            with suppress(Doubtful):
                decoded: dict[str, Any] = self._decode(value, HEADER_BYTES)
                return decoded
        writer = self._writers[schema_id]
        body = io.BytesIO(value)
        body.seek(HEADER_BYTES)
        try:
            record: dict[str, Any] = fastavro.schemaless_reader(body, writer, None if writer is self._reader else self._reader)  # type: ignore[assignment]
        except Exception as error:  # fastavro raises whatever the bytes lead it to
            raise InvalidRecord("BROKEN_AVRO", f"Avro 解码失败 cannot be decoded as {self.topic}: {type(error).__name__}") from error
        if body.tell() != len(value):
            raise InvalidRecord("TRAILING_BYTES", f"记录之后多出 {len(value) - body.tell()} 字节 bytes left over behind the record")
        return record


def names_of_logical_type(topic: str, logical_type: str) -> frozenset[str]:
    """Names of the fields of a topic that have a logical type, those of records within included: to :class:`Codec` they are integers."""
    return frozenset(chain.from_iterable(_of_logical_type(schema, logical_type, "") for schema in topic_contract(topic).versions.values()))


def _of_logical_type(node: Any, logical_type: str, name: str) -> Iterator[str]:
    if isinstance(node, list):
        for branch in node:
            yield from _of_logical_type(branch, logical_type, name)
    elif isinstance(node, dict):
        if node.get("logicalType") == logical_type:
            yield name
        for part in ("type", "items", "values"):
            yield from _of_logical_type(node.get(part), logical_type, name)
        for field in node.get("fields", ()):
            yield from _of_logical_type(field["type"], logical_type, field["name"])


@cache
def codec(topic: str) -> Codec:
    """Return the codec of a topic, by its name without prefix."""
    return Codec(topic)


def without_logical_types(schema: Any) -> Any:
    """Strip ``logicalType`` so that times decode as the integers they are on the wire."""

    def strip(node: Any) -> Any:
        if isinstance(node, list):
            return [strip(item) for item in node]
        if isinstance(node, dict):
            kept = {key: strip(item) for key, item in node.items() if key != "logicalType" and not key.startswith("__")}
            return kept["type"] if set(kept) == {"type"} else kept
        return node

    return fastavro.parse_schema(strip(schema), named_schemas={})
