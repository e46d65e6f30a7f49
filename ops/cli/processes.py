"""``guidang sink``, ``guidang monitor`` and ``guidang store``: one process each, as the supervisor and production run them."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from ops.cli.log import log_to_stderr
from ops.cli.options import MetricsPort
from ops.cli.text import t
from streams.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help=t("把输出主题写入 ClickHouse 的进程", "The process that writes the output topics into ClickHouse"))(sink)
    app.command(
        help=t(
            "把考核数字与流水线状况作为 Prometheus 指标提供的进程；整个系统一个",
            "The process that serves the figures and the state of the pipeline to Prometheus; one for the whole system",
        )
    )(monitor)
    app.command(help=t("内嵌的 ClickHouse，只听 127.0.0.1", "The embedded ClickHouse, on 127.0.0.1 only"))(store)


def sink(metrics_port: MetricsPort = None) -> None:
    """Run the sink until it is told to stop."""
    from consumers.sink import Sink  # noqa: PLC0415 - so that the other commands need not load it
    from consumers.sink_metrics import SinkCollector  # noqa: PLC0415
    from ops.observe.serving import serve_own  # noqa: PLC0415

    log_to_stderr()
    settings = load_settings()
    process = Sink(settings)
    serve_own(settings, "sink", metrics_port, SinkCollector(process), health=process.health)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop.set())
    process.run()


def monitor(metrics_port: MetricsPort = None) -> None:
    """Run the monitor until it is told to stop."""
    from ops.monitor.run import Monitor  # noqa: PLC0415

    log_to_stderr()
    process = Monitor(load_settings(), metrics_port)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: process.stop.set())
    process.run()


def store(port: Annotated[int, typer.Option(min=0, max=65535, help=t("端口，0 为任意空闲端口", "port; 0: a free one"))] = 0) -> None:
    """Run the embedded engine until it is told to stop."""
    from consumers.store.process import run  # noqa: PLC0415

    log_to_stderr()
    run(load_settings().home, port)
