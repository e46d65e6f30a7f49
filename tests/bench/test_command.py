"""The command: what is asked for in vain is refused before anything is started, and what was started ends with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import typer

from ops.cli.bench import bench
from tests.left_behind import left_behind


@pytest.mark.parametrize(
    ("asked", "refused"),
    [
        ({"latency": "100", "recovery": True}, "--recovery"),
        ({"latency": "100", "chart": Path("x.svg")}, "--chart"),
        ({"recovery": True, "chart": Path("x.svg")}, "--chart"),
        ({"resume": True}, "--json"),
        ({"workers": "0"}, "--workers"),
        ({"only": "nobody"}, "nobody"),
    ],
)
def test_what_cannot_be_is_refused_at_once(asked: dict[str, Any], refused: str) -> None:
    """Not after hours of measuring, with an empty file."""
    with pytest.raises(typer.BadParameter, match=refused):
        bench(**asked)


@pytest.mark.kafka
@pytest.mark.slow
def test_a_bench_that_is_told_to_end_takes_down_what_it_started(tmp_path: Path) -> None:
    """SIGTERM while a contender works."""
    command = [sys.executable, "-m", "ops", "bench", "--only", "guidang-1", "--cases", "20000", "--rounds", "1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=os.environ | {"TMPDIR": str(tmp_path)})
    give_up = time.monotonic() + 240
    while not any("ops.bench.reduced" in each for each in left_behind(tmp_path)) and time.monotonic() < give_up:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=120)
    assert process.returncode == 143, told.decode()
    assert left_behind(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
