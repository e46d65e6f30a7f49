"""Items whose archiving module is not configured, or otherwise than approved."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from dashboards.model import Column, Panel, Sql
from dashboards.panels.shared import TO_ITEM, TO_UNIT
from dashboards.panels.sql import BUILD_MODES, KIND_LABELS, OPEN, REMARK, WHAT_TO_DO, only, words
from streams.domain.rules import MISCONFIGURED_TOPIC, kinds_told_on

UNCONFIGURED_KIND = "NOT_CONFIGURED"
_OTHERS = ", ".join(f"'{kind}'" for kind in kinds_told_on(MISCONFIGURED_TOPIC) if kind != UNCONFIGURED_KIND)
_PLACE = (
    Column("unit_name", "单位", link=TO_UNIT),
    Column("item_code", "事项编码"),
    Column("item_name", "事项", link=TO_ITEM),
)

UNCONFIGURED = Panel(
    "unconfigured",
    "未配置归档模块的事项",
    "登记在册、应在线归档而没有模块配置的末级事项；与所选时间无关，至多 500 项。"
    "每项扣 10 分（备注写明不扣的除外）：请单位按审定的归档范围和保管期限表配置。",
    "table",
    (
        Sql(
            f"""SELECT found.unit_code AS unit_code, found.unit_name AS unit_name,
    found.item_code AS item_code, found.item_name AS item_name,
    {words("item.build_mode", BUILD_MODES)} AS build_mode, item.case_count_2017 AS case_count_2017, found.remark AS remark
FROM (SELECT *, {REMARK} AS remark FROM anomaly FINAL WHERE kind = '{UNCONFIGURED_KIND}' AND {OPEN} AND {only()}) AS found
LEFT JOIN (SELECT unit_code, item_code, build_mode, case_count_2017 FROM item FINAL) AS item
    ON item.unit_code = found.unit_code AND item.item_code = found.item_code
ORDER BY case_count_2017 DESC, unit_code, item_code LIMIT 500"""
        ),
    ),
    "",
    (*_PLACE, Column("build_mode", "建设模式"), Column("case_count_2017", "2017 年办件", "cases"), Column("remark", "备注")),
    width=12,
    height=10,
)
MISCONFIGURED = Panel(
    "misconfigured",
    "配置与审定不符的事项",
    "模块配置与审定的保管期限表不符、未经审定或未登记的事项；与所选时间无关，至多 500 条。"
    "不符每项扣 2 分（备注写明不扣的除外）：按“差别”一栏改正配置。",
    "table",
    (
        Sql(
            f"""SELECT unit_code, unit_name, item_code, item_name, {words("kind", KIND_LABELS)} AS label, detail, anomaly.since AS since,
    {REMARK} AS remark, {words("kind", WHAT_TO_DO)} AS what_to_do
FROM anomaly FINAL
WHERE kind IN ({_OTHERS}) AND {OPEN} AND {only()}
ORDER BY unit_code, item_code, label LIMIT 500"""
        ),
    ),
    "",
    (*_PLACE, Column("label", "种类"), Column("detail", "差别"), Column("since", "起", "time"), Column("remark", "备注")),
    width=12,
    height=10,
)
