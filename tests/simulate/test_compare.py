"""Comparing with the truth: silence only where everything is the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ops.simulate.compare import CASE_COLUMNS, Difference, case_differences, figure_differences, item_differences
from ops.simulate.generate import Plan, generate
from ops.simulate.truth import CaseTruth, figures

PLAN = Plan(400, 3)


def said(case: CaseTruth) -> dict[str, Any]:
    """A row of ClickHouse that says the truth."""
    return {name: getattr(case, name) for name in (*CASE_COLUMNS, "due_at")} | {"open_anomalies": list(reversed(case.anomalies))}


def test_the_truth_differs_in_nothing():
    """Findings are a set: their order is no difference."""
    _, truth, _ = generate(PLAN)
    assert list(case_differences(truth, {case.case_no: said(case) for case in truth})) == []


def test_every_column_that_differs_is_told_with_what_was_done_to_the_case():
    """Status, places, times and findings each on their own."""
    _, truth, _ = generate(PLAN)
    case = next(case for case in truth if case.status == "ARCHIVED_LATE")
    for name, wrong in {"status": "ARCHIVED", "unit_code": "x", "due_at": 1, "received_at": None, "open_anomalies": ["REFUSED"]}.items():
        (found,) = case_differences([case], {case.case_no: said(case) | {name: wrong}})
        assert (found.field, found.found, found.story) == (name, wrong, case.story)


def test_a_case_too_few_and_one_too_many_are_told():
    """Ghosts and losses alike."""
    _, (first, second, *_), _ = generate(PLAN)
    ghost = {second.case_no: said(second)}
    assert list(case_differences([first], ghost)) == [
        Difference("case", first.case_no, "status", first.status, None, first.story),
        Difference("case", second.case_no, "status", None, second.status),
    ]


def test_figures_are_compared_scope_by_scope():
    """A count, a ratio, a scope that is missing."""
    _, truth, _ = generate(PLAN)
    told = figures(truth, "city", 0, PLAN.moment_ms, PLAN.moment_ms)
    city = told["330100"]
    row = city | {"scope": "330100", "coverage": city["archived"] / city["closed"]}
    row |= {"coverage_due": city["due_archived"] / city["due"], "official": city["official_archived"] / city["official_closed"]}
    assert list(figure_differences("city", told, [row])) == []
    assert [each.field for each in figure_differences("city", told, [row | {"late": 0, "orphan": -1, "official": None}])] == [
        "orphan",
        "official",
    ]
    assert [each.field for each in figure_differences("city", told, [])] == ["row"]


def test_a_case_that_nobody_told_anything_of_is_not_compared_by_place():
    """Before an acceptance or a closing there is nothing that says whose it is."""
    _, truth, _ = generate(Plan(3000, 4))
    case = next(case for case in truth if case.status == "NOT_CLOSED" and case.received_at is None)
    row = said(case) | {"unit_code": "whoever", "item_code": "whatever", "reason": "any"}
    assert list(case_differences([case], {case.case_no: row})) == []
    assert [each.field for each in case_differences([replace(case, received_at=1)], {case.case_no: row})] != []


def test_items_are_compared_by_their_open_findings():
    """In any order; an item without any need not be told."""
    _, _, items = generate(PLAN)
    found = {item.subject: list(reversed(item.findings)) for item in items if item.findings}
    assert list(item_differences(items, found)) == []
    subject, kinds = next(iter(found.items()))
    item = next(item for item in items if item.subject == subject)
    wrong = found | {subject: [], "U|许可-1-0": {"NOT_CONFIGURED"}}
    assert list(item_differences(items, wrong)) == [
        Difference("item", subject, "findings", sorted(kinds), [], item.story),
        Difference("item", "U|许可-1-0", "findings", [], ["NOT_CONFIGURED"]),
    ]
