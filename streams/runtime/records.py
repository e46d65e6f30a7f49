"""How fetched records are unpacked: as aiokafka does it, but for header names that are not UTF-8.

To the broker such a name is bytes, and a producer in C or Go sends what it is given. aiokafka raises where it meets one, and would again
after every restart. Here the name is read with U+FFFD for what cannot be: the record is taken in or refused for what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint_py


class _Bytes(bytearray):
    """Bytes whose stretches can be read as text, whatever they hold."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Bytes(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, errors)


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # final, they say: not for whoever pins the version
    """A batch read in Python, slowly."""

    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Bytes(self._buffer)

    def _read_msg(self, decode_varint: Any = decode_varint_py) -> Any:  # the compiled one takes no kind of bytearray but itself
        return super()._read_msg(decode_varint)


class _Batch:
    """A batch as aiokafka reads it, in C, up to a name that it cannot read."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch, self._raw = batch, raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            yield from _LenientBatch(self._raw)  # from its beginning: the fetcher passes over the offsets that it has had


class LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]  # as above
    """The batches of one fetched partition."""

    def next_batch(self) -> Any:
        """Return the next batch."""
        raw = self._next_slice
        batch = super().next_batch()
        # Control batches have no headers, and are not iterated over but asked for their one record.
        return batch if batch is None or raw is None or batch.is_control_batch else _Batch(batch, raw)


def read_any_header_name() -> None:
    """Have every consumer of this process unpack records so."""
    fetcher.MemoryRecords = LenientRecords
