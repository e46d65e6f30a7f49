"""事项与办件: the cases behind an item's figures, and one case with its archives, its findings and its timeline."""
# ruff: noqa: S608 - nothing but constants and our own texts is put into SQL; values are bound

from __future__ import annotations

from dashboards.model import Column, Dashboard, Panel, Section, Sql
from dashboards.panels.shared import (
    AGEING,
    ANNOTATIONS,
    CASE_VARIABLE,
    COUNTS,
    DELAYS,
    FINDINGS,
    ITEM_UID,
    RATIO_TREND,
    RATIOS,
    TO_CASE,
    TREND,
    VARIABLES,
)
from dashboards.panels.sql import (
    BUILD_MODES,
    CLOSED_THEN,
    KIND_LABELS,
    MODES,
    REASON_LABELS,
    RETENTIONS,
    STATUSES,
    TO,
    WHAT_TO_DO,
    age_days,
    named,
    only,
    words,
)

_RESOLUTIONS = {**REASON_LABELS, **STATUSES, "CLOSED": "补报了办结", "CORRECTED": "已更正"}
_ONE = "case_no = {case:String}"
_TIME = "formatDateTime(toTimeZone({0}, 'Asia/Shanghai'), '%Y-%m-%d %H:%i:%S')"


def _time(column: str) -> str:
    return f"if(isNull({column}), '–', {_TIME.format(f'assumeNotNull({column})')})"


CASES = Panel(
    "cases",
    "背后的办件",
    "所选时间内办结的办件，到期未归档的在前、逾期最久的最先，其次待归档，"
    "再次已归档；至多 500 件。点办件号，下方“办件”一节显示它的来龙去脉。",
    "table",
    (
        Sql(
            f"""SELECT case_no, {words("status", STATUSES)} AS status_label, {words("reason", REASON_LABELS)} AS reason, closed_at, due_at,
    received_at, if(status = 'UNARCHIVED' AND due_at <= {TO}, {age_days("due_at")}, NULL) AS overdue_days,
    delay_ms / 86400000 AS delay_days, unit_code, unit_name, item_code, item_name,
    arrayStringConcat(arrayMap(kind -> {words("kind", KIND_LABELS)}, open_anomalies), '、') AS findings
FROM case_state FINAL
WHERE {CLOSED_THEN} AND {only()}
ORDER BY indexOf(['UNARCHIVED', 'AWAITING', 'ARCHIVED_LATE', 'ARCHIVED', 'EXCLUDED'], toString(status)), due_at, case_no LIMIT 500"""
        ),
    ),
    "",
    (
        Column("case_no", "办件号", link=TO_CASE),
        Column("status_label", "状态"),
        Column("reason", "原因"),
        Column("closed_at", "办结", "time"),
        Column("due_at", "归档期限", "time"),
        Column("overdue_days", "逾期", "days"),
        Column("received_at", "接收", "time"),
        Column("delay_days", "用时", "days"),
        Column("item_name", "事项"),
        Column("unit_name", "单位"),
        Column("findings", "未解除的异常"),
    ),
    width=24,
    height=9,
)
CONFIGURATION = Panel(
    "configuration",
    "登记、审定与配置",
    "事项在基础信息确认表、审定的保管期限表与归档模块中的样子，并排对照，至多 50 项；与所选时间无关。有异常时按审定的一栏改正配置。",
    "table",
    (
        Sql(
            f"""SELECT unit_code, item_code, item_name, {words("build_mode", BUILD_MODES)} AS build_mode,
    {words("archiving_mode", MODES)} AS archiving_mode, plan_year,
    if(expected_online, '是', '否') AS expected, if(configured, '是', '否') AS configured_label,
    if(schedule_version = '', '–', concat(schedule_version, if(schedule_approved, '', '（未审定）'), ' ',
        {words("schedule_retention", RETENTIONS)}, ' ', toString(length(schedule_materials)), ' 种材料')) AS schedule,
    if(NOT configured, '–', concat(config_version, ' ', {words("config_retention", RETENTIONS)}, ' ',
        {words("config_archiving_mode", MODES)}, ' ', toString(length(config_materials)), ' 种材料')) AS config,
    arrayStringConcat(arrayMap(kind -> {words("kind", KIND_LABELS)}, open_anomalies), '、') AS findings
FROM item FINAL
WHERE (registered OR notEmpty(open_anomalies)) AND {only()}
ORDER BY empty(open_anomalies), unit_code, item_code LIMIT 50"""
        ),
    ),
    "",
    (
        Column("unit_code", "单位代码"),
        Column("item_code", "事项编码"),
        Column("item_name", "事项"),
        Column("build_mode", "建设模式"),
        Column("archiving_mode", "归档方式"),
        Column("plan_year", "归档计划"),
        Column("expected", "应在线归档"),
        Column("configured_label", "已配置"),
        Column("schedule", "审定"),
        Column("config", "配置"),
        Column("findings", "未解除的异常"),
    ),
    width=24,
    height=7,
)
CASE = Panel(
    "case",
    "办件",
    "在上面“办件号”里填写或点选的那一件现在的状态；没有就是空的。状态与 guidang explain 相同，那里还有每个事件的来处与所依据的条款。",
    "table",
    (
        Sql(
            f"""SELECT entry.1 AS field, entry.2 AS value
FROM ({named(f"SELECT * FROM case_state FINAL WHERE {_ONE}", "district", "district_code")})
ARRAY JOIN [
    ('办件号', case_no),
    ('状态', {words("status", STATUSES)}),
    ('原因', if(reason = '', '–', {words("reason", REASON_LABELS)})),
    ('单位', concat(toString(unit_name), ' ', toString(unit_code))),
    ('区县', concat(name, ' ', toString(district_code))),
    ('事项', concat(toString(item_name), ' ', toString(item_code))),
    ('受理', {_time("accepted_at")}),
    ('办结', {_time("closed_at")}),
    ('归档期限', concat({_time("due_at")}, if(due_provisional, '（暂定）', ''))),
    ('接收', {_time("received_at")}),
    ('建设模式', {words("build_mode", BUILD_MODES)}),
    ('归档方式', {words("archiving_mode", MODES)}),
    ('来源系统', if(source_system = '', '–', toString(source_system))),
    ('标记', if(empty(flags), '–', arrayStringConcat(flags, '、')))
] AS entry"""
        ),
    ),
    "",
    (Column("field", "项目"), Column("value", "内容")),
    width=10,
    height=11,
)
TIMELINE = Panel(
    "timeline",
    "来龙去脉",
    "这件办件的受理、办结、期限，以及每个归档信息包的退回与接收，按时间先后。办结之后只有退回没有接收，就按退回原因修正后重新移交。",
    "timeline",
    (
        Sql(
            f"""SELECT event.1 AS time, event.2 AS what, event.3 AS detail
FROM case_state FINAL
ARRAY JOIN arrayConcat(
    [(accepted_at, '受理', ''), (closed_at, '办结', toString(item_name)), (due_at, '归档期限', '')],
    arrayMap((at, number) -> (at, '归档信息包首次被退回', number), archives.refused_at, archives.archive_no),
    arrayMap((at, number, receipt) -> (at, '归档信息包最近一次被退回', concat(number, ' ', {words("receipt", REASON_LABELS)})),
        archives.last_refused_at, archives.archive_no, archives.receipt),
    arrayMap((at, number) -> (at, '归档信息包被接收', number), archives.accepted_at, archives.archive_no)
) AS event
WHERE {_ONE} AND isNotNull(time)
ORDER BY time, what"""
        ),
    ),
    "",
    (Column("time", "时间", "time"), Column("what", "事件"), Column("detail", "说明")),
    width=14,
    height=11,
)
ARCHIVES = Panel(
    "archives",
    "归档信息包",
    "这件办件的每个电子文件号：回执、首次接收、最近退回、归在哪个单位与事项。多个都被接收就是重复归档；单位或事项与办件不同，请核对办件号。",
    "table",
    (
        Sql(
            f"""SELECT archive.1 AS archive_no, {words("archive.2", REASON_LABELS)} AS receipt, archive.3 AS accepted_at,
    archive.4 AS refused_at, archive.5 AS archive_unit_code, archive.6 AS archive_item_code
FROM case_state FINAL
ARRAY JOIN arrayZip(archives.archive_no, archives.receipt, archives.accepted_at, archives.last_refused_at, archives.unit_code,
    archives.item_code) AS archive
WHERE {_ONE}
ORDER BY archive_no"""
        ),
    ),
    "",
    (
        Column("archive_no", "电子文件号"),
        Column("receipt", "回执"),
        Column("accepted_at", "接收", "time"),
        Column("refused_at", "最近退回", "time"),
        Column("archive_unit_code", "单位代码"),
        Column("archive_item_code", "事项编码"),
    ),
    width=12,
    height=6,
)
CASE_FINDINGS = Panel(
    "case-findings",
    "它的异常",
    "这件办件的异常，未解除的在前；已解除的写明怎样解除。按“怎么办”一栏处理，处理后几秒内自动解除。",
    "table",
    (
        Sql(
            f"""SELECT {words("kind", KIND_LABELS)} AS label, if(state = 'OPENED', '未解除', '已解除') AS state_label,
    {words("if(state = 'OPENED', toString(reason), toString(resolution))", _RESOLUTIONS)} AS reason,
    detail, anomaly.since AS since, if(waived, concat('已豁免 ', waived_by), '') AS remark, {words("kind", WHAT_TO_DO)} AS what_to_do
FROM anomaly FINAL
WHERE subject = {{case:String}}
ORDER BY anomaly.state, label"""
        ),
    ),
    "",
    (
        Column("label", "种类"),
        Column("state_label", "状态"),
        Column("reason", "原因"),
        Column("detail", "说明"),
        Column("since", "起", "time"),
        Column("what_to_do", "怎么办"),
        Column("remark", "备注"),
    ),
    width=12,
    height=6,
)

DASHBOARD = Dashboard(
    ITEM_UID,
    "归档：事项与办件",
    "一个事项的归档情况与它背后的办件；填写或点选办件号，看一件办件的来龙去脉。",
    (*VARIABLES, CASE_VARIABLE),
    (
        Section("事项", (COUNTS, RATIOS)),
        Section("背后的办件", (CASES,)),
        Section("办件", (CASE, TIMELINE, ARCHIVES, CASE_FINDINGS)),
        Section("走势", (TREND, RATIO_TREND, AGEING, DELAYS)),
        Section("配置与异常", (CONFIGURATION, FINDINGS)),
    ),
    ANNOTATIONS,
)
