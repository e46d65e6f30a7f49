"""``guidang bench``: how fast, beside others on the same data in the same run."""

from __future__ import annotations

import os
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import orjson
import typer

from ops.cli import bench_live
from ops.cli.bench_sitting import Sitting, check_writable, write
from ops.cli.ending import clean_up_on_sigterm
from ops.cli.output import Column, emit_rows, progress, say
from ops.cli.text import t
from streams.clock import wall_ms
from streams.domain.time import iso
from streams.variables import CONFIG_FILE_VARIABLE, forget_settings

if TYPE_CHECKING:
    from ops.bench.contender import Contender
    from ops.bench.live import Stage
    from ops.bench.report import Ratio, Row
    from ops.bench.run import Record, Run

_FINDINGS = 6
_MIB = 1024 * 1024


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=t(
            "同一数据、同一轮次中，量出本系统与 Kafka Streams、Flink、Faust、Quix Streams 及无状态循环的速度，并核对各自的结论；"
            "--latency 量多久看到结论，--recovery 量故障后多久恢复。方法见 docs/bench.md。缺工具的列为跳过并说明原因；结论有误时退出码 6。",
            "Measure our speed beside Kafka Streams, Flink, Faust, Quix Streams and a plain loop, on the same data in the same rounds, and "
            "check what each concludes; --latency: how soon a verdict is seen, --recovery: how soon again after failures. Method: "
            "docs/bench.md. What lacks a tool is listed as skipped; exit 6 if outputs are wrong.",
        )
    )(bench)


def bench(
    latency: Annotated[
        str,
        typer.Option(
            metavar="1000,50%",
            help=t(
                "改为量延迟：每秒事件数，或占各家产能的百分比", "measure latency instead: events a second, or shares of each one's capacity"
            ),
        ),
    ] = "",
    recovery: Annotated[
        bool, typer.Option("--recovery", help=t("改为量恢复：进程来去、全部杀掉", "measure recovery instead: workers come, go, are killed"))
    ] = False,
    seconds: Annotated[
        float,
        typer.Option(
            help=t("每个速率、每次进程来去量多少秒", "how long each rate, or what follows each change of workers, is watched"), min=1
        ),
    ] = 24.0,
    cases: Annotated[int, typer.Option(help=t("办件数；事件约为其 1.97 倍", "cases; there are 1.97 events to each"), min=1)] = 300_000,
    partitions: Annotated[int, typer.Option(help=t("每个主题的分区数", "partitions of each topic"), min=1)] = 16,
    workers: Annotated[
        str,
        typer.Option(
            help=t("本系统的进程数，逗号分隔；延迟与恢复取最后一个", "our numbers of workers, with commas; latency and recovery: the last")
        ),
    ] = "1,2",
    only: Annotated[
        str, typer.Option(help=t("只跑这些（名称或其开头，逗号分隔）", "only these: names or beginnings of names, with commas"))
    ] = "",
    rounds: Annotated[int, typer.Option(help=t("轮数，各家轮流", "how often all of them take their turn"), min=1)] = 3,
    gap: Annotated[
        int,
        typer.Option(
            help=t("归档比办结最多晚几个办件：越多，未了的办件越多", "by how many cases archives are late at most: so many cases are open"),
            min=1,
        ),
    ] = 997,
    product_cases: Annotated[
        int, typer.Option(help=t("全部作业所用的模拟办件数，0 为不跑", "simulated cases for the whole product; 0: leave it out"), min=0)
    ] = 100_000,
    limit: Annotated[float, typer.Option(help=t("每次运行最长秒数", "seconds that a run may take"), min=1)] = 120.0,
    folder: Annotated[
        Path | None, typer.Option(help=t("放临时数据的目录，默认为系统的", "where temporary data goes; default: the system's"))
    ] = None,
    json: Annotated[Path | None, typer.Option("--json", help=t("把全部结果写成 JSON 文件", "write all results to this JSON file"))] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help=t("--json 里已有的轮次不再量，接着量其余的", "go on: keep the rounds that --json has, measure the others")
        ),
    ] = False,
    chart: Annotated[Path | None, typer.Option(help=t("把图写成 SVG 文件", "write the chart to this SVG file"))] = None,
    peers_python: Annotated[
        Path | None,
        typer.Option(
            help=t("装有 Quix Streams 的 Python 解释器（make bench 会准备）", "a Python with Quix Streams in it (make bench makes one)")
        ),
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help=t("只列出名称", "only list the names"))] = False,
) -> int | None:
    """Measure."""
    from ops.bench.contenders import contenders, recovering, timed  # noqa: PLC0415 - clients and simulator, which --help need not wait for
    from ops.bench.live import LatencyRun, RecoveryRun, Stage  # noqa: PLC0415
    from ops.bench.resume import check_same, code_digest  # noqa: PLC0415
    from ops.bench.resume import resume as resumed  # noqa: PLC0415
    from ops.bench.run import BROKER, Run, provide  # noqa: PLC0415
    from ops.kafka import LocalBroker  # noqa: PLC0415

    counts, rates = _counts(workers), bench_live.rates(latency) if latency else []
    _refuse(
        (bool(latency) and recovery, t("--latency 与 --recovery 只能取其一", "either --latency or --recovery")),
        (chart is not None and (bool(latency) or recovery), t("--chart 只画速度", "--chart draws speed alone")),
        (resume and json is None, t("--resume 需要 --json", "--resume needs --json")),
    )
    there: Sequence[Any]
    kind: type[Any]
    if recovery:
        measured, there, kind = "recovery", recovering(counts[-1]), RecoveryRun
    elif latency:
        measured, there, kind = "latency", timed(counts[-1]), LatencyRun
    else:
        measured, there, kind = "speed", contenders(counts, product_cases, str(peers_python or sys.executable)), Run
    chosen = _chosen(there, only)
    if list_:
        emit_rows(({"name": each.name, "title": each.title, "guarantee": each.guarantee} for each in chosen), json=False, columns=_NAMES)
        return None
    for path in filter(None, (json, chart)):
        check_writable(path)
    settings: dict[str, Any] = {"measured": measured, "code": code_digest(), "rounds": rounds}
    settings |= {"cases": cases, "partitions": partitions, "limit_s": limit}
    settings |= (
        {"gap": gap, "product_cases": product_cases}
        if measured == "speed"
        else {"seconds": seconds, "rates": [str(rate) for rate in rates]}
    )
    earlier = orjson.loads(json.read_bytes()) if resume and json is not None and json.exists() else {}
    if earlier:
        check_same(earlier, settings)
    clean_up_on_sigterm()
    with _alone(folder) as home:
        say(t("准备：下载与编译对手 …", "fetching and compiling peers …"))
        records = provide(chosen, say)
        everything = resumed(earlier, there, records, kind) if earlier else records
        sitting = Sitting(records, everything, settings, json)
        broker = LocalBroker(home / "kafka", overrides=BROKER)
        broker.start()
        stage = Stage(broker, home, partitions, cases, limit)
        try:
            if recovery:
                bench_live.recovery(stage, sitting, seconds)
            elif rates:
                bench_live.latency(stage, sitting, rates, seconds)
            else:
                _speed(stage, sitting, chart)
        finally:
            broker.stop()
    return _FINDINGS if any(record.faults for record in everything) else None


def _speed(stage: Stage, sitting: Sitting, chart: Path | None) -> None:
    """Measure how fast all of the input is read, and show it."""
    from ops.bench.chart import draw  # noqa: PLC0415
    from ops.bench.dataset import DataSet  # noqa: PLC0415
    from ops.bench.report import against_fastest, as_json, ratios, row  # noqa: PLC0415
    from ops.bench.run import Arena, warm_up  # noqa: PLC0415

    data = DataSet(f"bench-{uuid.uuid4().hex[:6]}", stage.bulk, stage.partitions, sitting.settings["gap"])

    def tell(number: int, record: Record[Contender, Run], run: Run | str) -> None:
        _tell(number, record, run)
        sitting.write(as_json(data, sitting.records, sitting.settings))
        if chart is not None:
            title = f"{data.records:,} 个事件，{data.partitions} 个分区 events, partitions"
            write(chart, draw([row(record) for record in sitting.records], title).encode())

    with progress(t("写入数据", "writing the data"), data.cases) as advance:
        data.publish(stage.broker.bootstrap, advance)
    arena = Arena(stage.broker, data, stage.folder, stage.limit_s)
    say(t("先跑一遍，不计：broker 也要预热 …", "one run that does not count: the broker has to warm up, too …"))
    warm_up(arena.run, sitting.chosen)
    sitting.go_through(arena.run, stage.broker, tell)
    rows = [row(record) for record in sitting.records]
    _show(rows, ratios(rows), against_fastest(rows))


_NAMES = [Column("name", t("名称", "name")), Column("title", t("说明", "what it is")), Column("guarantee", t("保证", "guarantee"))]
_STATES = {
    "measured": t("结论正确", "right"),
    "unfinished": t("未跑完，已得结论正确", "unfinished; right so far"),
    "unchecked": t("未跑完，无从核对，不计", "unfinished: not checked, no figure"),
    "short": t("太短，未计", "too short to judge"),
    "wrong": t("结论有误", "WRONG"),
    "failed": t("失败", "FAILED"),
    "skipped": t("跳过", "skipped"),
}


def _refuse(*asked: tuple[bool, str]) -> None:
    for refused, why in asked:
        if refused:
            raise typer.BadParameter(why)


def _counts(workers: str) -> list[int]:
    try:
        counts = [int(word) for word in workers.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise typer.BadParameter(t(f"--workers 应为 1,2 之类：{workers!r}", f"--workers wants numbers such as 1,2: {workers!r}"))
    return counts


def _chosen(there: Sequence[Any], only: str) -> list[Any]:
    words = [word.strip() for word in only.split(",") if word.strip()]
    if unknown := [word for word in words if not any(each.name.startswith(word) for each in there)]:
        raise typer.BadParameter(t(f"没有 {', '.join(unknown)}；见 --list", f"no such contender: {', '.join(unknown)}; see --list"))
    return [each for each in there if not words or any(each.name.startswith(word) for word in words)]


@contextmanager
def _alone(folder: Path | None) -> Iterator[Path]:
    """A folder that vanishes, and settings of its own for this process and those it starts: none around it may change a figure."""
    forget_settings()
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix="guidang-bench-", ignore_cleanup_errors=True) as home:
        config = Path(home, "guidang.toml")
        config.write_text("", encoding="utf-8")
        os.environ[CONFIG_FILE_VARIABLE] = str(config)
        yield Path(home)


def _tell(number: int, record: Record[Contender, Run], run: Run | str) -> None:
    name = f"{iso(wall_ms() // 1000 * 1000)} [{number}] {record.contender.name}: "
    if isinstance(run, str):
        say(name + t("失败 ", "failed: ") + run)
    elif run.judged is None:
        say(name + t("太短，未计", "too short to judge") + _faults(run))
    else:
        say(f"{name}{run.judged.records_per_s:,.0f}/s ({run.judged.window_s:.1f} s){'' if run.complete else ' …'}{_faults(run)}")


def _faults(run: Run) -> str:
    return f"; {'; '.join(run.faults)}" if run.faults else ""


def _show(rows: Sequence[Row], ratios: Sequence[Ratio], against: Sequence[Ratio]) -> None:
    columns = [
        Column("name", t("名称", "name")),
        Column("rate", t("记录/秒：中位数", "records/s: median"), right=True),
        Column("spread", t("最小–最大", "min–max"), right=True),
        Column("ratio", t("比最快的 KS 精确一次", "to best KS exactly once"), right=True),
        Column("cpu", t("CPU 秒/百万", "CPU s/million"), right=True),
        Column("broker", t("broker", "broker"), right=True),
        Column("settled", t("至无事可做：记录/秒", "to rest: records/s"), right=True),
        Column("settled_cpu", t("CPU 秒/百万", "CPU s/million"), right=True),
        Column("memory", t("内存峰值 MiB", "peak MiB"), right=True),
        Column("written", t("写出记录", "records written"), right=True),
        Column("size", t("写出 MiB", "MiB written"), right=True),
        Column("local", t("本机状态 MiB", "local MiB"), right=True),
        Column("state", t("核对", "check")),
    ]
    to_fastest = {ratio.over: ratio.value for ratio in against}
    emit_rows((_cells(row, to_fastest.get(row.name)) for row in rows), json=False, columns=columns)
    for row in rows:
        if row.reason:
            say(f"{row.name}: {row.reason}")
    if ratios:
        titles = [Column("what", t("比", "ratio")), Column("value", "", right=True), Column("goal", t("目标", "goal")), Column("met", "")]
        emit_rows(map(_ratio_cells, ratios), json=False, columns=titles)


def _ratio_cells(ratio: Ratio) -> dict[str, Any]:
    if ratio.value is None:
        missing = ", ".join(ratio.missing)
        return {"what": ratio.what, "goal": ratio.goal, "met": t(f"不评：没有 {missing} 的数字", f"not judged: no figure of {missing}")}
    what = f"{ratio.what} ({ratio.over} : {ratio.under})"
    return {"what": what, "value": f"{ratio.value:.2f}", "goal": ratio.goal, "met": "" if ratio.met is None else ratio.met}


def _cells(row: Row, ratio: float | None) -> dict[str, Any]:
    rate = row.records_per_s
    return {
        "name": row.name,
        "rate": rate and f"{rate.median:,.0f}",
        "spread": rate and f"{rate.least:,.0f}–{rate.most:,.0f}",
        "ratio": ratio and f"{ratio:.2f}",
        "cpu": row.cpu_s_per_million and f"{row.cpu_s_per_million:.1f}",
        "broker": row.broker_cpu_s_per_million and f"{row.broker_cpu_s_per_million:.1f}",
        "settled": row.settled_records_per_s and f"{row.settled_records_per_s:,.0f}",
        "settled_cpu": row.settled_cpu_s_per_million and f"{row.settled_cpu_s_per_million:.1f}",
        "memory": row.peak_rss_bytes and f"{row.peak_rss_bytes / _MIB:,.0f}",
        "written": row.written_records and f"{row.written_records:,}",
        "size": row.written_bytes and f"{row.written_bytes / _MIB:,.0f}",
        "local": row.local_bytes and f"{row.local_bytes / _MIB:,.0f}",
        "state": _STATES[row.state],
    }
