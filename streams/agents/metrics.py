"""What the job says of its work to Prometheus: verdicts, findings, dead letters."""

from __future__ import annotations

from typing import Final

from streams.metrics import Metric

VERDICTS: Final = Metric(
    "guidang_worker_verdicts_total",
    "counter",
    "verdicts",
    "写下的判定数，按判定后的状态；同一办件改判一次计一次。",
    "Verdicts written, by the status judged; a case that is judged anew counts again.",
    ("status",),
)
ANOMALIES: Final = Metric(
    "guidang_worker_anomalies_total",
    "counter",
    "events",
    "发布的异常事件数，按种类与 opened／resolved。",
    "Findings published, by kind and whether opened or resolved.",
    ("kind", "state"),
)
DEAD_LETTERS: Final = Metric(
    "guidang_worker_dead_letters_total",
    "counter",
    "records",
    "写入 dead-letter 的记录数，按原因。",
    "Records written to dead-letter, by reason.",
    ("reason",),
)

DECLARED: Final = (VERDICTS, ANOMALIES, DEAD_LETTERS)
"""All of this module, in the order of the documents."""
