"""Overview of the city: coverage by unit, counts over time, open findings. ``python -m dashboards.city`` writes ``city.json``.

The queries need nothing but SELECT, and no SETTINGS, so that a user with ``readonly = 1`` can run them. Ratios are sums over sums;
without a denominator they are NULL.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PATH = Path(__file__).with_name("city.json")
_SOURCE = {"type": "grafana-clickhouse-datasource", "uid": "${source}"}
_TABLE, _SERIES = 1, 0
_CLOSED = "archived + unarchived + awaiting"
_BUCKETS = """FROM coverage_partial FINAL
WHERE granularity = 'DAY'
  AND bucket_start >= toStartOfDay(toTimeZone($__fromTime, 'Asia/Shanghai')) AND bucket_start <= $__toTime"""
_RATIOS = f"""sum(archived) / nullIf(sum({_CLOSED}), 0) AS "覆盖率",
    sum(due_archived) / nullIf(sum(due), 0) AS "到期覆盖率",
    sum(official_archived) / nullIf(sum(official_closed), 0) AS "通报口径\""""
_COUNTS = """sum(archived) AS "已归档", sum(archived_late) AS "其中逾期", sum(unarchived) AS "未归档",
    sum(awaiting) AS "待归档", sum(refused) AS "被退回", sum(orphan) AS "孤立归档\""""

QUERIES: dict[str, str] = {
    "全市": f"SELECT\n    {_RATIOS}\n{_BUCKETS}",
    "各单位": f"""SELECT
    unit_code AS "单位", sum({_CLOSED}) AS "办结",
    {_COUNTS},
    {_RATIOS}
{_BUCKETS}
GROUP BY unit_code ORDER BY "到期覆盖率", unit_code""",
    "办结与归档": f"""SELECT
    bucket_start AS time, sum({_CLOSED}) AS "办结", sum(archived) AS "已归档", sum(unarchived) AS "未归档"
{_BUCKETS}
GROUP BY time ORDER BY time""",
    "未解除的异常": """SELECT kind AS "种类", count() AS "件数", min(since) AS "最早"
FROM anomaly FINAL
WHERE state = 'OPENED'
GROUP BY kind ORDER BY kind""",
}
_PANELS = (
    ("全市", "stat", _TABLE, {"x": 0, "y": 0, "w": 12, "h": 6}, "percentunit"),
    ("未解除的异常", "table", _TABLE, {"x": 12, "y": 0, "w": 12, "h": 6}, "none"),
    ("办结与归档", "timeseries", _SERIES, {"x": 0, "y": 6, "w": 24, "h": 9}, "none"),
    ("各单位", "table", _TABLE, {"x": 0, "y": 15, "w": 24, "h": 14}, "none"),
)


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "uid": "guidang-city",
        "title": "归档：全市总览",
        "tags": ["guidang"],
        "schemaVersion": 39,
        "timezone": "Asia/Shanghai",
        "time": {"from": "now/y", "to": "now"},
        "refresh": "30s",
        "templating": {"list": [{"name": "source", "label": "ClickHouse", "type": "datasource", "query": _SOURCE["type"]}]},
        "panels": [{"id": number, **_panel(*panel)} for number, panel in enumerate(_PANELS, 1)],
    }


def text() -> str:
    """What is committed."""
    return json.dumps(dashboard(), ensure_ascii=False, indent=2) + "\n"


def _panel(title: str, kind: str, form: int, place: dict[str, int], unit: str) -> dict[str, Any]:
    query = {"refId": "A", "datasource": _SOURCE, "editorType": "sql", "format": form, "rawSql": QUERIES[title]}
    defaults = {"unit": unit, "noValue": "–"}
    ratios = {"matcher": {"id": "byRegexp", "options": "/覆盖率|通报口径/"}, "properties": [{"id": "unit", "value": "percentunit"}]}
    return {
        "title": title,
        "type": kind,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [query],
        "fieldConfig": {"defaults": defaults, "overrides": [ratios]},
    }


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
