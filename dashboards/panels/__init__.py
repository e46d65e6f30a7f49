"""The content of the dashboards: six of them, in the order in which they are listed."""

from __future__ import annotations

from dashboards.panels import alerts, city, item, pipeline, quality, unit

DASHBOARDS = (city.DASHBOARD, unit.DASHBOARD, item.DASHBOARD, quality.DASHBOARD, pipeline.DASHBOARD, alerts.DASHBOARD)
