"""What a backup takes and what is refused, on a folder that looks like a system's; ``tests/system/test_moving.py`` has a real one."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.backup import KAFKA, MANIFEST, back_up, restore
from ops.supervisor.control import down, processes, up_detached, up_foreground
from ops.supervisor.process import MARK, ProcessId
from ops.supervisor.record import Entry, Paths, Record, take_lock, write_record
from streams.clock import wall_ms
from streams.errors import BadInputFile, ConfigurationError, DataBeingCopied, GuidangError, SystemRunning
from streams.settings import Settings, instant_ms

TAKEN = {"kafka/data/case-closed-0/0.log", "kafka/data/meta.properties", "title.key", "clock-1.anchor", "notify/queue.db"}
KILLED = """
import os, signal, sys
from pathlib import Path
from ops.backup import restore
from streams.settings import Settings
home, kept = map(Path, sys.argv[1:])
rename = Path.replace
def replace(path, target):
    if (home / "title.key").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(path, target)
Path.replace = replace
restore(Settings(data_dir=home), kept)
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A system that has run and is down."""
    monkeypatch.chdir(tmp_path)
    home = tmp_path / "home"
    for name in (*TAKEN, "clickhouse/part", "state/worker-1/store", "kafka/logs/kafka.log", "endpoints.json", "run/workers"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_bytes(name.encode())
    return Settings(data_dir=home)


def contents(home: Path) -> dict[str, bytes]:
    """Files by name, without those of a supervisor."""
    found = {path.relative_to(home).as_posix(): path.read_bytes() for path in home.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.startswith(("run/", "logs/"))}


def test_what_cannot_be_computed_again_is_taken_and_put_back_and_nothing_else(settings: Settings, tmp_path: Path) -> None:
    """The file of settings is kept beside, and not put in force; nobody else can read any of it."""
    (tmp_path / "guidang.toml").write_text("# ours\n", encoding="utf-8")
    told: list[tuple[int, int]] = []
    taken = back_up(settings, tmp_path / "kept", lambda done, total: told.append((done, total)))
    assert told[-1] == (taken.bytes, taken.bytes)
    assert set(contents(tmp_path / "kept")) == TAKEN | {"guidang.toml", MANIFEST}
    modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "kept").rglob("*") if path.is_file() and path.name != MANIFEST}
    assert (modes, (tmp_path / "kept").stat().st_mode & 0o777) == ({0}, 0o700)
    other = Settings(data_dir=tmp_path / "other")
    assert restore(other, tmp_path / "kept").settings_file == "guidang.toml"
    assert contents(other.home) == {name: name.encode() for name in TAKEN}


def test_a_restore_that_is_killed_between_two_renames_is_finished_by_the_next_and_nothing_is_started_before(
    settings: Settings, tmp_path: Path
) -> None:
    """Else the system would begin with the key and without the data, and be in the way of the restore."""
    back_up(settings, tmp_path / "kept")
    (settings.home / "title.key").write_bytes(b"another")
    back_up(settings, tmp_path / "another")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "other"), str(tmp_path / "kept")]
    killed = subprocess.run(command, cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -signal.SIGKILL
    other = Settings(data_dir=tmp_path / "other")
    assert (other.home / "title.key").exists()
    assert not (other.home / KAFKA).exists()
    for up in (up_foreground, up_detached):
        with pytest.raises(ConfigurationError, match="guidang restore"):
            up(other, 0, lambda *_: None)
    with pytest.raises(ConfigurationError, match="half restored"):
        restore(other, tmp_path / "another")
    restore(other, tmp_path / "kept")
    assert contents(other.home) == {name: name.encode() for name in TAKEN}


def test_when_a_backup_was_made_is_told_in_the_time_of_asia_shanghai(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the machine is."""
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("TZ", "America/New_York")
        time.tzset()
        taken = back_up(settings, tmp_path / "kept")
    time.tzset()
    assert taken.made_at.endswith("+08:00")
    assert abs(instant_ms(taken.made_at) - wall_ms()) < 60_000


@pytest.mark.parametrize("orphaned", [False, True])
def test_a_system_that_runs_is_neither_backed_up_nor_restored_into(settings: Settings, tmp_path: Path, *, orphaned: bool) -> None:
    """Nor is one whose supervisor has died and left its processes working."""
    back_up(settings, tmp_path / "kept")
    paths = Paths(settings.home)
    lock = take_lock(paths.lock)
    assert lock
    if orphaned:
        lock.close()
        write_record(paths.record, Record(None, (Entry("kafka", "kafka", "running", ProcessId.of(1)),)))
    with pytest.raises(SystemRunning, match="guidang down"):
        back_up(settings, tmp_path / "again")
    with pytest.raises(SystemRunning, match="guidang down"):
        restore(settings, tmp_path / "kept")
    assert not (tmp_path / "again").exists()
    lock.close()


def test_while_a_backup_or_a_restore_is_under_way_nothing_is_said_to_run_and_nothing_begins(settings: Settings, tmp_path: Path) -> None:
    """Both hold the supervisor's lock, and are told from one: what it left in its record when it was killed runs no more."""
    gone, paths = ProcessId(1, 0, "an earlier boot"), Paths(settings.home)
    paths.make()
    write_record(paths.record, Record(gone, (Entry("kafka", "kafka", "running", gone),), ready=True))
    looked: list[list[dict[str, Any]]] = []

    def look_into(looked_at: Settings) -> None:
        attempts: list[Callable[[], object]] = [
            lambda: up_foreground(looked_at, 1, lambda _line: None),
            lambda: up_detached(looked_at, 1),
            lambda: down(looked_at),
            lambda: back_up(looked_at, tmp_path / "another"),
        ]
        for attempt in attempts:
            with pytest.raises(DataBeingCopied, match="under way"):
                attempt()
        looked.append(processes(looked_at))

    back_up(settings, tmp_path / "kept", lambda done, total: look_into(settings) if done == total else None)
    other = Settings(data_dir=tmp_path / "other")
    restore(other, tmp_path / "kept", lambda done, total: look_into(other) if done == total else None)
    assert [[(row["name"], row["state"], row["pid"]) for row in rows] for rows in looked] == [[("kafka", "stopped", None)], []]
    assert not (tmp_path / "another").exists()
    assert (down(settings), down(other)) == ([], [])


def test_what_a_supervisor_with_a_damaged_record_has_left_running_is_found_by_its_mark(settings: Settings, tmp_path: Path) -> None:
    """After a power cut nobody runs; but a record is damaged in other ways, too, and a backup of files being written is none."""
    paths = Paths(settings.home)
    paths.make()
    paths.record.write_bytes(b'{"supervisor":')
    with subprocess.Popen(["sleep", "60"], env={MARK: str(settings.home)}) as left:
        try:
            with pytest.raises(SystemRunning, match="guidang down"):
                back_up(settings, tmp_path / "kept")
        finally:
            left.kill()
    back_up(settings, tmp_path / "kept")


@pytest.mark.parametrize("damage", ["changed", "missing", "no manifest", "no JSON", "outside", "another format"])
def test_of_a_damaged_backup_nothing_is_restored(settings: Settings, tmp_path: Path, damage: str) -> None:
    """And what is wrong is told."""
    kept, other = tmp_path / "kept", Settings(data_dir=tmp_path / "other")
    back_up(settings, kept)
    manifest = json.loads((kept / MANIFEST).read_bytes())
    entry = manifest["files"]["title.key"]
    match damage:
        case "changed":
            (kept / "kafka/data/meta.properties").write_bytes(b"KAFKA/data/meta.properties")
        case "missing":
            (kept / "notify/queue.db").unlink()
        case "no manifest":
            (kept / MANIFEST).unlink()
        case "no JSON":
            (kept / MANIFEST).write_bytes(b"{")
        case "outside":
            (kept / MANIFEST).write_text(json.dumps({**manifest, "files": {"../title.key": entry}}), encoding="utf-8")
        case _:
            (kept / MANIFEST).write_text(json.dumps({**manifest, "format": 2}), encoding="utf-8")
    with pytest.raises(BadInputFile):
        restore(other, kept)
    assert contents(other.home) == {} if other.home.exists() else True


def test_nothing_is_written_over_and_nothing_of_others_is_taken(settings: Settings, tmp_path: Path) -> None:
    """Data in the way, a folder in use, a Kafka that is not ours, a folder in which nothing ran."""
    back_up(settings, tmp_path / "kept")
    theirs = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"bootstrap_servers": "kafka:9092"})})
    shutil.copytree(settings.home, tmp_path / "busy")
    before = contents(settings.home)
    refused: list[tuple[str, object]] = [
        ("--data-dir", lambda: restore(settings, tmp_path / "kept")),
        ("not empty", lambda: back_up(settings, tmp_path / "busy")),
        ("bootstrap_servers", lambda: back_up(theirs, tmp_path / "new")),
        ("bootstrap_servers", lambda: restore(theirs, tmp_path / "kept")),
        ("nothing to back up", lambda: back_up(Settings(data_dir=tmp_path / "fresh"), tmp_path / "new")),
    ]
    for said, attempt in refused:
        with pytest.raises(ConfigurationError, match=said):
            attempt()  # type: ignore[operator]
    assert not (tmp_path / "new").exists()
    assert contents(settings.home) == before


def test_a_disk_that_is_too_small_is_told_and_leaves_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is copied, with both figures."""
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: shutil._ntuple_diskusage(10, 9, 1))  # type: ignore[attr-defined]
    with pytest.raises(GuidangError, match="> 1 B"):
        back_up(settings, tmp_path / "kept")
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
