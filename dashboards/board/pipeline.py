"""The pipeline without Prometheus: processes as the supervisor knows them, lag as the broker shows it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from dashboards.board.answer import Table
from dashboards.board.shared import Shared
from dashboards.model import Column, Dashboard, Panel, Section, Sql, Threshold
from ops.lag import Lags, read_lags
from ops.ports import answers
from ops.supervisor import control
from ops.supervisor.roles import endpoint_port
from streams.errors import DependencyError
from streams.settings import Settings

_FRESH_SECONDS: Final = 5.0
_WELL: Final = frozenset(("running", "done"))
_STATES: Final = MappingProxyType(
    {
        "running": "运行中",
        "done": "已完成",
        "waiting": "等待",
        "starting": "启动中",
        "failed": "失败",
        "stopped": "已停止",
        "unsupervised": "无人监督",
    }
)

_PANELS: Final = (
    Panel(
        "caught_up",
        "落后",
        "落后最久的主题：输入从水位算起，输出从最早一条未入库的算起。空闲时 1–2 秒属正常；持续增长说明跟不上或有进程停了，见下方两表。",
        "stat",
        (),
        "seconds",
        (Column("behind", "最久落后", "seconds"),),
        (Threshold(0, "good"), Threshold(60, "warning"), Threshold(600, "bad")),
        6,
        4,
    ),
    Panel(
        "records",
        "积压",
        "已发布而尚未处理并入库的记录。追平：全部读完、提交并写入 ClickHouse。",
        "stat",
        (),
        "",
        (Column("records", "积压", "records"), Column("caught_up", "已追平")),
        (),
        6,
        4,
    ),
    Panel(
        "down",
        "不在运行的进程",
        "应当运行而没有运行的进程。不为 0 时看下方“上次退出”，再看 logs/ 里同名的日志。",
        "stat",
        (),
        "",
        (Column("down", "不在运行"),),
        (Threshold(0, "good"), Threshold(1, "bad")),
        6,
        4,
    ),
    Panel(
        "restarts",
        "重启",
        "监督进程重新启动各进程的次数之和。持续增加说明某个进程反复退出。",
        "stat",
        (),
        "",
        (Column("restarts", "重启次数"), Column("running", "正常的进程")),
        (),
        6,
        4,
    ),
    Panel(
        "processes",
        "进程",
        "guidang up 在本机启动的进程，不正常的排在最前。",
        "table",
        (),
        "",
        (
            Column("name", "名称"),
            Column("state", "状态"),
            Column("pid", "进程号"),
            Column("restarts", "重启"),
            Column("last_exit", "上次退出"),
        ),
        (),
        12,
        11,
    ),
    Panel(
        "lag",
        "各主题积压",
        "读取方尚未处理完的记录数；输入主题的秒数从水位算起，其余为最早一条未处理记录的年龄。",
        "table",
        (),
        "",
        (Column("topic", "主题"), Column("records", "积压", "records"), Column("seconds", "落后", "seconds")),
        (),
        12,
        11,
    ),
)
SECTION: Final = Section("进程与积压", _PANELS)


def without_prometheus(dashboards: Iterable[Dashboard]) -> tuple[Dashboard, ...]:
    """The dashboards without what only Prometheus could answer; in its place, the first time, what we can see ourselves."""
    found: list[Dashboard] = []
    seen_ourselves: tuple[Section, ...] = (SECTION,)
    for dashboard in dashboards:
        sections = tuple(
            replace(section, panels=panels)
            for section in dashboard.sections
            if (panels := tuple(panel for panel in section.panels if panel.source == "figures"))
        )
        if sum(len(section.panels) for section in sections) < len(dashboard.panels):
            sections, seen_ourselves = seen_ourselves + sections, ()
        if sections:
            marks = tuple(annotation for annotation in dashboard.annotations if isinstance(annotation.query, Sql))
            found.append(replace(dashboard, sections=sections, annotations=marks))
    return tuple(found)


class Pipeline:
    """Answers to the panels of :data:`SECTION`, which have no queries."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shared = Shared(_FRESH_SECONDS)

    async def ask(self, key: str) -> Table:
        """Answer the panel of that key.

        Raises
        ------
        DependencyError
            It asks for lag, and Kafka cannot be reached.
        """
        if key in {"down", "restarts", "processes"}:
            processes = await self._look(control.processes)
            return _processes(processes) if key == "processes" else _count(processes)
        lags = await self._look(_lags)
        return _topics(lags) if key == "lag" else _standing(lags)

    async def _look(self, look: Any) -> Any:
        return await self._shared.get(look, lambda: asyncio.to_thread(look, self._settings))


def _count(processes: list[dict[str, Any]]) -> Table:
    well = sum(row["state"] in _WELL for row in processes)
    row = (len(processes) - well, well, sum(row["restarts"] for row in processes))
    return Table(("down", "running", "restarts"), (row,) if processes else ())


def _processes(processes: list[dict[str, Any]]) -> Table:
    def told(row: dict[str, Any]) -> tuple[Any, ...]:
        last = f"{found['code']}：{found['reason']}" if (found := row["last_exit"]) else ""
        return row["name"], _STATES.get(row["state"], row["state"]), str(row["pid"] or ""), row["restarts"], last

    return Table(
        ("name", "state", "pid", "restarts", "last_exit"),
        tuple(told(row) for row in sorted(processes, key=lambda row: row["state"] in _WELL)),
    )


def _lags(settings: Settings) -> Lags:
    """Look at the broker, unless it is ours and plainly not there: that would cost a time-out."""
    if not settings.kafka.bootstrap_servers and not ((port := endpoint_port(settings, "kafka")) and answers(port)):
        raise DependencyError("本机的 Kafka 没有在运行：先运行 guidang up。The local Kafka does not run: `guidang up` first.")
    return read_lags(settings)


def _standing(lags: Lags) -> Table:
    known = [lag.seconds for lag in lags.topics.values() if lag.seconds is not None]
    records = sum(lag.records for lag in lags.topics.values())
    return Table(("behind", "records", "caught_up"), ((max(known, default=None), records, "是" if lags.caught_up else "否"),))


def _topics(lags: Lags) -> Table:
    rows = sorted(lags.topics.items(), key=lambda item: -item[1].records)
    return Table(("topic", "records", "seconds"), tuple((name, lag.records, lag.seconds) for name, lag in rows))
