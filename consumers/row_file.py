"""Avro object container files (Avro 1.11 specification, *Object Container Files*) of rows that are encoded already.

What a worker wrote is a row as it is: its bytes go to ClickHouse, which decodes them in native code, and nothing is decoded here. A row's
version stands before the record as a further field. Each row is a block of its own, closed by a marker that the reader checks: a row whose
bytes are not of its schema cannot be read as a part of its neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

VERSION = "version"
_MAGIC = b"Obj\x01"
_SEVEN_BITS, _MORE = 0x7F, 0x80


class RowFormat:
    """The files of one schema.

    Parameters
    ----------
    schema
        Of the record without its version: an Avro record.
    left_out
        Fields that the table does not have.
    """

    def __init__(self, schema: Mapping[str, Any], left_out: frozenset[str] = frozenset()) -> None:
        version = {"name": VERSION, "type": "long"}
        declared = orjson.dumps({**schema, "fields": [version, *schema["fields"]]})
        self._marker = hashlib.blake2b(declared, digest_size=16).digest()
        metadata = {b"avro.schema": declared, b"avro.codec": b"null"}
        pairs = b"".join(_bytes(name) + _bytes(value) for name, value in metadata.items())
        self._head = _MAGIC + long(len(metadata)) + pairs + b"\x00" + self._marker
        fields = [field for field in schema["fields"] if field["name"] not in left_out]
        self.columns = (VERSION, *(column for field in fields for column in _columns(field)))
        """Names of the columns it fills: a field that is a list of records fills one for each of their fields (``Nested``)."""

    def row(self, version: int, record: bytes) -> bytes:
        """One row: its version, and the encoded record."""
        first = long(version)
        return b"".join((b"\x02", long(len(first) + len(record)), first, record, self._marker))

    def file(self, rows: Iterable[bytes]) -> bytes:
        """A whole file."""
        return self._head + b"".join(rows)


def long(number: int) -> bytes:
    """A whole number from 0 on as Avro has it: zigzag, seven bits a byte, the lowest first."""
    left, coded = number << 1, bytearray()
    while left > _SEVEN_BITS:
        coded.append(left & _SEVEN_BITS | _MORE)
        left >>= 7
    coded.append(left)
    return bytes(coded)


def _bytes(value: bytes) -> bytes:
    return long(len(value)) + value


def _columns(field: Mapping[str, Any]) -> Iterable[str]:
    items = field["type"].get("items") if isinstance(field["type"], dict) else None
    if isinstance(items, dict) and items["type"] == "record":
        return [f"{field['name']}.{part['name']}" for part in items["fields"]]
    return [field["name"]]
