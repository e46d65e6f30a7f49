"""Entry point of ``guidang``: global options, lazy commands, errors to exit codes.

Exit: 0 ok · 1 failure · 2 usage · 3 configuration · 4 a dependency unreachable or time-out · 5 bad data · 6 done, with findings.
A command returns its exit code, or ``None`` for 0, or raises from the tree of :mod:`streams.errors`.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from ops.cli.catalog import COMMANDS
from ops.cli.options import only_utf_8
from ops.cli.output import ReaderGone, data_stream, say
from ops.cli.text import t
from streams.errors import ConfigurationError, GuidangError
from streams.settings import Settings
from streams.variables import CONFIG_FILE_VARIABLE, NESTED, PREFIX

_USAGE, _INTERRUPTED = 2, 130
_VALUED = ("--config", "--data-dir", "--set")
_FLAGS = ("--debug",)
_HELP = t("显示这段说明", "show this message")


class _Commands(TyperGroup):
    """The catalogue as a command group: a command's module is imported when the command is called, not to list it."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        self.commands.update({name: TyperCommand(name, help=entry.help) for name, entry in COMMANDS.items()})
        only_utf_8(self)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Put the real command in the place of its line in the list."""
        if args[0] in COMMANDS:
            self.commands[args[0]] = command(args[0])
            _help_in_the_readers_language(self.commands[args[0]], ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """The list of commands, its headings in the reader's language."""
        _speak()
        super().format_help(ctx, formatter)

    def get_help_option(self, ctx: Any) -> Any:
        """``--help`` itself, in the reader's language."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = _HELP
        return option


def _help_in_the_readers_language(known: Any, ctx: Any) -> None:
    """``--help`` of a command, and of those under it: each keeps its option, and shows it when it is asked for help."""
    if option := known.get_help_option(ctx):
        option.help = _HELP
    known.format_help = _spoken(known.format_help)
    for under in getattr(known, "commands", {}).values():
        _help_in_the_readers_language(under, ctx)


def _spoken(format_help: Callable[[Any, Any], None]) -> Callable[[Any, Any], None]:
    """Headings only once help is shown: what they belong to takes a third of the time in which a command starts."""

    def spoken(ctx: Any, formatter: Any) -> None:
        _speak()
        format_help(ctx, formatter)

    return spoken


def command(name: str) -> Any:
    """A command of the catalogue with its arguments and options; this imports its module."""
    loaded = typer.Typer(add_completion=False)
    importlib.import_module(f"ops.cli.{COMMANDS[name].module}").register(loaded)
    known = typer.main.get_group(loaded).commands[name]
    only_utf_8(known)
    return known


app = typer.Typer(cls=_Commands, no_args_is_help=True, add_completion=False)


@app.callback(
    help=t("归档：办件归档率的实时计算与核对（杭智办〔2018〕3号）。", "Matches closed cases to their electronic archives, in real time."),
)
def _options(
    config: Annotated[
        Path | None, typer.Option(help=t("设置文件，默认为当前目录的 guidang.toml", "settings file; default guidang.toml here"))
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help=t("数据目录", "data directory"))] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help=t("覆盖一项设置，如 kafka.partitions=16", "override one setting")),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help=t("出错时显示调用栈", "show the traceback of errors"))] = False,
) -> None:
    """Hand options on as environment variables: the processes that a command starts see the same settings."""
    del debug  # read by run(), which is there when a command line cannot even be parsed
    if config is not None:
        os.environ[CONFIG_FILE_VARIABLE] = str(config.absolute())
    if data_dir is not None:
        os.environ["GUIDANG_DATA_DIR"] = str(data_dir.expanduser().absolute())
    for assignment in set_ or ():
        name, equals, value = assignment.partition("=")
        if not equals or not name:
            raise ConfigurationError(t(f"--set 应为 名称=值：{assignment!r}", f"--set wants NAME=VALUE: {assignment!r}"))
        if name.strip().partition(".")[0] not in Settings.model_fields:  # an environment variable of that name would be ignored
            raise ConfigurationError(t(f"没有这个设置：{name}", f"no such setting: {name}"))
        os.environ[PREFIX + name.strip().upper().replace(".", NESTED)] = value


def main() -> None:
    """Run the command line of this process, and end it."""
    if sys.stdout is not None:  # closed by who has called us
        sys.stdout = data_stream()
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are told on stderr.

    An exception that is not of our tree is a defect of ours: it is not caught, Python prints its traceback and exits with 1.
    """
    debug = "--debug" in arguments
    try:
        code = app(args=hoist(arguments), prog_name="guidang", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, and not when the interpreter ends: it may turn out that nobody reads
    except GuidangError as error:
        if debug:
            traceback.print_exc()
        say(t("错误：", "error: ") + str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except ReaderGone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except TyperException as error:
        _show_usage_error(error)
        return _USAGE
    return code if isinstance(code, int) else 0


def hoist(arguments: Sequence[str]) -> list[str]:
    """Move global options to the front: ``guidang up --data-dir D`` and ``guidang --data-dir D up`` are one."""
    front: list[str] = []
    rest: list[str] = []
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if word == "--":
            rest += [word, *waiting]
            break
        if word in _VALUED and waiting:
            front += [word, waiting.pop(0)]
        elif word in _FLAGS or word.startswith(tuple(f"{option}=" for option in _VALUED)):
            front.append(word)
        else:
            rest.append(word)
    return [*front, *rest]


def _show_usage_error(error: TyperException) -> None:
    from typer import rich_utils  # noqa: PLC0415 - only once something is to be shown

    _speak()
    rich_utils.rich_format_error(error)  # type: ignore[arg-type]  # its own subclass, which the library does not export


def _speak() -> None:
    """Put the headings of help and errors, which typer keeps in English constants, into the reader's language."""
    from typer import rich_utils  # noqa: PLC0415 - only once something is to be shown

    rich_utils.ARGUMENTS_PANEL_TITLE = t("参数", "Arguments")
    rich_utils.OPTIONS_PANEL_TITLE = t("选项", "Options")
    rich_utils.COMMANDS_PANEL_TITLE = t("命令", "Commands")
    rich_utils.ERRORS_PANEL_TITLE = t("用法错误", "Usage error")
    rich_utils.DEFAULT_STRING = t("[默认：{}]", "[default: {}]")
    rich_utils.REQUIRED_LONG_STRING = t("[必填]", "[required]")
