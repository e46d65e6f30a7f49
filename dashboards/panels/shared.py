"""What several dashboards have in common: variables, annotations, columns, and panels that differ by nothing but their width."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from dataclasses import replace

from consumers.coverage_sql import OF_YEARS
from consumers.score_sql import anything
from dashboards.model import Annotation, Column, Link, Panel, Prom, Sql, Threshold, Variable
from dashboards.panels.sql import (
    CLOSED_THEN,
    FROM_DAY,
    KIND_LABELS,
    KNOWN_ITEM,
    OPEN,
    REASON_LABELS,
    TO,
    WHAT_TO_DO,
    age_days,
    coverage,
    in_steps,
    named,
    only,
    words,
)
from streams.domain.districts import CITY
from streams.domain.rules import MISCONFIGURED_TOPIC, kinds_told_on

CITY_UID, UNIT_UID, ITEM_UID = "guidang-city", "guidang-unit", "guidang-item"
QUALITY_UID, PIPELINE_UID, ALERTS_UID = "guidang-quality", "guidang-pipeline", "guidang-alerts"

RATIO_LEVELS = (Threshold(0, "bad"), Threshold(0.9, "warning"), Threshold(0.98, "good"))
"""Of the formula: 98 % archived costs one point, 90 % five."""
NONE_IS_GOOD = (Threshold(0, "good"), Threshold(1, "bad"))


def _codes(column: str, name: str, *chosen: str) -> Sql:
    """Codes that occur in buckets of which anything is left, or, of those of items, among these, with their names.

    Of years where these tell the code: of hours there are hundreds of times as many. All that is chosen by is of a bucket's key, so that
    it can be asked of before FINAL.
    """
    before = only(*chosen) if chosen else "1"
    items = f"""UNION ALL
    SELECT {column} FROM item FINAL WHERE {KNOWN_ITEM} AND {before}"""
    codes = f"""SELECT DISTINCT toString({column}) AS value FROM (
    SELECT {column} FROM coverage_partial FINAL
    PREWHERE granularity = '{"YEAR" if name in OF_YEARS else "HOUR"}' AND {before} WHERE {anything()}
    {"" if name == "district" else items}
) WHERE value != ''"""
    return Sql(
        f"SELECT value, if(name = value, value, concat(name, ' ', value)) AS label FROM ({named(codes, name, 'value')}) ORDER BY value"
    )


VARIABLES = (
    Variable("district", "区县", _codes("district_code", "district")),
    Variable("unit", "单位", _codes("unit_code", "unit", "district")),
    Variable(
        "type",
        "事项类型",
        Sql(
            f"""SELECT DISTINCT toString(item_type) AS value, value AS label
FROM coverage_partial FINAL
PREWHERE granularity = 'HOUR' AND item_type != '' AND {only("district", "unit")} WHERE {anything()} ORDER BY value"""
        ),
    ),
    Variable("item", "事项", _codes("item_code", "item", "district", "unit", "type")),
)
CASE_VARIABLE = Variable("case", "办件号", None)

_MISCONFIGURED = ", ".join(f"'{kind}'" for kind in kinds_told_on(MISCONFIGURED_TOPIC))
ANNOTATIONS = (
    Annotation(
        "configuration",
        "配置生效",
        Sql(
            f"""SELECT since AS time, concat('配置生效而有异常 ', toString(count()), ' 项') AS title,
    arrayStringConcat(arraySlice(groupArray(
        concat(toString(unit_code), ' ', toString(item_code), ' ', {words("kind", KIND_LABELS)})), 1, 5), '；') AS text
FROM anomaly FINAL
WHERE kind IN ({_MISCONFIGURED}) AND isNotNull(since) AND since >= {FROM_DAY} AND since <= {TO} AND {only()}
GROUP BY since ORDER BY time"""
        ),
    ),
    Annotation(
        "backfill",
        "补录",
        Sql(
            f"""SELECT toStartOfDay(assumeNotNull(since)) AS time, concat('补录数据中的异常 ', toString(count()), ' 项') AS title,
    concat('涉及单位 ', toString(uniqExact(unit_code)), ' 个：发现时已是旧事，不告警') AS text
FROM anomaly FINAL
WHERE backfill AND isNotNull(since) AND since >= {FROM_DAY} AND since <= {TO} AND {only()}
GROUP BY time ORDER BY time"""
        ),
    ),
    Annotation("reference", "参照数据变动", Prom("sum(increase(guidang_worker_revisited_keys_total[5m])) > 0", "重新判定")),
    Annotation(
        "deployment",
        "版本更替",
        Prom(
            "group by (version, role) (guidang_build_info) unless group by (version, role) (guidang_build_info offset 5m)",
            "{{role}} {{version}}",
        ),
    ),
)

TO_UNIT = Link(UNIT_UID, "unit", "unit_code")
TO_ITEM = Link(ITEM_UID, "item", "item_code", also=(("unit", "unit_code"),))
TO_CASE = Link(ITEM_UID, "case", "case_no")

COUNT_COLUMNS = (
    Column("closed", "办结", "cases"),
    Column("archived", "已归档", "cases"),
    Column("archived_late", "其中逾期", "cases"),
    Column("unarchived", "到期未归档", "cases"),
    Column("awaiting", "待归档", "cases"),
    Column("refused", "其中被退回", "cases"),
    Column("orphan", "孤立归档", "cases"),
)
RATIO_COLUMNS = (
    Column("coverage_due", "到期覆盖率", "ratio"),
    Column("coverage", "覆盖率", "ratio"),
)
OFFICIAL_COLUMNS = (
    Column("official", "通报口径", "ratio"),
    Column("divergence", "差异", "ratio"),
)
ENOUGH_DUE = 10
"""Below so many due cases a ratio says nothing: one of one missing is no worse than seventy of seventy-seven."""
WORST_FIRST = f"ORDER BY due >= {ENOUGH_DUE} DESC, coverage_due ASC NULLS LAST, unarchived DESC, scope"

COUNTS = Panel(
    "counts",
    "办结与归档",
    "所选时间（按天取整）内办结的计入办件：已归档（含逾期）、到期未归档、待归档，三者之和为办结。孤立归档按接收日计。未归档增多时，看下方排名找到单位。",
    "stat",
    (Sql(coverage(f"'{CITY}'")),),
    "cases",
    COUNT_COLUMNS,
    width=14,
    height=5,
)
RATIOS = Panel(
    "ratios",
    "归档覆盖率",
    "覆盖率＝已归档÷办结；到期覆盖率＝到期日在所选时间内且已到期的办件中已归档的比例，告警用它；"
    "通报口径＝电子文件号总数÷办件号总数，可大于 1。"
    "没有分母时为空。低于 98% 即开始明显扣分：到排名中找最差的单位。",
    "stat",
    (Sql(coverage(f"'{CITY}'")),),
    "ratio",
    (*RATIO_COLUMNS, OFFICIAL_COLUMNS[0]),
    RATIO_LEVELS,
    width=10,
    height=5,
)
_DAILY = f"SELECT * EXCEPT scope, scope AS time FROM ({coverage('toStartOfDay(at)')}\n) ORDER BY time"
TREND = Panel(
    "trend",
    "每日办结与归档",
    "按办结日计：当天办结的办件现在的归档情况。最近几天的待归档属正常；到期未归档成片出现时，多半是某个单位的归档模块停了，按单位筛选查看。",
    "line",
    (Sql(f"{_DAILY} WITH FILL STEP toIntervalDay(1)"),),
    "cases",
    (COUNT_COLUMNS[0], COUNT_COLUMNS[1], COUNT_COLUMNS[3], COUNT_COLUMNS[4]),
)
RATIO_TREND = Panel(
    "ratio-trend",
    "每日覆盖率",
    "按办结日的覆盖率与按到期日的到期覆盖率；没有办件的日子为空。最近三个工作日的覆盖率偏低属正常，以到期覆盖率为准；它下降时查当天到期的办件。",
    "line",
    (Sql(_DAILY),),
    "ratio",
    RATIO_COLUMNS,
)

_OVERDUE_THEN = f"kind = 'UNARCHIVED' AND {OPEN} AND due_at <= {TO} AND {only()}"
_STEP, _LABEL = in_steps(age_days("due_at"), (1, 3, 7, 15, 30, 90))
AGEING = Panel(
    "ageing",
    "到期未归档的账龄",
    "所选时间之末已过期限、现在仍未归档的办件，按逾期天数（从归档期限到所选时间之末）分组；与起点无关。越靠右越难补，先查 30 天以上的。",
    "bars",
    (
        Sql(
            f"""SELECT {_LABEL} AS age, count() AS cases, countIf(waived) AS waived
FROM (SELECT {_STEP} AS step, waived FROM anomaly FINAL WHERE {_OVERDUE_THEN})
GROUP BY step ORDER BY step"""
        ),
    ),
    "cases",
    (Column("age", "逾期"), Column("cases", "件数", "cases"), Column("waived", "其中已豁免", "cases")),
)
_DELAY_STEP, _DELAY_LABEL = in_steps("delay_ms / 86400000", (0, 1, 3, 5, 10, 30))
DELAYS = Panel(
    "delays",
    "归档用时",
    "所选时间内办结且已归档的办件，从办结到首次被接收的天数；“0 天以内”是办结之前就收到的。"
    "集中在期限附近或成批延后，说明信息包是批量送的，请单位改为逐件送。",
    "bars",
    (
        Sql(
            f"""SELECT {_DELAY_LABEL} AS delay, count() AS cases
FROM (SELECT {_DELAY_STEP} AS step FROM case_state FINAL
    WHERE status IN ('ARCHIVED', 'ARCHIVED_LATE') AND {CLOSED_THEN} AND isNotNull(delay_ms) AND {only()})
GROUP BY step ORDER BY step"""
        ),
    ),
    "cases",
    (Column("delay", "用时"), Column("cases", "件数", "cases")),
)
OLDEST = Panel(
    "oldest",
    "逾期最久的办件",
    "所选时间之末已过期限、现在仍未归档的办件，逾期最久的在前，至多 100 件；与起点无关。点办件号看来龙去脉，再请单位核查归档信息包并移交。",
    "table",
    (
        Sql(
            f"""SELECT subject AS case_no, unit_code, unit_name, item_code, item_name, closed_at, due_at,
    {age_days("due_at")} AS overdue_days, {words("reason", REASON_LABELS)} AS reason,
    if(waived, '已豁免', if(backfill, '补录', '')) AS remark
FROM anomaly FINAL
WHERE {_OVERDUE_THEN}
ORDER BY anomaly.due_at, case_no LIMIT 100"""
        ),
    ),
    "",
    (
        Column("case_no", "办件号", link=TO_CASE),
        Column("unit_name", "单位", link=TO_UNIT),
        Column("item_name", "事项", link=TO_ITEM),
        Column("closed_at", "办结", "time"),
        Column("due_at", "归档期限", "time"),
        Column("overdue_days", "逾期", "days"),
        Column("reason", "原因"),
        Column("remark", "备注"),
    ),
    width=24,
    height=9,
)
FINDINGS = Panel(
    "findings",
    "未解除的异常",
    "现在未解除的异常按种类计数，已豁免的另列；与所选时间无关。“怎么办”是对单位的要求。数量突增时先看是不是补录。",
    "table",
    (
        Sql(
            f"""SELECT {words("kind", KIND_LABELS)} AS label, count() AS findings, countIf(waived) AS waived,
    countIf(backfill) AS backfilled, min(anomaly.since) AS oldest, {words("kind", WHAT_TO_DO)} AS what_to_do, toString(kind) AS code
FROM anomaly FINAL
WHERE {OPEN} AND {only()}
GROUP BY kind ORDER BY findings DESC, code"""
        ),
    ),
    "cases",
    (
        Column("label", "种类"),
        Column("findings", "件数", "cases"),
        Column("waived", "其中已豁免", "cases"),
        Column("backfilled", "其中补录", "cases"),
        Column("oldest", "最早", "time"),
        Column("what_to_do", "怎么办"),
    ),
    width=24,
    height=9,
)


def at(panel: Panel, width: int, height: int = 0) -> Panel:
    """The same panel in another size."""
    return replace(panel, width=width, height=height or panel.height)
