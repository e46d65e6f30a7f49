"""What the sink says of itself to Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from consumers.rows import TABLES
from streams.metrics import Durations, Metric

if TYPE_CHECKING:
    from consumers.sink import Sink

ROWS: Final = Metric(
    "guidang_sink_rows_total",
    "counter",
    "rows",
    "写入 ClickHouse 的行数，重放时重写的行也计。",
    "Rows inserted, replays included.",
    ("table",),
    values={"table": tuple(sorted({table.name for table in TABLES}))},
)
INSERT: Final = Metric(
    "guidang_sink_insert_seconds",
    "histogram",
    "seconds",
    "一批数据写入所有表所用的时间；失败的尝试不计。",
    "Time to insert one batch into all its tables; attempts that failed are not counted.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
INSERT_FAILURES: Final = Metric(
    "guidang_sink_insert_failures_total",
    "counter",
    "attempts",
    "写入失败、稍后重试的次数。",
    "Attempts to insert that failed; they are made again.",
)
WAITING: Final = Metric(
    "guidang_sink_waiting_seconds",
    "gauge",
    "seconds",
    "已读到而尚未写入的最早一行等了多久；没有则为 0。",
    "Age of the oldest row read and not inserted; 0: there is none.",
)
LAST_COMMIT: Final = Metric(
    "guidang_sink_last_commit_seconds",
    "gauge",
    "seconds",
    "距上一次提交位移多久；启动后尚未提交则从启动算起。没有新数据时也会增长。",
    "Time since offsets were last committed, or since the start; it grows while nothing new comes.",
)
READY: Final = Metric("guidang_sink_ready", "gauge", "", "1：已分到分区。", "1: partitions were assigned.")

DECLARED: Final = (ROWS, INSERT, INSERT_FAILURES, WAITING, LAST_COMMIT, READY)
"""All of this module, in the order of the documents."""


@dataclass(slots=True)
class SinkStats:
    """What the sink has done since it started, and where it stands; read it from any thread.

    Parameters
    ----------
    rows
        Inserted, by table.
    committed_at
        Monotonic seconds of the last commit; of the start before that.
    assigned
        Whether it has partitions.
    """

    rows: dict[str, int] = field(default_factory=dict)
    inserts: Durations = field(default_factory=lambda: Durations(INSERT))
    insert_failures: int = 0
    committed_at: float = field(default_factory=time.monotonic)
    assigned: bool = False


class SinkCollector(Collector):
    """Reads a sink's counters; from any thread, while it works."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    def collect(self) -> Iterator[Family]:
        """Everything in :data:`DECLARED`."""
        stats, oldest_at, now = self._sink.stats, self._sink.batch.first_at, time.monotonic()
        yield ROWS.family({(table,): rows for table, rows in stats.rows.copy().items()})
        yield INSERT.histogram_family(stats.inserts.counts, stats.inserts.seconds)
        yield INSERT_FAILURES.single(stats.insert_failures)
        yield WAITING.single(0.0 if oldest_at is None else max(now - oldest_at, 0.0))
        yield LAST_COMMIT.single(max(now - stats.committed_at, 0.0))
        yield READY.single(stats.assigned)
