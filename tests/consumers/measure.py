"""Rates of the embedded engine and of the sink on this machine: ``python -m tests.consumers.measure``."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from consumers.clickhouse import connect
from consumers.coverage import CompleteThrough, Judged, coverage_rows
from consumers.inserting import insert_rows
from consumers.migrate import migrate
from consumers.rows import TABLES
from consumers.sink import Sink
from consumers.windows import parse_window
from ops.kafka import LocalBroker
from streams.contracts import CASE_STATE, codec
from streams.settings import KafkaSettings
from tests.consumers.conftest import StoreProcess, store_settings
from tests.consumers.outputs import T0, Outputs, case_state

INSERTED, SUNK, BLOCK = 1_000_000, 200_000, 25_000


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def measure_store(store: StoreProcess, home: Path) -> None:
    """Inserts of whole case states as the sink sends them, plain columns through the client's Native format, and reading them back."""
    settings = store_settings(store, home, "store")
    migrate(settings)
    client = connect(settings)
    known, table = codec(CASE_STATE), TABLES[0]
    spent = 0.0
    for start in range(0, INSERTED, BLOCK):
        records = ({**case_state(n), "closed_at": T0 + n, "unit_code": f"U{n % 300}"} for n in range(start, start + BLOCK))
        read = [table.read(SimpleNamespace(value=partial(known.encode, record)), 1) for record in records]
        format_, rows = read[0][0], [format_.row(number, body) for number, (format_, body) in enumerate(read, start)]
        spent += timed(lambda format_=format_, rows=rows: insert_rows(client, table.name, format_, rows))  # type: ignore[misc]
    print(f"case_state, {len(table.columns)} columns, Avro, inserts of {BLOCK}: {INSERTED / spent:,.0f} rows/s")
    client.command("CREATE TABLE plain (k String, v UInt64, at DateTime64(3), s LowCardinality(String)) ENGINE = MergeTree ORDER BY k")
    columns = [[f"case-{n}" for n in range(BLOCK * 8)], list(range(BLOCK * 8)), [T0] * BLOCK * 8, ["ARCHIVED"] * BLOCK * 8]
    names = ["k", "v", "at", "s"]
    spent = min(timed(lambda: client.insert("plain", columns, names, column_oriented=True)) for _ in range(3))
    print(f"4 columns, Native from Python lists, blocks of {BLOCK * 8}: {BLOCK * 8 / spent:,.0f} rows/s")
    now = T0 + INSERTED
    window = parse_window("24h", now)
    ask = lambda: coverage_rows(client, "unit", window, now_ms=now, as_of=Judged(now, 0, CompleteThrough({}, {})))  # noqa: E731
    print(f"coverage of 300 units as of a moment, over {INSERTED:,} cases: {min(timed(ask) for _ in range(3)) * 1000:,.0f} ms")
    print(f"SELECT 1: {timed(lambda: [client.query('SELECT 1') for _ in range(200)]) * 5:.2f} ms")


class Measured(Sink):
    """A sink that stops once it has committed so many rows, and knows when the first came."""

    first = 0.0
    last = 0.0
    rows = 0

    def insert(self, *, patient: bool = True) -> None:
        """Count."""
        self.first = self.first or (self.batch.first_at or 0.0)
        self.rows += self.batch.rows
        super().insert(patient=patient)

    def commit(self) -> None:
        """Stop at the end."""
        super().commit()
        self.last = time.monotonic()
        if self.rows >= SUNK:
            self.stop.set()


def measure_sink(store: StoreProcess, home: Path) -> None:
    """Catching up with case states from the beginning, broker, engine and sink on one machine."""
    broker = LocalBroker(home / "kafka")
    broker.start()
    try:
        settings = store_settings(store, home, "sink", kafka=KafkaSettings(bootstrap_servers=broker.bootstrap))
        outputs = Outputs(settings)
        for start in range(0, SUNK, 5_000):
            outputs.write(CASE_STATE, map(case_state, range(start, start + 5_000)), partition=start // 5_000 % 8)
        sink = Measured(settings)
        before = resource.getrusage(resource.RUSAGE_SELF)
        sink.run()
        after = resource.getrusage(resource.RUSAGE_SELF)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"sink, {SUNK:,} case states: {SUNK / (sink.last - sink.first):,.0f} rows/s, {cpu:.1f} s CPU of its own")
        assert connect(settings).query("SELECT count() FROM case_state FINAL").first_row == (SUNK,)
    finally:
        broker.stop()


def main() -> None:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as folder:
        store = StoreProcess(Path(folder) / "store")
        try:
            measure_store(store, Path(folder))
            measure_sink(store, Path(folder))
        finally:
            store.kill()


if __name__ == "__main__":
    main()
