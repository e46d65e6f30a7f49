"""Options that several commands share, each said once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer

from ops.cli.text import t
from streams.errors import BadInputFile, ConfigurationError
from streams.settings import instant_ms

Json = Annotated[bool, typer.Option("--json", help=t("输出 JSON", "print JSON"))]
UnitFilter = Annotated[str, typer.Option(help=t("单位代码", "unit code"))]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help=t("时点（带时区的 ISO 时间）：其后的办结与归档不计", "ISO time with offset: what came later is ignored")),
]
MetricsPort = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65_535,
        help=t("Prometheus 指标的端口，0 为不提供（默认 metrics.port）", "port of the metrics, 0: none (default metrics.port)"),
    ),
]


def moment_ms(text: str) -> int:
    """The time that an option gives, as UTC epoch milliseconds; one that is none is wrong usage."""
    try:
        return instant_ms(text)
    except ConfigurationError as error:
        raise typer.BadParameter(str(error)) from error


def known_encoding(name: str) -> str:
    """Let an encoding through that files may be in: another one was typed just now, and is wrong whatever the file is."""
    from ops.publish.encodings import text_codec  # noqa: PLC0415 - Kafka's client beside it, which other commands need not wait for

    try:
        text_codec(name)
    except BadInputFile as error:
        raise typer.BadParameter(str(error)) from error
    return name


def only_utf_8(command: Any) -> None:
    """Have every text that a command, or one under it, is given be UTF-8; what is not is wrong usage.

    Other bytes come from the shell as surrogates: they can be no key, and be found or written nowhere. Names of files may be any bytes.
    """
    for parameter in command.params:
        parameter.callback = partial(_utf_8, parameter.callback)
    for under in getattr(command, "commands", {}).values():
        only_utf_8(under)


def _utf_8(then: Callable[..., Any] | None, context: Any, parameter: Any, given: Any) -> Any:
    for each in given if isinstance(given, (list, tuple)) else (given,):
        if isinstance(each, str):
            try:
                each.encode()
            except UnicodeEncodeError as error:
                raise typer.BadParameter(t("不是 UTF-8 文字", "not UTF-8")) from error
    return then(context, parameter, given) if then else given
