"""The figures in ClickHouse as metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from prometheus_client.core import Metric as Family

from consumers.clickhouse import Client, connect, reaching
from consumers.figures import Assessment, Figures, assessment, figures
from consumers.score import PARTS
from ops.monitor.metrics import (
    CASES,
    COVERAGE,
    COVERAGE_DUE,
    DEAD_LETTERS,
    DELAY,
    DUE,
    DUE_ARCHIVED,
    FIGURES_UP,
    OFFICIAL,
    OLDEST_OVERDUE,
    OPEN_FINDINGS,
    SCORE,
    UNIT_INFO,
)
from ops.monitor.question import ANSWER_SECONDS, Question
from streams.metrics import Metric
from streams.settings import Settings

STALE_SECONDS = 300.0
"""The score changes slowly, and over millions of cases takes seconds to count: one of five minutes ago stands until the next is there."""
Samples = Mapping[tuple[str, ...], float]


class FigureMetrics:
    """Asks ClickHouse when it is asked to."""

    def __init__(self, settings: Settings) -> None:
        self._settings, self._clock = settings, settings.make_clock()
        self._counting = Question("数字 figures", self._count)
        self._assessing = Question("考核 assessment", self._assess, stale_seconds=STALE_SECONDS)

    def begin(self) -> None:
        """Ask."""
        self._counting.begin()
        self._assessing.begin()

    def families(self) -> Iterator[Family]:
        """Only that they are not up, while ClickHouse is away."""
        counted, assessed = self._counting.answer(), self._assessing.answer()
        yield FIGURES_UP.single(counted is not None)
        if counted is not None:
            yield from _counts(counted, self._clock.now_ms())
            if assessed is not None:
                yield from _assessment(assessed)

    def _count(self) -> Figures:
        with self._client() as client:
            return figures(client, self._clock.now_ms())

    def _assess(self) -> Assessment:
        with self._client() as client:
            return assessment(client, self._clock.now_ms(), place=self._settings.policy.score.place, delay_bounds=DELAY.buckets)

    @contextmanager
    def _client(self) -> Iterator[Client]:
        with reaching(self._settings), closing(connect(self._settings, answer_seconds=ANSWER_SECONDS)) as client:
            yield client


def _counts(found: Figures, now_ms: int) -> Iterator[Family]:
    yield CASES.family({(*scope, state): row[state] for scope, row in found.coverage.items() for state in CASES.values["state"]})
    yield DUE.family({(*scope, window): of.due for (scope, window), of in found.due.items()})
    yield DUE_ARCHIVED.family({(*scope, window): of.archived for (scope, window), of in found.due.items()})
    for metric, column in ((COVERAGE, "coverage"), (COVERAGE_DUE, "coverage_due"), (OFFICIAL, "official")):
        yield _ratios(metric, column, found)
    yield OPEN_FINDINGS.family(
        {(unit, kind, "true" if backfill else "false"): count for (unit, kind, backfill), count in found.open_findings.items()}
    )
    yield OLDEST_OVERDUE.family({(unit,): max(now_ms - due_ms, 0) / 1000 for unit, due_ms in found.oldest_overdue_ms.items()})
    yield DEAD_LETTERS.family({(reason,): count for reason, count in found.dead_letters.items()})


def _assessment(found: Assessment) -> Iterator[Family]:
    yield SCORE.family({(*scope, part): row[part] for scope, row in found.score.items() for part in PARTS})
    yield DELAY.histogram_family(found.delays.counts, found.delays.days)
    yield UNIT_INFO.family({tuple(unit): 1 for unit in found.units})


def _ratios(metric: Metric, column: str, found: Figures) -> Family:
    samples: Samples = {(*scope,): row[column] for scope, row in found.coverage.items() if row[column] is not None}
    return metric.family(samples)
