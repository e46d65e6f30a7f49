"""Reads topics to the end they have now: from their beginning, as those do who explain and reconcile, or from where a look ended before."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from ops.connect import Admin
from streams.errors import DependencyError
from streams.runtime.clients import extent
from streams.settings import Settings

_CHUNK = 10_000
_POLL_SECONDS = 0.2
_STALLED_SECONDS = 30.0
_FROM_THE_BEGINNING: Mapping[int, int] = MappingProxyType({})


def read_topic(
    settings: Settings,
    name: str,
    *,
    partition: int | None = None,
    positions: Mapping[int, int] = _FROM_THE_BEGINNING,
    tell: Callable[[int, int], None] = lambda _done, _total: None,
) -> Iterator[Any]:
    """Yield the committed records of a topic (``confluent_kafka.Message``), in order within each partition.

    Parameters
    ----------
    name
        Name in the contract, without prefix.
    partition
        Only this one.
    positions
        Partition to the offset to begin at; without one, or with one that the topic no longer has, at its beginning.
    tell
        Called now and then with offsets read and offsets there are.

    Raises
    ------
    DependencyError
        Kafka or the topic is not there, or nothing came for half a minute.
    """
    topic = settings.topic(name)
    admin = Admin(settings)
    described = admin.metadata().topics.get(topic)
    if described is None:
        raise DependencyError(f"没有主题 no topic {topic}")
    consumer = Consumer(
        {
            **settings.kafka_client(),
            "group.id": f"{settings.application}-reader",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    try:
        numbers = sorted(described.partitions) if partition is None else [partition]
        yield from _read(consumer, topic, numbers, positions, tell)
    except KafkaException as error:
        raise admin.failure(error) from error
    finally:
        consumer.close()


def _read(consumer: Any, topic: str, numbers: list[int], positions: Mapping[int, int], tell: Callable[[int, int], None]) -> Iterator[Any]:
    ranges = {}
    for number in numbers:
        first, end = extent(consumer, topic, number, _STALLED_SECONDS)
        position = positions.get(number, first)
        ranges[number] = position if first <= position <= end else first, end
    unread = {number for number, (first, end) in ranges.items() if end > first}
    total = sum(end - first for first, end in ranges.values())
    consumer.assign([TopicPartition(topic, number, ranges[number][0]) for number in unread])
    done, moved = 0, time.monotonic()
    while unread:
        messages = consumer.consume(_CHUNK, _POLL_SECONDS)
        if messages:
            moved = time.monotonic()
        elif time.monotonic() - moved > _STALLED_SECONDS:
            raise DependencyError(f"{topic}: {_STALLED_SECONDS:g} 秒没有数据 no data came")
        for message in messages:
            error = message.error()
            if error is None:
                if message.offset() < ranges[message.partition()][1]:
                    done += 1
                    yield message
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - a public constant in spite of its name
                unread.discard(message.partition())
            elif not error.retriable():
                raise KafkaException(error)
        tell(done, total)
