"""全市总览: where the city stands, and which unit is worst."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from consumers.score_sql import HOMES, anything
from dashboards.model import Column, Dashboard, Link, Panel, Section, Sql
from dashboards.panels.shared import (
    AGEING,
    ANNOTATIONS,
    CITY_UID,
    COUNT_COLUMNS,
    COUNTS,
    DELAYS,
    FINDINGS,
    OLDEST,
    RATIO_COLUMNS,
    RATIO_LEVELS,
    RATIO_TREND,
    RATIOS,
    TO_UNIT,
    TREND,
    VARIABLES,
    WORST_FIRST,
)
from dashboards.panels.sql import KNOWN_ITEM, TO, coverage, named
from streams.domain.districts import UNKNOWN_DISTRICT

_SCORED_YEAR = f"year = toUInt16(toYear({TO}))"
_PARTS = """completeness, quality, bonus, total, total_by_case,
    config_errors, unconfigured, unarchived, closed, inaccurate, missing_material, systems"""
_PLACES = f"""(
            SELECT toString(unit_code) AS unit, toString(district_code) AS district FROM coverage_partial FINAL
            WHERE granularity = 'YEAR' AND {anything()}
            UNION ALL
            SELECT toString(unit_code) AS unit, toString(district_code) AS district FROM item FINAL
            WHERE {KNOWN_ITEM} AND (district != '{UNKNOWN_DISTRICT}' OR unit NOT IN (SELECT unit FROM ({HOMES}) WHERE {_SCORED_YEAR})))"""
"""Each unit with the districts that it is of, as the score has them: of its cases, and of its items."""
PART_COLUMNS = (
    Column("completeness", "完整性（60）", "points"),
    Column("quality", "数据质量（30）", "points"),
    Column("bonus", "加分（10）", "points"),
)
DEDUCTION_COLUMNS = (
    Column("config_errors", "配置错误"),
    Column("unconfigured", "未配置"),
    Column("unarchived", "未归档"),
    Column("closed", "办结"),
    Column("inaccurate", "信息不准"),
    Column("missing_material", "材料缺失"),
    Column("systems", "加分系统"),
)

UNITS = Panel(
    "units",
    "各单位归档覆盖率（最差在前）",
    "所选时间内各单位的办结与归档，到期覆盖率最低的在前；到期不足 10 件的，一两件就能拉低，排在其后。点单位名称看它最差的事项。",
    "table",
    (Sql(f"SELECT *, scope AS unit_code FROM ({named(coverage('toString(unit_code)'), 'unit')}\n) {WORST_FIRST}"),),
    "ratio",
    (
        Column("name", "单位", link=TO_UNIT),
        Column("unit_code", "代码"),
        *RATIO_COLUMNS,
        *COUNT_COLUMNS,
    ),
    RATIO_LEVELS,
    width=24,
    height=12,
)
DISTRICTS_PANEL = Panel(
    "districts",
    "各区县归档覆盖率",
    "所选时间内各区县（按办结当日的隶属；市级单位单列）的办结与归档，最差在前（到期不足 10 件的在后）。点区县即按它筛选本页。",
    "table",
    (
        Sql(
            f"""SELECT *, scope AS district_code FROM ({named(coverage("toString(district_code)"), "district")}
) {WORST_FIRST}"""
        ),
    ),
    "ratio",
    (
        Column("name", "区县", link=Link(CITY_UID, "district", "district_code")),
        *RATIO_COLUMNS,
        COUNT_COLUMNS[0],
        COUNT_COLUMNS[3],
        COUNT_COLUMNS[6],
    ),
    RATIO_LEVELS,
    height=10,
)
DISTRICT_SCORE = Panel(
    "district-score",
    "各区县得分",
    "考核细则的得分，所选时间之末所在年度：完整性 60、数据质量 30、加分 10；各区县按其单位之和用同一公式。低的区县先看其单位得分与扣分项。",
    "bars",
    (
        Sql(
            f"""SELECT * FROM ({
                named(
                    f'''SELECT scope, {_PARTS} FROM score
    WHERE {_SCORED_YEAR} AND by = 'district' AND ({{district:String}} = '' OR scope = {{district:String}})
        AND ({{unit:String}} = ''
            OR scope IN (SELECT district FROM {_PLACES} WHERE unit = {{unit:String}}))''',
                    "district",
                )
            }
) ORDER BY total, scope"""
        ),
    ),
    "points",
    (Column("name", "区县"), *PART_COLUMNS),
    height=10,
    stacked=True,
)
UNIT_SCORE = Panel(
    "unit-score",
    "各单位得分与扣分项（最低在前）",
    "考核细则的得分，所选时间之末所在年度，不随事项筛选而变：完整性＝60−2×配置错误−10×未配置−50×未归档÷办结，数据质量＝30−2×信息不准−2×材料缺失，"
    "加分每个系统 5 分至多 10 分。“按件计”把每件办件的每种问题各算一处。点单位看扣分的依据。",
    "table",
    (
        Sql(
            f"""SELECT *, scope AS unit_code FROM ({
                named(
                    f'''SELECT scope, {_PARTS} FROM score
    WHERE {_SCORED_YEAR} AND by = 'unit' AND ({{unit:String}} = '' OR scope = {{unit:String}})
        AND ({{district:String}} = '' OR scope IN (SELECT unit FROM {_PLACES} WHERE district = {{district:String}}))''',
                    "unit",
                )
            }
) ORDER BY total, scope"""
        ),
    ),
    "cases",
    (
        Column("name", "单位", link=TO_UNIT),
        Column("unit_code", "代码"),
        Column("total", "总分", "points"),
        *PART_COLUMNS,
        Column("total_by_case", "总分（按件计）", "points"),
        *DEDUCTION_COLUMNS,
    ),
    width=24,
    height=11,
)

DASHBOARD = Dashboard(
    CITY_UID,
    "归档：全市总览",
    "全市与各区县、各单位的归档覆盖率、得分与异常。从排名点单位，再点事项，再点办件。",
    VARIABLES,
    (
        Section("现状", (COUNTS, RATIOS)),
        Section("单位", (UNITS,)),
        Section("走势", (TREND, RATIO_TREND)),
        Section("未归档", (AGEING, DELAYS, OLDEST)),
        Section("区县", (DISTRICTS_PANEL, DISTRICT_SCORE)),
        Section("得分", (UNIT_SCORE,)),
        Section("异常", (FINDINGS,)),
    ),
    ANNOTATIONS,
)
