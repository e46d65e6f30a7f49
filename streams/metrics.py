"""Metrics as declarations: each stands once, with kind, unit, meaning and bounded labels, beside the code that fills it.

The declarations are what documents, dashboards and alerts are tested against (``ops/observe/catalogue.py`` gathers them), so that a
metric that is renamed breaks a test and not a page at night. No label holds a case number or an item code: their number has no bound.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import accumulate, product
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

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
    values
        Label to its values, where they are a fixed set.
    """

    name: str
    kind: Kind
    unit: str
    zh: str
    en: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

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

    def histogram_family(self, counts: Sequence[int], total: float) -> HistogramMetricFamily:
        """For a collector that is asked when it is scraped.

        Parameters
        ----------
        counts
            Observations in each bucket, not accumulated; the last one counts those above every bound.
        total
            Sum of the observations.
        """
        self._must_be("histogram")
        bounds = (*map(floatToGoString, self.buckets), "+Inf")
        return HistogramMetricFamily(self.name, self.help, [*zip(bounds, accumulate(counts), strict=True)], total)

    def family(self, found: Mapping[tuple[str, ...], float]) -> Family:
        """A counter or gauge with these samples, by values of labels in the order of ``labels``.

        Where every label has a fixed set of values, a counter's missing samples are 0: a rate can be taken from the first event on.
        """
        family = self.counter_family() if self.kind == "counter" else self.gauge_family()
        if self.kind == "counter" and self.labels == tuple(self.values):
            found = {**dict.fromkeys(product(*self.values.values()), 0.0), **found}
        for labels, value in found.items():
            family.add_metric(labels, value)
        return family

    def single(self, value: float | None) -> Family:
        """A counter or gauge without labels; ``None``: not known, no sample."""
        return self.family({} if value is None else {(): value})

    def _must_be(self, kind: Kind) -> None:
        if self.kind != kind:
            raise TypeError(f"{self.name} is declared as a {self.kind}, not as a {kind}")


class Durations:
    """A histogram filled by one thread and read by any, at the price of a list access for each observation."""

    __slots__ = ("_bounds", "counts", "seconds")

    def __init__(self, metric: Metric) -> None:
        self._bounds = metric.buckets
        self.counts = [0] * (len(metric.buckets) + 1)
        self.seconds = 0.0

    def observe(self, seconds: float) -> None:
        """Take in one duration."""
        self.counts[bisect_left(self._bounds, seconds)] += 1
        self.seconds += seconds


BUILD: Final = Metric(
    "guidang_build_info", "gauge", "", "版本与角色，值恒为 1。", "Version and role of a process; always 1.", ("version", "role")
)


class BuildInfo(Collector):
    """Says which version of which role a process is."""

    def __init__(self, role: str) -> None:
        self._role = role

    def collect(self) -> Iterator[Family]:
        """One sample."""
        yield BUILD.family({(version("guidang"), self._role): 1})
