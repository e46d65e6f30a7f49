"""``guidang report | todo``: the periodic bulletin, and what a unit has to do."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ops.cli.figures import assumptions
from ops.cli.options import AsOf, Json, moment_ms
from ops.cli.output import Column, emit_object, emit_rows, progress, say
from ops.cli.pipeline import catch_up
from ops.cli.text import t
from streams.domain.time import iso
from streams.errors import ConfigurationError
from streams.settings import load_settings

if TYPE_CHECKING:
    from ops.bulletin.issue import Issued, Publisher


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=t(
            "定期通报：写入 OUT/期间/draft/（草稿）；加 --publish 则发布为不可更改的版次 OUT/期间/edition-N/，内容未变时不发新版。",
            "The periodic bulletin: a draft in OUT/PERIOD/draft/; with --publish an immutable edition OUT/PERIOD/edition-N/,"
            " unless the last one says the same.",
        )
    )(report)
    app.command(
        help=t(
            "一个单位的待办：未归档、被退回、配置、材料、信息。",
            "What one unit has to do: archive, send again, configure, complete, correct.",
        )
    )(todo)


def report(
    period: Annotated[
        str,
        typer.Option(
            help=t("期间：2018 2018-Q1 2018-03 2018-W12 或 起..止（日期，含首尾）", "2018 2018-Q1 2018-03 2018-W12 or FROM..TO (dates)")
        ),
    ],
    out: Annotated[Path, typer.Option(help=t("写到这个目录", "folder to write into"), file_okay=False)],
    publish: Annotated[bool, typer.Option("--publish", help=t("发布为新的版次", "publish a new edition"))] = False,
    by: Annotated[str, typer.Option(help=t("发布人，与 --publish 同用", "who publishes; goes with --publish"))] = "",
    as_of: AsOf = None,
    timeout: Annotated[
        float, typer.Option(help=t("发布前先等待追平的最长秒数", "seconds to wait for catching up before it is published"))
    ] = 300.0,
    json: Json = False,
) -> None:
    """Write the bulletin of a period."""
    from ops.bulletin.issue import Publisher, issue  # noqa: PLC0415 - the typesetter, which --help need not wait for
    from ops.bulletin.period import parse_period  # noqa: PLC0415

    if publish != bool(by.strip()):
        raise typer.BadParameter(t("--publish 与 --by 发布人 须同时给出", "--publish and --by NAME go together"))
    settings = load_settings()
    clock = settings.make_clock()
    moment = moment_ms(as_of) if as_of else None
    if publish and moment is not None and moment > clock.now_ms():
        raise typer.BadParameter(t("未来时点的通报只能是草稿，不能发布", "ahead of the clock there are drafts only: nothing is published"))
    try:
        wanted = parse_period(period)
        wanted.window(clock.now_ms() if moment is None else moment)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error
    from ops.bulletin.gather import StoredFigures, reference_revisions  # noqa: PLC0415

    publisher = None
    if publish:
        # In this order: what an edition says that it rests on, it does rest on.
        revisions = reference_revisions(settings)
        catch_up(settings, timeout)
        publisher = Publisher(by.strip(), iso(clock.now_ms()), revisions)
    figures = StoredFigures(settings, clock.now_ms() if moment is None else moment, as_of=moment is not None)
    with progress(t(f"通报 {wanted.label}", f"bulletin {wanted.text}")) as advance:
        done = issue(figures, wanted, out, publisher, advance)
    _tell(done, publisher)
    if json:
        files = [str(done.folder / name) for name in done.files]
        emit_object({"period": wanted.text, "folder": str(done.folder), "files": files} | _edition(done))


def todo(unit: Annotated[str, typer.Option(help=t("单位代码", "unit code"))], json: Json = False) -> None:
    """Print what a unit has to do."""
    from ops.bulletin.gather import StoredFigures  # noqa: PLC0415 - so that --help is fast
    from ops.bulletin.todo import todo_rows  # noqa: PLC0415

    settings = load_settings()
    now_ms = settings.make_clock().now_ms()
    figures = StoredFigures(settings, now_ms)
    rows = todo_rows(figures.findings(unit), figures.items(unit))
    columns = [
        Column("section", t("类别", "section")),
        Column("label", t("问题", "finding")),
        Column("subject", t("对象", "subject")),
        Column("item_code", t("事项编码", "item")),
        Column("item_name", t("事项", "item name")),
        Column("due_at", t("归档时限", "due")),
        Column("detail", t("说明", "detail")),
        Column("what_to_do", t("怎么办", "what to do")),
    ]
    say(t(f"{unit}：{len(rows)} 项待办", f"{unit}: {len(rows)} to do"))
    say(assumptions(settings))
    emit_rows(map(asdict, rows), json=json, columns=columns)


def _tell(done: Issued, publisher: Publisher | None) -> None:
    if publisher is None:
        say(t(f"草稿已写入 {done.folder}", f"draft written to {done.folder}"))
    elif done.new:
        changed = t(f"，与上一版有 {done.changed} 处不同", f", {done.changed} figures changed") if done.edition != 1 else ""
        say(t(f"已发布第 {done.edition} 版：{done.folder}{changed}", f"edition {done.edition} published: {done.folder}{changed}"))
    else:
        say(
            t(
                f"内容与第 {done.edition} 版相同，未发新版：{done.folder}",
                f"edition {done.edition} says the same, none published: {done.folder}",
            )
        )


def _edition(done: Issued) -> dict[str, int | bool | None]:
    return {"edition": done.edition, "new": done.new, "changed": done.changed}
