"""``guidang sink``, ``guidang store`` and ``guidang board``: one process each, as the supervisor and production run them."""

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
    app.command(
        help=t(
            "看板：本机网页，与 Grafana 看板相同的图与查询，每 15 秒刷新；只读，只听 board.host（默认 127.0.0.1）。guidang up 会一并启动它。",
            "The board: a local page with the panels and queries of the Grafana dashboards, live; reads only, on board.host"
            " (default 127.0.0.1). `guidang up` starts it too.",
        )
    )(board)


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


def board(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=t("端口，0 为任意空闲端口（默认 board.port）", "port; 0: a free one (default board.port)")),
    ] = None,
) -> None:
    """Serve the board until it is told to stop; print its address."""
    from dashboards.board.process import run  # noqa: PLC0415
    from dashboards.panels import DASHBOARDS  # noqa: PLC0415

    _log()
    settings = load_settings()
    run(settings, DASHBOARDS, settings.board.port if port is None else port, lambda address: print(address, flush=True))


def _log() -> None:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
