"""What a bulletin contains, table by table, in the order in which it is read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import orjson

from ops.bulletin import findings
from ops.bulletin.model import Assumption, Bulletin
from ops.bulletin.tables import Column, Table

_WORST_ITEMS = 30
_CODE, _NAME = Column("scope", "代码", width=10), Column("name", "名称", width=26)
_UNIT = Column("unit_name", "单位", width=24), Column("unit_code", "单位代码", width=12)
_ITEM = Column("item_name", "事项", width=28), Column("item_code", "事项编码", width=20)
_COVERAGE = Column("coverage", "覆盖率", "ratio"), Column("coverage_change", "较上期（百分点）", "points", 10)
_COUNTS = (
    Column("closed", "办结", "count"),
    Column("archived", "已归档", "count"),
    Column("archived_late", "其中逾期", "count"),
    Column("unarchived", "未归档", "count"),
    Column("awaiting", "待归档", "count"),
)
_RANKED = (
    Column("rank", "名次", "count", 6),
    Column("rank_change", "升降", "change", 6),
    _CODE,
    _NAME,
    *_COUNTS,
    *_COVERAGE,
    Column("coverage_due", "到期覆盖率", "ratio", 10),
    Column("score", "得分", "score", 8),
    Column("score_by_item", "得分（按事项）", "score", 8),
    Column("score_by_case", "得分（按件）", "score", 8),
)
_SCORED = (
    _CODE,
    _NAME,
    Column("config_errors", "配置错误", "count"),
    Column("unconfigured", "未配置", "count", 8),
    Column("unarchived", "未归档", "count", 8),
    Column("closed", "办结", "count", 8),
    Column("completeness", "完成性", "score", 8),
    Column("inaccurate", "信息不准（处）", "count", 8),
    Column("missing_material", "材料缺失（处）", "count", 8),
    Column("quality", "质量", "score", 8),
    Column("systems", "自建系统", "count", 8),
    Column("bonus", "加分", "score", 8),
    Column("total", "总分", "score", 8),
    Column("total_by_item", "总分（按事项）", "score", 8),
    Column("total_by_case", "总分（按件）", "score", 8),
)
_MATCHED = (
    _CODE,
    _NAME,
    Column("official_archived", "归档总数", "count"),
    Column("official_closed", "办结总数", "count"),
    Column("official", "官方口径", "ratio"),
    Column("archived", "匹配归档", "count"),
    Column("closed", "匹配办结", "count"),
    Column("coverage", "匹配口径", "ratio"),
    Column("divergence", "差（百分点）", "points", 10),
)
_CASE = Column("case_no", "办件号", width=32), *_UNIT, *_ITEM
_RANK_NOTE = (
    "按本期归档覆盖率（已归档÷办结）排名，相同者并列；无办结者不排名。"
    "得分为 {year} 年考核得分，“处”依设置 policy.score.place 计；另列“按事项”与“按件”两种读法。"
)
_SCORE_NOTE = (
    "完成性 60 分：配置错误每处扣 2，未配置每项扣 10，未归档按 50×未归档÷办结扣；"
    "质量 30 分：每处扣 2；加分：每个自建系统 5，至多 10（考核细则）。"
)


def tables(bulletin: Bulletin) -> list[Table]:
    """All tables of a bulletin."""
    return [*_overview(bulletin), *_peers(bulletin), *_findings(bulletin), *_footing(bulletin)]


def content_of(bulletin: Bulletin) -> str:
    """SHA-256 of all that it prints but the moment: what has the same content needs no new edition. Order of rows is no figure."""
    head = bulletin.label, bulletin.first, bulletin.last, bulletin.in_progress
    printed = [
        (table.title, table.note, sorted([one.shown_in(row) for one in table.columns] for row in table.rows)) for table in tables(bulletin)
    ]
    return hashlib.sha256(orjson.dumps((head, printed))).hexdigest()


def assumed(assumptions: Sequence[Assumption]) -> Table:
    """The assumptions (A) that a document rests on."""
    return Table(
        "口径",
        "统计口径与假定",
        "通知未作规定之处按下列设置解释（A）；改变设置会改变数字。",
        (Column("name", "设置", width=36), Column("value", "取值", width=40)),
        assumptions,
        ("name",),
    )


def _overview(bulletin: Bulletin) -> list[Table]:
    summary = (Column("name", "指标", width=20), Column("value", "本期", "own", 12), Column("previous", "上期", "own", 12))
    trend = (
        Column("label", "期间", width=22),
        *(column for column in _COUNTS if column.key != "archived_late"),
        Column("coverage", "覆盖率", "ratio"),
        Column("coverage_due", "到期覆盖率", "ratio", 10),
    )
    excluded = Column("label", "原因", width=20), Column("cases", "办件", "count", 10)
    return [
        Table("全市概况", "全市概况", f"上期：{bulletin.previous}", summary, bulletin.summary, ("name",)),
        Table("近期走势", "近期走势", "各期均按本通报的数据时点重新计算。", trend, bulletin.trend, ("label",)),
        Table("不计入", "不计入考核的办件", "列出备查，不进入分母。", excluded, bulletin.excluded, ("label",)),
    ]


def _peers(bulletin: Bulletin) -> list[Table]:
    matched = [bulletin.city, *bulletin.districts, *sorted(bulletin.units, key=lambda one: -abs(one.divergence or 0))]
    note = _RANK_NOTE.format(year=bulletin.score_year)
    return [
        Table("区县排名", "区县排名", note, _RANKED, bulletin.districts, ("scope",), ("scope", "name")),
        Table("单位排名", "单位排名", note, _RANKED, bulletin.units, ("scope",), ("scope", "name")),
        Table(
            "区县得分",
            f"{bulletin.score_year} 年区县考核得分",
            _SCORE_NOTE,
            _SCORED,
            bulletin.district_scores,
            ("scope",),
            ("scope", "name"),
        ),
        Table(
            "单位得分", f"{bulletin.score_year} 年单位考核得分", _SCORE_NOTE, _SCORED, bulletin.unit_scores, ("scope",), ("scope", "name")
        ),
        Table(
            "官方与匹配",
            "官方口径与匹配口径",
            "官方口径：归档总数÷办结总数，可大于 100%；匹配口径：逐件匹配的归档覆盖率。单位按差异大小排列。",
            _MATCHED,
            matched,
            ("scope", "name"),
            shown=40,
        ),
    ]


def _findings(bulletin: Bulletin) -> list[Table]:
    items = (
        Column("name", "事项", width=30),
        Column("scope", "事项编码", width=18),
        Column("unarchived", "未归档", "count"),
        Column("refused", "被退回", "count"),
        Column("orphan", "孤立归档", "count"),
        Column("archived_late", "逾期归档", "count"),
        Column("awaiting", "待归档", "count"),
        Column("archived", "已归档", "count"),
        Column("closed", "办结", "count"),
    )
    settings = (
        *_UNIT,
        *_ITEM,
        Column("label", "问题", width=18),
        Column("detail", "说明", width=20),
        Column("since", "起于", "time", 17),
        Column("case_count_2017", "2017年办件量", "count", 10),
    )
    quality = (
        Column("label", "问题", width=22),
        Column("findings", "件", "count"),
        Column("items", "处（事项）", "count"),
        Column("units", "涉及单位", "count"),
        Column("waived", "另有豁免", "count"),
    )
    due = Column("due_at", "归档时限", "time", 17)
    received = Column("received_at", "归档时间", "time", 17)
    worst = min(sum(any((one.unarchived, one.refused, one.orphan, one.archived_late)) for one in bulletin.items), _WORST_ITEMS)
    listed = f"至多列 {findings.LISTED} 件，总数见全市概况。"
    return [
        Table(
            "问题事项",
            "问题最多的事项",
            "按件数而不按比例排列：多数事项一年只有几十件。",
            items,
            bulletin.items,
            ("scope",),
            ("scope", "name"),
            shown=worst,
        ),
        Table("配置更正", "待更正的归档模块配置", "", settings, bulletin.configuration, ("unit_code", "item_code", "label"), shown=60),
        Table("质量问题", "归档数据质量问题", "本期办结的办件上尚未解除的问题。", quality, bulletin.quality, ("label",)),
        Table(
            "逾期归档",
            "逾期最久的归档",
            listed,
            (*_CASE, due, received, Column("days_late", "逾期（天）", "days")),
            bulletin.late,
            ("case_no",),
            shown=20,
        ),
        Table(
            "孤立归档",
            "孤立归档",
            f"有归档而没有办结信息。{listed}各单位的全部见其待办清单。",
            (*_CASE, received),
            bulletin.orphans,
            ("case_no",),
            shown=20,
        ),
    ]


def _footing(bulletin: Bulletin) -> list[Table]:
    waived = (
        *_UNIT,
        Column("label", "问题", width=18),
        Column("subject", "对象", width=26),
        Column("waived_reason", "豁免理由", width=30),
        Column("waived_by", "批准人", width=14),
        Column("waived_until", "豁免至", width=12),
    )
    todos = (
        *_UNIT,
        Column("to_archive", "未归档办件", "count"),
        Column("refused", "退回重报", "count"),
        Column("configuration", "配置更正", "count"),
        Column("material", "材料补齐", "count"),
        Column("information", "信息更正", "count"),
        Column("matching", "归档核对", "count"),
        Column("digest", "清单标识", width=14),
    )
    return [
        Table("豁免", "豁免的问题", "市档案局豁免，不计入得分。", waived, bulletin.waived, ("unit_code", "label", "subject"), shown=200),
        Table(
            "部门待办",
            "部门待办汇总",
            "清单见 units 目录下各单位的电子表格；标识相同即清单相同。",
            todos,
            bulletin.todos,
            ("unit_code",),
            ("unit_code", "unit_name"),
            shown=40,
        ),
        assumed(bulletin.assumptions),
    ]
