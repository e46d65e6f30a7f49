"""``docs/commands.md``: every command with its arguments, options and exit codes, as the command line itself declares them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from typer.main import get_group

from ops.cli.catalog import COMMANDS
from ops.cli.main import app, command

_RANGE = re.compile(r"(\d+)<=x<=(\d+)")
_HEAD = """# 命令 Commands

由 `make docs` 从命令行程序生成，不要手改；英文说明见 `LANG=en_US.UTF-8 guidang 命令 --help`。
Generated from the command line, in Chinese: do not edit; `LANG=en_US.UTF-8 guidang COMMAND --help` says the same in English.

数据写到标准输出，其余（进度、假定、错误）写到标准错误；`--json` 使标准输出成为一份 JSON。
Data go to stdout, everything else to stderr; with `--json` stdout is one JSON document.
"""
EXIT_CODES: dict[int, tuple[str, str]] = {
    0: ("完成", "done"),
    1: ("失败；未预料的错误", "failed; an error that nobody expected"),
    2: ("用法有误", "wrong usage"),
    3: ("设置有误，或主题与设置不符", "wrong settings, or topics that are not what the settings say"),
    4: ("Kafka 或 ClickHouse 连不上，或等待超时", "Kafka or ClickHouse cannot be reached, or time ran out"),
    5: ("输入的文件有坏行，或已发布的通报被改动", "bad rows in the file given, or a published bulletin was changed"),
    6: ("做完了，但有发现：不合格项、差异、查无此件", "done, with findings: something fails, differs or is unknown"),
    130: ("被 Ctrl-C 中断", "interrupted by Ctrl-C"),
}
"""Exit codes of every command: Chinese, English."""


def page() -> str:
    """The text of the page, in the language of the locale."""
    lines = [_HEAD, "## 退出码 Exit codes", "", "| 码 | 含义 Meaning |", "|---|---|"]
    lines += [f"| {code} | {zh} {en} |" for code, (zh, en) in EXIT_CODES.items()]
    lines += ["", "## 总选项 Options of all commands", "", "可写在命令前后任何位置。 They may stand anywhere on the line.", ""]
    lines += _parameters(get_group(app))
    for name in COMMANDS:
        lines += ["", f"## `guidang {name}`", "", *_command(name, command(name))]
    return "\n".join(lines) + "\n"


def _command(name: str, known: Any) -> Iterator[str]:
    yield _cell(known.help or "")
    if under := getattr(known, "commands", {}):
        for word, each in under.items():
            yield from ("", f"### `guidang {name} {word}`", "")
            yield from _command(f"{name} {word}", each)
        return
    yield from ("", f"`{_usage(name, known)}`")
    if table := list(_parameters(known)):
        yield from ("", *table)


def _usage(name: str, known: Any) -> str:
    words = ["guidang", name]
    for parameter in _shown(known):
        if parameter.param_type_name == "argument":
            words.append(_word(parameter) if parameter.required else f"[{_word(parameter)}]")
        elif parameter.required:
            words.append(f"{parameter.opts[-1]} {_word(parameter)}")
    return " ".join(words)


def _parameters(known: Any) -> Iterator[str]:
    if not (parameters := _shown(known)):
        return
    yield from ("| 参数 | 说明 |", "|---|---|")
    with type(known).context_class(known) as context:
        for parameter in parameters:
            left, said = parameter.get_help_record(context)
            if parameter.param_type_name == "argument":
                left = _word(parameter)
            yield f"| `{_cell(left.replace(' range>', '>'))}` | {_cell(_translated(said))} |"


def _shown(known: Any) -> list[Any]:
    return [parameter for parameter in known.params if parameter.name != "help"]


def _word(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def _translated(said: str) -> str:
    """What the library puts there itself, in Chinese: default, required, and the range of a number."""
    said = said.replace("[default: ", "[默认：").replace("required]", "必填]")
    return _RANGE.sub(r"\1–\2", said)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
