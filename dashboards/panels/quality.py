"""质量与配置: what is configured wrongly, what was refused, what belongs to nothing, and what could not be read."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from collections.abc import Iterable

from dashboards.model import Column, Dashboard, Panel, Section, Sql
from dashboards.panels.configuration import MISCONFIGURED, UNCONFIGURED, UNCONFIGURED_KIND
from dashboards.panels.shared import (
    ANNOTATIONS,
    COUNT_COLUMNS,
    FINDINGS,
    NONE_IS_GOOD,
    OFFICIAL_COLUMNS,
    QUALITY_UID,
    RATIO_COLUMNS,
    TO_CASE,
    TO_ITEM,
    TO_UNIT,
    VARIABLES,
)
from dashboards.panels.sql import FROM_DAY, KIND_LABELS, OPEN, REASON_LABELS, REMARK, TO, WHAT_TO_DO, coverage, named, only, words
from streams.domain.rules import QUALITY_TOPIC, UNARCHIVED_TOPIC, Cost, kinds_of, kinds_told_on


def _list(kinds: Iterable[str]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


_ERRORS, _INACCURATE, _MISSING = (_list(kinds_of(cost)) for cost in (Cost.CONFIG_ERROR, Cost.INACCURATE, Cost.MISSING))
_QUALITY = _list(kinds_told_on(QUALITY_TOPIC))
_MATCHING = _list(kind for kind in kinds_told_on(UNARCHIVED_TOPIC) if kind not in {"UNARCHIVED", "REFUSED"})
_COSTLY = f"""countIf(kind = '{UNCONFIGURED_KIND}' AND item_type != '') AS unconfigured,
    countIf(kind IN ({_ERRORS}) AND item_type != '') AS config_errors,
    countIf(kind IN ({_INACCURATE}) AND item_type != '') AS inaccurate,
    countIf(kind IN ({_MISSING}) AND item_type != '') AS missing_material,
    countIf(kind = 'REFUSED') AS refused, countIf(kind IN ({_MATCHING})) AS matching"""
_COSTLY_COLUMNS = (
    Column("unconfigured", "未配置", "cases"),
    Column("config_errors", "配置错误", "cases"),
    Column("inaccurate", "信息不准", "cases"),
    Column("missing_material", "材料缺失", "cases"),
    Column("refused", "被退回", "cases"),
    Column("matching", "对不上", "cases"),
)
_CASE_PLACE = (
    Column("case_no", "办件号", link=TO_CASE),
    Column("unit_name", "单位", link=TO_UNIT),
    Column("item_name", "事项", link=TO_ITEM),
)
_WHERE = "unit_code, unit_name, item_code, item_name"

SUMMARY = Panel(
    "summary",
    "未解除的质量与配置异常",
    "现在未解除、未豁免的异常：未配置、配置错误、信息不准、材料缺失都扣分（八类之外的不扣，不在其内），"
    "被退回与对不上（孤立、重复、办件号冲突）不扣；与所选时间无关。"
    "不为零就往下看是哪个单位。",
    "stat",
    (Sql(f"SELECT {_COSTLY}\nFROM anomaly FINAL WHERE {OPEN} AND NOT waived AND {only()}"),),
    "cases",
    _COSTLY_COLUMNS,
    NONE_IS_GOOD,
    width=24,
    height=5,
)
UNITS = Panel(
    "units",
    "各单位的质量与配置异常",
    "现在未解除、未豁免的异常按单位，未配置与配置错误多的在前；八类之外不扣分的，前四栏不计；与所选时间无关。点单位看它的事项与扣分。",
    "table",
    (
        Sql(
            f"""SELECT * FROM ({
                named(
                    f'''SELECT toString(unit_code) AS unit_code, {_COSTLY}
    FROM anomaly FINAL WHERE {OPEN} AND NOT waived AND {only()}
    GROUP BY unit_code
    HAVING unconfigured + config_errors + inaccurate + missing_material + refused + matching > 0''',
                    "unit",
                    "unit_code",
                )
            }
) ORDER BY 5 * unconfigured + config_errors DESC, inaccurate + missing_material DESC, unit_code"""
        ),
    ),
    "cases",
    (Column("name", "单位", link=TO_UNIT), Column("unit_code", "代码"), *_COSTLY_COLUMNS),
    width=24,
    height=9,
)
QUALITY = Panel(
    "quality",
    "数据质量异常",
    "现在未解除的数据质量异常，最近办结的在前，至多 500 条；与所选时间无关。点办件号看它的材料与时间，按“怎么办”一栏更正。",
    "table",
    (
        Sql(
            f"""SELECT subject AS case_no, {_WHERE}, {words("kind", KIND_LABELS)} AS label, detail, closed_at,
    {words("kind", WHAT_TO_DO)} AS what_to_do, {REMARK} AS remark
FROM anomaly FINAL
WHERE kind IN ({_QUALITY}) AND {OPEN} AND {only()}
ORDER BY anomaly.closed_at DESC, case_no, label LIMIT 500"""
        ),
    ),
    "",
    (
        *_CASE_PLACE,
        Column("label", "种类"),
        Column("detail", "何处"),
        Column("closed_at", "办结", "time"),
        Column("what_to_do", "怎么办"),
        Column("remark", "备注"),
    ),
    width=24,
    height=10,
)
QUALITY_KINDS = Panel(
    "quality-kinds",
    "数据质量异常按种类",
    "现在未解除的数据质量异常按种类计数；与所选时间无关。一种独多，往往是某个系统的接口填错了同一个字段，从源头改。",
    "bars",
    (
        Sql(
            f"""SELECT {words("kind", KIND_LABELS)} AS label, count() AS findings, countIf(waived) AS waived
FROM anomaly FINAL
WHERE kind IN ({_QUALITY}) AND {OPEN} AND {only()}
GROUP BY kind ORDER BY findings DESC, label"""
        ),
    ),
    "cases",
    (Column("label", "种类"), Column("findings", "件数", "cases"), Column("waived", "其中已豁免", "cases")),
)
REFUSALS = Panel(
    "refusals",
    "归档被退回的原因",
    "现在最后一次回执是退回、且没有被接收的办件，按回执计数；与所选时间无关。下载、解包失败多半在网络或打包，检测不合格、摘要不符在信息包内容。",
    "bars",
    (
        Sql(
            f"""SELECT {words("reason", REASON_LABELS)} AS label, count() AS cases, uniqExact(unit_code) AS units
FROM anomaly FINAL
WHERE kind = 'REFUSED' AND {OPEN} AND {only()}
GROUP BY reason ORDER BY cases DESC, label"""
        ),
    ),
    "cases",
    (Column("label", "回执"), Column("cases", "件数", "cases"), Column("units", "涉及单位")),
)
REFUSED = Panel(
    "refused",
    "被退回的办件",
    "现在被退回、没有被接收的办件，首次退回最早的在前，至多 200 件；与所选时间无关。按退回原因修正归档信息包后重新移交。",
    "table",
    (
        Sql(
            f"""SELECT subject AS case_no, {_WHERE}, {words("reason", REASON_LABELS)} AS reason_label, detail AS archive_no,
    anomaly.since AS since, closed_at
FROM anomaly FINAL
WHERE kind = 'REFUSED' AND {OPEN} AND {only()}
ORDER BY since, case_no LIMIT 200"""
        ),
    ),
    "",
    (*_CASE_PLACE, Column("reason_label", "回执"), Column("archive_no", "电子文件号"), Column("since", "首次退回", "time")),
)
ORPHANS = Panel(
    "orphans",
    "对不上的归档",
    "孤立归档（有归档没有办结）、重复归档、办件号冲突，最早的在前，至多 200 件；"
    "与所选时间无关。核对办件号，或补报办结；命令行的 guidang suggest 提示可能对应的办件。",
    "table",
    (
        Sql(
            f"""SELECT subject AS case_no, {_WHERE}, {words("kind", KIND_LABELS)} AS label, detail, anomaly.since AS since
FROM anomaly FINAL
WHERE kind IN ({_MATCHING}) AND {OPEN} AND {only()}
ORDER BY since, case_no LIMIT 200"""
        ),
    ),
    "",
    (*_CASE_PLACE, Column("label", "种类"), Column("detail", "电子文件号"), Column("since", "起", "time")),
)
OFFICIAL = Panel(
    "official",
    "通报口径与逐件核对的差异",
    "所选时间内各单位：通报口径（电子文件号数÷办件号数）与逐件核对的覆盖率之差，差异绝对值大的在前。"
    "为正多是重复或孤立归档，为负多是办件移交后归在别处；查该单位对不上的归档。",
    "table",
    (
        Sql(
            f"""SELECT *, scope AS unit_code FROM ({named(coverage("toString(unit_code)"), "unit")}
) ORDER BY abs(divergence) DESC NULLS LAST, scope"""
        ),
    ),
    "cases",
    (
        Column("name", "单位", link=TO_UNIT),
        Column("unit_code", "代码"),
        Column("official_closed", "办件号", "cases"),
        Column("official_archived", "电子文件号", "cases"),
        OFFICIAL_COLUMNS[0],
        RATIO_COLUMNS[1],
        OFFICIAL_COLUMNS[1],
        COUNT_COLUMNS[6],
    ),
    width=24,
    height=9,
)
DEAD_LETTERS = Panel(
    "dead-letters",
    "死信按原因",
    "所选时间内收不进来的记录，按原因与来处计数，全市合计，不随筛选而变。"
    "用 guidang dlq list 查看，请发送方更正后 guidang dlq redrive 重新投递。",
    "table",
    (
        Sql(
            f"""SELECT reason, source_topic, count() AS records, max(dead_letter.written_at) AS latest
FROM dead_letter FINAL
WHERE written_at >= {FROM_DAY} AND written_at <= {TO}
GROUP BY reason, source_topic ORDER BY records DESC, reason, source_topic"""
        ),
    ),
    "records",
    (
        Column("reason", "原因"),
        Column("source_topic", "来自主题"),
        Column("records", "条数", "records"),
        Column("latest", "最近一条", "time"),
    ),
)

DASHBOARD = Dashboard(
    QUALITY_UID,
    "归档：质量与配置",
    "未配置与配置错误的事项、数据质量、退回、对不上的归档、通报口径的差异、死信。",
    VARIABLES,
    (
        Section("现状", (SUMMARY, UNITS)),
        Section("配置", (UNCONFIGURED, MISCONFIGURED)),
        Section("数据质量", (QUALITY_KINDS, REFUSALS, QUALITY)),
        Section("退回与核对", (REFUSED, ORPHANS, OFFICIAL)),
        Section("全部", (FINDINGS, DEAD_LETTERS)),
    ),
    ANNOTATIONS,
)
