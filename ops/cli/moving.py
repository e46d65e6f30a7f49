"""``guidang backup | restore | replay``: a system kept, brought back, and taken elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ops.backup import Taken, back_up
from ops.backup import restore as put_back
from ops.cli.options import Json
from ops.cli.output import Column, emit_object, emit_rows, progress, reading_topics, say
from ops.cli.text import t
from streams.settings import Settings, load_settings, settings_in

Tell = Callable[[int, int], None]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        help=t(
            "备份本机系统到一个新目录：Kafka 的数据、标题哈希的密钥、设置。系统须已停下。ClickHouse 与工作进程的状态由 Kafka 重建。",
            "Back up the local system into a new folder: Kafka's data, the key of the title hash, the settings."
            " It has to be down. ClickHouse and the workers' state are left out: they come back from Kafka.",
        )
    )(backup)
    app.command(
        help=t(
            "把备份恢复到还没有数据的数据目录；逐个文件核对，有一处不符就什么也不恢复（退出码 5）。",
            "Restore a backup into a data directory without data; every file is checked,"
            " and one that differs means that nothing is restored (exit 5).",
        )
    )(restore)
    app.command(
        help=t(
            "把全部输入主题原样送往另一个系统（另一个 Kafka、另一个前缀或另一个分区数），由它从头处理。再次运行只送新来的。",
            "Send all input topics as they are into another system (another Kafka, prefix or number of partitions), which"
            " processes them from the beginning. Another run sends only what is new.",
        )
    )(replay)


def backup(folder: Annotated[Path, typer.Argument(metavar="DIR", help=t("新目录", "a new folder"))], json: Json = False) -> None:
    """Back up."""
    settings = load_settings()
    with progress(t("备份", "backing up")) as advance:
        taken = back_up(settings, folder.expanduser().absolute(), advance)
    _tell(taken, t(f"已备份到 {folder}", f"backed up into {folder}"), json=json)
    if settings.privacy.title_key_file:
        say(
            t(
                f"标题哈希的密钥在 {settings.privacy.title_key_file}，请另行备份。",
                f"The key of the title hash is {settings.privacy.title_key_file}: back it up, too.",
            )
        )
    say(
        t(
            "备份里有申请人姓名（输入主题）与密钥：与它们同样保管。",
            "It holds applicants' names (input topics) and the key: keep it as you keep those.",
        )
    )


def restore(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", exists=True, file_okay=False, help=t("guidang backup 写的目录", "a folder that guidang backup wrote")
        ),
    ],
    json: Json = False,
) -> None:
    """Restore."""
    settings = load_settings()
    with progress(t("恢复", "restoring")) as advance:
        taken = put_back(settings, folder.expanduser().absolute(), advance)
    _tell(taken, t(f"已恢复到 {settings.home}", f"restored into {settings.home}"), json=json)
    if taken.settings_file:
        say(
            t(
                f"设置在 {folder / taken.settings_file}，需要时用 --config。",
                f"The settings are in {folder / taken.settings_file}: use --config.",
            )
        )
    say(t("接着：guidang up --detach，guidang reconcile。", "Next: guidang up --detach, guidang reconcile."))


def replay(
    to: Annotated[Path, typer.Option(metavar="FILE.toml", help=t("另一个系统的设置文件", "file of settings of the other system"))],
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help=t("以前送过的也再送", "also what was sent before"))] = False,
    json: Json = False,
) -> None:
    """Send all inputs into another system."""
    from ops.replay import replay as send  # noqa: PLC0415 - so that --help is fast

    source, target = load_settings(), _target(to)
    with reading_topics() as tell:
        copied = list(send(source, target, tell, from_beginning=from_beginning))
    columns = [
        Column("topic", t("主题", "topic")),
        Column("partitions", t("分区", "partitions"), right=True),
        Column("target_partitions", t("目标分区", "target's partitions"), right=True),
        Column("records", t("已送", "sent"), right=True),
    ]
    emit_rows(map(asdict, copied), json=json, columns=columns)
    total = sum(each.records for each in copied)
    say(t(f"已送 {total} 条，对方都已确认。", f"{total} records sent, all of them confirmed."))


def _target(path: Path) -> Settings:
    return settings_in(path.expanduser().absolute())


def _tell(taken: Taken, done: str, *, json: bool) -> None:
    if json:
        emit_object({**asdict(taken), "folder": str(taken.folder)})
    say(f"{done} ({taken.files} {t('个文件', 'files')}, {taken.bytes:,} B, {taken.made_at})")
