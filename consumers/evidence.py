"""What every deduction of the score rests on (扣分依据): open findings, each counted to a unit and a district."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from consumers.score_sql import By
from streams.domain.districts import UNKNOWN_DISTRICT
from streams.domain.rules import KINDS, MISCONFIGURED_TOPIC

Row = dict[str, Any]


def evidence_rows(findings: Iterable[Row], *, year: int, by: By, homes: Mapping[str, str]) -> dict[str, list[Row]]:
    """What every deduction rests on, by scope: finding, subject, unit, item, reason, detail and clause; waived ones too, marked as such.

    A place (处) is one unit's item and kind, or, read literally, one case and kind.

    Parameters
    ----------
    findings
        Open ones (:func:`consumers.anomalies.anomaly_rows`).
    homes
        Of :func:`consumers.score.homes`.
    """
    found: dict[str, list[Row]] = {}
    for row in findings:
        kind = KINDS[row["kind"]]
        if (kind.cost or row["kind"] == "UNARCHIVED") and is_of_year(row, year):
            fields = (
                *("kind", "subject", "unit_code", "item_code", "item_name", "reason", "detail"),
                *("since", "waived", "waived_by", "waived_reason"),
            )
            found.setdefault(scope_of(row, by, homes), []).append({**{name: row[name] for name in fields}, "clause": kind.clause})
    return found


def is_of_year(row: Row, year: int) -> bool:
    """Whether an open finding may cost something in a year: of the eight types, and of a case that closed in it, or of configuration."""
    return bool(row["item_type"]) and (row["closed_at"] is None or row["closed_at"].startswith(str(year)))


def scope_of(row: Row, by: By, homes: Mapping[str, str]) -> str:
    """Whose an item, or an open finding, is: where the registry of units is silent, an item is of the district of its unit's cases."""
    unit, district = str(row["unit_code"]), str(row["district_code"])
    if by == "unit":
        return unit
    of_item = "kind" not in row or KINDS[row["kind"]].topic == MISCONFIGURED_TOPIC
    return homes.get(unit, district) if of_item and district == UNKNOWN_DISTRICT else district
