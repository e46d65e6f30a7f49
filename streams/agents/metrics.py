"""What the job says of its work to Prometheus: verdicts, findings, dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from streams.domain.rules import KINDS
from streams.metrics import Metric

if TYPE_CHECKING:
    from streams.agents.cases import CaseJob

VERDICTS: Final = Metric(
    "guidang_worker_verdicts_total",
    "counter",
    "verdicts",
    "写下的判定数，按判定后的状态；同一办件改判一次计一次。",
    "Verdicts written, by the status judged; a case that is judged anew counts again.",
    ("status",),
    values={"status": ("NOT_CLOSED", "AWAITING", "ARCHIVED", "ARCHIVED_LATE", "UNARCHIVED", "EXCLUDED", "ORPHAN")},
)
ANOMALIES: Final = Metric(
    "guidang_worker_anomalies_total",
    "counter",
    "events",
    "发布的异常事件数，按种类与打开／解除。",
    "Findings published, by kind and by whether they opened or were resolved.",
    ("kind", "state"),
    values={"kind": tuple(KINDS), "state": ("OPENED", "RESOLVED")},
)
DEAD_LETTERS: Final = Metric(
    "guidang_worker_dead_letters_total",
    "counter",
    "records",
    "写入 dead-letter 的记录数，按原因。",
    "Records written to dead-letter, by reason.",
    ("reason",),
    values={
        "reason": (
            *("NULL_VALUE", "NOT_FRAMED", "UNKNOWN_SCHEMA", "BROKEN_AVRO", "TRAILING_BYTES", "EMPTY_KEY", "KEY_MISMATCH", "EMPTY_EVENT_ID"),
            *("TIME_OUT_OF_RANGE", "DATE_OUT_OF_RANGE", "FIELD_TOO_LONG", "RECORD_TOO_LARGE", "MISROUTED", "TOO_MANY_EVENTS"),
            *("UNKNOWN_TOPIC", "EMPTY_SOURCE_SYSTEM"),
        )
    },
)

DECLARED: Final = (VERDICTS, ANOMALIES, DEAD_LETTERS)
"""All of this module, in the order of the documents."""


class JobCollector(Collector):
    """Reads what the job counted; from any thread, while it works."""

    def __init__(self, job: CaseJob) -> None:
        self._job = job

    def collect(self) -> Iterator[Family]:
        """Everything in :data:`DECLARED`."""
        tally = self._job.tally
        yield VERDICTS.family({(status,): count for status, count in tally.verdicts.copy().items()})
        yield ANOMALIES.family({(kind, state): count for (kind, state), count in self._job.publisher.told.copy().items()})
        yield DEAD_LETTERS.family({(reason,): count for reason, count in tally.dead_letters.copy().items()})
