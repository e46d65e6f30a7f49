"""Serving the metrics of the process that calls."""

from __future__ import annotations

from prometheus_client.registry import Collector

from streams.metrics import BuildInfo
from streams.serving import WELL, Health, serve
from streams.settings import Settings


def serve_own(settings: Settings, role: str, port: int | None, *collectors: Collector, health: Health = WELL) -> None:
    """Serve what the collectors find, which build this is, and how it is.

    Parameters
    ----------
    port
        ``None``: ``metrics.port``; 0: not at all.

    Raises
    ------
    DependencyError
        The port is taken.
    """
    chosen = settings.metrics.port if port is None else port
    if chosen:
        serve(settings.metrics.host, chosen, BuildInfo(role), *collectors, health=health)
