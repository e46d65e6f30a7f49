"""The demonstration as users run it, small."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import orjson
import pytest


def start(temp: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start it with its data folder under ``temp``, amid settings that it must not follow."""
    environment = os.environ | {"TMPDIR": str(temp), "GUIDANG_KAFKA__BOOTSTRAP_SERVERS": "production.invalid:9092"}
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "demo", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )  # fmt: skip


def left_behind(temp: Path) -> list[str]:
    """Command lines of processes that still use the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = (process / "cmdline").read_bytes(), (process / "environ").read_bytes()
        except OSError:
            continue
        if str(temp).encode() in command + environment and process.name != str(os.getpid()):
            found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.mark.kafka
@pytest.mark.clickhouse
@pytest.mark.slow
def test_the_demo_agrees_with_its_truth_and_leaves_nothing(tmp_path: Path):
    """Every case, every figure, the batch; no process and no folder stays."""
    process = start(tmp_path, "--cases", "600", "--seed", "5", "--workers", "1", "--json")
    out, err = process.communicate(timeout=280)
    assert process.returncode == 0, err.decode()
    said = orjson.loads(out)
    assert (said["differences"], said["reconciled"]) == ([], True)
    assert said["cases"] >= 600
    assert list(tmp_path.glob("guidang-demo-*")) == []
    assert left_behind(tmp_path) == []


@pytest.mark.kafka
@pytest.mark.clickhouse
@pytest.mark.slow
def test_a_demo_that_is_told_to_end_takes_down_what_it_started(tmp_path: Path):
    """SIGTERM in the middle."""
    process = start(tmp_path, "--cases", "600", "--workers", "1")
    give_up = time.monotonic() + 120
    while not list(tmp_path.glob("guidang-demo-*/endpoints.json")) and time.monotonic() < give_up:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=120)
    assert process.returncode == 143
    assert list(tmp_path.glob("guidang-demo-*")) == []
    assert left_behind(tmp_path) == []
