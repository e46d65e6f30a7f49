"""``guidang board``: the process that serves the board, as the supervisor and people run it."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.log import log_to_stderr
from ops.cli.text import t
from streams.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=t(
            "看板：本机网页，与 Grafana 看板相同的图与查询，每 15 秒刷新；只读，只听 board.host（默认 127.0.0.1）。"
            "guidang up 会一并启动它。",
            "The board: a local page with the panels and queries of the Grafana dashboards, live; reads only, on board.host"
            " (default 127.0.0.1). `guidang up` starts it too.",
        )
    )(board)


def board(
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help=t("端口，0 为任意空闲端口（默认 board.port）", "port; 0: a free one (default board.port)")),
    ] = None,
) -> None:
    """Serve the board until it is told to stop; print its address."""
    from dashboards.board.process import run  # noqa: PLC0415 - so that --help is fast
    from dashboards.panels import DASHBOARDS  # noqa: PLC0415

    log_to_stderr()
    settings = load_settings()
    run(settings, DASHBOARDS, settings.board.port if port is None else port, lambda address: print(address, flush=True))
