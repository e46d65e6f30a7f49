"""Which case an orphan may belong to: cases of the same unit and item without an archive, near in time, number or title. Never applied.

Titles are compared by their keyed hash alone.
"""

from __future__ import annotations

from typing import Any

from consumers.clickhouse import Client
from streams.domain.time import DAY_MS, iso

DAYS = 30
"""Most days between the closing and the receipt."""
_NEAR_NUMBER = 3
"""Characters by which numbers differ at most that may be a slip; how much further others lie apart says nothing."""
_SQL = """
SELECT o.case_no AS orphan, c.case_no AS case_no, c.unit_code AS unit_code, c.item_code AS item_code, c.status AS status,
    toUnixTimestamp64Milli(assumeNotNull(c.closed_at)) AS closed_ms, toUnixTimestamp64Milli(assumeNotNull(o.received_at)) AS received_ms,
    editDistanceUTF8(o.case_no, c.case_no) AS number_distance, o.title_hash != '' AND o.title_hash = c.title_hash AS same_title
FROM (SELECT * FROM case_state FINAL WHERE status = 'ORPHAN' AND ({case_no:String} = '' OR case_no = {case_no:String})
    AND ({unit:String} = '' OR unit_code = {unit:String})) AS o
INNER JOIN (SELECT * FROM case_state FINAL WHERE status IN ('UNARCHIVED', 'AWAITING')) AS c
    ON o.unit_code = c.unit_code AND o.item_code = c.item_code
WHERE abs(closed_ms - received_ms) <= {most:Int64}
ORDER BY orphan, same_title DESC, least(number_distance, {near:Int64} + 1), abs(closed_ms - received_ms), number_distance, case_no
LIMIT {limit:UInt32} BY orphan"""


def suggestion_rows(client: Client, *, case_no: str = "", unit: str = "", limit: int = 5) -> list[dict[str, Any]]:
    """Candidates for orphans, the likeliest first for each, with the reasons: same title, near number, days apart.

    Parameters
    ----------
    case_no, unit
        Only this orphan; only those of this unit. Empty: all.
    limit
        Most candidates for each orphan.
    """
    bound = {"case_no": case_no, "unit": unit, "most": DAYS * DAY_MS, "near": _NEAR_NUMBER, "limit": limit}
    return [_row(found) for found in client.query(_SQL, parameters=bound).named_results()]


def _row(found: dict[str, Any]) -> dict[str, Any]:
    apart_days = (found["received_ms"] - found["closed_ms"]) / DAY_MS
    reasons = [
        *(["标题相同 same title"] if found["same_title"] else []),
        *([f"办件号差 {found['number_distance']} 字 number differs by {found['number_distance']}"] if _is_near(found) else []),
        f"相距 {apart_days:.1f} 天 days apart",
    ]
    kept = {name: found[name] for name in ("orphan", "case_no", "unit_code", "item_code", "status")}
    return {**kept, "closed_at": iso(found["closed_ms"]), "received_at": iso(found["received_ms"]), "reasons": reasons}


def _is_near(found: dict[str, Any]) -> bool:
    return bool(found["number_distance"] <= _NEAR_NUMBER)
