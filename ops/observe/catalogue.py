"""All metrics of all processes, gathered from where they are declared: what documents, dashboards and alerts are held to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import consumers.notify.metrics
import consumers.sink_metrics
import ops.monitor.metrics
import streams.agents.metrics
import streams.runtime.metrics
from streams.metrics import BUILD, Metric

ROLES: Final[Mapping[str, tuple[Metric, ...]]] = {
    "worker": (*streams.runtime.metrics.DECLARED, *streams.agents.metrics.DECLARED, BUILD),
    "sink": (*consumers.sink_metrics.DECLARED, BUILD),
    "monitor": (*ops.monitor.metrics.DECLARED, BUILD),
    "notify": (*consumers.notify.metrics.DECLARED, BUILD),
}
"""Role of a process to the metrics it serves, in the order of the documents."""

METRICS: Final[Mapping[str, Metric]] = {metric.name: metric for metrics in ROLES.values() for metric in metrics}
"""Every metric by name."""

SERIES: Final[Mapping[str, Metric]] = {name: metric for metric in METRICS.values() for name in metric.series}
"""Every name under which samples appear."""
