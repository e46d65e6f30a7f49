"""What goes to stdout (data) and what to stderr (everything else)."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from ops.cli.text import t
from ops.terminal import printable_lines

_JSON = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS
_BESIDE_A_CELL, _BORDER = "  │", "│"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table for people.

    Parameters
    ----------
    key
        Field of the row.
    title
        Heading, in the reader's language.
    right
        Aligned right: figures.
    """

    key: str
    title: str
    right: bool = False


class Advance(Protocol):
    """Tells a progress bar how much is done *in all*, and, once known, out of how much."""

    def __call__(self, done: float, total: float | None = None) -> None:
        """Show it."""


class ReaderGone(Exception):
    """Who reads stdout has seen enough (``guidang … | head``). Not an ``OSError``: those end typer, and rich, with exit code 1."""


class _Stdout(io.FileIO):
    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError as error:
            raise ReaderGone from error


def data_stream() -> io.TextIOWrapper:
    """Stdout as commands need it: a reader may leave, and a character that the encoding lacks costs that character alone."""
    raw = io.BufferedWriter(_Stdout(sys.stdout.fileno(), "wb", closefd=False))
    return io.TextIOWrapper(raw, sys.stdout.encoding, "replace", line_buffering=sys.stdout.isatty())


def say(message: str) -> None:
    """Print a line for people, on stderr."""
    print(printable_lines(message), file=sys.stderr, flush=True)


def emit_object(data: Any) -> None:
    """Print one JSON object or array on stdout; a byte that is no UTF-8, as names of files may have, costs that byte alone."""
    try:
        text = orjson.dumps(data, option=_JSON)
    except TypeError:  # what else it may be comes again
        text = orjson.dumps(_encodable(data), option=_JSON)
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def emit_rows(rows: Iterable[Mapping[str, Any]], *, json: bool, columns: Sequence[Column | str], title: str = "") -> None:
    """Print rows on stdout: with ``json`` one array with all their fields, else a table of ``columns``.

    A table that is not going to a terminal is as wide as it needs to be: nothing is cut off in a pipe.
    """
    if json:
        emit_object(list(rows))
        return
    from rich.cells import cell_len  # noqa: PLC0415 - 60 ms that `--json` and `--help` need not wait for
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    shown = [column if isinstance(column, Column) else Column(column, column) for column in columns]
    cells = [[_cell(row.get(column.key)) for column in shown] for row in rows]
    widths = [
        max(cell_len(line) for text in (column.title, *(texts[place] for texts in cells)) for line in text.split("\n"))
        for place, column in enumerate(shown)
    ]
    natural = sum(width + len(_BESIDE_A_CELL) for width in widths) + len(_BORDER)
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console = Console(highlight=False, markup=False, width=max(80, natural))
    # Where all fits, told widths spare rich from measuring every cell twice: two thirds of the time of a long table.
    told: list[int | None] = [*widths] if natural <= console.width else [None] * len(shown)
    table = Table(title=title or None, title_justify="left")
    for column, width in zip(shown, told, strict=True):
        table.add_column(column.title, justify="right" if column.right else "left", overflow="fold", width=width)
    for texts in cells:
        table.add_row(*texts)
    console.print(table)


@contextmanager
def progress(description: str, total: float | None = None, *, wanted: bool = True) -> Iterator[Advance]:
    """A progress bar on stderr for what may take over 2 s; silent where it does not (``wanted``), or where stderr is no terminal."""
    if not (wanted and sys.stderr.isatty()):
        yield lambda _done, _total=None: None
        return
    from rich.console import Console  # noqa: PLC0415 - as above
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(description, total=total)

        def advance(done: float, total: float | None = None) -> None:
            bar.update(task, completed=done, total=total)

        yield advance


@contextmanager
def reading_topics() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for what reads topics: told the topic, how much has been read, and how much there is, in offsets or in partitions."""
    with progress(t("读取主题", "reading topics")) as advance:
        yield lambda _topic, done, total: advance(done, total)


def _encodable(data: Any) -> Any:
    """The same without halves of characters, which is what Python makes of bytes that are no UTF-8."""
    if isinstance(data, str):
        return data.encode(errors="replace").decode()
    if isinstance(data, dict):
        return {_encodable(key): _encodable(value) for key, value in data.items()}
    return [_encodable(each) for each in data] if isinstance(data, (list, tuple)) else data


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "✓" if value else "✗"
    if isinstance(value, float):
        return f"{value:.4f}"
    if isinstance(value, (list, tuple)):
        return printable_lines(", ".join(map(str, value)))
    return printable_lines(str(value))
