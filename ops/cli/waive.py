"""``guidang waive``: the archives bureau sets a finding aside."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer

from ops.cli.options import Json
from ops.cli.output import emit_object, say
from ops.cli.text import t
from streams.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=t(
            "豁免一个异常：不再扣分，仍然列示。例：guidang waive NOT_CONFIGURED '330100012|许可-00387-000'"
            " --by 市档案局 --reason 系统升级 --until 2018-12-31",
            "Set a finding aside: it leaves the score and stays visible.",
        )
    )(waive)


def waive(
    kind: Annotated[str, typer.Argument(help=t("种类，如 NOT_CONFIGURED", "kind, such as NOT_CONFIGURED"))],
    subject: Annotated[str, typer.Argument(help=t("办件号，或 单位|事项", "case number, or unit|item"))],
    by: Annotated[str, typer.Option(help=t("豁免人", "who sets it aside"))],
    reason: Annotated[str, typer.Option(help=t("理由", "reason"))],
    until: Annotated[str, typer.Option(help=t("最后一天（含），如 2018-12-31", "last day, inclusive"))],
    withdraw: Annotated[bool, typer.Option("--withdraw", help=t("撤回豁免", "take the waiver back"))] = False,
    json: Json = False,
) -> None:
    """Waive one finding."""
    from ops.waive import Waiver, anomaly_id_of, publish_waiver  # noqa: PLC0415 - so that --help is fast
    from streams.domain.time import day_number  # noqa: PLC0415

    try:
        day = day_number(dt.date.fromisoformat(until))
    except ValueError as error:
        raise typer.BadParameter(t(f"不是日期：{until}", f"not a date: {until}")) from error
    for option, text in (("--by", by), ("--reason", reason)):
        if not text.strip():
            raise typer.BadParameter(t(f"{option} 不能为空", f"{option} is empty"))
    settings = load_settings()
    anomaly_id = anomaly_id_of(settings, kind, subject)
    revision = publish_waiver(settings, Waiver(anomaly_id, by, reason, day, withdraw))
    if json:
        emit_object({"anomaly_id": anomaly_id, "revision": revision, "until": until, "withdrawn": withdraw})
    say(t(f"已{'撤回' if withdraw else ''}豁免 {kind} {subject}", f"{'waiver taken back' if withdraw else 'waived'}: {kind} {subject}"))
