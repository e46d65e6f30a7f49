"""The model as the page gets it: everything but the questions themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dashboards.board.choice import DEFAULT_RANGE
from dashboards.model import Column, Dashboard, Panel, Variable


def published(dashboards: Iterable[Dashboard]) -> list[dict[str, Any]]:
    """Plain data for JSON."""
    return [
        {
            "uid": dashboard.uid,
            "title": dashboard.title,
            "description": dashboard.description,
            "range": DEFAULT_RANGE[dashboard.span],
            "annotations": [{"key": annotation.key, "title": annotation.title} for annotation in dashboard.annotations],
            "variables": [_variable(variable) for variable in dashboard.variables],
            "sections": [{"title": section.title, "panels": [_panel(panel) for panel in section.panels]} for section in dashboard.sections],
        }
        for dashboard in dashboards
    ]


def _variable(variable: Variable) -> dict[str, Any]:
    return {"name": variable.name, "title": variable.title, "free": variable.options is None}


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "key": panel.key,
        "title": panel.title,
        "description": panel.description,
        "drawing": panel.drawing,
        "unit": panel.unit,
        "source": panel.source if panel.queries else "pipeline",
        "stacked": panel.stacked,
        "asks_case": any("{case:" in query.text for query in panel.queries),
        "columns": [_column(column) for column in panel.columns],
        "thresholds": [{"value": threshold.value, "level": threshold.level} for threshold in panel.thresholds],
        "width": panel.width,
        "height": panel.height,
    }


def _column(column: Column) -> dict[str, Any]:
    link = column.link and {"uid": column.link.uid, "set": [(column.link.variable, column.link.key), *column.link.also]}
    return {"name": column.name, "title": column.title, "unit": column.unit, "link": link}
