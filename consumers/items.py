"""Items (权力事项): from the record of ``item-state`` to a row, and rows as the command line tells them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from consumers.clickhouse import Client

_OF_STATE = (
    *("unit_code", "item_code", "item_name", "main_item_code", "main_item_name", "build_mode", "plan_year", "archiving_mode"),
    *("case_count_2017", "expected_online", "configured"),
)
COLUMNS = (*_OF_STATE, "findings")
"""What the command line tells of an item."""
_APART = frozenset({"schedule", "config", "unregistered_in", "findings"})
Row = dict[str, Any]


def item_row(record: Mapping[str, Any]) -> Row:
    """Row of one record: the sides of schedule and configuration become columns."""
    schedule, config = record["schedule"] or {}, record["config"] or {}
    return {
        **{name: value for name, value in record.items() if name not in _APART},
        "schedule_version": schedule.get("schedule_version", ""),
        "schedule_approved": bool(schedule.get("approved")),
        "schedule_retention": schedule.get("retention", ""),
        "schedule_materials": _materials(schedule),
        "config_version": config.get("schedule_version", ""),
        "config_retention": config.get("retention", ""),
        "config_archiving_mode": config.get("archiving_mode", ""),
        "config_materials": _materials(config),
        "unregistered_cases": bool(record["unregistered_in"]),
    }


def item_rows(client: Client, unit: str = "") -> list[Row]:
    """Items by unit and code, every registered one and every other that has an open finding: :data:`COLUMNS`, and ``leaf``."""
    sql = f"SELECT {', '.join(_OF_STATE)}, leaf, open_anomalies AS findings FROM item FINAL"  # noqa: S608 - constants; values are bound
    sql += " WHERE (registered OR notEmpty(open_anomalies))" + (" AND unit_code = {unit:String}" if unit else "")
    return [dict(row) for row in client.query(sql + " ORDER BY unit_code, item_code", parameters={"unit": unit}).named_results()]


def rows_of_states(states: Iterable[Mapping[str, Any]], unit: str = "") -> list[Row]:
    """The same rows of given states (:mod:`streams.domain.configuration`)."""
    found = [state for state in states if (state["registered"] or state["open_anomalies"]) and unit in {"", state["unit_code"]}]
    found.sort(key=lambda state: (state["unit_code"], state["item_code"]))
    return [{**{name: state[name] for name in (*_OF_STATE, "leaf")}, "findings": state["open_anomalies"]} for state in found]


def _materials(side: Mapping[str, Any]) -> list[str]:
    return ["/".join((each["kind"], each["code"], each["name"])) for each in side.get("materials", ())]
