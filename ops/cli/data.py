"""``guidang publish`` and ``guidang simulate``: events into the input topics."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ops.cli.options import Json, known_encoding, moment_ms
from ops.cli.output import emit_object, progress, say
from ops.cli.text import t
from ops.publish import BadRow, publish_file
from ops.simulate.calendar import at_ms
from ops.simulate.generate import Plan
from ops.simulate.run import check_writable, publish_simulation, write_truth
from streams.contracts import CASE_INPUTS, REFERENCE_INPUTS
from streams.errors import BadInputFile
from streams.settings import Settings, load_settings

_INPUTS = (*CASE_INPUTS, *REFERENCE_INPUTS)
_LISTED_IN_JSON = 1000


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=t(
            "把 .csv 或 .jsonl 文件发布到输入主题。列名即 Avro 字段名；时间用带时区的 ISO-8601。"
            "坏行（包括工作进程不会采用的）按行号报告，其余照发；有坏行时退出码为 5。",
            "Publish a .csv or .jsonl file into an input topic. Columns are the Avro field names, times ISO-8601 with offset. "
            "Bad rows, those that workers would refuse among them, are reported by line, the rest goes in; exit 5 if there were any.",
        )
    )(publish)
    app.command(
        help=t(
            "发布一座城市一年的模拟事件，含真实系统里见过的各种毛病；每个办件的结局（真值）写入 --truth 文件，与判定程序无关。",
            "Publish a simulated year of a city with every hazard of real systems; what each case ends as is written to --truth, "
            "apart from the code that judges.",
        )
    )(simulate)


def publish(
    topic: Annotated[str, typer.Argument(help=" / ".join(_INPUTS))],
    file: Annotated[
        Path, typer.Argument(help=t(".csv、.jsonl 或 .ndjson 文件", "a .csv, .jsonl or .ndjson file"), exists=True, dir_okay=False)
    ],
    encoding: Annotated[
        str, typer.Option(callback=known_encoding, help=t("文件编码：utf-8、gbk 或 gb18030", "encoding: utf-8, gbk or gb18030"))
    ] = "utf-8",
    json: Json = False,
) -> None:
    """Publish one file."""
    if topic not in _INPUTS:
        raise typer.BadParameter(t(f"{topic} 不是输入主题", f"{topic} is no input topic") + f": {' / '.join(_INPUTS)}")
    told: list[dict[str, Any]] = []

    def tell(row: BadRow) -> None:
        if len(told) < _LISTED_IN_JSON:
            told.append(asdict(row))
        say(bad_row_line(file.name, row))

    settings = load_settings()
    about = {"topic": topic, "file": str(file)}
    try:
        with progress(t(f"发布到 {topic}", f"publishing into {topic}")) as advance:
            done = publish_file(settings, topic, file, encoding=encoding, on_bad=tell, on_progress=advance)
    except BadInputFile as error:  # the file as a whole: nothing went in
        if json:
            emit_object(about | {"sent": 0, "bad": 0, "seconds": 0.0, "bad_rows": [], "error": str(error)})
        raise
    counts = t(
        f"{file.name} → {topic}：已发布 {done.sent} 行，坏行 {done.bad}", f"{file.name} -> {topic}: {done.sent} published, {done.bad} bad"
    )
    if json:
        emit_object(about | {"sent": done.sent, "bad": done.bad, "seconds": round(done.seconds, 3), "bad_rows": told, "error": ""})
    if done.bad:
        raise BadInputFile(counts)
    say(f"{counts} ({done.seconds:.1f} s)")


def simulate(
    cases: Annotated[int, typer.Option(help=t("办件数", "number of cases"), min=1, max=5_000_000)] = 20_000,
    seed: Annotated[int, typer.Option(help=t("随机种子：同一种子，同一年", "the same seed gives the same year"))] = 2018,
    truth: Annotated[Path | None, typer.Option(help=t("真值写到这个 JSONL 文件", "write the truth to this JSONL file"))] = None,
    year: Annotated[int, typer.Option(help=t("年份", "year"), min=2005, max=2026)] = 2018,
    until: Annotated[
        str,
        typer.Option(
            help=t(
                "最后一个事件的时间（带时区的 ISO 时间）；默认为当年 12 月 31 日 18:00，系统时钟更早时为系统时钟",
                "time of the last event; default 31 December 18:00, or the system's clock where that is earlier",
            )
        ),
    ] = "",
    archives_stop: Annotated[
        str,
        typer.Option(
            help=t(
                "演练：此时起（带时区的 ISO 时间）平台的归档与其心跳不再到来，其余照常",
                "a rehearsal: from this time on the platform's archives and their heartbeat no longer come, all else goes on",
            )
        ),
    ] = "",
    json: Json = False,
) -> None:
    """Publish a simulated year."""
    settings = load_settings()
    plan = plan_of(settings, cases=cases, seed=seed, year=year, until=until, archives_stop=archives_stop)
    if truth is not None:
        check_writable(truth)
    with progress(t(f"模拟 {year} 年", f"simulating {year}"), cases) as advance:
        done = publish_simulation(settings, plan, advance)
    if truth is not None:
        write_truth(truth, plan, [*done.truth, *done.items])
    rate = done.total / done.seconds
    say(t(f"已发布 {done.total} 条事件，{rate:,.0f} 条/秒", f"{done.total} events published, {rate:,.0f}/s"))
    if json:
        moments = {"until_ms": plan.end_ms, "now_ms": plan.moment_ms}
        emit_object({"cases": len(done.truth), "events": done.events, "seconds": round(done.seconds, 3), "seed": seed, **moments})


def plan_of(settings: Settings, *, cases: int, seed: int, year: int, until: str = "", archives_stop: str = "") -> Plan:
    """Fit a simulation to the system it is for: its clock, and its assumptions.

    Raises
    ------
    typer.BadParameter
        ``until`` or ``archives_stop`` is no time with offset, or ``until`` lies outside the year.
    """
    now_ms = settings.make_clock().now_ms()
    default = Plan(cases, seed, year)
    until_ms = moment_ms(until) if until else min(default.end_ms, now_ms)
    if not at_ms(dt.date(year, 1, 2)) <= until_ms < at_ms(dt.date(year + 1, 1, 1)):
        raise typer.BadParameter(
            t(f"最后一个事件的时间应在 {year} 年 1 月 2 日至年底之间", f"the last event has to be between 2 January and the end of {year}")
        )
    stop_ms = moment_ms(archives_stop) if archives_stop else None
    return Plan(cases, seed, year, until_ms=until_ms, now_ms=now_ms, archives_stop_ms=stop_ms, policy=settings.domain_policy())


def bad_row_line(name: str, row: BadRow) -> str:
    """One line for people about one bad row: line, column, what was found, what was expected."""
    where = t(f"第 {row.line} 行", f"line {row.line}") + (f" {row.column}" if row.column else "")
    return f"{name} {where}: {row.found}；{t('应为', 'expected')} {row.expected}"
