"""Figures as Prometheus metrics: coverage and score of every unit and district for the current year, read from ClickHouse when scraped.

Labels are units and districts alone: hundreds, never cases or items.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from consumers.clickhouse import connect
from consumers.coverage import coverage_rows
from consumers.score import score_rows
from consumers.windows import DEFAULT_WINDOW, parse_window
from streams.domain.expected import year_of
from streams.domain.time import day_of
from streams.settings import Settings, duration_ms

FRESH_SECONDS = 15.0
"""A scrape within this time of the last one gets the same figures."""
_COUNTS = ("closed", "archived", "unarchived", "awaiting", "due")
_PARTS = ("completeness", "quality", "bonus", "total")


@dataclass(slots=True, eq=False)
class FigureCollector(Collector):
    """Collects on demand; any thread may ask.

    ``guidang_cases`` counts by ``state`` of the year to date, ``guidang_coverage_ratio`` (absent without a denominator),
    ``guidang_score_points`` by ``part``.
    """

    settings: Settings
    _guard: threading.Lock = field(default_factory=threading.Lock)
    _found: list[Metric] = field(default_factory=list)
    _found_at: float = float("-inf")

    def collect(self) -> Iterable[Metric]:
        """The figures, at most :data:`FRESH_SECONDS` old."""
        with self._guard:
            if time.monotonic() - self._found_at > FRESH_SECONDS:
                self._found, self._found_at = list(self._ask()), time.monotonic()
            return self._found

    def _ask(self) -> Iterator[Metric]:
        settings, now_ms = self.settings, self.settings.make_clock().now_ms()
        client, window = connect(settings), parse_window(DEFAULT_WINDOW, now_ms)
        grace_ms, place = duration_ms(settings.policy.orphan_grace), settings.policy.score.place
        cases = GaugeMetricFamily("guidang_cases", "今年办结的办件数 Cases closed this year", labels=("by", "scope", "state"))
        ratio = GaugeMetricFamily("guidang_coverage_ratio", "今年的归档覆盖率 Archived out of closed this year", labels=("by", "scope"))
        points = GaugeMetricFamily("guidang_score_points", "今年的考核得分 The score of this year", labels=("by", "scope", "part"))
        try:
            for by in ("unit", "district"):
                for row in coverage_rows(client, by, window, now_ms=now_ms, orphan_grace_ms=grace_ms):
                    for name in _COUNTS:
                        cases.add_metric((by, row["scope"], name), row[name])
                    if row["coverage"] is not None:
                        ratio.add_metric((by, row["scope"]), row["coverage"])
                for row in score_rows(client, year=year_of(day_of(now_ms)), by=by, place=place):
                    for part in _PARTS:
                        points.add_metric((by, row["scope"], part), row[part])
        finally:
            client.close()
        yield from (cases, ratio, points)


def serve_metrics(settings: Settings, host: str, port: int) -> None:
    """Serve ``/metrics`` in a thread of this process, for as long as it lives."""
    registry = CollectorRegistry()
    registry.register(FigureCollector(settings))
    start_http_server(port, addr=host, registry=registry)
