"""The board: the panels of :mod:`dashboards.model` on a local page, for those who have no Grafana. ``guidang board`` serves it."""
