"""What a unit has to do (部门待办): its open findings, in the order in which to take them up (notice 四(二) 谁产生，谁归档)."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import orjson

from ops.bulletin import kinds
from ops.bulletin.figures import Row
from ops.bulletin.model import UnitTodo

_LAST = "9999"
_DIGEST_LENGTH = 12


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to do.

    Parameters
    ----------
    section
        One of :data:`ops.bulletin.kinds.SECTIONS`.
    subject
        Case number; for a configuration ``unit_code|item_code``.
    detail
        Reason and particulars, in words where there are any.
    """

    section: str
    kind: str
    label: str
    subject: str
    item_code: str
    item_name: str
    due_at: str | None
    detail: str
    what_to_do: str


def todo_rows(findings: Iterable[Row], items: Iterable[Row]) -> list[Todo]:
    """Things to do about open findings of one unit.

    A case whose archive was refused is listed once, under the refusal. Waived findings are left out until the waiver ends.

    Parameters
    ----------
    findings
        Open findings of the unit.
    items
        Registered items: their names, and where a configuration stands.
    """
    due = [finding for finding in findings if not finding["waived"]]
    refused = {finding["subject"] for finding in due if finding["kind"] == "REFUSED"}
    registered = {(item["unit_code"], item["item_code"]): item for item in items}
    wanted = (finding for finding in due if not (finding["kind"] == "UNARCHIVED" and finding["subject"] in refused))
    return sorted((_todo(finding, registered) for finding in wanted), key=_urgency)


def todos_by_unit(findings: Iterable[Row], items: Sequence[Row]) -> dict[str, list[Todo]]:
    """Things to do by unit code; units with nothing to do are absent."""
    by_unit: defaultdict[str, list[Row]] = defaultdict(list)
    for finding in findings:
        by_unit[finding["unit_code"]].append(finding)
    items_of: defaultdict[str, list[Row]] = defaultdict(list)
    for item in items:
        items_of[item["unit_code"]].append(item)
    lists = {unit: todo_rows(found, items_of[unit]) for unit, found in sorted(by_unit.items())}
    return {unit: rows for unit, rows in lists.items() if rows}


def unit_todos(todos: Mapping[str, Sequence[Todo]], names: Mapping[str, str]) -> Iterator[UnitTodo]:
    """How much each unit has to do, by code."""
    for unit, rows in todos.items():
        counts = Counter(row.section for row in rows)
        yield UnitTodo(
            unit_code=unit,
            unit_name=names.get(unit, ""),
            to_archive=counts[kinds.TO_ARCHIVE],
            refused=counts[kinds.REFUSED],
            configuration=counts[kinds.CONFIGURATION],
            material=counts[kinds.MATERIAL],
            information=counts[kinds.INFORMATION],
            matching=counts[kinds.MATCHING],
            digest=digest_of(rows),
        )


def digest_of(rows: Sequence[Todo]) -> str:
    """Mark of a list: the same list, the same mark."""
    return hashlib.sha256(orjson.dumps(rows)).hexdigest()[:_DIGEST_LENGTH]


def _todo(finding: Row, registered: Mapping[tuple[str, str], Row]) -> Todo:
    kind = finding["kind"]
    item = registered.get((finding["unit_code"], finding["item_code"]), {})
    details = [kinds.reason_of(finding["reason"] or ""), finding["detail"] or ""]
    if item and kinds.section_of(kind) == kinds.CONFIGURATION:
        details.append(f"2017年办件量 {item['case_count_2017']}")
    return Todo(
        section=kinds.section_of(kind),
        kind=kind,
        label=kinds.label_of(kind),
        subject=finding["subject"],
        item_code=finding["item_code"],
        item_name=finding["item_name"] or item.get("item_name", ""),
        due_at=finding["due_at"],
        detail="；".join(filter(None, details)),
        what_to_do=kinds.TASKS[kind].what_to_do if kind in kinds.TASKS else "",
    )


def _urgency(row: Todo) -> tuple[int, str, str, str]:
    return kinds.SECTIONS.index(row.section), row.due_at or _LAST, row.subject, row.kind
