"""The declarations keep the rules of the trade, and the page is made from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.observe.catalogue import METRICS, ROLES, SERIES
from ops.observe.document import LABELS, document
from streams.agents.metrics import VERDICTS
from streams.contracts import CASE_STATE, topic_contract
from streams.metrics import BUILD, PREFIX, Metric

UNITS = {"seconds", "days", "ratio", "points"}
"""Units that a name ends in; counts of things are named by the things."""
FORBIDDEN = {"case_no", "case", "item", "item_code", "archive_no", "title"}


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_is_named_and_labelled_by_the_rules(metric: Metric) -> None:
    """Prefix, unit and kind in the name; two sentences; labels that are bounded or explained; rising buckets."""
    stem = metric.name.removesuffix("_total")
    assert metric.name.startswith(PREFIX)
    assert metric.name.endswith("_total") is (metric.kind == "counter")
    assert metric.unit not in UNITS or stem.endswith(f"_{metric.unit}")
    assert metric.zh.endswith("。")
    assert metric.en.endswith(".")
    assert not set(metric.labels) & FORBIDDEN
    assert set(metric.values) <= set(metric.labels)
    assert all(label in metric.values or label in LABELS for label in metric.labels)
    assert list(metric.buckets) == sorted(set(metric.buckets))
    assert bool(metric.buckets) is (metric.kind == "histogram")


def test_each_metric_is_declared_once_and_all_serve_their_build() -> None:
    """A name that two roles serve would be two things."""
    declared = [metric.name for metrics in ROLES.values() for metric in metrics if metric is not BUILD]
    assert len(declared) == len(set(declared))
    assert all(BUILD in metrics for metrics in ROLES.values())
    assert len(SERIES) == sum(len(metric.series) for metric in METRICS.values())


def test_the_statuses_are_those_of_the_contract() -> None:
    """UNKNOWN is only what an old reader makes of a new status."""
    (schema,) = topic_contract(CASE_STATE).versions.values()
    symbols = next(field["type"]["symbols"] for field in schema["fields"] if field["name"] == "status")
    assert (*VERDICTS.values["status"], "UNKNOWN") == tuple(symbols)


def test_the_page_is_what_the_declarations_say() -> None:
    """Made anew with ``python -m ops.observe.document > docs/metrics.md``."""
    page = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == document()
