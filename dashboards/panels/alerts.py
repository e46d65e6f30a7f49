"""告警: what fires now, since when, and what fired before."""

from __future__ import annotations

from dashboards.model import Column, Dashboard, Link, Panel, Prom, Section, Threshold
from dashboards.panels.shared import ALERTS_UID, ANNOTATIONS, NONE_IS_GOOD, UNIT_UID

_WATCHDOG = "GuidangWatchdog"
_FIRING = f'ALERTS{{alertstate="firing", alertname!="{_WATCHDOG}"}}'
_CALLING = f'ALERTS{{alertstate="firing", alertname!="{_WATCHDOG}", severity!="info"}}'
_PENDING = 'ALERTS{alertstate="pending"}'
_WHICH = "alertname, severity, component, unit, unit_name, source, topic, channel"
_TO_UNIT = Link(UNIT_UID, "unit", "unit")

FIRING = Panel(
    "firing",
    "正在告警",
    "现在正在告警的条数，自检与仅供参考的（info）除外。不为 0：看下表是什么、自何时起，按其处置手册处理。",
    "stat",
    (Prom(f"count({_CALLING}) or vector(0)"),),
    "",
    (Column("Value", "条数"),),
    NONE_IS_GOOD,
    width=6,
    height=5,
)
PENDING = Panel(
    "pending",
    "即将告警",
    "条件已成立、尚未持续到告警所要求时间的条数。不必处理，留意即可。",
    "stat",
    (Prom(f"count({_PENDING}) or vector(0)"),),
    "",
    (Column("Value", "条数"),),
    (Threshold(0, "good"), Threshold(1, "warning")),
    width=6,
    height=5,
)
WATCHDOG = Panel(
    "watchdog",
    "告警自检",
    "自检告警应一直在：1 为正常。0 说明 Prometheus 的规则没有在算，其他告警也不可信：看 Prometheus 的规则页。",
    "stat",
    (Prom(f'count(ALERTS{{alertstate="firing", alertname="{_WATCHDOG}"}}) or vector(0)'),),
    "",
    (Column("Value", "自检"),),
    (Threshold(0, "bad"), Threshold(1, "good")),
    width=6,
    height=5,
)
QUEUED = Panel(
    "queued",
    "等待发送的告警",
    "各通知渠道中等待发送的告警合计。持续不为 0：看流水线的通知一节。",
    "stat",
    (Prom("sum(guidang_notify_queued_alerts) or vector(0)"),),
    "",
    (Column("Value", "条数"),),
    (Threshold(0, "good"), Threshold(1, "warning"), Threshold(50, "bad")),
    width=6,
    height=5,
)
NOW = Panel(
    "now",
    "正在告警的",
    "现在正在告警的每一条，已持续的时间最长的在前。同一原因可能抑制了别的告警：先处理来源断了、积压、入库这几种。点单位看它的数据。",
    "table",
    (Prom(f"sort_desc(time() - max by ({_WHICH}) (ALERTS_FOR_STATE and ignoring (alertstate) {_FIRING}))"),),
    "",
    (
        Column("alertname", "告警"),
        Column("severity", "级别"),
        Column("component", "环节"),
        Column("unit_name", "单位", link=_TO_UNIT),
        Column("source", "来源"),
        Column("topic", "主题"),
        Column("channel", "渠道"),
        Column("Value", "已持续", "seconds"),
    ),
    width=24,
    height=9,
)
HISTORY = Panel(
    "history",
    "何时告警",
    "所选时间内每一种告警何时在告警（条数），何时解除。反复出现又解除的，检查它的阈值或那个来源的稳定性。",
    "timeline",
    (Prom(f"count by (alertname) ({_FIRING})", "{{alertname}}"),),
    "",
    width=24,
    height=10,
)
COUNTS = Panel(
    "counts",
    "告警条数",
    "所选时间内正在告警的条数，按级别。成片出现时按时间对照流水线：多半是一个原因。",
    "line",
    (Prom(f"count by (severity) ({_FIRING})", "{{severity}}"),),
    "",
)
FREQUENT = Panel(
    "frequent",
    "七天内最常告警的",
    "最近七天在告警的时间最长的十种。常年在告警的要么去修，要么改阈值：没有人看的告警没有用。",
    "bars",
    (Prom(f"topk(10, sum by (alertname) (count_over_time({_FIRING}[7d:5m])) * 300)"),),
    "seconds",
    (Column("alertname", "告警"), Column("Value", "在告警的时间", "seconds")),
)

DASHBOARD = Dashboard(
    ALERTS_UID,
    "归档：告警",
    "正在告警的、自何时起，以及从前告警过的。",
    (),
    (Section("现在", (FIRING, PENDING, WATCHDOG, QUEUED, NOW)), Section("从前", (HISTORY, COUNTS, FREQUENT))),
    tuple(each for each in ANNOTATIONS if isinstance(each.query, Prom)),
    span="hours",
)
