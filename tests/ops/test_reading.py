"""Topics, read to the end that they have when the reading begins."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from confluent_kafka import KafkaError, Message, Producer

from ops.reading import _read, read_topic
from ops.topics import ensure_topics
from streams.contracts import CASE_CLOSED
from streams.settings import Settings
from tests.conftest import Kafka

pytestmark = pytest.mark.kafka

_PATIENCE_SECONDS = 20


@contextmanager
def written_all_the_time(bootstrap: str, topic: str) -> Iterator[None]:
    """Somebody writes into the one partition of a topic, all but without a pause in which a reader could see its end."""
    stop, begun = Event(), Event()

    def write() -> None:
        producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})
        give_up = time.monotonic() + _PATIENCE_SECONDS
        while not stop.is_set() and time.monotonic() < give_up:  # a reader that waits for a pause is given one
            producer.produce(topic, b"value", b"key", partition=0, on_delivery=lambda *_: begun.set())
            producer.poll(0.002)
        producer.flush(20)

    writer = Thread(target=write)
    writer.start()
    try:
        assert begun.wait(_PATIENCE_SECONDS)
        yield
    finally:
        stop.set()
        writer.join()


def test_a_topic_that_is_written_all_the_time_is_read_to_the_end_that_it_had(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> None:
    """And when all that is wanted has come, nothing is waited for: the client would tell of an end only in a pause."""
    given: Any = {"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix, "partitions": 1}
    told: list[tuple[int, int]] = []
    settings = Settings(data_dir=tmp_path, application=topic_prefix, kafka=given)
    ensure_topics(settings)
    with written_all_the_time(kafka.bootstrap, settings.topic(CASE_CLOSED)):
        read = read_topic(settings, CASE_CLOSED, tell=lambda done, total: told.append((done, total)))
        offsets = [message.offset() for message in read]
    done, total = told[-1]
    assert offsets == list(range(total))
    assert done == total > 0
    assert told.count((total, total)) == 1


class Behind:
    """A consumer of a partition with five offsets, the last a marker's, whose new leader at first does not know of them."""

    def __init__(self) -> None:
        self._to_come = [_end_at(0), *(Message(topic="t", partition=0, offset=offset) for offset in range(4)), _end_at(4), _end_at(5)]

    def assign(self, places: list[Any]) -> None:
        """See confluent_kafka."""

    def consume(self, *_: Any) -> list[Any]:
        """See confluent_kafka."""
        return [self._to_come.pop(0)]


def _end_at(offset: int) -> Message:
    return Message(topic="t", partition=0, offset=offset, error=KafkaError(KafkaError._PARTITION_EOF))


def test_an_end_that_comes_before_the_end_asked_for_is_no_end() -> None:
    """What lies behind it would be left out without a word."""
    read = _read(Behind(), "t", {0: (0, 5)}, lambda _done, _total: None)
    assert [message.offset() for message in read] == [0, 1, 2, 3]
