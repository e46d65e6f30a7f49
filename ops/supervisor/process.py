"""Processes, identified so that a pid that the kernel has given to another is never signalled."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from streams.variables import SUPERVISED_VARIABLE

MARK = SUPERVISED_VARIABLE
"""Environment variable that every child carries; its value is the data folder."""
_STATE, _STARTED = 0, 19  # fields of /proc/PID/stat behind the name in brackets
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process for good: its pid, when it was started (clock ticks since boot), and which boot."""

    pid: int
    started_ticks: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """Identify a running process; ``None`` when there is none, or only a zombie."""
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            return None
        if fields[_STATE] in "ZX":
            return None
        return cls(pid, int(fields[_STARTED]), _boot())

    @property
    def running(self) -> bool:
        """Whether this very process runs."""
        return ProcessId.of(self.pid) == self

    def send(self, what: signal.Signals) -> None:
        """Signal this very process, if it still runs.

        The descriptor is opened first and the identity checked after: whatever the kernel does with the pid from then on, the signal
        goes to the process that was checked.
        """
        with suppress(ProcessLookupError):
            handle = os.pidfd_open(self.pid)
            try:
                if self.running:
                    signal.pidfd_send_signal(handle, what)
            finally:
                os.close(handle)


def end(processes: Iterable[ProcessId], grace_seconds: float) -> None:
    """End processes in good order, those that do not within the time outright; return when none runs."""
    processes = list(processes)
    for process in processes:
        process.send(signal.SIGTERM)
        process.send(signal.SIGCONT)  # one that was stopped would never see it
    if not await_end(processes, grace_seconds):
        for process in processes:
            process.send(signal.SIGKILL)
        await_end(processes, grace_seconds)


def await_end(processes: Iterable[ProcessId], seconds: float) -> bool:
    """Wait until none of them runs; whether that came about in time."""
    give_up = time.monotonic() + seconds
    left = list(processes)
    while left := [process for process in left if process.running]:
        if time.monotonic() > give_up:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def marked(home: Path) -> list[ProcessId]:
    """Processes that carry the mark of this data folder, but for ourselves and our ancestors."""
    mark = f"{MARK}={home}".encode()
    spared = set(_ancestors(os.getpid()))
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) in spared:
            continue
        with suppress(OSError):  # gone meanwhile, or another user's
            if mark in (folder / "environ").read_bytes().split(b"\0") and (process := ProcessId.of(int(folder.name))):
                found.append(process)
    return found


def _ancestors(pid: int) -> Iterable[int]:
    while pid > 0:
        yield pid
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[1])
        except OSError:
            return


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
