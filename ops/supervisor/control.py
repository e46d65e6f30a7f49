"""The supervisor seen from outside: ``up``, ``down`` and what ``status`` shows of processes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ops.backup import refuse_half_restored
from ops.files import read_if_there, write_whole
from ops.kafka import tail
from ops.supervisor.loop import Supervisor, end_leftovers
from ops.supervisor.process import await_end
from ops.supervisor.record import (
    Entry,
    Paths,
    Record,
    locked,
    read_record,
    refuse_while_copied,
    supervised,
    take_lock,
    write_last_record,
)
from ops.supervisor.roles import guidang
from streams.data_dir import usable
from streams.errors import ConfigurationError, DependencyError, GuidangError, WaitTimeout
from streams.settings import Settings

DEFAULT_WORKERS = 2
READY_SECONDS = 240.0
DOWN_SECONDS = 120.0
_POLL_SECONDS = 0.1
_LAST_BREATH_SECONDS = 10.0
_CONFIGURATION = 3

Tell = Callable[[int, int], None]
"""Told how many are done, and of how many."""


def _tell_nobody(_done: int, _total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Up:
    """What became of ``up``: whether the system ran already, and its record."""

    already: bool
    record: Record


def up_foreground(settings: Settings, workers: int | None, echo: Callable[[str], None]) -> Up:
    """Be the supervisor until told to end.

    Raises
    ------
    ConfigurationError, DependencyError
        The system could not be started; everything has been stopped again.
    DataBeingCopied
        A backup or a restore is under way.
    """
    paths = Paths(settings.home)
    paths.make()
    lock = take_lock(paths.lock)
    if lock is None:
        refuse_while_copied(paths)
        return Up(already=True, record=_scaled(paths, workers))
    with lock:
        refuse_half_restored(paths.home)
        record = Supervisor(settings, _last_workers(paths) if workers is None else workers, echo).run()
    _raise_failure(record)
    return Up(already=False, record=record)


def up_detached(settings: Settings, workers: int | None, tell: Tell = _tell_nobody, *, timeout_seconds: float = READY_SECONDS) -> Up:
    """Start a supervisor that outlives this process; return when everything is ready.

    When one runs already, only the number of workers is changed, if given.

    Parameters
    ----------
    tell
        Told at every look how many processes are ready, and of how many.

    Raises
    ------
    ConfigurationError, DependencyError
        It could not be started, or was not ready in time (it has been stopped then); with the end of its log.
    DataBeingCopied
        A backup or a restore is under way.
    """
    paths = Paths(settings.home)
    paths.make()
    refuse_while_copied(paths)
    refuse_half_restored(paths.home)
    already = locked(paths.lock)
    if already:
        _scaled(paths, workers)
        supervisor = None
    else:
        with paths.output.open("ab") as output:
            supervisor = subprocess.Popen(
                guidang("up", *([] if workers is None else ["--workers", str(workers)])),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env={**os.environ, "GUIDANG_DATA_DIR": str(paths.home)},
            )
    give_up = time.monotonic() + timeout_seconds
    while True:
        record = read_record(paths.record)
        ended = supervisor.poll() is not None if supervisor else not locked(paths.lock)
        ours = supervisor is None or (record.supervisor is not None and record.supervisor.pid == supervisor.pid)
        if ours:
            tell(sum(entry.state in ("running", "done") for entry in record.entries), len(record.entries))
        if ours and not ended and _all_ready(paths, record):
            return Up(already, record)
        if ended:
            if locked(paths.lock):  # two at once: the other one was faster
                return up_detached(settings, workers, tell, timeout_seconds=max(give_up - time.monotonic(), 1))
            _raise_failure(read_record(paths.record))
            raise DependencyError("监督进程已退出 the supervisor has ended:\n" + "\n".join(tail(paths.output, 5) or tail(paths.log, 10)))
        if time.monotonic() > give_up:
            lines = "\n".join(tail(paths.log, 12))
            if not already:
                down(settings)
            raise WaitTimeout(f"{timeout_seconds:.0f} 秒内没有就绪（--timeout 可加长） not ready in time, --timeout gives more:\n{lines}")
        time.sleep(_POLL_SECONDS)


def down(settings: Settings, tell: Tell = _tell_nobody, *, timeout_seconds: float = DOWN_SECONDS) -> list[str]:
    """Stop everything of this data folder, whoever started it and however that ended; return the names of what was stopped.

    Parameters
    ----------
    tell
        Told at every look how many processes have ended, and of how many.

    Raises
    ------
    ConfigurationError
        The folder, or what runs, belongs to another user.
    WaitTimeout
        Something still runs.
    DataBeingCopied
        A backup or a restore is under way: nothing runs, and the data are in use.
    """
    paths = Paths(settings.home)
    if read_if_there(paths.lock) is None:
        return []
    refuse_while_copied(paths)
    running = {entry.name: entry.process for entry in read_record(paths.record).entries if entry.process and entry.process.running}
    names = list(running)
    give_up = time.monotonic() + timeout_seconds
    told = None
    while locked(paths.lock):
        supervisor = read_record(paths.record).supervisor
        if supervisor and supervisor != told:
            with usable(paths.home):
                supervisor.send(signal.SIGTERM)
            told = supervisor
        tell(sum(not process.running for process in running.values()), len(running))
        if time.monotonic() > give_up:
            if supervisor:
                supervisor.send(signal.SIGKILL)
                await_end([supervisor], 5)
            break
        time.sleep(_POLL_SECONDS)
    if told:
        await_end([told], _LAST_BREATH_SECONDS)  # it lets go of the lock before its interpreter is gone
    lock = take_lock(paths.lock)
    if lock is None:
        raise WaitTimeout(f"{timeout_seconds:.0f} 秒内没有停下 still running after {timeout_seconds:.0f} s")
    with lock:
        record = read_record(paths.record)
        names += [name for name in end_leftovers(paths, record) if name not in names]
        stopped = tuple(Entry(e.role, e.name, "stopped", None, e.restarts, e.last_exit) for e in record.entries)
        write_last_record(paths.record, Record(None, stopped))
    return names


def processes(settings: Settings) -> list[dict[str, Any]]:
    """Rows of ``status``: role, name, pid, state, restarts, last_exit; the supervisor is one of them.

    A process whose supervisor is gone is ``unsupervised`` while it lives.
    """
    paths = Paths(settings.home)
    record = read_record(paths.record)
    looked_after = supervised(paths)
    rows = [_row(entry, supervised=looked_after) for entry in record.entries]
    if looked_after and record.supervisor:
        rows.insert(0, _row(Entry("supervisor", "supervisor", "running", record.supervisor), supervised=True))
    return rows


def _row(entry: Entry, *, supervised: bool) -> dict[str, Any]:
    alive = entry.process is not None and entry.process.running
    state = entry.state
    if not supervised and state not in ("done", "failed"):
        state = "unsupervised" if alive else "stopped"
    return {
        "role": entry.role,
        "name": entry.name,
        "pid": entry.process.pid if alive and entry.process else None,
        "state": state,
        "restarts": entry.restarts,
        "last_exit": {"code": entry.last_exit.code, "reason": entry.last_exit.reason} if entry.last_exit else None,
    }


def _scaled(paths: Paths, workers: int | None) -> Record:
    if workers is not None:
        write_whole(paths.workers, str(workers).encode())
    return read_record(paths.record)


def _last_workers(paths: Paths) -> int:
    with suppress(OSError, ValueError):
        return int(paths.workers.read_text(encoding="ascii"))
    return DEFAULT_WORKERS


def _all_ready(paths: Paths, record: Record) -> bool:
    return record.ready and sum(entry.role == "worker" for entry in record.entries) == _last_workers(paths)


def _raise_failure(record: Record) -> None:
    if record.failure:
        kind: type[GuidangError] = ConfigurationError if record.failure_code == _CONFIGURATION else DependencyError
        raise kind(record.failure)
