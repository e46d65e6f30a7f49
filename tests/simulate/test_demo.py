"""The demonstration as users run it, small."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import orjson
import pytest

from ops.cli.demo import _reconciles, remove_kept
from ops.demo import guidang, stand_alone
from streams.settings import PolicySettings, load_settings, settings_in
from tests.left_behind import left_behind, processes
from tests.test_settings import environment


def start(temp: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """Start it with its data folder under ``temp``, amid settings that it must not follow."""
    environment = os.environ | {"TMPDIR": str(temp), "GUIDANG_KAFKA__BOOTSTRAP_SERVERS": "production.invalid:9092"}
    return subprocess.Popen(
        [sys.executable, "-m", "ops", "demo", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )  # fmt: skip


@pytest.mark.parametrize("given", ["in a variable each", "as JSON in one variable", "in the file"])
def test_of_the_settings_around_it_the_demo_keeps_assumptions_and_downloads_alone(
    given: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever they are set; and a system that is started again from its file judges alike."""
    monkeypatch.chdir(tmp_path)
    policy = {"deadline": "72h", "deadline_by_item": {"许可-00387-000": "5 workdays"}, "count_vertical": True, "score": {"place": "case"}}
    around: dict[str, str] = {}
    if given == "in the file":
        (tmp_path / "guidang.toml").write_text(
            'application = "theirs"\n[policy]\ndeadline = "72h"\ncount_vertical = true\nscore.place = "case"\n'
            'deadline_by_item = {"许可-00387-000" = "5 workdays"}\n',
            encoding="utf-8",
        )
    elif given == "as JSON in one variable":
        around = {"POLICY": orjson.dumps(policy).decode()}
    else:
        around = {"POLICY__DEADLINE": "72h", "POLICY__COUNT_VERTICAL": "true", "POLICY__SCORE__PLACE": "case"}
        around["POLICY__DEADLINE_BY_ITEM"] = orjson.dumps(policy["deadline_by_item"]).decode()
    home = tmp_path / 'a "home"'
    home.mkdir()
    with environment(CACHE_DIR="/kept", KAFKA__BOOTSTRAP_SERVERS="production.invalid:9092", **around):
        settings = stand_alone(home, "2018-12-31T18:00:00+08:00", load_settings().policy)
        left = {name for name in os.environ if name.startswith("GUIDANG_")}
        assert os.environ["GUIDANG_CACHE_DIR"] == "/kept"
    assert left == {"GUIDANG_CACHE_DIR", "GUIDANG_CONFIG", "GUIDANG_DATA_DIR", "GUIDANG_CLOCK"}
    assert settings.policy == PolicySettings.model_validate(policy)
    assert (settings.kafka.bootstrap_servers, settings.application, settings.home) == ("", "guidang", home)
    assert settings_in(home / "guidang.toml").model_dump() == settings.model_dump()


@pytest.mark.kafka
@pytest.mark.clickhouse
@pytest.mark.slow
def test_the_demo_agrees_with_its_truth_and_what_it_keeps_can_be_looked_at(tmp_path: Path):
    """Every case, every figure, the batch. Started again as its last words say, the board answers at the address that they name."""
    process = start(tmp_path, "--cases", "600", "--seed", "5", "--workers", "1", "--json", "--keep")
    out, err = (text.decode() for text in process.communicate(timeout=280))
    assert process.returncode == 0, err
    said = orjson.loads(out)
    assert (said["differences"], said["reconciled"]) == ([], True)
    assert said["cases"] >= 600
    assert left_behind(tmp_path) == []
    (home,) = tmp_path.glob("guidang-demo-*")
    (board,) = re.findall(r"看板  (http://\S+)", err)
    assert re.search(rf"通报  {home}/\S+", err)
    assert re.search(r"指标  http://\S+/metrics", err)
    again = ["--config", str(home / "guidang.toml")]
    subprocess.run([sys.executable, "-m", "ops", *again, "up", "--detach"], check=True, timeout=120)
    try:
        with urllib.request.urlopen(f"{board.rstrip('/')}/ping", timeout=10) as answer:  # noqa: S310 - http, it has matched
            assert answer.status == 200
        remove_kept(tmp_path)
        assert home.exists()  # somebody looks at it
    finally:
        subprocess.run([sys.executable, "-m", "ops", *again, "down"], check=True, timeout=120)
    remove_kept(tmp_path)
    assert not home.exists()
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


@pytest.mark.kafka
@pytest.mark.clickhouse
@pytest.mark.slow
def test_whatever_is_killed_the_demo_ends_as_its_truth_says(tmp_path: Path):
    """The store for longer than it takes the demonstration to ask it, then everything else."""
    process = start(tmp_path, "--cases", "2000", "--seed", "5", "--workers", "1", "--json")
    told = (line.decode() for line in process.stderr or ())
    assert any("已发布" in line for line in told), "it never showed a figure"
    kill_for(tmp_path, "-m ops store", seconds=4)
    for other in ("-m ops sink", "kafka.Kafka", "-m ops worker"):
        kill_for(tmp_path, other, seconds=0)
        time.sleep(1.5)
    said = "".join(told)
    assert process.wait(timeout=200) == 0, said
    assert "一致；与整批重算：一致" in said
    assert left_behind(tmp_path) == []


def test_what_its_batch_prints_is_no_part_of_its_json(capfd: pytest.CaptureFixture[str]):
    """Differences are a table: on stdout where that is for people, else on stderr."""
    for json in (False, True):
        assert _reconciles(Differing(), json=json) is False
        told = capfd.readouterr()
        assert ("case-closed" in told.out, "case-closed" in told.err) == ((False, True) if json else (True, False))


class Differing:
    """What shows the year, with a command that prints a table in the place of ``reconcile``."""

    def guidang(self, *arguments: str, accept: tuple[int, ...], to_stderr: bool) -> int:
        """Run it."""
        assert (arguments, accept) == (("reconcile",), (0, 6))
        return guidang("rights", "publish", accept=accept, to_stderr=to_stderr) or 6


def kill_for(temp: Path, role: str, *, seconds: float) -> None:
    """SIGKILL every process of a role that shows itself, once at least."""
    end, killed = time.monotonic() + seconds, 0
    while time.monotonic() < end or not killed:
        for pid, command in processes(temp).items():
            if role in command:
                os.kill(pid, signal.SIGKILL)
                killed += 1
        time.sleep(0.05)
