"""What the monitor says: the figures in ClickHouse, and the pipeline as the broker sees it.

``by`` is city, district or unit, ``scope`` its code (330100 for the city). "Year to date" is the calendar year of the job clock.
"""

from __future__ import annotations

from typing import Final

from consumers.figures import DUE_WINDOWS
from consumers.score import PARTS
from streams.contracts import CASE_INPUTS, JOB_INPUTS, OUTPUTS, REFERENCE_INPUTS
from streams.domain.rules import KINDS
from streams.metrics import Metric

_BY: Final = ("by", "scope")
_BYS: Final = {"by": ("city", "district", "unit")}
_WINDOWS: Final = {"window": DUE_WINDOWS}

FIGURES_UP: Final = Metric(
    "guidang_figures_up",
    "gauge",
    "",
    "1：ClickHouse 答复了全部查询；0：没有，其余数字一概缺。",
    "1: ClickHouse answered every question; 0: it did not, and the other figures are absent.",
)
CASES: Final = Metric(
    "guidang_cases",
    "gauge",
    "cases",
    "今年以来的办件数：closed 应计办结，archived 已归档（含迟归），archived_late 迟归，unarchived 逾期未归，awaiting 待归，"
    "refused 被退回而未归档，orphan 有归档无办结。",
    "Cases of the year to date by state; archived includes archived_late, refused is a part of unarchived and awaiting.",
    (*_BY, "state"),
    values={**_BYS, "state": ("closed", "archived", "archived_late", "unarchived", "awaiting", "refused", "orphan")},
)
DUE: Final = Metric(
    "guidang_due_cases",
    "gauge",
    "cases",
    "归档期限落在窗口（24h、7d、30d）内且已过的应计办件数；来源静默、尚不能断言未归档的不在其中。",
    "Counted cases whose due time lies in the window (24h, 7d, 30d) and has passed; without those that await a silent source.",
    (*_BY, "window"),
    values={**_BYS, **_WINDOWS},
)
DUE_ARCHIVED: Final = Metric(
    "guidang_due_archived_cases",
    "gauge",
    "cases",
    "其中至今已归档（含迟归）的。",
    "Of guidang_due_cases those archived by now, late ones included.",
    (*_BY, "window"),
    values={**_BYS, **_WINDOWS},
)
COVERAGE: Final = Metric(
    "guidang_coverage_ratio",
    "gauge",
    "ratio",
    "归档覆盖率，今年以来：已归档 ÷ 办结；没有办结则缺。",
    "Archived ÷ closed, year to date; absent without a denominator.",
    _BY,
    values=_BYS,
)
COVERAGE_DUE: Final = Metric(
    "guidang_coverage_due_ratio",
    "gauge",
    "ratio",
    "到期覆盖率，今年以来：到期办件中已归档 ÷ 到期；没有到期则缺。",
    "Archived by now ÷ due, year to date; absent without a denominator.",
    _BY,
    values=_BYS,
)
OFFICIAL: Final = Metric(
    "guidang_official_ratio",
    "gauge",
    "ratio",
    "通报口径，今年以来：归档号总数 ÷ 办结号总数；可以大于 1；没有办结则缺。",
    "Archive numbers ÷ closed case numbers, year to date; may exceed 1; absent without a denominator.",
    _BY,
    values=_BYS,
)
SCORE: Final = Metric(
    "guidang_score_points",
    "gauge",
    "points",
    "今年的考核得分：completeness 60 分，quality 30 分，bonus 10 分，total 合计；只有区县与单位有分。",
    "Score of the year by part: completeness 60, quality 30, bonus 10, total; units and districts alone have one.",
    (*_BY, "part"),
    values={"by": ("district", "unit"), "part": PARTS},
)
OPEN_FINDINGS: Final = Metric(
    "guidang_open_findings",
    "gauge",
    "findings",
    "未解除、未豁免的异常数，按单位与种类；backfill 为 true 的是补录旧账，不叫人。",
    "Findings open and not waived, by unit and kind; those marked backfill page nobody.",
    ("unit", "kind", "backfill"),
    values={"kind": tuple(KINDS), "backfill": ("true", "false")},
)
OLDEST_OVERDUE: Final = Metric(
    "guidang_oldest_overdue_seconds",
    "gauge",
    "seconds",
    "单位最早一件逾期未归（非补录、未豁免）超过归档期限多久；没有则缺。",
    "How long the unit's oldest open UNARCHIVED finding (no backfill, not waived) is past its due time; absent without one.",
    ("unit",),
)
DELAY: Final = Metric(
    "guidang_archive_delay_days",
    "histogram",
    "days",
    "全市今年办结并已归档的办件，从办结到归档过了多少天；负数记在 0 档。",
    "Days from closing to archiving over the city's archived cases closed this year; negative ones count as 0.",
    buckets=(0.0, 1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 30.0, 60.0, 90.0, 180.0, 365.0),
)
UNIT_INFO: Final = Metric(
    "guidang_unit_info",
    "gauge",
    "",
    "单位的名称与所属区县，值恒为 1；供连接用。",
    "Name and district of a unit; always 1, to join on.",
    ("unit", "unit_name", "district"),
)

LAG_RECORDS: Final = Metric(
    "guidang_lag_records",
    "gauge",
    "records",
    "主题中尚未处理的位移数；事务标记也占位移。",
    "Offsets of a topic not done yet; transaction markers take offsets too.",
    ("topic",),
    values={"topic": (*JOB_INPUTS, *REFERENCE_INPUTS, *OUTPUTS)},
)
LAG_SECONDS: Final = Metric(
    "guidang_lag_seconds",
    "gauge",
    "seconds",
    "主题落后多久：输入按最慢分区的水位，其余按最早未处理的记录；不知道则缺。",
    "How far behind a topic is: inputs by the slowest watermark, others by the oldest record not done; absent when not known.",
    ("topic",),
    values={"topic": (*JOB_INPUTS, *REFERENCE_INPUTS, *OUTPUTS)},
)
WATERMARK_AGE: Final = Metric(
    "guidang_watermark_age_seconds",
    "gauge",
    "seconds",
    "作业时钟与最慢分区已提交的水位之差；有分区从未提交则缺。",
    "Job clock minus the least committed watermark; absent while a partition has none.",
)
CAUGHT_UP: Final = Metric(
    "guidang_caught_up",
    "gauge",
    "",
    "1：输入读尽、判定提交、输出入库，什么都不缺。",
    "1: inputs read to their ends, effects committed, outputs in ClickHouse.",
)
CAUGHT_UP_SINCE_START: Final = Metric(
    "guidang_caught_up_since_start",
    "gauge",
    "",
    "1：自监测进程启动或 worker 组最近一次成员变动（两者取晚）以来至少追平过一次（落后不超过 30 秒即算）；0：数字还在追赶，不可据以告警。",
    "1: caught up (within 30 s) at least once since the monitor or a worker last started; 0: figures are still catching up.",
)
DEAD_LETTERS: Final = Metric(
    "guidang_dead_letters",
    "gauge",
    "records",
    "ClickHouse 中的死信数，按原因。",
    "Dead letters in ClickHouse, by reason.",
    ("reason",),
)
SOURCE_SILENT: Final = Metric(
    "guidang_source_silent_seconds",
    "gauge",
    "seconds",
    "来源多久没有动静：自其最近一个事件，发心跳的来源则自其声明的齐备时刻。",
    "Time since a source's last event, or since the time through which its heartbeat says it is complete.",
    ("source", "topic"),
    values={"topic": CASE_INPUTS},
)
SOURCE_GAP: Final = Metric(
    "guidang_source_expected_gap_seconds",
    "gauge",
    "seconds",
    "来源可以安静多久：发心跳的按心跳间隔，其余按自身节律，并计入事件通常迟到多久；事件太少则缺。",
    "How long a source may be silent: by its heartbeat's interval, else by its own rhythm and how late events come; absent with too few.",
    ("source", "topic"),
    values={"topic": CASE_INPUTS},
)
CANARY: Final = Metric(
    "guidang_canary_seconds",
    "gauge",
    "seconds",
    "上一个探针从发出到入库所用的时间，取各分区中最慢的；未启用则缺。",
    "Round trip of the last canary, event to ClickHouse, over the slowest partition; absent when there is none.",
)
CANARY_AGE: Final = Metric(
    "guidang_canary_age_seconds",
    "gauge",
    "seconds",
    "距上一个探针在全部分区回来多久；还没有回来过则自启动算起；未启用则缺。",
    "Time since a canary last came back from every partition, or since the start; absent when there is none.",
)
CANARY_FAILURES: Final = Metric(
    "guidang_canary_failures_total",
    "counter",
    "attempts",
    "没有在时限内回来、或发不出去的探针数。",
    "Canaries that did not come back in time, or could not be sent.",
)

FIGURES: Final = (
    FIGURES_UP, CASES, DUE, DUE_ARCHIVED, COVERAGE, COVERAGE_DUE, OFFICIAL, SCORE, OPEN_FINDINGS, OLDEST_OVERDUE, DELAY, UNIT_INFO,
)  # fmt: skip
PIPELINE: Final = (
    LAG_RECORDS, LAG_SECONDS, WATERMARK_AGE, CAUGHT_UP, CAUGHT_UP_SINCE_START, DEAD_LETTERS,
    SOURCE_SILENT, SOURCE_GAP, CANARY, CANARY_AGE, CANARY_FAILURES,
)  # fmt: skip
DECLARED: Final = (*FIGURES, *PIPELINE)
"""All of this module, in the order of the documents."""
