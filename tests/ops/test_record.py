"""What the supervisor and its callers write for each other is never read by halves."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ops.files import write_whole
from ops.supervisor.control import down, processes, up_detached
from ops.supervisor.process import MARK, ProcessId
from ops.supervisor.record import Paths, Record, locked, read_record, take_lock
from ops.supervisor.roles import endpoints
from streams.errors import ConfigurationError
from streams.settings import Settings


def test_a_file_that_is_being_replaced_is_read_whole(tmp_path: Path) -> None:
    """``up --workers N`` writes the number while the supervisor reads it: half a number would end the supervisor."""
    path = tmp_path / "workers"
    write_whole(path, b"1")
    stop = threading.Event()

    def rewrite() -> None:
        while not stop.is_set():
            write_whole(path, b"64")

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        assert {int(path.read_text(encoding="ascii")) for _ in range(20_000)} <= {1, 64}
    finally:
        stop.set()
        writer.join()


@pytest.mark.parametrize("content", [b"", b'{"supervisor":', b"\0" * 300, b"[]", b'{"supervisor": null, "entries": [{"role": "kafka"}]}'])
def test_a_record_that_a_power_cut_has_damaged_counts_as_none(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """Status shows nothing and says why, once; down ends what runs by its mark, and writes a record that can be read."""
    settings, paths = Settings(data_dir=tmp_path), Paths(tmp_path)
    paths.make()
    paths.lock.touch()
    paths.record.write_bytes(content)
    assert [processes(settings) for _ in range(2)] == [[], []]
    assert [line.getMessage() for line in caplog.records] == [f"{paths.record}: 读不懂，当作没有 cannot be understood, and counts as none"]
    with subprocess.Popen(["sleep", "60"], env={MARK: str(tmp_path)}) as left:
        try:
            assert down(settings) == [f"pid {left.pid}"]
            assert ProcessId.of(left.pid) is None
        finally:
            left.kill()
    assert read_record(paths.record) == Record(None)


def test_looking_whether_a_supervisor_lives_keeps_none_from_starting(tmp_path: Path) -> None:
    """Status, doctor and the board look all the time: nobody takes them for a supervisor, and whoever starts waits for an instant."""
    path = tmp_path / "lock"
    path.touch()
    with path.open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)
        assert not locked(path)
        ends = threading.Timer(0.1, looking.close)
        ends.start()
        lock = take_lock(path)
        ends.join()
    assert lock
    with lock:
        assert locked(path)
        began = time.monotonic()
        assert take_lock(path) is None
        assert time.monotonic() - began < 10
    assert not locked(path)


@contextmanager
def another_user() -> Iterator[Path]:
    """A folder that may be read and not be written."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        Paths(folder).make()
        Paths(folder).lock.touch()
        yours = os.geteuid()
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        if yours == 0:
            os.seteuid(65534)  # root may write whatever the mode
        try:
            yield folder
        finally:
            os.seteuid(yours)
            for path in (folder, *folder.rglob("*")):
                path.chmod(0o700)


def test_who_may_only_read_the_folder_is_told_what_runs_and_stops_nothing() -> None:
    """Another user's system: status and doctor look; what would write says that it is the wrong folder."""
    with another_user() as folder:
        settings = Settings(data_dir=folder, clock="2018-12-31T18:00:00+08:00")
        assert processes(settings) == []
        assert not locked(Paths(folder).lock)
        for writing in (lambda: down(settings), settings.make_clock, settings.make_title_key):
            with pytest.raises(ConfigurationError, match="data_dir"):
                writing()


def test_a_file_where_the_data_folder_should_be_holds_no_system(tmp_path: Path) -> None:
    """Nothing runs there; nothing can be started there."""
    file = tmp_path / "file"
    file.touch()
    settings = Settings(data_dir=file)
    assert (processes(settings), down(settings), endpoints(settings)) == ([], [], {})
    with pytest.raises(ConfigurationError, match="data_dir"):
        up_detached(settings, None)
