"""The law: any permutation and duplication of the same events gives the same state, the same open findings, the same counts."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.contracts import ARCHIVE_RECEIVED, CASE_CLOSED, FEED_HEARTBEAT, codec
from streams.domain.facts import CaseFacts
from streams.domain.findings import without_marks
from streams.domain.rules import KINDS
from streams.domain.time import DAY_MS
from tests.agents.pipeline import Pipeline
from tests.strategies import MONDAY_MS, REFERENCE_ROWS, archives, closings, heartbeats

END_MS = MONDAY_MS + 12 * DAY_MS

Step = tuple[str, dict[str, Any]]
Records = dict[tuple[str, str], dict[str, Any]]


def steps_of(topic: str, rows: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[Step]:
    """Records of a topic."""
    return st.tuples(st.just(topic), rows)


steps = st.one_of(
    steps_of(CASE_CLOSED, closings()),
    steps_of(CASE_CLOSED, closings()),
    steps_of(ARCHIVE_RECEIVED, archives()),
    steps_of(ARCHIVE_RECEIVED, archives()),
    steps_of(FEED_HEARTBEAT, heartbeats()),
    *(steps_of(topic, rows()) for topic, rows in REFERENCE_ROWS.items()),
)


def run(order: list[Step], *, ticks: frozenset[int] = frozenset()) -> tuple[Any, Any, Records, Any]:
    """Feed steps one batch each, with time passing after those at ``ticks``; return cases, items, open findings and counts at the end.

    Of each open finding its last record is returned, whole: what subscribers hold of it.
    """
    with Pipeline(now_ms=MONDAY_MS) as pipeline:
        for index, (topic, record) in enumerate(order):
            if topic == CASE_CLOSED:
                pipeline.closings(record)
            elif topic == ARCHIVE_RECEIVED:
                pipeline.archives(record)
            else:
                pipeline.reference_record(topic, record)
            if index in ticks:
                pipeline.tick(MONDAY_MS + index * DAY_MS)
        pipeline.tick(END_MS)
        return pipeline.states(), pipeline.items(), pipeline.open_records(), [_counted(bucket) for bucket in pipeline.buckets()]


def what_is_so(states: dict[str, Any], items: dict[str, Any], told: Records, counts: Any) -> tuple[Any, ...]:
    """An outcome without the one thing that tells how it came about: whether a finding was history on the day it was found."""
    found = ({key: {**state, "findings": without_marks(state["findings"])} for key, state in each.items()} for each in (states, items))
    return (*found, dict(zip(told, without_marks([*told.values()]), strict=True)), counts)


def published(subject: str, state: dict[str, Any]) -> Records:
    """What subscribers ought to hold of the open findings of a state: each field is the finding's, or the state's, or empty."""
    records: Records = {}
    for finding in state["findings"]:
        codec_ = codec(KINDS[finding["kind"]].topic)
        record = {**state, **finding, "subject": subject, "state": "OPENED"}
        records[subject, finding["kind"]] = codec_.decode(codec_.encode(record))
    return records


def _counted(bucket: dict[str, Any]) -> dict[str, Any]:
    """A reason that was counted once and is no longer says 0; one that never was says nothing."""
    return {**bucket, "excluded": {reason: count for reason, count in bucket["excluded"].items() if count}}


@given(st.lists(steps, max_size=14), st.data())
@settings(max_examples=120)
def test_any_order_and_any_repetition_of_events_ends_in_the_same_states_findings_and_counts(
    events: list[Step], data: st.DataObject
) -> None:
    """Reference data in the shuffle, and time passes at other moments too: what was said on the way must be taken back in full."""
    repeated = events + (data.draw(st.lists(st.sampled_from(events), max_size=4)) if events else [])
    shuffled = data.draw(st.permutations(repeated))
    ticks = data.draw(st.frozensets(st.integers(0, 11), max_size=4))
    assert what_is_so(*run(shuffled, ticks=ticks)) == what_is_so(*run(events))


@given(st.lists(steps, max_size=12), st.frozensets(st.integers(0, 11), max_size=4))
@settings(max_examples=60)
def test_findings_told_equal_findings_in_the_states(events: list[Step], ticks: frozenset[int]) -> None:
    """Whoever follows the anomaly topics knows the same as who reads ``case-state`` and ``item-state``, to the last field."""
    states, items, told, _ = run(events, ticks=ticks)
    ought: Records = {}
    for subject, state in (*states.items(), *items.items()):
        ought |= published(subject, state)
    assert told == ought


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
