"""The findings (异常), as they were told last."""

from __future__ import annotations

from typing import Any, Literal

from consumers.clickhouse import Client
from streams.domain.time import iso

State = Literal["open", "resolved"]
_STORED = {"open": "OPENED", "resolved": "RESOLVED"}
_TIMES = ("since", "closed_at", "due_at", "received_at")
_COLUMNS = (
    *("anomaly_id", "kind", "state", "subject", "reason", "resolution", "unit_code", "unit_name", "district_code"),
    *("item_code", "item_name", "item_type", "late_ms", "detail", "backfill"),
    *("waived", "waived_by", "waived_reason"),
)
_DATES = ("waived_from", "waived_until")


def anomaly_rows(client: Client, *, kind: str = "", state: State | None = None, unit: str = "") -> list[dict[str, Any]]:
    """Findings, the oldest first; an empty filter lets all pass. Times are ISO texts of Asia/Shanghai."""
    wanted = {"kind": kind, "state": _STORED[state] if state else "", "unit_code": unit}
    filters = [f"{column} = {{{column}:String}}" for column, value in wanted.items() if value]
    times = ", ".join(f"toUnixTimestamp64Milli({name}) AS {name}_ms" for name in _TIMES)
    sql = f"SELECT {', '.join((*_COLUMNS, *_DATES))}, {times} FROM anomaly FINAL"  # noqa: S608 - constants; values are bound
    sql += (f" WHERE {' AND '.join(filters)}" if filters else "") + " ORDER BY since, anomaly_id"
    return [_row(found) for found in client.query(sql, parameters=wanted).named_results()]


def _row(found: dict[str, Any]) -> dict[str, Any]:
    row = {name: found[name] for name in _COLUMNS}
    for name in _TIMES:
        at_ms = found[f"{name}_ms"]
        row[name] = None if at_ms is None else iso(at_ms)
    return row | {name: None if (day := found[name]) is None else day.isoformat() for name in _DATES}
