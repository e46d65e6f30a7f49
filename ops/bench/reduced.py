"""Our engine on the reduced job of docs/design/engine.md: ``python -m ops.bench.reduced`` is one worker.

Two topics of Avro records, decoded whole and joined per case with durable state; a verdict when both sides are known.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from ops.bench.events import SCHEMA, take
from streams.clock import Clock
from streams.decoding import decoder
from streams.runtime.batch import RecordBatch
from streams.runtime.engine import Engine
from streams.runtime.job import Work
from streams.runtime.settings import EngineSettings

_TABLE = "cases"
_decode = decoder(SCHEMA)


class ReducedJob:
    """Decodes every record whole, keeps a state per case, emits a verdict when both sides are known.

    Parameters
    ----------
    run
        Its group, and the beginning of the names of its changelog and its verdicts.
    inputs
        Topics of the closings and of the archives.
    """

    def __init__(self, run: str, inputs: tuple[str, str]) -> None:
        self.name = run
        self.inputs = self.joined = inputs
        self.revisited = (_TABLE,)
        self.tables = {_TABLE: f"{run}-state"}
        self.verdicts = f"{run}-verdicts"
        self.outputs = (self.verdicts,)
        self.fingerprint = "1"
        self.identity = ""

    def restored(self, table: str, key: bytes, record: bytes) -> tuple[bytes, Sequence[bytes]]:  # noqa: ARG002 - the engine's protocol
        """The changelog has what the store has."""
        return record, ()

    def process(self, work: Work, batches: Sequence[RecordBatch]) -> None:
        """Join."""
        keys = list(dict.fromkeys(record.key for batch in batches for record in batch.records))
        states: dict[Any, dict[str, Any]] = {
            key: {} if value is None else orjson.loads(value) for key, value in zip(keys, work.get_many(_TABLE, keys), strict=True)
        }
        for batch in batches:
            closing = batch.topic == self.inputs[0]
            for record in batch.records:
                verdict = take(states[record.key], _decode(record.value, 0), closing=closing)
                if verdict is not None:
                    work.emit(self.verdicts, record.key, verdict)
        for key in keys:
            work.put(_TABLE, key, orjson.dumps(states[key]))

    def advance(self, work: Work, limit: int) -> int | None:  # noqa: ARG002 - the engine's protocol
        """Nothing becomes due."""
        return None

    def revisit(self, work: Work, table: str, keys: Sequence[bytes]) -> None:
        """Nothing to revisit."""


def main() -> None:
    """Run one worker until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("bootstrap", "run", "closed", "received", "worker", "folder"):
        parser.add_argument(f"--{name}", required=True)
    given = parser.parse_args()
    settings = EngineSettings(kafka={"bootstrap.servers": given.bootstrap}, worker=given.worker, data_dir=Path(given.folder))
    engine = Engine(ReducedJob(given.run, (given.closed, given.received)), settings, Clock())

    @engine.app.agent(engine.topic)
    async def batches(stream: Any) -> None:
        async for batch in stream:
            engine.hand_over(batch)

    asyncio.run(engine.run())


if __name__ == "__main__":
    main()
