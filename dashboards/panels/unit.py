"""单位: which of its items are worst, and what costs it points."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from dashboards.model import Column, Dashboard, Panel, Section, Sql
from dashboards.panels.city import UNIT_SCORE
from dashboards.panels.configuration import MISCONFIGURED, UNCONFIGURED
from dashboards.panels.shared import (
    AGEING,
    ANNOTATIONS,
    COUNT_COLUMNS,
    COUNTS,
    DELAYS,
    FINDINGS,
    OLDEST,
    RATIO_COLUMNS,
    RATIO_LEVELS,
    RATIO_TREND,
    RATIOS,
    TO_ITEM,
    TREND,
    UNIT_UID,
    VARIABLES,
    at,
)
from dashboards.panels.sql import coverage, named

_PAIR = "tuple(toString(unit_code), toString(item_code))"

ITEMS = Panel(
    "items",
    "最差的事项",
    "所选时间内各事项的办结与归档，到期未归档件数最多的在前，至多 200 项；"
    "多数事项一年只有几十件，所以按件数而不按比例排。点事项看它背后的办件。",
    "table",
    (
        Sql(
            f"""SELECT * FROM ({named(coverage(_PAIR, more=", scope.1 AS unit_code, scope.2 AS item_code"), "item", "item_code")}
) ORDER BY unarchived DESC, coverage_due ASC NULLS LAST, item_code, unit_code LIMIT 200"""
        ),
    ),
    "ratio",
    (
        Column("name", "事项", link=TO_ITEM),
        Column("item_code", "事项编码"),
        Column("unit_code", "单位代码"),
        *RATIO_COLUMNS,
        *COUNT_COLUMNS,
    ),
    RATIO_LEVELS,
    width=24,
    height=12,
)
TYPES = Panel(
    "types",
    "各类事项",
    "所选时间内按八类行政事项分的已归档、到期未归档、待归档；八类之外的不计入。某一类整体未归档时，查该类的业务系统是否接通。",
    "bars",
    (
        Sql(
            f"""SELECT if(scope = '', '八类之外', scope) AS name, * EXCEPT scope
FROM ({coverage("toString(item_type)")}
) ORDER BY name"""
        ),
    ),
    "cases",
    (Column("name", "类型"), COUNT_COLUMNS[1], COUNT_COLUMNS[3], COUNT_COLUMNS[4]),
    stacked=True,
)

DASHBOARD = Dashboard(
    UNIT_UID,
    "归档：单位",
    "一个单位的归档覆盖率、最差的事项、得分与扣分项。从全市总览点单位进来；点事项看办件。",
    VARIABLES,
    (
        Section("现状", (COUNTS, RATIOS)),
        Section("事项", (ITEMS,)),
        Section("走势", (TREND, RATIO_TREND)),
        Section("未归档", (AGEING, at(DELAYS, 12), OLDEST)),
        Section("得分", (at(UNIT_SCORE, 24, 6), TYPES, at(FINDINGS, 12, 8))),
        Section("配置", (UNCONFIGURED, MISCONFIGURED)),
    ),
    ANNOTATIONS,
)
