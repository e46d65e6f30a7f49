"""Metrics as declarations: each stands once, with kind, unit, meaning and bounded labels, beside the code that fills it.

The declarations are what documents, dashboards and alerts are tested against (``ops/observe/catalogue.py`` gathers them), so that a
metric that is renamed breaks a test and not a page at night. No label holds a case number or an item code: their number has no bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

PREFIX: Final = "guidang_"

Kind = Literal["counter", "gauge", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Parameters
    ----------
    name
        As Prometheus shows it; a counter ends in ``_total``. The unit is in the name.
    unit
        ``seconds``, ``records``, ``cases``, ``ratio``, ``points``, ``days``, …
    zh, en
        What it means, in one sentence each.
    labels
        Names of labels; each has few values.
    buckets
        Upper bounds of a histogram, in ``unit``.
    """

    name: str
    kind: Kind
    unit: str
    zh: str
    en: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def help(self) -> str:
        """Text shown by Prometheus."""
        return f"{self.zh} {self.en}"

    @property
    def series(self) -> tuple[str, ...]:
        """Names under which samples appear."""
        return tuple(self.name + end for end in ("_bucket", "_sum", "_count")) if self.kind == "histogram" else (self.name,)

    def counter(self, registry: CollectorRegistry) -> Counter:
        """A counter of this process."""
        self._must_be("counter")
        return Counter(self.name, self.help, self.labels, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """A gauge of this process."""
        self._must_be("gauge")
        return Gauge(self.name, self.help, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """A histogram of this process."""
        self._must_be("histogram")
        return Histogram(self.name, self.help, self.labels, registry=registry, buckets=self.buckets)

    def counter_family(self) -> CounterMetricFamily:
        """For a collector that is asked when it is scraped."""
        self._must_be("counter")
        return CounterMetricFamily(self.name, self.help, labels=self.labels)

    def gauge_family(self) -> GaugeMetricFamily:
        """For a collector that is asked when it is scraped."""
        self._must_be("gauge")
        return GaugeMetricFamily(self.name, self.help, labels=self.labels)

    def histogram_family(self) -> HistogramMetricFamily:
        """For a collector that is asked when it is scraped."""
        self._must_be("histogram")
        return HistogramMetricFamily(self.name, self.help, labels=self.labels)

    def _must_be(self, kind: Kind) -> None:
        if self.kind != kind:
            raise TypeError(f"{self.name} is declared as a {self.kind}, not as a {kind}")


BUILD: Final = Metric(
    "guidang_build_info", "gauge", "", "版本与角色，值恒为 1。", "Version and role of a process; always 1.", ("version", "role")
)


def serve(host: str, port: int, *collectors: Collector, registry: CollectorRegistry | None = None) -> None:
    """Serve ``/metrics`` in a thread of this process, for as long as it lives."""
    registry = registry or CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    start_http_server(port, addr=host, registry=registry)
