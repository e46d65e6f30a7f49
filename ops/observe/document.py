"""``docs/metrics.md``, made from the declarations: ``python -m ops.observe.document`` prints it."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Final

from ops.observe.catalogue import METRICS, ROLES
from streams.metrics import Metric

LABELS: Final[Mapping[str, tuple[str, str]]] = {
    "scope": ("区县或单位的代码；全市为 330100", "Code of the district or unit; 330100 for the city"),
    "unit": ("单位代码", "Code of the unit"),
    "unit_name": ("单位名称", "Name of the unit"),
    "district": ("区县代码", "Code of the district"),
    "source": ("来源系统，即事件与心跳的 source_system", "The events' and heartbeats' source_system"),
    "reason": ("死信的原因，如 MISROUTED", "Why a record was not taken, such as MISROUTED"),
    "topic": ("主题，不带前缀", "The topic without its prefix"),
    "channel": ("通知渠道，即设置里的名称", "The channel's name in the settings"),
    "version": ("程序版本", "Version of the program"),
    "role": ("进程的角色", "Role of the process"),
}
"""Labels without a fixed set of values, and what they hold; there are as many values as units, sources or topics, never as cases."""

_MOST_IN_CELL = 8
_TITLES: Final[Mapping[str, tuple[str, str]]] = {
    "worker": ("每个 worker", "Each worker"),
    "sink": ("sink", "The sink"),
    "monitor": ("monitor：数字与流水线", "The monitor: figures and pipeline"),
    "notify": ("notify", "The notifier"),
}


def document() -> str:
    """The page."""
    return "\n".join([*_head(), *(line for role in ROLES for line in _role(role)), *_labels()]) + "\n"


def _head() -> Iterator[str]:
    yield "# 指标 Metrics"
    yield ""
    yield (
        "由 `python -m ops.observe.document` 依据程序里的声明生成，勿手改。时间长度均按作业时钟，单位见名称。"
        "怎样抓取、各数怎样得来，见 [运维](operations.md#指标)。"
    )
    yield ""
    yield (
        "Generated from the declarations in the code by `python -m ops.observe.document`. Ages are of the job clock; the unit is in the"
        " name. How to scrape, and how some are made: [operations](operations.md)."
    )


def _role(role: str) -> Iterator[str]:
    zh, en = _TITLES[role]
    yield from ("", f"## {zh}" if zh == en else f"## {zh} {en}", "")
    yield "| 指标 | 类型 | 单位 | 标签 | 含义 |"
    yield "|---|---|---|---|---|"
    for metric in ROLES[role]:
        cells = (f"`{metric.name}`", metric.kind, metric.unit, _label_cell(metric), f"{metric.zh}<br>{metric.en}{_buckets(metric)}")
        yield f"| {' | '.join(cells)} |"


def _label_cell(metric: Metric) -> str:
    return "<br>".join(_label(metric, label) for label in metric.labels)


def _label(metric: Metric, label: str) -> str:
    values = metric.values.get(label, ())
    return f"`{label}`: {' '.join(values)}" if 0 < len(values) <= _MOST_IN_CELL else f"`{label}`"


def _buckets(metric: Metric) -> str:
    return f"<br>le: {' '.join(f'{bound:g}' for bound in metric.buckets)}" if metric.buckets else ""


def _labels() -> Iterator[str]:
    yield from ("", "## 标签 Labels", "", "| 标签 | 内容 | |", "|---|---|---|")
    yield from (f"| `{label}` | {zh} | {en} |" for label, (zh, en) in LABELS.items())
    sets = {(label, values) for metric in METRICS.values() for label, values in metric.values.items() if len(values) > _MOST_IN_CELL}
    for label, values in sorted(sets):
        yield from ("", f"`{label}`: {' '.join(values)}")


if __name__ == "__main__":
    sys.stdout.write(document())
