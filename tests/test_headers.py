"""Headers as ``confluent_kafka`` gives them."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]  # the package does not mark what it exports

from streams.headers import UNREADABLE, Headers, headers_of
from tests.conftest import Kafka
from tests.raw_headers import send_with_raw_header


@pytest.mark.kafka
def test_headers_that_cannot_be_read_are_told_as_such_and_all_others_are_read_well(kafka: Kafka, topic_prefix: str) -> None:
    """Also the hundredth time: an interpreter that has seen a call often enough no longer looks whether it failed."""
    client = {"bootstrap.servers": kafka.bootstrap}
    topic = f"{topic_prefix}raw"
    admin = AdminClient(client)
    for created in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        created.result(20)
    producer = Producer(client)
    wanted: list[tuple[bytes, Headers]] = []
    for number in range(4):
        for each in range(25):
            wanted.append((b"%d-%d" % (number, each), (("a", b"1"), ("b", None)) if each else ()))
            producer.produce(topic, wanted[-1][0], headers=list(wanted[-1][1]))
        assert producer.flush(20) == 0
        send_with_raw_header(kafka.bootstrap, topic, None, b"raw")
        wanted.append((b"raw", UNREADABLE))
    with closing(Consumer({**client, "group.id": topic})) as consumer:
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[Any] = []
        while len(found) < len(wanted):
            found += consumer.consume(len(wanted), 1.0)
    for _ in range(2):
        assert [(message.value(), headers_of(message)) for message in found] == wanted
