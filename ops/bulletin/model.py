"""Everything that one bulletin says. The renderers know nothing else, and ``data.json`` of an edition is this.

Ratios are in 0..1 (the official one may exceed 1) or ``None`` without a denominator; changes are differences of ratios; times are ISO
texts of Asia/Shanghai.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import orjson
from pydantic import TypeAdapter

CellKind = Literal["text", "count", "change", "ratio", "points", "score", "days", "time", "own"]
"""How a value is shown; ``own``: as the row's ``kind`` says."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One figure of the city's summary, beside the one of the period before."""

    name: str
    kind: Literal["count", "ratio"]
    value: int | float | None
    previous: int | float | None


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The city in one period."""

    period: str
    label: str
    closed: int
    archived: int
    unarchived: int
    awaiting: int
    coverage: float | None
    coverage_due: float | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One unit or district among its peers, by coverage in the period.

    Parameters
    ----------
    rank
        Peers with a higher coverage, plus one; ``None`` where nothing closed.
    rank_change
        Ranks gained (positive) since the period before.
    score, score_by_item, score_by_case
        Total of the year, by the reading of 处 that is set, and by each; ``None`` where the year has no score.
    """

    scope: str
    name: str
    rank: int | None
    rank_change: int | None
    closed: int
    archived: int
    archived_late: int
    unarchived: int
    awaiting: int
    refused: int
    orphan: int
    excluded: int
    due: int
    coverage: float | None
    coverage_change: float | None
    coverage_due: float | None
    official_archived: int
    official_closed: int
    official: float | None
    divergence: float | None
    score: float | None
    score_by_item: float | None
    score_by_case: float | None


@dataclass(frozen=True, slots=True)
class Score:
    """One unit's or district's score of the year (考核细则): its parts by the reading of 处 that is set, the total by each."""

    scope: str
    name: str
    config_errors: int
    unconfigured: int
    unarchived: int
    closed: int
    completeness: float
    inaccurate: int
    missing_material: int
    quality: float
    systems: int
    bonus: float
    total: float
    total_by_item: float
    total_by_case: float


@dataclass(frozen=True, slots=True)
class ItemCounts:
    """One item's cases in the period: counts only, since most items have too few for a ratio."""

    scope: str
    name: str
    closed: int
    archived: int
    unarchived: int
    refused: int
    archived_late: int
    awaiting: int
    orphan: int


@dataclass(frozen=True, slots=True)
class ConfigurationFinding:
    """One configuration to correct; ``case_count_2017`` says how many cases a year hang on it."""

    unit_code: str
    unit_name: str
    item_code: str
    item_name: str
    kind: str
    label: str
    detail: str
    since: str | None
    case_count_2017: int | None


@dataclass(frozen=True, slots=True)
class QualityCount:
    """Open quality findings of one kind on cases closed in the period."""

    kind: str
    label: str
    findings: int
    items: int
    units: int
    waived: int


@dataclass(frozen=True, slots=True)
class CaseFinding:
    """A late or an orphan archive; an orphan is not late."""

    case_no: str
    unit_code: str
    unit_name: str
    item_code: str
    item_name: str
    closed_at: str | None
    due_at: str | None
    received_at: str | None
    days_late: float | None


@dataclass(frozen=True, slots=True)
class Waived:
    """A finding that the archives bureau takes out of the score, by whom, why, and until when."""

    anomaly_id: str
    kind: str
    label: str
    subject: str
    unit_code: str
    unit_name: str
    item_code: str
    waived_until: str
    waived_by: str
    waived_reason: str


@dataclass(frozen=True, slots=True)
class UnitTodo:
    """How much one unit has to do; ``digest`` is the mark of its list, printed on both."""

    unit_code: str
    unit_name: str
    to_archive: int
    refused: int
    configuration: int
    material: int
    information: int
    matching: int
    digest: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """Cases of the period that are not counted, by reason."""

    reason: str
    label: str
    cases: int


@dataclass(frozen=True, slots=True)
class Assumption:
    """One assumption (A): a ``policy.*`` setting in force, or what the score assumes besides."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Bulletin:
    """A bulletin.

    Parameters
    ----------
    as_of
        Moment for which the figures hold.
    in_progress
        The period had not ended then.
    late, orphans
        The worst ones only; the counts in ``city`` are complete.
    """

    period: str
    label: str
    first: str
    last: str
    previous: str
    as_of: str
    in_progress: bool
    score_year: int
    summary: tuple[Indicator, ...]
    trend: tuple[TrendPoint, ...]
    city: Standing
    districts: tuple[Standing, ...]
    units: tuple[Standing, ...]
    district_scores: tuple[Score, ...]
    unit_scores: tuple[Score, ...]
    items: tuple[ItemCounts, ...]
    configuration: tuple[ConfigurationFinding, ...]
    quality: tuple[QualityCount, ...]
    late: tuple[CaseFinding, ...]
    orphans: tuple[CaseFinding, ...]
    waived: tuple[Waived, ...]
    todos: tuple[UnitTodo, ...]
    excluded: tuple[Excluded, ...]
    assumptions: tuple[Assumption, ...]


def dump(bulletin: Bulletin) -> bytes:
    """The bulletin as ``data.json``."""
    return orjson.dumps(bulletin, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def load(data: bytes) -> Bulletin:
    """Read ``data.json`` back.

    Raises
    ------
    ValueError
        It is not a bulletin.
    """
    return TypeAdapter(Bulletin).validate_json(data)
