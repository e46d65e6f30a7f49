"""What the sink says of itself to Prometheus."""

from __future__ import annotations

from typing import Final

from streams.metrics import Metric

ROWS: Final = Metric(
    "guidang_sink_rows_total",
    "counter",
    "rows",
    "写入 ClickHouse 的行数，重放时重写的行也计。",
    "Rows inserted, replays included.",
    ("table",),
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
