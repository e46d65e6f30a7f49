"""``guidang demo``: a simulated year, its coverage, and the check against the truth."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Self

import typer

from ops.cli.ending import clean_up_on_sigterm
from ops.cli.options import Json
from ops.cli.output import Column, emit_object, emit_rows, say
from ops.cli.text import t
from ops.rounding import percent
from ops.supervisor.record import Paths, locked
from streams.settings import load_settings

_FAILED = 1
_SHOWN_DIFFERENCES = 40
_SHOWN_UNITS = 12
_SECONDS_BETWEEN_LINES = 3
_CLOCK = "2018-12-31T18:00:00+08:00"
_YEAR = 2018
_PREFIX = "guidang-demo-"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=t(
            "演示：启动一套独立的系统，模拟一年，显示各单位覆盖率，并与真值和整批重算核对；结束时停止并清理。",
            "A system of its own, a simulated year through it, coverage by unit, and the check against the truth and against a batch; "
            "stops and removes what it started.",
        )
    )(demo)


def demo(
    cases: Annotated[int, typer.Option(help=t("办件数", "number of cases"), min=1)] = 20_000,
    seed: Annotated[int, typer.Option(help=t("随机种子", "seed"))] = _YEAR,
    workers: Annotated[int, typer.Option(help=t("工作进程数", "number of workers"), min=1)] = 2,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep",
            help=t(
                "保留数据目录，并说明到哪里看；以前保留的删去",
                "keep the data directory and say where to look; what was kept before is removed",
            ),
        ),
    ] = False,
    json: Json = False,
) -> int | None:
    """Run the demonstration."""
    from ops import demo as show  # noqa: PLC0415 - ClickHouse and Kafka clients, which --help need not wait for
    from ops.cli.data import plan_of  # noqa: PLC0415

    clean_up_on_sigterm()
    begun = time.monotonic()
    policy = load_settings().policy
    with _folder(keep=keep) as home:
        settings = show.stand_alone(home, _CLOCK, policy)
        say(t("启动：Kafka、ClickHouse、工作进程、sink …", "starting Kafka, ClickHouse, workers, sink …"))
        with show.system(workers):
            plan = plan_of(settings, cases=cases, seed=seed, year=_YEAR)
            say(t(f"模拟 {_YEAR} 年的 {cases} 个办件，时钟为 {_CLOCK}", f"simulating {cases} cases of {_YEAR}; the clock says {_CLOCK}"))
            with _Live() as live:
                simulated, seconds = show.run_year(settings, plan, live.published, live.show)
            rate = simulated.total / seconds
            say(t(f"{simulated.total} 条事件，{seconds:.1f} 秒后全部入库", f"{simulated.total} events, all stored after {seconds:.1f} s"))
            if not json:
                show.guidang("coverage", "--by", "unit")
                show.guidang("coverage", "--by", "city")
                emit_rows(show.findings_by_kind(settings), json=False, columns=_audit_columns(), title=t("配置与质量问题", "findings"))
                show.guidang("score", "--year", str(_YEAR), "--by", "district")
                show.guidang("report", "--period", str(_YEAR), "--out", str(show.bulletin_folder(settings)))
            differences = show.compare(settings, plan, simulated)
            say(t("整批重算核对 …", "reconciling with a batch …"))
            reconciled = _reconciles(show, json=json)
            places = show.places(settings)
    outcome = show.Outcome(simulated, seconds, differences, reconciled)
    _tell(outcome, json=json, rate=rate, total_seconds=time.monotonic() - begun)
    if keep:
        _tell_places(places, home)
    return None if outcome.agrees else _FAILED


def _audit_columns() -> list[Column]:
    return [
        Column("kind", t("种类", "kind")),
        Column("label", t("名称", "label")),
        Column("open", t("未解除", "open"), right=True),
        Column("waived", t("其中豁免", "waived"), right=True),
        Column("units", t("单位", "units"), right=True),
    ]


def _reconciles(show: Any, *, json: bool) -> bool:
    """Whether a batch comes to the same; the differences it prints are data only where stdout is no JSON."""
    return bool(show.guidang("reconcile", accept=(0, 6), to_stderr=json) == 0)


def _tell(outcome: Any, *, json: bool, rate: float, total_seconds: float) -> None:
    truth, differences = outcome.simulated.truth, outcome.differences
    if json:
        emit_object(
            {
                "cases": len(truth),
                "events": outcome.simulated.events,
                "seconds_to_the_end": round(outcome.seconds_to_the_end, 2),
                "events_per_second": round(rate),
                "seconds": round(total_seconds, 1),
                "statuses": Counter(case.status for case in truth),
                "differences": [{name: getattr(each, name) for name in each.__slots__} for each in differences[:_SHOWN_DIFFERENCES]],
                "difference_count": len(differences),
                "reconciled": outcome.reconciled,
            }
        )
    elif differences:
        columns = [
            Column("where", t("何处", "where")),
            Column("key", t("对象", "key")),
            Column("field", t("栏", "field")),
            Column("truth", t("真值", "truth")),
            Column("found", t("系统所述", "found")),
            Column("story", t("经过", "story")),
        ]
        rows = ({name: getattr(each, name) for name in each.__slots__} for each in differences[:_SHOWN_DIFFERENCES])
        emit_rows(rows, json=False, columns=columns, title=t("与真值的差异", "differences from the truth"))
    agrees = t("一致", "agrees") if not differences else t(f"{len(differences)} 处不同", f"{len(differences)} differences")
    batch = t("一致", "agrees") if outcome.reconciled else t("不一致", "differs")
    cases, items = len(truth), len(outcome.simulated.items)
    say(
        t(
            f"与真值（{cases} 个办件、{items} 个事项，各单位、区县、全市）：{agrees}；与整批重算：{batch}；共 {total_seconds:.0f} 秒",
            f"truth ({cases} cases, {items} items; units, districts, city): {agrees}; batch: {batch}; {total_seconds:.0f} s in all",
        )
    )


def _tell_places(places: Any, home: Path) -> None:
    config = home / "guidang.toml"
    lines = [
        t("到哪里看（已停止；再次启动后地址不变）：", "Where to look (stopped; the addresses are the same when it is started again):"),
        f"  guidang --config {config} up --detach",
        f"  {t('看板', 'board')}  {places.board}",
        *(f"  {t('指标', 'metrics')}  {address}" for address in places.metrics),
        f"  {t('通报', 'bulletin')}  {places.bulletin}",
        f"  guidang --config {config} down",
    ]
    for line in lines:
        say(line)


@contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    if keep:
        remove_kept(Path(tempfile.gettempdir()))
    home = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        yield home
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def remove_kept(folder: Path) -> None:
    """Remove what earlier demonstrations of this user kept in a folder, unless somebody looks at it: its system runs."""
    for home in folder.glob(_PREFIX + "*"):
        paths = Paths(home)
        if home.stat().st_uid == os.getuid() and paths.record.exists() and not locked(paths.lock):
            shutil.rmtree(home, ignore_errors=True)


class _Live:
    """Coverage of the busiest units on stderr: a table that renews itself, or a line every few seconds where stderr is no terminal."""

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - only here
        from rich.live import Live  # noqa: PLC0415

        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, transient=True, auto_refresh=False)
        self._published = (0, 0)
        self._last = 0.0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def published(self, done: int, total: int) -> None:
        """Remember how far the simulation is; called by another thread."""
        self._published = (done, total)

    def show(self, rows: list[dict[str, Any]]) -> None:
        """Show coverage by unit."""
        done, total = self._published
        closed, archived = sum(row["closed"] for row in rows), sum(row["archived"] for row in rows)
        line = t(
            f"已发布 {done}/{total} 个办件；{len(rows)} 个单位，办结 {closed}，已归档 {archived}",
            f"{done}/{total} cases published; {len(rows)} units, {closed} closed, {archived} archived",
        )
        if self._console.is_terminal:
            from rich.console import Group  # noqa: PLC0415 - only here

            self._live.update(Group(line, _table(rows)), refresh=True)
        elif time.monotonic() - self._last > _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            say(line)


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table  # noqa: PLC0415 - only here

    table = Table()
    for title in (t("单位", "unit"), t("办结", "closed"), t("已归档", "archived"), t("未归档", "unarchived"), t("覆盖率", "coverage")):
        table.add_column(title, justify="left" if not table.columns else "right")
    for row in sorted(rows, key=lambda row: -row["closed"])[:_SHOWN_UNITS]:
        ratio = "–" if row["coverage"] is None else percent(row["coverage"])
        table.add_row(row["name"] or row["scope"], str(row["closed"]), str(row["archived"]), str(row["unarchived"]), ratio)
    return table
