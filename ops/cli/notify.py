"""``guidang notify``: the process that tells people of alerts, and the test of one of its channels."""

from __future__ import annotations

from typing import Annotated

import typer

from ops.cli.log import log_to_stderr
from ops.cli.output import say
from ops.cli.text import t
from streams.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        help=t(
            "接收 Alertmanager 的告警，发给钉钉、企业微信、邮件与程序",
            "Take alerts from Alertmanager to DingTalk, WeCom, mail and programs",
        )
    )(notify)


def notify(
    test: Annotated[
        str | None,
        typer.Option("--test", metavar="CHANNEL", help=t("只向这个通道发一条测试消息", "only send a test message to this channel")),
    ] = None,
) -> None:
    """Run until told to stop, or send one message."""
    from consumers.notify.process import run  # noqa: PLC0415 - so that the list of commands need not load it
    from consumers.notify.trial import send_trial  # noqa: PLC0415

    log_to_stderr()
    if test is None:
        run(load_settings())
    else:
        send_trial(load_settings(), test)
        say(t(f"通道 {test} 可用：测试消息已送达", f"channel {test} works: the test message was delivered"))
