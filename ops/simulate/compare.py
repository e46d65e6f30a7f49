"""What the system says against the truth: every case, every item, and every figure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ops.simulate.truth import CaseTruth, ItemTruth

CASE_COLUMNS = ("status", "reason", "unit_code", "district_code", "item_code", "main_item_code", "item_type", "received_at", "closed_at")
TIMES = frozenset({"received_at", "closed_at", "due_at"})
_COUNTS = ("closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", "due", "excluded")


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the truth.

    Parameters
    ----------
    where
        ``case``, ``item`` or a scope of coverage, such as ``unit``.
    story
        What the simulator did to the case or the item.
    """

    where: str
    key: str
    field: str
    truth: Any
    found: Any
    story: str = ""


def case_differences(truth: Iterable[CaseTruth], found: Mapping[str, Mapping[str, Any]]) -> Iterator[Difference]:
    """Compare cases.

    Parameters
    ----------
    found
        Case number -> :data:`CASE_COLUMNS`, ``due_at`` and ``open_anomalies``; times in epoch milliseconds.
    """
    unknown = set(found)
    for case in truth:
        unknown.discard(case.case_no)
        row = found.get(case.case_no)
        if row is None:
            yield Difference("case", case.case_no, "status", case.status, None, case.story)
            continue
        for name in _compared(case):
            if getattr(case, name) != row[name]:
                yield Difference("case", case.case_no, name, getattr(case, name), row[name], case.story)
        if sorted(case.anomalies) != sorted(row["open_anomalies"]):
            yield Difference("case", case.case_no, "open_anomalies", case.anomalies, list(row["open_anomalies"]), case.story)
    for case_no in sorted(unknown):
        yield Difference("case", case_no, "status", None, found[case_no]["status"])


def item_differences(truth: Iterable[ItemTruth], found: Mapping[str, Collection[str]]) -> Iterator[Difference]:
    """Compare items.

    Parameters
    ----------
    found
        ``unit|item`` -> kinds of its open findings; an item that is not in it has none.
    """
    told = {item.subject: item for item in truth}
    for subject in sorted(told.keys() | found.keys()):
        item = told.get(subject)
        expected, actual = sorted(item.findings) if item else [], sorted(found.get(subject, ()))
        if expected != actual:
            yield Difference("item", subject, "findings", expected, actual, item.story if item else "")


def figure_differences(by: str, truth: Mapping[str, Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]) -> Iterator[Difference]:
    """Compare rows of ``guidang coverage`` with :func:`ops.simulate.truth.figures`."""
    found = {row["scope"]: row for row in rows}
    for scope in sorted(truth.keys() | found.keys()):
        told, row = truth.get(scope), found.get(scope)
        if told is None or row is None:
            yield Difference(by, scope, "row", told is not None, row is not None)
            continue
        expected = {name: told[name] for name in _COUNTS}
        expected["coverage"] = _ratio(told["archived"], told["closed"])
        expected["coverage_due"] = _ratio(told["due_archived"], told["due"])
        expected["official"] = _ratio(told["official_archived"], told["official_closed"])
        yield from (Difference(by, scope, name, value, row[name]) for name, value in expected.items() if row[name] != value)


def _compared(case: CaseTruth) -> tuple[str, ...]:
    """What the rules say of a case: nothing of when it would be due if not counted, nor of whose it is before anything is known of it."""
    if case.status == "NOT_CLOSED":
        return ("status", "received_at", "closed_at") if case.received_at is None else ("status", *CASE_COLUMNS[2:])
    return (*CASE_COLUMNS, "due_at") if case.due_at is not None else CASE_COLUMNS


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
