"""``guidang rights``: what each process may do in Kafka, to be granted and no more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.options import Json
from ops.cli.output import Column, emit_rows
from ops.cli.text import t
from streams.rights import PROCESSES, Right, rights_of
from streams.settings import load_settings

_OPTIONS = {"topic": "--topic", "group": "--group", "transactional-id": "--transactional-id"}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=t(
            "各进程在 Kafka 里需要的最小权限：按当前设置列出，或给出授予它们的 kafka-acls 命令。",
            "The least rights of each process in Kafka, under these settings; or the kafka-acls commands that grant them.",
        )
    )(rights)


def rights(
    process: Annotated[str, typer.Argument(help=t("进程，默认全部", "process; default all of them"))] = "",
    user: Annotated[
        str,
        typer.Option(help=t("给这个用户写出 kafka-acls 命令，如 User:worker", "write kafka-acls commands for this user, e.g. User:worker")),
    ] = "",
    json: Json = False,
) -> None:
    """Print the rights."""
    if process and process not in PROCESSES:
        raise typer.BadParameter(t(f"没有这种进程：{process}", f"no such process: {process}") + f" ({', '.join(PROCESSES)})")
    settings = load_settings()
    found = [(name, right) for name in ([process] if process else PROCESSES) for right in rights_of(name, settings)]
    if user and not json:
        for line in commands(user, dict.fromkeys(right for _, right in found)):
            print(line)
        return
    columns = [
        Column("process", t("进程", "process")),
        Column("operation", t("操作", "operation")),
        Column("resource", t("资源", "resource")),
        Column("name", t("名称", "name")),
    ]
    emit_rows([{"process": name, **asdict(right)} for name, right in found], json=json, columns=columns)


def commands(user: str, rights: Iterable[Right]) -> list[str]:
    """One ``kafka-acls.sh`` line for each resource, with all its operations; broker and login are the caller's to add."""
    operations: dict[tuple[str, str], list[str]] = {}
    for right in rights:
        operations.setdefault((right.resource, right.name), []).append(right.operation)
    return [
        f"kafka-acls.sh --add --allow-principal {user} {' '.join(f'--operation {each}' for each in sorted(given))} {_OPTIONS[kind]} {name}"
        for (kind, name), given in operations.items()
    ]
