"""A small job that has everything: two inputs to join, deadlines, reference data; and a worker process that runs it.

``python jobs.py CONFIG`` where CONFIG is the JSON of :class:`WorkerConfig`. It appends what it sees of itself to a file, one
JSON object a line, for the tests to watch.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import struct
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from streams.clock import Clock
from streams.errors import GuidangError
from streams.runtime import opening, transaction
from streams.runtime.engine import Engine
from streams.runtime.reference import ReferenceReader
from streams.runtime.revisit import Span
from streams.runtime.settings import EngineSettings


@dataclass(frozen=True)
class WorkerConfig:
    """What a worker process of a test is told; ``crash`` and ``variant`` make it misbehave."""

    bootstrap: str
    prefix: str
    worker: str
    data_dir: str
    report: str
    fingerprint: str = "1"
    identity: str = ""
    deadline_ms: int = 3_600_000
    reference: bool = False
    crash: str = ""
    crash_after: int = 1
    crash_signal: int = int(signal.SIGKILL)
    variant: str = ""
    poison: str = ""
    big: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


class PairJob:
    """Counts left and right records of a key, gives one verdict when both are known, one reminder when the right is late.

    A verdict has the headers of the record that made it due.

    State is JSON ``{"l", "r", "due", "late", "unit", "factor"}``. Keys are ``unit-number``.
    """

    def __init__(self, config: WorkerConfig) -> None:
        prefix = config.prefix
        self.name = f"{prefix}-pairs"
        self.left, self.right = f"{prefix}-left", f"{prefix}-right"
        self.inputs = (self.left, self.right)
        self.joined = () if config.variant == "in no order" else self.inputs
        self.revisited = ("pairs",)
        self.tables = {"pairs": f"{prefix}-pair-state"}
        self.verdicts = f"{prefix}-verdicts"
        self.outputs = (self.verdicts,)
        self.fingerprint = config.fingerprint
        self.identity = config.identity
        self.factors: dict[str, int] = {}
        self.config = config

    def restored(self, table: str, key: bytes, record: bytes) -> tuple[bytes, tuple[bytes, ...]]:  # noqa: ARG002 - the engine's protocol
        """The changelog has the state reversed, so that one form cannot be taken for the other."""
        value = record[::-1]
        return value, self._terms(json.loads(value))

    def process(self, work, batches) -> None:
        """Count the records; a verdict when both sides are known."""
        if self.config.poison and any(self.config.poison.encode() == record.value for batch in batches for record in batch.records):
            raise ValueError("a poisonous record")
        while self.config.variant == "endless":
            time.sleep(1.0)
        records = [record for batch in batches for record in batch.records]
        keys = list(dict.fromkeys(record.key for record in records))
        states = {key: self._state(key, value) for key, value in zip(keys, work.get_many("pairs", keys), strict=True)}
        for record in records:
            state = states[record.key]
            side = "l" if record.topic == self.left else "r"
            state[side] += 1
            if side == "l" and state["l"] == 1 and not state["r"]:
                state["due"] = record.timestamp + self.config.deadline_ms
            if state["l"] and state["r"] and not state["verdict"]:
                state["verdict"], state["due"] = True, None
                work.emit(self.verdicts, record.key, b"pair" + os.urandom(self.config.big), record.headers)
        for key in keys:
            self._put(work, key, states[key])

    def advance(self, work, limit: int) -> int | None:
        """Remind of rights that are late."""
        if any(at is None for at in work.watermarks.values()):
            return None
        through = min(work.watermarks.values())
        due = work.scan(b"d", b"d" + struct.pack(">q", through + 1), limit)
        for term, key in due:
            [value] = work.get_many("pairs", [key])
            state = json.loads(value)
            assert term == b"d" + struct.pack(">q", state["due"])
            state["due"], state["late"] = None, True
            work.emit(self.verdicts, key, b"late", [("at", str(through).encode())])
            self._put(work, key, state)
        if len(due) < limit:
            return None
        return struct.unpack(">q", due[-1][0][1:])[0] - 1

    def revisit(self, work, table, keys) -> None:  # noqa: ARG002 - there is one table
        """Take the unit's factor and the rules over."""
        for key, value in zip(keys, work.get_many("pairs", keys), strict=True):
            state = json.loads(value)
            state["factor"], state["rules"] = self.factors.get(state["unit"], 1), self.fingerprint
            self._put(work, key, state)

    def on_reference(self, message):
        """Take a unit's factor in."""
        unit = message.key().decode()
        self.factors[unit] = int(message.value())
        return [Span("pairs", b"u" + message.key(), b"u" + message.key() + b"\x00")]

    def _put(self, work, key: bytes, state: dict[str, Any]) -> None:
        value = json.dumps(state).encode()
        work.put("pairs", key, value, self._terms(state), value[::-1])

    @staticmethod
    def _terms(state: dict[str, Any]) -> tuple[bytes, ...]:
        """Unit, and the deadline while there is one."""
        unit = b"u" + state["unit"].encode()
        return (unit, b"d" + struct.pack(">q", state["due"])) if state["due"] is not None else (unit,)

    def _state(self, key: bytes, value: bytes | None) -> dict[str, Any]:
        if value is not None:
            return json.loads(value)
        unit = key.decode().partition("-")[0]
        return {
            "l": 0, "r": 0, "due": None, "late": False, "verdict": False,
            "unit": unit, "factor": self.factors.get(unit, 1), "rules": self.fingerprint,
        }  # fmt: skip


class Inattentive(ReferenceReader):
    """Reads everything, and then follows nothing."""

    def follow(self, *args) -> None:
        """Wait where it should read."""
        self._poll = lambda: time.sleep(0.2) or []
        super().follow(*args)


def misbehave(config: WorkerConfig) -> None:
    """Install the crash point and the known-bad variant a test asked for."""
    if config.variant == "unfenced":
        original = transaction.producer_config
        transaction.producer_config = lambda kafka, name, timeout: original(kafka, f"{name}-{config.worker}", timeout)
    if not config.crash:
        return
    left, alone = config.crash_after, threading.Lock()

    def crash(where: str) -> None:
        nonlocal left
        if where == config.crash:
            left -= 1
            if left <= 0:
                left = 1_000_000_000
                os.kill(os.getpid(), config.crash_signal)

    bounded, commit, changes = (
        transaction.Committer._bounded,
        transaction.Committer.commit,
        opening.Opening._changes,
    )

    def new_bounded(self, what, call):
        crash(f"before {what}")
        bounded(self, what, call)

    def new_commit(self, what):
        # One at a time: a transaction of another partition that is open meanwhile times out in a long sleep, and ends the woken process.
        with alone:
            if what.outputs:  # what nobody but the committer's owner may write; the first commits of a partition have none
                crash("before begin")
            result = commit(self, what)
            crash("committed, not stored")
        return result

    def new_changes(self, *args):
        crash("recovering")
        return changes(self, *args)

    transaction.Committer._bounded = new_bounded
    transaction.Committer.commit = new_commit
    opening.Opening._changes = new_changes


def make_engine(config: WorkerConfig) -> Engine:
    """Wire a worker, as an application would."""
    kafka = {"bootstrap.servers": config.bootstrap}
    job = PairJob(config)
    settings = EngineSettings(
        **{
            "kafka": kafka,
            "worker": config.worker,
            "data_dir": Path(config.data_dir),
            "session_timeout_s": 6.0,
            **config.settings,
        }
    )
    reader = Inattentive if config.variant == "follows no reference" else ReferenceReader
    reference = reader(kafka, job.name, [f"{config.prefix}-factors"], job.on_reference) if config.reference else None
    engine = Engine(job, settings, Clock(), reference)

    @engine.app.agent(engine.topic)
    async def batches(stream):
        lost = False
        async for batch in stream:
            if config.variant == "deaf" or (config.variant == "deaf on the right" and batch.topic == engine.job.right):
                continue
            if config.variant == "lossy" and batch.records and not lost:
                lost = True  # far from the last of its partition: what follows it begins too late
                continue
            engine.hand_over(batch)

    return engine


async def watch(engine: Engine, report: Path) -> None:
    """Append the statistics to the report, ten times a second."""
    with report.open("a", buffering=1) as out:
        while True:
            stats = engine.stats
            line = {"t": time.time(), "pid": os.getpid(), "records": sum(stats.records.values()), "transactions": stats.transactions,
                    "idle": stats.idle_transactions, "recovered": stats.recovered_records, "fenced": stats.fenced,
                    "generation": stats.generation, "commit_seconds": stats.commits.seconds,
                    "revisited": stats.revisited_keys, "partitions": sorted(stats.watermark_ms)}  # fmt: skip
            out.write(json.dumps(line) + "\n")
            await asyncio.sleep(0.1)


async def main(config: WorkerConfig) -> None:
    """Run the worker."""
    misbehave(config)
    engine = make_engine(config)
    watching = asyncio.create_task(watch(engine, Path(config.report)))
    try:
        await engine.run()
    finally:
        watching.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    config = WorkerConfig(**json.loads(sys.argv[1]))
    try:
        asyncio.run(main(config))
    except GuidangError as exc:
        print(f"{type(exc).__name__}: {exc}", file=sys.stderr)
        sys.exit(exc.exit_code)
