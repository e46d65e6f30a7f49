"""``guidang sink`` and ``guidang store``: one process each, as the supervisor and production run them."""

from __future__ import annotations

import logging
import signal
import sys
from typing import Annotated

import typer

from ops.cli.text import t
from streams.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=t("把输出主题写入 ClickHouse 的进程", "The process that writes the output topics into ClickHouse"))(sink)
    app.command(help=t("内嵌的 ClickHouse，只听 127.0.0.1", "The embedded ClickHouse, on 127.0.0.1 only"))(store)


def sink(
    metrics_port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help=t("Prometheus 指标的端口，0 为不提供（默认 metrics.port）", "port of the metrics, 0: none (default metrics.port)"),
        ),
    ] = None,
) -> None:
    """Run the sink until it is told to stop."""
    from consumers.metrics import serve_metrics  # noqa: PLC0415 - so that the other command need not load it
    from consumers.sink import Sink  # noqa: PLC0415

    _log()
    settings = load_settings()
    process = Sink(settings)
    if port := settings.metrics.port if metrics_port is None else metrics_port:
        serve_metrics(settings, settings.metrics.host, port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop.set())
    process.run()


def store(port: Annotated[int, typer.Option(min=0, max=65535, help=t("端口，0 为任意空闲端口", "port; 0: a free one"))] = 0) -> None:
    """Run the embedded engine until it is told to stop."""
    from consumers.store.process import run  # noqa: PLC0415

    _log()
    run(load_settings().home, port)


def _log() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
