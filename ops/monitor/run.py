"""The monitor process: wires what it serves, and waits to be told to end."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from ops.monitor.canary import Canary
from ops.monitor.figures import FigureMetrics
from ops.monitor.pipeline import Pipeline
from ops.monitor.sources import Sources
from ops.observe.serving import serve_own
from streams.errors import ConfigurationError
from streams.settings import Settings


class Monitor(Collector):
    """Everything that the monitor serves; all that a scrape asks is asked at once, so that it takes as long as the slowest answer.

    Raises
    ------
    ConfigurationError
        No port is given: it would do nothing.
    DependencyError
        The port is taken.
    """

    def __init__(self, settings: Settings, port: int | None) -> None:
        self.stop = Event()
        self._asking = (FigureMetrics(settings), Pipeline(settings), Sources(settings))
        self._canary = Canary(settings) if settings.canary.every else None
        if not (settings.metrics.port if port is None else port):
            raise ConfigurationError(
                "监测进程只提供指标：请给出 --metrics-port 或 metrics.port。 The monitor serves metrics only: give a port."
            )
        serve_own(settings, "monitor", port, self)

    def run(self) -> None:
        """Return once ``stop`` is set."""
        if self._canary:
            self._canary.start()
        self.stop.wait()
        if self._canary:
            self._canary.stop()

    def collect(self) -> Iterator[Family]:
        """What a scrape gets."""
        for each in self._asking:
            each.begin()
        for each in self._asking:
            yield from each.families()
        if self._canary:
            yield from self._canary.families()
