"""What the supervisor writes down in ``data_dir/run``, for ``status``, ``down`` and its successor."""

from __future__ import annotations

import fcntl
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

import orjson

from ops.files import read_if_there, write_whole
from ops.supervisor.process import ProcessId
from streams.data_dir import usable
from streams.errors import DataBeingCopied

log = logging.getLogger(__name__)

_GLANCE_SECONDS, _AGAIN_SECONDS = 0.5, 0.02
"""Who only looks holds a lock for an instant: who is to have it tries again for so long."""


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: ``code`` below zero is the signal that ended it; ``at_ms`` is wall time."""

    code: int
    reason: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One supervised process.

    Parameters
    ----------
    state
        ``waiting`` (for what it needs, or backing off), ``starting``, ``running`` (it is ready), ``done`` (its work is finished),
        ``failed`` (given up), ``stopped``.
    restarts
        How often it was started again after it had ended by itself.
    """

    role: str
    name: str
    state: str
    process: ProcessId | None = None
    restarts: int = 0
    last_exit: Exit | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """State of the whole; ``failure`` is why the supervisor gave up, with its exit code."""

    supervisor: ProcessId | None
    entries: tuple[Entry, ...] = ()
    ready: bool = False
    failure: str = ""
    failure_code: int = 0


class Paths:
    """Files of one data folder that the supervisor keeps."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.run = home / "run"
        self.logs = home / "logs"
        self.record = self.run / "processes.json"
        self.lock = self.run / "supervisor.lock"
        self.copying = self.run / "copying.lock"
        self.workers = self.run / "workers"
        self.targets = self.run / "prometheus-targets.json"
        self.log = self.logs / "supervisor.log"
        self.output = self.logs / "supervisor.out"

    def make(self) -> None:
        """Create the folders."""
        with usable(self.home):
            for folder in (self.run, self.logs):
                folder.mkdir(parents=True, exist_ok=True)

    def child_log(self, name: str) -> Path:
        """Output of a child."""
        return self.logs / f"{name}.log"


def write_record(path: Path, record: Record) -> None:
    """Replace the record in one step: a reader sees the old one or the new one."""
    write_whole(path, orjson.dumps(asdict(record)))


def write_last_record(path: Path, record: Record) -> None:
    """Replace the record when nothing runs any more; where a full disk does not take it, the old one names what is gone."""
    with suppress(OSError):
        write_record(path, record)


@cache  # whoever looks all the time tells once
def _warn(told: str) -> None:
    log.warning("%s", told)


def read_record(path: Path, tell: Callable[[str], None] = _warn) -> Record:
    """Read the record; an empty one when there is none.

    Parameters
    ----------
    tell
        Told when what is there cannot be understood (a disk that lost power, or is damaged). It counts as none: what it named is found by
        the mark that every child bears (:func:`ops.supervisor.process.marked`).
    """
    content = read_if_there(path)
    if content is None:
        return Record(None)
    try:
        return _understood(orjson.loads(content))
    except (ValueError, TypeError, KeyError):
        tell(f"{path}: 读不懂，当作没有 cannot be understood, and counts as none")
        return Record(None)


def _understood(found: dict[str, Any]) -> Record:
    entries = tuple(
        Entry(**{**entry, "process": _process(entry["process"]), "last_exit": Exit(**entry["last_exit"]) if entry["last_exit"] else None})
        for entry in found["entries"]
    )
    return Record(**{**found, "supervisor": _process(found["supervisor"]), "entries": entries})


def take_lock(path: Path, *, patience_seconds: float = _GLANCE_SECONDS) -> IO[bytes] | None:
    """Take a lock; ``None`` when another process has it. The kernel frees it with the process, however that ends.

    Parameters
    ----------
    patience_seconds
        0 for a lock at which nobody looks (:func:`locked`): there is nothing to wait for.
    """
    with usable(path):
        file: IO[bytes] = path.open("ab")
    give_up = time.monotonic() + patience_seconds
    while not _locks(file, fcntl.LOCK_EX):
        if time.monotonic() >= give_up:
            file.close()
            return None
        time.sleep(_AGAIN_SECONDS)
    return file


def locked(path: Path) -> bool:
    """Whether a process has the lock; any number may look at once, those who may only read the folder, too."""
    if read_if_there(path) is None:
        return False
    with usable(path):
        file = path.open("rb")
    with file:
        return not _locks(file, fcntl.LOCK_SH)


def supervised(paths: Paths) -> bool:
    """Whether a supervisor lives. A backup or a restore holds its lock, too, so that none begins meanwhile."""
    return locked(paths.lock) and not locked(paths.copying)


def refuse_while_copied(paths: Paths) -> None:
    """Let nothing count as running, and nothing begin, while a backup or a restore is under way.

    Raises
    ------
    DataBeingCopied
        One is.
    """
    if locked(paths.copying):
        raise DataBeingCopied(
            f"正在备份或恢复（{paths.home}）：等它做完再试。 A backup or a restore is under way there: try again when it is done."
        )


def _locks(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _process(found: Mapping[str, Any] | None) -> ProcessId | None:
    return ProcessId(**found) if found else None
