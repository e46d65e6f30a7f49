"""What ``guidang reconcile`` tells, and how two sayings of the same thing are set against each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from sys import intern
from typing import Any, NamedTuple

from ops.reconciling.stored import Pair, Row
from streams.domain.coverage import COUNTS, EXCLUDED_PREFIX, UNREGISTERED
from streams.domain.findings import without_marks
from streams.domain.verdict import State

_CODES = ("unit_code", "district_code", "item_code", "main_item_code", "item_type")
_TIMES = ("closed_at", "due_at", "received_at")
Figures = Mapping[str, int]
Subject = tuple[str, str]
"""Of a finding: whose it is, and its kind."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as it ought to be.

    Parameters
    ----------
    where
        ``case-state``, ``item-state``, ``coverage-partial``, ``anomaly`` or ``clickhouse``.
    """

    where: str
    key: str
    field: str
    expected: Any
    found: Any

    @property
    def place(self) -> tuple[str, str, str]:
        """What it is a difference of."""
        return self.where, self.key, self.field


class Particulars(NamedTuple):
    """What is compared of a finding: what it says, whose it is in the figures, of which time, and whether it counts."""

    state: str
    waived: bool
    reason: str
    unit_code: str
    district_code: str
    item_code: str
    main_item_code: str
    item_type: str
    since: int | None
    closed_at: int | None
    due_at: int | None
    received_at: int | None


Findings = dict[Subject, Particulars]
"""The open ones."""


def fields_parted(expected: State, found: State) -> list[str]:
    """Names of the fields in which a state is not as it was recomputed."""
    are = {**found, "findings": without_marks(found["findings"])}
    return [name for name, value in expected.items() if are[name] != value]


def rows_parted(
    table: str, named: str, pairs: Iterable[Pair], shown: Callable[[Any], str] = lambda key: key.decode(errors="replace")
) -> Iterator[Difference]:
    """Differences of rows; one that is missing, or has no record, is shown by the column ``named``."""
    for key, wanted, row in pairs:
        if wanted and row:
            different = [name for name, value in wanted.items() if row[name] != value]
            yield from (Difference("clickhouse", shown(key), table + name, wanted[name], row[name]) for name in different)
        else:
            yield Difference("clickhouse", shown(key), table + named, wanted and wanted[named], row and row[named])


def findings_of(subject: str, state: State) -> Findings:
    """Those that are open in a state."""
    return {(subject, each["kind"]): _particulars("OPENED", state, each) for each in state["findings"]}


def said_of(record: Row) -> tuple[Subject, Particulars]:
    """What the record of a finding says."""
    return finding_key(record), _particulars(record["state"], record, record)


def finding_key(row: Row) -> Subject:
    """Of a record, or a row, of a finding."""
    return row["subject"], row["kind"]


def opened(row: Row | None) -> Particulars | None:
    """What a row of a finding says, if it is open."""
    return Particulars(*(row[name] for name in Particulars._fields)) if row and row["state"] == "OPENED" else None


def _particulars(word: str, state: Mapping[str, Any], finding: Mapping[str, Any]) -> Particulars:
    """Of a finding in a state; the record of one is both. There are few codes: each is held once."""
    unit, district, item, main_item, type_ = (intern(state[name]) for name in _CODES)
    closed_at, due_at, received_at = (state.get(name) for name in _TIMES)
    waived, reason, since = bool(finding["waived"]), intern(finding["reason"]), finding["since"]
    return Particulars(word, waived, reason, unit, district, item, main_item, type_, since, closed_at, due_at, received_at)


def figures_of(record: Row | None) -> Figures:
    """The counts of a bucket; none where it has no record."""
    if record is None:
        return {}
    excluded = {f"{EXCLUDED_PREFIX}{reason}": number for reason, number in record["excluded"].items()}
    return {name: record[name] for name in (*COUNTS, UNREGISTERED)} | excluded


def figures_parted(where: str, key: str, ought: Figures, is_: Figures) -> Iterator[Difference]:
    """Counts that differ; one that is not there is 0."""
    for name in sorted(ought.keys() | is_.keys()):
        if ought.get(name, 0) != is_.get(name, 0):
            yield Difference(where, key, name.replace(EXCLUDED_PREFIX, "excluded."), ought.get(name, 0), is_.get(name, 0))


def finding_parted(where: str, finding: Subject, wanted: Particulars | None, given: Particulars | None) -> Iterator[Difference]:
    """What is said otherwise of a finding, field by field, or that it is open."""
    subject, kind = finding
    if wanted and given:
        for name, expected, found in zip(Particulars._fields, wanted, given, strict=True):
            if expected != found:
                yield Difference(where, subject, f"{kind}.{name}", expected, found)
    elif wanted or given:
        yield Difference(where, subject, kind, _word(wanted), _word(given))


def _word(finding: Particulars | None) -> str:
    if finding is None:
        return "RESOLVED"
    return "OPENED, waived" if finding.waived else "OPENED"
