"""Records with a header whose name is not UTF-8: C, C++ and Go producers can send one, Python's and Java's cannot."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator, producer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

NAME = b"\xff\xfename"


class _Name(str):
    """A name that lies about its bytes."""

    __slots__ = ()

    def encode(self, *_: Any, **__: Any) -> bytes:
        return NAME


RAW = _Name("raw")


def send_with_raw_header(bootstrap: str, topic: str, key: bytes | None, value: bytes, partition: int | None = None) -> None:
    """Send one record with two headers, ``good`` and one named :data:`NAME`."""

    async def send() -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap) as sender:
            await sender.send_and_wait(topic, value, key, partition, headers=[("good", b"1"), (RAW, b"2")])

    with pytest.MonkeyPatch.context() as patch:
        # The compiled builder asks no name for its bytes.
        for module in (message_accumulator, producer):
            patch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        asyncio.run(send())
