"""How fast the engine catches up: the job of docs/design/engine.md, on a broker of its own or one that is running already.

``python -m tests.runtime.bench_engine [BOOTSTRAP] [--cases N] [--workers 1|2]``. Two topics of Avro records are published, read
from the earliest offset, decoded whole and joined per case with durable state; a verdict is emitted when both sides are known.
The figure is records per second from the first committed record to the last, process start not included.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import fastavro
import orjson
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from ops.kafka import LocalBroker
from streams.clock import Clock
from streams.runtime.engine import Engine
from streams.runtime.progress import read_progress
from streams.runtime.settings import EngineSettings

PARTITIONS = 16
TEXTS = ("event_id", "case_no", "item_code", "item_name", "unit_code", "unit_name", "title", "source_system")
SCHEMA = fastavro.parse_schema(
    {
        "type": "record",
        "name": "Event",
        "fields": [
            *({"name": name, "type": "string"} for name in TEXTS),
            *({"name": name, "type": "long"} for name in ("accepted_at", "at", "revision")),
            *({"name": name, "type": "boolean"} for name in ("deleted", "is_test")),
        ],
    }
)


class CaseJob:
    """Decodes every record whole, keeps a state per case, emits a verdict when both sides are known."""

    def __init__(self, prefix: str) -> None:
        self.name = f"{prefix}-cases"
        self.inputs = (f"{prefix}-closed", f"{prefix}-received")
        self.revisited = ("cases",)
        self.tables = {"cases": f"{prefix}-state"}
        self.verdicts = f"{prefix}-verdicts"
        self.outputs = (self.verdicts,)
        self.fingerprint = "1"

    def terms(self, table: str, key: bytes, value: bytes) -> tuple[bytes, ...]:  # noqa: ARG002 - the engine's protocol
        """Return the unit and the deadline of an open case."""
        state = orjson.loads(value)
        return (
            (b"u" + state["unit"].encode(), b"d%d" % state["closed"]) if state.get("received") is None else (b"u" + state["unit"].encode(),)
        )

    def process(self, work, batch) -> None:
        """Join."""
        keys = list(dict.fromkeys(record.key for record in batch.records))
        states = {key: {} if value is None else orjson.loads(value) for key, value in zip(keys, work.get_many("cases", keys), strict=True)}
        side = "closed" if batch.topic == self.inputs[0] else "received"
        for record in batch.records:
            event = fastavro.schemaless_reader(io.BytesIO(record.value), SCHEMA, None)
            state = states[record.key]
            state["unit"] = event["unit_code"]
            both_before = state.get("closed") and state.get("received")
            state[side] = event["at"]
            state.setdefault("closed", 0)
            if state["closed"] and state.get("received") and not both_before:
                work.emit(
                    self.verdicts, record.key, orjson.dumps({"case_no": event["case_no"], "delay": state["received"] - state["closed"]})
                )
        for key in keys:
            work.put("cases", key, orjson.dumps(states[key]))

    def advance(self, work, limit: int) -> int | None:  # noqa: ARG002 - nothing becomes due here
        """Nothing becomes due."""
        return None

    def revisit(self, work, table, keys) -> None:
        """Nothing to revisit."""


def publish(bootstrap: str, prefix: str, cases: int) -> None:
    """Create the topics and publish the events, 3 % of them closings without a receipt."""
    names = ["closed", "received", "verdicts"]
    topics = [NewTopic(f"{prefix}-{name}", PARTITIONS, 1, config={"retention.ms": "-1"}) for name in names]
    topics.append(NewTopic(f"{prefix}-state", PARTITIONS, 1, config={"cleanup.policy": "compact"}))
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for created in admin.create_topics(topics).values():
        created.result(30)
    producer = Producer(
        {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 50, "queue.buffering.max.messages": 2_000_000}
    )
    for side in ("closed", "received"):
        for number in range(cases):
            if side == "received" and number % 33 == 0:
                continue
            case = f"3301{number:012d}"
            event = dict.fromkeys(TEXTS, "330100000000") | {
                "event_id": f"{side}-{number}",
                "case_no": case,
                "title": "关于某事项的办理结果",
            }
            event |= {"accepted_at": 1, "at": 1_500_000_000_000 + number, "revision": 1, "deleted": False, "is_test": False}
            out = io.BytesIO()
            fastavro.schemaless_writer(out, SCHEMA, event)
            producer.produce(f"{prefix}-{side}", key=case, value=out.getvalue())
            if number % 1000 == 0:
                producer.poll(0)
    producer.flush()


def work(bootstrap: str, prefix: str, worker: str, folder: str) -> None:
    """Run one worker until it is ended."""
    engine = Engine(CaseJob(prefix), EngineSettings(kafka={"bootstrap.servers": bootstrap}, worker=worker, data_dir=Path(folder)), Clock())

    @engine.app.agent(engine.topic)
    async def batches(stream):
        async for batch in stream:
            engine.hand_over(batch)

    asyncio.run(engine.run())
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(
        f"{worker}: {usage.ru_utime + usage.ru_stime:.1f} CPU s, {usage.ru_maxrss / 1024:.0f} MB, "
        f"{engine.stats.transactions} transactions, commit {engine.stats.commits.seconds / max(1, engine.stats.transactions) * 1000:.0f} ms"
    )


def measure(bootstrap: str, cases: int, workers: int) -> None:
    """Publish, start workers, and print the rate."""
    prefix = f"bench-{uuid.uuid4().hex[:8]}"
    publish(bootstrap, prefix, cases)
    kafka = {"bootstrap.servers": bootstrap}
    job = CaseJob(prefix)
    total = 2 * cases - (cases + 32) // 33
    with tempfile.TemporaryDirectory() as folder:
        started = [
            subprocess.Popen(
                [sys.executable, "-m", "tests.runtime.bench_engine", "--work", json.dumps([bootstrap, prefix, f"w{number}", folder])]
            )
            for number in range(workers)
        ]
        began, done, first = 0.0, 0, 0
        while done < total:
            time.sleep(0.3)
            done = sum(at.offset or 0 for at in read_progress(kafka, job.name, job.inputs).values())
            if done and not began:
                began, first = time.monotonic(), done
        seconds = time.monotonic() - began
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)
    print(f"{workers} worker(s): {total} records, {(total - first) / seconds:,.0f} records/s ({seconds:.1f} s)")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap", nargs="?")
    parser.add_argument("--cases", type=int, default=300_000)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.work:
        work(*json.loads(given.work))
    elif given.bootstrap:
        measure(given.bootstrap, given.cases, given.workers)
    else:
        with tempfile.TemporaryDirectory() as folder:
            broker = LocalBroker(Path(folder))
            broker.start()
            try:
                measure(broker.bootstrap, given.cases, given.workers)
            finally:
                broker.stop()


if __name__ == "__main__":
    main()
