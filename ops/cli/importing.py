"""``guidang import-items | import-schedule | import-config | export-items-template``: what units fill in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.cli.options import Json, known_encoding
from ops.cli.output import emit_object, progress, say
from ops.cli.text import t
from streams.contracts import ARCHIVING_SCHEDULE, ITEM_REGISTRY, MODULE_CONFIG
from streams.domain.time import day_number
from streams.errors import BadInputFile
from streams.settings import load_settings

if TYPE_CHECKING:
    from ops.importing.faults import Fault, Reading

_FORM_SUFFIXES = t("附件1：.xlsx 或 .csv", "the form (附件1): .xlsx or .csv")
_TABLE_SUFFIXES = t("每种材料一行：.xlsx、.csv 或 .jsonl", "one row a material: .xlsx, .csv or .jsonl")

FormFile = Annotated[Path, typer.Argument(help=_FORM_SUFFIXES, exists=True, dir_okay=False)]
TableFile = Annotated[Path, typer.Argument(help=_TABLE_SUFFIXES, exists=True, dir_okay=False)]
UnitCode = Annotated[str, typer.Option(help=t("单位代码", "unit code"))]
ValidFrom = Annotated[
    str,
    typer.Option(metavar="DATE", help=t("自哪天起有效，如 2018-05-01；默认一直有效", "first day it holds, 2018-05-01; default since ever")),
]
Partial = Annotated[
    bool, typer.Option("--partial", help=t("有错时仍导入正确的事项", "import the good items even where there are bad ones"))
]
Replace = Annotated[
    bool,
    typer.Option(
        "--replace",
        help=t("文件即该单位的全部：文件中没有的事项撤销", "the file is the whole of the unit: items it lacks are taken back"),
    ),
]
Encoding = Annotated[
    str, typer.Option(callback=known_encoding, help=t("文本文件的编码：utf-8、gbk 或 gb18030", "of a text file: utf-8, gbk or gb18030"))
]


@dataclass(frozen=True, slots=True)
class _How:
    """What the options ask for, all files alike."""

    unit_code: str
    valid_from: int | None
    partial: bool
    replace: bool
    json: bool


class Kind(StrEnum):
    """The forms."""

    ITEMS = "items"
    SCHEDULE = "schedule"
    CONFIG = "config"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    rules = t(
        "重复导入不会重复发布。有错则什么也不发布（除非 --partial），按工作表和单元格报告，退出码 5。",
        "Importing again publishes nothing again. With errors nothing is published (unless --partial);"
        " they are told by sheet and cell, exit 5.",
    )
    app.command(help=t("导入《基础信息确认表》（附件1）。", "Import the form of basic information (附件1). ") + rules)(import_items)
    app.command(help=t("导入归档范围和保管期限表。", "Import archiving schedules. ") + rules)(import_schedule)
    app.command(help=t("导入归档模块的实际配置。", "Import what archiving modules are set to. ") + rules)(import_config)
    app.command(help=t("导出空白表，填好即可导入。", "Write an empty form that can be imported once it is filled in."))(
        export_items_template
    )


def import_items(
    file: FormFile,
    unit_code: UnitCode,
    valid_from: ValidFrom = "",
    partial: Partial = False,
    replace: Replace = False,
    encoding: Encoding = "utf-8",
    json: Json = False,
) -> None:
    """Import 附件1."""
    from ops.importing.form import read_form  # noqa: PLC0415 - openpyxl, which --help need not wait for
    from ops.importing.table import read_sheets  # noqa: PLC0415

    how = _how(unit_code, valid_from, partial=partial, replace=replace, json=json)
    reading = _read(ITEM_REGISTRY, file, lambda: read_form(read_sheets(file, encoding), file.name), json=json)
    _bring_in(ITEM_REGISTRY, file, reading, how)


def import_schedule(
    file: TableFile,
    unit_code: UnitCode,
    valid_from: ValidFrom = "",
    partial: Partial = False,
    replace: Replace = False,
    encoding: Encoding = "utf-8",
    json: Json = False,
) -> None:
    """Import archiving schedules."""
    how = _how(unit_code, valid_from, partial=partial, replace=replace, json=json)
    _bring_in(ARCHIVING_SCHEDULE, file, _read_table(ARCHIVING_SCHEDULE, file, encoding, unit_code, json=json), how)


def import_config(
    file: TableFile,
    unit_code: UnitCode,
    valid_from: ValidFrom = "",
    partial: Partial = False,
    replace: Replace = False,
    encoding: Encoding = "utf-8",
    json: Json = False,
) -> None:
    """Import configurations of archiving modules."""
    how = _how(unit_code, valid_from, partial=partial, replace=replace, json=json)
    _bring_in(MODULE_CONFIG, file, _read_table(MODULE_CONFIG, file, encoding, unit_code, json=json), how)


def export_items_template(
    kind: Annotated[
        Kind, typer.Option(help=t("附件1、保管期限表或模块配置", "the form 附件1, a schedule or a configuration"))
    ] = Kind.ITEMS,
    out: Annotated[Path | None, typer.Option(help=t("文件，默认为表名.xlsx", "file; default the form's name.xlsx"))] = None,
) -> None:
    """Write an empty form."""
    from ops.importing.template import KINDS, write_template  # noqa: PLC0415 - openpyxl, which --help need not wait for

    path = out or Path(f"{KINDS[kind.value][0]}.xlsx")
    if path.suffix.lower() != ".xlsx":
        raise typer.BadParameter(t(f"--out 应以 .xlsx 结尾：{path}", f"--out ends in .xlsx: {path}"))
    write_template(kind.value, path)
    say(t(f"已写入 {path}", f"written: {path}"))


def _read_table(topic: str, file: Path, encoding: str, unit_code: str, *, json: bool) -> Reading:
    from ops.importing.materials import REQUIRED, read_items  # noqa: PLC0415 - openpyxl, which --help need not wait for
    from ops.importing.table import read_rows  # noqa: PLC0415

    return _read(topic, file, lambda: read_items(topic, read_rows(file, encoding, REQUIRED[topic], unit_code)), json=json)


def _read(topic: str, file: Path, read: Callable[[], Reading], *, json: bool) -> Reading:
    """Read a file; one that is refused as a whole is told as JSON, too."""
    try:
        with progress(t(f"读取 {file.name}", f"reading {file.name}")):
            return read()
    except BadInputFile as error:
        if json:
            _emit(topic, file, published=0, unchanged=0, deleted=0, bad=0, errors=[], error=str(error))
        raise


def _emit(topic: str, file: Path, **found: Any) -> None:
    emit_object({"topic": topic, "file": str(file), **found})


def _how(unit_code: str, valid_from: str, *, partial: bool, replace: bool, json: bool) -> _How:
    """Read the options, before any file: what is wrong with them is a matter of usage."""
    if replace and partial:
        raise typer.BadParameter(
            t("--replace 要求整个文件无误，不能与 --partial 同用", "--replace needs a file without errors, not --partial")
        )
    if not unit_code.strip() or "|" in unit_code:
        raise typer.BadParameter(t("单位代码不能为空，也不能含 |", "a unit code is not empty, and has no |"))
    try:
        first_day = day_number(dt.date.fromisoformat(valid_from)) if valid_from else None
    except ValueError as error:
        told = t(f"--valid-from 应为日期，如 2018-05-01：{valid_from!r}", f"--valid-from is a date, 2018-05-01: {valid_from!r}")
        raise typer.BadParameter(told) from error
    return _How(unit_code.strip(), first_day, partial, replace, json)


def _bring_in(topic: str, file: Path, reading: Reading, how: _How) -> None:
    """Publish what is right, as far as the options allow, and tell what became of the file.

    Raises
    ------
    BadInputFile
        Something is wrong in it.
    """
    from ops.importing.run import Imported, import_reading  # noqa: PLC0415 - Kafka's client, which --help need not wait for

    done = Imported()
    if how.partial or not reading.faults:
        with progress(t(f"导入到 {topic}", f"importing into {topic}")) as advance:
            done = import_reading(
                load_settings(),
                topic,
                reading,
                unit_code=how.unit_code,
                valid_from=how.valid_from,
                replace=how.replace,
                partial=how.partial,
                on_progress=advance,
            )
    faults, bad = [*reading.faults, *done.faults], reading.bad + len(done.faults)
    for fault in faults:
        say(fault_line(file.name, fault))
    if how.json:
        counts = {"published": done.published, "unchanged": done.unchanged, "deleted": done.deleted, "bad": bad}
        _emit(topic, file, **counts, errors=[asdict(fault) for fault in faults], error="")
    told = t(
        f"{file.name} → {topic}：已发布 {done.published}，未变 {done.unchanged}，撤销 {done.deleted}，有误 {bad}",
        f"{file.name} -> {topic}: {done.published} published, {done.unchanged} unchanged, {done.deleted} taken back, {bad} bad",
    )
    if faults:
        raise BadInputFile(told)
    say(told)


def fault_line(name: str, fault: Fault) -> str:
    """One line for people about one thing that is wrong: sheet, cell, what was found, what was expected."""
    where = f"{fault.sheet}!{fault.cell}".removeprefix("!")
    return f"{name} {where}: {fault.found}；{t('应为', 'expected')} {fault.expected}"
