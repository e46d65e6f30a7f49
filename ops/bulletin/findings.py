"""The open findings and the late archives of a period, as a bulletin lists them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import nsmallest

from ops.bulletin import kinds
from ops.bulletin.figures import Row
from ops.bulletin.model import CaseFinding, ConfigurationFinding, QualityCount, Waived
from ops.bulletin.period import Period
from streams.domain.time import DAY_MS

LISTED = 200
"""Late and orphan archives are listed up to here, the worst first; their counts are complete. Units find all of theirs in their lists."""


def in_period(finding: Row, period: Period) -> bool:
    """Whether a case's finding belongs to a period: by closing time, an orphan's by receiving time."""
    at = finding["closed_at"] or finding["received_at"] or finding["since"]
    return at is not None and str(period.first) <= at[:10] <= str(period.last)


def carried_over(findings: Iterable[Row], period: Period) -> int:
    """Cases closed before the period and not archived yet."""
    return sum(one["kind"] == "UNARCHIVED" and (one["closed_at"] or "9999")[:10] < str(period.first) for one in findings)


def configuration(findings: Iterable[Row], items: Iterable[Row]) -> Iterator[ConfigurationFinding]:
    """Configurations to correct, by unit and item. They belong to no period: all that are open and unwaived."""
    registered = {(item["unit_code"], item["item_code"]): item for item in items}
    wanted = [one for one in findings if kinds.section_of(one["kind"]) == kinds.CONFIGURATION and not one["waived"]]
    for one in sorted(wanted, key=lambda one: (one["unit_code"], one["item_code"], one["kind"])):
        item = registered.get((one["unit_code"], one["item_code"]), {})
        yield ConfigurationFinding(
            **_names(one, item),
            kind=one["kind"],
            label=kinds.label_of(one["kind"]),
            detail="；".join(filter(None, (kinds.reason_of(one["reason"] or ""), one["detail"] or ""))),
            since=one["since"],
            case_count_2017=item.get("case_count_2017"),
        )


def quality(findings: Iterable[Row], period: Period) -> Iterator[QualityCount]:
    """Quality findings by kind, every kind with its row: that there are none is worth saying."""
    counted: Counter[str] = Counter()
    waived: Counter[str] = Counter()
    items: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for one in findings:
        if kinds.section_of(one["kind"]) not in kinds.QUALITY_SECTIONS or not in_period(one, period):
            continue
        if one["waived"]:
            waived[one["kind"]] += 1
        else:
            counted[one["kind"]] += 1
            items[one["kind"]].add((one["unit_code"], one["item_code"]))
    for kind, task in kinds.TASKS.items():
        if task.section in kinds.QUALITY_SECTIONS:
            units = {unit for unit, _ in items[kind]}
            yield QualityCount(kind, kinds.label_of(kind), counted[kind], len(items[kind]), len(units), waived[kind])


def late_archives(late: Iterable[Row]) -> Iterator[CaseFinding]:
    """The late archives, in their order."""
    return (_case(one["case_no"], one, round(one["late_ms"] / DAY_MS, 3)) for one in late)


def orphan_archives(findings: Iterable[Row], period: Period) -> tuple[CaseFinding, ...]:
    """The oldest of the archives received in the period whose case has no closing."""
    orphans = (_case(one["subject"], one, None) for one in findings if one["kind"] == "ORPHAN_ARCHIVE" and in_period(one, period))
    return tuple(nsmallest(LISTED, orphans, key=lambda case: (case.received_at or "", case.case_no)))


def waived(findings: Sequence[Row]) -> Iterator[Waived]:
    """Every open finding that a waiver takes out of the score, whatever the period."""
    found = [one for one in findings if one["waived"]]
    for one in sorted(found, key=lambda one: (one["unit_code"], one["kind"], one["subject"])):
        yield Waived(
            anomaly_id=one["anomaly_id"],
            kind=one["kind"],
            label=kinds.label_of(one["kind"]),
            subject=one["subject"],
            unit_code=one["unit_code"],
            unit_name=one["unit_name"],
            item_code=one["item_code"],
            waived_until=str(one["waived_until"]),
            waived_by=one["waived_by"] or "",
            waived_reason=one["waived_reason"] or "",
        )


def _case(case_no: str, one: Row, days_late: float | None) -> CaseFinding:
    times = {name: one[name] for name in ("closed_at", "due_at", "received_at")}
    return CaseFinding(case_no=case_no, **_names(one, {}), **times, days_late=days_late)


def _names(one: Row, item: Mapping[str, str]) -> dict[str, str]:
    names = {name: one[name] for name in ("unit_code", "unit_name", "item_code", "item_name")}
    return names | {"item_name": names["item_name"] or item.get("item_name", "")}
