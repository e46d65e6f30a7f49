"""``guidang up``, ``down`` and ``status``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.options import Json
from ops.cli.output import Column, emit_object, emit_rows, progress, say
from ops.cli.text import t
from ops.ports import answers
from ops.supervisor import control
from ops.supervisor.roles import endpoint_port
from streams.errors import DependencyError
from streams.settings import Settings, load_settings

if TYPE_CHECKING:
    from ops.lag import Lags


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=t(
            "启动本机上的整个系统：Kafka、ClickHouse（各在未设置外部服务器时）、主题、工作进程、sink、monitor；死掉的会被重启。",
            "Start the whole system on this machine: Kafka and ClickHouse (unless real ones are set), topics, workers, sink, monitor;"
            " what dies is restarted.",
        )
    )(up)
    app.command(help=t("停止本机上的整个系统；数据保留。", "Stop the whole system on this machine; its data stay."))(down)
    app.command(help=t("显示进程、各主题的积压，以及是否已追平。", "Show processes, lag by topic, and whether everything is caught up."))(
        status
    )


def up(
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help=t("就绪后返回，系统在后台运行", "return when ready; it runs on behind"))
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=64,
            help=t(
                "工作进程数（默认同上次，首次 2）；已在运行时即调整",
                "workers (default as last time, at first 2); also changes a running system",
            ),
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(help=t("--detach 最多等待的秒数", "seconds that --detach waits at most"))
    ] = control.READY_SECONDS,
) -> None:
    """Start the system."""
    settings = load_settings()
    if detach:
        with progress(t("启动中", "starting")) as advance:
            done = control.up_detached(settings, workers, advance, timeout_seconds=timeout)
    else:
        done = control.up_foreground(settings, workers, say)
    if done.already:
        say(t(f"系统已在运行（{settings.home}）。", f"The system is running already ({settings.home})."))
    elif detach:
        say(t(f"系统已就绪（{settings.home}）。", f"The system is ready ({settings.home})."))


def down() -> None:
    """Stop the system."""
    settings = load_settings()
    with progress(t("停止中", "stopping")) as advance:
        names = control.down(settings, advance)
    say(t("已停止：", "stopped: ") + ", ".join(names) if names else t("没有在运行的进程。", "Nothing was running."))


def status(json: Json = False) -> None:
    """Show the state."""
    settings = load_settings()
    rows = control.processes(settings)
    lags = _lags(settings)
    if json:
        topics = {name: asdict(lag) for name, lag in lags.topics.items()} if lags else {}
        emit_object({"processes": rows, "caught_up": lags.caught_up if lags else False, "lag": topics})
        return
    shown = [{**row, "exit": f"{e['code']}: {e['reason']}" if (e := row["last_exit"]) else None} for row in rows]
    emit_rows(
        shown,
        json=False,
        columns=[
            Column("role", t("角色", "role")),
            Column("name", t("名称", "name")),
            Column("pid", "pid", right=True),
            Column("state", t("状态", "state")),
            Column("restarts", t("重启", "restarts"), right=True),
            Column("exit", t("上次退出", "last exit")),
        ],
    )
    if lags:
        columns = [
            Column("topic", t("主题", "topic")),
            Column("records", t("积压", "records"), right=True),
            Column("seconds", t("秒", "seconds"), right=True),
        ]
        emit_rows(({"topic": name, **asdict(lag)} for name, lag in lags.topics.items()), json=False, columns=columns)
        say(t("已追平", "caught up") if lags.caught_up else t("未追平", "not caught up"))


def _lags(settings: Settings) -> Lags | None:
    """Lags where Kafka can be asked; where it cannot, say why: the processes are shown all the same."""
    if not settings.kafka.bootstrap_servers:
        port = endpoint_port(settings, "kafka")
        if port is None or not answers(port):
            return None
    from ops.lag import read_lags  # noqa: PLC0415 - up and down need no client of ClickHouse

    try:
        return read_lags(settings)
    except DependencyError as error:
        say(str(error))
        return None
