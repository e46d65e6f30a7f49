"""A plain loop over confluent-kafka: decodes, joins in a dictionary, produces. It keeps and promises nothing: a ceiling for one CPython."""

from __future__ import annotations

from typing import Any

from confluent_kafka import Consumer, Producer

from ops.bench.events import decode, take
from ops.bench.peers.arguments import told

_CHUNK = 5_000
_COMMIT_MS = 1_000


def main() -> None:
    """Run until ended."""
    given = told()
    consumer = Consumer(
        {
            "bootstrap.servers": given.bootstrap,
            "group.id": given.application,
            "auto.offset.reset": "earliest",
            "auto.commit.interval.ms": _COMMIT_MS,
            "queued.max.messages.kbytes": 65_536,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": given.bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 100,
            "batch.size": 200_000,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    states: dict[bytes, dict[str, Any]] = {}
    consumer.subscribe([given.closed, given.received])
    while True:
        for message in consumer.consume(_CHUNK, 0.1):
            if (error := message.error()) is not None:
                raise SystemExit(error.str())
            key, value = message.key() or b"", message.value() or b""
            found = take(states.setdefault(key, {}), decode(value), closing=message.topic() == given.closed)
            if found is not None:
                producer.produce(given.verdicts, found, key)
        producer.poll(0)


if __name__ == "__main__":
    main()
