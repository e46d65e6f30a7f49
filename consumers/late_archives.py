"""The cases that were archived late (逾期归档), off the states of cases: what corrects a figure corrects this list with it."""

from __future__ import annotations

from typing import Any

from consumers.clickhouse import Client
from consumers.windows import Window
from streams.domain.time import iso

_PLACES = ("case_no", "unit_code", "unit_name", "item_code", "item_name")
_TIMES = ("closed_at", "due_at", "received_at")


def late_archives(client: Client, window: Window, most: int, *, as_of_ms: int | None = None) -> list[dict[str, Any]]:
    """Cases closed in a window and archived late, the latest first; ``late_ms`` says how late. Times are ISO texts of Asia/Shanghai.

    Parameters
    ----------
    most
        Rows at most.
    as_of_ms
        What was received later is ignored. A case is archived by its earliest acceptance, so that no other one need be looked for.
    """
    times = ", ".join(f"toUnixTimestamp64Milli({name}) AS {name}_ms" for name in _TIMES)
    known = "" if as_of_ms is None else " AND received_at_ms <= {as_of:Int64}"
    sql = f"""
SELECT {", ".join(_PLACES)}, {times}, received_at_ms - due_at_ms AS late_ms
FROM case_state FINAL
WHERE status = 'ARCHIVED_LATE' AND closed_at_ms >= {{start:Int64}} AND closed_at_ms < {{end:Int64}}{known}
ORDER BY late_ms DESC, case_no LIMIT {{most:UInt32}}"""  # noqa: S608 - constants; values are bound
    bound = {"start": window.start_ms, "end": window.end_ms, "most": most} | ({} if as_of_ms is None else {"as_of": as_of_ms})
    return [_row(found) for found in client.query(sql, parameters=bound).named_results()]


def _row(found: dict[str, Any]) -> dict[str, Any]:
    times = {name: iso(found[f"{name}_ms"]) for name in _TIMES}
    return {name: found[name] for name in (*_PLACES, "late_ms")} | times
