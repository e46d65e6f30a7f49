"""The law: any permutation and duplication of the same events gives the same state, the same open findings, the same counts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts import FEED_HEARTBEAT, UNIT_REGISTRY
from streams.domain.facts import CaseFacts
from streams.domain.time import DAY_MS
from tests.agents.pipeline import Pipeline
from tests.strategies import MONDAY_MS, archives, closings, heartbeats, unit_rows

END_MS = MONDAY_MS + 12 * DAY_MS

Step = tuple[str, dict[str, Any]]
steps = st.one_of(
    st.tuples(st.just("closing"), closings()),
    st.tuples(st.just("archive"), archives()),
    st.tuples(st.just("unit"), unit_rows()),
    st.tuples(st.just("heartbeat"), heartbeats()),
)


def run(order: list[Step], *, ticks: frozenset[int] = frozenset()) -> tuple[Any, Any, Any]:
    """Feed steps one batch each, with time passing after those at ``ticks``; return states, open findings and counts at the end."""
    with Pipeline(now_ms=MONDAY_MS) as pipeline:
        for index, (kind, record) in enumerate(order):
            if kind == "closing":
                pipeline.closings(record)
            elif kind == "archive":
                pipeline.archives(record)
            else:
                pipeline.reference_record({"unit": UNIT_REGISTRY, "heartbeat": FEED_HEARTBEAT}[kind], record)
            if index in ticks:
                pipeline.tick(MONDAY_MS + index * DAY_MS)
        pipeline.tick(END_MS)
        return pipeline.states(), pipeline.open_anomalies(), pipeline.buckets()


@given(st.lists(steps, max_size=12), st.data())
@settings(max_examples=150, deadline=None)
def test_any_order_and_any_repetition_of_events_ends_in_the_same_states_findings_and_counts(
    events: list[Step], data: st.DataObject
) -> None:
    """Time passes at other moments too: what was said on the way must be taken back in full."""
    repeated = events + (data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else [])
    shuffled = data.draw(st.permutations(repeated))
    ticks = data.draw(st.frozensets(st.integers(0, 11), max_size=4))
    assert run(shuffled, ticks=ticks) == run(events)


@given(st.lists(steps, max_size=12), st.frozensets(st.integers(0, 11), max_size=4))
@settings(max_examples=100, deadline=None)
def test_findings_told_equal_findings_in_the_states(events: list[Step], ticks: frozenset[int]) -> None:
    """Whoever follows the anomaly topic knows the same as who reads ``case-state``."""
    states, told, _ = run(events, ticks=ticks)
    assert told == {(state["case_no"], kind) for state in states.values() for kind in state["open_anomalies"]}


@given(st.lists(closings(st.just("c")), max_size=8), st.lists(archives(st.just("c")), max_size=8), st.data())
def test_facts_survive_being_written_down(closed: list[dict[str, Any]], received: list[dict[str, Any]], data: st.DataObject) -> None:
    """Dump and load between any two events changes nothing."""
    plain, stored = CaseFacts(), CaseFacts()
    for event in data.draw(st.permutations(closed + received)):
        for facts in (plain, stored):
            _ = facts.add_archive(event) if "archive_no" in event else facts.add_closing(event)
        stored = CaseFacts.load(stored.dump())
    assert stored == plain
    assert stored.dump() == plain.dump()
