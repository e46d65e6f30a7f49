"""What the engine says of itself to Prometheus."""

from __future__ import annotations

from typing import Final

from streams.metrics import Metric

RECORDS: Final = Metric(
    "guidang_worker_records_total",
    "counter",
    "records",
    "从输入主题读入并交给作业的记录数。",
    "Records taken in from an input topic.",
    ("topic",),
)
TRANSACTIONS: Final = Metric(
    "guidang_worker_transactions_total",
    "counter",
    "transactions",
    "已提交的 Kafka 事务数：work 写有记录，idle 只带进度。",
    "Kafka transactions committed: work wrote records, idle carried progress alone.",
    ("kind",),
)
COMMIT: Final = Metric(
    "guidang_worker_commit_seconds",
    "histogram",
    "seconds",
    "一个事务从开始写到提交并存入本地状态所用的时间。",
    "Time of one transaction, from its first write until it is committed and in the local state.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
WRITTEN: Final = Metric(
    "guidang_worker_written_records_total",
    "counter",
    "records",
    "事务写出的记录数：output 为输出主题，changelog 为状态日志。",
    "Records written in transactions: to output topics, or to changelogs.",
    ("kind",),
)
PARTITIONS: Final = Metric(
    "guidang_worker_partitions",
    "gauge",
    "partitions",
    "本进程持有的分区数：open 已打开，opening 正在接管或恢复。",
    "Partitions this process holds: open, or still being taken over and recovered.",
    ("state",),
)
WATERMARK_AGE: Final = Metric(
    "guidang_worker_watermark_age_seconds",
    "gauge",
    "seconds",
    "作业时钟与本进程最落后分区的水位之差；没有分区或水位未知时缺。",
    "Job clock minus the watermark of this process's slowest partition; absent without partitions or watermark.",
)
LAG: Final = Metric(
    "guidang_worker_lag_records",
    "gauge",
    "records",
    "本进程各分区在该输入主题上尚未提交的位移之和；已清除的记录与事务标记也占位移。",
    "Offsets of an input topic not yet committed, over this process's partitions; markers and compacted records take offsets too.",
    ("topic",),
)
RECOVERY: Final = Metric(
    "guidang_worker_recovery_records",
    "gauge",
    "records",
    "正在恢复的分区的状态日志位移：done 已读回，todo 尚待读回；不在恢复时均为 0。",
    "Changelog offsets of partitions that are recovering: read back, or still to be read; both 0 otherwise.",
    ("state",),
)
RECOVERED: Final = Metric(
    "guidang_worker_recovered_records_total",
    "counter",
    "records",
    "从状态日志读回的值的个数。",
    "Values read back from changelogs.",
)
REBALANCES: Final = Metric(
    "guidang_worker_rebalances_total", "counter", "rebalances", "分区重新分配的次数。", "Assignments of partitions to this process."
)
FENCED: Final = Metric(
    "guidang_worker_fenced_total",
    "counter",
    "partitions",
    "正在交出时已被别的 worker 接管的分区数；不是错误。",
    "Partitions that another worker took over while this one was giving them up; no error.",
)
REVISITED: Final = Metric(
    "guidang_worker_revisited_keys_total",
    "counter",
    "keys",
    "因参照数据、规则或政策变动而重新判定的办件与事项数。",
    "Keys evaluated again because reference data, rules or policy changed.",
)
READY: Final = Metric(
    "guidang_worker_ready",
    "gauge",
    "",
    "1：已分到分区并全部打开。",
    "1: partitions were assigned and all of them are open.",
)

DECLARED: Final = (
    RECORDS, TRANSACTIONS, COMMIT, WRITTEN, PARTITIONS, WATERMARK_AGE, LAG, RECOVERY, RECOVERED, REBALANCES, FENCED, REVISITED, READY,
)  # fmt: skip
"""All of this module, in the order of the documents."""
