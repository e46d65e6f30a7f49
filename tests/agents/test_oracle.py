"""The whole job against an oracle that reads the rules in one batch: every case, every finding, every figure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from streams.agents.tables import TABLES
from streams.domain.coverage import HOUR
from streams.domain.time import DAY_MS, HOUR_MS
from tests.agents.pipeline import Pipeline
from tests.oracle import configuration, oracle
from tests.oracle.coverage import CITY, rows
from tests.oracle.verdict import Verdict
from tests.strategies import MONDAY_MS, REFERENCE_ROWS, archives, closings, heartbeats

END_MS = MONDAY_MS + 13 * DAY_MS + 5 * HOUR_MS + 17
Event = dict[str, Any]
World = dict[str, list[Event]]

worlds = st.fixed_dictionaries(
    {
        "case-closed": st.lists(closings(), max_size=8),
        "archive-received": st.lists(archives(), max_size=8),
        "feed-heartbeat": st.lists(heartbeats(), max_size=3),
        **{topic: st.lists(rows(), max_size=4) for topic, rows in REFERENCE_ROWS.items()},
    }
)


def told_apart(world: World) -> World:
    """Give every event an identity of its own: which of two contents wins is not the oracle's business."""
    return {topic: [{**event, "event_id": f"{event['event_id']}-{n}"} for n, event in enumerate(events)] for topic, events in world.items()}


def run(pipeline: Pipeline, world: World, order: list[int]) -> None:
    """Feed a world in some order, one batch an event, and let time pass now and then, never beyond the end."""
    events = [(topic, event) for topic, of in world.items() for event in of]
    for step, index in enumerate(order):
        topic, event = events[index]
        if topic == "case-closed":
            pipeline.closings(event)
        elif topic == "archive-received":
            pipeline.archives(event)
        else:
            pipeline.reference_record(topic, event)
        if index % 5 == 0:
            pipeline.tick(min(MONDAY_MS + step * DAY_MS // 2, END_MS))
    pipeline.tick(END_MS)


@given(worlds, st.randoms(use_true_random=False))
@settings(max_examples=120)
def test_every_state_item_and_figure_is_the_oracles(world: World, dice: Any) -> None:
    """Three propositions over each world, because it is the walk over it that takes time."""
    world = told_apart(world)
    order = list(range(sum(map(len, world.values()))))
    dice.shuffle(order)
    verdicts = oracle.judge(world, END_MS)
    with Pipeline(now_ms=MONDAY_MS) as pipeline:
        run(pipeline, world, order)
        every_state_and_finding_is_the_oracles(pipeline.states(), verdicts)
        every_item_and_its_findings_are_the_oracles(pipeline.items().values(), world)
        for by in ("unit", "district", "type", "item", "main-item", "city"):
            the_sum_of_the_buckets_is_the_oracles_coverage(pipeline.buckets(HOUR), world, verdicts, by)


def every_state_and_finding_is_the_oracles(states: Mapping[str, Event], verdicts: Mapping[str, Verdict]) -> None:
    """Status, reason, place, times, and which findings are open."""
    found = {
        case_no: (s["status"], s["reason"], s["due_at"], s["received_at"], frozenset(s["open_anomalies"]), _place(s))
        for case_no, s in states.items()
    }
    expected = {case_no: (v.status, v.reason, v.due_at, v.received_at, v.anomalies, _place(v.__dict__)) for case_no, v in verdicts.items()}
    for case_no, verdict in expected.items():
        if verdict[0] == "EXCLUDED":  # the oracle gives no due date to what is not counted
            found[case_no] = (*found[case_no][:2], verdict[2], *found[case_no][3:])
        if verdict[0] == "NOT_CLOSED" and verdict[3] is None:  # and no place to what nobody accepted or closed
            found[case_no] = (*found[case_no][:5], verdict[5])
        assert found[case_no][:2] == verdict[:2] or verdict[0] == "NOT_CLOSED"
        assert found[case_no][2:] == verdict[2:]
    assert found.keys() == expected.keys()


def every_item_and_its_findings_are_the_oracles(items: Iterable[Event], world: World) -> None:
    """Expected or not, a leaf or not, configured or not, and what is open."""
    expected = {key: item for key, item in configuration.item_findings(world, END_MS).items() if item.findings or item.configured}
    found = {(item["unit_code"], item["item_code"]): item for item in items}
    assert {key for key, item in found.items() if item["open_anomalies"]} <= expected.keys()
    for key, verdict in expected.items():
        assert frozenset(found[key]["open_anomalies"]) == verdict.findings
        assert found[key]["configured"] == verdict.configured
        if found[key]["registered"]:
            assert (found[key]["expected_online"], found[key]["leaf"]) == (verdict.expected_online, verdict.leaf)


def _place(case: Event) -> tuple[str, str, str]:
    return case["unit_code"], case["district_code"], case["item_code"]


def the_sum_of_the_buckets_is_the_oracles_coverage(
    records: Iterable[Event], world: World, verdicts: Mapping[str, Verdict], by: str
) -> None:
    """Over the year to date."""
    expected = {row["scope"]: row for row in rows(verdicts.values(), END_MS, by, "ytd")}
    found: dict[str, dict[str, int]] = {}
    for bucket in records:
        if bucket["bucket_start"] > END_MS:
            continue
        totals = found.setdefault(_scope(by, bucket), {})
        for name in ("archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", "due"):
            totals[name] = totals.get(name, 0) + bucket[name]
    timed = [max(event.get("closed_at", 0), event.get("received_at", 0)) for events in world.values() for event in events]
    if max(timed, default=0) > END_MS:  # the last day's bucket also holds what lies after now on that day
        return
    for scope, totals in found.items():
        if scope in expected:
            assert {name: expected[scope][name] for name in totals} == totals
        else:
            assert not any(totals.values())


def _scope(by: str, bucket: Event) -> str:
    field = {"unit": "unit_code", "district": "district_code", "type": "item_type", "item": "item_code", "main-item": "main_item_code"}
    return CITY if by == "city" else bucket[field[by]]


def test_the_oracle_is_heard() -> None:
    """A job whose rules are changed must be told apart from the oracle: this one takes no refusals for what they are."""
    closed = {"event_id": "e", "case_no": "c1", "item_code": "许可-00387-000", "item_name": "", "unit_code": "U1", "unit_name": ""}
    closed |= {"district_code": "", "title": "", "accepted_at": MONDAY_MS, "closed_at": MONDAY_MS, "closing_state": "CLOSED"}
    closed |= {"revision": 1, "deleted": False, "is_test": False, "source_system": ""}
    world: World = {"case-closed": [closed], "archive-received": []}
    with Pipeline(now_ms=MONDAY_MS) as pipeline:
        pipeline.closings({**closed, "closing_state": "VOIDED"})
        assert pipeline.state("c1")["status"] != oracle.judge(world, END_MS)["c1"].status


@given(worlds, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_changelog_gives_back_what_the_store_holds(world: World, dice: Any) -> None:
    """Records and index terms alike: a worker that takes over goes on as if it had been there."""
    order = list(range(sum(map(len, world.values()))))
    dice.shuffle(order)
    with Pipeline(now_ms=MONDAY_MS) as pipeline:
        run(pipeline, world, order)
        for name, records in pipeline.changelogs.items():
            for key, record in records.items():
                value, terms = pipeline.job.restored(name, key, record)
                assert (TABLES[name].load(value), list(terms)) == pipeline.kept(name, key)
