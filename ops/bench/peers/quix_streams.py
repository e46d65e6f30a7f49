"""Quix Streams as its documentation shows it: both topics as one StreamingDataFrame, a stateful function, a changelog."""

from __future__ import annotations

from typing import Any

from quixstreams import Application, State, message_context

from ops.bench.events import decode, take
from ops.bench.peers.arguments import told


def main() -> None:
    """Run until ended."""
    given = told()
    app = Application(
        broker_address=given.bootstrap,
        consumer_group=given.application,
        auto_offset_reset="earliest",
        state_dir=given.folder,
        processing_guarantee="exactly-once",
        loglevel="WARNING",
        producer_extra_config={"linger.ms": 100, "batch.size": 200_000, "compression.type": "lz4", "partitioner": "murmur2_random"},
    )
    verdicts = app.topic(given.verdicts, value_serializer="bytes")

    def join(value: bytes, state: State) -> bytes | None:
        held: dict[str, Any] = state.get("case") or {}
        found = take(held, decode(value), closing=message_context().topic == given.closed)
        state.set("case", held)
        return found

    closings, archives = (app.dataframe(app.topic(topic, value_deserializer="bytes")) for topic in (given.closed, given.received))
    joined = closings.concat(archives).apply(join, stateful=True)
    joined.filter(lambda found: found is not None).to_topic(verdicts)
    app.run()


if __name__ == "__main__":
    main()
