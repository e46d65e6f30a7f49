"""The supervisor itself: all children of one data folder, until it is told to end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import orjson

from ops.files import write_whole
from ops.supervisor.child import Child, await_end
from ops.supervisor.journal import Journal
from ops.supervisor.process import ProcessId, end, marked
from ops.supervisor.record import Entry, Paths, Record, read_record, write_last_record, write_record
from ops.supervisor.roles import endpoints, fixed_roles, metrics_targets, worker_role
from streams.errors import ConfigurationError
from streams.settings import Settings

STOP_ORDER = ("board", "monitor", "worker", "topics", "sink", "store", "kafka")
_TICK_SECONDS, _CALM_SECONDS = 0.05, 0.25
"""Between two looks, and while all is ready: what costs nothing is worth nothing twenty times a second."""
_LEFTOVER_SECONDS = 20.0


class Supervisor:
    """Runs the local system in the calling thread; the caller holds the lock of the data folder.

    Parameters
    ----------
    workers
        Workers to begin with; afterwards the file ``run/workers`` says how many.
    """

    def __init__(self, settings: Settings, workers: int, echo: Callable[[str], None]) -> None:
        self._settings = settings
        self._paths = Paths(settings.home)
        self._journal = Journal(self._paths.log, echo)
        self._children = [Child(role, self._journal) for role in fixed_roles(settings)]
        write_whole(self._paths.workers, str(workers).encode())
        self._identity = ProcessId.of(os.getpid())
        self._asked_to_stop = 0
        self._ready = self._was_ready = False
        self._written: Record | None = None
        self._targets: list[dict[str, Any]] | None = None

    def run(self) -> Record:
        """Start everything and keep it running; return the last record when told to end, or when it could not be started.

        After it has once been ready it never gives up: a process that has failed is shown, the others go on.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        before = read_record(self._paths.record, lambda told: self._journal.write("up", told))
        self._write(ready=False)  # from here on `down` finds us
        for name in end_leftovers(self._paths, before):
            self._journal.write(name, "上次遗留，已结束 left over from the last run: ended")
        failure: Entry | None = None
        try:
            failure = self._keep_running()
        finally:  # a defect of ours ends the supervisor, too, and must not leave a system that nobody looks after
            record = self._end(failure)
        return record

    def _keep_running(self) -> Entry | None:
        """Until told to end, or until a child that has failed makes the start a failure: return it."""
        failure: Entry | None = None
        told = ""
        while not self._asked_to_stop and failure is None:
            try:
                failure = self._turn()
                told = ""
            except (OSError, ConfigurationError) as error:  # a full disk, too many open files: they pass
                if isinstance(error, ConfigurationError) and not self._was_ready:
                    raise
                if str(error) != told:
                    told = str(error)
                    self._journal.write("up", f"读不出或写不下，再试 cannot be read or written, tried again: {told}")
            time.sleep(_CALM_SECONDS if self._ready else _TICK_SECONDS)
        return failure

    def _turn(self) -> Entry | None:
        self._scale()
        self._step()
        self._ready = all(child.ready for child in self._children)
        if self._ready and not self._was_ready:
            self._journal.write("up", "全部就绪 everything is ready")
        self._was_ready |= self._ready
        if not self._was_ready and (failed := [child.entry for child in self._children if child.state == "failed"]):
            return failed[0]
        self._write(ready=self._ready)
        self._write_targets()
        return None

    def _step(self) -> None:
        now = time.monotonic()
        for child in self._children:
            names = {other.role.name for other in self._children if other.ready}
            child.step(now, names, endpoints(self._settings))

    def _scale(self) -> None:
        """Have as many workers as asked for; those with the highest numbers go first."""
        workers = [child for child in self._children if child.role.role == "worker"]
        wanted = int(self._paths.workers.read_text(encoding="ascii"))
        for number in range(len(workers) + 1, wanted + 1):
            self._children.append(Child(worker_role(self._settings, number), self._journal))
        for child in reversed(workers[wanted:]):
            self._journal.write(child.role.name, "减少工作进程 one worker fewer")
            self._stop([child])
            self._children.remove(child)

    def _end(self, failure: Entry | None) -> Record:
        for role in STOP_ORDER:
            self._stop([child for child in self._children if child.role.role == role])
        end(marked(self._paths.home), _LEFTOVER_SECONDS)
        reason = failure.last_exit if failure else None
        record = Record(
            None,
            tuple(child.entry for child in self._children),
            failure=f"{failure.name}: {reason.reason}" if failure and reason else "",
            failure_code=reason.code if reason else 0,
        )
        write_last_record(self._paths.record, record)
        self._journal.write("up", "已全部停止 everything has been stopped")
        return record

    def _stop(self, children: list[Child]) -> None:
        for child in children:
            child.terminate(time.monotonic())
        patience = max((child.role.stop_seconds for child in children), default=0.0)
        give_up = time.monotonic() + patience
        while not await_end(children, _TICK_SECONDS):
            if time.monotonic() > give_up or self._asked_to_stop > 1:
                for child in children:
                    child.kill()

    def _write(self, *, ready: bool) -> None:
        record = Record(self._identity, tuple(child.entry for child in self._children), ready)
        if record != self._written:
            write_record(self._paths.record, record)
            self._written = record

    def _write_targets(self) -> None:
        targets = metrics_targets((child.role for child in self._children), endpoints(self._settings))
        if targets != self._targets:
            write_whole(self._paths.targets, orjson.dumps(targets, option=orjson.OPT_INDENT_2))
            self._targets = targets

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop += 1  # the second time: without patience


def end_leftovers(paths: Paths, record: Record) -> list[str]:
    """End what the supervisor that wrote ``record`` has left running, in the order of a good stop; return the names."""
    entries = [entry for entry in record.entries if entry.process and entry.process.running]
    for role in STOP_ORDER:
        end([entry.process for entry in entries if entry.role == role and entry.process], _LEFTOVER_SECONDS)
    unrecorded = marked(paths.home)  # started in the instant before it was killed, or started by a child
    end(unrecorded, _LEFTOVER_SECONDS)
    return [entry.name for entry in entries] + [f"pid {process.pid}" for process in unrecorded]
