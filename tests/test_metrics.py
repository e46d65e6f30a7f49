"""Metrics as declared and as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from streams.metrics import Durations, Metric

COUNTER = Metric("guidang_test_total", "counter", "things", "物", "Things", ("kind", "state"), values={"kind": ("a", "b"), "state": ("x",)})
GAUGE = Metric("guidang_test_size", "gauge", "things", "物", "Things", ("kind",), values={"kind": ("a", "b")})
HISTOGRAM = Metric("guidang_test_seconds", "histogram", "seconds", "秒", "Seconds", buckets=(1.0, 2.0))


class Given(Collector):
    """Collects what it is given."""

    def __init__(self, *families: Any) -> None:
        self.families = families

    def collect(self) -> Iterator[Any]:
        """All of it."""
        yield from self.families


def samples(*families: Any) -> dict[tuple[str, ...], float]:
    """Name and values of labels to value, through Prometheus' text and back."""
    registry = CollectorRegistry()
    registry.register(Given(*families))
    parsed = text_string_to_metric_families(generate_latest(registry).decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in parsed for sample in family.samples}


def test_a_counter_with_known_labels_begins_with_zeros_and_a_gauge_has_what_it_was_given() -> None:
    """A rate can be taken of the first event; a gauge that is not known is absent."""
    assert samples(COUNTER.family({("b", "x"): 3})) == {("guidang_test_total", "a", "x"): 0, ("guidang_test_total", "b", "x"): 3}
    assert samples(GAUGE.family({("b",): 3})) == {("guidang_test_size", "b"): 3}
    assert samples(GAUGE.family({})) == {}


def test_a_histogram_adds_up_and_a_value_on_a_bound_lies_below_it() -> None:
    """As Prometheus counts: le."""
    durations = Durations(HISTOGRAM)
    for seconds in (0.5, 1.0, 1.5, 99.0):
        durations.observe(seconds)
    assert samples(HISTOGRAM.histogram_family(durations.counts, durations.seconds)) == {
        ("guidang_test_seconds_bucket", "1.0"): 2,
        ("guidang_test_seconds_bucket", "2.0"): 3,
        ("guidang_test_seconds_bucket", "+Inf"): 4,
        ("guidang_test_seconds_count",): 4,
        ("guidang_test_seconds_sum",): 102.0,
    }


def test_a_metric_is_not_filled_as_what_it_is_not() -> None:
    """Its kind is declared once."""
    with pytest.raises(TypeError, match="guidang_test_size"):
        GAUGE.counter_family()
