"""What each case and each item ends as, and the figures these cases add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

FIGURES = ("closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan", "due", "due_archived")


@dataclass(frozen=True, slots=True)
class Accepted:
    """An archive number that stands and was accepted."""

    archive_no: str
    received_at: int
    unit_code: str
    district_code: str


@dataclass(slots=True)
class CaseTruth:
    """The end of one case, at the moment the truth is for.

    Parameters
    ----------
    closed_at, due_at, received_at
        Epoch milliseconds; ``due_at`` only of counted cases, ``received_at`` is the earliest acceptance.
    anomalies
        Findings that are open: about its archive, and about the quality of its files.
    flags
        Of counted cases: what is remarkable and no finding.
    story
        Names of what was done to it: for people who look into a difference.
    """

    case_no: str
    status: str
    reason: str = ""
    unit_code: str = ""
    district_code: str = "UNKNOWN"
    item_code: str = ""
    main_item_code: str = ""
    item_type: str = ""
    closed_at: int | None = None
    due_at: int | None = None
    received_at: int | None = None
    refused: bool = False
    deleted: bool = False
    anomalies: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    archives: list[Accepted] = field(default_factory=list)
    story: str = ""

    def as_json(self) -> dict[str, Any]:
        """All of it, as plain values."""
        return asdict(self)


@dataclass(slots=True)
class ItemTruth:
    """What is open on one item of a unit, at the moment the truth is for.

    Parameters
    ----------
    expected_online, leaf, configured
        Today: archives of it are expected, no registered item of the unit has it as its main item, its module is set to something.
    """

    unit_code: str
    item_code: str
    expected_online: bool
    leaf: bool = True
    configured: bool = False
    findings: list[str] = field(default_factory=list)
    story: str = ""

    @property
    def subject(self) -> str:
        """What its findings are about: ``unit|item``."""
        return f"{self.unit_code}|{self.item_code}"

    def as_json(self) -> dict[str, Any]:
        """All of it, as plain values; ``item`` is the subject."""
        return {"item": self.subject} | asdict(self)


def figures(cases: Iterable[CaseTruth], by: str, start_ms: int, end_ms: int, now_ms: int) -> dict[str, dict[str, Any]]:
    """Figures of coverage by ``unit``, ``district`` or ``city``, from ``start_ms`` to ``end_ms``, both inclusive.

    Returns
    -------
    dict
        Scope (``330100`` for the city) -> :data:`FIGURES`, ``excluded`` by reason, ``official_archived``, ``official_closed``.
    """
    counts: dict[str, Counter[str]] = {}
    excluded: dict[str, Counter[str]] = {}
    for case in cases:
        for what, unit, district, at_ms in _facts(case, now_ms):
            if at_ms is None or not start_ms <= at_ms <= end_ms:
                continue
            scope = {"unit": unit, "district": district, "city": "330100"}[by]
            counts.setdefault(scope, Counter())
            if what.startswith("excluded "):
                excluded.setdefault(scope, Counter())[what.removeprefix("excluded ")] += 1
            else:
                counts[scope][what] += 1
    names = (*FIGURES, "official_archived", "official_closed")
    return {scope: {name: found[name] for name in names} | {"excluded": dict(excluded.get(scope, {}))} for scope, found in counts.items()}


def _facts(case: CaseTruth, now_ms: int) -> Iterator[tuple[str, str, str, int | None]]:
    unit, district = case.unit_code, case.district_code
    if case.status == "ORPHAN":
        yield "orphan", unit, district, case.received_at
    elif case.status == "EXCLUDED":
        yield f"excluded {case.reason}", unit, district, case.closed_at
    elif case.due_at is not None:
        yield from ((what, unit, district, case.closed_at) for what in ("closed", *_NAMES[case.status]))
        if case.refused:
            yield "refused", unit, district, case.closed_at
        if case.due_at <= now_ms:
            yield from (
                (what, unit, district, case.due_at) for what in ("due", *(["due_archived"] if case.received_at is not None else []))
            )
    if case.closed_at is not None and not case.deleted:
        yield "official_closed", unit, district, case.closed_at
    for archive in case.archives:
        yield "official_archived", archive.unit_code, archive.district_code, archive.received_at


_NAMES: Mapping[str, tuple[str, ...]] = {
    "ARCHIVED": ("archived",),
    "ARCHIVED_LATE": ("archived", "archived_late"),
    "UNARCHIVED": ("unarchived",),
    "AWAITING": ("awaiting",),
}
