"""Faust as its guide shows it: an agent that takes event by event, a Table with its changelog, a topic to send to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faust

from ops.bench.events import decode, take
from ops.bench.peers.arguments import told


def main() -> None:
    """Run until ended."""
    given = told()
    app = faust.App(
        given.application,
        broker=f"kafka://{given.bootstrap}",
        store=f"{given.store}://",
        datadir=Path(given.folder),
        topic_partitions=given.partitions,
        topic_disable_leader=True,
        web_enabled=False,
        stream_wait_empty=False,
        producer_linger=0.1,
        producer_compression_type="lz4",
        consumer_auto_offset_reset="earliest",
    )
    events = app.topic(given.closed, given.received, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw")
    verdicts = app.topic(given.verdicts, key_type=bytes, value_type=bytes, value_serializer="raw", key_serializer="raw")
    schema: faust.Schema[bytes, Any] = faust.Schema(key_type=bytes, key_serializer="raw", value_serializer="json")
    cases = app.Table("cases", partitions=given.partitions, schema=schema)

    @app.agent(events)
    async def join(stream: Any) -> None:
        async for event in stream.events():
            state = dict(cases.get(event.key) or {})
            found = take(state, decode(event.value), closing=event.message.topic == given.closed)
            cases[event.key] = state
            if found is not None:
                await verdicts.send(key=event.key, value=found)

    app.finalize()
    worker = faust.Worker(app, loglevel="WARNING")
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
