"""What the engine says of itself to Prometheus: read off its counters when it is scraped, so that work costs nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from streams.metrics import Metric

if TYPE_CHECKING:
    from streams.runtime.engine import Engine
    from streams.runtime.stats import EngineStats

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
    values={"kind": ("work", "idle")},
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
    values={"kind": ("output", "changelog")},
)
PARTITIONS: Final = Metric(
    "guidang_worker_partitions",
    "gauge",
    "partitions",
    "本进程持有的分区数：open 已打开，opening 正在接管或恢复。",
    "Partitions this process holds: open, or still being taken over and recovered.",
    ("state",),
    values={"state": ("open", "opening")},
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
    "本进程各分区在该输入主题上尚未提交的位移之和；事务标记也占位移。",
    "Offsets of an input topic not yet committed, over this process's partitions; transaction markers take offsets too.",
    ("topic",),
)
RECOVERY: Final = Metric(
    "guidang_worker_recovery_records",
    "gauge",
    "records",
    "正在恢复的分区的状态日志位移：done 已读回，todo 尚待读回；不在恢复时均为 0。",
    "Changelog offsets of partitions that are recovering: read back, or still to be read; both 0 otherwise.",
    ("state",),
    values={"state": ("done", "todo")},
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
    "被别的 worker 接管的分区数：正在交出时，或别的进程迟到的接管；后者随即重新接管。",
    "Partitions that another worker took: while this one gave them up, or in an opening that came late, after which they are opened again.",
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


class EngineCollector(Collector):
    """Reads an engine's counters; from any thread, while it works.

    Parameters
    ----------
    topic_prefix
        What stands before the names of topics on the broker, and not in the metrics.
    """

    def __init__(self, engine: Engine, topic_prefix: str = "") -> None:
        self._engine, self._prefix = engine, topic_prefix

    def collect(self) -> Iterator[Family]:
        """Everything in :data:`DECLARED`."""
        engine, stats = self._engine, self._engine.stats
        opened, opening = engine.partitions()
        done, total = (sum(each) for each in zip((0, 0), *stats.recovering.copy().values(), strict=True))
        yield RECORDS.family(self._by_topic({**dict.fromkeys(engine.job.inputs, 0), **stats.records}))
        yield TRANSACTIONS.family({("work",): stats.transactions, ("idle",): stats.idle_transactions})
        yield COMMIT.histogram_family(stats.commits.counts, stats.commits.seconds)
        yield WRITTEN.family({("output",): stats.outputs, ("changelog",): stats.changelog_records})
        yield PARTITIONS.family({("open",): opened, ("opening",): opening})
        yield WATERMARK_AGE.single(_age_seconds(stats, engine.clock.now_ms()))
        yield LAG.family(self._by_topic(_lag(stats, engine.job.inputs)))
        yield RECOVERY.family({("done",): done, ("todo",): total - done})
        yield RECOVERED.single(stats.recovered_records)
        yield REBALANCES.single(stats.rebalances)
        yield FENCED.single(stats.fenced)
        yield REVISITED.single(stats.revisited_keys)
        yield READY.single(engine.ready)

    def _by_topic(self, counts: dict[str, int]) -> dict[tuple[str, ...], float]:
        return {(topic.removeprefix(self._prefix),): count for topic, count in counts.items()}


def _age_seconds(stats: EngineStats, now_ms: int) -> float | None:
    marks = list(stats.watermark_ms.copy().values())
    known = [mark for mark in marks if mark is not None]
    return max(now_ms - min(known), 0) / 1000 if marks and len(known) == len(marks) else None


def _lag(stats: EngineStats, inputs: tuple[str, ...]) -> dict[str, int]:
    lag = dict.fromkeys(inputs, 0)
    for (topic, _), records in stats.lag_records.copy().items():
        lag[topic] += records
    return lag
