"""Tables for people: nothing of them is lost, whatever they are printed on."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson
import pytest
from rich.cells import cell_len

from ops import caught_up
from ops.cli import pipeline
from ops.cli.output import Advance, Column, emit_object, emit_rows, say
from ops.cli.text import t
from streams.errors import WaitTimeout

ROWS = [{"code": f"许可-{number:05}", "name": "行政许可事项" * number, "share": number / 7, "kinds": ["a", "b"]} for number in range(12)]
COLUMNS = ["code", "name", Column("share", "归档率", right=True), "kinds"]


def test_in_a_pipe_every_line_is_whole_and_as_wide_as_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    """A reader of a pipe gets each cell."""
    emit_rows(ROWS, json=False, columns=COLUMNS)
    heading, *lines = [line for line in capsys.readouterr().out.splitlines() if line[0] in "┃│"]
    assert [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines] == [
        [row["code"], row["name"], f"{row['share']:.4f}", "a, b"] for row in ROWS
    ]
    assert len({cell_len(line) for line in [heading, *lines]}) == 1


def test_without_rows_the_headings_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    """An empty table says what it would hold."""
    emit_rows([], json=False, columns=COLUMNS)
    assert "归档率" in capsys.readouterr().out


EVIL = "\x1b]52;c;aGk=\x07单位　甲\x9b2J\u202e"
"""Sets the clipboard, clears the screen, turns the writing round; between them a name with a wide blank."""
TAMED = "\ufffd]52;c;aGk=\ufffd单位　甲\ufffd2J\ufffd"


def test_what_a_terminal_would_obey_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """It comes in the names of an event; programs get it as it is."""
    emit_rows([{"name": EVIL, "names": [EVIL, "b"]}], json=False, columns=["name", "names"])
    say(f"{EVIL}\n2")
    event = {"time": None, "not_taken": None, "event": {"unit_name": EVIL}, "origin": {"topic": "case-closed", "partition": 0, "offset": 1}}
    letter = {"partition": 0, "offset": 1, "guidang-reason": "X", "guidang-detail": EVIL}
    rule = {"text": "", "clause": ""}
    found = {"case_no": EVIL, "events": [event], "dead_letters": [letter], "state": {"unit_name": EVIL}, "rule": rule, "anomalies": []}
    pipeline._print_timeline(found)
    out, err = capsys.readouterr()
    assert set(out + err) & set("\x1b\x07\x9b\u202e") == set()
    assert (out.count(TAMED), err) == (6, f"{TAMED}\n2\n")
    emit_rows([{"name": EVIL}], json=True, columns=["name"])
    assert orjson.loads(capsys.readouterr().out) == [{"name": EVIL}]


def test_json_of_bytes_that_are_no_text_has_everything_else(capsys: pytest.CaptureFixture[str]) -> None:
    """They come in names of files and in what is typed; an error while one tells what was done would hide it."""
    emit_object({"file": "\udcb0\udcec.csv", "\ud800": [("\udcff", 1)], "error": None})
    assert orjson.loads(capsys.readouterr().out) == {"file": "??.csv", "?": [["?", 1]], "error": None}
    with pytest.raises(TypeError):
        emit_object({"file": object()})


@pytest.mark.parametrize("columns", [60, 200])
def test_on_a_terminal_no_character_is_cut_off_and_no_line_is_too_wide(columns: int) -> None:
    """Where it does not fit, it is folded."""
    shown = on_a_terminal(columns)
    lines = [line for line in shown.splitlines() if line]
    assert max(map(cell_len, lines)) <= columns
    assert shown.count("行") == sum(row["name"].count("行") for row in ROWS)


def test_a_reconciliation_shows_how_far_behind_the_system_still_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It may wait for minutes before it reads anything."""
    shown: list[tuple[str, float, float | None]] = []

    @contextmanager
    def progress(description: str) -> Iterator[Advance]:
        yield lambda done, total=None: shown.append((description, done, total))

    def behind(_settings: object, _seconds: float, tell: Callable[[int, list[str]], None]) -> None:
        tell(1, ["a", "b"])
        tell(1, ["b"])
        raise WaitTimeout("never")

    monkeypatch.setenv("GUIDANG_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(pipeline, "progress", progress)
    monkeypatch.setattr(caught_up, "wait_caught_up", behind)
    with pytest.raises(WaitTimeout):
        pipeline.reconcile()
    assert shown == [(t("追平中", "catching up"), 0, 2), (t("追平中", "catching up"), 1, 2)]


def on_a_terminal(columns: int) -> str:
    """What a terminal of that width gets."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    code = "from tests.ops.test_output import *; emit_rows(ROWS, json=False, columns=COLUMNS)"
    # Readline, which pytest loads, puts COLUMNS into the environment behind Python's back; there it would win over the terminal.
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | {"TERM": "xterm"}
    with subprocess.Popen([sys.executable, "-c", code], stdin=its, stdout=its, stderr=its, env=environment) as child:
        os.close(its)
        read = b""
        # The end is an error on Linux: the last one who had the other end has closed it.
        with suppress(OSError):
            while chunk := os.read(ours, 65536):
                read += chunk
    os.close(ours)
    assert child.returncode == 0, read.decode()
    return re.sub(r"\x1b\[[0-9;]*m", "", read.decode())
