"""Topics of their own on the shared broker, into which tests write dead letters as a worker would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

from ops.connect import Admin
from ops.dlq.letter import Place
from ops.reading import read_topic
from ops.topics import ensure_topics
from streams.contracts import CASE_CLOSED, DEAD_LETTER
from streams.settings import Settings
from tests.alerts.servers import until
from tests.conftest import Kafka
from tests.dlq.letters import worker_headers
from tests.ops.test_cli import guidang

PARTITIONS = 4


class Desk:
    """Dead letters in, source topics out."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        # As small as a sender can make a record: topics limit what it comes to.
        self._producer = Producer({**settings.kafka_client(), "log_level": 0, "message.max.bytes": 8_000_000, "compression.type": "gzip"})
        self._admin = Admin(settings).client

    def write(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Any, **more: Any) -> Place:
        """Write one record; return its place."""
        placed: list[Any] = []
        self._producer.produce(
            self.settings.topic(topic), value, key, partition, headers=headers, on_delivery=lambda *told: placed.append(told), **more
        )
        self._producer.flush(30)
        ((error, message),) = placed
        assert error is None, error
        return Place(message.partition(), message.offset())

    def dead(
        self, key: bytes | None, value: bytes | None, own: Any = (), *, topic: str = CASE_CLOSED, partition: int = 0, **why: Any
    ) -> Place:
        """Write a dead letter of a record that lay in ``partition`` of ``topic``."""
        headers = worker_headers(list(own), topic=self.settings.topic(topic), partition=partition, **why)
        return self.write(DEAD_LETTER, partition, key, value, headers)

    def records(self, topic: str) -> list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]]:
        """All committed records of a topic: partition, key, value, headers.

        A commit is answered before its marker lies in every partition (KIP-98): until then a reader's end is before its records.
        """
        asked = {TopicPartition(self.settings.topic(topic), number): OffsetSpec.latest() for number in range(PARTITIONS)}

        def ends(level: IsolationLevel) -> list[int]:
            return [answer.result().offset for answer in self._admin.list_offsets(asked, isolation_level=level).values()]

        until(lambda: ends(IsolationLevel.READ_COMMITTED) == ends(IsolationLevel.READ_UNCOMMITTED), "markers of what was committed")
        found = sorted(read_topic(self.settings, topic), key=lambda message: (message.partition(), message.offset()))
        return [(each.partition(), each.key(), each.value(), each.headers() or []) for each in found]


@pytest.fixture
def desk(kafka: Kafka, topic_prefix: str, tmp_path: Path) -> Desk:
    """A desk with empty topics."""
    given = {"bootstrap_servers": kafka.bootstrap, "topic_prefix": topic_prefix, "partitions": PARTITIONS}
    settings = Settings(data_dir=tmp_path, application=topic_prefix, kafka=given)
    ensure_topics(settings)
    return Desk(settings)


@pytest.fixture
def environment(desk: Desk) -> dict[str, str]:
    """The settings of the desk, for processes."""
    kafka = desk.settings.kafka
    return {
        "GUIDANG_KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "GUIDANG_KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "GUIDANG_KAFKA__PARTITIONS": str(PARTITIONS),
        "GUIDANG_APPLICATION": desk.settings.application,
        "GUIDANG_DATA_DIR": str(desk.settings.data_dir),
        "LC_ALL": "en_US.UTF-8",
    }


@pytest.fixture
def run_command(environment: dict[str, str]) -> Callable[..., Any]:
    """Runs ``guidang`` on the desk's topics, in a process of its own."""
    return lambda *arguments: guidang(*arguments, **environment)
