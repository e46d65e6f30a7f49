"""The truth that the simulator tells by construction is what the oracle finds in its events."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

from ops.simulate import registration, schedules
from ops.simulate.calendar import at_ms, day_at
from ops.simulate.generate import Plan, generate
from ops.simulate.run import write_truth
from ops.simulate.truth import CaseTruth, ItemTruth, figures
from streams.contracts import codec
from streams.domain.policy import Deadline, Policy
from tests.oracle.configuration import ItemVerdict, judge_items
from tests.oracle.coverage import rows
from tests.oracle.oracle import judge
from tests.oracle.verdict import Verdict
from tests.oracle.waivers import anomaly_id, waived

YEAR_END_MS = at_ms(dt.date(2018, 12, 31), 18)


def as_verdict(case: CaseTruth) -> tuple:
    """What the oracle and the truth both say of a case."""
    archives = {(a.archive_no, a.received_at, a.unit_code, a.district_code) for a in case.archives}
    return (
        case.status, case.reason, case.unit_code, case.district_code, case.item_code, case.main_item_code, case.item_type,
        case.closed_at, case.due_at, case.received_at, case.refused, case.deleted, set(case.anomalies), set(case.flags), archives,
    )  # fmt: skip


def as_truth(case: Verdict) -> tuple:
    """The same of the oracle's verdict."""
    archives = {(a.archive_no, a.accepted_at, a.unit_code, a.district_code) for a in case.archives}
    return (
        case.status, case.reason, case.unit_code, case.district_code, case.item_code, case.main_item_code, case.item_type,
        case.closed_at, case.due_at, case.received_at, case.refused, case.deleted, set(case.anomalies), set(case.flags), archives,
    )  # fmt: skip


PLANS = [
    *(Plan(4000, seed) for seed in range(4)),
    Plan(3000, 7, until_ms=at_ms(dt.date(2018, 6, 1), 12)),
    Plan(3000, 8, now_ms=at_ms(dt.date(2026, 6, 1), 12)),
    Plan(3000, 9, policy=Policy(deadline=Deadline(hours=72), count_forwarded=True, count_unknown_closing=False)),
    Plan(3000, 10, year=2019),
    Plan(3000, 12, policy=Policy(count_unregistered=False, count_vertical=True, count_before_plan=True)),
    Plan(3000, 13, until_ms=at_ms(dt.date(2018, 8, 1), 12), now_ms=at_ms(dt.date(2019, 6, 1), 12)),
    Plan(3000, 14, until_ms=at_ms(dt.date(2018, 6, 13), 12), archives_stop_ms=at_ms(dt.date(2018, 6, 6), 18)),
    Plan(1, 11),
]


def policy_of(plan: Plan) -> dict[str, Any]:
    """The plan's assumptions as the oracle takes them."""
    counted = ("count_forwarded", "count_unknown_closing", "count_vertical", "count_unregistered", "count_before_plan")
    names = ("orphan_grace_ms", *counted)
    return {"deadline": str(plan.policy.deadline)} | {name: getattr(plan.policy, name) for name in names}


@pytest.mark.parametrize("plan", PLANS, ids=str)
def test_the_oracle_finds_the_truth_in_the_events(plan: Plan):
    """Case by case and item by item, in whatever order the events come."""
    events, truth, items = generate(plan)
    for records in events.values():
        Random(0).shuffle(records)  # noqa: S311
    found = judge(events, plan.moment_ms, policy_of(plan))
    assert set(found) == {case.case_no for case in truth}
    wrong = [
        (case.story, as_verdict(case), as_truth(found[case.case_no])) for case in truth if as_verdict(case) != as_truth(found[case.case_no])
    ]
    assert wrong == []
    told = judge_items(events, plan.moment_ms, policy_of(plan), found.values())
    assert set(told) == {(item.unit_code, item.item_code) for item in items}
    verdicts = {(i.unit_code, i.item_code): ItemVerdict(i.expected_online, i.leaf, i.configured, frozenset(i.findings)) for i in items}
    assert [
        (item.story, verdicts[key], told[key]) for item in items if verdicts[key := (item.unit_code, item.item_code)] != told[key]
    ] == []


@pytest.mark.parametrize("by", ["unit", "district", "city"])
def test_the_figures_are_those_of_the_oracle(by: str):
    """Every column of coverage, for the year to date and for a span of days."""
    plan = Plan(5000, 21)
    events, truth, _ = generate(plan)
    verdicts = judge(events, plan.moment_ms)
    for window, start_ms, end_ms in (
        ("ytd", at_ms(dt.date(2018, 1, 1)), plan.moment_ms),
        ("2018-03-05..2018-03-30", at_ms(dt.date(2018, 3, 5)), at_ms(dt.date(2018, 3, 31)) - 1),
    ):
        told = figures(truth, by, start_ms, end_ms, plan.moment_ms)
        expected = {row["scope"]: row for row in rows(verdicts.values(), plan.moment_ms, by, window)}
        assert set(told) == set(expected)
        for scope, row in expected.items():
            assert {name: told[scope][name] for name in row if name in told[scope]} == {
                name: row[name] for name in row if name in told[scope]
            }
            assert row["coverage_due"] == (told[scope]["due_archived"] / row["due"] if row["due"] else None)
            closed = told[scope]["official_closed"]
            assert row["official"] == (told[scope]["official_archived"] / closed if closed else None)


def test_a_year_has_every_hazard_and_every_end():
    """Nothing that is to be met is left to luck at the size of the demo."""
    _, truth, items = generate(Plan(20_000, 2018))
    assert {case.status for case in truth} == {"NOT_CLOSED", "AWAITING", "ARCHIVED", "ARCHIVED_LATE", "UNARCHIVED", "EXCLUDED", "ORPHAN"}
    reasons = {case.reason for case in truth}
    assert reasons == {
        "", "DELETED", "VOIDED", "FORWARDED", "TEST_CASE", "OUTSIDE_TYPES", "VERTICAL", "OFFLINE", "MODE_UNKNOWN", "PLANNED_LATER",
        "SOURCE_SILENT", "NONE_RECEIVED", "REFUSED",
    }  # fmt: skip
    assert {kind for case in truth for kind in case.anomalies} == {
        "UNARCHIVED", "REFUSED", "ORPHAN_ARCHIVE", "DUPLICATE_ARCHIVE", "CASE_NO_COLLISION",
        "TITLE_IS_ITEM_NAME", "TEST_CASE", "MISSING_EVIDENCE", "MISSING_PROCEDURE", "MISSING_RESULT", "CASE_INFO_MISMATCH", "TIME_INVALID",
    }  # fmt: skip
    assert {flag for case in truth for flag in case.flags} == {"UNREGISTERED_ITEM", "UNKNOWN_BUILD_MODE", "SUSPECTED_TEST"}
    assert {kind for item in items for kind in item.findings} == {
        "NOT_CONFIGURED", "RETENTION_MISMATCH", "MATERIAL_MISMATCH", "NAME_MISMATCH", "VERSION_MISMATCH", "MODE_MISMATCH",
        "UNAPPROVED_SCHEDULE", "UNREGISTERED_ITEM",
    }  # fmt: skip
    assert {(item.expected_online, item.leaf, item.configured) for item in items} >= {
        (True, True, True), (True, True, False), (True, False, True), (False, True, True), (False, True, False),
    }  # fmt: skip
    assert {part for item in items for part in item.story.split("; ")} >= {*registration.STORIES, *schedules.STORIES}
    assert {case.item_type for case in truth} >= {"许可", "确认", "给付", "征收", "裁决", "强制", "奖励", "其他", ""}
    assert len({case.district_code for case in truth}) >= 17
    stories = Counter(part for case in truth for part in case.story.split("; "))
    assert min(stories.values()) > 3, stories


def test_a_seed_is_a_year():
    """The same seed gives the same events, another one others; every record can be encoded."""
    first, again, other = (generate(Plan(300, seed))[0] for seed in (1, 1, 2))
    assert first == again
    assert first != other
    for topic, records in first.items():
        for record in records:
            assert codec(topic).decode(codec(topic).encode(record)).items() >= record.items()


def test_waivers_name_findings_of_cases_and_of_items():
    """Some hold, some do not; none changes what is open."""
    plan = Plan(20_000, 2018)
    events, truth, items = generate(plan)
    findings = {anomaly_id(kind, case.case_no): case for case in truth for kind in case.anomalies}
    findings |= {anomaly_id(kind, item.subject): item for item in items for kind in item.findings}
    named = {record["anomaly_id"] for record in events["waiver"]}
    assert named <= findings.keys()
    assert {type(findings[name]) for name in named} == {CaseTruth, ItemTruth}
    assert {waived(events, name, day_at(plan.moment_ms)) for name in named} == {True, False}


def test_the_truth_is_written_with_cases_and_items(tmp_path: Path):
    """One line each behind what was simulated; an item's line has ``item`` where a case's has its number."""
    plan = Plan(50, 1)
    _, truth, items = generate(plan)
    write_truth(tmp_path / "t.jsonl", plan, [*truth, *items])
    about, *lines = map(orjson.loads, (tmp_path / "t.jsonl").read_bytes().splitlines())
    assert about["simulation"]["seed"] == 1
    assert [line["case_no"] for line in lines if "case_no" in line] == [case.case_no for case in truth]
    assert {line["item"]: line["findings"] for line in lines if "item" in line} == {item.subject: item.findings for item in items}


def test_no_event_is_timed_after_the_end():
    """What is to come is not told."""
    plan = Plan(2000, 5, until_ms=at_ms(dt.date(2018, 4, 1), 12))
    events, _, _ = generate(plan)
    times = [record[name] for records in events.values() for record in records for name in ("closed_at", "received_at") if name in record]
    assert max(times) <= plan.end_ms
