"""Unpacking what was fetched, without a broker."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from streams.runtime.records import LenientRecords
from tests.raw_headers import RAW

PLACE = TopicPartition("in", 0)


def batch(base: int, names: list[str], codec: int = 0) -> bytes:
    """A batch with a record for each name of a header."""
    builder = _DefaultRecordBatchBuilderPy(2, codec, 0, -1, -1, -1, 1 << 20)
    for number, name in enumerate(names):
        builder.append(number, 1_000 + number, b"k%d" % number, b"v", [(name, b"1"), (name, None)])
    built = bytes(builder.build())
    return base.to_bytes(8, "big") + built[8:]


@pytest.mark.parametrize("codec", [0, 1, 3], ids=["plain", "gzip", "lz4"])
def test_every_record_of_a_batch_is_read_once_whatever_its_headers_are_called(codec: int) -> None:
    """Those before and behind a name that is not UTF-8, and those of other batches, have theirs as they were sent."""
    fetched = batch(0, ["a", "b"], codec) + batch(2, ["c", RAW, "d", RAW], codec) + batch(6, ["件"], codec)
    found = list(PartitionRecords(PLACE, LenientRecords(fetched), None, 0, None, None, True, READ_COMMITTED))
    assert [(each.offset, each.key, each.timestamp) for each in found] == [
        (base + number, b"k%d" % number, 1_000 + number) for base, count in ((0, 2), (2, 4), (6, 1)) for number in range(count)
    ]
    names = ["a", "b", "c", "\ufffd\ufffdname", "d", "\ufffd\ufffdname", "件"]
    assert [each.headers for each in found] == [((name, b"1"), (name, None)) for name in names]
