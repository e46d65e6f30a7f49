"""The tables: cases, items and buckets, each with the form in which the local store holds it.

That form is the list of a record's values as JSON: read in a tenth of the time that the Avro of the changelog takes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import orjson

from streams.agents.terms import CASES, ITEMS, item_terms, state_terms
from streams.contracts import CASE_STATE, COVERAGE_PARTIAL, ITEM_STATE, Codec, codec
from streams.runtime.job import Work

BUCKETS = "buckets"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """One table.

    Parameters
    ----------
    name
        For the engine.
    topic
        Its changelog, without prefix.
    terms
        What a record is found by.
    raw
        A field that is JSON already, in which there is no line feed: it stands as it is behind the others.
    """

    name: str
    topic: str
    terms: Callable[[Record], tuple[bytes, ...]]
    raw: str = ""
    _codec: Codec = field(init=False)
    _fields: tuple[str, ...] = field(init=False)
    _values: Callable[[Record], tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        of = codec(self.topic)
        fields = tuple(name for name in of.fields if name != self.raw)
        for name, value in (("_codec", of), ("_fields", fields), ("_values", itemgetter(*fields))):
            object.__setattr__(self, name, value)

    @property
    def schema_id(self) -> int:
        """Of the changelog: the fields of the form in the store are its fields."""
        return self._codec.schema_id

    def get_many(self, work: Work, keys: Sequence[bytes]) -> Iterator[Record | None]:
        """Records as they are now, in the order of ``keys``, ``None`` where there is none.

        Each is read when it is its turn: a thousand at once would be out of the processor's caches again before they are looked at.
        """
        return (None if value is None else self.load(value) for value in work.get_many(self.name, keys))

    def put(self, work: Work, key: bytes, record: Record) -> None:
        """Set a record, complete with all its fields."""
        work.put(self.name, key, self._dump(record), self.terms(record), self._codec.encode(record))

    def restored(self, record: bytes) -> tuple[bytes, tuple[bytes, ...]]:
        """What was put with a record of the changelog."""
        read = self._codec.decode(record)
        return self._dump(read), self.terms(read)

    def load(self, value: bytes) -> Record:
        """The record of a value."""
        values, _, raw = value.partition(b"\n")
        record: Record = dict(zip(self._fields, orjson.loads(values), strict=True))
        if self.raw:
            record[self.raw] = raw
        return record

    def _dump(self, record: Record) -> bytes:
        values = orjson.dumps(self._values(record))
        return values + b"\n" + record[self.raw] if self.raw else values


CASE_TABLE = Table(CASES, CASE_STATE, state_terms, raw="facts")
ITEM_TABLE = Table(ITEMS, ITEM_STATE, item_terms)
BUCKET_TABLE = Table(BUCKETS, COVERAGE_PARTIAL, lambda _: ())
TABLES = {table.name: table for table in (CASE_TABLE, ITEM_TABLE, BUCKET_TABLE)}
