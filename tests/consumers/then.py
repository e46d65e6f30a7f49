"""A world judged and stored, and what is told of it as of a moment beside what the oracle says of that moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from consumers.anomalies import anomaly_rows
from consumers.clickhouse import Client
from consumers.coverage import SCOPES, CompleteThrough, Judged, coverage_of
from consumers.evidence import evidence_rows
from consumers.score import scores
from consumers.score_as_of import AsOf
from consumers.windows import parse_window
from ops.findings_then import cases_with_later_events, findings_then, items_then
from ops.moment import complete_through
from streams.contracts import ANOMALY_TOPICS, CASE_STATE, COVERAGE_PARTIAL, ITEM_STATE, UNIT_REGISTRY
from streams.domain.facts import CaseFacts
from streams.domain.time import DAY_MS
from tests.agents.pipeline import Pipeline
from tests.consumers.outputs import store_rows
from tests.oracle import oracle, score
from tests.oracle.coverage import rows as oracle_rows

FIGURES = ("config_errors", "unconfigured", "unarchived", "closed", "inaccurate", "missing_material", "systems")
POINTS = ("completeness", "quality", "bonus", "total", "quality_by_case", "total_by_case")
NOBODY = CompleteThrough({}, {})
"""No source sends heartbeats."""
Row = dict[str, Any]
Events = Mapping[str, Sequence[Row]]


def store_world(client: Client, pipeline: Pipeline, units: Iterable[Row] = ()) -> None:
    """What the sink would have stored of what workers told, and of the registry of units."""
    store_rows(client, CASE_STATE, list(pipeline.states().values()))
    store_rows(client, ITEM_STATE, list(pipeline.items().values()))
    store_rows(client, COVERAGE_PARTIAL, pipeline.buckets())
    for topic in ANOMALY_TOPICS:
        store_rows(client, topic, pipeline.anomalies(topic))
    store_rows(client, UNIT_REGISTRY, units)


def compare_as_of(client: Client, events: Events, now_ms: int, *moments_ms: int, year: int = 2018) -> list[AsOf]:
    """Let workers read a world by ``now_ms``, store what they told, and hold every figure of every moment against the oracle's."""
    # All that sources say has been heard before any moment, as where topics are read to their ends (ops/recompute.py).
    with Pipeline(now_ms=0) as pipeline:
        pipeline.world(events)
        for _ in range(2):
            pipeline.tick(now_ms)
        store_world(client, pipeline, events.get(UNIT_REGISTRY, ()))
        moments = [_as_of(client, pipeline, moment_ms) for moment_ms in moments_ms]
    for then in moments:
        _compare_coverage(client, events, then, year)
        _compare_score(client, events, then, year)
    return moments


def _as_of(client: Client, pipeline: Pipeline, moment_ms: int) -> AsOf:
    """A moment as ``ops.findings_then.as_of_moment`` gives it."""
    ahead, states = moment_ms > pipeline.now_ms, pipeline.states()
    later = {case: CaseFacts.load(states[case]["facts"]) for case in cases_with_later_events(client, moment_ms, ahead=ahead)}
    items = items_then(pipeline.assessor, moment_ms)
    findings = findings_then(anomaly_rows(client, state="open"), later, items, pipeline.assessor, moment_ms)
    return AsOf(Judged(moment_ms, DAY_MS, complete_through(pipeline.reference.feeds), ahead=ahead), findings, items)


def _compare_coverage(client: Client, events: Events, then: AsOf, year: int) -> None:
    now_ms, window = then.moment.now_ms, f"{year}-01-01..{year}-12-31"
    verdicts = oracle.judge(events, now_ms, as_of=True).values()
    found = coverage_of(client, SCOPES, parse_window(window, now_ms), now_ms=now_ms, as_of=then.moment)  # type: ignore[arg-type]
    for by, rows in found.items():
        told = {row["scope"]: row for row in oracle_rows(verdicts, now_ms, by, window)}
        if told or by != "city":  # which has its row although there is nothing
            assert {row["scope"]: {**row, "name": ""} for row in rows} == {scope: {**row, "name": ""} for scope, row in told.items()}


def _compare_score(client: Client, events: Events, then: AsOf, year: int) -> None:
    """Each unarchived case that costs has its evidence."""
    now_ms = then.moment.now_ms
    for by, rows in scores(client, year=year, now_ms=now_ms, as_of=then).items():
        expected = {row["scope"]: row for row in score.score(events, now_ms, year, by, as_of=True)}
        found = {row["scope"]: row for row in rows}
        assert found.keys() == expected.keys()
        for scope, row in found.items():
            assert {name: row[name] for name in FIGURES} == {name: expected[scope][name] for name in FIGURES}, scope
            for part in POINTS:
                assert row[part] == pytest.approx(expected[scope][part]), (scope, part)
        held = evidence_rows(then.findings, year=year, by=by, homes={})
        costly = [scope for scope, rows in held.items() for each in rows if each["kind"] == "UNARCHIVED" and not each["waived"]]
        assert Counter(costly) == Counter({scope: row["unarchived"] for scope, row in found.items() if row["unarchived"]})
