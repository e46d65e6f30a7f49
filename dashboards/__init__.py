"""Dashboards for Grafana: JSON made by :mod:`dashboards.city`, committed beside it, and read-only in the data they need."""
